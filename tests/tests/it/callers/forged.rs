//! The same fields and headers from somebody who is no trusted proxy: they change nothing, or end the connection.

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use rstest::rstest;

use super::cells;
use super::client::{Ask, Connection, curl};
use super::proxied::{behind_proxies, client_cert, proxy_header, xfcc};
use super::world::{Credentials, World};

const SOMEBODY_ELSE: &str = "10.0.0.0/8";

/// The certificate of that user in every field and spelling that a gateway behind us might read.
fn forged(world: &World, name: &str) -> Vec<(&'static str, String)> {
    let (client_cert, xfcc) = (client_cert(&world.pki, name).1, xfcc(&world.pki, name).1);
    vec![
        ("client-cert", client_cert.clone()),
        ("client-cert-chain", client_cert.clone()),
        ("x-forwarded-client-cert", xfcc.clone()),
        ("Client_Cert", client_cert.clone()),
        ("X_Forwarded_Client-Cert", xfcc),
        ("CLIENT-CERT", client_cert),
    ]
}

#[rstest]
fn every_cell_is_as_if_the_fields_were_not_there(#[values("client-cert", "xfcc")] listener: &str) {
    let world = behind_proxies(SOMEBODY_ELSE);
    let server = world.start();
    let mut connection = Connection::plain(server.at(listener), b"").unwrap();
    cells::hold(
        cells::where_nothing_is_believed,
        |mode, credentials, certificate| {
            let claims = certificate.map_or_else(Vec::new, |name| forged(&world, name));
            let answer = connection
                .ask(&world.ask(mode, credentials).with_all(&claims))
                .unwrap();
            if answer.status == 200 {
                let seen = answer.json();
                let fields = seen["headers"].as_object().unwrap();
                let left: Vec<_> = fields
                    .keys()
                    .filter(|name| name.replace('_', "-").contains("client-cert"))
                    .collect();
                assert!(left.is_empty(), "the handler saw {left:?}");
            }
            answer.shown()
        },
    );
}

/// Over TLS, where no proxy is trusted at all, the certificate of the handshake is the one that counts.
#[test]
fn every_cell_is_that_of_the_handshake_whatever_fields_claim() {
    let world = World::new();
    let server = world.start();
    let claims = forged(&world, "bob");
    let mut connections = HashMap::new();
    cells::hold(cells::where_asked, |mode, credentials, certificate| {
        let connection = connections.entry(certificate.map(str::to_owned));
        let connection =
            connection.or_insert_with(|| world.tls(certificate).connect(server.at("asks")).unwrap());
        connection.shown(&world.ask(mode, credentials).with_all(&claims))
    });
    let ask = world.ask("default", Credentials::Nothing).with_all(&claims);
    for (listener, shows, expected) in [
        ("silent", None, "401 credentials-missing"),
        ("asks", None, "401 credentials-missing"),
        (
            "asks",
            Some((&world.pki, "alice")),
            "alice of acme by certificate",
        ),
    ] {
        let answer = curl(&["--http2"], &world.pki, shows, server.at(listener), &ask).unwrap();
        assert_eq!(answer.shown(), expected);
    }
}

/// What comes back, until the end of the connection.
fn answer_to(stream: &mut TcpStream, bytes: &[u8]) -> Vec<u8> {
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    // The other end may have closed already.
    let _ = stream.write_all(bytes);
    let mut answer = Vec::new();
    let end = stream.read_to_end(&mut answer);
    let is_at_an_end = end.as_ref().map_or_else(
        |error| error.kind() == std::io::ErrorKind::ConnectionReset,
        |_| true,
    );
    assert!(is_at_an_end, "{end:?}");
    answer
}

#[test]
fn a_proxy_header_of_anybody_else_is_refused() {
    let world = behind_proxies(SOMEBODY_ELSE);
    let server = world.start();
    let header = proxy_header(Some(&world.pki.der("alice")), 0);
    let request = b"GET /default/x HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    let bytes = [&header[..], request].concat();
    let answer = |listener: &str| answer_to(&mut TcpStream::connect(server.at(listener)).unwrap(), &bytes);
    assert_eq!(
        answer("proxy"),
        b"",
        "nobody is answered who may not send the header"
    );
    // Listeners that expect no such header take it for what it is there: no request, and no handshake.
    let plain = String::from_utf8(answer("client-cert")).unwrap();
    assert!(plain.is_empty() || plain.starts_with("HTTP/1.1 400"), "{plain}");
    for listener in ["asks", "silent", "requires"] {
        let alert = answer(listener);
        assert!(
            alert.is_empty() || alert.first() == Some(&0x15),
            "{listener}: {alert:?}"
        );
    }
    // And everybody else is served as before.
    let mut connection = Connection::plain(server.at("client-cert"), b"").unwrap();
    assert_eq!(
        connection.shown(&world.ask("default", Credentials::Basic)),
        "alice of acme by basic"
    );
}

/// From one request to the next on one connection: what a trusted proxy may say is asked for each.
#[test]
fn a_proxy_that_is_trusted_no_longer_is_not_believed_on_the_same_connection() {
    let mut world = behind_proxies("127.0.0.0/8");
    let server = world.start();
    let mut connection = Connection::plain(server.at("client-cert"), b"").unwrap();
    let ask = Ask::get("/exclusive/x").with_all(&[client_cert(&world.pki, "alice")]);
    assert_eq!(connection.shown(&ask), "alice of acme by certificate");
    world.set("palisade.listeners.client-cert.trusted-proxies", SOMEBODY_ELSE);
    server.apply(&world);
    assert_eq!(connection.shown(&ask), "403 client-certificate-required");
}
