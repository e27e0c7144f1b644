//! Passwords, verified off the runtime's threads and not more often than needed.
//!
//! 1. A verification takes some tens of milliseconds of a core on purpose. It is done on threads of its own, as many as cores;
//!    what waits for them is bounded, and more is refused at once (503 `authentication-busy`).
//! 2. A verdict is kept for ten minutes, so that a busy partner does not pay for each request: bounded, and good and bad alike,
//!    so that how long an answer takes tells nothing of whether the user exists. Callers that ask the same at the same time wait for
//!    one verification.
//! 3. A verdict is found by an HMAC, under a key of this process, over user, stored hash and password: no password is kept, and
//!    a password that changes has no verdict yet.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use aws_lc_rs::{hmac, rand};
use palisade_core::Clock;
use palisade_core::pool::{CryptoPool, PoolError};
use palisade_directory::PasswordHash;
use quick_cache::sync::Cache;
use zeroize::Zeroizing;

/// How long a verdict is kept.
const KEPT: Duration = Duration::from_mins(10);
/// How many verdicts are kept.
const MOST: usize = 10_000;
/// How many verifications may wait for each thread: about half a second.
const WAITING_PER_THREAD: usize = 16;

/// Verifies passwords, and remembers verdicts.
pub(crate) struct Passwords {
    pool: Arc<CryptoPool>,
    verdicts: Cache<[u8; 32], Verdict>,
    /// `None` where the system gave no randomness for it: then nothing is remembered.
    key: Option<hmac::Key>,
    clock: Arc<dyn Clock>,
}

#[derive(Debug, Clone, Copy)]
struct Verdict {
    is_good: bool,
    /// By the clock's monotonic part.
    until: Duration,
}

impl Passwords {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self::with_pool(shared_pool(), clock)
    }

    pub(crate) fn with_pool(pool: Arc<CryptoPool>, clock: Arc<dyn Clock>) -> Self {
        let mut key = Zeroizing::new([0; 32]);
        let is_filled = rand::fill(&mut *key).is_ok();
        Self {
            pool,
            verdicts: Cache::new(MOST),
            key: is_filled.then(|| hmac::Key::new(hmac::HMAC_SHA256, &*key)),
            clock,
        }
    }

    /// The verdict on that password, where it is known already.
    pub(crate) fn seen(&self, user: &str, hash: &PasswordHash, password: &str) -> Option<bool> {
        self.current(&self.name(user, hash, password)?)
    }

    /// Whether that is the password. This may take as long as a verification and what waits before it.
    pub(crate) async fn verify(
        &self,
        user: &str,
        hash: &PasswordHash,
        password: &str,
    ) -> Result<bool, PoolError> {
        let Some(name) = self.name(user, hash, password) else {
            return self.work(hash, password).await.map(|verdict| verdict.is_good);
        };
        if self.current(&name).is_none() {
            // One that is too old must not stand in the way of the next.
            self.verdicts.remove(&name);
        }
        let verdict = self
            .verdicts
            .get_or_insert_async(&name, self.work(hash, password));
        verdict.await.map(|verdict| verdict.is_good)
    }

    async fn work(&self, hash: &PasswordHash, password: &str) -> Result<Verdict, PoolError> {
        let (hash, password) = (hash.clone(), Zeroizing::new(password.as_bytes().to_vec()));
        let is_good = self.pool.admit(0, move || hash.verify(&password)).await?;
        metrics::counter!("palisade_password_verifications_total").increment(1);
        let until = self.clock.elapsed() + KEPT;
        Ok(Verdict { is_good, until })
    }

    fn current(&self, name: &[u8; 32]) -> Option<bool> {
        let verdict = self.verdicts.get(name)?;
        (self.clock.elapsed() < verdict.until).then_some(verdict.is_good)
    }

    fn name(&self, user: &str, hash: &PasswordHash, password: &str) -> Option<[u8; 32]> {
        let mut context = hmac::Context::with_key(self.key.as_ref()?);
        let [salt, output] = hash.expose_parts();
        for part in [user.as_bytes(), salt, output, password.as_bytes()] {
            context.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            context.update(part);
        }
        let mut name = [0; 32];
        name.copy_from_slice(context.sign().as_ref());
        Some(name)
    }
}

/// The threads of this process for passwords: apart from those for messages, which are a hundred times quicker.
fn shared_pool() -> Arc<CryptoPool> {
    static SHARED: OnceLock<Arc<CryptoPool>> = OnceLock::new();
    Arc::clone(SHARED.get_or_init(|| {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
        Arc::new(CryptoPool::with_size(cores, cores * WAITING_PER_THREAD))
    }))
}

impl fmt::Debug for Passwords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Passwords")
            .field("verdicts", &self.verdicts.len())
            .finish_non_exhaustive()
    }
}
