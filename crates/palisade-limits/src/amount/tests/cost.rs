use rstest::rstest;

use super::{JSON, XML, path};
use crate::amount::AmountReader;

fn in_euros(amount: &str, currency: &str) -> AmountReader {
    AmountReader::new(path(amount), Some((path(currency), "EUR".to_owned())))
}

fn allocations(reader: &AmountReader, media_type: &http::HeaderValue, body: &str, count: u32) -> u64 {
    let mut read = None;
    let info = allocation_counter::measure(|| read = reader.read(Some(media_type), body.as_bytes()).ok());
    assert_eq!(read.map(|amounts| amounts.count), Some(count));
    info.count_total
}

#[rstest]
#[case(1)]
#[case(10)]
#[case(10_000)]
fn json_is_read_without_allocation_however_many_transactions_there_are(#[case] count: usize) {
    let reader = in_euros("/p/amount", "/p/currency");
    let element = r#"{"id": "a", "amount": 12.50, "currency": "EUR"}"#;
    let body = format!(r#"{{"p": [{}]}}"#, vec![element; count].join(","));
    let count = u32::try_from(count).unwrap();
    assert_eq!(allocations(&reader, &JSON, &body, count), 0);
}

#[test]
fn xml_is_read_with_as_many_allocations_however_many_transactions_there_are() {
    let reader = in_euros("/A/B", "/A/B/@c");
    let of = |count: usize| {
        let body = format!("<A>{}</A>", "<B c='EUR'>12.50</B>".repeat(count));
        allocations(&reader, &XML, &body, u32::try_from(count).unwrap())
    };
    assert!(of(10_000) <= of(1));
}
