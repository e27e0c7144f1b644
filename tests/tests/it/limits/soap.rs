//! Refusals of limits on SOAP routes: Faults of the version that the request used.

use rstest::rstest;

use super::fields::{retry_after, told};
use super::world::{LONG, World};
use crate::callers::client::{Answer, Ask};

#[derive(Debug, Clone, Copy)]
enum Version {
    Soap11,
    Soap12,
}

impl Version {
    fn call(self, action: &str, amount: &str) -> Ask {
        let envelope = match self {
            Self::Soap11 => "http://schemas.xmlsoap.org/soap/envelope/",
            Self::Soap12 => "http://www.w3.org/2003/05/soap-envelope",
        };
        let body = format!(
            r#"<s:Envelope xmlns:s="{envelope}"><s:Body><p:Pay xmlns:p="urn:p"><p:Amount>{amount}</p:Amount></p:Pay></s:Body></s:Envelope>"#
        );
        match self {
            Self::Soap11 => Ask::post("/webservices/Payments", "text/xml", body)
                .with("soapaction", &format!("\"{action}\"")),
            Self::Soap12 => {
                let media_type = format!("application/soap+xml; action=\"{action}\"");
                Ask::post("/webservices/Payments", &media_type, body)
            }
        }
    }

    #[track_caller]
    fn assert_fault(self, answer: &Answer, status: u16, code: &str) {
        let (media_type, fault) = match self {
            Self::Soap11 => ("text/xml; charset=utf-8", "<faultcode>soap:Client</faultcode>"),
            Self::Soap12 => (
                "application/soap+xml; charset=utf-8",
                "<soap:Value>soap:Sender</soap:Value>",
            ),
        };
        assert_eq!(
            (answer.status, answer.field("content-type")),
            (status, Some(media_type)),
            "{answer:?}"
        );
        let id = answer.field("x-request-id").unwrap();
        for part in [
            fault,
            &format!("<type>urn:palisade:problem:{code}</type>"),
            &format!("<instance>{id}</instance>"),
        ] {
            assert!(answer.body.contains(part), "{part} in {}", answer.body);
        }
    }

    /// SOAP 1.1 has Faults under 500 alone, save for the statuses that steer clients.
    fn of_422(self) -> u16 {
        match self {
            Self::Soap11 => 500,
            Self::Soap12 => 422,
        }
    }
}

#[rstest]
fn refusals_are_faults_that_tell_clients_what_to_do(
    #[values(Version::Soap11, Version::Soap12)] version: Version,
) {
    let mut world = World::new();
    world.limit("Rate.rate-limit", &[("requests", "1"), ("per", LONG)]);
    world.limit(
        "Quota.quota",
        &[("transactions", "1"), ("per", LONG), ("store", "memory")],
    );
    world.limit("Busy.concurrency", &[("max", "1")]);
    world.limit(
        "Pay.amount-limit",
        &[
            ("pointer", "/Envelope/Body/Pay/Amount"),
            ("max-per-transaction", "5.00"),
            ("max-total", "8.00"),
            ("per", LONG),
            ("store", "memory"),
        ],
    );
    for name in ["Rate", "Quota", "Busy", "Pay"] {
        world.soap_route(&format!("urn:{name}"), name);
    }
    let node = world.start();
    let mut connection = world.connect(&node);
    for (name, stage, code) in [
        ("Rate", "rate-limit", "rate-limit-exceeded"),
        ("Quota", "quota", "quota-exceeded"),
    ] {
        let call = version.call(&format!("urn:{name}"), "1");
        assert_eq!(connection.ask(&call).unwrap().status, 200);
        let refused = connection.ask(&call).unwrap();
        version.assert_fault(&refused, 429, code);
        retry_after(&refused);
        assert_eq!(told(&refused)[&format!("{name}.{stage}")].left, Some(0));
    }

    let call = version.call("urn:Busy", "1");
    let mut holder = world.connect(&node);
    holder.send_head(&call).unwrap();
    node.until_under_way("Busy", 1);
    let refused = connection.ask(&call).unwrap();
    version.assert_fault(&refused, 429, "too-many-in-flight");

    let mut paid = |text: &str| connection.ask(&version.call("urn:Pay", text)).unwrap();
    version.assert_fault(&paid("5.01"), version.of_422(), "amount-too-high");
    version.assert_fault(&paid("five"), version.of_422(), "amount-unreadable");
    assert_eq!(paid("4.99").status, 200);
    let refused = paid("3.02");
    version.assert_fault(&refused, 429, "amount-total-exceeded");
    retry_after(&refused);
    assert_eq!(paid("3.01").status, 200);
}
