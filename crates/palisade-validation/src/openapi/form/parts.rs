//! The fields and parts that are given: [`Given`].

use std::borrow::Cow;

use http::header::HeaderValue;
use smallvec::{SmallVec, smallvec};

use super::fault::FieldProblem;
use crate::form::{self, FormLimits};
use crate::multipart::{self, Part};
use crate::openapi::style::{Names, Taken, decode};
use crate::parameters::Place;
use crate::rejection::Invalid;
use crate::settings::MultipartSettings;

/// One value that is given.
#[derive(Debug, Clone)]
pub(super) enum One<'b> {
    /// A pair of a URL-encoded form: the member that it is of an object, if that is how the field is written, and the value, still encoded.
    Pair(Cow<'b, str>, &'b str),
    /// A part.
    Part(Part<'b>),
}

/// All values that are given for one field, in their order.
pub(super) type Values<'b> = SmallVec<[One<'b>; 1]>;

/// All that is given.
#[derive(Debug)]
pub(super) struct Given<'b> {
    /// By the order of the fields.
    pub(super) named: Vec<Values<'b>>,
    /// What has another name.
    pub(super) others: Vec<(Cow<'b, str>, One<'b>)>,
}

impl<'b> Given<'b> {
    fn nothing(fields: usize) -> Self {
        Self {
            named: vec![smallvec![]; fields],
            others: Vec::new(),
        }
    }

    fn push(&mut self, field: usize, one: One<'b>) {
        if let Some(values) = self.named.get_mut(field) {
            values.push(one);
        }
    }

    /// The fields of a URL-encoded form.
    pub(super) fn of_form(
        body: &'b [u8],
        limits: FormLimits,
        names: &Names,
        fields: usize,
    ) -> Result<Self, Invalid> {
        form::check(body, limits)?;
        let not_text = || FieldProblem::NotText.of_unknown();
        let body = std::str::from_utf8(body).map_err(|_| not_text())?;
        let mut given = Self::nothing(fields);
        for pair in body.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = decode(name, Place::Query).map_err(|_| not_text())?;
            match names.find(name) {
                Taken::By(field, member) | Taken::Other(field, member) => {
                    given.push(field, One::Pair(member, value));
                }
                Taken::Malformed(_) => return Err(FieldProblem::Malformed.of_unknown().into()),
                Taken::ByNone(name) => given.others.push((name, One::Pair("".into(), value))),
            }
        }
        Ok(given)
    }

    /// The parts of a form in parts.
    pub(super) fn of_parts(
        content_type: &HeaderValue,
        body: &'b [u8],
        settings: &MultipartSettings,
        position: impl Fn(&str) -> Option<usize>,
        fields: usize,
    ) -> Result<Self, Invalid> {
        let mut given = Self::nothing(fields);
        multipart::walk(content_type, body, settings, |part| match position(part.name) {
            Some(field) => given.push(field, One::Part(part)),
            None => given.others.push((part.name.into(), One::Part(part))),
        })?;
        Ok(given)
    }
}
