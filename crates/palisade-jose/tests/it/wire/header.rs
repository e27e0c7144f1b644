use palisade_jose::{BadHeader, Reason, decrypt, verify};
use palisade_test::ca::KeyKind;
use rstest::rstest;

use super::forge::{b64, jwe, jws};
use super::keys::{decryption, fresh, verification};

/// What a rightly signed message under this header says.
fn reason(header: &str, understood: &[&str]) -> Option<Reason> {
    let entry = fresh(KeyKind::Rsa2048, "partner");
    let message = jws(&entry, header, b"hello");
    verify(&[verification(&entry, &[])], message.as_bytes(), understood)
        .err()
        .map(|failure| failure.reason)
}

#[rstest]
#[case::unknown_names(r#"{"alg":"RS256","x":1,"y":{"z":[null,true,1.5e300,-1]}}"#)]
#[case::white_space(" {\r\n\t\"alg\" : \"RS256\" } ")]
#[case::escapes(r#"{"\u0061lg":"RS\u003256"}"#)]
#[case::certificates_are_ignored(r#"{"alg":"RS256","x5c":["AAAA"],"x5t":"AAAA","x5t#S256":"AAAA"}"#)]
#[case::eight_levels(r#"{"alg":"RS256","x":[[[[[[[1]]]]]]]}"#)]
fn unusual_headers_are_read(#[case] header: &str) {
    assert_eq!(reason(header, &[]), None);
}

#[rstest]
#[case::top(r#"{"alg":"none","alg":"RS256"}"#)]
#[case::same_value(r#"{"alg":"RS256","alg":"RS256"}"#)]
#[case::escaped(r#"{"alg":"RS256","\u0061lg":"none"}"#)]
#[case::ignored_name(r#"{"alg":"RS256","x":1,"x":1}"#)]
#[case::nested(r#"{"alg":"RS256","x":{"a":1,"a":2}}"#)]
#[case::in_a_list(r#"{"alg":"RS256","x":[{"a":1,"a":2}]}"#)]
fn a_repeated_name_is_refused_at_every_depth(#[case] header: &str) {
    let Some(Reason::Header(BadHeader::Json(text))) = reason(header, &[]) else {
        panic!("{header} was not refused");
    };
    assert!(text.starts_with("a name stands in it twice"), "{text}");
}

#[rstest]
#[case::list(r#"["alg"]"#)]
#[case::text(r#""RS256""#)]
#[case::trailing_comma(r#"{"alg":"RS256",}"#)]
#[case::comment(r#"{"alg":"RS256"/**/}"#)]
#[case::second_value(r#"{"alg":"RS256"}{}"#)]
#[case::byte_order_mark("\u{feff}{\"alg\":\"RS256\"}")]
#[case::nul("{\"alg\":\"RS256\"}\0")]
#[case::lone_surrogate(r#"{"alg":"RS256","x":"\ud800"}"#)]
#[case::control_character("{\"alg\":\"RS256\",\"x\":\"\n\"}")]
#[case::not_a_number(r#"{"alg":"RS256","x":NaN}"#)]
#[case::endless_number(r#"{"alg":"RS256","x":1e999}"#)]
#[case::nine_levels(r#"{"alg":"RS256","x":[[[[[[[[1]]]]]]]]}"#)]
#[case::empty("")]
fn what_is_no_json_object_is_refused(#[case] header: &str) {
    assert!(
        matches!(reason(header, &[]), Some(Reason::Header(BadHeader::Json(_)))),
        "{header}"
    );
}

#[rstest]
#[case(r#"{"kid":"partner"}"#, BadHeader::Missing("alg"))]
#[case(r#"{"alg":1}"#, BadHeader::NotText("alg"))]
#[case(r#"{"alg":["RS256"]}"#, BadHeader::NotText("alg"))]
#[case(r#"{"alg":"RS256","kid":7}"#, BadHeader::NotText("kid"))]
#[case(r#"{"alg":"RS256","kid":null}"#, BadHeader::NotText("kid"))]
#[case(r#"{"alg":"RS256","cty":{}}"#, BadHeader::NotText("cty"))]
#[case(r#"{"alg":"RS256","typ":true}"#, BadHeader::NotText("typ"))]
#[case(r#"{"alg":"RS256","enc":0}"#, BadHeader::NotText("enc"))]
#[case(
    r#"{"alg":"RS256","jku":"https://a.example/keys"}"#,
    BadHeader::Forbidden("jku")
)]
#[case(
    r#"{"alg":"RS256","x5u":"https://a.example/cert"}"#,
    BadHeader::Forbidden("x5u")
)]
#[case(r#"{"alg":"RS256","jwk":null}"#, BadHeader::Forbidden("jwk"))]
#[case(r#"{"alg":"RS256","zip":"DEF"}"#, BadHeader::Forbidden("zip"))]
#[case(r#"{"alg":"RS256","b64":true}"#, BadHeader::Forbidden("b64"))]
#[case(r#"{"alg":"RS256","b64":false,"crit":["b64"]}"#, BadHeader::Forbidden("b64"))]
fn parameters_of_the_wrong_kind_are_refused(#[case] header: &str, #[case] expected: BadHeader) {
    assert_eq!(reason(header, &["b64"]), Some(Reason::Header(expected)));
}

#[rstest]
#[case::not_understood(r#"{"alg":"RS256","crit":["iat"],"iat":1}"#, &[], false)]
#[case::understood(r#"{"alg":"RS256","crit":["iat"],"iat":1}"#, &["exp", "iat"], true)]
#[case::one_of_two(r#"{"alg":"RS256","crit":["iat","exp"],"iat":1,"exp":2}"#, &["iat"], false)]
#[case::both(r#"{"alg":"RS256","crit":["iat","exp"],"iat":1,"exp":2}"#, &["iat", "exp"], true)]
#[case::empty(r#"{"alg":"RS256","crit":[]}"#, &[], false)]
#[case::absent_from_header(r#"{"alg":"RS256","crit":["iat"]}"#, &["iat"], false)]
#[case::twice(r#"{"alg":"RS256","crit":["iat","iat"],"iat":1}"#, &["iat"], false)]
#[case::registered(r#"{"alg":"RS256","crit":["alg"]}"#, &["alg"], false)]
#[case::crit_itself(r#"{"alg":"RS256","crit":["crit"]}"#, &["crit"], false)]
#[case::no_list(r#"{"alg":"RS256","crit":"iat","iat":1}"#, &["iat"], false)]
#[case::null(r#"{"alg":"RS256","crit":null}"#, &[], false)]
#[case::no_text(r#"{"alg":"RS256","crit":[1],"1":1}"#, &["1"], false)]
#[case::other_case(r#"{"alg":"RS256","crit":["IAT"],"IAT":1}"#, &["iat"], false)]
fn crit_is_obeyed(#[case] header: &str, #[case] understood: &[&str], #[case] accepted: bool) {
    assert_eq!(reason(header, understood).is_none(), accepted, "{header}");
}

#[test]
fn the_names_of_crit_are_handed_over() {
    let entry = fresh(KeyKind::Rsa2048, "partner");
    let message = jws(
        &entry,
        r#"{"alg":"RS256","crit":["iat","exp"],"iat":1,"exp":2}"#,
        b"",
    );
    let opened = verify(&[verification(&entry, &[])], message.as_bytes(), &["exp", "iat"]).unwrap();
    assert_eq!(opened.header.crit(), ["iat", "exp"]);
}

/// josekit 0.10.3 ignores `crit` in a JWE, and takes the last of two names.
#[test]
fn an_encrypted_message_is_read_as_strictly() {
    use josekit::jwe::enc::A128CBC_HS256;
    let entry = fresh(KeyKind::Rsa2048, "partner");
    let keys = [decryption(&entry, &[])];
    let start = r#"{"alg":"RSA-OAEP-256","enc":"A128CBC-HS256""#;
    for (rest, expected) in [
        ("}", None),
        (
            r#","crit":["exp"],"exp":1}"#,
            Some(BadHeader::NotUnderstood("exp".to_owned())),
        ),
        (r#","crit":[]}"#, Some(BadHeader::Critical("is empty"))),
        (r#","zip":"DEF"}"#, Some(BadHeader::Forbidden("zip"))),
        (r#","zip":""}"#, Some(BadHeader::Forbidden("zip"))),
        (
            r#","jku":"https://a.example"}"#,
            Some(BadHeader::Forbidden("jku")),
        ),
    ] {
        let message = jwe(&entry, &A128CBC_HS256, &format!("{start}{rest}"), b"hello");
        let outcome = decrypt(&keys, message.as_bytes(), &[]).map_err(|failure| failure.reason);
        assert_eq!(outcome.err(), expected.map(Reason::Header), "{rest}");
    }
    let message = jwe(
        &entry,
        &A128CBC_HS256,
        &format!("{start},\"enc\":\"A256GCM\"}}"),
        b"hello",
    );
    assert!(decrypt(&keys, message.as_bytes(), &[]).is_err());
    let message = jwe(&entry, &A128CBC_HS256, r#"{"alg":"RSA-OAEP-256"}"#, b"hello");
    let failure = decrypt(&keys, message.as_bytes(), &[]).unwrap_err();
    assert_eq!(failure.reason, Reason::Header(BadHeader::Missing("enc")));
}

#[test]
fn the_length_of_a_header_is_bounded() {
    let entry = fresh(KeyKind::Rsa2048, "partner");
    let keys = [verification(&entry, &[])];
    let header = |len: usize| format!(r#"{{"alg":"RS256","x":"{}"}}"#, "y".repeat(len));
    let fixed = header(0).len();
    // 8 KiB of base64url are 6 KiB.
    let longest = jws(&entry, header(6 * 1024 - fixed), b"");
    assert!(verify(&keys, longest.as_bytes(), &[]).is_ok());
    let longer = jws(&entry, header(6 * 1024 - fixed + 1), b"");
    let failure = verify(&keys, longer.as_bytes(), &[]).unwrap_err();
    assert_eq!(failure.reason, Reason::Header(BadHeader::TooLong));
    let deep = jws(
        &entry,
        format!(r#"{{"alg":"RS256","x":{}}}"#, "[".repeat(6000)),
        b"",
    );
    assert!(verify(&keys, deep.as_bytes(), &[]).is_err());
}

#[test]
fn base64url_is_strict_in_every_segment() {
    let entry = fresh(KeyKind::Rsa2048, "partner");
    let keys = [verification(&entry, &[])];
    let header = r#"{"alg":"RS256"}"#;
    assert_eq!(header.len() % 3, 0);
    let message = jws(&entry, header, b"hello");
    let [protected, payload, signature] = message.split('.').collect::<Vec<_>>().try_into().unwrap();
    assert_eq!(payload, "aGVsbG8", "two bits of the last character are not used");
    for (text, why) in [
        (format!("{protected}=.{payload}.{signature}"), "padding"),
        (format!("{protected}.{payload}=.{signature}"), "padding"),
        (format!("{protected}.{payload}.{signature}=="), "padding"),
        (
            format!("{protected}.aGVsbG9.{signature}"),
            "bits behind the last byte",
        ),
        (format!("{protected}.{payload}.{signature}\n"), "a line's end"),
        (format!(" {protected}.{payload}.{signature}"), "white space"),
        (
            format!("{protected}.{payload}.{}+", &signature[1..]),
            "the other alphabet",
        ),
        (
            format!("{protected}.{payload}a.{signature}"),
            "a length that no bytes have",
        ),
        (format!("{protected}.{payload}"), "two segments"),
        (format!("{protected}.{payload}.{signature}."), "four segments"),
        (String::new(), "nothing"),
        ("..".to_owned(), "three empty segments"),
    ] {
        assert!(verify(&keys, text.as_bytes(), &[]).is_err(), "{why}");
    }
    // Signed over the text with the superfluous bits: the signature fits, and it is refused all the same.
    let signer = josekit::jws::RS256
        .signer_from_der(entry.key().expose_pkcs8())
        .unwrap();
    let input = format!("{}.aGVsbG9", b64(header));
    let signature = josekit::jws::JwsSigner::sign(&signer, input.as_bytes()).unwrap();
    let failure = verify(&keys, format!("{input}.{}", b64(signature)).as_bytes(), &[]).unwrap_err();
    assert_eq!(failure.reason, Reason::Malformed("a segment is not base64url"));
}
