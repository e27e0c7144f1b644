//! Who tells how limits stand: the running server, or else their stores.

use std::future::Future;

use palisade_config::{Error, Errors};
use palisade_endpoint::{LimitInForce, LimitLeftOut, LimitReport, LimitsByKey};
use serde::{Deserialize, Serialize};
use tokio::runtime::{self, Runtime};

use super::running::RunningServer;
use crate::commands::Compiled;
use crate::instant;
use crate::outcome::Failure;

/// The store whose counters end with a server.
const MEMORY: &str = "memory";
/// The store that is a file.
const EMBEDDED: &str = "embedded";

/// Which limits are meant, and which of their keys.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::commands) struct Selection<'a> {
    pub(in crate::commands) interceptor: Option<&'a str>,
    pub(in crate::commands) stage: Option<&'a str>,
    pub(in crate::commands) key: Option<&'a str>,
    pub(in crate::commands) keys: usize,
}

/// What was reset, and what was not because it has no such key.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Forgotten {
    pub(super) reset: Vec<Reset>,
    #[serde(default)]
    pub(super) left_out: Vec<LimitLeftOut>,
}

/// A limit that was reset.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Reset {
    pub(super) interceptor: String,
    pub(super) stage: String,
    /// How many keys had used something.
    pub(super) keys: u64,
}

/// Who tells.
pub(in crate::commands) struct Teller<'a> {
    compiled: &'a Compiled,
    runtime: Runtime,
    source: Source,
}

enum Source {
    Server(Box<RunningServer>),
    Stores {
        /// Why no server tells.
        why: String,
        /// Why the file cannot be opened.
        not_opened: Option<String>,
    },
}

impl Selection<'_> {
    /// The parameters of a request.
    pub(super) fn query(self, resets: bool) -> String {
        let keys = (self.keys > 0).then(|| self.keys.to_string());
        let all = (resets && self.key.is_none()).then_some("true");
        let parameters = [
            ("interceptor", self.interceptor),
            ("stage", self.stage),
            ("key", self.key),
            ("keys", keys.as_deref()),
            ("all", all),
        ];
        let given: Vec<_> = parameters
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)))
            .collect();
        // Pairs of texts always have a form.
        serde_urlencoded::to_string(given).unwrap_or_default()
    }
}

impl<'a> Teller<'a> {
    /// Looks for a server that runs, and else opens the stores.
    pub(in crate::commands) fn find(compiled: &'a Compiled) -> Result<Self, Failure> {
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::wrong(format!("the runtime cannot start: {error}")))?;
        let source = runtime.block_on(async {
            match RunningServer::find(&compiled.settings.admin, compiled.config.folder()).await {
                Ok(server) => Source::Server(Box::new(server)),
                Err(why) => Source::Stores {
                    why,
                    not_opened: compiled
                        .counters
                        .begin_to_look()
                        .await
                        .err()
                        .map(|error| error.to_string()),
                },
            }
        });
        Ok(Self {
            compiled,
            runtime,
            source,
        })
    }

    /// The server that tells.
    pub(in crate::commands) fn server(&self) -> Option<String> {
        match &self.source {
            Source::Server(server) => Some(server.url()),
            Source::Stores { .. } => None,
        }
    }

    /// What is known of these limits.
    pub(in crate::commands) fn reports(&self, selection: Selection<'_>) -> Result<Vec<LimitReport>, Failure> {
        match &self.source {
            Source::Server(server) => Ok(self.wait(server.reports(selection))?),
            Source::Stores { .. } => {
                let limits = self.select(selection)?;
                let by_key = LimitsByKey::of(limits.clone(), selection.key);
                if let Some(expected) = by_key.mismatch() {
                    return Err(Failure::wrong(no_such_key(&by_key.left_out, &expected)));
                }
                Ok(limits.iter().map(|limit| self.report(limit, selection)).collect())
            }
        }
    }

    fn report(&self, limit: &LimitInForce<'_>, selection: Selection<'_>) -> LimitReport {
        match self.out_of_reach(limit) {
            Some(why) => LimitReport::from(limit.description()).unknown(why),
            None => self.wait(limit.report(selection.key, selection.keys, instant::now())),
        }
    }

    /// Forgets what the key has used, or every key where none is named.
    pub(super) fn reset(&self, selection: Selection<'_>) -> Result<Forgotten, Failure> {
        if let Source::Server(server) = &self.source {
            return Ok(self.wait(server.reset(selection))?);
        }
        let wanted = LimitsByKey::of(self.select(selection)?, selection.key);
        if let Some(expected) = wanted.mismatch() {
            return Err(Failure::wrong(no_such_key(&wanted.left_out, &expected)));
        }
        for (limit, _) in &wanted.fitting {
            if let Some(why) = self.out_of_reach(limit) {
                let (interceptor, stage) = (limit.interceptor(), limit.stage());
                return Err(Failure::refused(format!(
                    "{interceptor}.{stage} cannot be reset: {why}"
                )));
            }
        }
        let mut reset = Vec::new();
        for (limit, key) in wanted.fitting {
            let keys = self
                .wait(limit.reset(key))
                .map_err(|error| Failure::refused(error.to_string()))?;
            reset.push(Reset {
                interceptor: limit.interceptor().to_owned(),
                stage: limit.stage().to_owned(),
                keys,
            });
        }
        Ok(Forgotten {
            reset,
            left_out: wanted.left_out,
        })
    }

    /// Why the store of a limit cannot be asked from here.
    fn out_of_reach(&self, limit: &LimitInForce<'_>) -> Option<String> {
        let Source::Stores { why, not_opened } = &self.source else {
            return None;
        };
        match limit.limit().store_name() {
            MEMORY => Some(format!(
                "what is counted in memory is known to the running server alone; {why}"
            )),
            EMBEDDED => not_opened.as_ref().map(|error| format!("{error}; {why}")),
            _ => None,
        }
    }

    /// The limits of the configuration that are meant.
    fn select(&self, selection: Selection<'_>) -> Result<Vec<LimitInForce<'a>>, Failure> {
        let mut limits = self.compiled.policy.limits();
        let known: Vec<&str> = limits.iter().map(LimitInForce::interceptor).collect();
        if let Some(name) = selection.interceptor
            && !known.contains(&name)
        {
            let message = format!("no limit in force is of an interceptor {name}");
            let error = Error::general(message).nearest(name, known);
            return Err(Failure::Errors(Errors::from(error)));
        }
        limits.retain(|limit| {
            selection
                .interceptor
                .is_none_or(|wanted| wanted == limit.interceptor())
                && selection.stage.is_none_or(|wanted| wanted == limit.stage())
        });
        match selection.stage {
            Some(stage) if limits.is_empty() => {
                Err(Failure::wrong(format!("no limit in force is of a stage {stage}")))
            }
            _ => Ok(limits),
        }
    }

    fn wait<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }
}

/// No limit that is meant has the key.
fn no_such_key(limits: &[LimitLeftOut], expected: &str) -> String {
    let names = limits
        .iter()
        .map(|limit| format!("{}.{}", limit.interceptor, limit.stage));
    format!(
        "the key of {}: expected {expected}",
        names.collect::<Vec<_>>().join(", ")
    )
}
