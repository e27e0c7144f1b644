mod agreement;

use http::HeaderValue;
use palisade_core::settings::ByteSize;
use rstest::rstest;

use super::{MAX_HEAD, MultipartFault, check};
use crate::settings::MultipartSettings;

const SETTINGS: MultipartSettings = MultipartSettings {
    max_parts: 3,
    max_part: ByteSize::bytes(10),
};

const TYPE: &str = "multipart/form-data; boundary=b";

fn verdict(content_type: &str, body: &str) -> Result<(), MultipartFault> {
    check(
        &HeaderValue::from_bytes(content_type.as_bytes()).unwrap(),
        body.as_bytes(),
        &SETTINGS,
    )
}

/// A form of one part with that head and content.
fn form(head: &str, content: &str) -> String {
    format!("--b\r\n{head}\r\n\r\n{content}\r\n--b--\r\n")
}

const NAMED: &str = "Content-Disposition: form-data; name=\"a\"";

#[rstest]
#[case("multipart/form-data; boundary=b", true)]
#[case("Multipart/Form-Data;charset=utf-8;BOUNDARY=\"b\"", true)]
#[case("multipart/form-data; boundary=B", false)]
#[case("multipart/form-data", false)]
#[case("multipart/form-data; boundary=", false)]
#[case("multipart/form-data; boundary=\"\"", false)]
#[case("multipart/form-data; boundary=\"b\\\"\"", false)]
#[case("multipart/form-data; boundary=b; boundary=b", false)]
#[case("multipart/form-data; boundary=b; boundary=c", false)]
#[case("multipart/form-data; boundary=b,", false)]
#[case("multipart/form-data; boundary=b;", false)]
#[case("multipart/form-data; boundary=\"b", false)]
#[case("multipart/form-data; boundary=\"b \"", false)]
#[case("multipart/form-data boundary=b", false)]
#[case("multipart/form-data; boundary = b", false)]
#[case("multipart/mixed; boundary=b", false)]
#[case("multipart/form-data; boundary=\u{e9}", false)]
#[case("application/json", false)]
#[case("", false)]
fn a_media_type_has_one_boundary(#[case] content_type: &str, #[case] accepted: bool) {
    assert_eq!(verdict(content_type, &form(NAMED, "1")).is_ok(), accepted);
}

#[rstest]
#[case(70, Ok(()))]
#[case(71, Err(MultipartFault::Boundary))]
fn a_boundary_has_at_most_seventy_characters(
    #[case] length: usize,
    #[case] expected: Result<(), MultipartFault>,
) {
    let boundary = "b".repeat(length);
    let content_type = format!("multipart/form-data; boundary={boundary}");
    assert_eq!(verdict(&content_type, &format!("--{boundary}--")), expected);
}

#[rstest]
#[case("--b--", Ok(()))]
#[case("\r\n--b--\r\n", Ok(()))]
#[case("", Err(MultipartFault::Preamble))]
#[case("\r\n\r\n--b--", Err(MultipartFault::Preamble))]
#[case("hidden\r\n--b--", Err(MultipartFault::Preamble))]
#[case("--c--", Err(MultipartFault::Preamble))]
#[case("--b", Err(MultipartFault::Delimiter(1)))]
#[case("--b-", Err(MultipartFault::Delimiter(1)))]
#[case("--b \r\n--b--", Err(MultipartFault::Delimiter(1)))]
#[case("--b\n--b--", Err(MultipartFault::Delimiter(1)))]
#[case("--b--hidden", Err(MultipartFault::Epilogue))]
#[case("--b--\r\n\r\n", Err(MultipartFault::Epilogue))]
#[case("--b--\r\nhidden", Err(MultipartFault::Epilogue))]
#[case("--b--\r\n--b\r\n", Err(MultipartFault::Epilogue))]
#[case("--b\r\n", Err(MultipartFault::NoEnd))]
#[case("--b\r\n--b--", Err(MultipartFault::NoEnd))]
#[case("--b\r\n\r\n1\r\n--b--", Err(MultipartFault::Disposition(1)))]
fn a_form_is_framed_by_its_delimiters(#[case] body: &str, #[case] expected: Result<(), MultipartFault>) {
    assert_eq!(verdict(TYPE, body), expected);
}

#[rstest]
#[case("", Ok(()))]
#[case("1234567890", Ok(()))]
#[case("12345678901", Err(MultipartFault::TooLarge(1)))]
#[case("--b", Err(MultipartFault::Delimiter(1)))]
#[case("--b--", Err(MultipartFault::Delimiter(1)))]
#[case("\r\n--", Ok(()))]
#[case("\r\n--c", Ok(()))]
#[case("\n--b\n", Ok(()))]
#[case("x--b", Ok(()))]
#[case("x\r\n--bc", Err(MultipartFault::Delimiter(2)))]
#[case("x\r\n--b ", Err(MultipartFault::Delimiter(2)))]
#[case("x\r\n--b--", Err(MultipartFault::Epilogue))]
#[case("x\r\n--b\r\ny", Err(MultipartFault::NoEnd))]
fn content_ends_at_the_first_delimiter(#[case] content: &str, #[case] expected: Result<(), MultipartFault>) {
    assert_eq!(verdict(TYPE, &form(NAMED, content)), expected);
}

#[test]
fn a_form_that_is_cut_off_anywhere_is_refused() {
    let whole = form(
        "Content-Type: text/plain\r\nContent-Disposition: form-data; name=a",
        "1",
    );
    let end = whole.strip_suffix("\r\n").unwrap();
    assert_eq!(verdict(TYPE, end), Ok(()));
    for length in 0..end.len() {
        assert!(verdict(TYPE, &end[..length]).is_err(), "{length}");
    }
}

#[rstest]
#[case(3, Ok(()))]
#[case(4, Err(MultipartFault::TooManyParts(3)))]
fn parts_are_counted(#[case] parts: usize, #[case] expected: Result<(), MultipartFault>) {
    let part = format!("--b\r\n{NAMED}\r\n\r\n1\r\n");
    assert_eq!(verdict(TYPE, &format!("{}--b--", part.repeat(parts))), expected);
}

#[rstest]
#[case("X: y", Err(MultipartFault::Disposition(1)))]
#[case("content-disposition:form-data;name=a", Ok(()))]
#[case("Content-Disposition: form-data; name=\"a b\"; filename=\"c d.txt\"", Ok(()))]
#[case("Content-Disposition: form-data; filename=\"c.txt\"; name=\"a\"", Ok(()))]
#[case("Content-Disposition: form-data; name=\"a\"; filename=\"\"", Ok(()))]
#[case("Content-Disposition: form-data; name=\"\u{e9}\"; filename=\"\u{1F980}.txt\"", Ok(()))]
#[case("Content-Disposition: form-data; name=\"a\"; filename=\"%22my name%22.txt\"", Ok(()))]
#[case("Content-Disposition: form-data", Err(MultipartFault::Disposition(1)))]
#[case(
    "Content-Disposition: form-data; name=\"\"",
    Err(MultipartFault::Disposition(1))
)]
#[case(
    "Content-Disposition: form-data; filename=a",
    Err(MultipartFault::Disposition(1))
)]
#[case(
    "Content-Disposition: attachment; name=a",
    Err(MultipartFault::Disposition(1))
)]
#[case(
    "Content-Disposition: form-data; name=a; name=a",
    Err(MultipartFault::Disposition(1))
)]
#[case(
    "Content-Disposition: form-data; name=a; Name=b",
    Err(MultipartFault::Disposition(1))
)]
#[case("Content-Disposition: form-data; NAME=a", Err(MultipartFault::Disposition(1)))]
#[case(
    "Content-Disposition: form-data; name=a; filename=b; filename=c",
    Err(MultipartFault::Disposition(1))
)]
#[case(
    "Content-Disposition: form-data; name=a; filename=b; name=c",
    Err(MultipartFault::Disposition(1))
)]
#[case(
    "Content-Disposition: form-data; name=a; filename*=UTF-8''b",
    Err(MultipartFault::Disposition(1))
)]
#[case(
    "Content-Disposition: form-data; name=a; size=3",
    Err(MultipartFault::Disposition(1))
)]
#[case(
    "Content-Disposition: form-data; name=\"a\\\"\"",
    Err(MultipartFault::Disposition(1))
)]
#[case(
    "Content-Disposition: form-data; name=\"a",
    Err(MultipartFault::Disposition(1))
)]
#[case(
    "Content-Disposition: form-data; name=\"a\tb\"",
    Err(MultipartFault::Disposition(1))
)]
#[case(
    "Content-Disposition: form-data; name=a;",
    Err(MultipartFault::Disposition(1))
)]
#[case(
    "Content-Disposition: form-data; filename=\"x; name=y\"; name=\"a\"",
    Err(MultipartFault::Disposition(1))
)]
#[case(
    "Content-Disposition: form-data; name=\"x; filename=y\"; filename=\"a\"",
    Err(MultipartFault::Disposition(1))
)]
#[case(
    "Content-Disposition: form-data; filename=\"namename\"; name=\"a\"",
    Err(MultipartFault::Disposition(1))
)]
#[case(
    "Content-Disposition: form-data; name=\"x; filename=y\"",
    Err(MultipartFault::Disposition(1))
)]
#[case(
    "Content-Disposition: form-data; name=a\r\nContent-Disposition: form-data; name=b",
    Err(MultipartFault::Disposition(1))
)]
#[case(
    "Content-Disposition: form-data; name=a\r\ncontent-disposition: form-data; name=a",
    Err(MultipartFault::Disposition(1))
)]
fn a_part_has_one_name(#[case] head: &str, #[case] expected: Result<(), MultipartFault>) {
    assert_eq!(verdict(TYPE, &form(head, "1")), expected);
}

#[rstest]
#[case("../etc/passwd")]
#[case("/etc/passwd")]
#[case("a/b")]
#[case("..")]
#[case(".")]
#[case("a%2Fb")]
#[case("a%2fb")]
#[case("a%5Cb")]
#[case("%2e%2e")]
#[case("a%00.txt")]
#[case("a%0A.txt")]
#[case("%25%2F")]
fn names_of_files_have_no_path(#[case] name: &str) {
    let head = format!("{NAMED}; filename=\"{name}\"");
    assert_eq!(verdict(TYPE, &form(&head, "1")), Err(MultipartFault::FileName(1)));
}

#[rstest]
#[case("Content-Type: text/plain; charset=utf-8", Ok(()))]
#[case("Content-Length: 1", Ok(()))]
#[case("X-A: \u{e9}\t1", Ok(()))]
#[case("Content-Type: ", Err(MultipartFault::ContentType(1)))]
#[case("Content-Type: text", Err(MultipartFault::ContentType(1)))]
#[case("Content-Type: text/plain; charset", Err(MultipartFault::ContentType(1)))]
#[case(
    "Content-Type: text/plain\r\ncontent-type: text/plain",
    Err(MultipartFault::ContentType(1))
)]
#[case("Content-Type: MULTIPART/mixed; boundary=c", Err(MultipartFault::Nested(1)))]
#[case("Content-Transfer-Encoding: binary", Err(MultipartFault::Encoded(1)))]
#[case("content-encoding: gzip", Err(MultipartFault::Encoded(1)))]
#[case("X: a\r\n folded", Err(MultipartFault::Head(1)))]
#[case("X : a", Err(MultipartFault::Head(1)))]
#[case(": a", Err(MultipartFault::Head(1)))]
#[case("X", Err(MultipartFault::Head(1)))]
#[case("--b: x", Err(MultipartFault::Head(1)))]
#[case("X: a\nContent-Disposition: form-data; name=b", Err(MultipartFault::Head(1)))]
#[case("X: a\rb", Err(MultipartFault::Head(1)))]
#[case("X: a\0", Err(MultipartFault::Head(1)))]
#[case("X: a\u{85}b", Err(MultipartFault::Head(1)))]
fn other_fields_of_a_part_hide_nothing(#[case] line: &str, #[case] expected: Result<(), MultipartFault>) {
    assert_eq!(verdict(TYPE, &form(&format!("{NAMED}\r\n{line}"), "1")), expected);
    assert_eq!(verdict(TYPE, &form(&format!("{line}\r\n{NAMED}"), "1")), expected);
}

#[test]
fn a_head_is_bounded() {
    let fields = |count: usize| format!("{NAMED}{}", "\r\nX: y".repeat(count));
    assert_eq!(verdict(TYPE, &form(&fields(15), "1")), Ok(()));
    assert_eq!(
        verdict(TYPE, &form(&fields(16), "1")),
        Err(MultipartFault::HeadTooLong(1))
    );
    let long = |length: usize| format!("{NAMED}\r\nX: {}", "y".repeat(length - NAMED.len() - 5));
    assert_eq!(verdict(TYPE, &form(&long(MAX_HEAD), "1")), Ok(()));
    assert_eq!(
        verdict(TYPE, &form(&long(MAX_HEAD + 1), "1")),
        Err(MultipartFault::HeadTooLong(1))
    );
}

#[test]
fn a_head_that_is_not_utf8_is_refused() {
    let content_type = HeaderValue::from_static(TYPE);
    let body = b"--b\r\nContent-Disposition: form-data; name=\"\xE9\"\r\n\r\n1\r\n--b--";
    assert_eq!(
        check(&content_type, body, &SETTINGS),
        Err(MultipartFault::Head(1))
    );
}

#[test]
fn a_check_allocates_nothing() {
    let content_type = HeaderValue::from_static(TYPE);
    let part = format!("--b\r\n{NAMED}; filename=\"a.txt\"\r\nContent-Type: text/plain\r\n\r\n1\r\n");
    let body = format!("{}--b--", part.repeat(3));
    let allocations =
        allocation_counter::measure(|| check(&content_type, body.as_bytes(), &SETTINGS).unwrap());
    assert_eq!(allocations.count_total, 0);
}
