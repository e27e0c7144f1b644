//! Limits of a server that runs: what its admin listener tells and resets, and what outlives reloads and restarts.

use std::sync::Arc;

use http::Request;
use palisade_config::Sources;
use palisade_core::{Clock, LimitStore, LimitStores, Resources, SystemClock};
use palisade_endpoint::Registry;
use palisade_limits::Limits;
use palisade_server::status::Reload;
use palisade_server::{Loader, Server};
use palisade_store::MemoryLimits;
use serde_json::{Value, json};

use super::common::{Folder, Running, Version, code};

/// Two groups that share an interceptor, and one that has another.
pub(crate) const GROUPS: &str = "palisade.endpoints[0].name=orders\n\
    palisade.endpoints[0].paths=/orders\n\
    palisade.endpoints[0].interceptors=Partners\n\
    palisade.endpoints[1].name=payments\n\
    palisade.endpoints[1].paths=/payments\n\
    palisade.endpoints[1].interceptors=Partners\n\
    palisade.endpoints[2].name=open\n\
    palisade.endpoints[2].paths=/open\n\
    palisade.endpoints[2].interceptors=Open\n\
    palisade.interceptors.Open.concurrency.max=5\n\
    palisade.interceptors.Partners.rate-limit.requests=3\n\
    palisade.interceptors.Partners.rate-limit.per=1h\n";

/// A quota in the file.
pub(crate) const QUOTA: &str = "palisade.endpoints[0].paths=/orders\n\
    palisade.endpoints[0].interceptors=Partners\n\
    palisade.interceptors.Partners.quota.transactions=3\n\
    palisade.interceptors.Partners.quota.per=30d\n\
    palisade.interceptors.Partners.quota.key=header:x-client\n";

fn registry() -> Registry {
    Registry::new().with::<Limits>()
}

pub(crate) fn load(folder: &Folder) -> Server {
    let loader = Loader::new(Sources::new(folder.folder.path()), registry());
    loader
        .load()
        .unwrap_or_else(|errors| panic!("{errors}"))
        .without_signals()
}

pub(crate) async fn serve(folder: Folder) -> Running {
    let server = load(&folder);
    let handle = server.handle();
    Running::of(folder, handle, tokio::spawn(server.serve_echo())).await
}

/// 200, or the code of the refusal.
pub(crate) async fn send(server: &Running, path: &str, client: &str) -> String {
    let mut sender = server.client(Version::Http1).await;
    let request = sender.request(path).header("x-client", client);
    let response = sender
        .send(request.body(axum::body::Body::empty()).unwrap())
        .await
        .unwrap();
    let (status, document) = super::common::answer(response).await;
    match status {
        200 => "200".to_owned(),
        _ => code(&document).to_owned(),
    }
}

pub(crate) async fn forget(server: &Running, query: &str) -> (u16, Value) {
    server
        .ask_admin(Request::delete(format!("/limits?{query}")))
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_limit_in_force_is_told_once_with_its_groups_rule_and_settings() {
    let server = serve(Folder::new(GROUPS)).await;
    let (status, told) = server.admin("/limits").await;
    assert_eq!(status, 200);
    let folder = server.folder.folder.path().canonicalize().unwrap();
    assert_eq!(told["config"], json!(folder));
    assert_eq!(
        told["limits"],
        json!([
            {
                "interceptor": "Partners",
                "stage": "rate-limit",
                "groups": ["orders", "payments"],
                "keyed-by": "peer",
                "store": "memory",
                "rule": "3 at once, then one each 1200s",
                "limit": "3",
                "settings": { "per": "1h", "requests": "3" },
            },
            {
                "interceptor": "Open",
                "stage": "concurrency",
                "groups": ["open"],
                "keyed-by": "endpoint",
                "store": "memory",
                "rule": "5 at a time",
                "limit": "5",
                "settings": { "max": "5" },
            },
        ])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn how_a_key_stands_is_told_and_looking_takes_nothing() {
    let server = serve(Folder::new(GROUPS)).await;
    for path in ["/orders", "/payments"] {
        assert_eq!(send(&server, path, "a").await, "200");
    }
    let query = "/limits?interceptor=Partners&stage=rate-limit&key=127.0.0.1&keys=5";
    for _ in 0..5 {
        let told = server.admin(query).await.1["limits"][0].clone();
        let standing = told["standing"].clone();
        assert_eq!(
            (&standing["key"], &standing["remaining"], &standing["limit"]),
            (&json!("127.0.0.1"), &json!("1"), &json!("3"))
        );
        assert_eq!(standing["is-used-up"], false);
        let resets = standing["resets-in-seconds"].as_u64().unwrap();
        assert!((1..=1200).contains(&resets), "{resets}");
        assert_eq!(told["keys"].as_array().unwrap().len(), 1);
        assert_eq!(told["keys"][0]["remaining"], "1");
    }
    let other = server.admin("/limits?interceptor=Partners&key=192.0.2.1").await.1;
    let standing = &other["limits"][0]["standing"];
    assert_eq!(
        (&standing["remaining"], &standing["resets-in-seconds"]),
        (&json!("3"), &Value::Null)
    );
    assert_eq!(send(&server, "/orders", "a").await, "200");
    assert_eq!(send(&server, "/orders", "a").await, "rate-limit-exceeded");
    let used_up = server.admin(query).await.1["limits"][0]["standing"].clone();
    assert_eq!(
        (&used_up["remaining"], &used_up["is-used-up"]),
        (&json!("0"), &json!(true))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_given_back_what_it_used_and_others_are_not() {
    let store = "palisade.interceptors.Partners.quota.store=memory\n";
    let server = serve(Folder::new(&format!("{QUOTA}{store}"))).await;
    for client in ["alice", "bob"] {
        for _ in 0..3 {
            assert_eq!(send(&server, "/orders", client).await, "200");
        }
        assert_eq!(send(&server, "/orders", client).await, "quota-exceeded");
    }
    let (status, told) = forget(&server, "interceptor=Partners&stage=quota&key=alice").await;
    assert_eq!(status, 200);
    assert_eq!(
        told["reset"],
        json!([{ "interceptor": "Partners", "stage": "quota", "keys": 1 }])
    );
    assert_eq!(send(&server, "/orders", "alice").await, "200");
    assert_eq!(send(&server, "/orders", "bob").await, "quota-exceeded");

    let (status, told) = forget(&server, "interceptor=Partners&all=true").await;
    assert_eq!((status, &told["reset"][0]["keys"]), (200, &json!(2)));
    assert_eq!(send(&server, "/orders", "bob").await, "200");
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_that_have_no_such_key_are_left_out_and_named() {
    let rate = "palisade.interceptors.Partners.rate-limit.requests=4\n\
        palisade.interceptors.Partners.rate-limit.per=1h\n\
        palisade.interceptors.Partners.quota.store=memory\n";
    let server = serve(Folder::new(&format!("{QUOTA}{rate}"))).await;
    for expected in ["200", "200", "200", "quota-exceeded"] {
        assert_eq!(send(&server, "/orders", "alice").await, expected);
    }
    let (status, told) = forget(&server, "interceptor=Partners&key=alice").await;
    assert_eq!(status, 200, "{told}");
    let of = |stage: &str, keys: u64| json!([{ "interceptor": "Partners", "stage": stage, "keys": keys }]);
    assert_eq!(told["reset"], of("quota", 1));
    let left_out = json!([{
        "interceptor": "Partners",
        "stage": "rate-limit",
        "keyed-by": "peer",
        "expected": "an address such as 192.0.2.1",
    }]);
    assert_eq!(told["left-out"], left_out);
    let told = server
        .admin("/limits?interceptor=Partners&stage=quota&key=alice")
        .await
        .1;
    assert_eq!(told["limits"][0]["standing"]["remaining"], "3", "{told}");

    let (status, problem) = forget(&server, "interceptor=Partners&stage=rate-limit&key=alice").await;
    assert_eq!((status, code(&problem)), (400, "limit-key-not-understood"));
    assert_eq!(problem["detail"], "Expected an address such as 192.0.2.1.");
    assert_eq!(send(&server, "/orders", "alice").await, "200");
    assert_eq!(send(&server, "/orders", "alice").await, "rate-limit-exceeded");

    let (_, told) = forget(&server, "interceptor=Partners&stage=rate-limit&key=127.0.0.1").await;
    assert_eq!(
        (&told["reset"], &told["left-out"]),
        (&of("rate-limit", 1), &json!([]))
    );
    assert_eq!(send(&server, "/orders", "alice").await, "200");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_told_or_reset_is_a_problem_that_says_so() {
    let server = serve(Folder::new(GROUPS)).await;
    for (path, status, expected) in [
        ("/limits?interceptor=Nobody", 404, "limit-not-found"),
        ("/limits?stage=quota", 404, "limit-not-found"),
        ("/limits?interceptr=Partners", 400, "parameter-not-understood"),
        ("/limits?keys=many", 400, "parameter-not-understood"),
        ("/limits?all=true", 400, "parameter-not-understood"),
    ] {
        let (found, problem) = server.admin(path).await;
        assert_eq!((found, code(&problem)), (status, expected), "{path}");
    }
    let told = server.admin("/limits?interceptor=Partners&key=alice").await.1;
    let unknown = told["limits"][0]["unknown"].as_str().unwrap();
    assert!(unknown.starts_with("the key: expected an address"), "{unknown}");
    for (query, status, expected) in [
        ("", 400, "parameter-not-understood"),
        ("all=true", 400, "parameter-not-understood"),
        ("interceptor=Partners", 400, "parameter-not-understood"),
        (
            "interceptor=Partners&key=127.0.0.1&all=true",
            400,
            "parameter-not-understood",
        ),
        ("interceptor=Partners&key=alice", 400, "limit-key-not-understood"),
        ("interceptor=Nobody&all=true", 404, "limit-not-found"),
    ] {
        let (found, problem) = forget(&server, query).await;
        assert_eq!((found, code(&problem)), (status, expected), "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_changes_the_rule_and_keeps_what_was_used() {
    let server = serve(Folder::new(GROUPS)).await;
    for _ in 0..3 {
        assert_eq!(send(&server, "/orders", "a").await, "200");
    }
    assert_eq!(send(&server, "/orders", "a").await, "rate-limit-exceeded");
    let more = GROUPS.replace("requests=3", "requests=5");
    server.folder.write(&more);
    assert!(matches!(
        server.handle.reload().await,
        Some(Reload::Applied { .. })
    ));
    let told = server.admin("/limits?interceptor=Partners&key=127.0.0.1").await.1;
    assert_eq!(told["limits"][0]["standing"]["remaining"], "2", "{told}");
    for _ in 0..2 {
        assert_eq!(send(&server, "/payments", "a").await, "200");
    }
    assert_eq!(send(&server, "/payments", "a").await, "rate-limit-exceeded");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_limits_are_in_memory_makes_no_file() {
    let server = serve(Folder::new(GROUPS)).await;
    assert_eq!(send(&server, "/orders", "a").await, "200");
    assert!(!server.folder.folder.path().join("data").exists());
}

#[test]
fn a_store_that_is_not_there_is_an_error_that_says_what_is_missing() {
    let errors = |properties: &str| {
        let folder = Folder::new(&format!("{QUOTA}{properties}"));
        let errors = Loader::new(Sources::new(folder.folder.path()), registry()).load();
        errors.map(|_| ()).unwrap_err().to_string()
    };
    let redis = errors("palisade.interceptors.Partners.quota.store=redis\n");
    let expected = if cfg!(feature = "redis") {
        "palisade.redis.url is not set"
    } else {
        "this build has no Redis"
    };
    assert!(
        redis.contains("palisade.interceptors.Partners.quota.store: expected") && redis.contains(expected),
        "{redis}"
    );
    if cfg!(feature = "redis") {
        let unusable =
            errors("palisade.interceptors.Partners.quota.store=redis\npalisade.redis.url=http://x\n");
        assert!(
            unusable.contains("palisade.redis.url: expected redis://") && unusable.lines().count() == 1,
            "the cause alone is told: {unusable}"
        );
        let beside =
            errors("palisade.interceptors.Partners.quota.store=rediss\npalisade.redis.url=http://x\n");
        assert_eq!(beside.lines().count(), 2, "{beside}");
    }
    let misspelt = errors("palisade.interceptors.Partners.quota.store=rediss\n");
    assert!(misspelt.contains("memory, embedded, redis"), "{misspelt}");
    let nowhere = errors("palisade.data-dir=server.pem/data\n");
    assert!(
        nowhere.contains("palisade.data-dir: expected a directory"),
        "{nowhere}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_may_share_stores_of_its_own_and_its_names_win() {
    let own: Arc<dyn LimitStore> = Arc::new(MemoryLimits::new());
    let stores = LimitStores::default()
        .with("embedded", Arc::clone(&own))
        .with("own", own);
    let properties = QUOTA.replace(
        "endpoints[0].interceptors=Partners",
        "endpoints[0].interceptors=Partners,Other",
    );
    let other =
        "palisade.interceptors.Other.quota.transactions=2\npalisade.interceptors.Other.quota.store=own\n";
    let folder = Folder::new(&format!(
        "{properties}{other}palisade.interceptors.Other.quota.key=global\n"
    ));
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let server = Loader::new(Sources::new(folder.folder.path()), registry())
        .environment(clock, Resources::default().with(Arc::new(stores)))
        .load()
        .unwrap_or_else(|errors| panic!("{errors}"))
        .without_signals();
    let handle = server.handle();
    let server = Running::of(folder, handle, tokio::spawn(server.serve_echo())).await;
    for _ in 0..2 {
        assert_eq!(send(&server, "/orders", "alice").await, "200");
    }
    assert_eq!(send(&server, "/orders", "bob").await, "quota-exceeded");
    assert!(!server.folder.folder.path().join("data").exists());
    let told = server.admin("/limits?interceptor=Other").await.1;
    assert_eq!(told["limits"][0]["standing"]["key"], "(everybody)", "{told}");
    assert_eq!(told["limits"][0]["standing"]["remaining"], "0");
}
