//! Which of the versions that nobody should speak a peer speaks.
//!
//! A hello of TLS 1.1 (RFC 4346 section 7.4.1.2), with the suites that servers of its time have, is answered with the version
//! that the server chooses. Nothing is sent after it, and no connection is made of it.

use std::io::{Read as _, Write as _};

use palisade_core::TlsVersion;
use rustls_pki_types::ServerName;

use super::flight::Flight;
use super::wire::Wire;

/// Suites of TLS 1.0 and 1.1, and the word against downgrades that servers look for (RFC 5746).
const SUITES: [u16; 15] = [
    0xc014, 0xc013, 0xc00a, 0xc009, 0x0039, 0x0033, 0x0038, 0x0032, 0x0035, 0x002f, 0xc012, 0x0016, 0x000a,
    0x0005, 0x00ff,
];
/// P-256, P-384, P-521.
const GROUPS: [u16; 3] = [23, 24, 25];

/// What the peer chooses, where it chooses anything below TLS 1.2. The chain is what it presents there.
pub(super) fn ask(wire: &mut Wire, name: &ServerName<'_>) -> Option<Flight> {
    wire.write_all(&hello(name)?).ok()?;
    let mut buffer = [0; 4096];
    loop {
        let flight = Flight::read(wire.heard());
        // Its hello done comes last; an alert, an end or a timeout says that there is no more either.
        let is_done = has_hello_done(wire.heard()) || flight.alert.is_some();
        if is_done || !matches!(wire.read(&mut buffer), Ok(1..)) {
            let flight = Flight::read(wire.heard());
            return flight
                .version
                .is_some_and(|version| version < TlsVersion::LOWEST_SERVED)
                .then_some(flight);
        }
    }
}

/// Whether the flight ends in `ServerHelloDone`: the message of type 14, which is empty.
fn has_hello_done(heard: &[u8]) -> bool {
    heard.ends_with(&[14, 0, 0, 0])
}

/// The record of a hello. The random is no secret, and fresh all the same.
fn hello(name: &ServerName<'_>) -> Option<Vec<u8>> {
    let mut random = [0; 32];
    rustls::crypto::aws_lc_rs::default_provider()
        .secure_random
        .fill(&mut random)
        .ok()?;
    let mut body = vec![3, 2];
    body.extend_from_slice(&random);
    // No session, the suites, no compression.
    body.push(0);
    body.extend_from_slice(&vector(&words(&SUITES))?);
    body.extend_from_slice(&[1, 0]);
    let mut extensions = Vec::new();
    if let ServerName::DnsName(host) = name {
        let host = vector(host.as_ref().as_bytes())?;
        extend(&mut extensions, 0, &vector(&[&[0], &host[..]].concat())?)?;
    }
    extend(&mut extensions, 10, &vector(&words(&GROUPS))?)?;
    extend(&mut extensions, 11, &[1, 0])?;
    body.extend_from_slice(&vector(&extensions)?);
    // Type 1, and a length of three bytes.
    let message = [&[1, 0], &vector(&body)?[..]].concat();
    Some([&[22, 3, 1], &vector(&message)?[..]].concat())
}

fn words(numbers: &[u16]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
}

/// Bytes behind their length in two bytes.
fn vector(bytes: &[u8]) -> Option<Vec<u8>> {
    let length = u16::try_from(bytes.len()).ok()?;
    Some([&length.to_be_bytes()[..], bytes].concat())
}

fn extend(extensions: &mut Vec<u8>, kind: u16, body: &[u8]) -> Option<()> {
    extensions.extend_from_slice(&kind.to_be_bytes());
    extensions.extend_from_slice(&vector(body)?);
    Some(())
}
