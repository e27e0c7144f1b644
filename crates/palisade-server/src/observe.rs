//! Logs and metrics of a process that serves: one call for what every program of ours does.

use std::time::Duration;

use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle};
use palisade_core::{Finding, Severity};

use crate::Server;
use crate::logs::{self, InitError};

/// How often the recorder tidies up behind itself.
const UPKEEP: Duration = Duration::from_secs(5);

/// Why a process is not observed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ObserveError {
    /// It logs already, or the level cannot be read.
    #[error(transparent)]
    Log(#[from] InitError),
    /// It has a recorder of metrics already.
    #[error("metrics cannot be recorded: {0}")]
    Metrics(#[from] BuildError),
}

impl Server {
    /// Logs as `palisade.log` says, records metrics for `/metrics` of the admin listener, and logs the findings of the configuration.
    ///
    /// Both are for the whole process, which does this once; an application with a log or recorder of its own leaves it out, or
    /// takes [`with_log`](Self::with_log) and [`with_metrics`](Self::with_metrics).
    pub fn observe(self) -> Result<Self, ObserveError> {
        let log = logs::init(&self.settings().log)?;
        let metrics = PrometheusBuilder::new().install_recorder()?;
        for finding in self.findings() {
            log_finding(finding);
        }
        Ok(self.with_log(log).with_metrics(metrics))
    }
}

/// Severe findings are errors, so that they are seen at the default level.
pub(crate) fn log_finding(finding: &Finding) {
    let Finding { code, message, .. } = finding;
    let (key, origin) = (finding.key.as_deref(), finding.origin.as_deref());
    match finding.severity {
        Severity::Severe => tracing::error!(target: "palisade::finding", %code, key, origin, "{message}"),
        Severity::Moderate => tracing::warn!(target: "palisade::finding", %code, key, origin, "{message}"),
        _ => tracing::info!(target: "palisade::finding", %code, key, origin, "{message}"),
    }
}

/// Tidies up behind the recorder until it is dropped.
pub(crate) async fn keep_up(metrics: PrometheusHandle) {
    let mut interval = tokio::time::interval(UPKEEP);
    loop {
        interval.tick().await;
        metrics.run_upkeep();
    }
}
