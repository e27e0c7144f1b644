//! What an exchange has taken, from when it asks until it is answered or given up.

use std::ops::Range;
use std::sync::Arc;

use futures_util::FutureExt as _;
use palisade_core::{Clock, Context, Demand, LimitStore};
use smallvec::SmallVec;

use crate::run::Run;

/// What an exchange demands, and then holds until it is answered.
#[derive(Debug)]
pub(crate) struct Ledger {
    pub(crate) run: Arc<Run>,
    /// Those of one store stand together, in the order of the stores.
    pub(crate) demands: SmallVec<[Demand; 1]>,
    /// The member of each, and what its store said.
    pub(crate) owners: SmallVec<[Owner; 4]>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Owner {
    pub(crate) place: u16,
    /// Which store it is.
    pub(crate) share: u16,
    /// Whether that has said how it stands.
    pub(crate) is_told: bool,
}

/// Places that are taken until the last byte of the answer.
#[derive(Debug)]
pub(crate) struct Permits {
    pub(crate) store: Arc<dyn LimitStore>,
    pub(crate) demands: SmallVec<[Demand; 1]>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Drop for Permits {
    fn drop(&mut self) {
        // The store of what is in flight never waits.
        let _ = self.store.give_back(&mut self.demands, self.clock.now());
    }
}

/// Keeps what was taken until the exchange is answered, or given up.
pub(crate) fn hold(cx: &mut Context, ledger: Ledger, permits: Option<Permits>) {
    if let Some(permits) = permits {
        cx.keep(permits);
    }
    if !ledger.demands.is_empty() {
        cx.keep_or(ledger, abandoned);
    }
}

/// Gives back what a refusal would have given back: at once where no store waits, else beside.
fn abandoned(ledger: Ledger) {
    if !ledger.run.may_wait() {
        let _ = Run::abandon(ledger).now_or_never();
    } else if let Ok(runtime) = tokio::runtime::Handle::try_current() {
        runtime.spawn(Run::abandon(ledger));
    }
}

impl Ledger {
    /// The stores, each with the range of its demands.
    pub(crate) fn batches(&self) -> SmallVec<[(u16, Range<usize>); 2]> {
        let mut batches: SmallVec<[(u16, Range<usize>); 2]> = SmallVec::new();
        for (position, owner) in self.owners.iter().enumerate() {
            match batches.last_mut() {
                Some((share, range)) if *share == owner.share => range.end = position + 1,
                _ => batches.push((owner.share, position..position + 1)),
            }
        }
        batches
    }

    pub(crate) fn part(&mut self, range: &Range<usize>) -> &mut [Demand] {
        self.demands.get_mut(range.clone()).unwrap_or_default()
    }

    /// What the log says of an exceeded limit: which one, and for whom.
    pub(crate) fn said_of(&self, place: usize) -> String {
        let mut demands = self.told();
        let demand = demands.find(|(owner, _)| usize::from(owner.place) == place);
        demand.map_or_else(String::new, |(_, demand)| {
            format!("{} has not enough left for {}", demand.counter.name(), demand.key)
        })
    }

    /// The demands of which it is known how they stand.
    pub(crate) fn told(&self) -> impl Iterator<Item = (&Owner, &Demand)> {
        self.owners
            .iter()
            .zip(&self.demands)
            .filter(|(owner, _)| owner.is_told)
    }

    /// Requests whose keys are beyond the bound of their counters.
    pub(crate) fn count_overflows(&self) {
        for (_, demand) in self.told().filter(|(_, demand)| demand.standing.overflowed) {
            let limit = demand.counter.name().to_string();
            metrics::counter!("palisade_limit_overflow_total", "limit" => limit).increment(1);
        }
    }
}
