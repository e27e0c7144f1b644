//! Runs the example as its README lines do, with curl.
#![expect(clippy::unwrap_used, reason = "helpers of tests may fail loudly")]

use std::net::SocketAddr;
use std::process::Command;

use tokio::net::TcpListener;

async fn curl(arguments: &[&str]) -> (String, String) {
    let arguments: Vec<String> = arguments.iter().map(|text| (*text).to_owned()).collect();
    tokio::task::spawn_blocking(move || {
        let output = Command::new("curl")
            .args(["-sS", "-m", "10", "-w", "\n%{http_code}"])
            .args(arguments)
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let (body, status) = text.rsplit_once('\n').unwrap();
        (status.to_owned(), body.to_owned())
    })
    .await
    .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_layers_accept_and_refuse_as_the_example_says() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let app = layers_only::app()
        .unwrap()
        .into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, app).await });

    let hello = format!("{url}/hello");
    let vault = format!("{url}/vault");
    assert_eq!(
        curl(&["-H", "X-Partner: acme", &hello]).await,
        ("200".into(), "hello, 127.0.0.1\n".into())
    );
    for (arguments, status, code) in [
        (vec![hello.as_str()], "400", "header-missing"),
        (
            vec![
                "-H",
                "X-Partner: acme",
                "-H",
                "X-HTTP-Method-Override: DELETE",
                &hello,
            ],
            "400",
            "header-faulty",
        ),
        (vec!["-H", "X-Partner: acme", &vault], "403", "tls-required"),
        (
            vec!["-H", "X-Partner: acme", "--interface", "127.0.0.13", &hello],
            "403",
            "ip-not-allowed",
        ),
    ] {
        let (found, body) = curl(&arguments).await;
        assert_eq!(found, status, "{arguments:?}");
        assert!(
            body.contains(&format!("\"type\":\"urn:palisade:problem:{code}\"")),
            "{body}"
        );
    }
}
