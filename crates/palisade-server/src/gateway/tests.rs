use http::Uri;
use rstest::rstest;

use super::Target;

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
#[case("http://a.example/?q")]
#[case("http://a.example/#f")]
#[case("/path")]
#[case("")]
fn what_names_no_upstream_is_refused(#[case] url: &str) {
    assert!(Target::parse(url).is_err());
}
