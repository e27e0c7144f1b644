//! Parameters of the path, the query and the header, by name.
//!
//! 1. What is configured for a name holds for the value that the handler is given: percent-decoded exactly once, as axum's `Path`
//!    and `Query` do it. A value that can be read in two ways is refused, not repaired: an escape that is none (`%zz`), text that is
//!    not UTF-8 once decoded, a header field with characters outside ASCII.
//! 2. A parameter of the query, or a header field, that is configured may be there once. Given again, it is refused, because one
//!    handler takes the first, another the last and a third both. A list in one field line (`a, b`) is one value.
//! 3. A parameter that is there without a value (`?limit=`) is there, with the empty text as its value.
//! 4. Names of header fields are compared without regard to case; those of path and query exactly, once decoded.
//! 5. Where `query` names anything, or `unknown-query` is `reject`, the whole query must be readable as WHATWG URL section 5.1 has
//!    it: pairs are parted by `&`, a name ends at its first `=`, and `+` is a space.
//! 6. Parameters of the path are those of the most specific pattern in `paths` of the endpoint group that fits the path: the one
//!    that axum's router takes. Of several that differ in their names only, all hold. A parameter that no such pattern has is
//!    missing.
//!
//! # Types
//!
//! | type | what is accepted |
//! |---|---|
//! | `string` | any text; `min-length` and `max-length` count Unicode scalar values |
//! | `integer` | a whole number as JSON writes it, without `+`, leading zeros or `-0`; of 64 bits with a sign where `min` or `max` is not given |
//! | `number` | a number as JSON writes it (RFC 8259 section 6) that a float of 64 bits holds: not rounded to infinity, nor to zero |
//! | `boolean` | `true` or `false` |
//! | `uuid` | 8-4-4-4-12 hexadecimal digits of either case (RFC 9562 section 4) |
//! | `date` | a day that there is, as `2026-01-31` (RFC 3339 `full-date`) |
//! | `date-time` | `2026-01-31T12:00:00.5+01:00` (RFC 3339 `date-time`): at most nine decimals; a leap second where UTC may have one |
//!
//! `min` and `max` are of the last two and of numbers, and are compared exactly: no number goes through a float, and instants are
//! compared in UTC. `pattern` is a regular expression that the whole value must match. Most take time linear in the length of the value;
//! where counted repetitions within each other do not, the patterns of a request take some ten milliseconds together at most, and a
//! value that would take more is refused. `values` are compared as text.
//!
//! # What this does not protect against
//!
//! A handler that decodes a value once more, or that reads parameters which are not configured while `unknown-query` is `allow`.
//! Values that fit their pattern and mean harm all the same. Fields that a proxy behind this server adds.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::request::Parts;
use http::{HeaderMap, HeaderName};
use palisade_core::{Finding, GroupOutline, MatchedGroup, Severity, facts};
use smallvec::{SmallVec, smallvec};

use crate::pattern::Budget;
use crate::settings::{ParameterSettings, Unknown, ValidationSettings};

mod decimal;
pub(crate) mod decode;
mod fault;
mod instant;
mod route;
mod rule;
#[cfg(test)]
mod tests;

pub use fault::{Expected, Parameter, ParameterFault, Place};

use decode::Plus;
use rule::{PATTERN_STEPS, Rule};

/// What is wrong with settings: the key, relative to the stage, and what was expected.
type SettingFaults = Vec<(String, String)>;

/// What is expected of the parameters of a request.
#[derive(Debug)]
pub struct Parameters {
    path: Box<[(Parameter, Rule)]>,
    /// In order of their names.
    query: Box<[(Parameter, Rule)]>,
    header: Box<[(HeaderName, Parameter, Rule)]>,
    unknown_query: Unknown,
}

impl Parameters {
    /// Compiles `path`, `query`, `header` and `unknown-query`. Every fault is reported: its key, relative to the stage, and what was
    /// expected.
    pub fn compile(settings: &ValidationSettings) -> Result<Self, Vec<(String, String)>> {
        let mut faults = Vec::new();
        let compiled = Self {
            path: rules(Place::Path, &settings.path, &mut faults),
            query: rules(Place::Query, &settings.query, &mut faults),
            header: fields(&settings.header, &mut faults),
            unknown_query: settings.unknown_query,
        };
        if faults.is_empty() {
            Ok(compiled)
        } else {
            Err(faults)
        }
    }

    /// Rules for parameters of the path that no group has: they never hold, or refuse every request.
    pub(crate) fn findings_in(&self, groups: &[GroupOutline<'_>]) -> Vec<Finding> {
        let patterns = || groups.iter().flat_map(|group| group.paths);
        let unknown = self
            .path
            .iter()
            .map(|(parameter, _)| parameter.name())
            .filter(|name| !patterns().any(|pattern| route::has(pattern, name)));
        let finding = |name: &str| {
            let message =
                format!("no path pattern of a group with this interceptor has the parameter {name}");
            Finding::new(Severity::Moderate, "validation-path-parameter-unknown", message)
                .at(Place::Path.key(name))
        };
        unknown.map(finding).collect()
    }

    /// Checks the parameters of a request.
    pub fn check(&self, head: &Parts) -> Result<(), ParameterFault> {
        let budget = Budget::new(PATTERN_STEPS);
        self.check_path(head, &budget)?;
        self.check_query(head.uri.query().unwrap_or_default(), &budget)?;
        self.check_header(&head.headers, &budget)
    }

    /// Whether settings say something of that parameter of the query.
    pub(crate) fn has_query(&self, name: &str) -> bool {
        self.query
            .binary_search_by(|(parameter, _)| parameter.name().cmp(name))
            .is_ok()
    }

    fn check_path(&self, head: &Parts, budget: &Budget) -> Result<(), ParameterFault> {
        if self.path.is_empty() {
            return Ok(());
        }
        let patterns = head
            .extensions
            .get::<MatchedGroup>()
            .map_or(&[][..], |group| &group.paths);
        let path = facts::wire_path(head);
        let best = route::most_specific(patterns, path);
        for (parameter, rule) in &self.path {
            let mut missing = rule.required;
            for pattern in best.into_iter().flat_map(|best| best.alike(patterns)) {
                let Some(raw) = route::value(pattern, path, parameter.name()) else {
                    continue;
                };
                let value = decode::decode(raw, Plus::IsPlus)
                    .map_err(|_| ParameterFault::NotText(parameter.clone()))?;
                rule.check(&value, budget)
                    .map_err(|expected| parameter.is_not(expected))?;
                missing = false;
            }
            if missing {
                return Err(ParameterFault::Missing(parameter.clone()));
            }
        }
        Ok(())
    }

    fn check_query(&self, query: &str, budget: &Budget) -> Result<(), ParameterFault> {
        if self.query.is_empty() && self.unknown_query == Unknown::Allow {
            return Ok(());
        }
        let mut seen: SmallVec<[bool; 32]> = smallvec![false; self.query.len()];
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = decode::decode(name, Plus::IsSpace).map_err(|_| ParameterFault::QueryMalformed)?;
            let found = self
                .query
                .binary_search_by(|(parameter, _)| parameter.name().cmp(&name));
            let Some((index, (parameter, rule))) =
                found.ok().and_then(|index| Some((index, self.query.get(index)?)))
            else {
                if self.unknown_query == Unknown::Reject {
                    return Err(ParameterFault::UnknownQuery);
                }
                decode::check(value).map_err(|_| ParameterFault::QueryMalformed)?;
                continue;
            };
            let value = decode::decode(value, Plus::IsSpace)
                .map_err(|_| ParameterFault::NotText(parameter.clone()))?;
            if let Some(seen) = seen.get_mut(index)
                && std::mem::replace(seen, true)
            {
                return Err(ParameterFault::Repeated(parameter.clone()));
            }
            rule.check(&value, budget)
                .map_err(|expected| parameter.is_not(expected))?;
        }
        let missing = self
            .query
            .iter()
            .zip(seen)
            .find(|((_, rule), seen)| rule.required && !seen);
        missing.map_or(Ok(()), |((parameter, _), _)| {
            Err(ParameterFault::Missing(parameter.clone()))
        })
    }

    fn check_header(&self, headers: &HeaderMap, budget: &Budget) -> Result<(), ParameterFault> {
        for (name, parameter, rule) in &self.header {
            let mut values = headers.get_all(name).iter();
            match (values.next(), values.next()) {
                (None, _) if rule.required => return Err(ParameterFault::Missing(parameter.clone())),
                (None, _) => {}
                (Some(_), Some(_)) => return Err(ParameterFault::Repeated(parameter.clone())),
                (Some(value), None) => {
                    // Recipients differ on what is not ASCII (RFC 9110 section 5.5).
                    let value = value
                        .to_str()
                        .map_err(|_| ParameterFault::NotText(parameter.clone()))?;
                    rule.check(value, budget)
                        .map_err(|expected| parameter.is_not(expected))?;
                }
            }
        }
        Ok(())
    }
}

/// Compiles what is configured for the parameters of one place, in order of their names.
fn rules(
    place: Place,
    settings: &BTreeMap<String, ParameterSettings>,
    faults: &mut SettingFaults,
) -> Box<[(Parameter, Rule)]> {
    let mut rules = Vec::with_capacity(settings.len());
    for (name, settings) in settings {
        let key = place.key(name);
        if name.is_empty() {
            faults.push((key.clone(), "a name that is not empty".to_owned()));
        }
        if let Some(rule) = Rule::compile(&key, settings, faults) {
            rules.push((Parameter::new(place, Arc::from(name.as_str())), rule));
        }
    }
    rules.into_boxed_slice()
}

/// Compiles what is configured for header fields.
fn fields(
    settings: &BTreeMap<String, ParameterSettings>,
    faults: &mut SettingFaults,
) -> Box<[(HeaderName, Parameter, Rule)]> {
    let mut fields: Vec<(HeaderName, Parameter, Rule)> = Vec::with_capacity(settings.len());
    for (parameter, rule) in rules(Place::Header, settings, faults) {
        let key = Place::Header.key(parameter.name());
        let Ok(name) = HeaderName::from_bytes(parameter.name().as_bytes()) else {
            faults.push((key, "the name of a header field".to_owned()));
            continue;
        };
        if name == http::header::COOKIE {
            let expected = "another field: HTTP/2 parts cookies into several fields (RFC 9113 section 8.2.3)";
            faults.push((key.clone(), expected.to_owned()));
        }
        if fields.iter().any(|(known, _, _)| *known == name) {
            let expected = "each field once: their names differ in more than case".to_owned();
            faults.push((key.clone(), expected));
        }
        if rule.values().iter().any(|value| !value.is_ascii()) {
            let expected = "values in ASCII: no others are accepted in header fields".to_owned();
            faults.push((format!("{key}.values"), expected));
        }
        fields.push((name, parameter, rule));
    }
    fields.into_boxed_slice()
}
