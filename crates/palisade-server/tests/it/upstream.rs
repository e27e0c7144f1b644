//! A gateway in front of another server of the same kind, over HTTPS on both sides.

use std::time::Duration;

use crate::common::{Folder, OPEN, Running, SOON, Version, answer, code};
use axum::body::Body;
use rstest::rstest;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

/// A gateway to `upstream`, which trusts the authority of that server, or its own.
async fn gateway_to(upstream: &Running, trusts_it: bool) -> Running {
    let folder = Folder::new("");
    let trusted = if trusts_it {
        &upstream.folder.ca
    } else {
        &folder.ca
    };
    trusted.write_pem(folder.folder.path(), "upstream-ca");
    folder.write(&format!(
        "{OPEN}palisade.keystores.upstream-ca.location=upstream-ca.pem\n\
         palisade.upstream.url=https://localhost:{}/base\n\
         palisade.upstream.tls.trust-aliases=upstream-ca\n",
        upstream.address().port()
    ));
    Running::gateway_of(folder).await
}

#[rstest]
#[case(Version::Http1, "1.1 palisade")]
#[case(Version::Http2, "2 palisade")]
#[tokio::test(flavor = "multi_thread")]
async fn a_request_passes_both_servers(#[case] version: Version, #[case] via: &str) {
    let upstream = Running::echo(OPEN).await;
    let gateway = gateway_to(&upstream, true).await;
    let mut client = gateway.client(version).await;
    let request = client
        .request("/x?y=z")
        .method("PUT")
        .body(Body::from("hello"))
        .unwrap();
    let response = client.send(request).await.unwrap();
    let id = response.headers()["x-request-id"].clone();
    let (status, echoed) = answer(response).await;
    assert_eq!(status, 200, "{echoed}");
    assert_eq!(
        (&echoed["method"], &echoed["path"], &echoed["query"]),
        (&"PUT".into(), &"/base/x".into(), &"y=z".into())
    );
    assert_eq!(echoed["body"], "hello");
    // The pool speaks HTTP/2 where the upstream agrees.
    assert_eq!(echoed["tls"]["alpn"], "h2");
    assert_eq!(echoed["headers"]["via"], via);
    // The upstream takes neither the gateway's word for the client's address nor its request id: it trusts no proxy.
    assert!(echoed["headers"].get("x-forwarded-for").is_none());
    assert_ne!(echoed["headers"]["x-request-id"], id.to_str().unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_whose_certificate_is_not_trusted_gets_no_request() {
    let upstream = Running::echo(OPEN).await;
    let gateway = gateway_to(&upstream, false).await;
    let (status, problem) = gateway.client(Version::Http1).await.get("/x").await;
    assert_eq!((status, code(&problem)), (502, "upstream-unreachable"));
    let text = problem.to_string();
    assert!(
        !text.contains("certificate") && !text.contains("localhost"),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authority_that_is_replaced_is_no_longer_trusted_on_connections_that_were_pooled() {
    let upstream = Running::echo(OPEN).await;
    let gateway = gateway_to(&upstream, true).await;
    let mut client = gateway.client(Version::Http1).await;
    assert_eq!(client.get("/x").await.0, 200);
    let folder = &gateway.folder;
    folder.ca.write_pem(folder.folder.path(), "upstream-ca");
    gateway.handle.reload().await;
    let (status, problem) = client.get("/x").await;
    assert_eq!((status, code(&problem)), (502, "upstream-unreachable"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_of_the_gateway_comes_before_the_upstream() {
    let upstream = Running::echo(OPEN).await;
    let gateway = gateway_to(&upstream, true).await;
    gateway.folder.write(
        &std::fs::read_to_string(gateway.folder.folder.path().join("application.properties"))
            .unwrap()
            .replace("/{*rest}", "/only"),
    );
    gateway.handle.reload().await;
    let mut client = gateway.client(Version::Http2).await;
    let (status, problem) = client.get("/x").await;
    assert_eq!((status, code(&problem)), (404, "endpoint-not-configured"));
    assert_eq!(client.get("/only").await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_too_large_upstream_is_refused_to_a_client_that_still_sends() {
    let upstream = Running::echo(OPEN).await;
    let gateway = gateway_to(&upstream, true).await;
    for server in [&upstream, &gateway] {
        for version in [Version::Http1, Version::Http2] {
            let mut client = server.client(version).await;
            let body = Body::from(vec![b'x'; 16 * 1024 * 1024]);
            let request = client.request("/x").method("POST").body(body).unwrap();
            let (status, problem) = answer(timeout(SOON, client.send(request)).await.unwrap().unwrap()).await;
            assert_eq!((status, code(&problem)), (413, "body-too-large"), "{version:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_waits_for_100_continue_is_told_to_go_on_or_refused() {
    let upstream = Running::echo("palisade.endpoints[0].paths=/base/open\n").await;
    let gateway = gateway_to(&upstream, true).await;
    for (server, path, first) in [
        (&gateway, "/open", "HTTP/1.1 100 Continue\r\n"),
        (&upstream, "/base/open", "HTTP/1.1 100 Continue\r\n"),
        (&upstream, "/closed", "HTTP/1.1 404 Not Found\r\n"),
    ] {
        let mut stream = server.tls(&["http/1.1"]).await;
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 5\r\nconnection: close\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut start = vec![0; first.len()];
        timeout(Duration::from_secs(3), stream.read_exact(&mut start))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(String::from_utf8_lossy(&start), first);
        if first.contains("100") {
            stream.write_all(b"hello").await.unwrap();
            let mut answer = String::new();
            timeout(SOON, stream.read_to_string(&mut answer))
                .await
                .unwrap()
                .unwrap();
            assert!(
                answer.contains("HTTP/1.1 200 OK") && answer.contains("\"body\":\"hello\""),
                "{answer}"
            );
        }
    }
}
