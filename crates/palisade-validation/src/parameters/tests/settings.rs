//! Settings that make no sense are refused, all at once.

use rstest::rstest;

use super::super::{Parameters, Place};
use super::{one, parameter};
use crate::settings::ValidationSettings;

/// The keys with a fault.
fn keys(settings: &ValidationSettings) -> Vec<String> {
    let faults = Parameters::compile(settings).err().unwrap_or_default();
    faults.into_iter().map(|(key, _)| key).collect()
}

#[rstest]
#[case(&[("min", "1")], &["query.x.min"])]
#[case(&[("type", "uuid"), ("min", "1"), ("max", "2")], &["query.x.min", "query.x.max"])]
#[case(&[("type", "boolean"), ("max", "1")], &["query.x.max"])]
#[case(&[("type", "boolean"), ("pattern", "t.*")], &["query.x.pattern"])]
#[case(&[("type", "integer"), ("min", "1.5")], &["query.x.min"])]
#[case(&[("type", "integer"), ("min", "a"), ("max", "b")], &["query.x.min", "query.x.max"])]
#[case(&[("type", "integer"), ("min", "2"), ("max", "1")], &["query.x.min"])]
#[case(&[("type", "integer"), ("min", "9223372036854775808")], &["query.x.max"])]
#[case(&[("type", "integer"), ("max", "-9223372036854775809")], &["query.x.min"])]
#[case(&[("type", "integer"), ("min", "9223372036854775808"), ("max", "18446744073709551615")], &[])]
#[case(&[("type", "number"), ("min", "0.10"), ("max", "0.1")], &[])]
#[case(&[("type", "number"), ("min", "0.11"), ("max", "0.1")], &["query.x.min"])]
#[case(&[("type", "number"), ("min", "1e999")], &["query.x.min"])]
#[case(&[("type", "date"), ("min", "2024-02-30")], &["query.x.min"])]
#[case(&[("type", "date"), ("min", "2024-02-01"), ("max", "2024-01-31")], &["query.x.min"])]
#[case(&[("type", "date-time"), ("min", "2024-02-01")], &["query.x.min"])]
#[case(&[("type", "integer"), ("min-length", "1")], &["query.x.min-length"])]
#[case(&[("min-length", "2"), ("max-length", "1")], &["query.x.min-length"])]
#[case(&[("pattern", "(")], &["query.x.pattern"])]
#[case(&[("pattern", "a)|(b")], &["query.x.pattern"])]
#[case(&[("pattern", "(?=a)")], &["query.x.pattern"])]
#[case(&[("pattern", r"(a)\1")], &["query.x.pattern"])]
#[case(&[("pattern", "(?x)a # b")], &["query.x.pattern"])]
#[case(&[("pattern", r"(\w-){5000}")], &["query.x.pattern"])]
#[case(&[("pattern", "((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((a))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))")], &["query.x.pattern"])]
#[case(&[("values", "a,a")], &["query.x.values"])]
#[case(&[("values", "a,bb"), ("max-length", "1")], &["query.x.values"])]
#[case(&[("values", "a,1"), ("type", "integer")], &["query.x.values"])]
#[case(&[("values", "a,a"), ("min", "1"), ("pattern", "(")], &["query.x.min", "query.x.pattern", "query.x.values"])]
#[case(&[("values", "a"), ("pattern", "b")], &["query.x.values"])]
#[case(&[("type", "uuid"), ("pattern", ".{14}4.*")], &[])]
fn what_makes_no_sense_is_a_fault(#[case] words: &[(&str, &str)], #[case] faults: &[&str]) {
    assert_eq!(keys(&one(Place::Query, "x", parameter(words))), faults);
}

#[test]
fn an_empty_list_of_values_is_a_fault() {
    let mut settings = parameter(&[]);
    settings.values = Some(Vec::new());
    assert_eq!(keys(&one(Place::Path, "x", settings)), ["path.x.values"]);
}

#[rstest]
#[case(Place::Header, "not a field", "header.not a field")]
#[case(Place::Header, "Cookie", "header.Cookie")]
#[case(Place::Query, "", "query.")]
fn names_that_cannot_be_are_faults(#[case] place: Place, #[case] name: &str, #[case] key: &str) {
    let found = keys(&one(place, name, parameter(&[])));
    assert!(found.contains(&key.to_owned()), "{found:?}");
}

#[test]
fn fields_that_differ_in_case_only_are_a_fault() {
    let mut settings = one(Place::Header, "X-A", parameter(&[]));
    settings.header.insert("x-a".to_owned(), parameter(&[]));
    assert_eq!(keys(&settings), ["header.x-a"]);
    settings = one(Place::Query, "A", parameter(&[]));
    settings.query.insert("a".to_owned(), parameter(&[]));
    assert_eq!(keys(&settings), [""; 0]);
}

#[test]
fn values_of_fields_that_no_field_can_have_are_a_fault() {
    let settings = one(Place::Header, "x", parameter(&[("values", "a,\u{e9}")]));
    assert_eq!(keys(&settings), ["header.x.values"]);
}

#[test]
fn every_fault_is_told_and_dotted_names_stand_in_brackets() {
    let mut settings = one(Place::Path, "id", parameter(&[("min", "1"), ("pattern", "(")]));
    settings
        .query
        .insert("filter.name".to_owned(), parameter(&[("max", "1")]));
    assert_eq!(
        keys(&settings),
        ["path.id.min", "path.id.pattern", "query[filter.name].max"]
    );
}
