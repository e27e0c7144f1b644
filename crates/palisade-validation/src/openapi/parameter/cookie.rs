//! Cookies (RFC 6265): [`Cookies`].

use http::HeaderMap;
use http::header::COOKIE;
use smallvec::{SmallVec, smallvec};

use super::expectation::Expectation;
use crate::json::JsonLimits;
use crate::openapi::style::{Pair, decode};
use crate::parameters::{ParameterFault, Place};

/// What is expected of cookies.
#[derive(Debug)]
pub(super) struct Cookies(pub(super) Box<[Expectation]>);

impl Cookies {
    pub(super) fn check(&self, headers: &HeaderMap, limits: &JsonLimits) -> Result<(), ParameterFault> {
        if self.0.is_empty() {
            return Ok(());
        }
        let mut found: SmallVec<[SmallVec<[Pair<'_>; 1]>; 4]> = smallvec![SmallVec::new(); self.0.len()];
        for field in headers.get_all(COOKIE) {
            let field = field.to_str().map_err(|_| ParameterFault::CookiesMalformed)?;
            let cookies = field.split(';').filter_map(|cookie| cookie.split_once('='));
            for (name, value) in cookies {
                let name = name.trim_matches([' ', '\t']);
                if let Some((index, _)) = self.named(name)
                    && let Some(found) = found.get_mut(index)
                {
                    found.push(("".into(), value.trim_matches([' ', '\t'])));
                } else if name.contains('%')
                    && let Ok(plain) = decode(name, Place::Cookie)
                    && let Some((_, cookie)) = self.named(&plain)
                {
                    return Err(ParameterFault::Malformed(cookie.parameter().clone()));
                }
            }
        }
        let mut all = self.0.iter().zip(found);
        all.try_for_each(|(cookie, found)| cookie.check(&found, limits))
    }

    fn named(&self, name: &str) -> Option<(usize, &Expectation)> {
        let mut cookies = self.0.iter().enumerate();
        cookies.find(|(_, cookie)| cookie.name() == name)
    }
}
