use palisade_core::RefusalFormat::{self, Soap11, Soap12};
use roxmltree::Document;
use rstest::rstest;

use super::{SOAP_11, SOAP_12, SoapFault, check};

fn envelope(namespace: &str, inside: &str) -> String {
    format!("<s:Envelope xmlns:s=\"{namespace}\">{inside}</s:Envelope>")
}

fn verdict(text: &str, format: RefusalFormat, action: Option<&str>) -> Result<(), SoapFault> {
    check(&Document::parse(text).unwrap(), format, action)
}

#[rstest]
#[case("<s:Body/>", Ok(()))]
#[case("<s:Header/><s:Body/>", Ok(()))]
#[case("\n <s:Header><a/></s:Header> <!-- c --> <s:Body>\n<Pay/>\n</s:Body>\n", Ok(()))]
#[case("", Err(SoapFault::Structure))]
#[case("<s:Header/>", Err(SoapFault::Structure))]
#[case("<s:Body/><s:Header/>", Err(SoapFault::Structure))]
#[case("<s:Header/><s:Header/><s:Body/>", Err(SoapFault::Structure))]
#[case("<s:Body/><s:Body/>", Err(SoapFault::Structure))]
#[case("text<s:Body/>", Err(SoapFault::Structure))]
#[case("<s:Body>text</s:Body>", Err(SoapFault::Structure))]
#[case("<Body/>", Err(SoapFault::Structure))]
#[case("<s:Body><a/><b/></s:Body>", Err(SoapFault::SeveralElements))]
#[case("<s:Body><a/>text</s:Body>", Err(SoapFault::SeveralElements))]
#[case("<s:Body><?php x?></s:Body>", Err(SoapFault::ProcessingInstruction))]
fn an_envelope_holds_a_header_at_most_and_a_body(
    #[case] inside: &str,
    #[values((SOAP_11, Soap11), (SOAP_12, Soap12))] version: (&str, RefusalFormat),
    #[case] expected: Result<(), SoapFault>,
) {
    assert_eq!(verdict(&envelope(version.0, inside), version.1, None), expected);
}

#[rstest]
#[case(SOAP_11, Soap12)]
#[case(SOAP_12, Soap11)]
#[case("urn:other", Soap11)]
fn the_version_is_that_of_the_media_type(#[case] namespace: &str, #[case] format: RefusalFormat) {
    let text = envelope(namespace, "<s:Body/>");
    assert_eq!(verdict(&text, format, None), Err(SoapFault::NoEnvelope));
}

#[test]
fn soap_1_1_lets_elements_of_other_namespaces_follow_the_body() {
    let behind = "<s:Body/><x:a xmlns:x='urn:x'/>";
    assert_eq!(verdict(&envelope(SOAP_11, behind), Soap11, None), Ok(()));
    assert_eq!(
        verdict(&envelope(SOAP_12, behind), Soap12, None),
        Err(SoapFault::Structure)
    );
}

#[rstest]
#[case("urn:bank/Pay", "Pay", Ok(()))]
#[case("urn:bank:Pay", "Pay", Ok(()))]
#[case("http://bank.example/pay#Pay", "PayRequest", Ok(()))]
#[case("Pay", "Pay", Ok(()))]
#[case("urn:bank/Pay", "Refund", Err(SoapFault::Action))]
#[case("urn:bank/Pay", "pay", Err(SoapFault::Action))]
#[case("urn:bank/Pay", "PayAll", Err(SoapFault::Action))]
#[case("urn:bank/PayRequest", "Pay", Err(SoapFault::Action))]
#[case("urn:bank/", "Pay", Err(SoapFault::Action))]
fn the_element_of_the_body_is_the_action_s(
    #[case] action: &str,
    #[case] element: &str,
    #[case] expected: Result<(), SoapFault>,
) {
    let text = envelope(
        SOAP_11,
        &format!("<s:Body><b:{element} xmlns:b='urn:bank'/></s:Body>"),
    );
    assert_eq!(verdict(&text, Soap11, Some(action)), expected);
}

#[test]
fn an_action_without_an_element_is_none() {
    let text = envelope(SOAP_11, "<s:Body/>");
    assert_eq!(
        verdict(&text, Soap11, Some("urn:bank/Pay")),
        Err(SoapFault::Action)
    );
}
