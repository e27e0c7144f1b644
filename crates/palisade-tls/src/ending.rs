//! Client certificates that are seen in traffic and end soon.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use palisade_core::ClientCertificate;

const DAY: Duration = Duration::from_hours(24);
/// How long before its end a certificate is told of.
const SOON: Duration = Duration::from_hours(30 * 24);
/// The most certificates that are remembered as told. Each of them was issued by a trusted issuer.
const MOST: usize = 10_000;

/// Tells of each certificate once a day, so that its owner can be asked for the next one in time.
#[derive(Debug, Default)]
pub(crate) struct Ending(Mutex<HashMap<[u8; 32], SystemTime>>);

impl Ending {
    /// Takes note of a certificate that came with a request.
    pub(crate) fn see(&self, certificate: &ClientCertificate, listener: &str, now: SystemTime) {
        let Ok(left) = certificate.not_after.duration_since(now) else {
            return;
        };
        if left < SOON && self.is_due(certificate.fingerprint, now) {
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
        // A clock that was set back must not silence anything.
        let is_over = |at: SystemTime| now.duration_since(at).map_or(true, |since| since >= DAY);
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if told.get(&fingerprint).is_some_and(|at| !is_over(*at)) {
            return false;
        }
        if told.len() >= MOST {
            told.retain(|_, at| !is_over(*at));
        }
        // Should they all be of today, one that is not remembered would be told with every request.
        let has_room = told.len() < MOST || told.contains_key(&fingerprint);
        if has_room {
            told.insert(fingerprint, now);
        }
        has_room
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::{DAY, Ending, MOST};

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
    fn what_is_remembered_is_bounded() {
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
        assert!(!ending.is_due(name(MOST), now));
        assert!(ending.is_due(name(MOST), now + DAY), "yesterday's are forgotten");
        assert_eq!(ending.0.lock().unwrap().len(), 1);
    }
}
