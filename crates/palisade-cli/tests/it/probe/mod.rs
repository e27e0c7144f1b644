//! `palisade probe`: peers of every kind, asked by the built command.

mod mail;
mod openssl;

use std::fs;
use std::net::TcpListener;

use palisade_test::ca::{KeyKind, TestCa, TestCert};
use rstest::rstest;
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

use self::openssl::Openssl;
use crate::support::{Ended, Folder};

/// A folder in which `ca.pem` is the authority.
fn with_authority() -> (Folder, TestCa) {
    let folder = Folder::new(&[]);
    let ca = TestCa::new("Probed authority");
    fs::write(folder.path().join("ca.pem"), ca.pem()).unwrap();
    (folder, ca)
}

fn probe(folder: &Folder, url: &str, more: &[&str]) -> Ended {
    let arguments = ["probe", url, "--trust", "ca.pem"];
    folder.run(&[&arguments[..], more].concat())
}

/// What was found of a server on this machine, and that the exit status fits it.
fn found(folder: &Folder, url: &str, more: &[&str]) -> Value {
    let ended = probe(folder, url, &[&["--format", "json"], more].concat());
    let found = ended.json();
    let verdict = found["verdict"].as_str().unwrap_or_default();
    assert!(["accepted", "refused"].contains(&verdict), "{found:#}");
    let status = i32::from(verdict == "refused");
    assert_eq!(
        found["reasons"].as_array().unwrap().is_empty(),
        status == 0,
        "{found:#}"
    );
    ended.with_status(status);
    found
}

fn reasons(found: &Value) -> Vec<&str> {
    let reasons = found["reasons"].as_array().unwrap();
    reasons
        .iter()
        .map(|reason| reason["code"].as_str().unwrap())
        .collect()
}

fn localhost(ca: &TestCa, kind: KeyKind) -> TestCert {
    ca.leaf("localhost")
        .names(&["localhost", "127.0.0.1"])
        .for_servers()
        .key_kind(kind)
        .issue()
}

#[test]
fn a_listener_of_our_own_is_told_in_full() {
    let folder = Folder::initialised();
    let server = folder.serve(&["--echo"]);
    let url = format!(
        "https://localhost:{}/server/rest/orders/list",
        server.port("main")
    );
    let trust = ["--trust", "config/keys/demo-ca.pem"];
    let found = folder
        .run(&[&["probe", &url, "--format", "json"], &trust[..]].concat())
        .with_status(0)
        .json();
    for (pointer, expected) in [
        ("/server-name", json!("localhost")),
        ("/version", json!("TLSv1.3")),
        ("/floor", json!({"minimum-version": "TLSv1.2", "is-met": true})),
        ("/cipher-suite", json!("TLS_AES_256_GCM_SHA384")),
        ("/alpn", json!("h2")),
        (
            "/trust",
            json!({"authorities": {"file": "config/keys/demo-ca.pem"}, "is-trusted": true}),
        ),
        ("/name-matches", json!(true)),
        ("/resumption", json!(true)),
        ("/verdict", json!("accepted")),
        ("/reasons", json!([])),
        (
            "/client-certificate",
            json!({"is-asked-for": true, "is-required": false, "issuers": ["CN=Palisade demo authority"]}),
        ),
        ("/chain/0/subject", json!("CN=localhost")),
        ("/chain/0/issuer", json!("CN=Palisade demo authority")),
        ("/chain/0/key", json!("EC P-256")),
        ("/chain/0/signature-algorithm", json!("ecdsa-with-SHA256")),
        ("/chain/0/days-left", json!(364)),
    ] {
        assert_eq!(found.pointer(pointer), Some(&expected), "{pointer} of {found:#}");
    }
    let told = folder
        .run(&[&["probe", &url], &trust[..]].concat())
        .with_status(0);
    for expected in [
        "  version            TLSv1.3\n",
        "  client certificate asked for, of these issuers:\n                     CN=Palisade demo authority\n",
        "  resumption         offered\n",
        "  subject        CN=localhost\n",
        "  floor              yes, TLSv1.2\n",
        "\nVerdict: accepted\n",
    ] {
        assert!(
            told.out.contains(expected),
            "{expected:?} is not in\n{}",
            told.out
        );
    }
}

#[test]
fn a_connection_of_the_configuration_is_asked_for_as_it_connects() {
    let (folder, ca) = with_authority();
    let server = Openssl::serve(&localhost(&ca, KeyKind::EcP256), &["-tls1_2"]);
    let url = server.url();
    folder.write(
        "application.properties",
        &format!(
            "palisade.keystores.partners.location=../ca.pem\n\
             palisade.connections.bank.url={url}/payments\n\
             palisade.connections.bank.tls.trust-aliases=partners\n\
             palisade.connections.strict.url={url}\n\
             palisade.connections.strict.tls.trust-aliases=partners\n\
             palisade.connections.strict.tls.minimum-version=TLSv1.3\n\
             palisade.connections.naive.url={url}\n\
             palisade.connections.naive.tls.insecure-trust-all=true\n\
             palisade.connections.plain.url=http://localhost\n"
        ),
    );
    let ask = |name: &str, more: &[&str]| {
        let arguments = ["probe", "--connection", name, "--format", "json"];
        folder.run(&[&arguments[..], more].concat())
    };
    let bank = ask("bank", &[]).with_status(0).json();
    assert_eq!(
        bank["trust"],
        json!({"authorities": {"aliases": ["partners"]}, "is-trusted": true})
    );
    assert_eq!(
        reasons(&ask("strict", &[]).with_status(1).json()),
        ["below-floor"]
    );
    ask("strict", &["--minimum-version", "TLSv1.2"]).with_status(0);
    let naive = ask("naive", &[]).with_status(1);
    assert_eq!(reasons(&naive.json()), ["not-trusted"]);
    assert_eq!(naive.json()["trust"]["authorities"], "public");
    assert!(naive.err.contains("trusts everybody"), "{}", naive.err);
    for (name, expected) in [("plain", "found http"), ("bamk", "bank")] {
        let wrong = ask(name, &[]).with_status(2).json();
        assert!(wrong.to_string().contains(expected), "{wrong:#}");
    }
    assert_eq!(server.received(), "");
}

#[rstest]
#[case::ec_12(KeyKind::EcP256, &["-tls1_2"], "TLSv1.2", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384")]
#[case::rsa_12(KeyKind::Rsa2048, &["-tls1_2"], "TLSv1.2", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384")]
#[case::rsa_13(KeyKind::Rsa2048, &["-tls1_3"], "TLSv1.3", "TLS_AES_256_GCM_SHA384")]
#[case::ec_13(KeyKind::EcP384, &[], "TLSv1.3", "TLS_AES_256_GCM_SHA384")]
fn versions_suites_and_keys_are_those_of_the_server(
    #[case] kind: KeyKind,
    #[case] flags: &[&str],
    #[case] version: &str,
    #[case] suite: &str,
) {
    let (folder, ca) = with_authority();
    let server = Openssl::serve(&localhost(&ca, kind), flags);
    let found = found(&folder, &server.url(), &[]);
    assert_eq!(found["version"], version);
    assert_eq!(found["cipher-suite"], suite);
    assert!(found["key-exchange"].is_string(), "{found:#}");
    assert_eq!(found["client-certificate"]["is-asked-for"], false);
    assert_eq!(found["resumption"], true);
    assert_eq!(server.received(), "");
}

#[test]
fn a_peer_below_the_floor_is_told_with_the_version_that_it_speaks() {
    let (folder, ca) = with_authority();
    let certificate = localhost(&ca, KeyKind::Rsa2048);
    let flags = ["-cipher", "DEFAULT:@SECLEVEL=0"];
    for (version, own, floor) in [
        ("-tls1_2", "TLSv1.2", "TLSv1.3"),
        ("-tls1_1", "TLSv1.1", "TLSv1.2"),
        ("-tls1_1", "TLSv1.1", "TLSv1.3"),
        ("-tls1", "TLSv1", "TLSv1.2"),
    ] {
        let server = Openssl::serve(&certificate, &[&flags[..], &[version]].concat());
        let found = found(&folder, &server.url(), &["--minimum-version", floor]);
        assert_eq!(found["version"], own, "{found:#}");
        assert_eq!(found["floor"], json!({"minimum-version": floor, "is-met": false}));
        assert_eq!(reasons(&found), ["below-floor"]);
        assert_eq!(found["chain"][0]["key"], "RSA 2048", "{found:#}");
        assert_eq!(server.received(), "");
    }
}

#[test]
fn a_chain_that_does_not_verify_is_shown_and_nothing_is_sent() {
    let (folder, ca) = with_authority();
    let other = TestCa::new("Somebody else");
    let leaf = || ca.leaf("localhost").names(&["localhost"]).for_servers();
    let now = OffsetDateTime::now_utc();
    let intermediate = ca.intermediate("Probed intermediate");
    let (day, year) = (Duration::days(1), Duration::days(365));
    let rows = [
        (
            leaf().not_before(now - year).not_after(now - day).issue(),
            vec!["certificate-expired"],
        ),
        (
            leaf().not_before(now + day).issue(),
            vec!["certificate-not-yet-valid"],
        ),
        (ca.server(&["other.example"]), vec!["name-mismatch"]),
        (other.server(&["localhost"]), vec!["not-trusted"]),
        (
            other.server(&["other.example"]),
            vec!["not-trusted", "name-mismatch"],
        ),
        (
            ca.leaf("localhost").names(&["localhost"]).for_clients().issue(),
            vec!["not-trusted"],
        ),
        (intermediate.server(&["localhost"]), vec![]),
    ];
    for (certificate, expected) in rows {
        for flags in [&["-tls1_2"][..], &["-tls1_3"]] {
            let server = Openssl::serve(&certificate, flags);
            let found = found(&folder, &server.url(), &[]);
            assert_eq!(reasons(&found), expected, "{found:#}");
            assert_eq!(
                found["chain"].as_array().unwrap().len(),
                certificate.chain().len(),
                "{found:#}"
            );
            assert_eq!(found["floor"]["is-met"], true);
            let is_other_name = expected.contains(&"name-mismatch");
            assert_eq!(found["name-matches"], !is_other_name);
            let is_trusted = expected.is_empty() || expected == ["name-mismatch"];
            assert_eq!(found["trust"]["is-trusted"], is_trusted);
            assert_eq!(server.received(), "");
        }
    }
}

#[test]
fn a_self_signed_certificate_is_trusted_where_it_is_the_trust_and_nowhere_else() {
    let (folder, ca) = with_authority();
    let server = Openssl::self_signed(&folder);
    let told = probe(&folder, &server.url(), &[]).with_status(1);
    assert!(told.out.contains("self-signed"), "{}", told.out);
    let own = ["probe", &server.url(), "--trust", "self.crt", "--format", "json"];
    let found = folder.run(&own).json();
    // It is an authority's certificate, as openssl makes them, and no server may show one.
    assert_eq!(reasons(&found), ["not-trusted"], "{found:#}");
    drop(ca);
}

#[test]
fn what_a_peer_says_of_itself_moves_no_cursor() {
    let (folder, ca) = with_authority();
    let leaf = ca.leaf("evil\u{1b}[2J\u{202e}").names(&["localhost"]);
    let server = Openssl::serve(&leaf.for_servers().issue(), &[]);
    let told = probe(&folder, &server.url(), &[]).with_status(0);
    assert!(told.out.contains("evil"), "{}", told.out);
    assert!(!told.out.contains(['\u{1b}', '\u{202e}']), "{}", told.out);
}

#[test]
fn the_name_may_be_another_than_the_host() {
    let (folder, ca) = with_authority();
    let server = Openssl::serve(&ca.server(&["partner.example"]), &[]);
    let found = found(&folder, &server.url(), &["--server-name", "partner.example"]);
    assert_eq!(
        (&found["server-name"], &found["verdict"]),
        (&json!("partner.example"), &json!("accepted"))
    );
}

#[rstest]
#[case(&["-tls1_2"])]
#[case(&["-tls1_3"])]
fn a_demand_for_a_client_certificate_is_told_with_its_issuers(#[case] version: &[&str]) {
    let (folder, ca) = with_authority();
    let trust = folder.path().join("ca.pem");
    let issuers = ["-CAfile", trust.to_str().unwrap()];
    for (demand, is_required) in [(["-verify", "1"], false), (["-Verify", "1"], true)] {
        let flags = [version, &demand[..], &issuers[..]].concat();
        let server = Openssl::serve(&localhost(&ca, KeyKind::EcP256), &flags);
        let found = found(&folder, &server.url(), &[]);
        assert_eq!(
            found["client-certificate"],
            json!({"is-asked-for": true, "is-required": is_required, "issuers": ["CN=Probed authority"]})
        );
        assert_eq!(found["verdict"], "accepted", "{found:#}");
        assert_eq!(server.received(), "");
    }
}

#[test]
fn a_peer_with_nothing_in_common_is_no_peer_below_the_floor() {
    let (folder, ca) = with_authority();
    let flags = ["-no_tls1_3", "-cipher", "AES128-SHA:@SECLEVEL=0"];
    let server = Openssl::serve(&localhost(&ca, KeyKind::Rsa2048), &flags);
    let found = found(&folder, &server.url(), &[]);
    assert_eq!(reasons(&found), ["nothing-in-common"], "{found:#}");
    assert_eq!(
        (
            &found["version"],
            &found["cipher-suite"],
            &found["floor"]["is-met"]
        ),
        (
            &json!("TLSv1.2"),
            &json!("TLS_RSA_WITH_AES_128_CBC_SHA"),
            &json!(true)
        )
    );
}

#[test]
fn who_does_not_answer_or_speaks_something_else_is_told_apart() {
    let folder = Folder::initialised();
    fs::copy(
        folder.config().join("keys/demo-ca.pem"),
        folder.path().join("ca.pem"),
    )
    .unwrap();
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert_eq!(
        reasons(&found(&folder, &format!("https://{nobody}"), &[])),
        ["unreachable"]
    );

    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", silent.local_addr().unwrap());
    assert_eq!(
        reasons(&found(&folder, &url, &["--timeout", "300ms"])),
        ["timed-out"]
    );

    let server = folder.serve(&["--echo"]);
    let url = format!("https://localhost:{}", server.port("admin"));
    let found = found(&folder, &url, &[]);
    assert!(
        matches!(
            reasons(&found).as_slice(),
            ["tls-not-spoken" | "handshake-failed"]
        ),
        "{found:#}"
    );
}

#[test]
fn a_question_that_is_none_ends_with_status_2() {
    let folder = Folder::new(&[]);
    fs::write(folder.path().join("empty.pem"), "").unwrap();
    for (arguments, expected) in [
        (&["http://localhost"][..], "found http"),
        (&["localhost:443"], "URL: "),
        (&["https://localhost:99999"], "URL: "),
        (&["smtp://a@localhost"], "URL: "),
        (&["https://localhost", "--trust", "missing.pem"], "missing.pem"),
        (&["https://localhost", "--trust", "empty.pem"], "empty.pem"),
        (
            &["https://localhost", "--minimum-version", "TLSv1.1"],
            "nothing older is spoken",
        ),
        (&["https://localhost", "--server-name", "a b"], "--server-name: "),
        (&["https://localhost", "--timeout", "soon"], "--timeout"),
        (&[], "<URL>"),
    ] {
        let ended = folder.run(&[&["probe"], arguments].concat()).with_status(2);
        assert!(ended.err.contains(expected), "{arguments:?}: {}", ended.err);
        assert_eq!(ended.out, "");
    }
}
