//! One limit: what it counts, for whom, and where.

use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderName, request};
use palisade_core::{
    Demand, FactKind, Limit, LimitCounter, LimitKey, LimitRule, LimitStore, OnFailure, Phase, Rehearsal,
    Rejection, Taking,
};

use crate::amount::{Amount, AmountReader};
use crate::fields::Advertised;
use crate::key::{KeyBy, of_retry};
use crate::rejection::{Refused, quota_exceeded, too_many_in_flight, too_many_requests, total_exceeded};

/// What the verdict on a request hangs on where money is counted.
pub(crate) const AMOUNT: &str = "the amount in the message";

/// What a limit counts.
#[derive(Debug)]
pub(crate) enum What {
    /// Requests, by rate.
    Requests,
    /// Requests under way.
    InFlight,
    /// Transactions, each once where a field names it.
    Transactions { named_by: Option<HeaderName> },
    /// Money.
    Money {
        reader: AmountReader,
        max_per_transaction: Option<Amount>,
    },
}

impl What {
    /// The stage's name.
    pub(crate) fn stage(&self) -> &'static str {
        match self {
            Self::Requests => "rate-limit",
            Self::InFlight => "concurrency",
            Self::Transactions { .. } => "quota",
            Self::Money { .. } => "amount-limit",
        }
    }

    /// Whether what was taken is given back where the request is answered with an error.
    pub(crate) fn is_given_back(&self) -> bool {
        match self {
            Self::Requests | Self::InFlight => false,
            Self::Transactions { .. } | Self::Money { .. } => true,
        }
    }
}

/// A limit.
#[derive(Debug)]
pub(crate) struct Limiter {
    pub(crate) what: What,
    /// `<interceptor>.<stage>`, as the fields of answers name it.
    pub(crate) name: sfv::String,
    /// What answers say of it; nothing of money, for which the draft has no unit.
    pub(crate) advertised: Option<Advertised>,
    /// Its name as an item of a structured field, where answers say something of it.
    pub(crate) item: Option<String>,
    /// `None` where nothing is counted over requests.
    pub(crate) counted: Option<Counted>,
}

/// What is counted over requests.
#[derive(Debug)]
pub(crate) struct Counted {
    pub(crate) key: KeyBy,
    pub(crate) counter: Arc<LimitCounter>,
    pub(crate) store: Arc<dyn LimitStore>,
    pub(crate) store_name: String,
    pub(crate) on_failure: OnFailure,
    pub(crate) is_money: bool,
}

impl Limiter {
    /// Where it stands in a pipeline.
    pub(crate) fn phase(&self) -> Phase {
        match self.what {
            What::Money { .. } => Phase::Content,
            _ => self
                .counted
                .as_ref()
                .map_or(Phase::AnonymousLimits, |counted| counted.key.phase()),
        }
    }

    pub(crate) fn needs_body(&self) -> bool {
        matches!(self.what, What::Money { .. })
    }

    /// Whether its stage has to be one that may wait.
    pub(crate) fn may_wait(&self) -> bool {
        self.needs_body() || self.counted.as_ref().is_some_and(|counted| counted.store.waits())
    }

    /// The facts its verdict hangs on.
    pub(crate) fn reads(&self) -> &'static [FactKind] {
        self.counted.as_ref().map_or(&[], |counted| counted.key.reads())
    }

    /// What a request wants of it; `None` where it wants nothing.
    pub(crate) fn demand(
        &self,
        head: &request::Parts,
        body: Option<&Bytes>,
    ) -> Result<Option<Demand>, Refused<'_>> {
        let units = match &self.what {
            What::Requests | What::InFlight | What::Transactions { .. } => 1,
            What::Money {
                reader,
                max_per_transaction,
            } => {
                let body = body.map_or(&[][..], AsRef::as_ref);
                if body.is_empty() && head.method.is_safe() {
                    return Ok(None);
                }
                if head.headers.contains_key(CONTENT_ENCODING) {
                    return Err(Refused::CodedBody);
                }
                let mut types = head.headers.get_all(CONTENT_TYPE).iter();
                // Of two that are told, nobody knows which one the handler believes.
                let media_type = types.next().filter(|_| types.next().is_none());
                let amounts = reader.read(media_type, body)?;
                if max_per_transaction.is_some_and(|max| amounts.largest > max) {
                    return Err(Refused::AmountTooHigh);
                }
                amounts.total.units()
            }
        };
        let Some(counted) = &self.counted else {
            return Ok(None);
        };
        let mut demand = Demand::new(Arc::clone(&counted.counter), counted.key.of(head), units);
        if let What::Transactions { named_by: Some(name) } = &self.what {
            demand.once = retry(name, head);
        }
        Ok(Some(demand))
    }

    /// What it would say to that head now, taking nothing; `None` where that takes a body, or waiting.
    pub(crate) fn rehearse(&self, head: &request::Parts, now: SystemTime) -> Option<Result<(), Rejection>> {
        if self.needs_body() {
            return None;
        }
        let counted = self.counted.as_ref()?;
        let demand = self.demand(head, None).ok()??;
        let mut demands = [demand];
        let Taking::Done(answer) = counted.store.look(&mut demands, now) else {
            return None;
        };
        let [demand] = demands;
        Some(match answer {
            Err(error) => match counted.on_failure {
                OnFailure::Deny => Err(Refused::StoreUnavailable(error).into()),
                OnFailure::Allow => Ok(()),
            },
            Ok(()) if demand.standing.exceeded => Err(Refused::Exceeded(&self.what).into()),
            Ok(()) => Ok(()),
        })
    }

    /// What it would say to the amount in that body, taking nothing; `None` where amounts do not matter to it.
    pub(crate) fn rehearse_amount(&self, head: &request::Parts, body: Option<&Bytes>) -> Option<Rehearsal> {
        if !self.needs_body() {
            return None;
        }
        let Some(body) = body else {
            return Some(Rehearsal::HangsOn(AMOUNT));
        };
        Some(match self.demand(head, Some(body)) {
            Err(refused) => Rehearsal::Refused(refused.into()),
            Ok(None) => Rehearsal::Accepted,
            Ok(Some(demand)) => Rehearsal::Wants(demand.units),
        })
    }
}

/// The name of a transaction that may come again: its client's own, for that operation alone.
fn retry(name: &HeaderName, head: &request::Parts) -> Option<[u8; 16]> {
    let mut values = head.headers.get_all(name).iter();
    let value = values
        .next()
        .filter(|value| !value.is_empty() && values.next().is_none())?;
    let target = head
        .uri
        .path_and_query()
        .map_or("", http::uri::PathAndQuery::as_str);
    Some(of_retry(head.method.as_str(), target, value.as_bytes()))
}

impl Limit for Counted {
    fn counter(&self) -> &Arc<LimitCounter> {
        &self.counter
    }

    fn store(&self) -> &Arc<dyn LimitStore> {
        &self.store
    }

    fn store_name(&self) -> &str {
        &self.store_name
    }

    fn keyed_by(&self) -> String {
        self.key.to_string()
    }

    fn reads(&self) -> &'static [FactKind] {
        self.key.reads()
    }

    fn key_of(&self, head: &request::Parts) -> LimitKey {
        self.key.of(head)
    }

    fn key_named(&self, text: &str) -> Result<LimitKey, String> {
        self.key.named(text)
    }

    fn units(&self, units: u128) -> String {
        if self.is_money {
            Amount::from_units(units).to_string()
        } else {
            units.to_string()
        }
    }

    fn units_in(&self, text: &str) -> Option<u128> {
        if self.is_money {
            text.parse::<Amount>().ok().map(Amount::units)
        } else {
            text.parse().ok()
        }
    }

    fn hangs_on(&self) -> Option<&'static str> {
        self.is_money.then_some(AMOUNT)
    }

    fn refusal(&self) -> Rejection {
        match self.counter.rule() {
            _ if self.is_money => total_exceeded(),
            LimitRule::Rate { .. } => too_many_requests(),
            LimitRule::InFlight { .. } => too_many_in_flight(),
            _ => quota_exceeded(),
        }
    }
}
