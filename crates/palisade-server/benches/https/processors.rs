//! Client and servers on processors of their own.
//!
//! Where they share one, each answer wakes the client, which may take the processor from the server, or not: the more a server
//! runs, the more likely. What one pays for that says little about it, and is more than what is measured here.

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// A processor for the client, and one for servers; `None` where there is only one.
pub(crate) fn apart() -> Option<[usize; 2]> {
    let allowed = sched_getaffinity(None).unwrap();
    let mut processors = (0..CpuSet::MAX_CPU).filter(|processor| allowed.is_set(*processor));
    Some([processors.next()?, processors.next()?])
}

/// Keeps this thread, and those it begins, on that processor.
pub(crate) fn keep_to(processor: usize) {
    let mut only = CpuSet::new();
    only.set(processor);
    sched_setaffinity(None, &only).unwrap();
}
