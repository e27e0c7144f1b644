//! Changing files under a running server, and repeating the same requests on the same connections.

use std::fs;
use std::time::Duration;

use crate::common::{OPEN, Running, Version, code};
use axum::Router;
use palisade_server::status::Reload;
use rstest::rstest;
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
    let stream = server.tls(&["http/1.1"]).await;
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
