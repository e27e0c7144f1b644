//! Certificates that grow old while a server runs.
//!
//! 1. Once an hour, what the ages of the certificates in keystores and of revocation lists call for is found anew, and `/status`
//!    shows that.
//! 2. One that has expired, or does so soon, is told in the log, and again once a day.
//!
//! What this does not do: it replaces no certificate, and refuses nothing. A change of files is followed elsewhere.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use palisade_core::{Clock, Finding};
use tokio::task::spawn_blocking;

use crate::observe::log_finding;
use crate::reload::Running;

/// How often the clock is asked whether an hour has passed.
const LOOK: Duration = Duration::from_secs(30);
/// How often ages are looked at.
const EACH: Duration = Duration::from_hours(1);
/// How often the same is told.
const AGAIN: Duration = Duration::from_hours(24);
/// What is worth telling again.
const CODES: [&str; 4] = [
    "certificate-expired",
    "certificate-expires-soon",
    "crl-expired",
    "crl-expires-soon",
];

/// Whether that is about a revocation list, and changes as time passes.
pub(crate) fn is_of_list(finding: &Finding) -> bool {
    matches!(finding.code.as_ref(), "crl-expired" | "crl-expires-soon")
}

/// What was told, and when.
#[derive(Debug, Default)]
pub(crate) struct Told(BTreeMap<(String, String), SystemTime>);

impl Told {
    /// Takes these for told at the start.
    pub(crate) fn at_the_start(findings: &[Finding], now: SystemTime) -> Self {
        let mut told = Self::default();
        told.due(findings, now);
        told
    }

    /// Those that are to be told now. What is no longer found is forgotten.
    pub(crate) fn due(&mut self, findings: &[Finding], now: SystemTime) -> Vec<Finding> {
        let before = std::mem::take(&mut self.0);
        let mut due = Vec::new();
        let telling = findings
            .iter()
            .filter(|finding| CODES.contains(&finding.code.as_ref()));
        for finding in telling {
            // The message names certificate and alias, or the issuer of the list.
            let name = (finding.key.clone().unwrap_or_default(), finding.message.clone());
            let earlier = before.get(&name).copied();
            // A clock that was set back must not silence anything.
            let is_due = earlier.is_none_or(|at| now.duration_since(at).map_or(true, |since| since >= AGAIN));
            let at = earlier.filter(|_| !is_due).unwrap_or(now);
            if self.0.insert(name, at).is_none() && is_due {
                due.push(finding.clone());
            }
        }
        due
    }
}

/// Looks at the ages of certificates until it is dropped.
pub(crate) async fn watch(running: Arc<Running>, clock: Arc<dyn Clock>) {
    let mut interval = tokio::time::interval(LOOK);
    let mut looked = clock.elapsed();
    loop {
        interval.tick().await;
        let now = clock.elapsed();
        if now.saturating_sub(looked) < EACH {
            continue;
        }
        looked = now;
        let running = Arc::clone(&running);
        // A reload that reads files may be in the way.
        let due = spawn_blocking(move || running.look_at_certificates());
        for finding in due.await.iter().flatten() {
            log_finding(finding);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use palisade_core::{Finding, Severity};

    use super::Told;

    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn each_is_told_once_a_day_and_at_once_when_it_is_new() {
        let soon = Finding::new(
            Severity::Moderate,
            "certificate-expires-soon",
            "`a` expires in 2 days",
        );
        let expired = Finding::new(Severity::Severe, "certificate-expired", "`b` has expired");
        let old = Finding::new(Severity::Caution, "certificate-old", "`c` is old");
        let start = UNIX_EPOCH + HOUR * 24 * 365;
        let mut told = Told::at_the_start(&[soon.clone(), old.clone()], start);
        let both = [soon.clone(), old, expired.clone()];
        let mut at = |hours: u32| told.due(&both, start + HOUR * hours);
        assert_eq!(at(1), std::slice::from_ref(&expired));
        assert_eq!(at(2), []);
        assert_eq!(at(23), []);
        assert_eq!(at(24), std::slice::from_ref(&soon));
        assert_eq!(at(25), std::slice::from_ref(&expired));
        assert_eq!(at(26), []);
        assert_eq!(told.due(&[], start + HOUR * 27), []);
        assert_eq!(
            told.due(&both, start + HOUR * 28),
            [soon.clone(), expired.clone()]
        );
        assert_eq!(
            told.due(&both, start),
            [soon, expired],
            "a clock that was set back"
        );
    }
}
