use axum::Form;
use axum::body::Body;
use axum::extract::FromRequest;
use http::Request;
use proptest::prelude::*;
use proptest::sample::select;
use rstest::rstest;

use super::utf8::Utf8;
use super::{FormFault, FormLimits, check, component};
use crate::settings::JsonSettings;

const LIMITS: FormLimits = FormLimits {
    max_fields: 3,
    max_text: 4,
};

#[rstest]
#[case(b"", Ok(()))]
#[case(b"a=1&b=2&c=3", Ok(()))]
#[case(b"&&a=1&&", Ok(()))]
#[case(b"a=1&a=2", Ok(()))]
#[case(b"a=1&b=2&c=3&d=4", Err(FormFault::TooManyFields(3)))]
#[case(b"a=1234", Ok(()))]
#[case(b"a=%31%32%33%34", Ok(()))]
#[case(b"a=12345", Err(FormFault::TooLong(1)))]
#[case(b"b=1&aaaaa", Err(FormFault::TooLong(2)))]
#[case(b"a=1=2", Ok(()))]
#[case(b"a=+b+", Ok(()))]
#[case("a=\u{e9}".as_bytes(), Ok(()))]
#[case(b"a=%C3%A9", Ok(()))]
#[case(b"a=\xC3%A9", Ok(()))]
#[case(b"a=%C3&b=%A9", Err(FormFault::NotUtf8(1)))]
#[case(b"%C3=%A9", Err(FormFault::NotUtf8(1)))]
#[case(b"a=1&b=%ED%A0%80", Err(FormFault::NotUtf8(2)))]
#[case(b"a=%C0%AF", Err(FormFault::NotUtf8(1)))]
#[case(b"a=%F4%90%80%80", Err(FormFault::NotUtf8(1)))]
#[case(b"a=%", Err(FormFault::Escape(1)))]
#[case(b"a=%1", Err(FormFault::Escape(1)))]
#[case(b"a=%1&1", Err(FormFault::Escape(1)))]
#[case(b"a=%+1", Err(FormFault::Escape(1)))]
#[case(b"a=1\r\n", Err(FormFault::Control(1)))]
#[case(b"a=1\0", Err(FormFault::Control(1)))]
#[case(b"a=%0D%0A", Ok(()))]
fn forms_are_well_formed(#[case] body: &[u8], #[case] expected: Result<(), FormFault>) {
    assert_eq!(check(body, LIMITS), expected);
}

#[test]
fn a_form_is_limited_as_an_object_of_strings_is() {
    let settings = JsonSettings::default();
    let limits = FormLimits::from(&settings);
    assert_eq!((limits.max_fields, limits.max_text), (10_000, 65_536));
}

#[test]
fn a_check_allocates_nothing() {
    let body = b"name=%C3%A9+b&x=1&".repeat(1_000);
    let limits = FormLimits::from(&JsonSettings::default());
    let allocations = allocation_counter::measure(|| check(&body, limits).unwrap());
    assert_eq!(allocations.count_total, 0);
}

#[test]
fn what_is_told_has_nothing_of_the_peer() {
    let fault = check(b"secret=%zz", LIMITS.with_long_texts()).unwrap_err();
    assert_eq!(fault.public(), "A field of the form has a malformed escape.");
    assert_eq!(fault.to_string(), "field 1 has a malformed escape");
}

impl FormLimits {
    fn with_long_texts(self) -> Self {
        Self {
            max_text: 1_000,
            ..self
        }
    }
}

/// The fields as axum's extractor hands them over.
fn by_axum(body: &[u8]) -> Vec<(String, String)> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let request = Request::post("/")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Body::from(body.to_vec()))
        .unwrap();
    let Form(fields) = runtime.block_on(Form::from_request(request, &())).unwrap();
    fields
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    const PIECES: &[&[u8]] = &[
        b"a",
        b"b",
        b"=",
        b"=",
        b"&",
        b"&",
        b"+",
        b"%2B",
        b"%26",
        b"%61",
        b"%C3%A9",
        b"%C3",
        b"%A9",
        b"\xC3\xA9",
        b"\xC3",
        b"%",
        b"%4",
        b"%zz",
        b"%FF",
        b"\xFF",
        b"%00",
        b"\n",
        b" ",
        b"%ed%a0%80",
        b"%F0%9F%A6%80",
        b"xyz",
    ];
    proptest::collection::vec(select(PIECES), 0..14).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_form_is_read_as_axum_reads_it(body in body()) {
        let fields = by_axum(&body);
        let limits = FormLimits { max_fields: 3, max_text: 6 };
        let is_escaped_well = body
            .iter()
            .enumerate()
            .filter(|(_, byte)| **byte == b'%')
            .all(|(at, _)| body.get(at + 1..at + 3).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)));
        let texts = || fields.iter().flat_map(|(name, value)| [name, value]);
        let is_text = !texts().any(|text| text.contains('\u{FFFD}')) && !body.contains(&b'\n');
        let is_small = fields.len() <= 3 && texts().all(|text| text.len() <= 6);
        prop_assert_eq!(check(&body, limits).is_ok(), is_escaped_well && is_text && is_small);
    }

    #[test]
    fn bytes_are_utf8_where_the_standard_library_says_so(
        bytes in proptest::collection::vec(prop_oneof![
            any::<u8>(),
            select(vec![0x80_u8, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC2, 0xE0, 0xED, 0xEF, 0xF0, 0xF4, 0xF5]),
        ], 0..5),
    ) {
        let mut utf8 = Utf8::default();
        let is_read = bytes.iter().all(|byte| utf8.push(*byte).is_some()) && utf8.is_complete();
        prop_assert_eq!(is_read, std::str::from_utf8(&bytes).is_ok());
    }

    #[test]
    fn every_character_is_utf8(c in any::<char>()) {
        let escaped: Vec<String> = c.to_string().bytes().map(|byte| format!("%{byte:02x}")).collect();
        prop_assert_eq!(component(escaped.concat().as_bytes()), Ok(c.len_utf8()));
    }
}
