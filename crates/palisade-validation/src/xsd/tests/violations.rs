//! What is told of a body that does not match.

use super::*;

const ORDER: &str = r#"
<xs:simpleType name="Code"><xs:restriction base="xs:string"><xs:pattern value="[A-Z]{2}\d{4}"/></xs:restriction></xs:simpleType>
<xs:simpleType name="Amount"><xs:restriction base="xs:decimal"><xs:minExclusive value="0"/><xs:totalDigits value="9"/></xs:restriction></xs:simpleType>
<xs:element name="order">
  <xs:complexType>
    <xs:sequence>
      <xs:element name="customer" type="xs:token"/>
      <xs:element name="line" maxOccurs="100">
        <xs:complexType>
          <xs:sequence><xs:element name="code" type="Code"/><xs:element name="amount" type="Amount"/></xs:sequence>
          <xs:attribute name="unit" use="required"><xs:simpleType><xs:restriction base="xs:string"><xs:enumeration value="kg"/></xs:restriction></xs:simpleType></xs:attribute>
        </xs:complexType>
      </xs:element>
    </xs:sequence>
    <xs:attribute name="id" type="xs:int"/>
  </xs:complexType>
  <xs:unique name="one-line-a-code"><xs:selector xpath="line"/><xs:field xpath="code"/></xs:unique>
</xs:element>"#;

fn line(code: &str, amount: &str, unit: &str) -> String {
    format!("<line unit='{unit}'><code>{code}</code><amount>{amount}</amount></line>")
}

fn order(lines: &[String]) -> String {
    format!("<order><customer>c</customer>{}</order>", lines.concat())
}

#[track_caller]
fn told(body: &str, expected: &[(&str, &str, &str)]) {
    let list = violations(&schema(ORDER), body);
    let told: Vec<_> = list
        .iter()
        .map(|violation| {
            (
                violation.pointer.as_str(),
                violation.keyword.as_ref(),
                violation.message.as_str(),
            )
        })
        .collect();
    assert_eq!(told, expected);
}

#[test]
fn an_order_as_it_should_be_matches() {
    let body = order(&[line("AB1234", "1.50", "kg"), line("AB1235", "2", "kg")]);
    check(&schema(ORDER), &body).expect("it matches");
}

#[test]
fn a_facet_is_told_with_its_place_and_its_limit() {
    told(
        &order(&[line("AB1234", "1", "kg"), line("secret", "-5", "lb")]),
        &[
            (
                "/order/line[2]/@unit",
                "enumeration",
                "must be one of the values of its type",
            ),
            (
                "/order/line[2]/code",
                "pattern",
                r"must match the pattern `[A-Z]{2}\d{4}`",
            ),
            ("/order/line[2]/amount", "minExclusive", "must be more than `0`"),
        ],
    );
    told(
        &order(&[line("AB1234", "1234567890", "kg")]),
        &[(
            "/order/line/amount",
            "totalDigits",
            "must have digits of at most the number `9`",
        )],
    );
}

#[test]
fn a_value_that_imitates_the_message_is_not_told() {
    told(
        &order(&[line("x' does not match pattern 'evil", "1", "kg")]),
        &[(
            "/order/line/code",
            "pattern",
            r"must match the pattern `[A-Z]{2}\d{4}`",
        )],
    );
}

#[test]
fn a_value_of_another_type_is_told_with_the_type() {
    told(
        "<order id='x value y'><customer/><line unit='kg'><code>AB1234</code><amount>1e5</amount></line></order>",
        &[
            (
                "/order/@id",
                "cvc-datatype-valid",
                "must be a value of the type `int`",
            ),
            (
                "/order/line/amount",
                "cvc-datatype-valid",
                "must be a value of the type `decimal`",
            ),
        ],
    );
}

#[test]
fn what_is_missing_or_out_of_place_is_told_once() {
    told(
        "<order><customer/></order>",
        &[(
            "/order",
            "cvc-complex-type.2.4",
            "must hold more elements than it does",
        )],
    );
    told(
        &format!("<order>{}</order>", line("AB1234", "1", "kg")),
        &[
            ("/order/line", "cvc-complex-type.2.4", "is not expected here"),
            (
                "/order",
                "cvc-complex-type.2.4",
                "must hold more elements than it does",
            ),
        ],
    );
    told(
        "<order><customer/><line><code>AB1234</code><amount>1</amount></line></order>",
        &[(
            "/order/line",
            "cvc-complex-type.4",
            "must have the attribute `unit`",
        )],
    );
    told(
        "<order>text<customer/><line unit='kg'><code>AB1234</code><amount>1</amount></line></order>",
        &[(
            "/order",
            "cvc-complex-type.2.3",
            "must hold elements, and no text between them",
        )],
    );
}

#[test]
fn names_that_the_schema_does_not_have_are_not_told() {
    let body = order(&[line("AB1234", "1", "kg"), "<hacked/>".to_owned()]);
    told(
        &body,
        &[(
            "/order",
            "cvc-complex-type.2.4",
            "an element in it that is not known: is not expected here",
        )],
    );
    told("<hacked/>", &[("", "cvc-elt.1", "the element: is not declared")]);
    told(
        "<order hacked='1'><customer/><line unit='kg'><code>AB1234</code><amount>1</amount></line></order>",
        &[(
            "/order",
            "cvc-complex-type.3.2.2",
            "an attribute of it that is not known: is not expected",
        )],
    );
}

#[test]
fn a_constraint_is_told_by_its_name() {
    told(
        &order(&[line("AB1234", "1", "kg"), line("AB1234", "2", "kg")]),
        &[(
            "/order/line[2]",
            "cvc-identity-constraint.4.2.2",
            "must differ from others by `one-line-a-code`",
        )],
    );
}

#[test]
fn at_most_thirty_two_are_told() {
    let lines: Vec<_> = (0..60).map(|_| line("AB", "-1", "lb")).collect();
    let violations = check(&schema(ORDER), &order(&lines)).expect_err("nothing matches");
    assert_eq!(violations.list.len(), 32);
    assert!(violations.has_more);
}

#[test]
fn no_text_of_a_body_is_told_whatever_is_wrong() {
    // Every instance of the pairs, with a mark in place of its values and of names that are not in the schema.
    const MARK: &str = "SECRET0";
    let schema = schema(ORDER);
    for body in [
        format!("<{MARK}/>"),
        format!("<order><{MARK}/></order>"),
        format!("<order {MARK}='1'/>"),
        format!("<order id='{MARK}'><customer>{MARK}</customer></order>"),
        format!("<order xmlns:x='urn:{MARK}' x:{MARK}='{MARK}'>{MARK}</order>"),
        format!(
            "<order xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance' xsi:type='{MARK}' xsi:{MARK}='1' xsi:nil='{MARK}'/>"
        ),
        order(&[line(MARK, MARK, MARK)]),
        format!("<x:order xmlns:x='urn:{MARK}'/>"),
    ] {
        let violations = check(&schema, &body).expect_err("it must not match");
        let told = format!("{violations} {violations:?}");
        assert!(!told.contains(MARK), "{told}");
    }
}
