//! The threads that do the cryptography.
//!
//! An RSA private-key operation takes a quarter of a millisecond of a core. Done on the runtime's threads, a burst of messages
//! would hold up every other route; done on threads without bound, it would hold up itself.
//!
//! 1. As many threads as cores, no more, for all interceptors together.
//! 2. The queue of requests before them is bounded, in number and in bytes; when it is full, a message is refused at once.
//! 3. What an admitted request still needs, its answer, comes first and is not refused: the handler has done its work by then.
//!    There is never more of it than there are requests under way.
//! 4. Work whose caller has gone away is not begun.
//! 5. While more work of messages waits, their answers are handed over a few at a time: to wake the runtime costs as much as a
//!    small operation. Work of others, which may take long, holds up nobody's answer.
//! 6. On Linux the threads stand back behind those of the runtime, so that a core full of cryptography is given at once to
//!    whoever has a request to pass on.

use std::fmt;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded, select, unbounded};
use tokio::sync::oneshot;

/// How many messages may wait for each thread: a quarter of a second of RSA with 2048 bits.
const WAITING_PER_THREAD: usize = 512;

/// How far the threads stand back behind others of this process, as `nice` counts it.
#[cfg(target_os = "linux")]
const NICE: i32 = 10;

/// How many bytes of messages may wait for each thread.
const BYTES_PER_THREAD: usize = 64 << 20;
/// How many answers are handed over together at most, while more work waits.
const TOGETHER: usize = 4;

type Work = Box<dyn Job>;

/// Work, and whoever waits for it.
trait Job: Send {
    /// Does the work, unless nobody waits for it any more.
    fn run(&mut self);

    /// Hands over what came of it.
    fn answer(self: Box<Self>);

    /// Whether others may wait for it: it takes about as long as an operation with a key, and waits for nothing itself.
    fn is_brief(&self) -> bool;
}

/// The one kind of [`Job`].
struct Task<T, F> {
    is_brief: bool,
    work: Option<F>,
    result: Option<T>,
    answer: oneshot::Sender<T>,
}

impl<T, F> Job for Task<T, F>
where
    T: Send,
    F: FnOnce() -> T + Send,
{
    fn run(&mut self) {
        if let Some(work) = self.work.take().filter(|_| !self.answer.is_closed()) {
            self.result = Some(work());
        }
    }

    fn answer(self: Box<Self>) {
        if let Some(result) = self.result {
            // A caller that went away meanwhile has no use for the answer.
            let _ = self.answer.send(result);
        }
    }

    fn is_brief(&self) -> bool {
        self.is_brief
    }
}

/// Threads that do cryptography, with a bounded queue before them. Dropped, it ends when the queue is empty.
pub struct CryptoPool {
    requests: Sender<Work>,
    answers: Sender<Work>,
    threads: usize,
    /// Bytes of the requests that wait or are worked on.
    held: Arc<AtomicUsize>,
    most_held: usize,
}

/// So many bytes of the queue, given back when dropped.
struct Held {
    bytes: usize,
    all: Arc<AtomicUsize>,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.all.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// What a thread takes its work from.
#[derive(Clone)]
struct Queues {
    requests: Receiver<Work>,
    answers: Receiver<Work>,
}

/// Why work was not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PoolError {
    /// The queue is full.
    #[error("the queue before the cryptographic threads is full")]
    Full,
    /// The work broke off.
    #[error("the cryptographic work broke off")]
    Broken,
}

impl CryptoPool {
    /// The pool of this process, for whoever has none of its own: two of them would be wider than the machine.
    pub fn shared() -> Arc<Self> {
        static SHARED: OnceLock<Arc<CryptoPool>> = OnceLock::new();
        Arc::clone(SHARED.get_or_init(Arc::default))
    }

    /// As many threads as the machine has cores.
    pub fn new() -> Self {
        let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Self::with_size(cores, cores * WAITING_PER_THREAD)
    }

    /// That many threads, and that many messages that may wait; at least one each.
    pub fn with_size(threads: usize, waiting: usize) -> Self {
        let (requests, requests_out) = bounded(waiting.max(1));
        let (answers, answers_out) = unbounded();
        let queues = Queues {
            requests: requests_out,
            answers: answers_out,
        };
        let mut started = 0;
        for number in 0..threads.max(1) {
            let queues = queues.clone();
            let thread = thread::Builder::new().name(format!("palisade-crypto-{number}"));
            match thread.spawn(move || queues.work()) {
                Ok(_) => started += 1,
                Err(error) => {
                    tracing::error!(target: "palisade::pool", %error, "a cryptographic thread does not start");
                }
            }
        }
        Self {
            requests,
            answers,
            threads: started,
            held: Arc::default(),
            most_held: threads.max(1).saturating_mul(BYTES_PER_THREAD),
        }
    }

    /// Does the work of a request of so many bytes on one of the threads, unless too much of it waits already.
    pub async fn admit<T, F>(&self, bytes: usize, work: F) -> Result<T, PoolError>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        self.begin(bytes, false, work).await
    }

    /// [`admit`](Self::admit) for work that takes no longer than a few operations with keys, and waits for nothing.
    pub async fn admit_brief<T, F>(&self, bytes: usize, work: F) -> Result<T, PoolError>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        self.begin(bytes, true, work).await
    }

    async fn begin<T, F>(&self, bytes: usize, is_brief: bool, work: F) -> Result<T, PoolError>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let held = self.hold(bytes).ok_or(PoolError::Full)?;
        let (work, answered) = wrap(is_brief, move || {
            let _held = held;
            work()
        });
        match self.requests.try_send(work) {
            Ok(()) => answered.await.map_err(|_| PoolError::Broken),
            Err(TrySendError::Full(_)) => Err(PoolError::Full),
            Err(TrySendError::Disconnected(_)) => Err(PoolError::Broken),
        }
    }

    /// Holds bytes of the queue. One message is always admitted, whatever its size.
    fn hold(&self, bytes: usize) -> Option<Held> {
        let before = self.held.fetch_add(bytes, Ordering::Relaxed);
        let held = Held {
            bytes,
            all: Arc::clone(&self.held),
        };
        (before == 0 || before.saturating_add(bytes) <= self.most_held).then_some(held)
    }

    /// Does the work of an answer on one of the threads, before that of requests.
    pub async fn finish<T, F>(&self, work: F) -> Result<T, PoolError>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        self.end(false, work).await
    }

    /// [`finish`](Self::finish) for work that takes no longer than a few operations with keys, and waits for nothing.
    pub async fn finish_brief<T, F>(&self, work: F) -> Result<T, PoolError>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        self.end(true, work).await
    }

    async fn end<T, F>(&self, is_brief: bool, work: F) -> Result<T, PoolError>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let (work, answered) = wrap(is_brief, work);
        self.answers.send(work).map_err(|_| PoolError::Broken)?;
        answered.await.map_err(|_| PoolError::Broken)
    }
}

/// Work that sends its answer to whoever waits for it.
fn wrap<T, F>(is_brief: bool, work: F) -> (Work, oneshot::Receiver<T>)
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    let (answer, answered) = oneshot::channel();
    let work: Work = Box::new(Task {
        is_brief,
        work: Some(work),
        result: None,
        answer,
    });
    (work, answered)
}

impl Default for CryptoPool {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for CryptoPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CryptoPool")
            .field("threads", &self.threads)
            .field("waiting", &(self.requests.len() + self.answers.len()))
            .finish_non_exhaustive()
    }
}

impl Queues {
    /// Works until nobody can send any more.
    fn work(self) {
        give_way();
        let mut done: Vec<Work> = Vec::with_capacity(TOGETHER);
        loop {
            let next = self.waiting().or_else(|| {
                // Nobody waits for an answer longer than there is other work to do.
                done.drain(..).for_each(Job::answer);
                self.next()
            });
            let Some(mut work) = next else { return };
            let is_brief = work.is_brief();
            if !is_brief {
                done.drain(..).for_each(Job::answer);
            }
            // The caller learns of a panic because nothing answers.
            if catch_unwind(AssertUnwindSafe(|| work.run())).is_ok() {
                done.push(work);
            } else {
                tracing::error!(target: "palisade::pool", "cryptographic work panicked");
            }
            if done.len() == TOGETHER || !is_brief {
                done.drain(..).for_each(Job::answer);
            }
        }
    }

    /// Work that is there, if any.
    fn waiting(&self) -> Option<Work> {
        self.answers.try_recv().or_else(|_| self.requests.try_recv()).ok()
    }

    /// Work to come; none when nobody can send any more.
    fn next(&self) -> Option<Work> {
        select! {
            recv(self.answers) -> work => work.ok(),
            recv(self.requests) -> work => work.ok(),
        }
    }
}

/// Lets the runtime's threads go first: they have little to do, and every route waits for it.
fn give_way() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(Some(rustix::thread::gettid()), NICE) {
        tracing::debug!(target: "palisade::pool", %error, "a cryptographic thread keeps its priority");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::sync::{Arc, Mutex};

    use super::{CryptoPool, PoolError};

    /// Work that does not end before it is let go.
    fn held() -> (mpsc::Sender<()>, impl FnOnce() -> u8 + Send + 'static) {
        let (release, released) = mpsc::channel();
        let released = Mutex::new(released);
        (release, move || {
            let _ = released.lock().unwrap().recv();
            1
        })
    }

    #[tokio::test]
    async fn work_is_done_elsewhere() {
        let pool = CryptoPool::with_size(1, 1);
        let here = std::thread::current().id();
        let there = pool.admit(1, || std::thread::current().id()).await.unwrap();
        assert_ne!(here, there);
    }

    #[tokio::test]
    async fn a_full_queue_refuses_at_once_and_what_waits_is_done() {
        let pool = Arc::new(CryptoPool::with_size(1, 1));
        let (release, work) = held();
        let (started, is_started) = tokio::sync::oneshot::channel();
        let running = tokio::spawn({
            let pool = Arc::clone(&pool);
            async move {
                pool.admit(1, move || {
                    let _ = started.send(());
                    work()
                })
                .await
            }
        });
        is_started.await.unwrap();
        let mut waiting = Box::pin(pool.admit(1, || 2_u8));
        assert!(futures_util::poll!(&mut waiting).is_pending());
        assert_eq!(pool.admit(1, || 3_u8).await, Err(PoolError::Full));
        release.send(()).unwrap();
        assert_eq!(running.await.unwrap(), Ok(1));
        assert_eq!(waiting.await, Ok(2));
        assert_eq!(pool.admit(1, || 4_u8).await, Ok(4));
    }

    #[tokio::test]
    async fn the_queue_is_bounded_in_bytes_too() {
        let pool = CryptoPool::with_size(1, 100);
        let (release, work) = held();
        let mut first = Box::pin(pool.admit(super::BYTES_PER_THREAD * 2, work));
        assert!(futures_util::poll!(&mut first).is_pending());
        assert_eq!(pool.admit(1, || ()).await, Err(PoolError::Full));
        release.send(()).unwrap();
        assert_eq!(first.await, Ok(1));
        assert_eq!(pool.admit(1, || 2_u8).await, Ok(2));
        assert_eq!(pool.held.load(std::sync::atomic::Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn work_of_others_holds_up_no_answer() {
        let pool = CryptoPool::with_size(1, 10);
        let (release, work) = held();
        let mut first = Box::pin(pool.admit(1, work));
        assert!(futures_util::poll!(&mut first).is_pending());
        let mut quick = Box::pin(pool.admit_brief(1, || 2_u8));
        assert!(futures_util::poll!(&mut quick).is_pending());
        // It goes on only when the caller of the quick one has its answer.
        let (go_on, may_go_on) = mpsc::channel::<()>();
        let may_go_on = Mutex::new(may_go_on);
        let mut long = Box::pin(pool.admit(1, move || may_go_on.lock().unwrap().recv().is_ok()));
        assert!(futures_util::poll!(&mut long).is_pending());
        release.send(()).unwrap();
        assert_eq!(first.await, Ok(1));
        assert_eq!(quick.await, Ok(2));
        go_on.send(()).unwrap();
        assert_eq!(long.await, Ok(true));
    }

    #[tokio::test]
    async fn answers_come_first_and_are_never_refused() {
        let pool = CryptoPool::with_size(1, 1);
        let (release, work) = held();
        let mut first = Box::pin(pool.admit(1, work));
        assert!(futures_util::poll!(&mut first).is_pending());
        let order = Arc::new(Mutex::new(Vec::new()));
        let note = |name: &'static str| {
            let order = Arc::clone(&order);
            move || order.lock().unwrap().push(name)
        };
        // The first may still stand in the queue; then this waits for it to be taken.
        let mut request = loop {
            let mut request = Box::pin(pool.admit(1, note("request")));
            match futures_util::poll!(&mut request) {
                std::task::Poll::Pending => break request,
                std::task::Poll::Ready(refused) => assert_eq!(refused, Err(PoolError::Full)),
            }
        };
        let mut answers: Vec<_> = ["one", "two", "three"]
            .map(|name| Box::pin(pool.finish(note(name))))
            .into();
        for answer in &mut answers {
            assert!(futures_util::poll!(answer).is_pending());
        }
        release.send(()).unwrap();
        assert_eq!(first.await, Ok(1));
        for answer in answers {
            answer.await.unwrap();
        }
        (&mut request).await.unwrap();
        assert_eq!(*order.lock().unwrap(), ["one", "two", "three", "request"]);
    }

    #[tokio::test]
    async fn work_without_a_caller_is_not_begun() {
        let pool = CryptoPool::with_size(1, 4);
        let (release, work) = held();
        let mut first = Box::pin(pool.admit(1, work));
        assert!(futures_util::poll!(&mut first).is_pending());
        let begun = Arc::new(Mutex::new(false));
        let mut given_up = Box::pin(pool.admit(1, {
            let begun = Arc::clone(&begun);
            move || *begun.lock().unwrap() = true
        }));
        assert!(futures_util::poll!(&mut given_up).is_pending());
        drop(given_up);
        release.send(()).unwrap();
        assert_eq!(first.await, Ok(1));
        assert_eq!(pool.admit(1, || 5_u8).await, Ok(5));
        assert!(!*begun.lock().unwrap());
    }

    #[tokio::test]
    async fn a_panic_breaks_its_own_work_alone() {
        let pool = CryptoPool::with_size(1, 1);
        let broken: Result<u8, _> = pool.admit(1, || panic!("of a test")).await;
        assert_eq!(broken, Err(PoolError::Broken));
        assert_eq!(pool.admit(1, || 6_u8).await, Ok(6));
    }
}
