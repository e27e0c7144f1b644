//! What operators write about the memory of accepted messages.

use palisade_config::{Config, Errors};
use palisade_core::{Finding, Severity};
use serde::Deserialize;

use super::located;

/// `palisade.replay`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
#[non_exhaustive]
pub struct ReplaySettings {
    /// Where accepted messages are remembered; all interceptors share one memory.
    pub store: ReplayStoreKind,
    /// How many messages are remembered at most; more are refused until some have expired.
    pub max_entries: usize,
}

/// Where accepted messages are remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ReplayStoreKind {
    /// In this process alone; after a start, messages created before it are refused.
    Memory,
    /// In a file below `palisade.data-dir`, which survives a restart.
    #[default]
    Embedded,
    /// In Redis, where `palisade.redis` says: all servers that share it accept a message once.
    Redis,
}

impl Default for ReplaySettings {
    fn default() -> Self {
        Self {
            store: ReplayStoreKind::Embedded,
            max_entries: 1_000_000,
        }
    }
}

impl ReplaySettings {
    pub(super) fn read(config: &Config, errors: &mut Errors) -> Self {
        let settings: Self = super::read(config, "palisade.replay", errors);
        if settings.max_entries == 0 {
            errors.push(config.error("palisade.replay.max-entries", "at least 1"));
        }
        settings
    }

    pub(super) fn findings(self, config: &Config) -> Option<Finding> {
        let message = "a restart forgets which messages were accepted: those created before it are refused, and those of senders \
                       whose clocks run ahead may be accepted twice";
        (self.store == ReplayStoreKind::Memory).then(|| {
            located(
                config,
                Severity::Caution,
                "replay-memory-volatile",
                message,
                "palisade.replay.store",
            )
        })
    }
}
