//! Client certificates in fields of a request: `Client-Cert` (RFC 9440) and `X-Forwarded-Client-Cert` as Envoy writes it.
//!
//! 1. The whole certificate must be there; a subject or a hash alone is refused.
//! 2. Of several elements in `X-Forwarded-Client-Cert` the last one counts: the one that the trusted proxy itself appended.
//!    Where that element carries a hash as well, the hash must be the certificate's.
//! 3. `Client-Cert` is a single item; a chain in `Client-Cert-Chain` without it is refused.
//!
//! Nothing is verified here, and who may send such fields is decided elsewhere.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use palisade_keystore::fingerprint;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use sfv::{Item, List, ListEntry, Parser};

use crate::element;

/// The most certificates of a chain that are read.
const LONGEST_CHAIN: usize = 10;

/// Why a field carries no client certificate that could be verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadClientCert {
    /// It does not follow its grammar.
    #[error("the field with the client certificate is malformed")]
    Malformed,
    /// It does not hold the whole certificate.
    #[error("the field does not hold the whole client certificate")]
    Incomplete,
    /// The hash beside the certificate is that of another one.
    #[error("the hash beside the client certificate is that of another one")]
    HashMismatch,
    /// The chain is longer than is read.
    #[error("the chain of the client certificate is too long")]
    TooLong,
}

/// The chain, the client's own certificate first, out of the lines of `Client-Cert` and `Client-Cert-Chain`.
pub fn client_cert<'a>(
    own: impl IntoIterator<Item = &'a HeaderValue>,
    chain: impl IntoIterator<Item = &'a HeaderValue>,
) -> Result<Vec<CertificateDer<'static>>, BadClientCert> {
    let mut own = own.into_iter();
    let (Some(line), None) = (own.next(), own.next()) else {
        return Err(BadClientCert::Malformed);
    };
    let item: Item = Parser::new(line.as_bytes())
        .parse()
        .map_err(|_| BadClientCert::Malformed)?;
    let mut certificates = vec![binary(&item)?];
    for line in chain {
        let list: List = Parser::new(line.as_bytes())
            .parse()
            .map_err(|_| BadClientCert::Malformed)?;
        for entry in list {
            let ListEntry::Item(item) = entry else {
                return Err(BadClientCert::Malformed);
            };
            certificates.push(binary(&item)?);
        }
    }
    bounded(certificates)
}

fn binary(item: &Item) -> Result<CertificateDer<'static>, BadClientCert> {
    let bytes = item
        .bare_item
        .as_byte_sequence()
        .ok_or(BadClientCert::Malformed)?;
    if bytes.is_empty() {
        return Err(BadClientCert::Incomplete);
    }
    Ok(CertificateDer::from(bytes.to_vec()))
}

fn bounded(
    certificates: Vec<CertificateDer<'static>>,
) -> Result<Vec<CertificateDer<'static>>, BadClientCert> {
    if certificates.len() > LONGEST_CHAIN {
        return Err(BadClientCert::TooLong);
    }
    Ok(certificates)
}

/// The chain, the client's own certificate first, out of the lines of `X-Forwarded-Client-Cert`.
pub fn xfcc<'a, I>(lines: I) -> Result<Vec<CertificateDer<'static>>, BadClientCert>
where
    I: IntoIterator<Item = &'a HeaderValue, IntoIter: DoubleEndedIterator>,
{
    let line = lines.into_iter().next_back().ok_or(BadClientCert::Malformed)?;
    let line = line.to_str().map_err(|_| BadClientCert::Malformed)?;
    let last = element::last_element(line).ok_or(BadClientCert::Malformed)?;
    let mut certificates = match (&last.cert, &last.chain) {
        (Some(cert), _) => pem(cert)?,
        (None, Some(_)) => Vec::new(),
        (None, None) => return Err(BadClientCert::Incomplete),
    };
    if certificates.len() > 1 {
        return Err(BadClientCert::Malformed);
    }
    // Envoy's `Chain` starts with the client's own certificate.
    if let Some(chain) = &last.chain {
        let above = pem(chain)?
            .into_iter()
            .filter(|der| certificates.first() != Some(der))
            .collect::<Vec<_>>();
        certificates.extend(above);
    }
    let own = certificates.first().ok_or(BadClientCert::Incomplete)?;
    if let Some(hash) = &last.hash
        && !is_fingerprint(hash, own)
    {
        return Err(BadClientCert::HashMismatch);
    }
    bounded(certificates)
}

fn is_fingerprint(hash: &str, der: &[u8]) -> bool {
    let own = fingerprint(der);
    hash.len() == own.len() * 2
        && own.iter().enumerate().all(|(index, byte)| {
            hash.get(index * 2..index * 2 + 2)
                .and_then(|pair| u8::from_str_radix(pair, 16).ok())
                == Some(*byte)
        })
}

/// The certificates of a percent-encoded PEM text.
fn pem(encoded: &str) -> Result<Vec<CertificateDer<'static>>, BadClientCert> {
    let decoded = element::percent_decode(encoded).ok_or(BadClientCert::Malformed)?;
    if !decoded.starts_with(b"-----BEGIN ") {
        // Some proxies write bare base64 of the DER.
        let der = STANDARD
            .decode(&decoded)
            .ok()
            .filter(|der| der.first() == Some(&0x30));
        return der
            .map(|der| vec![CertificateDer::from(der)])
            .ok_or(BadClientCert::Incomplete);
    }
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(&decoded)
        .collect::<Result<_, _>>()
        .map_err(|_| BadClientCert::Malformed)?;
    if certificates.is_empty() {
        Err(BadClientCert::Incomplete)
    } else {
        Ok(certificates)
    }
}

#[cfg(test)]
mod tests;
