use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use palisade_test::ca::{TestCa, TestCert};
use proptest::prelude::*;

use super::{BadClientCert, client_cert, fingerprint, xfcc};

fn line(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap()
}

fn item(der: &[u8]) -> String {
    format!(":{}:", STANDARD.encode(der))
}

fn encoded(pem: &str) -> String {
    let mut text = String::new();
    for byte in pem.bytes() {
        match byte {
            b'+' | b'/' | b'=' | b'\n' | b' ' | b'-' => write!(text, "%{byte:02X}").unwrap(),
            _ => text.push(char::from(byte)),
        }
    }
    text
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

fn partner() -> TestCert {
    TestCa::new("Root").intermediate("Issuing").client("partner")
}

#[test]
fn client_cert_and_its_chain_are_structured_fields() {
    let partner = partner();
    let [own, above] = partner.chain() else {
        panic!("two certificates")
    };
    assert_eq!(
        client_cert([&line(&item(own))], []).unwrap(),
        std::slice::from_ref(own)
    );
    assert_eq!(
        client_cert([&line(&item(own))], [&line(&item(above))]).unwrap(),
        partner.chain()
    );
    let two = format!("{}, {};parameter=1", item(above), item(above));
    assert_eq!(client_cert([&line(&item(own))], [&line(&two)]).unwrap().len(), 3);
}

#[test]
fn a_client_cert_that_is_no_single_byte_sequence_is_refused() {
    let own = item(partner().certificate());
    for text in ["", "::", "abc", "\"abc\"", ":not base64:", "1"] {
        assert!(client_cert([&line(text)], []).is_err(), "{text}");
    }
    assert_eq!(
        client_cert([&line(&own), &line(&own)], []),
        Err(BadClientCert::Malformed)
    );
    assert_eq!(client_cert([], [&line(&own)]), Err(BadClientCert::Malformed));
    assert_eq!(
        client_cert([&line(&own)], [&line("(:YQ==:)")]),
        Err(BadClientCert::Malformed)
    );
    let long = vec![own.clone(); 10].join(", ");
    assert_eq!(
        client_cert([&line(&own)], [&line(&long)]),
        Err(BadClientCert::TooLong)
    );
}

#[test]
fn xfcc_carries_certificate_and_chain() {
    let partner = partner();
    let (own, chain) = (encoded(partner.leaf_pem()), encoded(partner.chain_pem()));
    let hash = hex(&fingerprint(partner.certificate()));
    assert_eq!(
        xfcc([&line(&format!("Cert=\"{own}\""))]).unwrap(),
        partner.chain()[..1]
    );
    assert_eq!(
        xfcc([&line(&format!("Hash={hash};Cert=\"{own}\";Chain=\"{chain}\""))]).unwrap(),
        partner.chain()
    );
    assert_eq!(
        xfcc([&line(&format!("Chain=\"{chain}\""))]).unwrap(),
        partner.chain()
    );
}

#[test]
fn the_last_xfcc_element_counts_over_several_lines() {
    let (forged, partner) = (partner(), partner());
    let forged = format!("Cert=\"{}\"", encoded(forged.leaf_pem()));
    let own = format!("Cert=\"{}\"", encoded(partner.leaf_pem()));
    assert_eq!(
        xfcc([&line(&format!("{forged},{own}"))]).unwrap(),
        partner.chain()[..1]
    );
    assert_eq!(xfcc([&line(&forged), &line(&own)]).unwrap(), partner.chain()[..1]);
}

#[test]
fn an_xfcc_element_without_the_whole_certificate_is_refused() {
    let partner = partner();
    let other = hex(&[7; 32]);
    assert_eq!(
        xfcc([&line(&format!("Hash={other};Subject=\"CN=partner\""))]),
        Err(BadClientCert::Incomplete)
    );
    let mismatch = format!("Hash={other};Cert=\"{}\"", encoded(partner.leaf_pem()));
    assert_eq!(xfcc([&line(&mismatch)]), Err(BadClientCert::HashMismatch));
    assert_eq!(xfcc([&line("Cert=\"\"")]), Err(BadClientCert::Incomplete));
    assert_eq!(xfcc([&line("Cert=\"%2\"")]), Err(BadClientCert::Malformed));
    assert_eq!(xfcc([]), Err(BadClientCert::Malformed));
}

proptest! {
    #[test]
    fn no_text_makes_the_readers_fail(text in "[ -~]{0,120}") {
        let _ = client_cert([&line(&text)], [&line(&text)]);
        let _ = xfcc([&line(&text)]);
        let _ = xfcc([&line(&format!("Cert=\"{text}\";Hash=\"{text}\""))]);
    }
}
