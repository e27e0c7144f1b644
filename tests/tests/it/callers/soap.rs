//! Refusals of callers on SOAP routes: Faults of the request's version, with the fields that tell clients what to do.

use rstest::rstest;

use super::client::{Answer, Ask};
use super::world::Credentials::{self, Basic, Nothing, WrongPassword};
use super::world::{MODES, World};

const NOT_ACCEPTED: &str = "client-certificate-not-accepted";

#[derive(Debug, Clone, Copy)]
enum Version {
    Soap11,
    Soap12,
}

impl Version {
    /// A call of an operation that the group of that mode is for. What is refused by its head needs no body.
    fn call(self, world: &World, mode: &str, credentials: Credentials) -> Ask {
        let action = format!("urn:orders:{mode}");
        let ask = Ask::new("POST", "/webservices/Orders").with_all(&world.fields(credentials));
        let ask = ask.with("content-length", "0");
        match self {
            Self::Soap11 => ask
                .with("content-type", "text/xml")
                .with("soapaction", &format!("\"{action}\"")),
            Self::Soap12 => ask.with(
                "content-type",
                &format!("application/soap+xml; action=\"{action}\""),
            ),
        }
    }

    fn assert_fault(self, answer: &Answer, status: u16, code: &str) {
        let (media_type, envelope, fault) = match self {
            Self::Soap11 => (
                "text/xml; charset=utf-8",
                "http://schemas.xmlsoap.org/soap/envelope/",
                "<soap:Body><soap:Fault><faultcode>soap:Client</faultcode><faultstring>",
            ),
            Self::Soap12 => (
                "application/soap+xml; charset=utf-8",
                "http://www.w3.org/2003/05/soap-envelope",
                "<soap:Body><soap:Fault><soap:Code><soap:Value>soap:Sender</soap:Value></soap:Code>",
            ),
        };
        let named = format!("<type>urn:palisade:problem:{code}</type>");
        assert_eq!(
            (answer.status, answer.field("content-type")),
            (status, Some(media_type)),
            "{answer:?}"
        );
        for part in [envelope, fault, &named] {
            assert!(answer.body.contains(part), "{part} in {}", answer.body);
        }
        let id = answer.field("x-request-id").unwrap();
        assert!(
            answer.body.contains(&format!("<instance>{id}</instance>")),
            "{}",
            answer.body
        );
        let schemes = answer
            .all("www-authenticate")
            .map(|value| value.split(' ').next().unwrap());
        let expected: &[&str] = if status == 401 {
            &["Bearer", "Basic", "ApiKey", "Certificate"]
        } else {
            &[]
        };
        assert_eq!(schemes.collect::<Vec<_>>(), expected);
    }
}

/// Adds a SOAP group for each mode.
fn with_soap(mut world: World) -> World {
    for (position, mode) in MODES.into_iter().enumerate() {
        let action = format!("urn:orders:{mode}");
        let settings = [("soap-actions", action.as_str()), ("interceptors", mode)];
        world.group(3 + position, &format!("soap-{mode}"), &settings);
    }
    world
}

#[rstest]
fn refusals_are_faults_of_the_requests_version(#[values(Version::Soap11, Version::Soap12)] version: Version) {
    let world = with_soap(World::new());
    let server = world.start();
    let required = (403, "client-certificate-required");
    let (missing, invalid) = ((401, "credentials-missing"), (401, "credentials-invalid"));
    for (certificate, credentials, expected) in [
        (None, Nothing, [missing, required, required]),
        (None, WrongPassword, [invalid, required, required]),
        (Some("alice"), WrongPassword, [invalid; 3]),
        (Some("stranger"), Nothing, [(403, NOT_ACCEPTED); 3]),
    ] {
        let mut connection = world.tls(certificate).connect(server.at("asks")).unwrap();
        for (mode, (status, code)) in MODES.into_iter().zip(expected) {
            let answer = connection.ask(&version.call(&world, mode, credentials)).unwrap();
            version.assert_fault(&answer, status, code);
        }
    }
    let mut tenant = world.tls(Some("acme")).connect(server.at("asks")).unwrap();
    let call = version.call(&world, "force", Nothing);
    let answer = tenant.ask(&call.clone().with("x-on-behalf-of", "bob")).unwrap();
    version.assert_fault(&answer, 403, "on-behalf-of-not-allowed");
    let answer = tenant.ask(&call.with("x-on-behalf-of", "dave")).unwrap();
    assert_eq!(answer.shown(), "dave of acme by certificate+on-behalf-of");
    let answer = tenant.ask(&version.call(&world, "exclusive", Basic)).unwrap();
    assert_eq!(answer.shown(), "alice of acme by basic+certificate");
}

/// The listener refuses before any route is known.
#[rstest]
fn a_certificate_that_is_revoked_is_a_fault_too(
    #[values(Version::Soap11, Version::Soap12)] version: Version,
) {
    let mut world = with_soap(World::new());
    world.set("palisade.listeners.asks.tls.crl-files", "ca.crl");
    world.put("ca.crl", world.pki.revocation_list());
    let server = world.start();
    let mut connection = world.tls(Some("alice")).connect(server.at("asks")).unwrap();
    assert_eq!(
        connection.shown(&version.call(&world, "force", Nothing)),
        "alice of acme by certificate"
    );
    world.pki.revoke("alice");
    world.put("ca.crl", world.pki.revocation_list());
    server.apply(&world);
    let answer = connection.ask(&version.call(&world, "force", Nothing)).unwrap();
    version.assert_fault(&answer, 403, NOT_ACCEPTED);
}

/// SOAP 1.1 has Faults under 500 alone, save for the statuses that steer clients.
#[rstest]
#[case(Version::Soap11, 500)]
#[case(Version::Soap12, 405)]
fn what_nobody_may_do_is_a_fault_that_names_what_somebody_may(#[case] version: Version, #[case] status: u16) {
    let mut world = with_soap(World::new());
    world.set("palisade.interceptors.default.access.read", "allow");
    let server = world.start();
    let call = version.call(&world, "default", Basic);
    let answer = world.tls(None).ask(server.at("asks"), &call).unwrap();
    version.assert_fault(&answer, status, "method-not-allowed");
    assert_eq!(answer.field("allow"), Some("GET, HEAD"));
}
