use rstest::rstest;

use super::{XML, amounts, at, read};
use crate::amount::fault::Format;
use crate::amount::{DecimalError, MOST_TRANSACTIONS, Unreadable, Why};

const SOAP: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope">
  <s:Body>
    <p:Pay xmlns:p="urn:pay" xmlns:q="urn:other">
      <p:Item value="1.00" q:value="2"><p:Amount>10.50</p:Amount></p:Item>
      <p:Item value="3"><p:Amount> 20 </p:Amount><q:Amount>0.25</q:Amount></p:Item>
    </p:Pay>
  </s:Body>
</s:Envelope>"#;

const ITEM: &str = "/Envelope/Body/Pay/Item";

#[rstest]
#[case("/A", "<A>1</A>", amounts(1, "1", "1"))]
#[case("/A", "\u{feff}<A>1</A>", amounts(1, "1", "1"))]
#[case("/A", "<A>\r\n\t 1.50 \n</A>", amounts(1, "1.5", "1.5"))]
#[case("/A", "<A>&#x31;&#48;</A>", amounts(1, "10", "10"))]
#[case("/A", "<A x='>' y=\"/>\">1</A>", amounts(1, "1", "1"))]
#[case(
    "/A",
    "<?xml version='1.0' encoding='utf-8' standalone=\"yes\"?><!-- <A> --><A>1</A><?x y?>",
    amounts(1, "1", "1")
)]
#[case(
    "/A/B",
    "<A><!-- x --><B>1</B>text<![CDATA[<B>9</B>]]><B>2</B></A>",
    amounts(2, "3", "2")
)]
#[case(
    "/A/B/C",
    "<A><B><C>1</C></B><B><C>2</C><C>4</C></B></A>",
    amounts(3, "7", "4")
)]
#[case("/A/*/C", "<A><X><C>1</C></X><Y><C>2</C></Y></A>", amounts(2, "3", "2"))]
#[case("/A/@b", "<A b=' 5 '>x<B/></A>", amounts(1, "5", "5"))]
#[case(
    "/A/{}B",
    "<A xmlns='urn:a'><B xmlns=''>1</B><B>2</B></A>",
    amounts(1, "1", "1")
)]
#[case(&format!("{ITEM}/Amount"), SOAP, amounts(3, "30.75", "20"))]
#[case(&format!("{ITEM}/{{urn:pay}}Amount"), SOAP, amounts(2, "30.5", "20"))]
#[case(&format!("{ITEM}/@value"), SOAP, amounts(3, "6", "3"))]
#[case(&format!("{ITEM}/@{{}}value"), SOAP, amounts(2, "4", "3"))]
#[case(
    "/{http:~1~1www.w3.org~12003~105~1soap-envelope}Envelope/Body/Pay/Item/Amount",
    SOAP,
    amounts(3, "30.75", "20")
)]
fn every_element_or_attribute_at_the_end_of_the_path_is_a_transaction(
    #[case] pointer: &str,
    #[case] body: &str,
    #[case] expected: super::Amounts,
) {
    assert_eq!(read(pointer, &XML, body), Ok(expected));
}

#[rstest]
#[case::another_root("/A", "<B>1</B>", "/A", Why::Missing)]
#[case::another_namespace("/{urn:x}A", "<A xmlns='urn:y'>1</A>", "/{urn:x}A", Why::Missing)]
#[case::other_letters("/A", "<a>1</a>", "/A", Why::Missing)]
#[case::none_at_all("/A/B", "<A/>", "/A/B", Why::Missing)]
#[case::none_on_one_branch("/A/B/C", "<A><B><C>1</C></B><B/></A>", "/A/B/C", Why::Missing)]
#[case::no_attribute("/A/@b", "<A><b>1</b></A>", "/A/@b", Why::Missing)]
#[case::no_attribute_on_one_branch("/A/B/@c", "<A><B c='1'/><B/></A>", "/A/B/@c", Why::Missing)]
#[case::an_index("/A/0", "<A>1</A>", "/A/0", Why::Missing)]
#[case::an_attribute_on_the_way("/A/@b/C", "<A b='1'><C>1</C></A>", "/A/@b", Why::Missing)]
#[case::element_inside("/A", "<A><B>1</B></A>", "/A", Why::Kind)]
#[case::element_beside_text("/A", "<A>1<B/></A>", "/A", Why::Kind)]
#[case::comment_inside("/A", "<A>1<!-- -->000</A>", "/A", Why::Kind)]
#[case::cdata_inside("/A", "<A>1<![CDATA[000]]></A>", "/A", Why::Kind)]
#[case::cdata_alone("/A", "<A><![CDATA[1]]></A>", "/A", Why::Kind)]
#[case::instruction_inside("/A", "<A>1<?x y?>000</A>", "/A", Why::Kind)]
#[case::empty("/A", "<A/>", "/A", Why::Kind)]
#[case::no_text("/A", "<A></A>", "/A", Why::Kind)]
#[case::white_space("/A", "<A> </A>", "/A", Why::Decimal(DecimalError::NotDecimal))]
#[case::space_inside("/A", "<A>1 000</A>", "/A", Why::Decimal(DecimalError::NotDecimal))]
#[case::wider_space("/A", "<A>\u{a0}1</A>", "/A", Why::Decimal(DecimalError::NotDecimal))]
#[case::exponent("/A", "<A>1e3</A>", "/A", Why::Decimal(DecimalError::NotDecimal))]
#[case::plus("/A", "<A>+1</A>", "/A", Why::Decimal(DecimalError::NotDecimal))]
#[case::negative("/A", "<A>-1</A>", "/A", Why::Decimal(DecimalError::Negative))]
#[case::negative_attribute("/A/@b", "<A b='-1'/>", "/A/@b", Why::Decimal(DecimalError::Negative))]
#[case::too_large(
    "/A",
    "<A>100000000000000000000</A>",
    "/A",
    Why::Decimal(DecimalError::OutOfRange)
)]
fn what_handlers_may_read_otherwise_is_refused(
    #[case] pointer: &str,
    #[case] body: &str,
    #[case] place: &str,
    #[case] why: Why,
) {
    assert_eq!(read(pointer, &XML, body), Err(at(place, why)));
}

#[rstest]
#[case::nothing("")]
#[case::text("1")]
#[case::not_closed("<A>1")]
#[case::closed_otherwise("<A>1</B>")]
#[case::two_roots("<A>1</A><A>2</A>")]
#[case::text_behind("<A>1</A>2")]
#[case::the_same_attribute_twice("<A b='1' b='2'>1</A>")]
#[case::unknown_prefix("<x:A>1</x:A>")]
#[case::unknown_entity("<A>&one;</A>")]
#[case::bare_ampersand("<A>1 & 2</A>")]
#[case::control_character("<A>1\u{1}</A>")]
#[case::quote_not_closed("<A b='>1</A>")]
#[case::declaration_behind_white_space(" <?xml version='1.0'?><A>1</A>")]
fn what_is_no_xml_is_refused(#[case] body: &str) {
    let refused = read("/A", &XML, body).unwrap_err();
    assert!(
        matches!(
            refused,
            Unreadable::Malformed {
                format: Format::Xml,
                line: 1..,
                ..
            }
        ),
        "{refused:?}"
    );
}

#[rstest]
#[case("<!DOCTYPE A><A>1</A>")]
#[case("<!DOCTYPE A [<!ENTITY b '1'>]><A>&b;</A>")]
#[case("<?xml version='1.0'?><!-- --><!DOCTYPE A SYSTEM 'file:///etc/passwd'><A>1</A>")]
fn a_document_type_declaration_is_refused(#[case] body: &str) {
    assert_eq!(read("/A", &XML, body), Err(Unreadable::DocumentType));
}

#[rstest]
#[case("<?xml version='1.0' encoding='UTF-16'?><A>1</A>")]
#[case("<?xml version=\"1.0\" encoding = \"IBM037\" ?><A>1</A>")]
#[case("\u{feff}<?xml version='1.0' encoding='UTF-7'?><A>1</A>")]
#[case("<?xml\tversion='1.0' encoding='UTF-7'?><A>1</A>")]
fn another_encoding_is_refused(#[case] body: &str) {
    assert_eq!(read("/A", &XML, body), Err(Unreadable::Charset));
}

#[rstest]
#[case("<?xml\tversion='1.0' encoding='UTF-8' encoding='UTF-7'?><A>1</A>")]
#[case("<?xml version='1.0' encoding=UTF-8?><A>1</A>")]
#[case("<?xml version='1.0' encoding='utf-8?><A>1</A>")]
fn a_declaration_that_is_none_is_refused(#[case] body: &str) {
    let malformed = Unreadable::Malformed {
        format: Format::Xml,
        line: 1,
        column: 1,
    };
    assert_eq!(read("/A", &XML, body), Err(malformed));
}

#[test]
fn what_is_not_utf8_is_refused() {
    assert_eq!(
        read("/A", &XML, b"<A>1</A><!-- \xff -->"),
        Err(Unreadable::NotUtf8)
    );
    assert_eq!(
        read("/A", &XML, b"\xfe\xff\x00<\x00A\x00/\x00>"),
        Err(Unreadable::NotUtf8)
    );
}

fn attributes(count: usize) -> String {
    (0..count)
        .map(|n| format!(" a{n}=''"))
        .collect::<Vec<_>>()
        .concat()
}

fn namespaces(count: usize) -> String {
    (0..count)
        .map(|n| format!(" xmlns:n{n}='urn:{n}'"))
        .collect::<Vec<_>>()
        .concat()
}

#[rstest]
#[case::as_deep_as_it_may_be("<B>".repeat(255) + &"</B>".repeat(255), true)]
#[case::too_deep("<B>".repeat(256) + &"</B>".repeat(256), false)]
#[case::much_too_deep("<B>".repeat(10_000_000), false)]
#[case::empty_elements_in_a_row("<B/>".repeat(10_000), true)]
#[case::as_many_attributes_as_there_may_be(format!("<B{}/>", attributes(256)), true)]
#[case::too_many_attributes(format!("<B{}/>", attributes(257)), false)]
#[case::as_many_namespaces_as_there_may_be(format!("<B{}/><B{}/>", namespaces(32), namespaces(32)), true)]
#[case::too_many_namespaces(format!("<B{}/>", namespaces(33)), false)]
#[case::too_many_namespaces_nested((0..33).map(|n| format!("<B xmlns:n{n}='urn:{n}'>")).collect::<Vec<_>>().concat(), false)]
#[case::too_many_nodes("<B/>".repeat(300_000), false)]
#[case::much_too_many_nodes("<".repeat(10_000_000), false)]
#[case::much_too_many_attributes("=".repeat(10_000_000), false)]
#[case::many_nodes_beside(format!("<!--{0}--><![CDATA[{0}]]>", "<B b=''>".repeat(200_000)), true)]
#[case::tags_in_comments_and_sections(format!("<!--{0}--><![CDATA[{0}]]><?x {0}?>", "<B>".repeat(10_000)), true)]
fn what_would_take_long_to_parse_is_refused(#[case] inside: String, #[case] read_at_all: bool) {
    let expected = if read_at_all {
        Ok(amounts(1, "1", "1"))
    } else {
        Err(Unreadable::TooComplex)
    };
    assert_eq!(read("/A/C", &XML, format!("<A>{inside}<C>1</C></A>")), expected);
}

#[test]
fn transactions_are_bounded() {
    let most = MOST_TRANSACTIONS as usize;
    let body = |count: usize| format!("<A>{}</A>", "<B>1</B>".repeat(count));
    assert_eq!(
        read("/A/B", &XML, body(most)),
        Ok(amounts(MOST_TRANSACTIONS, "10000", "1"))
    );
    assert_eq!(read("/A/B", &XML, body(most + 1)), Err(at("/A/B", Why::TooMany)));
}

#[test]
fn neither_the_log_nor_the_peer_sees_what_was_sent() {
    let refused = read("/A/@b", &XML, "<A b='s3cret'/>").unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the amount at /A/@b is not a decimal such as 5000 or 5000.00"
    );
    let refused = read("/A", &XML, "<A>\n<s3cret></A>").unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the body is no well-formed XML at line 2, column 9"
    );
    assert_eq!(refused.public(), "The amount of the transaction cannot be read.");
}
