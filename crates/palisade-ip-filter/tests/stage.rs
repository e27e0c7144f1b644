//! The stage as operators and peers see it.
#![expect(clippy::expect_used, reason = "a helper of tests stops the test")]

use std::convert::Infallible;
use std::fmt::Write as _;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use palisade_core::{
    BuildContext, BuildError, ClientAddress, Clock, Connection, Finding, Phase, Pipeline, RequestId,
    Resources, Severity, Stage, StageKind, StateStore, SystemClock,
};
use palisade_ip_filter::{IpFilter, IpFilterSettings};
use serde_json::{Value, json};
use tower::{ServiceBuilder, ServiceExt, service_fn};

fn with_context<T>(folder: &Path, run: impl FnOnce(BuildContext<'_>) -> T) -> T {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
    let (state, resources) = (StateStore::default(), Resources::default());
    run(BuildContext::new("Partners", folder, &clock, &state, &resources))
}

fn build(folder: &Path, settings: Value) -> Result<Vec<(Phase, Stage)>, BuildError> {
    let settings = serde_json::from_value(settings).expect("the settings have the right shape");
    with_context(folder, |cx| IpFilter::build(settings, &cx))
}

fn findings(folder: &Path, settings: Value) -> Vec<Finding> {
    let settings = serde_json::from_value(settings).expect("the settings have the right shape");
    with_context(folder, |cx| {
        IpFilter::build(settings, &cx).expect("the settings are right");
        cx.take_findings()
    })
}

fn faults(error: BuildError) -> Vec<(String, String)> {
    error
        .faults
        .into_iter()
        .map(|fault| (fault.key, fault.expected))
        .collect()
}

async fn ask(pipeline: &Pipeline, request: Request<Full<Bytes>>) -> Response<Bytes> {
    let service =
        ServiceBuilder::new()
            .layer(pipeline.clone())
            .service(service_fn(|_: Request<Full<Bytes>>| async {
                Ok::<_, Infallible>(Response::new(Full::new(Bytes::from("hello"))))
            }));
    let (head, body) = service
        .oneshot(request)
        .await
        .expect("the service cannot fail")
        .into_parts();
    let body = body.collect().await.expect("the body cannot fail").to_bytes();
    Response::from_parts(head, body)
}

fn request_from(client: &str) -> Request<Full<Bytes>> {
    let mut request = Request::new(Full::default());
    let client: IpAddr = client.parse().expect("an address");
    request.extensions_mut().insert(ClientAddress::from(client));
    request
}

#[tokio::test]
async fn a_refusal_is_a_whole_problem_document_that_does_not_say_which_list() {
    let filter = IpFilter::builder()
        .allow(["192.0.2.0/24"])
        .unwrap()
        .deny(["192.0.2.13"])
        .unwrap()
        .build()
        .unwrap();
    let pipeline = filter.layer();
    assert_eq!(ask(&pipeline, request_from("192.0.2.1")).await.body(), "hello");
    for client in ["192.0.2.13", "198.51.100.1"] {
        let mut request = request_from(client);
        request
            .extensions_mut()
            .insert(RequestId::parse(&"r-1".parse().unwrap()).unwrap());
        let response = ask(&pipeline, request).await;
        assert_eq!(response.status(), 403);
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        assert_eq!(response.headers()["x-request-id"], "r-1");
        assert_eq!(
            serde_json::from_slice::<Value>(response.body()).unwrap(),
            json!({
                "type": "urn:palisade:problem:ip-not-allowed",
                "title": "The client's address is not admitted",
                "status": 403,
                "detail": "The client's address is not admitted",
                "instance": "r-1",
            })
        );
    }
}

#[tokio::test]
async fn the_address_is_the_proxys_word_before_the_peers_and_none_is_refused() {
    let pipeline = IpFilter::builder()
        .allow(["192.0.2.1"])
        .unwrap()
        .build()
        .unwrap()
        .layer();
    let peer = |address: &str| {
        Arc::new(Connection::new(
            "public",
            address.parse().unwrap(),
            "127.0.0.1:8443".parse().unwrap(),
        ))
    };
    let with_peer = |address: &str| {
        let mut request = Request::new(Full::default());
        request.extensions_mut().insert(peer(address));
        request
    };
    assert_eq!(ask(&pipeline, with_peer("192.0.2.1:1")).await.status(), 200);
    assert_eq!(
        ask(&pipeline, with_peer("[::ffff:192.0.2.1]:1")).await.status(),
        200
    );
    assert_eq!(ask(&pipeline, with_peer("192.0.2.2:1")).await.status(), 403);

    let mut behind_proxy = with_peer("192.0.2.1:1");
    behind_proxy.extensions_mut().insert(ClientAddress::Unknown);
    assert_eq!(ask(&pipeline, behind_proxy).await.status(), 403);
    assert_eq!(ask(&pipeline, Request::new(Full::default())).await.status(), 403);
}

#[tokio::test]
async fn lists_and_files_add_up_and_the_files_are_watched() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("partners.txt"),
        "# head office\r\n192.0.2.1\r\n\r\n10.0.0.0/8\r\n",
    )
    .unwrap();
    std::fs::write(folder.path().join("blocked.txt"), "10.0.0.13 # lost laptop\n").unwrap();
    let settings = json!({
        "allow": ["198.51.100.1", "2001:db8::/32"],
        "allow-file": "partners.txt",
        "deny": ["10.0.0.14"],
        "deny-file": "blocked.txt",
    });
    let settings: IpFilterSettings = serde_json::from_value(settings).unwrap();
    let (stages, files) = with_context(folder.path(), |cx| {
        (IpFilter::build(settings, &cx).unwrap(), cx.into_files())
    });
    assert_eq!(
        files,
        [
            folder.path().join("partners.txt"),
            folder.path().join("blocked.txt")
        ]
    );
    let [(Phase::Network, stage)] = stages.as_slice() else {
        panic!("one stage, of the network")
    };
    let pipeline = Pipeline::from(stage.clone());
    for (client, status) in [
        ("198.51.100.1", 200),
        ("2001:db8::5", 200),
        ("192.0.2.1", 200),
        ("10.9.9.9", 200),
        ("10.0.0.13", 403),
        ("10.0.0.14", 403),
        ("203.0.113.1", 403),
    ] {
        assert_eq!(
            ask(&pipeline, request_from(client)).await.status(),
            status,
            "{client}"
        );
    }
}

#[tokio::test]
async fn an_allow_list_given_but_empty_admits_nobody() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("nobody.txt"), "# nobody yet\n").unwrap();
    for settings in [json!({"allow": []}), json!({"allow-file": "nobody.txt"})] {
        let stages = build(folder.path(), settings).unwrap();
        let pipeline = Pipeline::from(stages[0].1.clone());
        assert_eq!(ask(&pipeline, request_from("127.0.0.1")).await.status(), 403);
    }
}

#[test]
fn every_bad_element_is_reported_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("blocked.txt");
    std::fs::write(&file, "10.0.0.1\n\n10.0.0.1/8\nnobody\n").unwrap();
    let settings = json!({
        "allow": ["10.0.0.1", "partner.example", "10.0.0.9-10.0.0.1"],
        "deny-file": "blocked.txt",
        "allow-file": "missing.txt",
    });
    let faults = faults(build(folder.path(), settings).unwrap_err());
    let at = |line: u32| format!("({}:{line})", file.display());
    assert_eq!(faults.len(), 5, "{faults:?}");
    assert_eq!(faults[0].0, "allow[1]");
    assert_eq!(
        faults[1],
        (
            "allow[2]".into(),
            "a range whose first address is not above its last".into()
        )
    );
    assert_eq!(faults[2].0, "allow-file");
    assert!(faults[2].1.contains("missing.txt"), "{faults:?}");
    assert_eq!(
        faults[3],
        (
            "deny-file".into(),
            format!("a prefix without host bits; the network is 10.0.0.0/8 {}", at(3))
        )
    );
    assert!(faults[4].1.ends_with(&at(4)), "{faults:?}");
}

#[test]
fn a_long_list_of_errors_is_cut_off_with_a_count() {
    let folder = tempfile::tempdir().unwrap();
    let mut text = String::new();
    for number in 0..100 {
        writeln!(text, "partner-{number}.example").unwrap();
    }
    std::fs::write(folder.path().join("names.txt"), text).unwrap();
    let faults = faults(build(folder.path(), json!({"deny-file": "names.txt"})).unwrap_err());
    assert_eq!(faults.len(), 21);
    assert_eq!(
        faults[20],
        (
            "deny-file".into(),
            "elements as above; 80 more lines are wrong".into()
        )
    );
}

#[test]
fn a_stage_without_lists_is_an_error() {
    let error = build(Path::new("."), json!({})).unwrap_err();
    assert_eq!(
        faults(error),
        [(String::new(), "allow, deny, allow-file or deny-file".into())]
    );
}

#[test]
fn an_unknown_setting_is_an_error() {
    let error = serde_json::from_value::<IpFilterSettings>(json!({"alow": ["10.0.0.1"]})).unwrap_err();
    assert!(error.to_string().contains("alow"), "{error}");
}

#[test]
fn an_allow_list_of_everybody_is_a_severe_finding() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("all.txt"), "0.0.0.0/1\n128.0.0.0/1\n").unwrap();
    std::fs::write(folder.path().join("half.txt"), "0.0.0.0/1\n").unwrap();
    for (settings, key) in [
        (json!({"allow": ["0.0.0.0/0"]}), "allow"),
        (json!({"allow": ["0.0.0.0/1", "128.0.0.0/1"]}), "allow"),
        (
            json!({"allow": ["10.0.0.0/8", "::/0"], "deny": ["10.0.0.1"]}),
            "allow",
        ),
        (json!({"allow": ["::ffff:0:0/96"]}), "allow"),
        (
            json!({"allow": ["128.0.0.0/1"], "allow-file": "half.txt"}),
            "allow",
        ),
        (json!({"allow-file": "all.txt"}), "allow-file"),
    ] {
        let findings = findings(folder.path(), settings);
        assert_eq!(findings.len(), 1);
        assert_eq!(
            (&*findings[0].code, findings[0].severity),
            ("ip-filter-allows-everyone", Severity::Severe)
        );
        assert_eq!(findings[0].key.as_deref(), Some(key));
    }
    for settings in [
        json!({"allow": ["0.0.0.0/1"]}),
        json!({"deny": ["0.0.0.0/0"]}),
        json!({"allow": []}),
        json!({"allow-file": "half.txt"}),
        json!({"deny-file": "all.txt"}),
    ] {
        assert!(findings(folder.path(), settings).is_empty());
    }
}
