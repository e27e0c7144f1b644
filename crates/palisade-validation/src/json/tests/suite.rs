//! The suite `nst/JSONTestSuite`: `y_` is accepted, `n_` refused, and for each `i_`, which RFC 8259 leaves open, it is said here
//! what becomes of it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::super::{Expected, Shape, Unfit, check};
use super::{limits, wide};

/// The only `y_` files that are refused, while names may not stand twice.
const DUPLICATES: [&str; 2] = [
    "y_object_duplicated_key.json",
    "y_object_duplicated_key_and_value.json",
];

fn files(kind: &str) -> BTreeMap<String, Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/json-test-suite/test_parsing");
    fs::read_dir(folder)
        .expect("the suite")
        .map(|entry| entry.expect("an entry"))
        .map(|entry| (entry.file_name().into_string().expect("a name"), entry.path()))
        .filter(|(name, _)| name.starts_with(kind))
        .map(|(name, path)| (name, fs::read(path).expect("a file")))
        .collect()
}

#[test]
fn every_text_that_must_be_accepted_is_but_for_names_that_stand_twice() {
    let files = files("y_");
    assert_eq!(files.len(), 95);
    for (name, body) in files {
        assert!(check(&body, &wide()).is_ok(), "{name}");
        let verdict = check(&body, &limits()).map_err(|fault| fault.unfit);
        if DUPLICATES.contains(&name.as_str()) {
            assert_eq!(verdict, Err(Unfit::DuplicateName), "{name}");
        } else {
            assert!(verdict.is_ok(), "{name}: {verdict:?}");
        }
    }
}

#[test]
fn every_text_that_must_be_refused_is() {
    let files = files("n_");
    assert_eq!(files.len(), 188);
    for (name, body) in files {
        assert!(check(&body, &limits()).is_err(), "{name}");
        assert!(check(&body, &wide()).is_err(), "{name} without limits");
    }
}

/// What becomes of the texts that are left open. All are refused, each for its reason.
const OPEN: [(&str, Unfit); 35] = [
    // A double would be infinite, or zero.
    ("i_number_double_huge_neg_exp", Unfit::NumberOutOfRange),
    ("i_number_huge_exp", Unfit::NumberOutOfRange),
    ("i_number_neg_int_huge_exp", Unfit::NumberOutOfRange),
    ("i_number_pos_double_huge_exp", Unfit::NumberOutOfRange),
    ("i_number_real_neg_overflow", Unfit::NumberOutOfRange),
    ("i_number_real_pos_overflow", Unfit::NumberOutOfRange),
    ("i_number_real_underflow", Unfit::NumberOutOfRange),
    // Beyond 64 bits.
    ("i_number_too_big_neg_int", Unfit::IntegerOutOfRange),
    ("i_number_too_big_pos_int", Unfit::IntegerOutOfRange),
    ("i_number_very_big_negative_int", Unfit::IntegerOutOfRange),
    // Half a surrogate pair, in the text or after it.
    ("i_object_key_lone_2nd_surrogate", Unfit::LoneSurrogate),
    ("i_string_1st_surrogate_but_2nd_missing", Unfit::LoneSurrogate),
    ("i_string_1st_valid_surrogate_2nd_invalid", Unfit::LoneSurrogate),
    (
        "i_string_incomplete_surrogate_and_escape_valid",
        Unfit::LoneSurrogate,
    ),
    ("i_string_incomplete_surrogate_pair", Unfit::LoneSurrogate),
    (
        "i_string_incomplete_surrogates_escape_valid",
        Unfit::LoneSurrogate,
    ),
    ("i_string_invalid_lonely_surrogate", Unfit::LoneSurrogate),
    ("i_string_invalid_surrogate", Unfit::LoneSurrogate),
    ("i_string_inverted_surrogates_U+1D11E", Unfit::LoneSurrogate),
    ("i_string_lone_second_surrogate", Unfit::LoneSurrogate),
    // Bytes that are not UTF-8.
    ("i_string_UTF-8_invalid_sequence", Unfit::NotUtf8),
    ("i_string_UTF8_surrogate_U+D800", Unfit::NotUtf8),
    ("i_string_invalid_utf-8", Unfit::NotUtf8),
    ("i_string_iso_latin_1", Unfit::NotUtf8),
    ("i_string_lone_utf8_continuation_byte", Unfit::NotUtf8),
    ("i_string_not_in_unicode_range", Unfit::NotUtf8),
    ("i_string_overlong_sequence_2_bytes", Unfit::NotUtf8),
    ("i_string_overlong_sequence_6_bytes", Unfit::NotUtf8),
    ("i_string_overlong_sequence_6_bytes_null", Unfit::NotUtf8),
    ("i_string_truncated-utf-8", Unfit::NotUtf8),
    // Another encoding.
    ("i_string_UTF-16LE_with_BOM", Unfit::Not(Expected::Value)),
    ("i_string_utf16BE_no_BOM", Unfit::Not(Expected::Value)),
    ("i_string_utf16LE_no_BOM", Unfit::Not(Expected::Value)),
    // A byte order mark, and more levels than are configured.
    ("i_structure_UTF-8_BOM_empty_object", Unfit::ByteOrderMark),
    ("i_structure_500_nested_arrays", Unfit::TooDeep { limit: 64 }),
];

#[test]
fn what_becomes_of_the_texts_that_are_left_open_is_said() {
    let files = files("i_");
    assert_eq!(files.len(), OPEN.len());
    for (name, unfit) in OPEN {
        let body = files.get(&format!("{name}.json")).expect("a file of the suite");
        let verdict: Result<Shape, _> = check(body, &limits()).map_err(|fault| fault.unfit);
        assert_eq!(verdict, Err(unfit), "{name}");
    }
}
