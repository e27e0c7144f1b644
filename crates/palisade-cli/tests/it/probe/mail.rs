//! Mail servers: a script in the clear, and openssl behind it.

use std::io::{self, BufRead as _, BufReader, Read, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;

use palisade_test::ca::KeyKind;
use rstest::rstest;
use serde_json::json;

use super::openssl::Openssl;
use super::{found, localhost, reasons, with_authority};

/// What a server says, and hears, before it hands the connection on.
type Script = &'static [&'static str];

const SMTP: Script = &[
    "220 mail ESMTP\r\n",
    "250-mail\r\n250-SIZE 1000\r\n250 STARTTLS\r\n",
    "220 go ahead\r\n",
];
const IMAP: Script = &["* OK ready\r\n", "a1 OK go ahead\r\n"];
const POP3: Script = &["+OK ready\r\n", "+OK go ahead\r\n"];

/// Speaks the script, one part for each line that comes, and is a way to openssl then. Ends with the process.
fn before(script: Script, target: u16) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            thread::spawn(move || speak(&client, script, target));
        }
    });
    port
}

fn speak(client: &TcpStream, script: Script, target: u16) -> io::Result<()> {
    let mut reader = BufReader::new(client.try_clone()?);
    let [last @ .., _] = script else { return Ok(()) };
    for part in last {
        (&*client).write_all(part.as_bytes())?;
        reader.read_line(&mut String::new())?;
    }
    (&*client).write_all(script[script.len() - 1].as_bytes())?;
    let server = TcpStream::connect(("127.0.0.1", target))?;
    let (mut from_server, mut to_client) = (server.try_clone()?, client.try_clone()?);
    thread::spawn(move || {
        let _ = io::copy(&mut from_server, &mut to_client);
        let _ = to_client.shutdown(Shutdown::Both);
    });
    let mut to_server = server;
    io::copy(&mut reader.by_ref(), &mut to_server)?;
    to_server.shutdown(Shutdown::Both)
}

#[rstest]
#[case::smtp("smtp", SMTP)]
#[case::imap("imap", IMAP)]
#[case::pop3("pop3", POP3)]
fn a_mail_server_is_upgraded_and_told_as_others_are(#[case] scheme: &str, #[case] script: Script) {
    let (folder, ca) = with_authority();
    let server = Openssl::serve(&localhost(&ca, KeyKind::EcP256), &["-tls1_2"]);
    let port = before(script, server.port);
    let found = found(&folder, &format!("{scheme}://localhost:{port}"), &[]);
    assert_eq!(
        (&found["version"], &found["verdict"], &found["alpn"]),
        (&json!("TLSv1.2"), &json!("accepted"), &json!(null)),
        "{found:#}"
    );
    assert_eq!(server.received(), "");
}

#[test]
fn a_mail_server_that_begins_with_tls_is_asked_at_once() {
    let (folder, ca) = with_authority();
    let server = Openssl::serve(&localhost(&ca, KeyKind::EcP256), &[]);
    for scheme in ["smtps", "imaps", "pop3s"] {
        let found = found(&folder, &format!("{scheme}://localhost:{}", server.port), &[]);
        assert_eq!(found["verdict"], "accepted", "{found:#}");
    }
    assert_eq!(server.received(), "");
}

#[test]
fn a_mail_server_below_the_floor_is_told_with_its_version() {
    let (folder, ca) = with_authority();
    let flags = ["-tls1_1", "-cipher", "DEFAULT:@SECLEVEL=0"];
    let server = Openssl::serve(&localhost(&ca, KeyKind::Rsa2048), &flags);
    let port = before(SMTP, server.port);
    let found = found(&folder, &format!("smtp://localhost:{port}"), &[]);
    assert_eq!(
        (reasons(&found), &found["version"]),
        (vec!["below-floor"], &json!("TLSv1.1"))
    );
}

#[rstest]
#[case("smtp", &["220 mail ESMTP\r\n", "250 mail\r\n"], "not-upgraded")]
#[case("smtp", &["220 mail ESMTP\r\n", "250-mail\r\n250 STARTTLS\r\n", "454 not now\r\n"], "not-upgraded")]
#[case("smtp", &["220 mail ESMTP\r\n", "250-mail\r\n250 STARTTLS\r\n", "220 go\r\n250 injected\r\n"], "not-upgraded")]
#[case("smtp", &["HTTP/1.1 400 Bad Request\r\n\r\n"], "tls-not-spoken")]
#[case("imap", &["* OK ready\r\n", "a1 BAD unknown\r\n"], "not-upgraded")]
#[case("imap", &["* PREAUTH ready\r\n"], "not-upgraded")]
#[case("pop3", &["+OK ready\r\n", "-ERR unknown\r\n"], "not-upgraded")]
fn a_mail_server_that_does_not_upgrade_is_refused(
    #[case] scheme: &str,
    #[case] script: Script,
    #[case] expected: &str,
) {
    let (folder, ca) = with_authority();
    let server = Openssl::serve(&localhost(&ca, KeyKind::EcP256), &[]);
    let port = before(script, server.port);
    let found = found(&folder, &format!("{scheme}://localhost:{port}"), &[]);
    assert_eq!(reasons(&found), [expected], "{found:#}");
    assert_eq!((&found["chain"], &found["version"]), (&json!([]), &json!(null)));
}
