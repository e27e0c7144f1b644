//! The query: [`Query`].

use smallvec::{SmallVec, smallvec};

use super::expectation::Expectation;
use crate::json::JsonLimits;
use crate::openapi::style::{Names, Pair, Taken, decode};
use crate::parameters::decode::check;
use crate::parameters::{ParameterFault, Place};
use crate::settings::Unknown;

/// What is expected of the query.
#[derive(Debug)]
pub(super) struct Query {
    pub(super) expectations: Box<[Expectation]>,
    pub(super) names: Names,
}

impl Query {
    pub(super) fn check(
        &self,
        query: &str,
        limits: &JsonLimits,
        unknown: Unknown,
        is_known: &dyn Fn(&str) -> bool,
    ) -> Result<(), ParameterFault> {
        if self.expectations.is_empty() && unknown == Unknown::Allow {
            return Ok(());
        }
        let mut found: SmallVec<[SmallVec<[Pair<'_>; 1]>; 8]> =
            smallvec![SmallVec::new(); self.expectations.len()];
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = decode(name, Place::Query).map_err(|_| ParameterFault::QueryMalformed)?;
            let (index, member) = match self.names.find(name) {
                Taken::By(index, member) => (index, member),
                Taken::Malformed(index) => return Err(self.malformed(index)),
                Taken::Other(index, name) if !is_known(&name) => (index, name),
                Taken::ByNone(name) if unknown == Unknown::Reject && !is_known(&name) => {
                    return Err(ParameterFault::UnknownQuery);
                }
                Taken::Other(..) | Taken::ByNone(_) => {
                    check(value).map_err(|_| ParameterFault::QueryMalformed)?;
                    continue;
                }
            };
            if let Some(found) = found.get_mut(index) {
                found.push((member, value));
            }
        }
        let mut all = self.expectations.iter().zip(found);
        all.try_for_each(|(expectation, found)| expectation.check(&found, limits))
    }

    fn malformed(&self, index: usize) -> ParameterFault {
        match self.expectations.get(index) {
            Some(expectation) => ParameterFault::Malformed(expectation.parameter().clone()),
            None => ParameterFault::QueryMalformed,
        }
    }
}
