//! What a server says in the clear at the beginning of a handshake (RFC 5246 sections 6.2.1 and 7.4).
//!
//! The TLS library keeps to itself what it does not agree with. These are facts for people, and decide nothing.

use palisade_core::TlsVersion;
use rustls_pki_types::CertificateDer;

const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const SERVER_HELLO: u8 = 2;
const CERTIFICATE: u8 = 11;
const SERVER_KEY_EXCHANGE: u8 = 12;
const NAMED_CURVE: u8 = 3;

/// The beginning of a server's side.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Flight {
    /// The version of its hello; TLS 1.3 says 1.2 there.
    pub(super) version: Option<TlsVersion>,
    /// The suite that the hello chooses.
    pub(super) suite: Option<u16>,
    /// The certificates, up to TLS 1.2.
    pub(super) chain: Vec<CertificateDer<'static>>,
    /// The group of an exchange with elliptic curves, up to TLS 1.2.
    pub(super) group: Option<u16>,
    /// The version on the record of an alert, where that is all it said.
    pub(super) alert: Option<TlsVersion>,
}

impl Flight {
    /// Reads as far as it can be read.
    pub(super) fn read(bytes: &[u8]) -> Self {
        let mut flight = Self::default();
        let mut messages = Vec::new();
        let mut rest = Reader(bytes);
        while let Some((kind, version, record)) = rest.record() {
            match kind {
                HANDSHAKE => messages.extend_from_slice(record),
                ALERT if messages.is_empty() => {
                    flight.alert = version;
                    break;
                }
                // From here on it is encrypted.
                _ => break,
            }
        }
        let mut rest = Reader(&messages);
        while let Some((kind, body)) = rest.message() {
            match kind {
                SERVER_HELLO => {
                    let mut hello = Reader(body);
                    flight.version = hello.u16().and_then(version);
                    flight.suite = suite(hello);
                }
                CERTIFICATE => flight.chain = certificates(body).unwrap_or_default(),
                SERVER_KEY_EXCHANGE => flight.group = group(body),
                _ => {}
            }
        }
        flight
    }
}

fn certificates(body: &[u8]) -> Option<Vec<CertificateDer<'static>>> {
    let mut list = Reader(Reader(body).long_vector()?);
    let mut chain = Vec::new();
    while !list.0.is_empty() {
        chain.push(CertificateDer::from(list.long_vector()?.to_vec()));
    }
    Some(chain)
}

/// What stands behind a random and the identifier of a session.
fn suite(mut hello: Reader<'_>) -> Option<u16> {
    hello.take(32)?;
    let session = hello.u8()?;
    hello.take(usize::from(session))?;
    hello.u16()
}

/// RFC 8422 section 5.4.
fn group(body: &[u8]) -> Option<u16> {
    let mut reader = Reader(body);
    (reader.u8()? == NAMED_CURVE).then(|| reader.u16()).flatten()
}

fn version(number: u16) -> Option<TlsVersion> {
    Some(match number {
        0x0300 => TlsVersion::Ssl3,
        0x0301 => TlsVersion::Tls10,
        0x0302 => TlsVersion::Tls11,
        0x0303 => TlsVersion::Tls12,
        0x0304 => TlsVersion::Tls13,
        _ => return None,
    })
}

/// What is left to read.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn u8(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    fn u16(&mut self) -> Option<u16> {
        self.take(2)?.try_into().ok().map(u16::from_be_bytes)
    }

    /// A vector whose length takes three bytes.
    fn long_vector(&mut self) -> Option<&'a [u8]> {
        let high = u32::from(self.u8()?);
        let low = u32::from(self.u16()?);
        self.take(usize::try_from(high << 16 | low).ok()?)
    }

    fn record(&mut self) -> Option<(u8, Option<TlsVersion>, &'a [u8])> {
        let kind = self.u8()?;
        let number = self.u16()?;
        let length = self.u16()?;
        Some((kind, version(number), self.take(usize::from(length))?))
    }

    fn message(&mut self) -> Option<(u8, &'a [u8])> {
        Some((self.u8()?, self.long_vector()?))
    }
}

#[cfg(test)]
mod tests {
    use palisade_core::TlsVersion;
    use proptest::prelude::*;

    use super::Flight;

    /// A message in a record of its own.
    fn record(kind: u8, body: &[u8]) -> Vec<u8> {
        let length = u16::try_from(body.len()).unwrap().to_be_bytes();
        [&[kind, 3, 1], &length[..], body].concat()
    }

    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        let length = u16::try_from(body.len()).unwrap().to_be_bytes();
        [&[kind, 0], &length[..], body].concat()
    }

    #[test]
    fn a_hello_certificates_and_a_group_are_read_across_records() {
        let hello = message(2, &[&[3, 2][..], &[0; 32], &[1, 7, 0xc0, 0x14, 0]].concat());
        let chain = message(11, &[0, 0, 8, 0, 0, 2, 1, 2, 0, 0, 0]);
        let exchange = message(12, &[3, 0, 23, 65]);
        let all = [hello, chain, exchange].concat();
        let (first, second) = all.split_at(45);
        let flight = Flight::read(&[record(22, first), record(22, second)].concat());
        assert_eq!(
            (flight.version, flight.suite),
            (Some(TlsVersion::Tls11), Some(0xc014))
        );
        assert_eq!(flight.chain, [vec![1, 2].into(), vec![].into()]);
        assert_eq!(flight.group, Some(23));
        assert_eq!(flight.alert, None);
    }

    #[test]
    fn an_alert_tells_the_version_of_its_record() {
        let flight = Flight::read(&record(21, &[2, 70]));
        assert_eq!(flight.alert, Some(TlsVersion::Tls10));
        assert_eq!(flight.version, None);
    }

    #[test]
    fn what_is_encrypted_is_not_read() {
        let hello = record(22, &message(2, &[3, 3]));
        let secret = record(23, &message(11, &[0, 0, 4, 0, 0, 1, 1]));
        let flight = Flight::read(&[hello, secret].concat());
        assert_eq!(flight.version, Some(TlsVersion::Tls12));
        assert!(flight.chain.is_empty());
    }

    proptest! {
        #[test]
        fn nothing_that_is_heard_is_too_odd(bytes in proptest::collection::vec(any::<u8>(), 0..200), body in proptest::collection::vec(any::<u8>(), 0..200)) {
            Flight::read(&bytes);
            Flight::read(&record(22, &bytes));
            for kind in [2, 11, 12] {
                Flight::read(&record(22, &message(kind, &body)));
            }
        }
    }
}
