use std::net::IpAddr;

use http::{Request, Uri};
use palisade_core::{ClientAddress, RequestId};
use proptest::prelude::{Just, Strategy, prop_assert, prop_assert_eq, prop_oneof, proptest};
use rstest::rstest;

use super::Target;
use super::head::to_upstream;

#[rstest]
#[case("http://a.example", "/x?y=1", "http://a.example/x?y=1")]
#[case("https://a.example:8443/base", "/x", "https://a.example:8443/base/x")]
#[case("https://a.example/base/", "/", "https://a.example/base/")]
#[case(
    "https://a.example/base",
    "https://public.example/x?y",
    "https://a.example/base/x?y"
)]
#[case("http://[::1]:80/", "/%2e%2e/?a=%2f", "http://[::1]:80/%2e%2e/?a=%2f")]
#[case("http://a.example", "*", "http://a.example/")]
fn path_and_query_stand_behind_the_base_as_they_came(
    #[case] url: &str,
    #[case] asked: Uri,
    #[case] sent: &str,
) {
    assert_eq!(Target::parse(url).unwrap().uri(&asked).unwrap().to_string(), sent);
}

#[rstest]
#[case("a.example")]
#[case("ftp://a.example")]
#[case("http://")]
#[case("http://user:word@a.example")]
#[case("http://a.example:99999")]
#[case("http://a.example:")]
#[case("http://a.example/?q")]
#[case("http://a.example/#f")]
#[case("/path")]
#[case("")]
fn what_names_no_upstream_is_refused(#[case] url: &str) {
    assert!(Target::parse(url).is_err());
}

/// Names that a client may put anywhere, some of which mean something to a gateway.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z][a-z-]{0,8}",
        Just("x-forwarded-for".to_owned()),
        Just("x-request-id".to_owned()),
        Just("keep-alive".to_owned()),
        Just("upgrade".to_owned()),
        Just("te".to_owned()),
        Just("host".to_owned()),
        Just("content-length".to_owned()),
    ]
}

proptest! {
    #[test]
    fn nothing_of_one_hop_and_no_word_of_the_client_about_itself_goes_upstream(
        fields in proptest::collection::vec((name(), "[ -~]{0,12}"), 0..12),
        connection in proptest::collection::vec(name(), 0..6),
    ) {
        let mut request = Request::builder().uri("/a").header("connection", connection.join(" ,\t"));
        for (name, value) in &fields {
            request = request.header(name, value);
        }
        let Ok(request) = request.body(()) else { return Ok(()) };
        let (mut head, ()) = request.into_parts();
        let client = ClientAddress::from(IpAddr::from([192, 0, 2, 7]));
        head.extensions.insert(client);
        let id = RequestId::random();
        head.extensions.insert(id);
        to_upstream(&mut head, &Target::parse("http://a.example").unwrap()).unwrap();

        let ours = ["connection", "te", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-request-id"];
        for named in connection.iter().filter(|name| !ours.contains(&name.as_str())) {
            prop_assert!(!head.headers.contains_key(named), "{named}");
        }
        for gone in ["keep-alive", "upgrade", "transfer-encoding", "host"] {
            prop_assert!(!head.headers.contains_key(gone), "{gone}");
        }
        for (name, value) in [("x-forwarded-for", "192.0.2.7"), ("x-forwarded-proto", "http"), ("x-request-id", id.as_str())] {
            let values: Vec<_> = head.headers.get_all(name).iter().collect();
            prop_assert_eq!(values, [value]);
        }
        prop_assert!(head.headers.get("te").is_none_or(|te| te == "trailers"));
    }

    #[test]
    fn any_text_is_a_target_or_refused(text in "\\PC{0,40}", path in "/[!-~]{0,20}") {
        let _ = Target::parse(&text);
        if let (Ok(target), Ok(asked)) = (Target::parse(&format!("https://a.example{path}")), "/x?y".parse()) {
            let uri = target.uri(&asked).unwrap();
            prop_assert_eq!(uri.authority().unwrap().as_str(), "a.example");
            prop_assert!(uri.path().ends_with("/x"));
            prop_assert_eq!(uri.query(), Some("y"));
        }
    }
}
