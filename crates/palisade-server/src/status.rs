//! What the server knows of its own state.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use arc_swap::ArcSwap;
use palisade_core::{Alarm, Alarms, Finding};
use serde::Serialize;

/// The life of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
pub enum LifePhase {
    /// Its listeners do not all accept yet.
    Starting = 0,
    /// It serves.
    Ready = 1,
    /// It finishes what is under way and accepts nothing new.
    Draining = 2,
}

/// How the last reload went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case", tag = "outcome")]
#[non_exhaustive]
pub enum Reload {
    /// There was none since the start.
    None,
    /// What is in the files applies.
    Applied {
        /// When, RFC 3339.
        at: String,
        /// What changed for endpoint groups.
        changes: String,
        /// What no longer loads and keeps its last good state: keystores, and listeners that are no longer configured.
        alarms: Vec<String>,
        /// Settings that changed and need a restart.
        needs_restart: Vec<String>,
    },
    /// What is in the files is wrong; what applied before still does.
    Refused {
        /// When, RFC 3339.
        at: String,
        /// Everything that is wrong.
        errors: Vec<String>,
    },
}

/// What follows from the configuration that applies.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Applied {
    /// The number of endpoint groups.
    pub groups: usize,
    /// What is allowed and unwise.
    pub findings: Vec<Finding>,
}

/// Findings that change without a reload.
pub(crate) type LiveFindings = Arc<ArcSwap<Vec<Finding>>>;

/// The state of a server, shared between it and its admin listener.
#[derive(Debug)]
pub struct Status {
    phase: AtomicU8,
    reload: ArcSwap<Reload>,
    applied: ArcSwap<Applied>,
    /// What is unwise about the directory of a database, which is followed.
    of_directory: ArcSwap<ArcSwap<Vec<Finding>>>,
    alarms: Alarms,
}

impl Status {
    /// The state of a server that is about to start.
    pub fn new(applied: Applied) -> Self {
        Self {
            phase: AtomicU8::new(LifePhase::Starting as u8),
            reload: ArcSwap::from_pointee(Reload::None),
            applied: ArcSwap::from_pointee(applied),
            of_directory: ArcSwap::default(),
            alarms: Alarms::default(),
        }
    }

    /// Shows these findings, too.
    #[must_use]
    pub(crate) fn following(self, findings: LiveFindings) -> Self {
        self.follows(findings);
        self
    }

    /// Shows these alarms.
    #[must_use]
    pub(crate) fn alarming(mut self, alarms: Alarms) -> Self {
        self.alarms = alarms;
        self
    }

    /// Where it stands in its life.
    pub fn phase(&self) -> LifePhase {
        match self.phase.load(Ordering::Acquire) {
            0 => LifePhase::Starting,
            1 => LifePhase::Ready,
            _ => LifePhase::Draining,
        }
    }

    /// How the last reload went.
    pub fn reload(&self) -> Arc<Reload> {
        self.reload.load_full()
    }

    /// What applies, with what is unwise about the directory as it is now.
    pub fn applied(&self) -> Arc<Applied> {
        let mut applied = self.applied.load_full();
        let of_directory = self.of_directory.load().load_full();
        if !of_directory.is_empty() {
            Arc::make_mut(&mut applied)
                .findings
                .extend_from_slice(&of_directory);
        }
        applied
    }

    /// What is wrong now, and will be over: what cannot be read or fetched, and keeps its last good state.
    pub fn alarms(&self) -> Vec<Alarm> {
        self.alarms.raised()
    }

    /// What applies, but for the directory.
    pub(crate) fn compiled(&self) -> Arc<Applied> {
        self.applied.load_full()
    }

    /// Moves on; a life has no way back.
    pub(crate) fn enter(&self, phase: LifePhase) {
        self.phase.fetch_max(phase as u8, Ordering::AcqRel);
    }

    pub(crate) fn reloaded(&self, reload: Reload) {
        self.reload.store(Arc::new(reload));
    }

    pub(crate) fn follows(&self, findings: LiveFindings) {
        self.of_directory.store(findings);
    }

    pub(crate) fn applies(&self, applied: Applied) {
        self.applied.store(Arc::new(applied));
    }
}

#[cfg(test)]
mod tests {
    use super::{Applied, LifePhase, Status};

    #[test]
    fn a_server_that_drains_is_never_ready_again() {
        let status = Status::new(Applied::default());
        assert_eq!(status.phase(), LifePhase::Starting);
        status.enter(LifePhase::Draining);
        status.enter(LifePhase::Ready);
        assert_eq!(status.phase(), LifePhase::Draining);
    }
}
