use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;

use serde_json::json;

use crate::support::{Folder, until};

#[test]
fn without_an_upstream_and_without_echo_it_does_not_start() {
    let ended = Folder::initialised().run(&["serve"]).with_status(2);
    assert!(ended.err.contains("palisade.upstream.url"), "{}", ended.err);
    assert!(
        ended.err.contains("--echo") || ended.err.contains("echo"),
        "{}",
        ended.err
    );
}

#[test]
fn an_address_that_is_taken_is_an_error() {
    let folder = Folder::initialised();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let bind = format!("palisade.listeners.main.bind={}", taken.local_addr().unwrap());
    let ended = folder.run(&["serve", "--echo", "--set", &bind]).with_status(2);
    assert!(
        ended
            .err
            .contains("palisade.listeners.main: cannot listen on 127.0.0.1:"),
        "{}",
        ended.err
    );
}

#[test]
fn it_says_where_it_listens_and_in_which_scheme() {
    let folder = Folder::initialised();
    let plain = [
        "--echo",
        "--set",
        "palisade.listeners.inner.bind=127.0.0.1:0",
        "--set",
        "palisade.listeners.inner.tls.enabled=false",
    ];
    let server = folder.serve(&plain);
    let listening = server.listening.as_array().unwrap();
    let schemes: Vec<(&str, &str)> = listening
        .iter()
        .map(|served| {
            let url = served["url"].as_str().unwrap();
            (
                served["listener"].as_str().unwrap(),
                url.split("127").next().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        schemes,
        [("inner", "http://"), ("main", "https://"), ("admin", "http://")]
    );
}

#[test]
fn as_text_it_says_so_on_one_line_for_each_listener() {
    let folder = Folder::initialised();
    let bind = [
        "--set",
        "palisade.listeners.main.bind=127.0.0.1:0",
        "--set",
        "palisade.admin.enabled=false",
    ];
    let mut child = folder
        .command(&[&["serve", "--echo"], &bind[..]].concat())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(
        line.starts_with("main listens on https://127.0.0.1:") && line.ends_with('\n'),
        "{line}"
    );
}

#[test]
fn the_gateway_passes_requests_to_the_upstream() {
    let folder = Folder::initialised();
    let upstream = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!(
        "palisade.upstream.url=http://{}/base",
        upstream.local_addr().unwrap()
    );
    let answering = std::thread::spawn(move || {
        let (stream, _) = upstream.accept().unwrap();
        let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
        let head: Vec<String> = lines
            .by_ref()
            .map(Result::unwrap)
            .take_while(|line| !line.is_empty())
            .collect();
        let answer = "HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n{\"a\":\"up\"}";
        (&stream).write_all(answer.as_bytes()).unwrap();
        head
    });
    let server = folder.serve(&["--set", &url]);
    let (status, body) = server.curl(&folder, &[], "/server/rest/orders/list?page=1");
    assert_eq!((status, body), (201, json!({ "a": "up" })));
    let head = answering.join().unwrap();
    assert_eq!(head[0], "GET /base/server/rest/orders/list?page=1 HTTP/1.1");
    // The upstream is gone now.
    let (status, problem) = server.curl(&folder, &[], "/server/rest/orders/list");
    assert_eq!(
        (status, &problem["type"]),
        (502, &json!("urn:palisade:problem:upstream-unreachable"))
    );
}

#[test]
fn echo_wins_over_an_upstream_and_says_so() {
    let folder = Folder::initialised();
    let server = folder.serve(&["--echo", "--set", "palisade.upstream.url=http://127.0.0.1:9"]);
    assert_eq!(server.curl(&folder, &[], "/server/rest/orders/list").0, 200);
    server.signal("TERM");
    let ended = server.end().with_status(0);
    assert!(
        ended
            .err
            .contains("--echo answers; palisade.upstream.url is not used"),
        "{}",
        ended.err
    );
}

#[test]
fn a_severe_finding_is_logged_at_the_default_level() {
    let folder = Folder::initialised();
    let server = folder.serve(&["--echo", "--set", "palisade.unmatched=allow"]);
    server.signal("INT");
    let ended = server.end().with_status(0);
    assert!(ended.err.contains("ERROR palisade::finding"), "{}", ended.err);
    assert!(ended.err.contains("palisade.unmatched"), "{}", ended.err);
}

#[test]
fn a_changed_file_applies_and_a_faulty_one_does_not() {
    let folder = Folder::initialised();
    let server = folder.serve(&["--echo"]);
    let status = || server.curl(&folder, &[], "/server/rest/orders/list").0;
    assert_eq!(status(), 200);
    let file = folder.config().join("application.properties");
    let text = std::fs::read_to_string(&file).unwrap();
    let line = 1 + text
        .lines()
        .position(|line| line.contains("ip-filter.allow="))
        .unwrap();

    std::fs::write(&file, text.replace("127.0.0.0/8,::1", "192.0.2.1")).unwrap();
    until("the changed policy", || status() == 403);
    std::fs::write(&file, text.replace("127.0.0.0/8,::1", "not-an-address")).unwrap();
    server.signal("HUP");
    until("the refusal of the faulty file", || {
        server.admin("/status")["last-reload"]["outcome"] == "refused"
    });
    assert_eq!(status(), 403);
    std::fs::write(&file, &text).unwrap();
    until("the first policy", || status() == 200);

    server.signal("TERM");
    let ended = server.end().with_status(0);
    let place = format!("application.properties:{line}: palisade.interceptors.Local.ip-filter.allow");
    assert!(ended.err.contains(&place), "{place} is not in\n{}", ended.err);
}
