//! Keys that are fetched, and kept fresh.
//!
//! 1. One flight at a time; whoever needs a key that is not there waits for that one, and no longer.
//! 2. A flight goes on when the request that began it goes away.
//! 3. After a failure the keys at hand stay, and one alarm is raised until a fetch succeeds again.

use std::error::Error;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use arc_swap::{ArcSwap, Guard};
use bytes::Bytes;
use palisade_core::{
    AlarmSlot, Clock, DocumentUrl, Fetch as _, FetchError, FetchRequest, Fetched, SharedFetch,
};
use palisade_keystore::BadJwkSet;
use tokio::runtime::Handle;
use tokio::sync::watch;

use super::keys::{KeySet, MAX_SET};

/// How long a fetch may take.
const FETCH_TIMEOUT: Duration = Duration::from_secs(5);
/// How long tokens whose key is not known are refused at once, after a fetch that such a token began.
const COOL_DOWN: Duration = Duration::from_secs(30);
/// How long nothing is fetched after a failure; twice as long after each further one.
const BACKOFF: Duration = Duration::from_secs(30);
const LONGEST_BACKOFF: Duration = Duration::from_mins(5);
/// How long keys are fresh: at least, at most, and where their server does not say.
const SHORTEST_LIFE: Duration = Duration::from_mins(5);
const LONGEST_LIFE: Duration = Duration::from_hours(24);
const USUAL_LIFE: Duration = Duration::from_hours(1);
/// How often background work looks whether anybody still wants the keys.
const LOOK_UP: Duration = Duration::from_mins(1);

/// Where keys are fetched from, and whose word for it is taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Source {
    pub(super) url: DocumentUrl,
    /// Certificates in DER; the public authorities where there are none.
    pub(super) authorities: Vec<Bytes>,
}

/// The keys of a URL.
pub(super) struct RemoteKeys {
    source: Source,
    /// The interceptor, for logs and metrics.
    owner: String,
    fetch: SharedFetch,
    clock: Arc<dyn Clock>,
    keys: ArcSwap<KeySet>,
    /// When they have to be fetched again, in milliseconds of the clock's `elapsed`.
    due: AtomicU64,
    state: Mutex<State>,
    alarm: AlarmSlot,
}

#[derive(Debug, Default)]
struct State {
    /// The last flight; under way as long as its other end lives.
    flight: Option<Landing>,
    /// Whether a token whose key is not known waits for it.
    is_asked_for: bool,
    /// When a token whose key is not known may begin another one.
    quiet_until: Duration,
    /// Failures since the last success.
    failures: u32,
}

/// The end of a flight.
#[derive(Clone, Debug)]
pub(super) struct Landing(watch::Receiver<()>);

impl Landing {
    /// Waits for it, however it ends.
    pub(super) async fn wait(mut self) {
        // Nothing is ever sent: the flight ends when the sender is gone.
        let _ = self.0.changed().await;
    }

    fn is_ahead(&self) -> bool {
        self.0.has_changed().is_ok()
    }
}

/// Why keys could not be fetched.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error("no answer within {FETCH_TIMEOUT:?}")]
    Timeout,
    #[error("the JWK Set has more than {MAX_SET} bytes")]
    TooLong,
    #[error("it is no JWK Set: {0}")]
    NotASet(#[from] BadJwkSet),
    #[error("no key in the JWK Set verifies tokens: {}", shown(.0))]
    NoKey(Vec<String>),
}

fn shown(reasons: &[String]) -> String {
    if reasons.is_empty() {
        "it is empty".to_owned()
    } else {
        reasons.join("; ")
    }
}

impl RemoteKeys {
    pub(super) fn new(source: Source, owner: &str, fetch: SharedFetch, clock: Arc<dyn Clock>) -> Self {
        Self {
            source,
            owner: owner.to_owned(),
            fetch,
            clock,
            keys: ArcSwap::default(),
            due: AtomicU64::new(0),
            state: Mutex::default(),
            alarm: AlarmSlot::default(),
        }
    }

    /// Raises its alarm there.
    pub(super) fn alarming(mut self, alarm: AlarmSlot) -> Self {
        self.alarm = alarm;
        self
    }

    /// The keys at hand; none before the first fetch succeeded.
    pub(super) fn current(&self) -> Guard<Arc<KeySet>> {
        self.keys.load()
    }

    /// Begins a fetch if one is due. The landing of one that is under way.
    pub(super) fn tend(self: &Arc<Self>) -> Option<Landing> {
        let now = self.clock.elapsed();
        if millis(now) < self.due.load(Ordering::Relaxed) {
            return None;
        }
        let mut state = self.state();
        if let Some(landing) = state.under_way() {
            return Some(landing);
        }
        // Somebody else may have come first.
        if millis(now) < self.due.load(Ordering::Relaxed) {
            return None;
        }
        self.take_off(&mut state, now)
    }

    /// Whether it is worth waiting for a key that is not there.
    pub(super) fn may_learn(&self) -> bool {
        let state = self.state();
        state.under_way().is_some() || self.clock.elapsed() >= state.quiet_until
    }

    /// The landing to wait for when a key is not there; `None` where the token is to be refused at once.
    pub(super) fn ask(self: &Arc<Self>) -> Option<Landing> {
        let mut state = self.state();
        let now = self.clock.elapsed();
        let landing = match state.under_way() {
            Some(landing) => Some(landing),
            None if now >= state.quiet_until => self.take_off(&mut state, now),
            None => None,
        };
        state.is_asked_for |= landing.is_some();
        landing
    }

    /// `None` where nothing can be fetched, for there is no runtime.
    fn take_off(self: &Arc<Self>, state: &mut State, now: Duration) -> Option<Landing> {
        let runtime = Handle::try_current().ok()?;
        let (flight, landing) = watch::channel(());
        // As after a failure, in case it never lands.
        state.quiet_until = now + BACKOFF;
        self.set_due(now + BACKOFF);
        state.is_asked_for = false;
        let landing = Landing(landing);
        state.flight = Some(landing.clone());
        let keys = Arc::clone(self);
        runtime.spawn(async move {
            keys.fly().await;
            drop(flight);
        });
        Some(landing)
    }

    async fn fly(&self) {
        let mut request = FetchRequest::new(&self.source.url).trusting(&self.source.authorities);
        (request.timeout, request.max_bytes) = (FETCH_TIMEOUT, MAX_SET);
        let fetched = tokio::time::timeout(FETCH_TIMEOUT, self.fetch.fetch(request)).await;
        let outcome = match fetched {
            Err(_) => Err(Failure::Timeout),
            Ok(fetched) => fetched
                .map_err(Failure::from)
                .and_then(|fetched| self.take_in(&fetched)),
        };
        match outcome {
            Ok((keys, life)) => self.succeed(keys, life),
            Err(failure) => self.fail(&failure),
        }
    }

    /// The keys of a document, and how long they are fresh.
    fn take_in(&self, fetched: &Fetched) -> Result<(KeySet, Duration), Failure> {
        if fetched.body.len() > MAX_SET {
            return Err(Failure::TooLong);
        }
        let (keys, skipped) = KeySet::read(&fetched.body)?;
        if keys.is_empty() {
            return Err(Failure::NoKey(skipped.iter().map(ToString::to_string).collect()));
        }
        for key in &skipped {
            let (interceptor, url) = (&self.owner, &self.source.url);
            if key.is_faulty {
                tracing::warn!(target: "palisade::identity", interceptor, %url, "a key is skipped: {key}");
            } else {
                tracing::debug!(target: "palisade::identity", interceptor, %url, "a key is skipped: {key}");
            }
        }
        let life = fetched.max_age.unwrap_or(USUAL_LIFE);
        Ok((keys, life.clamp(SHORTEST_LIFE, LONGEST_LIFE)))
    }

    fn succeed(&self, mut keys: KeySet, life: Duration) {
        let mut state = self.state();
        let now = self.clock.elapsed();
        let before = self.current();
        // The first keys answer nobody's question of a key that is not there.
        let is_answered = state.is_asked_for && !before.is_empty();
        if !before.has_the_same_keys(&keys) {
            keys.generation = before.generation + 1;
            let (interceptor, url) = (&self.owner, &self.source.url);
            tracing::info!(target: "palisade::identity", interceptor, %url, ?keys, "keys of bearer tokens");
            self.keys.store(Arc::new(keys));
        }
        state.quiet_until = if is_answered { now + COOL_DOWN } else { now };
        self.set_due(now + life);
        let failures = std::mem::take(&mut state.failures);
        drop(state);
        if failures > 0 {
            self.alarm.clear();
            let (interceptor, url) = (&self.owner, &self.source.url);
            tracing::info!(target: "palisade::identity", interceptor, %url, failures, "keys are fetched again");
        }
    }

    fn fail(&self, failure: &Failure) {
        let mut state = self.state();
        let now = self.clock.elapsed();
        let backoff = BACKOFF
            .saturating_mul(2_u32.saturating_pow(state.failures))
            .min(LONGEST_BACKOFF);
        state.failures = state.failures.saturating_add(1);
        state.quiet_until = now + backoff;
        self.set_due(now + backoff);
        let is_first = state.failures == 1;
        drop(state);
        metrics::counter!("palisade_jwks_failures_total", "interceptor" => self.owner.clone()).increment(1);
        let (interceptor, url, error) = (&self.owner, &self.source.url, Causes(failure));
        let (code, rest) = if self.current().is_empty() {
            ("jwks-missing", "no bearer token is accepted")
        } else {
            ("jwks-stale", "those at hand stay in use")
        };
        // Why it failed may quote what a stranger sent; that is for the log.
        self.alarm.raise(
            code,
            format_args!("the keys of bearer tokens of {interceptor} cannot be fetched from {url}; {rest}"),
        );
        if is_first {
            tracing::error!(target: "palisade::identity", code, interceptor, %url, %error, "keys cannot be fetched; {rest}");
        } else {
            tracing::debug!(target: "palisade::identity", interceptor, %url, %error, "keys cannot be fetched still");
        }
    }

    fn set_due(&self, due: Duration) {
        self.due.store(millis(due), Ordering::Relaxed);
    }

    fn until_due(&self) -> Duration {
        Duration::from_millis(self.due.load(Ordering::Relaxed)).saturating_sub(self.clock.elapsed())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for RemoteKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteKeys")
            .field("source", &self.source)
            .field("keys", &*self.current())
            .finish_non_exhaustive()
    }
}

impl State {
    fn under_way(&self) -> Option<Landing> {
        self.flight.clone().filter(Landing::is_ahead)
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// The part that one verifier has in keys that several share over reloads.
#[derive(Debug)]
pub(super) struct Lease(pub(super) Arc<RemoteKeys>);

/// Keeps keys fresh for as long as the verifier that leases them lives.
pub(super) async fn keep_fresh(lease: Weak<Lease>) {
    while let Some(held) = lease.upgrade() {
        let keys = Arc::clone(&held.0);
        drop(held);
        if let Some(landing) = keys.tend() {
            landing.wait().await;
        } else {
            let pause = keys.until_due().clamp(Duration::from_secs(1), LOOK_UP);
            drop(keys);
            tokio::time::sleep(pause).await;
        }
    }
}

/// The keys of one interceptor by where they come from, over reloads. They go with the last verifier that uses them.
#[derive(Debug, Default)]
pub(super) struct KnownSources(Mutex<Vec<Weak<RemoteKeys>>>);

impl KnownSources {
    pub(super) fn keys(&self, source: &Source, make: impl FnOnce() -> RemoteKeys) -> Arc<RemoteKeys> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|keys| keys.strong_count() > 0);
        let found = known
            .iter()
            .filter_map(Weak::upgrade)
            .find(|keys| keys.source == *source);
        found.unwrap_or_else(|| {
            let keys = Arc::new(make());
            known.push(Arc::downgrade(&keys));
            keys
        })
    }
}

/// An error with its sources, in one line.
struct Causes<'a>(&'a dyn Error);

impl fmt::Display for Causes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut next = self.0.source();
        while let Some(cause) = next {
            write!(f, ": {cause}")?;
            next = cause.source();
        }
        Ok(())
    }
}
