use http::HeaderValue;
use rstest::rstest;

use super::{JSON, XML, path};
use crate::amount::fault::Subject;
use crate::amount::{AmountReader, Unreadable, Why};

fn read(paths: (&str, &str), media_type: &HeaderValue, body: &str) -> Result<u32, Unreadable> {
    let (amount, currency) = paths;
    AmountReader::new(path(amount), Some((path(currency), "EUR".to_owned())))
        .read(Some(media_type), body.as_bytes())
        .map(|amounts| amounts.count)
}

fn at(place: &str, why: Why) -> Unreadable {
    Unreadable::Value {
        subject: Subject::Currency,
        place: place.to_owned(),
        why,
    }
}

const ONE: (&str, &str) = ("/amount", "/currency");
const EACH: (&str, &str) = ("/p/amount", "/p/currency");
const STARS: (&str, &str) = ("/p/*/amount", "/p/*/currency");
const FOR_ALL: (&str, &str) = ("/p/amount", "/currency");
const DEEPER: (&str, &str) = ("/p/*/amount", "/p/*/c/*/currency");

#[rstest]
#[case(ONE, r#"{"amount": 1, "currency": "EUR"}"#, 1)]
#[case(ONE, r#"{"amount": 1, "currency": "\u0045UR"}"#, 1)]
#[case(
    EACH,
    r#"{"p": [{"amount": 1, "currency": "EUR"}, {"currency": "EUR", "amount": 1}]}"#,
    2
)]
#[case(
    STARS,
    r#"{"p": [{"amount": 1, "currency": "EUR"}, {"currency": "EUR", "amount": [1, 2]}]}"#,
    3
)]
#[case(FOR_ALL, r#"{"p": [{"amount": 1}, {"amount": 1}], "currency": "EUR"}"#, 2)]
#[case(DEEPER, r#"{"p": [{"amount": 1, "c": [{"currency": "EUR"}]}]}"#, 1)]
#[case(EACH, r#"{"p": []}"#, 0)]
#[case(STARS, r#"{"p": []}"#, 0)]
#[case(DEEPER, r#"{"p": []}"#, 0)]
fn amounts_in_the_accepted_currency_are_read(
    #[case] paths: (&str, &str),
    #[case] body: &str,
    #[case] count: u32,
) {
    assert_eq!(read(paths, &JSON, body), Ok(count));
}

#[rstest]
#[case::another(ONE, r#"{"amount": 1, "currency": "USD"}"#, "/currency", Why::OtherCurrency)]
#[case::other_letters(ONE, r#"{"amount": 1, "currency": "eur"}"#, "/currency", Why::OtherCurrency)]
#[case::white_space(ONE, r#"{"amount": 1, "currency": "EUR "}"#, "/currency", Why::OtherCurrency)]
#[case::no_text(ONE, r#"{"amount": 1, "currency": 978}"#, "/currency", Why::Kind)]
#[case::null(ONE, r#"{"amount": 1, "currency": null}"#, "/currency", Why::Kind)]
#[case::missing(ONE, r#"{"amount": 1}"#, "/currency", Why::Missing)]
#[case::twice(
    ONE,
    r#"{"amount": 1, "currency": "EUR", "currency": "USD"}"#,
    "/currency",
    Why::Twice
)]
#[case::no_currency_in_an_array(ONE, r#"{"amount": 1, "currency": []}"#, "/currency", Why::Missing)]
#[case::another_in_an_array(
    ONE,
    r#"{"amount": 1, "currency": ["EUR", "USD"]}"#,
    "/currency",
    Why::OtherCurrency
)]
#[case::another_for_one(
    EACH,
    r#"{"p": [{"amount": 1, "currency": "EUR"}, {"amount": 1, "currency": "USD"}]}"#,
    "/p/currency",
    Why::OtherCurrency
)]
#[case::missing_for_one(
    EACH,
    r#"{"p": [{"amount": 1, "currency": "EUR"}, {"amount": 1}]}"#,
    "/p/currency",
    Why::Missing
)]
#[case::no_elements_for_one(DEEPER, r#"{"p": [{"amount": 1, "c": []}]}"#, "/p/*/c", Why::Missing)]
#[case::no_elements_beside(("/p/amount", "/q/currency"), r#"{"p": [{"amount": 1}], "q": []}"#, "/q", Why::Missing)]
fn amounts_in_another_currency_or_none_are_refused(
    #[case] paths: (&str, &str),
    #[case] body: &str,
    #[case] place: &str,
    #[case] why: Why,
) {
    assert_eq!(read(paths, &JSON, body), Err(at(place, why)));
}

#[rstest]
#[case(("/D/P/A", "/D/P/A/@Ccy"), "<D><P><A Ccy='EUR'>1</A></P><P><A Ccy=' EUR '>2</A></P></D>", Ok(2))]
#[case(("/D/P/A", "/D/P/C"), "<D><P><A>1</A><C>EUR</C></P><P><C>\nEUR\n</C><A>2</A><A>3</A></P></D>", Ok(3))]
#[case(("/D/P/A", "/D/@C"), "<D C='EUR'><P><A>1</A></P><P><A>2</A></P></D>", Ok(2))]
#[case(("/D/P/A", "/D/P/A/@Ccy"), "<D><P><A Ccy='EUR'>1</A></P><P><A>2</A></P></D>", Err(at("/D/P/A/@Ccy", Why::Missing)))]
#[case(("/D/P/A", "/D/P/A/@Ccy"), "<D><P><A Ccy='EUR'>1</A></P><P><A Ccy='USD'>2</A></P></D>", Err(at("/D/P/A/@Ccy", Why::OtherCurrency)))]
#[case(("/D/P/A", "/D/P/A/@Ccy"), "<D><P><A Ccy='EUR' x:Ccy='USD' xmlns:x='urn:x'>1</A></P></D>", Err(at("/D/P/A/@Ccy", Why::OtherCurrency)))]
#[case(("/D/P/A", "/D/P/C"), "<D><P><A>1</A><C>EUR</C><C>USD</C></P></D>", Err(at("/D/P/C", Why::OtherCurrency)))]
#[case(("/D/P/A", "/D/P/C"), "<D><P><A>1</A><C>E<!-- -->UR</C></P></D>", Err(at("/D/P/C", Why::Kind)))]
fn in_xml_every_branch_says_its_currency(
    #[case] paths: (&str, &str),
    #[case] body: &str,
    #[case] expected: Result<u32, Unreadable>,
) {
    assert_eq!(read(paths, &XML, body), expected);
}

#[test]
fn the_peer_is_told_whether_the_currency_is_another_one_or_none() {
    let other = at("/currency", Why::OtherCurrency);
    assert_eq!(
        other.to_string(),
        "the currency at /currency is not the accepted one"
    );
    assert_eq!(other.public(), "The currency of the transaction is not accepted.");
    assert_eq!(
        at("/currency", Why::Missing).public(),
        "The currency of the transaction cannot be read."
    );
}
