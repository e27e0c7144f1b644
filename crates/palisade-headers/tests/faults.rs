//! The catalogue of faults, by rows: what attackers send is refused, what honest clients send is not.
#![expect(clippy::expect_used, reason = "a helper of tests stops the test")]

use http::header::{HeaderName, HeaderValue};
use http::{Method, Request, Version, request};
use palisade_core::FramingConflict;
use palisade_core::head::HeadFault;
use palisade_core::settings::ByteSize;
use palisade_headers::{Fault, HeaderRules, Refused};
use rstest::rstest;

type Field<'a> = (&'a str, &'a str);

fn head(method: &str, version: Version, fields: &[Field<'_>]) -> request::Parts {
    let uri = if version >= Version::HTTP_2 {
        "https://api.example/server/rest/pay"
    } else {
        "/server/rest/pay"
    };
    let (mut head, ()) = Request::builder()
        .method(Method::from_bytes(method.as_bytes()).expect("a method"))
        .version(version)
        .uri(uri)
        .body(())
        .expect("a request")
        .into_parts();
    for (name, value) in fields {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a name");
        head.headers
            .append(name, HeaderValue::from_bytes(value.as_bytes()).expect("a value"));
    }
    head
}

fn verdict(method: &str, version: Version, fields: &[Field<'_>]) -> Result<(), Refused> {
    HeaderRules::builder()
        .build()
        .expect("the defaults")
        .admits(&head(method, version, fields))
}

const HOST: Field<'static> = ("host", "api.example");

#[rstest]
#[case(&[HOST, HOST], Fault::Host(HeadFault::Host), "two hosts: which is meant?")]
#[case(&[], Fault::Host(HeadFault::Host), "no host")]
#[case(&[("host", "")], Fault::Host(HeadFault::HostMalformed), "an empty host")]
#[case(&[("host", "api.example/x")], Fault::Host(HeadFault::HostMalformed), "a host with a path")]
#[case(&[HOST, ("content-length", "5"), ("content-length", "5")], Fault::Repeated("content-length"), "smuggling")]
#[case(&[HOST, ("content-length", "5"), ("content-length", "6")], Fault::Repeated("content-length"), "smuggling")]
#[case(&[HOST, ("content-length", "5, 5")], Fault::Malformed("content-length"), "joined duplicates")]
#[case(&[HOST, ("content-length", "+5")], Fault::Malformed("content-length"), "a sign")]
#[case(&[HOST, ("content-length", "0x5")], Fault::Malformed("content-length"), "hexadecimal")]
#[case(&[HOST, ("content-length", "")], Fault::Empty("content-length"), "no length")]
#[case(&[HOST, ("content-length", "5"), ("transfer-encoding", "chunked")], Fault::LengthBesideTransferEncoding, "smuggling")]
#[case(&[HOST, ("transfer-encoding", "chunked"), ("transfer-encoding", "chunked")], Fault::Repeated("transfer-encoding"), "smuggling")]
#[case(&[HOST, ("transfer-encoding", "identity")], Fault::Malformed("transfer-encoding"), "an obsolete coding")]
#[case(&[HOST, ("transfer-encoding", "gzip, chunked")], Fault::Malformed("transfer-encoding"), "a coding that is not decoded here")]
#[case(&[HOST, ("transfer-encoding", "xchunked")], Fault::Malformed("transfer-encoding"), "a near miss")]
#[case(&[HOST, ("content-type", "application/json"), ("content-type", "text/xml")], Fault::Repeated("content-type"), "two types")]
#[case(&[HOST, ("content-type", "")], Fault::Empty("content-type"), "no type")]
#[case(&[HOST, ("content-type", "json")], Fault::Malformed("content-type"), "no subtype")]
#[case(&[HOST, ("content-type", "application/json, text/xml")], Fault::Malformed("content-type"), "a list of types")]
#[case(&[HOST, ("content-type", "text/xml; charset=utf-8; charset=utf-7")], Fault::Malformed("content-type"), "two charsets")]
#[case(&[HOST, ("authorization", "Basic YTpi"), ("authorization", "Basic YTpj")], Fault::Repeated("authorization"), "two callers")]
#[case(&[HOST, ("authorization", "")], Fault::Empty("authorization"), "no credentials")]
#[case(&[HOST, ("user-agent", "a"), ("user-agent", "b")], Fault::Repeated("user-agent"), "two clients")]
#[case(&[HOST, ("user-agent", "")], Fault::Empty("user-agent"), "an empty client")]
#[case(&[HOST, ("accept", "")], Fault::Empty("accept"), "accepts nothing")]
#[case(&[HOST, ("accept", "${jndi:ldap://x}")], Fault::Malformed("accept"), "an injection")]
#[case(&[HOST, ("accept-encoding", "<gzip>")], Fault::Malformed("accept-encoding"), "no coding")]
#[case(&[HOST, ("referer", "/a"), ("referer", "/b")], Fault::Repeated("referer"), "two referers")]
#[case(&[HOST, ("date", "Sun, 06 Nov 1994 08:49:37 GMT"), ("date", "Mon, 07 Nov 1994 08:49:37 GMT")], Fault::Repeated("date"), "two dates")]
#[case(&[HOST, ("if-modified-since", "")], Fault::Empty("if-modified-since"), "no date")]
#[case(&[HOST, ("soapaction", "\"a\""), ("soapaction", "\"b\"")], Fault::Repeated("soapaction"), "two actions")]
#[case(&[HOST, ("if-modified-since", "{{7*7}}")], Fault::Malformed("if-modified-since"), "an injection")]
#[case(&[HOST, ("if-unmodified-since", "yesterday")], Fault::Malformed("if-unmodified-since"), "no date")]
#[case(&[HOST, ("date", "zzz")], Fault::Malformed("date"), "no date")]
#[case(&[HOST, ("if-range", "abc")], Fault::Malformed("if-range"), "neither a tag nor a date")]
#[case(&[HOST, ("if-range", "\"a\", \"b\"")], Fault::Malformed("if-range"), "two tags")]
#[case(&[HOST, ("origin", "<script>")], Fault::Malformed("origin"), "an injection")]
#[case(&[HOST, ("origin", "")], Fault::Empty("origin"), "no origin")]
#[case(&[HOST, ("origin", "null"), ("origin", "https://a.example")], Fault::Repeated("origin"), "two origins")]
#[case(&[HOST, ("content-encoding", "")], Fault::Empty("content-encoding"), "no coding")]
#[case(&[HOST, ("content-encoding", "gzip{}")], Fault::Malformed("content-encoding"), "no coding")]
#[case(&[HOST, ("content-encoding", "gzip"), ("content-encoding", "<x>")], Fault::Malformed("content-encoding"), "garbage behind a coding")]
#[case(&[HOST, ("content-encoding", ",")], Fault::Malformed("content-encoding"), "a list of nothing")]
#[case(&[HOST, ("content-language", "")], Fault::Empty("content-language"), "no language")]
#[case(&[HOST, ("content-language", "<nl>")], Fault::Malformed("content-language"), "no language")]
#[case(&[HOST, ("content-location", "<script>")], Fault::Malformed("content-location"), "an injection")]
#[case(&[HOST, ("content-range", "bytes 0-1")], Fault::Malformed("content-range"), "a part of no whole")]
#[case(&[HOST, ("content-disposition", "<a>; b")], Fault::Malformed("content-disposition"), "no disposition")]
#[case(&[HOST, ("cookie", "")], Fault::Empty("cookie"), "no cookie")]
#[case(&[HOST, ("if-none-match", "")], Fault::Empty("if-none-match"), "no tag")]
#[case(&[HOST, ("if-none-match", "abc")], Fault::Malformed("if-none-match"), "a tag without quotes")]
#[case(&[HOST, ("if-match", "")], Fault::Empty("if-match"), "no tag")]
#[case(&[HOST, ("if-match", "\"a")], Fault::Malformed("if-match"), "a tag without an end")]
#[case(&[HOST, ("cache-control", "")], Fault::Empty("cache-control"), "no directive")]
#[case(&[HOST, ("cache-control", "${x}")], Fault::Malformed("cache-control"), "an injection")]
#[case(&[HOST, ("pragma", "")], Fault::Empty("pragma"), "no directive")]
#[case(&[HOST, ("accept-language", "../../x")], Fault::Malformed("accept-language"), "a path")]
#[case(&[HOST, ("accept-charset", "utf-8;q=x")], Fault::Malformed("accept-charset"), "no weight")]
#[case(&[HOST, ("accept-encoding", "")], Fault::Empty("accept-encoding"), "no coding")]
#[case(&[HOST, ("te", "{}")], Fault::Malformed("te"), "no coding")]
#[case(&[HOST, ("trailer", "")], Fault::Empty("trailer"), "no field")]
#[case(&[HOST, ("trailer", "a b")], Fault::Malformed("trailer"), "no name of a field")]
#[case(&[HOST, ("upgrade", "<h2c>")], Fault::Malformed("upgrade"), "no protocol")]
#[case(&[HOST, ("via", "x")], Fault::Malformed("via"), "a protocol without a proxy")]
#[case(&[HOST, ("authorization", "Bearer")], Fault::Malformed("authorization"), "a scheme without credentials")]
#[case(&[HOST, ("referer", "<script>")], Fault::Malformed("referer"), "an injection")]
#[case(&[HOST, ("user-agent", "{{7*7}}")], Fault::Malformed("user-agent"), "an injection")]
#[case(&[HOST, ("expect", "200-ok")], Fault::Malformed("expect"), "an unknown expectation")]
#[case(&[HOST, ("range", "bytes=0-1,2-3,4-5,6-7,8-9,10-11")], Fault::TooManyRanges, "six ranges")]
#[case(&[HOST, ("range", "bytes=9-1")], Fault::Malformed("range"), "a range downwards")]
#[case(&[HOST, ("range", "")], Fault::Empty("range"), "no range")]
#[case(&[HOST, ("max-forwards", "-1")], Fault::Malformed("max-forwards"), "no number")]
#[case(&[HOST, ("x-http-method-override", "DELETE")], Fault::MethodOverride("x-http-method-override"), "another method")]
#[case(&[HOST, ("X-HTTP-Method", "DELETE")], Fault::MethodOverride("x-http-method"), "another method")]
#[case(&[HOST, ("x-method-override", "DELETE")], Fault::MethodOverride("x-method-override"), "another method")]
#[case(&[HOST, ("x-method-override", "")], Fault::MethodOverride("x-method-override"), "even empty")]
#[case(&[HOST, ("proxy", "http://evil.example")], Fault::ProxyInternal("proxy"), "httpoxy")]
#[case(&[HOST, ("x-original-url", "/admin")], Fault::ProxyInternal("x-original-url"), "another path")]
#[case(&[HOST, ("x-rewrite-url", "/admin")], Fault::ProxyInternal("x-rewrite-url"), "another path")]
#[case(&[HOST, ("x-middleware-subrequest", "middleware")], Fault::ProxyInternal("x-middleware-subrequest"), "skips checks")]
#[case(&[HOST, ("proxy-connection", "keep-alive")], Fault::ProxyInternal("proxy-connection"), "meant for a proxy")]
#[case(&[HOST, ("content_length", "5")], Fault::UnderscoreShadow, "shadows a field that is not even there")]
#[case(&[HOST, ("x_forwarded_for", "127.0.0.1")], Fault::UnderscoreShadow, "a forged client")]
#[case(&[HOST, ("x-forwarded_for", "127.0.0.1")], Fault::UnderscoreShadow, "a forged client")]
#[case(&[HOST, ("x-partner", "1"), ("x_partner", "2")], Fault::UnderscoreShadow, "shadows its neighbour")]
#[case(&[HOST, ("x_a-b", "1"), ("x-a_b", "2")], Fault::UnderscoreShadow, "both become one")]
#[case(&[HOST, ("connection", "close, authorization")], Fault::ConnectionOptions, "drops a field on the way")]
#[case(&[HOST, ("connection", "close"), ("x-a", "caf\u{e9}")], Fault::ForeignBytes, "UTF-8")]
#[case(&[HOST, ("user-agent", "a\u{80}")], Fault::ForeignBytes, "an unseen control character")]
fn what_attackers_send_is_faulty(#[case] fields: &[Field<'_>], #[case] fault: Fault, #[case] why: &str) {
    assert_eq!(
        verdict("POST", Version::HTTP_11, fields),
        Err(Refused::Faulty(fault)),
        "{why}"
    );
}

#[rstest]
#[case(
    FramingConflict::LengthBesideTransferEncoding,
    Fault::LengthBesideTransferEncoding
)]
#[case(FramingConflict::RepeatedLength, Fault::Repeated("content-length"))]
#[case(
    FramingConflict::RepeatedTransferEncoding,
    Fault::Repeated("transfer-encoding")
)]
#[case(FramingConflict::OutOfStep, Fault::OutOfStep)]
fn what_the_listener_doubts_is_faulty(#[case] conflict: FramingConflict, #[case] fault: Fault) {
    // As the library for HTTP/1 leaves it: one field of two.
    let mut head = head(
        "POST",
        Version::HTTP_11,
        &[HOST, ("transfer-encoding", "chunked")],
    );
    head.extensions.insert(conflict);
    let refused = Err(Refused::Faulty(fault));
    assert_eq!(
        HeaderRules::builder()
            .build()
            .expect("the defaults")
            .admits(&head),
        refused
    );
    let lenient = HeaderRules::builder().dangerously_allow_faulty().build();
    assert_eq!(lenient.expect("the defaults").admits(&head), Ok(()));
}

#[rstest]
#[case(&[("connection", "keep-alive")], Fault::ConnectionSpecific("connection"))]
#[case(&[("keep-alive", "timeout=5")], Fault::ConnectionSpecific("keep-alive"))]
#[case(&[("upgrade", "h2c")], Fault::ConnectionSpecific("upgrade"))]
#[case(&[("transfer-encoding", "chunked")], Fault::ConnectionSpecific("transfer-encoding"))]
#[case(&[("te", "gzip")], Fault::ConnectionSpecific("te"))]
#[case(&[("host", "other.example")], Fault::Host(HeadFault::Host))]
fn fields_of_http1_connections_are_faulty_in_http2(#[case] fields: &[Field<'_>], #[case] fault: Fault) {
    assert_eq!(
        verdict("GET", Version::HTTP_2, fields),
        Err(Refused::Faulty(fault))
    );
}

#[rstest]
#[case::curl("GET", Version::HTTP_11, &[HOST, ("user-agent", "curl/8.5.0"), ("accept", "*/*")])]
#[case::curl_upload("POST", Version::HTTP_11, &[
    HOST, ("user-agent", "curl/8.5.0"), ("accept", "*/*"), ("content-length", "2097152"),
    ("content-type", "application/x-www-form-urlencoded"), ("expect", "100-continue"),
])]
#[case::chrome("GET", Version::HTTP_2, &[
    ("sec-ch-ua", "\"Chromium\";v=\"124\", \"Not-A.Brand\";v=\"99\""), ("sec-ch-ua-mobile", "?0"),
    ("upgrade-insecure-requests", "1"), ("user-agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36"),
    ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7"),
    ("sec-fetch-site", "none"), ("accept-encoding", "gzip, deflate, br, zstd"), ("accept-language", "nl-NL,nl;q=0.9,en-US;q=0.8"),
    ("cookie", "a=1"), ("cookie", "b=2"), ("priority", "u=0, i"),
])]
#[case::firefox("POST", Version::HTTP_11, &[
    HOST, ("user-agent", "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:125.0) Gecko/20100101 Firefox/125.0"),
    ("accept", "application/json, text/plain, */*"), ("accept-language", "en-US,en;q=0.5"), ("accept-encoding", "gzip, deflate, br"),
    ("content-type", "multipart/form-data; boundary=---------------------------293582696224464"), ("content-length", "293"),
    ("origin", "https://app.example"), ("connection", "keep-alive"), ("referer", "https://app.example/form?a=b"),
])]
#[case::java_http_client("GET", Version::HTTP_11, &[
    ("connection", "Upgrade, HTTP2-Settings"), HOST, ("http2-settings", "AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA"),
    ("upgrade", "h2c"), ("user-agent", "Java-http-client/21.0.2"),
])]
#[case::java_url_connection("GET", Version::HTTP_11, &[
    ("user-agent", "Java/1.8.0_402"), HOST, ("accept", "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2"),
    ("connection", "keep-alive"),
])]
#[case::java_soap("POST", Version::HTTP_11, &[
    HOST, ("accept", "text/xml, text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2"), ("content-type", "text/xml; charset=utf-8"),
    ("soapaction", "\"\""), ("user-agent", "JAX-WS RI 2.3.7"), ("connection", "keep-alive"), ("content-length", "312"),
])]
#[case::mtom("POST", Version::HTTP_11, &[
    HOST, ("transfer-encoding", "chunked"), ("mime-version", "1.0"), ("soapaction", ""),
    ("content-type", "multipart/related; type=\"application/xop+xml\"; boundary=\"uuid:1\"; start=\"<root.message@cxf.apache.org>\"; start-info=\"text/xml\""),
])]
#[case::dotnet_wcf("POST", Version::HTTP_11, &[
    ("content-type", "application/soap+xml; charset=utf-8; action=\"urn:pay/IPay/Send\""), HOST, ("content-length", "1024"),
    ("expect", "100-continue"), ("accept-encoding", "gzip, deflate"), ("connection", "Keep-Alive"),
])]
#[case::dotnet_http_client("POST", Version::HTTP_11, &[
    HOST, ("accept", "application/json"), ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"),
    ("transfer-encoding", "chunked"), ("content-type", "application/json; charset=utf-8"),
])]
#[case::python("DELETE", Version::HTTP_11, &[
    HOST, ("user-agent", "python-requests/2.31.0"), ("accept-encoding", "gzip, deflate"), ("accept", "*/*"),
    ("connection", "keep-alive"), ("authorization", "Bearer eyJhbGciOiJSUzI1NiJ9.e30.c2ln"), ("content-length", "0"),
])]
#[case::node("PUT", Version::HTTP_11, &[
    HOST, ("accept", "application/json, text/plain, */*"), ("content-type", "application/json"), ("user-agent", "axios/1.6.8"),
    ("content-length", "17"), ("accept-encoding", "gzip, compress, deflate, br"), ("connection", "close"),
])]
#[case::behind_a_proxy("GET", Version::HTTP_11, &[
    HOST, ("x-forwarded-for", "198.51.100.7"), ("x-forwarded-for", "10.0.0.1"), ("x-forwarded-proto", "https"),
    ("via", "1.1 a"), ("via", "1.1 b"), ("forwarded", "for=198.51.100.7"), ("x-request-id", "7b2e"), ("x-real-ip", "198.51.100.7"),
])]
#[case::repeatable_lists("GET", Version::HTTP_11, &[
    HOST, ("accept", "application/json"), ("accept", "text/xml;q=0.5"), ("accept-language", "nl"), ("accept-language", "en"),
    ("cache-control", "no-cache"), ("cache-control", "no-store"), ("if-none-match", "\"a\""), ("x-tag", "1"), ("x-tag", "2"),
])]
#[case::own_names_with_underscores("GET", Version::HTTP_11, &[HOST, ("api_version", "2"), ("x_partner_id", "7"), ("x-note", "a\tb")])]
#[case::download("GET", Version::HTTP_11, &[HOST, ("range", "bytes=0-1023, 4096-"), ("if-range", "\"e\""), ("te", "trailers")])]
#[case::grpc("POST", Version::HTTP_2, &[
    ("content-type", "application/grpc"), ("te", "trailers"), ("user-agent", "grpc-java-netty/1.62.2"), ("grpc-accept-encoding", "gzip"),
])]
#[case::conditional("GET", Version::HTTP_11, &[
    HOST, ("if-modified-since", "Sun, 06 Nov 1994 08:49:37 GMT"), ("if-none-match", "W/\"a,b\", \"c\""), ("pragma", "no-cache"),
    ("if-range", "Sunday, 06-Nov-94 08:49:37 GMT"), ("date", "Sun Nov  6 08:49:37 1994"), ("cache-control", "max-age=0"),
    ("accept-charset", "utf-8, *;q=0.1"), ("via", "1.1 abc.cloudfront.net (CloudFront)"), ("origin", "null"),
])]
#[case::update("PUT", Version::HTTP_2, &[
    ("if-match", "*"), ("content-encoding", "gzip"), ("content-encoding", "br"), ("content-language", "nl, en-GB"),
    ("content-range", "bytes 0-9/10"), ("content-location", "/pay/7?a=b"), ("content-disposition", "attachment; filename=\"a b.txt\""),
    ("authorization", "Negotiate"), ("trailer", "grpc-status"), ("origin", "http://localhost:4200"), ("referer", ""),
])]
#[case::http10_health_check("GET", Version::HTTP_10, &[])]
fn what_honest_clients_send_is_admitted(
    #[case] method: &str,
    #[case] version: Version,
    #[case] fields: &[Field<'_>],
) {
    assert_eq!(verdict(method, version, fields), Ok(()));
}

#[rstest]
#[case("GET", &[HOST, ("content-length", "5")], true)]
#[case("HEAD", &[HOST, ("transfer-encoding", "chunked")], true)]
#[case("GET", &[HOST, ("content-length", "0")], false)]
#[case("GET", &[HOST], false)]
#[case("DELETE", &[HOST, ("content-length", "5")], false)]
#[case("POST", &[HOST, ("content-length", "5")], false)]
fn a_body_on_get_is_a_choice(#[case] method: &str, #[case] fields: &[Field<'_>], #[case] refused: bool) {
    let head = head(method, Version::HTTP_11, fields);
    assert_eq!(HeaderRules::builder().build().unwrap().admits(&head), Ok(()));
    let strict = HeaderRules::builder().reject_body_on_get().build().unwrap();
    let expected = if refused {
        Err(Refused::Faulty(Fault::BodyOnGet))
    } else {
        Ok(())
    };
    assert_eq!(strict.admits(&head), expected);
}

#[test]
fn size_is_told_of_before_what_is_blocked_and_that_before_faults() {
    let long = "v".repeat(300);
    let fields = [HOST, ("x-blocked", "1"), ("date", "zzz"), ("x-long", &long)];
    let rules = |bytes| {
        HeaderRules::builder()
            .allow_at_most(10, ByteSize::bytes(bytes))
            .block(["x-blocked"])
            .build()
            .unwrap()
    };
    let verdict = |bytes, fields: &[Field<'_>]| rules(bytes).admits(&head("GET", Version::HTTP_11, fields));
    let too_large = |bytes| {
        Err(Refused::TooLarge {
            max_count: 10,
            max_bytes: ByteSize::bytes(bytes),
        })
    };
    assert_eq!(verdict(300, &fields), too_large(300));
    assert!(matches!(verdict(400, &fields), Err(Refused::Blocked(_))));
    assert_eq!(
        verdict(400, &[fields[0], fields[2]]),
        Err(Refused::Faulty(Fault::Malformed("date")))
    );
    // `host: api.example` is 15 bytes, `x-long` 6.
    let plain = [fields[0], fields[3]];
    assert_eq!(verdict(321, &plain), Ok(()));
    assert_eq!(verdict(320, &plain), too_large(320));
}

#[test]
fn faults_pass_where_they_are_allowed() {
    let lax = HeaderRules::builder().dangerously_allow_faulty().build().unwrap();
    assert_eq!(
        lax.admits(&head(
            "GET",
            Version::HTTP_11,
            &[HOST, ("proxy", "x"), ("accept", "")]
        )),
        Ok(())
    );
}

mod any_head {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::{HeaderRules, Version, head};

    proptest! {
        #[test]
        fn neither_upsets_the_rules_nor_hides_a_repetition(
            fields in vec(("[a-z_-]{1,12}|content-type|range|accept|connection|te", "[ -~\\t]{0,30}"), 0..20),
            newer in any::<bool>(),
        ) {
            let version = if newer { Version::HTTP_2 } else { Version::HTTP_11 };
            let mut fields: Vec<(&str, &str)> =
                fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            let rules = HeaderRules::builder().build().unwrap();
            let _ = rules.admits(&head("POST", version, &fields));
            fields.extend([("content-length", "1"), ("x-between", "1"), ("content-length", "1")]);
            prop_assert!(rules.admits(&head("POST", version, &fields)).is_err());
        }
    }
}
