//! Bodies that are made to do harm: they are refused before anything is built, expanded or fetched.

use std::net::TcpListener;

use rstest::rstest;

use crate::callers::client::{Answer, Ask, Connection};
use crate::limits::node::Node;
use crate::limits::world::{World, path};

const MIB: usize = 1 << 20;

/// What must not come back, nor be asked for.
const SECRET: &str = "correct horse battery staple";

#[test]
fn a_hundred_megabytes_of_brackets_cost_no_stack_and_little_memory() {
    let mut world = World::new();
    world.set("palisade.max-buffered-body", "128 MiB");
    world.set("palisade.listeners.plain.bind", "127.0.0.1:0");
    world.set("palisade.listeners.plain.tls.enabled", "false");
    world.put("any.json", "{}");
    world.limit(
        "Json.validation",
        &[("max-body", "128 MiB"), ("schema", "any.json")],
    );
    world.limit(
        "Json.amount-limit",
        &[("pointer", "/amount"), ("max-per-transaction", "1")],
    );
    world.route("Orders", "Json");
    let node = world.start();
    for unit in ["[", "{\"a\":", "[{\"\":"] {
        let body = unit.repeat(100 * MIB / unit.len());
        let ask = Ask::post(&path("Orders"), "application/json", body);
        // Without TLS: it is the body that is looked at here.
        let mut connection = Connection::plain(node.at("plain"), b"").unwrap();
        let answer = connection.ask(&ask).unwrap();
        assert_eq!(answer.shown(), "400 body-malformed");
        let detail = answer.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains("nested"), "{detail}");
        // The body, once as it came, in buffers that are not all full, and once in one piece, perhaps while the one before is still
        // being let go; and no tree, which would take gigabytes.
        let peak = node.peak_memory() / 1024;
        assert!(peak < 600, "{peak} MiB");
    }
    let good = Ask::post(&path("Orders"), "application/json", r#"{"amount": 1}"#);
    assert_eq!(world.connect(&node).ask(&good).unwrap().status, 200);
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Xml,
    Soap11,
    Soap12,
}

impl Kind {
    /// A message with that declaration before it, and that content.
    fn message(self, declaration: &str, content: &str) -> Ask {
        let envelope = |version: &str| {
            format!(
                r#"<?xml version="1.0"?>{declaration}<s:Envelope xmlns:s="{version}"><s:Body><Pay>{content}</Pay></s:Body></s:Envelope>"#
            )
        };
        let to = "/webservices/Payments";
        match self {
            Self::Xml => {
                let body = format!(r#"<?xml version="1.0"?>{declaration}<Pay>{content}</Pay>"#);
                Ask::post(&path("Orders"), "application/xml", body)
            }
            Self::Soap11 => {
                let body = envelope("http://schemas.xmlsoap.org/soap/envelope/");
                Ask::post(to, "text/xml", body).with("soapaction", "\"urn:Pay\"")
            }
            Self::Soap12 => {
                let body = envelope("http://www.w3.org/2003/05/soap-envelope");
                Ask::post(to, "application/soap+xml; action=\"urn:Pay\"", body)
            }
        }
    }

    #[track_caller]
    fn assert_refused(self, answer: &Answer) {
        match self {
            Self::Xml => assert_eq!(answer.shown(), "400 body-malformed"),
            Self::Soap11 | Self::Soap12 => {
                // SOAP 1.1 has Faults under 500 alone.
                let status = if matches!(self, Self::Soap11) { 500 } else { 400 };
                assert_eq!(answer.status, status, "{}", answer.body);
                let code = "<type>urn:palisade:problem:body-malformed</type>";
                assert!(answer.body.contains(code), "{}", answer.body);
            }
        }
        assert!(!answer.body.contains(SECRET), "{}", answer.body);
    }
}

fn xml_world() -> (World, Node) {
    let mut world = World::new();
    world.put("secret.txt", SECRET);
    world.limit("Xml.validation", &[("xml.max-depth", "8")]);
    world.route("Orders", "Xml");
    world.soap_route("urn:Pay", "Xml");
    let node = world.start();
    (world, node)
}

#[rstest]
fn entities_and_document_types_are_refused_before_they_mean_anything(
    #[values(Kind::Xml, Kind::Soap11, Kind::Soap12)] kind: Kind,
) {
    let (world, node) = xml_world();
    let elsewhere = TcpListener::bind("127.0.0.1:0").unwrap();
    elsewhere.set_nonblocking(true).unwrap();
    let url = format!("http://{}/evil", elsewhere.local_addr().unwrap());
    let file = format!("file://{}", world.path().join("secret.txt").display());
    let laugh = |level: u32| {
        format!(
            "<!ENTITY l{level} \"{}\">",
            format!("&l{};", level - 1).repeat(10)
        )
    };
    let laughs = (1..10).map(laugh).collect::<Vec<_>>().concat();
    let blowup = format!("<!DOCTYPE a [<!ENTITY a \"{}\">]>", "a".repeat(100_000));
    for (declaration, content) in [
        (
            format!("<!DOCTYPE a [<!ENTITY l0 \"lol\">{laughs}]>"),
            "&l9;".to_owned(),
        ),
        (blowup, "&a;".repeat(10_000)),
        (
            "<!DOCTYPE a [<!ENTITY a \"&b;\"><!ENTITY b \"&a;\">]>".to_owned(),
            "&a;".to_owned(),
        ),
        (
            format!("<!DOCTYPE a [<!ENTITY x SYSTEM \"{file}\">]>"),
            "&x;".to_owned(),
        ),
        (
            format!("<!DOCTYPE a [<!ENTITY x SYSTEM \"{url}\">]>"),
            "&x;".to_owned(),
        ),
        (
            format!("<!DOCTYPE a [<!ENTITY % x SYSTEM \"{url}\"> %x;]>"),
            String::new(),
        ),
        (format!("<!DOCTYPE a SYSTEM \"{url}\">"), String::new()),
        (format!("<!DOCTYPE a PUBLIC \"-//x\" \"{url}\">"), String::new()),
        ("<!DOCTYPE a>".to_owned(), String::new()),
        (String::new(), "&x;".to_owned()),
        (String::new(), "<a>".repeat(100_000)),
        (String::new(), "<a>".repeat(10) + &"</a>".repeat(10)),
    ] {
        let answer = world
            .connect(&node)
            .ask(&kind.message(&declaration, &content))
            .unwrap();
        kind.assert_refused(&answer);
    }
    let asked = elsewhere.accept().map(drop).map_err(|error| error.kind());
    assert_eq!(asked, Err(std::io::ErrorKind::WouldBlock));

    let good = kind.message("", "<Amount>1 &lt; 2 &#8364;</Amount>");
    assert_eq!(world.connect(&node).ask(&good).unwrap().status, 200);
    // Nothing of that size was ever made.
    let peak = node.peak_memory() / 1024;
    assert!(peak < 200, "{peak} MiB");
}
