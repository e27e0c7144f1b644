//! What is accepted is what axum hands to a handler, value for value.

use axum::body::{Body, to_bytes};
use axum::extract::{Query, RawPathParams};
use axum::routing::get;
use axum::{Json, Router};
use http::{Request, StatusCode};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use tower::ServiceExt;

use super::super::{ParameterFault, Parameters, Place};
use super::{head, in_group, one};
use crate::settings::{ParameterSettings, Unknown};

type Pairs = Vec<(String, String)>;

/// What a router answers; `None` where it refuses.
fn answer(router: Router, target: &str) -> Result<Pairs, StatusCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let request = Request::builder().uri(target).body(Body::empty()).unwrap();
        let response = router.oneshot(request).await.unwrap();
        let status = response.status();
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        if status == StatusCode::OK {
            Ok(serde_json::from_slice(&body).unwrap())
        } else {
            Err(status)
        }
    })
}

/// Accepts that very value, and no other.
fn only(place: Place, name: &str, value: &str) -> Parameters {
    let settings = ParameterSettings {
        required: true,
        values: Some(vec![value.to_owned()]),
        ..ParameterSettings::default()
    };
    Parameters::compile(&one(place, name, settings)).unwrap()
}

fn other_than(value: &str) -> String {
    format!("{value}x")
}

/// Whether each percent sign introduces two hexadecimal digits.
fn is_escaped_well(text: &str) -> bool {
    let digits = |rest: &str| rest.len() >= 2 && rest.bytes().take(2).all(|byte| byte.is_ascii_hexdigit());
    text.split('%').skip(1).all(digits)
}

fn query() -> impl Strategy<Value = String> {
    const PIECES: &[&str] = &[
        "a",
        "a",
        "a=",
        "b",
        "b=",
        "c",
        "c=",
        "=",
        "=",
        "&",
        "&",
        "&",
        "+",
        "%2B",
        "%26",
        "%3D",
        "%61",
        "%C3%A9",
        "%41",
        "%25",
        "%2525",
        "%",
        "%4",
        "%zz",
        "%FF",
        "%C3",
        ";",
        "%00",
        "%0A",
        "x",
        "1",
        "'",
        "[]",
        "%ed%a0%80",
    ];
    proptest::collection::vec(select(PIECES), 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn the_query_is_read_as_axum_reads_it(query in query()) {
        let target = format!("/?{query}");
        let router = Router::new().route("/", get(async |Query(pairs): Query<Pairs>| Json(pairs)));
        let pairs = answer(router, &target).unwrap();
        let head = head(&target, &[]);
        let configured = ["a", "b"];
        let mut settings = one(Place::Query, "a", ParameterSettings::default());
        settings.query.insert("b".to_owned(), ParameterSettings::default());
        let accepted = Parameters::compile(&settings).unwrap().check(&head);

        let values = |name: &str| pairs.iter().filter(|(own, _)| own == name).count();
        let is_text = is_escaped_well(&query)
            && !pairs.iter().any(|(name, value)| name.contains('\u{FFFD}') || value.contains('\u{FFFD}'));
        let is_unique = configured.iter().all(|name| values(name) <= 1);
        prop_assert_eq!(accepted.is_ok(), is_text && is_unique, "{:?}", accepted);

        settings.unknown_query = Unknown::Reject;
        let strict = Parameters::compile(&settings).unwrap().check(&head);
        let is_known = pairs.iter().all(|(name, _)| configured.contains(&name.as_str()));
        prop_assert_eq!(strict.is_ok(), is_text && is_unique && is_known, "{:?}", strict);

        for (name, value) in pairs.iter().filter(|(name, _)| accepted.is_ok() && configured.contains(&name.as_str())) {
            prop_assert_eq!(only(Place::Query, name, value).check(&head), Ok(()));
            prop_assert!(only(Place::Query, name, &other_than(value)).check(&head).is_err());
        }
    }
}

const PATTERNS: &[&str] = &[
    "/",
    "/{a}",
    "/a",
    "/a/",
    "/a/{b}",
    "/{a}/{b}",
    "/{c}/b",
    "/a/b",
    "/a/{*rest}",
    "/{*rest}",
    "/x-{a}",
    "/x-{a}/{b}",
    "/x{b}/b",
    "/{{a}}/{b}",
    "/x-{*rest}",
    "/{a}/{b}/{c}",
    "/%C3%A9/{b}",
    "/a/x-{c}",
    "/{a}/",
];

fn path() -> impl Strategy<Value = String> {
    const SEGMENTS: &[&str] = &[
        "a", "b", "c", "x-", "x-1", "x", "x1", "%7Ba%7D", "%C3%A9", "%FF", "%2B", "+", "%2525", "1%2C2", "",
        "%00",
    ];
    proptest::collection::vec(select(SEGMENTS), 1..5).prop_map(|segments| format!("/{}", segments.join("/")))
}

/// The patterns that one router can have, in that order.
fn routable(patterns: Vec<&'static str>) -> Vec<&'static str> {
    let mut router = matchit::Router::new();
    let mut routable = patterns;
    routable.retain(|pattern| router.insert(*pattern, ()).is_ok());
    routable
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn the_path_is_read_as_axum_reads_it(
        patterns in subsequence(PATTERNS.to_vec(), 1..8).prop_shuffle().prop_map(routable),
        path in path(),
    ) {
        let handler = async |params: RawPathParams| {
            Json(params.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect::<Pairs>())
        };
        let router = patterns.iter().fold(Router::new(), |router, pattern| router.route(pattern, get(handler)));
        let head = in_group(head(&path, &[]), &patterns);
        let names = ["a", "b", "c", "rest"];
        let required = |name: &str| {
            let settings = ParameterSettings { required: true, ..ParameterSettings::default() };
            Parameters::compile(&one(Place::Path, name, settings)).unwrap()
        };
        let missing = |name: &str| matches!(required(name).check(&head), Err(ParameterFault::Missing(_)));
        match answer(router, &path) {
            Ok(params) => for name in names {
                match params.iter().find(|(own, _)| own == name) {
                    Some((_, value)) => {
                        prop_assert_eq!(only(Place::Path, name, value).check(&head), Ok(()));
                        prop_assert!(only(Place::Path, name, &other_than(value)).check(&head).is_err());
                    }
                    None => prop_assert!(missing(name), "{}", name),
                }
            },
            Err(StatusCode::NOT_FOUND) => for name in names {
                prop_assert!(missing(name), "{}", name);
            },
            Err(_) => {
                // axum found text that is not UTF-8, in one parameter or another.
                let is_refused = |name: &str| matches!(required(name).check(&head), Err(ParameterFault::NotText(_)));
                prop_assert!(names.into_iter().any(is_refused));
            }
        }
    }
}
