//! What the age of a certificate calls for.

use std::time::{Duration, SystemTime};

use palisade_core::{Finding, Severity};

use crate::entry::{Certificate, Entry};

/// How long before its end a certificate is worth a finding.
const EXPIRES_SOON: Duration = Duration::from_hours(30 * 24);
/// How old the certificate of a key may be before it is worth a finding: two years.
const OLD: Duration = Duration::from_hours(2 * 365 * 24);

/// What the age of a certificate calls for. An expired one of our own fails every peer; an expired trusted one, some.
pub(crate) fn finding(entry: &Entry, certificate: &Certificate, now: SystemTime) -> Option<Finding> {
    let facts = certificate.facts();
    let (expired, soon) = match entry {
        Entry::Key(_) => (Severity::Severe, Severity::Moderate),
        Entry::Certificates { .. } | Entry::PublicKey(_) | Entry::Unusable { .. } => {
            (Severity::Moderate, Severity::Caution)
        }
    };
    let what = format!(
        "the certificate of `{}` under alias `{}`",
        facts.subject,
        entry.alias()
    );
    if facts.not_after < now {
        return Some(Finding::new(
            expired,
            "certificate-expired",
            format!("{what} has expired"),
        ));
    }
    if facts.not_before > now {
        return Some(Finding::new(
            expired,
            "certificate-not-yet-valid",
            format!("{what} is not valid yet"),
        ));
    }
    let left = facts.not_after.duration_since(now).unwrap_or_default();
    if left < EXPIRES_SOON {
        let days = left.as_secs() / 86_400;
        return Some(Finding::new(
            soon,
            "certificate-expires-soon",
            format!("{what} expires in {days} days"),
        ));
    }
    let age = now.duration_since(facts.not_before).unwrap_or_default();
    let is_own = matches!(entry, Entry::Key(key) if key.certificate() == Some(certificate));
    (is_own && age > OLD).then(|| {
        let days = age.as_secs() / 86_400;
        Finding::new(
            Severity::Caution,
            "certificate-old",
            format!("{what} is {days} days old: a key ought to be replaced from time to time"),
        )
    })
}
