//! What a peer speaks that nobody should speak.
//!
//! A hello of TLS 1.2 (RFC 5246 section 7.4.1.2), with the suites that servers before and since have, is answered with the highest
//! version that the server has below TLS 1.3, and the suite it chooses. Nothing is sent after it, and no connection is made of it.

use std::io::{Read as _, Write as _};

use rustls_pki_types::ServerName;

use super::flight::Flight;
use super::wire::Wire;

/// Suites that are offered nowhere else, most with CBC or without forward secrecy, and the word against renegotiation that servers
/// look for (RFC 5746).
const SUITES: [u16; 25] = [
    0xc028, 0xc027, 0xc024, 0xc023, 0xc014, 0xc013, 0xc00a, 0xc009, 0x009f, 0x009e, 0x006b, 0x0067, 0x0039,
    0x0033, 0x009d, 0x009c, 0x003d, 0x003c, 0x0035, 0x002f, 0xc012, 0x0016, 0x000a, 0x0005, 0x00ff,
];
/// X25519, P-256, P-384, P-521.
const GROUPS: [u16; 4] = [29, 23, 24, 25];
/// ECDSA, PSS and PKCS#1, with SHA-256 to SHA-512 and SHA-1 (RFC 8446 section 4.2.3).
const SIGNATURES: [u16; 11] = [
    0x0403, 0x0503, 0x0603, 0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601, 0x0203, 0x0201,
];

/// What the peer chooses, where it chooses anything, and what it presents there.
pub(super) fn ask(wire: &mut Wire, name: &ServerName<'_>) -> Option<Flight> {
    wire.write_all(&hello(name)?).ok()?;
    let mut buffer = [0; 4096];
    loop {
        let flight = Flight::read(wire.heard());
        // Its hello done comes last; an alert, an end or a timeout says that there is no more either.
        let is_done = has_hello_done(wire.heard()) || flight.alert.is_some();
        if is_done || !matches!(wire.read(&mut buffer), Ok(1..)) {
            let flight = Flight::read(wire.heard());
            return flight.version.is_some().then_some(flight);
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
    let mut body = vec![3, 3];
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
    extend(&mut extensions, 13, &vector(&words(&SIGNATURES))?)?;
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
