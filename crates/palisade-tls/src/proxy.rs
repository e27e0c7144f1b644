//! The PROXY protocol, versions 1 and 2: the client's address, and with version 2 what the proxy knows of its TLS session.
//!
//! 1. The header is read to its last byte and not one further: what follows is the client's.
//! 2. Version 1 must be spelt exactly; version 2 must carry a stream, well-formed TLVs, and a right CRC-32C if it carries one.
//! 3. `LOCAL` is the proxy itself, for instance its health check. An address that the proxy does not know (`UNKNOWN`, UNIX
//!    sockets) is unknown here as well.
//!
//! Who may send such a header is decided elsewhere: whoever may, can claim any address.

mod read;

use std::net::SocketAddr;
use std::sync::Arc;

use palisade_core::{ClientAddress, TlsSession};
use proxy_header::{ParseConfig, ProxyHeader, SslInfo, Tlv};

pub(crate) use read::read;

use crate::suites;

/// The twelve bytes that version 2 starts with.
pub(crate) const SIGNATURE_V2: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";
/// The longest header of version 1, with its line end.
pub(crate) const LONGEST_V1: usize = 107;
/// The fixed part of version 2: signature, command, family, length.
pub(crate) const HEAD_V2: usize = 16;
/// The longest header of version 2 that is read. A certificate of the client may be part of it.
pub(crate) const LONGEST_V2: usize = 32 * 1024;
/// The TLV with the client's certificate, DER, within the TLV about TLS.
const SUBTYPE_CLIENT_CERTIFICATE: u8 = 0x28;

/// What a proxy says of the connection it hands on.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Proxied {
    /// The client's address; `None` where the proxy speaks for itself.
    pub client: Option<ClientAddress>,
    /// The TLS session between client and proxy.
    pub tls: Option<TlsSession>,
    /// The client's certificate, DER, as the proxy passes it on; nothing is verified here.
    pub certificate: Option<Vec<u8>>,
}

/// Why bytes are no header of the PROXY protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadProxyHeader {
    /// They start like neither version.
    #[error("no PROXY protocol header")]
    Missing,
    /// They are malformed, or not complete.
    #[error("malformed PROXY protocol header")]
    Malformed,
    /// They are longer than is read.
    #[error("the PROXY protocol header is too long")]
    TooLong,
    /// Their checksum is wrong.
    #[error("the checksum of the PROXY protocol header is wrong")]
    Checksum,
}

/// Reads one whole header, without anything behind it.
pub fn parse(bytes: &[u8]) -> Result<Proxied, BadProxyHeader> {
    if bytes.starts_with(&SIGNATURE_V2) {
        parse_v2(bytes)
    } else if bytes.starts_with(b"PROXY ") {
        parse_v1(bytes)
    } else {
        Err(BadProxyHeader::Missing)
    }
}

fn parse_v1(bytes: &[u8]) -> Result<Proxied, BadProxyHeader> {
    let malformed = BadProxyHeader::Malformed;
    if bytes.len() > LONGEST_V1 {
        return Err(BadProxyHeader::TooLong);
    }
    let line = bytes
        .strip_suffix(b"\r\n")
        .and_then(|line| std::str::from_utf8(line).ok())
        .ok_or(malformed)?;
    let words: Vec<_> = line.split(' ').collect();
    let client = match words.as_slice() {
        ["PROXY", "UNKNOWN", ..] => ClientAddress::Unknown,
        // The library reads the numbers; their spelling is held to digits.
        ["PROXY", "TCP4" | "TCP6", _, _, source, destination]
            if is_number(source) && is_number(destination) =>
        {
            proxied_address(bytes)?.1.into()
        }
        _ => return Err(malformed),
    };
    Ok(Proxied {
        client: Some(client),
        tls: None,
        certificate: None,
    })
}

fn is_number(text: &str) -> bool {
    let has_no_leading_zero = text == "0" || !text.starts_with('0');
    has_no_leading_zero && !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn proxied_address(bytes: &[u8]) -> Result<(ProxyHeader<'_>, SocketAddr), BadProxyHeader> {
    let header = parse_whole(bytes)?;
    let source = header.proxied_address().ok_or(BadProxyHeader::Malformed)?.source;
    Ok((header, source))
}

fn parse_whole(bytes: &[u8]) -> Result<ProxyHeader<'_>, BadProxyHeader> {
    let (header, length) =
        ProxyHeader::parse(bytes, ParseConfig::default()).map_err(|_| BadProxyHeader::Malformed)?;
    if length == bytes.len() {
        Ok(header)
    } else {
        Err(BadProxyHeader::Malformed)
    }
}

fn parse_v2(bytes: &[u8]) -> Result<Proxied, BadProxyHeader> {
    const LOCAL: u8 = 0x20;
    let (Some(command), Some(family)) = (bytes.get(12), bytes.get(13)) else {
        return Err(BadProxyHeader::Malformed);
    };
    let address_length = match family {
        // AF_UNSPEC; the block holds TLVs alone.
        0x00 => 0,
        0x11 => 12,
        0x21 => 36,
        0x31 => 216,
        // Datagrams are no connections.
        _ => return Err(BadProxyHeader::Malformed),
    };
    let header = parse_whole(bytes)?;
    check_sum(bytes, HEAD_V2 + address_length)?;
    if *command == LOCAL {
        return Ok(Proxied {
            client: None,
            tls: None,
            certificate: None,
        });
    }
    let source = header
        .proxied_address()
        .map_or(ClientAddress::Unknown, |address| address.source.into());
    let mut proxied = Proxied {
        client: Some(source),
        tls: None,
        certificate: None,
    };
    let (mut alpn, mut authority) = (None, None);
    for tlv in header.tlvs() {
        match tlv.map_err(|_| BadProxyHeader::Malformed)? {
            Tlv::Alpn(bytes) => alpn = std::str::from_utf8(&bytes).ok().and_then(plain),
            Tlv::Authority(name) => authority = plain(&name).map(|name| Arc::from(name.to_ascii_lowercase())),
            Tlv::Ssl(ssl) => (proxied.tls, proxied.certificate) = session(&ssl)?,
            _ => {}
        }
    }
    if let Some(tls) = &mut proxied.tls {
        tls.alpn = alpn;
        tls.server_name = authority;
    }
    Ok(proxied)
}

/// The session, and the client's certificate where the proxy says that it verified one.
fn session(ssl: &SslInfo<'_>) -> Result<(Option<TlsSession>, Option<Vec<u8>>), BadProxyHeader> {
    let (mut version, mut suite, mut certificate) = (None, None, None);
    for tlv in ssl.tlvs() {
        match tlv.map_err(|_| BadProxyHeader::Malformed)? {
            Tlv::SslVersion(name) => version = name.parse().ok(),
            Tlv::SslCipher(name) => suite = suites::iana_of_openssl(&name),
            Tlv::Custom(SUBTYPE_CLIENT_CERTIFICATE, der) => certificate = Some(der.into_owned()),
            _ => {}
        }
    }
    let is_presented = (ssl.client_cert_conn() || ssl.client_cert_sess()) && ssl.verify() == 0;
    // A session of unknown version reaches no floor, so it is none.
    let session = version
        .filter(|_| ssl.client_ssl())
        .map(|version| TlsSession::new(version, suite.unwrap_or_default()));
    let certificate = certificate.filter(|_| is_presented && session.is_some());
    Ok((session, certificate))
}

/// Text of the proxy that goes into facts: visible ASCII, of moderate length.
fn plain(text: &str) -> Option<Arc<str>> {
    let is_plain = (1..=255).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    is_plain.then(|| Arc::from(text))
}

/// Checks every CRC-32C among the TLVs, which start at `tlvs`.
fn check_sum(bytes: &[u8], tlvs: usize) -> Result<(), BadProxyHeader> {
    const CRC32C: u8 = 0x03;
    let mut at = tlvs;
    while let Some([kind, high, low]) = bytes.get(at..at + 3) {
        let (start, length) = (at + 3, usize::from(u16::from_be_bytes([*high, *low])));
        at = start + length;
        if *kind != CRC32C {
            continue;
        }
        let claimed = bytes.get(start..at).and_then(|sum| <[u8; 4]>::try_from(sum).ok());
        let (Some(before), Some(behind)) = (bytes.get(..start), bytes.get(at..)) else {
            return Err(BadProxyHeader::Malformed);
        };
        let own = [before, &[0; 4], behind]
            .iter()
            .fold(!0, |crc, part| crc32c(crc, part))
            ^ !0;
        if claimed != Some(own.to_be_bytes()) {
            return Err(BadProxyHeader::Checksum);
        }
    }
    Ok(())
}

/// CRC-32C (RFC 9260 appendix A), bit by bit: a header is short, and read once per connection.
fn crc32c(crc: u32, bytes: &[u8]) -> u32 {
    const POLYNOMIAL: u32 = 0x82f6_3b78;
    bytes.iter().fold(crc, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (POLYNOMIAL & (crc & 1).wrapping_neg())
        })
    })
}

#[cfg(test)]
mod tests;
