use palisade_core::xml::XmlExcess;
use rstest::rstest;

use super::{XmlFault, XmlLimits};
use crate::XmlSettings;

fn check(body: &[u8]) -> Result<(), XmlFault> {
    XmlLimits::new(&XmlSettings::default()).parse(body).map(|_| ())
}

#[rstest]
#[case("<a/>")]
#[case(
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<a b='1'>text &amp; &#x20AC; <![CDATA[<b>]]><!-- c --></a>"
)]
#[case("\u{feff}<a/>")]
#[case("<p:a xmlns:p='urn:p' xmlns='urn:q'><b p:c='1' c='2'/></p:a>")]
fn what_is_well_formed_is_accepted(#[case] body: &str) {
    assert_eq!(check(body.as_bytes()), Ok(()));
}

#[rstest]
#[case::empty("")]
#[case::text("text")]
#[case::two_roots("<a/><b/>")]
#[case::open("<a>")]
#[case::crossed("<a><b></a></b>")]
#[case::attribute_twice("<a b='1' b='2'/>")]
#[case::attribute_twice_by_namespace("<a xmlns:p='u' xmlns:q='u' p:b='1' q:b='2'/>")]
#[case::unbound_prefix("<p:a/>")]
#[case::no_quotes("<a b=1/>")]
#[case::left_in_a_value("<a b='<'/>")]
#[case::entity_unknown("<a>&x;</a>")]
#[case::entity_of_html("<a>&nbsp;</a>")]
#[case::ampersand("<a>a & b</a>")]
#[case::control_character("<a>\u{1}</a>")]
#[case::two_hyphens("<a><!-- -- --></a>")]
#[case::end_of_cdata("<a>]]></a>")]
#[case::declaration_inside(" <?xml version='1.0'?><a/>")]
#[case::behind_the_root("<a/>text")]
fn what_is_not_well_formed_is_refused(#[case] body: &str) {
    let refused = check(body.as_bytes());
    assert!(matches!(refused, Err(XmlFault::Malformed { .. })), "{refused:?}");
}

#[test]
fn references_are_to_characters() {
    for body in ["<a>&#0;</a>", "<a>&#xD800;</a>", "<a b='&#x1;'/>"] {
        let refused = Err(XmlFault::Excess(XmlExcess::Character));
        assert_eq!(check(body.as_bytes()), refused, "{body}");
    }
}

const LAUGHS: &str =
    "<!DOCTYPE lolz [<!ENTITY lol \"lol\"><!ENTITY lol1 \"&lol;&lol;&lol;&lol;\">]><lolz>&lol1;</lolz>";
const EXTERNAL: &str = "<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><a>&x;</a>";
const PARAMETER: &str = "<!DOCTYPE a [<!ENTITY % x SYSTEM \"http://127.0.0.1/x.dtd\"> %x;]><a/>";
const PUBLIC: &str = "<!DOCTYPE html PUBLIC \"-//W3C//DTD XHTML 1.0//EN\" \"http://127.0.0.1/x.dtd\"><html/>";

#[rstest]
#[case::billion_laughs(LAUGHS)]
#[case::external_entity(EXTERNAL)]
#[case::parameter_entity(PARAMETER)]
#[case::public(PUBLIC)]
#[case::behind_a_comment("<!-- x --><!DOCTYPE a><a/>")]
fn document_types_are_refused_before_anything_is_expanded(#[case] body: &str) {
    let refused = Err(XmlFault::Excess(XmlExcess::DocumentType));
    assert_eq!(check(body.as_bytes()), refused);
}

#[test]
fn what_has_too_much_of_something_is_refused() {
    let nested = |depth: usize| format!("{}{}", "<a>".repeat(depth), "</a>".repeat(depth));
    assert_eq!(check(nested(64).as_bytes()), Ok(()));
    assert_eq!(
        check(nested(65).as_bytes()),
        Err(XmlFault::Excess(XmlExcess::Depth))
    );
    let attributes = |count: usize| {
        let attributes: Vec<String> = (0..count).map(|number| format!("a{number}=''")).collect();
        format!("<a {}/>", attributes.join(" "))
    };
    assert_eq!(check(attributes(64).as_bytes()), Ok(()));
    assert_eq!(
        check(attributes(65).as_bytes()),
        Err(XmlFault::Excess(XmlExcess::Attributes))
    );
    let elements = |count: usize| format!("<a>{}</a>", "<b/>".repeat(count));
    assert_eq!(check(elements(99_999).as_bytes()), Ok(()));
    assert_eq!(
        check(elements(100_000).as_bytes()),
        Err(XmlFault::Excess(XmlExcess::Nodes))
    );
}

#[rstest]
#[case(b"<a>\xff</a>", XmlFault::NotUtf8(3))]
#[case(b"\xff\xfe<\0a\0/\0>\0", XmlFault::NotUtf8(0))]
#[case(
    b"<?xml version='1.0' encoding='ISO-8859-1'?><a/>",
    XmlFault::Excess(XmlExcess::Encoding)
)]
fn other_encodings_are_refused(#[case] body: &[u8], #[case] fault: XmlFault) {
    assert_eq!(check(body), Err(fault));
}
