//! Client certificates that are seen in traffic and end soon.
//!
//! 1. One ends soon when 30 days are left, or a third of its validity where that is less: certificates that are renewed each day
//!    or each week are not told of all the time.
//! 2. Each is told of once a day, whichever listeners it is seen at: the memory is that of the process, of all its servers.
//! 3. That memory is bounded. While it is full of certificates of one day, further ones are not told of; that is looked at anew
//!    once an hour, not with each request.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use palisade_core::ClientCertificate;

const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);
/// How long before its end a certificate is told of at the earliest.
const SOON: Duration = Duration::from_hours(30 * 24);
/// The most certificates that are remembered as told. Each of them was issued by a trusted issuer.
const MOST: usize = 10_000;

/// Tells of each certificate once a day, so that its owner can be asked for the next one in time.
#[derive(Debug, Default)]
pub(crate) struct Ending(Mutex<Told>);

#[derive(Debug, Default)]
struct Told {
    /// When, by fingerprint.
    at: HashMap<[u8; 32], SystemTime>,
    /// When those of earlier days were forgotten last.
    pruned: Option<SystemTime>,
}

impl Ending {
    /// That of the process.
    pub(crate) fn shared() -> &'static Self {
        static SHARED: LazyLock<Ending> = LazyLock::new(Ending::default);
        &SHARED
    }

    /// Takes note of a certificate that came with a request.
    pub(crate) fn see(&self, certificate: &ClientCertificate, listener: &str, now: SystemTime) {
        let Some(left) = left_of_ending(certificate, now) else {
            return;
        };
        if self.is_due(certificate.fingerprint, now) {
            tracing::warn!(
                target: "palisade::tls",
                listener,
                days = left.as_secs() / DAY.as_secs(),
                subject = %certificate.subject,
                sha256 = %certificate.fingerprint_hex(),
                "a client certificate ends soon"
            );
        }
    }

    fn is_due(&self, fingerprint: [u8; 32], now: SystemTime) -> bool {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let earlier = told.at.get(&fingerprint);
        if earlier.is_some_and(|at| !is_over(*at, DAY, now)) {
            return false;
        }
        if told.at.len() >= MOST && told.pruned.is_none_or(|at| is_over(at, HOUR, now)) {
            told.pruned = Some(now);
            told.at.retain(|_, at| !is_over(*at, DAY, now));
        }
        // Should they all be of today, one that is not remembered would be told with every request.
        let has_room = told.at.len() < MOST || told.at.contains_key(&fingerprint);
        if has_room {
            told.at.insert(fingerprint, now);
        }
        has_room
    }
}

/// What is left of a certificate that ends soon.
fn left_of_ending(certificate: &ClientCertificate, now: SystemTime) -> Option<Duration> {
    let left = certificate.not_after.duration_since(now).ok()?;
    let validity = certificate
        .not_after
        .duration_since(certificate.not_before)
        .ok()?;
    (left < SOON.min(validity / 3)).then_some(left)
}

/// A clock that was set back must not silence anything.
fn is_over(at: SystemTime, period: Duration, now: SystemTime) -> bool {
    now.duration_since(at).map_or(true, |since| since >= period)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use palisade_core::{CertificateSource, ClientCertificate};
    use rstest::rstest;

    use super::{DAY, Ending, HOUR, MOST, left_of_ending};

    #[rstest]
    #[case::of_a_year(DAY * 365, DAY * 30, false)]
    #[case::of_a_year_in_its_last_month(DAY * 365, DAY * 29, true)]
    #[case::of_a_week(DAY * 7, DAY * 3, false)]
    #[case::of_a_week_that_nobody_renewed(DAY * 7, DAY * 2, true)]
    #[case::of_a_day(DAY, HOUR * 8, false)]
    #[case::of_a_day_that_nobody_renewed(DAY, HOUR * 7, true)]
    fn what_is_soon_depends_on_the_validity(
        #[case] validity: Duration,
        #[case] left: Duration,
        #[case] is_soon: bool,
    ) {
        let now = UNIX_EPOCH + DAY * 1000;
        let mut certificate = ClientCertificate::new(*b"certificate", CertificateSource::Handshake);
        certificate.not_after = now + left;
        certificate.not_before = certificate.not_after - validity;
        assert_eq!(left_of_ending(&certificate, now), is_soon.then_some(left));
        assert_eq!(
            left_of_ending(&certificate, now + left + HOUR),
            None,
            "it has ended"
        );
    }

    #[test]
    fn each_certificate_is_told_once_a_day() {
        let ending = Ending::default();
        let now = UNIX_EPOCH + DAY * 1000;
        assert!(ending.is_due([1; 32], now));
        assert!(!ending.is_due([1; 32], now + Duration::from_secs(1)));
        assert!(ending.is_due([2; 32], now));
        assert!(!ending.is_due([1; 32], now + DAY - Duration::from_secs(1)));
        assert!(ending.is_due([1; 32], now + DAY));
        assert!(ending.is_due([1; 32], now), "a clock that was set back");
    }

    #[test]
    fn what_is_remembered_is_bounded_and_tidied_once_an_hour() {
        let ending = Ending::default();
        let now = UNIX_EPOCH + DAY * 1000;
        let name = |number: usize| {
            let mut name = [0; 32];
            name[..8].copy_from_slice(&number.to_be_bytes());
            name
        };
        for number in 0..MOST {
            assert!(ending.is_due(name(number), now));
        }
        let last = now + DAY - HOUR / 2;
        assert!(!ending.is_due(name(MOST), last));
        assert!(!ending.is_due(name(MOST), now + DAY), "tidied half an hour ago");
        assert!(
            ending.is_due(name(MOST), last + HOUR),
            "yesterday's are forgotten"
        );
        assert_eq!(ending.0.lock().unwrap().at.len(), 1);
    }
}
