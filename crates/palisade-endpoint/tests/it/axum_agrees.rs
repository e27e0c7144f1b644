//! One reading of paths: our matcher takes a request by a pattern exactly when axum's router does.

use axum::Router;
use axum::body::Body;
use axum::routing::any;
use http::{Request, StatusCode};
use palisade_endpoint::Registry;
use proptest::prelude::*;
use proptest::sample::select;
use tower::ServiceExt;

/// Whether axum's router has a route for the path.
async fn axum_takes(pattern: &str, path: &str) -> bool {
    let router: Router = Router::new().route(pattern, any(|| async {}));
    let request = Request::builder().uri(path).body(Body::empty()).unwrap();
    router.oneshot(request).await.unwrap().status() == StatusCode::OK
}

/// Whether a group with that pattern takes the path; `None` where the path is refused before any group.
fn group_takes(pattern: &str, path: &str) -> Option<bool> {
    let policy = crate::common::policy(
        &Registry::new(),
        &format!("palisade.endpoints[0].paths={}", pattern.replace('\\', "\\\\")),
    );
    let explanation = policy.explain(&palisade_endpoint::Probe::new(
        http::Method::GET,
        path.parse().ok()?,
    ));
    match explanation.verdict {
        palisade_endpoint::Verdict::Refused { status: 400, .. } => None,
        _ => Some(explanation.group.is_some()),
    }
}

fn pattern() -> impl Strategy<Value = String> {
    let segment = select(vec![
        "a", "b", "{x}", "{y}", "a-{z}", "{{c}}", "%C3%A9", "a%20b", "A", "a;b", "x.json",
    ]);
    let end = select(vec!["", "", "", "/", "/{*rest}", "/a-{*rest}"]);
    (prop::collection::vec(segment, 0..4), end).prop_filter_map("a pattern once", |(segments, end)| {
        // A parameter's name may stand in a pattern once.
        let twice = |name: &str| segments.iter().filter(|segment| segment.contains(name)).count() > 1;
        if ["{x}", "{y}", "{z}"].into_iter().any(twice) {
            return None;
        }
        let joined = segments
            .iter()
            .flat_map(|segment| ["/", *segment])
            .chain([end])
            .collect::<String>();
        Some(if joined.is_empty() { "/".to_owned() } else { joined })
    })
}

fn path() -> impl Strategy<Value = String> {
    let segment = select(vec![
        "a", "b", "c", "a-1", "a-", "{c}", "%C3%A9", "%c3%a9", "a%20b", "A", "a;b", "a%3Bb", "x.json", "",
    ]);
    prop::collection::vec(segment, 1..5).prop_map(|segments| format!("/{}", segments.join("/")))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn a_group_takes_a_path_when_the_router_has_a_route_for_it(pattern in pattern(), path in path()) {
        if path.parse::<http::Uri>().is_err() {
            return Ok(());
        }
        if let Some(ours) = group_takes(&pattern, &path) {
            let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
            let theirs = runtime.block_on(axum_takes(&pattern, &path));
            prop_assert_eq!(ours, theirs, "pattern {} path {}", pattern, path);
        }
    }
}
