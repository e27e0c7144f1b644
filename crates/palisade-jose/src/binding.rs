//! Whether a message was made for this request.

use http::uri::Authority;
use http::{Method, Uri};

use crate::claims::Claims;

/// What a message is bound to.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// The method.
    pub method: &'a Method,
    /// `https` or `http`.
    pub scheme: &'a str,
    /// Host and port, as the client wrote them.
    pub authority: Option<&'a str>,
    /// The path, as the client wrote it.
    pub path: &'a str,
}

/// A message that was made for another request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BindingFault {
    /// `htm` or `htu` is missing and required.
    #[error("the message does not say which request it is made for")]
    Missing,
    /// `htm` is another method.
    #[error("the message is made for another method")]
    OtherMethod,
    /// `htu` is another target.
    #[error("the message is made for another target")]
    OtherTarget,
    /// `aud` names somebody else, is missing and required, or is there and nothing is configured to compare it with.
    #[error("the message is made for somebody else")]
    OtherAudience,
    /// It has `in-reply-to`, so it is an answer, sent as a request.
    #[error("the message is an answer to a request, and none itself")]
    Answer,
    /// `in-reply-to` names another request, or is missing and required.
    #[error("the message answers another request")]
    OtherRequest,
}

/// Checks `htm` and `htu`: what is there has to fit, and with `required` both have to be there.
///
/// `htu` is the path, or an absolute URI of which scheme, authority and path all fit; neither has a query. Methods and paths are
/// compared as they are written, schemes and hosts without regard to case, and a default port is the same as none (RFC 9110
/// section 4.2.3).
pub fn check_binding(claims: &Claims, target: &Target<'_>, required: bool) -> Result<(), BindingFault> {
    if required && (claims.method.is_none() || claims.target.is_none()) {
        return Err(BindingFault::Missing);
    }
    if let Some(method) = &claims.method
        && method != target.method.as_str()
    {
        return Err(BindingFault::OtherMethod);
    }
    match &claims.target {
        Some(text) if !fits(text, target) => Err(BindingFault::OtherTarget),
        _ => Ok(()),
    }
}

/// Checks `aud` against the configured name of this side.
pub fn check_audience(claims: &Claims, own: Option<&str>) -> Result<(), BindingFault> {
    let fits = match own {
        None => claims.audience.is_empty(),
        Some(own) => claims.audience.iter().any(|audience| audience == own),
    };
    if fits {
        Ok(())
    } else {
        Err(BindingFault::OtherAudience)
    }
}

fn fits(text: &str, target: &Target<'_>) -> bool {
    if text.contains(['?', '#']) {
        return false;
    }
    if text.starts_with('/') {
        return text == target.path;
    }
    let (Some((scheme, rest)), Some(own)) = (text.split_once("://"), target.authority) else {
        return false;
    };
    let slash = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at(slash);
    // An absolute URI without a path means the root.
    let path = if path.is_empty() { "/" } else { path };
    scheme.eq_ignore_ascii_case(target.scheme)
        && path == target.path
        && same_authority(authority, own, target.scheme)
}

fn same_authority(one: &str, other: &str, scheme: &str) -> bool {
    let default = if scheme == "https" { 443 } else { 80 };
    let parts = |text: &str| {
        if text.contains('@') {
            return None;
        }
        let authority: Authority = text.parse().ok()?;
        let port = match authority.port() {
            Some(port) => port.as_u16(),
            None => default,
        };
        Some((authority.host().to_ascii_lowercase(), port))
    };
    matches!((parts(one), parts(other)), (Some(one), Some(other)) if one == other)
}

/// The `htu` of a request that is about to be sent: its path, which also holds behind a proxy that ends TLS.
pub(crate) fn target_of(uri: &Uri) -> String {
    uri.path().to_owned()
}

#[cfg(test)]
mod tests {
    use http::Method;
    use rstest::rstest;

    use super::{BindingFault, Target, check_audience, check_binding, target_of};
    use crate::claims::Claims;

    fn claims(htm: Option<&str>, htu: Option<&str>) -> Claims {
        Claims {
            method: htm.map(str::to_owned),
            target: htu.map(str::to_owned),
            ..Claims::default()
        }
    }

    const TARGET: Target<'_> = Target {
        method: &Method::POST,
        scheme: "https",
        authority: Some("Bank.example"),
        path: "/server/rest/pay/order",
    };

    #[rstest]
    #[case("/server/rest/pay/order", true)]
    #[case("https://bank.example/server/rest/pay/order", true)]
    #[case("HTTPS://BANK.EXAMPLE:443/server/rest/pay/order", true)]
    #[case("http://bank.example/server/rest/pay/order", false)]
    #[case("https://bank.example:8443/server/rest/pay/order", false)]
    #[case("https://evil.example/server/rest/pay/order", false)]
    #[case("https://bank.example@evil.example/server/rest/pay/order", false)]
    #[case("https://user@bank.example/server/rest/pay/order", false)]
    #[case("https://bank.example/server/rest/pay/Order", false)]
    #[case("https://bank.example", false)]
    #[case("/server/rest/pay/order?x=1", false)]
    #[case("/server/rest/pay/order#x", false)]
    #[case("/server/rest/pay/order/", false)]
    #[case("//server/rest/pay/order", false)]
    #[case("server/rest/pay/order", false)]
    #[case("", false)]
    fn a_target_is_the_path_or_the_whole_uri(#[case] htu: &str, #[case] fits: bool) {
        let verdict = check_binding(&claims(Some("POST"), Some(htu)), &TARGET, false);
        assert_eq!(verdict.is_ok(), fits);
        if !fits {
            assert_eq!(verdict, Err(BindingFault::OtherTarget));
        }
    }

    #[rstest]
    #[case(None, None, false, None)]
    #[case(None, None, true, Some(BindingFault::Missing))]
    #[case(Some("POST"), None, true, Some(BindingFault::Missing))]
    #[case(None, Some("/server/rest/pay/order"), true, Some(BindingFault::Missing))]
    #[case(Some("POST"), Some("/server/rest/pay/order"), true, None)]
    #[case(Some("post"), None, false, Some(BindingFault::OtherMethod))]
    #[case(Some("DELETE"), None, false, Some(BindingFault::OtherMethod))]
    fn what_is_there_has_to_fit(
        #[case] htm: Option<&str>,
        #[case] htu: Option<&str>,
        #[case] required: bool,
        #[case] fault: Option<BindingFault>,
    ) {
        assert_eq!(check_binding(&claims(htm, htu), &TARGET, required).err(), fault);
    }

    #[test]
    fn an_absolute_target_needs_an_authority_to_compare() {
        let target = Target {
            authority: None,
            ..TARGET
        };
        let bound = claims(None, Some("https://bank.example/server/rest/pay/order"));
        assert_eq!(
            check_binding(&bound, &target, false),
            Err(BindingFault::OtherTarget)
        );
    }

    #[rstest]
    #[case(&[], None, true)]
    #[case(&["me"], None, false)]
    #[case(&[], Some("me"), false)]
    #[case(&["you", "me"], Some("me"), true)]
    #[case(&["ME"], Some("me"), false)]
    fn an_audience_is_compared_where_either_side_has_one(
        #[case] audience: &[&str],
        #[case] own: Option<&str>,
        #[case] fits: bool,
    ) {
        let claims = Claims {
            audience: audience.iter().map(|&name| name.to_owned()).collect(),
            ..Claims::default()
        };
        assert_eq!(check_audience(&claims, own).is_ok(), fits);
    }

    #[rstest]
    #[case("https://bank.example/a/b?c=d", "/a/b")]
    #[case("https://bank.example", "/")]
    #[case("/a/b?c", "/a/b")]
    fn requests_are_bound_to_their_path(#[case] uri: &str, #[case] htu: &str) {
        assert_eq!(target_of(&uri.parse().unwrap()), htu);
    }
}
