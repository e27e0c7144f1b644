//! The limits that a request meets at one time, checked together.
//!
//! 1. All of them that one store counts are checked before any is taken from. One that refuses costs the others nothing, wherever they
//!    are counted.
//! 2. Where counters are kept in several stores, those that need no waiting come first, so that a request they refuse goes nowhere,
//!    and one that waits for another store counts as one under way. Where a later store refuses, what the earlier ones gave is given
//!    back.
//! 3. A limit that only reports takes its share where there is one, and stands in nobody's way.
//! 4. A request whose client goes away before the handler was called gives back what a refusal would have given back.
//! 5. The first stage of a run does the work, on the way in and on the way back. The others say what was found of them, so that each
//!    refusal has the name of its own stage.

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::FutureExt as _;
use http::header::RETRY_AFTER;
use http::{HeaderValue, request, response};
use palisade_core::{
    Clock, Context, Demand, LimitRule, LimitStore, LimitStoreError, OnFailure, Rejection, Taking,
};
use sfv::ListSerializer;
use smallvec::SmallVec;

use crate::fields::{self, RATELIMIT, RATELIMIT_POLICY, Standings};
use crate::ledger::{Ledger, Owner, Permits, hold};
use crate::limiter::{Counted, Limiter, What};
use crate::rejection::{Refused, retry_after};

/// Limits that are checked together.
#[derive(Debug)]
pub(crate) struct Run {
    members: Box<[Member]>,
    /// The stores, those that need no waiting first.
    stores: Box<[Share]>,
    /// The places of members that count nothing over requests.
    uncounted: Box<[usize]>,
    /// `RateLimit-Policy`, which is the same for every answer.
    policies: Option<HeaderValue>,
    clock: Arc<dyn Clock>,
}

/// A limit among others.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) limiter: Arc<Limiter>,
    /// Whether its refusals only count.
    pub(crate) reports: bool,
}

/// The members that one store counts for, by their places.
#[derive(Debug)]
struct Share {
    store: Arc<dyn LimitStore>,
    places: Box<[usize]>,
}

/// What was found of members behind the first one.
#[derive(Debug)]
struct Found {
    /// Which run it is.
    run: usize,
    refusals: Vec<(usize, Rejection)>,
}

/// Some limit had not enough left for this exchange: it is to cost none of them anything.
#[derive(Debug)]
struct Overrun;

/// How the demands of a run were met.
#[derive(Debug, Default)]
struct Outcome {
    /// By the places of their members.
    refusals: Vec<(usize, Rejection)>,
    is_refused: bool,
    /// The places of members of which more was wanted than is left.
    exceeded: SmallVec<[usize; 4]>,
    /// Whether one of those refuses.
    is_exceeded: bool,
    retry_after: Duration,
}

impl Run {
    pub(crate) fn new(members: Vec<Member>, clock: Arc<dyn Clock>) -> Self {
        let mut list = ListSerializer::new();
        let mut stores: Vec<(&Arc<dyn LimitStore>, Vec<usize>)> = Vec::new();
        let mut uncounted = Vec::new();
        for (place, member) in members.iter().enumerate() {
            // A trial is not to change what callers do.
            if let Some(policy) = member.limiter.advertised.filter(|_| !member.reports) {
                fields::write_policy(&mut list, &member.limiter.name, policy);
            }
            let Some(counted) = &member.limiter.counted else {
                uncounted.push(place);
                continue;
            };
            match stores
                .iter_mut()
                .find(|(store, _)| Arc::ptr_eq(store, &counted.store))
            {
                Some((_, places)) => places.push(place),
                None => stores.push((&counted.store, vec![place])),
            }
        }
        stores.sort_by_key(|(store, _)| store.waits());
        let stores = stores.into_iter().map(|(store, places)| Share {
            store: Arc::clone(store),
            places: places.into(),
        });
        Self {
            stores: stores.collect(),
            uncounted: uncounted.into(),
            policies: fields::value(list),
            members: members.into(),
            clock,
        }
    }

    pub(crate) fn members(&self) -> &[Member] {
        &self.members
    }

    pub(crate) fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// Whether any member may have to wait.
    pub(crate) fn may_wait(&self) -> bool {
        self.members.iter().any(|member| member.limiter.may_wait())
    }

    pub(crate) fn needs_body(&self) -> bool {
        self.members.iter().any(|member| member.limiter.needs_body())
    }

    /// What the first member does with a request: it asks for all. The refusal is its own.
    pub(crate) async fn enter(
        self: &Arc<Self>,
        cx: &mut Context,
        head: &request::Parts,
        body: Option<&Bytes>,
    ) -> Result<(), Rejection> {
        let mut outcome = Outcome::default();
        // Alone, a member may not have been told that it only reports.
        let reports = self.members.len() == 1 && cx.is_report_only();
        let mut ledger = self.demands(head, body, reports, &mut outcome);
        let mut permits = None;
        if !outcome.is_refused {
            permits = self.settle(&mut ledger, &mut outcome).await;
        }
        self.conclude(cx, ledger, permits, outcome)
    }

    /// As [`enter`](Self::enter), for a run that neither waits nor needs a body. The usual case of one store needs no future at all.
    pub(crate) fn enter_at_once(
        self: &Arc<Self>,
        cx: &mut Context,
        head: &request::Parts,
    ) -> Result<(), Rejection> {
        let [share] = &*self.stores else {
            let answer = self.enter(cx, head, None).now_or_never();
            return answer.unwrap_or_else(|| Err(Refused::StoreUnavailable(waits()).into()));
        };
        let mut outcome = Outcome::default();
        let reports = self.members.len() == 1 && cx.is_report_only();
        let mut ledger = self.demands(head, None, reports, &mut outcome);
        if !outcome.is_refused {
            let answer = match share.store.take(&mut ledger.demands, self.clock.now()) {
                Taking::Done(answer) => answer,
                Taking::Wait(_) => Err(waits()),
            };
            let all = 0..ledger.owners.len();
            self.judge(&mut ledger, all, &answer, &mut outcome);
        }
        let permits = self.permits(&mut ledger);
        self.conclude(cx, ledger, permits, outcome)
    }

    /// What the request wants of each.
    fn demands(
        self: &Arc<Self>,
        head: &request::Parts,
        body: Option<&Bytes>,
        reports: bool,
        outcome: &mut Outcome,
    ) -> Ledger {
        let mut ledger = Ledger {
            run: Arc::clone(self),
            demands: SmallVec::new(),
            owners: SmallVec::new(),
        };
        let mut ask = |place: usize| {
            let member = self.members.get(place)?;
            let mut demand = member.limiter.demand(head, body).unwrap_or_else(|refused| {
                outcome.refusals.push((place, refused.into()));
                outcome.is_refused |= !(member.reports || reports);
                None
            })?;
            demand.reports = member.reports || reports;
            Some(demand)
        };
        for place in &self.uncounted {
            ask(*place);
        }
        for (share, of_store) in (0..).zip(&self.stores) {
            for place in &of_store.places {
                if let Some(demand) = ask(*place) {
                    ledger.demands.push(demand);
                    ledger.owners.push(Owner {
                        // No group has as many limits.
                        place: u16::try_from(*place).unwrap_or(u16::MAX),
                        share,
                        is_told: false,
                    });
                }
            }
        }
        ledger
    }

    /// Asks the stores; what was taken is given back where any of them refuses.
    async fn settle(&self, ledger: &mut Ledger, outcome: &mut Outcome) -> Option<Permits> {
        let now = self.clock.now();
        let mut permits = None;
        for (share, range) in ledger.batches() {
            let Some(store) = self.store(share) else {
                continue;
            };
            let answer = store.take(ledger.part(&range), now).outcome().await;
            self.judge(ledger, range, &answer, outcome);
            // From here on it is given back wherever this ends.
            permits = permits.or_else(|| self.permits(ledger));
            if outcome.is_refused {
                self.give_back(ledger, now).await;
                break;
            }
        }
        permits
    }

    /// The places of requests under way that were taken.
    fn permits(&self, ledger: &mut Ledger) -> Option<Permits> {
        let is_taken = |demand: &Demand| {
            demand.standing.taken > 0 && matches!(demand.counter.rule(), LimitRule::InFlight { .. })
        };
        let first = ledger.demands.iter().position(is_taken)?;
        let share = ledger.owners.get(first)?.share;
        // All of them are kept in the memory of the process, which is one store.
        let permits = Permits {
            store: Arc::clone(self.store(share)?),
            demands: ledger
                .demands
                .iter()
                .filter(|demand| is_taken(demand))
                .cloned()
                .collect(),
            clock: Arc::clone(&self.clock),
        };
        for demand in ledger.demands.iter_mut().filter(|demand| is_taken(demand)) {
            demand.standing.taken = 0;
        }
        Some(permits)
    }

    /// Takes note of what a store says of some of the demands.
    fn judge(
        &self,
        ledger: &mut Ledger,
        range: Range<usize>,
        answer: &Result<(), LimitStoreError>,
        outcome: &mut Outcome,
    ) {
        let owners = ledger.owners.get_mut(range.clone()).unwrap_or_default();
        let demands = ledger.demands.get(range).unwrap_or_default();
        for (owner, demand) in owners.iter_mut().zip(demands) {
            owner.is_told = answer.is_ok();
            let place = usize::from(owner.place);
            if let Err(error) = answer {
                self.lacks_store(place, demand, error, outcome);
            } else if demand.standing.exceeded {
                outcome.exceeded.push(place);
                if !demand.reports {
                    outcome.is_exceeded = true;
                    outcome.is_refused = true;
                    outcome.retry_after = outcome.retry_after.max(demand.standing.retry_after);
                }
            }
        }
    }

    /// What becomes of a request that a store cannot count.
    fn lacks_store(&self, place: usize, demand: &Demand, error: &LimitStoreError, outcome: &mut Outcome) {
        match self
            .counted(place)
            .map_or(OnFailure::Deny, |counted| counted.on_failure)
        {
            OnFailure::Deny => {
                outcome
                    .refusals
                    .push((place, Refused::StoreUnavailable(error.clone()).into()));
                outcome.is_refused |= !demand.reports;
            }
            OnFailure::Allow => {
                let limit = demand.counter.name().to_string();
                metrics::counter!("palisade_limit_uncounted_total", "limit" => limit).increment(1);
            }
        }
    }

    /// Keeps what was taken, or hands out what was found: the first member's own refusal, and to the others theirs.
    fn conclude(
        self: &Arc<Self>,
        cx: &mut Context,
        ledger: Ledger,
        permits: Option<Permits>,
        outcome: Outcome,
    ) -> Result<(), Rejection> {
        ledger.count_overflows();
        if outcome.exceeded.is_empty() && outcome.refusals.is_empty() {
            hold(cx, ledger, permits);
            return Ok(());
        }
        self.refuse(cx, ledger, permits, outcome)
    }

    fn refuse(
        self: &Arc<Self>,
        cx: &mut Context,
        ledger: Ledger,
        permits: Option<Permits>,
        mut outcome: Outcome,
    ) -> Result<(), Rejection> {
        let exceeded = std::mem::take(&mut outcome.exceeded);
        for place in &exceeded {
            if let Some(member) = self.members.get(*place) {
                let rejection = Rejection::from(Refused::Exceeded(&member.limiter.what));
                let rejection = rejection.caused_by(ledger.said_of(*place));
                let rejection = self.described(rejection, &exceeded, &ledger, outcome.retry_after);
                outcome.refusals.push((*place, rejection));
            }
        }
        if outcome.is_refused {
            // What is wrong with the request itself is as for any other stage that refuses: a rate is not given back for it.
            if outcome.is_exceeded {
                cx.share(Overrun);
            }
        } else {
            hold(cx, ledger, permits);
        }
        let own = outcome.refusals.iter().position(|(place, _)| *place == 0);
        let own = own.map(|position| outcome.refusals.swap_remove(position).1);
        if !outcome.refusals.is_empty() {
            cx.share(Found {
                run: self.id(),
                refusals: outcome.refusals,
            });
        }
        own.map_or(Ok(()), Err)
    }

    /// The refusal with what the caller may know: which policies were violated, how it stands, and when to come again.
    fn described(
        &self,
        rejection: Rejection,
        exceeded: &[usize],
        ledger: &Ledger,
        retry: Duration,
    ) -> Rejection {
        let names = exceeded.iter().filter_map(|place| self.members.get(*place));
        let names: Vec<&str> = names.map(|member| member.limiter.name.as_str()).collect();
        let mut rejection = rejection.member("violated-policies", names);
        if let Some(policies) = &self.policies {
            rejection = rejection.header(RATELIMIT_POLICY, policies.clone());
        }
        if let Some(standings) = self.standings(ledger) {
            rejection = rejection.header(RATELIMIT, standings);
        }
        match retry_after(retry) {
            Some(value) => rejection.header(RETRY_AFTER, value),
            None => rejection,
        }
    }

    /// The value of `RateLimit`.
    fn standings(&self, ledger: &Ledger) -> Option<HeaderValue> {
        let mut list = Standings::default();
        for (owner, demand) in ledger.told().filter(|(_, demand)| !demand.reports) {
            let member = self.members.get(usize::from(owner.place));
            if let Some(item) = member.and_then(|member| member.limiter.item.as_deref()) {
                list.push(item, demand.counter.rule(), &demand.standing);
            }
        }
        list.value()
    }

    /// What the first member does with the answer: it gives back what is to be given back, and says how the caller stands.
    pub(crate) async fn leave(&self, cx: &mut Context, head: &mut response::Parts) {
        let Some(mut ledger) = cx.take::<Ledger>() else {
            return;
        };
        if self.keep_what_returns(cx, head, &mut ledger) {
            self.give_back(&mut ledger, self.clock.now()).await;
        }
        self.tell(&ledger, head);
    }

    /// As [`leave`](Self::leave), for a run that does not wait.
    pub(crate) fn leave_at_once(&self, cx: &mut Context, head: &mut response::Parts) {
        let Some(mut ledger) = cx.take::<Ledger>() else {
            return;
        };
        if self.keep_what_returns(cx, head, &mut ledger)
            && self
                .give_back(&mut ledger, self.clock.now())
                .now_or_never()
                .is_none()
        {
            tracing::warn!(target: "palisade::limits", "a store waits that said it would not: what was taken stays taken");
        }
        self.tell(&ledger, head);
    }

    /// Leaves only what is to be given back as taken, and says whether there is anything.
    fn keep_what_returns(&self, cx: &mut Context, head: &response::Parts, ledger: &mut Ledger) -> bool {
        let overrun = cx.shared::<Overrun>().is_some();
        let failed = head.status.is_client_error() || head.status.is_server_error();
        self.keep_what(ledger, |what| overrun || (failed && what.is_given_back()))
    }

    fn keep_what(&self, ledger: &mut Ledger, returns: impl Fn(&What) -> bool) -> bool {
        let mut any = false;
        for (owner, demand) in ledger.owners.iter().zip(&mut ledger.demands) {
            let member = self.members.get(usize::from(owner.place));
            let standing = &mut demand.standing;
            if owner.is_told
                && standing.taken > 0
                && member.is_some_and(|member| returns(&member.limiter.what))
            {
                standing.remaining = standing.remaining.saturating_add(standing.taken);
                any = true;
            } else {
                standing.taken = 0;
            }
        }
        any
    }

    /// The client went away before the handler was called: nothing came of it.
    pub(crate) async fn abandon(mut ledger: Ledger) {
        let run = Arc::clone(&ledger.run);
        if run.keep_what(&mut ledger, What::is_given_back) {
            run.give_back(&mut ledger, run.clock.now()).await;
        }
    }

    fn tell(&self, ledger: &Ledger, head: &mut response::Parts) {
        if let Some(policies) = &self.policies {
            head.headers.append(RATELIMIT_POLICY, policies.clone());
        }
        if let Some(standings) = self.standings(ledger) {
            head.headers.append(RATELIMIT, standings);
        }
    }

    /// Gives back what the demands say was taken. Where that fails, it stays taken.
    async fn give_back(&self, ledger: &mut Ledger, now: SystemTime) {
        for (share, range) in ledger.batches() {
            let Some(store) = self.store(share) else { continue };
            let told = ledger.owners.get(range.start).is_some_and(|owner| owner.is_told);
            if !told {
                continue;
            }
            if let Err(error) = store.give_back(ledger.part(&range), now).outcome().await {
                tracing::warn!(target: "palisade::limits", %error, "what was taken cannot be given back");
            }
        }
    }

    /// What a member behind the first one does with a request: it says what was found of it.
    pub(crate) fn found(&self, place: usize, cx: &mut Context) -> Result<(), Rejection> {
        let id = self.id();
        let Some(found) = cx.shared::<Found>().filter(|found| found.run == id) else {
            return Ok(());
        };
        let position = found.refusals.iter().position(|(other, _)| *other == place);
        position.map_or(Ok(()), |position| Err(found.refusals.swap_remove(position).1))
    }

    fn counted(&self, place: usize) -> Option<&Counted> {
        self.members.get(place)?.limiter.counted.as_ref()
    }

    fn store(&self, share: u16) -> Option<&Arc<dyn LimitStore>> {
        self.stores.get(usize::from(share)).map(|share| &share.store)
    }

    /// Which run of an exchange it is.
    fn id(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }
}

/// What a store did not mean to do.
fn waits() -> LimitStoreError {
    LimitStoreError::new("it waits, and said it would not")
}
