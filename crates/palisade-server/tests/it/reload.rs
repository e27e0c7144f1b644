//! Changing files under a running server, and repeating the same requests on the same connections.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::common::{OPEN, Running, Version, code};
use axum::Router;
use palisade_server::status::Reload;
use rstest::rstest;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

fn group(path: &str) -> String {
    format!("palisade.endpoints[0].name=only\npalisade.endpoints[0].paths={path}\n")
}

#[rstest]
#[case(Version::Http1)]
#[case(Version::Http2)]
#[tokio::test(flavor = "multi_thread")]
async fn a_changed_file_changes_the_verdicts_on_connections_that_live(#[case] version: Version) {
    let server = Running::echo(&group("/a")).await;
    let mut client = server.client(version).await;
    assert_eq!(client.get("/a").await.0, 200);
    assert_eq!(client.get("/b").await.0, 404);

    server.folder.write(&group("/b"));
    server.until_reload("applied").await;
    assert_eq!(client.get("/a").await.0, 404);
    assert_eq!(client.get("/b").await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_file_leaves_everything_as_it_was_and_says_so() {
    let server = Running::echo(&group("/a")).await;
    let mut client = server.client(Version::Http1).await;
    server.folder.write("palisade.endpoints[0].paths=/b\npalisade.endpoints[0].interceptors=Missing\npalisade.unmatchd=deny\n");
    let state = server.until_reload("refused").await;
    let errors = state["last-reload"]["errors"].as_array().unwrap();
    assert_eq!(errors.len(), 2, "{errors:?}");
    assert!(
        errors[0]
            .as_str()
            .unwrap()
            .starts_with("application.properties:6: "),
        "{errors:?}"
    );
    assert!(
        errors[1]
            .as_str()
            .unwrap()
            .contains("did you mean \"unmatched\"?"),
        "{errors:?}"
    );
    assert_eq!(server.admin("/ready").await.0, 200);
    assert_eq!(client.get("/a").await.0, 200);
    assert_eq!(client.get("/b").await.0, 404);

    server.folder.write(&group("/b"));
    server.until_reload("applied").await;
    assert_eq!(client.get("/b").await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stage_that_is_added_applies_to_the_next_request() {
    let server = Running::echo(&group("/a")).await;
    let mut client = server.client(Version::Http2).await;
    assert_eq!(client.get("/a").await.0, 200);
    let interceptor = "palisade.endpoints[0].interceptors=Old\npalisade.interceptors.Old.tls-floor.minimum-version=TLSv1.2\n";
    server.folder.write(&format!("{}{interceptor}", group("/a")));
    let Some(Reload::Applied { changes, .. }) = server.handle.reload().await else {
        panic!("not applied")
    };
    assert_eq!(changes, "changed: only");
    assert_eq!(client.get("/a").await.0, 200);
}

async fn presented(server: &Running) -> Vec<u8> {
    presented_by(server, "main").await
}

async fn presented_by(server: &Running, listener: &str) -> Vec<u8> {
    let stream = server.tls_of(listener, &["http/1.1"]).await;
    stream.get_ref().1.peer_certificates().unwrap()[0].to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_certificate_is_presented_and_connections_live_on() {
    let server = Running::echo(OPEN).await;
    let mut client = server.client(Version::Http1).await;
    let before = presented(&server).await;
    server
        .folder
        .ca
        .server(&["localhost"])
        .write_pem(server.folder.folder.path(), "server");
    server.until_reload("applied").await;
    assert_ne!(presented(&server).await, before);
    assert_eq!(client.get("/x").await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_keystore_that_no_longer_loads_keeps_its_last_good_state_and_the_rest_applies() {
    let server = Running::echo(&group("/a")).await;
    let before = presented(&server).await;
    fs::write(server.folder.folder.path().join("server.pem"), "broken").unwrap();
    server.folder.write(&group("/b"));
    let state = server.until_reload("applied").await;
    assert_eq!(
        state["last-reload"]["alarms"].as_array().unwrap().len(),
        1,
        "{state}"
    );
    assert!(
        state["findings"]
            .as_array()
            .unwrap()
            .iter()
            .any(|finding| finding["code"] == "keystore-stale")
    );
    assert_eq!(presented(&server).await, before);
    assert_eq!(server.client(Version::Http1).await.get("/b").await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_that_would_be_wrong_keeps_the_policy_from_changing() {
    let server = Running::echo(&group("/a")).await;
    server.folder.write(&format!(
        "{}palisade.listeners.main.tls.cipher-suites=TLS_NO_SUCH\n",
        group("/b")
    ));
    let Some(Reload::Refused { errors, .. }) = server.handle.reload().await else {
        panic!("applied")
    };
    assert!(
        errors[0].contains("palisade.listeners.main.tls.cipher-suites"),
        "{errors:?}"
    );
    let mut client = server.client(Version::Http1).await;
    assert_eq!(client.get("/a").await.0, 200);
    let (status, problem) = client.get("/b").await;
    assert_eq!((status, code(&problem)), (404, "endpoint-not-configured"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_needs_a_restart_is_named_and_the_rest_applies() {
    let server = Running::echo(&group("/a")).await;
    let change = "palisade.listeners.main.max-connections=5\npalisade.drain-timeout=1s\n";
    server.folder.write(&format!("{}{change}", group("/b")));
    let Some(Reload::Applied { needs_restart, .. }) = server.handle.reload().await else {
        panic!("refused")
    };
    assert_eq!(
        needs_restart,
        [
            "palisade.listeners.main.max-connections",
            "palisade.drain-timeout"
        ]
    );
    assert_eq!(server.client(Version::Http1).await.get("/b").await.0, 200);
    let reload = server.admin("/status").await.1["last-reload"].clone();
    let keys: Vec<&String> = reload.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["outcome", "at", "changes", "alarms", "needs-restart"]);
}

async fn upstream(name: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().fallback(move || async move { axum::Json(name) });
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_follows_its_upstream() {
    let (one, two) = (upstream("one").await, upstream("two").await);
    let server = Running::gateway(&format!("{OPEN}palisade.upstream.url={one}\n")).await;
    let mut client = server.client(Version::Http1).await;
    assert_eq!(client.get("/x").await, (200, "one".into()));
    server
        .folder
        .write(&format!("{OPEN}palisade.upstream.url={two}\n"));
    server.until_reload("applied").await;
    assert_eq!(client.get("/x").await, (200, "two".into()));
}

/// An upstream that counts its connections.
async fn counting() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let connections = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&connections);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            counter.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(async move {
                let mut head = Vec::new();
                while stream.read_buf(&mut head).await.is_ok_and(|read| read > 0) {
                    if head.ends_with(b"\r\n\r\n") {
                        head.clear();
                        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ntrue";
                        stream.write_all(answer).await.unwrap();
                    }
                }
            });
        }
    });
    (url, connections)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_keeps_its_connections_unless_its_upstream_changes() {
    let (url, connections) = counting().await;
    let upstream = format!("palisade.upstream.url={url}\n");
    let server = Running::gateway(&format!("{}{upstream}", group("/a"))).await;
    let mut client = server.client(Version::Http1).await;
    assert_eq!(client.get("/a").await, (200, true.into()));
    for path in ["/b", "/c", "/d"] {
        server.folder.write(&format!("{}{upstream}", group(path)));
        let applied = server.handle.reload().await;
        assert!(matches!(applied, Some(Reload::Applied { .. })), "{applied:?}");
        assert_eq!(client.get(path).await, (200, true.into()));
    }
    assert_eq!(connections.load(Ordering::SeqCst), 1);

    let timeout = "palisade.upstream.timeout=20s\n";
    server
        .folder
        .write(&format!("{}{upstream}{timeout}", group("/d")));
    server.handle.reload().await;
    assert_eq!(client.get("/d").await, (200, true.into()));
    assert_eq!(connections.load(Ordering::SeqCst), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_that_is_no_longer_configured_follows_its_keys_until_the_restart() {
    let second =
        "palisade.listeners.second.bind=127.0.0.1:0\npalisade.listeners.second.tls.key-alias=server\n";
    let server = Running::echo(&format!("{OPEN}{second}")).await;
    let mut before = presented_by(&server, "second").await;
    server.folder.write(OPEN);
    for _ in 0..2 {
        let leaf = server.folder.ca.server(&["localhost"]);
        leaf.write_pem(server.folder.folder.path(), "server");
        let Some(Reload::Applied { needs_restart, .. }) = server.handle.reload().await else {
            panic!("refused")
        };
        assert_eq!(needs_restart, ["palisade.listeners.second"]);
        let after = presented_by(&server, "second").await;
        assert_ne!(after, before);
        assert_eq!(after, presented(&server).await);
        before = after;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_that_appears_later_is_noticed() {
    let server = Running::echo(&format!("{}palisade.profiles.active=late\n", group("/a"))).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    let file = server.folder.folder.path().join("application-late.properties");
    fs::write(file, "palisade.endpoints[0].paths=/b\n").unwrap();
    server.until_reload("applied").await;
    assert_eq!(server.client(Version::Http1).await.get("/b").await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_that_is_needed_is_a_finding_until_the_files_are_as_they_were() {
    let server = Running::echo(&group("/a")).await;
    let is_found = async || {
        let state = server.admin("/status").await.1;
        let findings = state["findings"].as_array().unwrap().clone();
        findings
            .iter()
            .any(|finding| finding["code"] == "restart-needed" && finding["key"] == "palisade.drain-timeout")
    };
    assert!(!is_found().await);
    server
        .folder
        .write(&format!("{}palisade.drain-timeout=1s\n", group("/a")));
    server.handle.reload().await;
    assert!(is_found().await);
    server.folder.write(&group("/a"));
    server.handle.reload().await;
    assert!(!is_found().await);
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_is_swapped_as_kubernetes_does_applies() {
    use std::os::unix::fs::symlink;
    let server = Running::echo(&group("/a")).await;
    let root = server.folder.folder.path();
    let file = root.join("application.properties");
    let mount = |version: &str, path: &str| {
        let folder = root.join(version);
        fs::create_dir(&folder).unwrap();
        fs::write(
            folder.join("application.properties"),
            format!("{}{}", crate::common::BASE, group(path)),
        )
        .unwrap();
        let next = root.join("..next");
        symlink(folder, &next).unwrap();
        fs::rename(next, root.join("..data")).unwrap();
    };
    mount("..one", "/b");
    let link = root.join("link");
    symlink("..data/application.properties", &link).unwrap();
    fs::rename(link, file).unwrap();
    let mut client = server.client(Version::Http1).await;
    server.until_reload("applied").await;
    assert_eq!(client.get("/b").await.0, 200);

    mount("..two", "/c");
    let swapped = async {
        while client.get("/c").await.0 != 200 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(crate::common::SOON, swapped)
        .await
        .expect("the swap is noticed");
}
