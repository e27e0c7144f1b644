//! XML Schemas: for bodies in XML, for what SOAP bodies hold, and what operators are told.

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::Full;
use rstest::rstest;
use serde_json::json;

use crate::common::{World, accepted, compile, json as in_json, post, refused, to};

const ORDER: &str = r#"<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:o="urn:orders" targetNamespace="urn:orders"
  elementFormDefault="qualified">
  <xs:include schemaLocation="types/code.xsd"/>
  <xs:element name="order">
    <xs:complexType>
      <xs:sequence>
        <xs:element name="line" maxOccurs="unbounded">
          <xs:complexType><xs:attribute name="code" type="o:Code" use="required"/></xs:complexType>
        </xs:element>
      </xs:sequence>
    </xs:complexType>
  </xs:element>
</xs:schema>"#;
const CODE: &str = r#"<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">
  <xs:simpleType name="Code"><xs:restriction base="xs:string"><xs:pattern value="[A-Z]{2}"/></xs:restriction></xs:simpleType>
</xs:schema>"#;
const SOAP_11: &str = "http://schemas.xmlsoap.org/soap/envelope/";
const SOAP_12: &str = "http://www.w3.org/2003/05/soap-envelope";

fn world() -> World {
    World::with_files(
        "validation.schema=order.xsd",
        &[("order.xsd", ORDER), ("types/code.xsd", CODE)],
    )
}

fn order(codes: &[&str]) -> String {
    let lines: Vec<_> = codes
        .iter()
        .map(|code| format!("<line code='{code}'/>"))
        .collect();
    format!("<order xmlns='urn:orders'>{}</order>", lines.concat())
}

#[tokio::test]
async fn a_body_is_what_the_schema_says() {
    let world = world();
    assert_eq!(
        world.verdict(post("application/xml", order(&["AB", "CD"]))).await,
        accepted()
    );
    let answer = world
        .send(post("application/xml", order(&["AB", "secret"])))
        .await;
    assert_eq!(answer.verdict(), refused(422, "schema-violation"));
    let expected = json!([{
        "pointer": "/order/line[2]/@code",
        "keyword": "pattern",
        "message": "must match the pattern `[A-Z]{2}`",
    }]);
    assert_eq!(answer.document()["errors"], expected);
    assert!(!String::from_utf8_lossy(&answer.body).contains("secret"));
}

#[tokio::test]
async fn what_is_not_xml_would_pass_by_and_is_refused() {
    let world = world();
    assert_eq!(
        world.verdict(in_json("{}")).await,
        refused(415, "media-type-not-accepted")
    );
    assert_eq!(
        world.verdict(post("text/plain", "AB")).await,
        refused(415, "media-type-not-accepted")
    );
    assert_eq!(
        world.verdict(post("application/xml", "")).await,
        refused(400, "body-malformed")
    );
}

#[rstest]
#[case("<!DOCTYPE order [<!ENTITY a 'AB'>]><order xmlns='urn:orders'><line code='&a;'/></order>")]
#[case("<order xmlns='urn:orders'><line code='AB'></order>")]
#[tokio::test]
async fn a_body_is_looked_through_before_it_is_held_to_the_schema(#[case] body: &'static str) {
    assert_eq!(
        world().verdict(post("application/xml", body)).await,
        refused(400, "body-malformed")
    );
}

#[tokio::test]
async fn a_body_does_not_choose_its_schema() {
    let body = "<other xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance' \
                xsi:noNamespaceSchemaLocation='types/code.xsd'/>";
    assert_eq!(
        world().verdict(post("application/xml", body)).await,
        refused(422, "schema-violation")
    );
}

fn call(namespace: &str, inside: &str) -> Request<Full<Bytes>> {
    let media_type = if namespace == SOAP_11 {
        "text/xml"
    } else {
        "application/soap+xml"
    };
    let body = format!(
        "<s:Envelope xmlns:s='{namespace}'><s:Header><any/></s:Header><s:Body> {inside}</s:Body></s:Envelope>"
    );
    to("/webservices/bank", Method::POST, Some(media_type), body)
}

#[rstest]
#[tokio::test]
async fn what_a_soap_body_holds_is_what_the_schema_says(#[values(SOAP_11, SOAP_12)] version: &'static str) {
    let world = world();
    assert_eq!(world.send(call(version, &order(&["AB"]))).await.status, 200);
    for inside in [
        order(&["ab"]),
        "<order/>".to_owned(),
        "<order xmlns='urn:orders'/>".to_owned(),
    ] {
        let answer = world.send(call(version, &inside)).await;
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        assert!(
            text.contains("Fault") && text.contains("schema-violation"),
            "{text}"
        );
        assert_eq!(answer.status, if version == SOAP_11 { 500 } else { 422 });
    }
    let answer = world.send(call(version, "")).await;
    assert!(String::from_utf8_lossy(&answer.body).contains("body-malformed"));
}

#[test]
fn an_error_of_the_schema_is_told_at_start_with_its_line() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("order.xsd"), ORDER.replace("o:Code", "o:Kode"))
        .expect("it can be written");
    std::fs::create_dir(folder.path().join("types")).expect("it can be made");
    std::fs::write(folder.path().join("types/code.xsd"), CODE).expect("it can be written");
    let errors = compile(folder.path(), "validation.schema=order.xsd")
        .expect_err("a type is missing")
        .to_string();
    assert!(
        errors.contains("an XML Schema; ") && errors.contains("order.xsd:8:") && errors.contains("Kode"),
        "{errors}"
    );
}
