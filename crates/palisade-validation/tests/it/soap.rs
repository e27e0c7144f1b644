//! SOAP routes: envelopes, actions, and refusals as Faults.

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::Full;
use rstest::rstest;

use crate::common::{World, to};

const SOAP_11: (&str, &str) = ("text/xml", "http://schemas.xmlsoap.org/soap/envelope/");
const SOAP_12: (&str, &str) = ("application/soap+xml", "http://www.w3.org/2003/05/soap-envelope");

fn call((media_type, namespace): (&str, &str), action: &str, inside: &str) -> Request<Full<Bytes>> {
    let body = format!("<s:Envelope xmlns:s=\"{namespace}\"><s:Body>{inside}</s:Body></s:Envelope>");
    let mut request = to("/webservices/bank", Method::POST, Some(media_type), body);
    if !action.is_empty() {
        request
            .headers_mut()
            .insert("soapaction", format!("\"{action}\"").parse().expect("a value"));
    }
    request
}

#[rstest]
#[tokio::test]
async fn the_body_is_that_of_the_action(#[values(SOAP_11, SOAP_12)] version: (&'static str, &'static str)) {
    let world = World::of("validation.max-body=1 MiB");
    let accepted = world
        .send(call(version, "urn:bank/Pay", "<Pay xmlns='urn:bank'/>"))
        .await;
    assert_eq!(accepted.status, 200);
    let refused = world
        .send(call(version, "urn:bank/Pay", "<Refund xmlns='urn:bank'/>"))
        .await;
    let text = String::from_utf8_lossy(&refused.body).into_owned();
    assert!(
        text.contains("Fault") && text.contains("soap-action-mismatch"),
        "{text}"
    );
    assert_eq!(refused.status, if version == SOAP_11 { 500 } else { 400 });
    let unnamed = world.send(call(version, "", "<Refund xmlns='urn:bank'/>")).await;
    assert_eq!(unnamed.status, 200);
}

#[rstest]
#[case(("text/xml", SOAP_12.1), "<Pay/>")]
#[case(("application/soap+xml", SOAP_11.1), "<Pay/>")]
#[case(SOAP_11, "<Pay/><Pay/>")]
#[case(SOAP_11, "<Pay>")]
#[case(("application/json", SOAP_11.1), "<Pay/>")]
#[tokio::test]
async fn what_is_no_envelope_of_the_version_is_refused(
    #[case] version: (&'static str, &'static str),
    #[case] inside: &str,
) {
    let world = World::of("validation.max-body=1 MiB");
    let refused = world.send(call(version, "", inside)).await;
    assert_ne!(refused.status, 200);
    let text = String::from_utf8_lossy(&refused.body).into_owned();
    let codes = ["body-malformed", "media-type-not-accepted"];
    assert!(
        text.contains("Fault") && codes.iter().any(|code| text.contains(code)),
        "{text}"
    );
}
