//! Fields that speak about the client: believed from trusted proxies, removed otherwise.

use std::sync::Arc;

use http::HeaderMap;
use http::header::{FORWARDED, HeaderName};
use palisade_core::facts::X_ON_BEHALF_OF;
use palisade_core::{CertificateSource, ClientAddress, ClientCertificate};

use rustls::pki_types::CertificateDer;

use crate::acceptor::Shared;
use crate::client_cert::{self, BadClientCert};
use crate::forwarded;
use crate::listener::Snapshot;
use crate::presented::{Presented, Recent};
use crate::settings::{ClientCertHeader, ForwardedHeader};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const CLIENT_CERT: HeaderName = HeaderName::from_static("client-cert");
const CLIENT_CERT_CHAIN: HeaderName = HeaderName::from_static("client-cert-chain");
const XFCC: HeaderName = HeaderName::from_static("x-forwarded-client-cert");

/// Why a certificate in a field is not accepted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotAccepted {
    #[error(transparent)]
    Unreadable(#[from] BadClientCert),
    #[error("the certificate in the field is malformed: {0}")]
    Malformed(#[from] palisade_keystore::BadCertificate),
    #[error("the certificate in the field does not verify")]
    Unverified,
    #[error("no issuers are trusted")]
    NoTrust,
}

/// The certificate that a trusted proxy carries in the field of the settings, verified; `None` where there is no such field.
pub(crate) fn certificate(
    headers: &HeaderMap,
    shared: &Shared,
    snapshot: &Snapshot,
) -> Result<Option<Arc<ClientCertificate>>, NotAccepted> {
    let names: &[HeaderName] = match snapshot.client_cert_header {
        ClientCertHeader::Off => &[],
        ClientCertHeader::ClientCert => &[CLIENT_CERT, CLIENT_CERT_CHAIN],
        ClientCertHeader::Xfcc => &[XFCC],
    };
    if !names.iter().any(|name| headers.contains_key(name)) {
        return Ok(None);
    }
    let trust = snapshot.trust.as_deref().ok_or(NotAccepted::NoTrust)?;
    let now = shared.clock.now();
    let lines = names.iter().flat_map(|name| {
        let values = headers.get_all(name).iter().map(http::HeaderValue::as_bytes);
        std::iter::once(name.as_str().as_bytes()).chain(values)
    });
    let key = Recent::key(lines);
    let presented = if let Some(presented) = shared.recent.find(&key) {
        presented
    } else {
        let (chain, source) = read(headers, snapshot.client_cert_header)?;
        let presented = Arc::new(Presented::verify(chain, source, trust, now)?);
        shared.recent.insert(key, Arc::clone(&presented));
        presented
    };
    if !presented.is_accepted(Some(trust), now) {
        return Err(NotAccepted::Unverified);
    }
    Ok(Some(Arc::clone(presented.certificate())))
}

fn read(
    headers: &HeaderMap,
    field: ClientCertHeader,
) -> Result<(Vec<CertificateDer<'static>>, CertificateSource), BadClientCert> {
    if field == ClientCertHeader::Xfcc {
        return Ok((client_cert::xfcc(headers.get_all(XFCC))?, CertificateSource::Xfcc));
    }
    let (own, chain) = (headers.get_all(CLIENT_CERT), headers.get_all(CLIENT_CERT_CHAIN));
    Ok((
        client_cert::client_cert(own, chain)?,
        CertificateSource::ClientCertHeader,
    ))
}

/// The address that trusted proxies name in the field of the settings; `None` where no field is read.
pub(crate) fn address(headers: &HeaderMap, snapshot: &Snapshot) -> Option<ClientAddress> {
    match snapshot.forwarded_header {
        ForwardedHeader::Off => None,
        ForwardedHeader::XForwardedFor => Some(forwarded::x_forwarded_for(
            headers.get_all(X_FORWARDED_FOR),
            &snapshot.trusted_proxies,
        )),
        ForwardedHeader::Forwarded => Some(forwarded::forwarded(
            headers.get_all(FORWARDED),
            &snapshot.trusted_proxies,
        )),
    }
}

/// Removes what must not be believed further inside.
///
/// 1. Fields with client certificates, always: the verified certificate is a fact of the exchange. Likewise every field of this list
///    whose name is spelt with underscores.
/// 2. From anybody but a trusted proxy, every field about who forwarded what: `Forwarded`, `X-Forwarded-*`, `X-Real-IP`.
/// 3. From a trusted proxy, the one of `Forwarded` and `X-Forwarded-For` that is not read, if one is.
pub(crate) fn scrub(headers: &mut HeaderMap, snapshot: &Snapshot, is_from_proxy: bool) {
    let forwarded_header = snapshot.forwarded_header;
    let is_removed = |name: &HeaderName| match kind(name) {
        Kind::Other => false,
        Kind::Certificate => true,
        Kind::Forwarded => !is_from_proxy || forwarded_header == ForwardedHeader::XForwardedFor,
        Kind::XForwardedFor => !is_from_proxy || forwarded_header == ForwardedHeader::Forwarded,
        Kind::Forwarding => !is_from_proxy,
    };
    if !headers.keys().any(is_removed) {
        return;
    }
    let names: Vec<_> = headers.keys().filter(|name| is_removed(name)).cloned().collect();
    for name in names {
        headers.remove(name);
    }
}

enum Kind {
    Other,
    /// Removed always.
    Certificate,
    Forwarded,
    XForwardedFor,
    Forwarding,
}

fn kind(name: &HeaderName) -> Kind {
    let text = name.as_str();
    // All that are looked for begin so, in either spelling.
    if !text.starts_with(['c', 'f', 'x']) {
        return Kind::Other;
    }
    if !text.contains('_') {
        return kind_of(text);
    }
    // Gateway interfaces such as CGI and WSGI take both spellings for one field; nobody honest sends this one.
    let hyphenated = text.replace('_', "-");
    match kind_of(&hyphenated) {
        Kind::Other if !["x-request-id", X_ON_BEHALF_OF.as_str()].contains(&hyphenated.as_str()) => {
            Kind::Other
        }
        _ => Kind::Certificate,
    }
}

fn kind_of(text: &str) -> Kind {
    match text {
        "client-cert" | "client-cert-chain" | "x-forwarded-client-cert" => Kind::Certificate,
        "forwarded" => Kind::Forwarded,
        "x-forwarded-for" => Kind::XForwardedFor,
        "x-forwarded" | "x-real-ip" => Kind::Forwarding,
        _ if text.starts_with("x-forwarded-") => Kind::Forwarding,
        _ => Kind::Other,
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderName;
    use rstest::rstest;

    use super::{Kind, kind};

    #[rstest]
    #[case("client-cert", true)]
    #[case("client_cert", true)]
    #[case("client_cert-chain", true)]
    #[case("x_forwarded_client_cert", true)]
    #[case("x_forwarded_for", true)]
    #[case("x-forwarded_for", true)]
    #[case("x_real_ip", true)]
    #[case("x_request_id", true)]
    #[case("x_on_behalf_of", true)]
    #[case("x-on_behalf-of", true)]
    #[case("x-on-behalf-of", false)]
    #[case("x-request-id", false)]
    #[case("x_partner", false)]
    #[case("x-forwarded-for", false)]
    fn what_nobody_may_send_is_known_in_both_spellings(
        #[case] name: &'static str,
        #[case] removed_always: bool,
    ) {
        assert_eq!(
            matches!(kind(&HeaderName::from_static(name)), Kind::Certificate),
            removed_always
        );
    }
}
