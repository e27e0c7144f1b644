//! Mail servers on loopback: scripted ones that turn to TLS, `openssl s_server`, and aiosmtpd.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use palisade_client::{ClientBuilder, ClientError, ErrorKind, MailStream};
use palisade_core::TlsVersion;
use palisade_test::ca::TestCa;
use rstest::rstest;
use rustls::ServerConfig;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use self::support::{BOTH, Openssl, identity, server_config, trusting};

#[expect(dead_code, reason = "shared with tests of HTTP")]
mod support;

const SOON: Duration = Duration::from_secs(10);

/// What is said before TLS: commands and their answers, of which the first is the greeting.
type Words = &'static [(&'static str, &'static str)];

const SMTP: Words = &[
    ("", "220 hello\r\n"),
    (
        "EHLO [127.0.0.1]\r\n",
        "250-mail.example\r\n250-SIZE\r\n250 STARTTLS\r\n",
    ),
    ("STARTTLS\r\n", "220 go\r\n"),
];
const IMAP: Words = &[
    ("", "* OK hello\r\n"),
    ("a1 STARTTLS\r\n", "* OK soon\r\na1 OK go\r\n"),
];
const POP3: Words = &[("", "+OK hello\r\n"), ("STLS\r\n", "+OK go\r\n")];
const AT_ONCE: Words = &[];

/// A mail server for one connection: says those words, then `beside` in the clear, then speaks TLS and returns every line.
async fn serve(words: Words, beside: &'static str, config: ServerConfig) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    tokio::spawn(async move {
        let (mut tcp, _) = listener.accept().await.unwrap();
        for (command, answer) in words {
            let mut read = vec![0; command.len()];
            tcp.read_exact(&mut read).await.unwrap();
            assert_eq!(String::from_utf8_lossy(&read), *command);
            tcp.write_all(answer.as_bytes()).await.unwrap();
        }
        if !beside.is_empty() {
            // In a packet of its own, after the answer was read.
            tokio::time::sleep(Duration::from_millis(200)).await;
            tcp.write_all(beside.as_bytes()).await.unwrap();
        }
        let Ok(mut tls) = acceptor.accept(tcp).await else {
            return;
        };
        let certificates = tls.get_ref().1.peer_certificates().map_or(0, <[_]>::len);
        tls.write_all(format!("{certificates} certificates\r\n").as_bytes())
            .await
            .unwrap();
        let (mut reader, mut writer) = tokio::io::split(tls);
        let _ = tokio::io::copy(&mut reader, &mut writer).await;
    });
    port
}

async fn open(client: &ClientBuilder, scheme: &str, port: u16) -> Result<MailStream, ClientError> {
    let url = format!("{scheme}://localhost:{port}").parse().unwrap();
    timeout(SOON, client.build_mail().unwrap().open(&url))
        .await
        .unwrap()
}

async fn kind(client: &ClientBuilder, scheme: &str, port: u16) -> ErrorKind {
    open(client, scheme, port).await.unwrap_err().kind()
}

async fn line(stream: &mut (impl AsyncReadExt + Unpin)) -> String {
    let mut line = String::new();
    while !line.ends_with('\n') {
        line.push(timeout(SOON, stream.read_u8()).await.unwrap().unwrap().into());
    }
    line
}

#[rstest]
#[case("smtp", SMTP)]
#[case("imap", IMAP)]
#[case("pop3", POP3)]
#[case("smtps", AT_ONCE)]
#[case("imaps", AT_ONCE)]
#[case("pop3s", AT_ONCE)]
#[tokio::test]
async fn what_is_said_after_opening_is_said_over_tls(#[case] scheme: &str, #[case] words: Words) {
    let ca = TestCa::new("Root");
    let port = serve(words, "", server_config(&ca, BOTH, &[], false)).await;
    let mut stream = open(&trusting(&ca), scheme, port).await.unwrap();
    assert_eq!(stream.awaits_greeting(), scheme.ends_with('s'));
    assert_eq!(stream.tls_version(), TlsVersion::Tls13);
    assert_eq!(line(&mut stream).await, "0 certificates\r\n");
    stream.write_all(b"QUIT\r\n").await.unwrap();
    stream.flush().await.unwrap();
    assert_eq!(line(&mut stream).await, "QUIT\r\n");
}

#[rstest]
#[case("smtp", SMTP, "250 AUTH PLAIN\r\n")]
#[case("imap", IMAP, "* PREAUTH welcome\r\n")]
#[case("pop3", POP3, "+OK welcome\r\n")]
#[case("smtps", AT_ONCE, "220 hello\r\n")]
#[tokio::test]
async fn what_comes_in_the_clear_where_tls_begins_ends_the_connection(
    #[case] scheme: &str,
    #[case] words: Words,
    #[case] beside: &'static str,
) {
    let ca = TestCa::new("Root");
    let port = serve(words, beside, server_config(&ca, BOTH, &[], false)).await;
    assert_eq!(kind(&trusting(&ca), scheme, port).await, ErrorKind::Handshake);
}

#[tokio::test]
async fn what_comes_with_the_answer_to_starttls_ends_the_connection() {
    const INJECTED: Words = &[
        ("", "220 hello\r\n"),
        ("EHLO [127.0.0.1]\r\n", "250-mail.example\r\n250 STARTTLS\r\n"),
        ("STARTTLS\r\n", "220 go\r\n235 authenticated\r\n"),
    ];
    let ca = TestCa::new("Root");
    let port = serve(INJECTED, "", server_config(&ca, BOTH, &[], false)).await;
    let error = open(&trusting(&ca), "smtp", port).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Injected);
    assert_eq!(
        error.to_string(),
        format!("no connection to smtp://localhost:{port}: more than an answer came in the clear")
    );
}

#[tokio::test]
async fn a_server_that_does_not_upgrade_gets_no_connection_and_an_error_that_says_so() {
    const PLAIN: Words = &[
        ("", "220 hello\r\n"),
        ("EHLO [127.0.0.1]\r\n", "250-mail.example\r\n250 AUTH PLAIN\r\n"),
    ];
    let ca = TestCa::new("Root");
    let port = serve(PLAIN, "", server_config(&ca, BOTH, &[], false)).await;
    let error = open(&trusting(&ca), "smtp", port).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UpgradeRefused);
    assert_eq!(
        error.to_string(),
        format!("no connection to smtp://localhost:{port}: it does not upgrade to TLS")
    );
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(cause, "the server does not offer STARTTLS");
}

#[rstest]
#[case("smtp", SMTP)]
#[case("imaps", AT_ONCE)]
#[tokio::test]
async fn the_floor_and_the_trust_hold(#[case] scheme: &str, #[case] words: Words) {
    let ca = TestCa::new("Root");
    let old = &[&rustls::version::TLS12];
    let serve_old = || serve(words, "", server_config(&ca, old, &[], false));
    let above = trusting(&ca).minimum_version(TlsVersion::Tls13);
    assert_eq!(
        kind(&above, scheme, serve_old().await).await,
        ErrorKind::BelowFloor(TlsVersion::Tls13)
    );
    let stream = open(&trusting(&ca), scheme, serve_old().await).await.unwrap();
    assert_eq!(stream.tls_version(), TlsVersion::Tls12);

    let stranger = trusting(&TestCa::new("Root"));
    assert_eq!(
        kind(&stranger, scheme, serve_old().await).await,
        ErrorKind::NotTrusted
    );
    let url = format!("{scheme}://127.0.0.1:{}", serve_old().await)
        .parse()
        .unwrap();
    let by_address = trusting(&ca).build_mail().unwrap().open(&url).await.unwrap_err();
    assert_eq!(by_address.kind(), ErrorKind::NotTrusted);
    let careless = ClientBuilder::new().insecure_trust_all();
    assert!(open(&careless, scheme, serve_old().await).await.is_ok());
}

#[tokio::test]
async fn a_client_certificate_is_presented_where_it_is_asked_for() {
    let ca = TestCa::new("Root");
    let port = serve(SMTP, "", server_config(&ca, BOTH, &[], true)).await;
    let me = identity(&ca, &ca.client("mailer"));
    let mut stream = open(&me, "smtp", port).await.unwrap();
    assert_eq!(line(&mut stream).await, "1 certificates\r\n");
}

#[tokio::test]
async fn one_timeout_spans_the_words_and_the_handshake() {
    const SILENT: Words = &[
        ("", "220 hello\r\n"),
        ("EHLO [127.0.0.1]\r\n", "250-and"),
        ("never", ""),
    ];
    let ca = TestCa::new("Root");
    let client = trusting(&ca).connect_timeout(Duration::from_millis(300));
    let port = serve(SILENT, "", server_config(&ca, BOTH, &[], false)).await;
    assert_eq!(kind(&client, "smtp", port).await, ErrorKind::ConnectTimeout);

    let deaf = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = deaf.local_addr().unwrap().port();
    assert_eq!(kind(&client, "smtps", port).await, ErrorKind::ConnectTimeout);
}

#[tokio::test]
async fn openssl_is_spoken_to_over_tls_at_once_and_not_below_the_floor() {
    let ca = TestCa::new("Root");
    let certificate = ca.server(&["localhost"]);
    let server = Openssl::serve(&certificate, &["-rev"]).await;
    let mut stream = open(&trusting(&ca), "smtps", server.1).await.unwrap();
    stream.write_all(b"NOOP\n").await.unwrap();
    assert_eq!(line(&mut stream).await, "POON\n");

    let old = ["-rev", "-tls1_1", "-cipher", "ALL:@SECLEVEL=0"];
    let server = Openssl::serve(&certificate, &old).await;
    assert_eq!(
        kind(&trusting(&ca), "imaps", server.1).await,
        ErrorKind::BelowFloor(TlsVersion::Tls12)
    );
}

/// The Python that `tests/run` gives aiosmtpd to.
fn python() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let python = test
        .ancestors()
        .nth(3)
        .unwrap()
        .join("tools/mail-python/bin/python");
    assert!(
        python.exists(),
        "aiosmtpd is not installed; tests/run installs it"
    );
    python
}

#[tokio::test]
async fn a_mail_server_that_others_wrote_takes_a_message_after_starttls() {
    let ca = TestCa::new("Root");
    let folder = tempfile::tempdir().unwrap();
    let certificate = ca.server(&["localhost"]).write_pem(folder.path(), "server");
    let program = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/peer/smtp.py");
    let mut server = Command::new(python())
        .arg(program)
        .arg(certificate)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut printed = BufReader::new(server.stdout.take().unwrap()).lines();
    let port = printed.next_line().await.unwrap().unwrap().parse().unwrap();

    // In the clear it takes nothing.
    let mut plain = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    line(&mut plain).await;
    plain.write_all(b"MAIL FROM:<a@shop.example>\r\n").await.unwrap();
    assert!(line(&mut plain).await.starts_with("530 "));

    let stranger = trusting(&TestCa::new("Root"));
    assert_eq!(kind(&stranger, "smtp", port).await, ErrorKind::NotTrusted);

    let mut stream = open(&trusting(&ca), "smtp", port).await.unwrap();
    for (command, code) in [
        ("EHLO shop.example", "250"),
        ("MAIL FROM:<shop@shop.example>", "250"),
        ("RCPT TO:<customer@mail.example>", "250"),
        ("DATA", "354"),
        ("Subject: Order 7\r\n\r\nSent.\r\n.", "250"),
        ("QUIT", "221"),
    ] {
        stream
            .write_all(format!("{command}\r\n").as_bytes())
            .await
            .unwrap();
        let mut answer = line(&mut stream).await;
        while answer.starts_with("250-") {
            assert!(!answer.contains("STARTTLS"), "TLS stands already");
            answer = line(&mut stream).await;
        }
        assert!(answer.starts_with(code), "{command}: {answer}");
    }
    let taken = timeout(SOON, printed.next_line())
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    assert_eq!(
        taken,
        r"True shop@shop.example customer@mail.example 'Subject: Order 7\r\n\r\nSent.\r\n'"
    );
}
