use std::collections::BTreeMap;

use palisade::jose::{Algorithms, SigningKey};
use palisade::keystore::{KeystoreSettings, Keystores};

use super::{BODY, assert_told, folder, kid, made, run};
use crate::support::Folder;

/// What is told of a message that the interceptor refuses.
#[track_caller]
fn refused(folder: &Folder, message: &str, more: &str) -> String {
    let ended = run(folder, &format!("verify --interceptor Partner {more}"), message).with_status(1);
    assert!(ended.out.is_empty(), "nothing of a refused message: {ended:#?}");
    assert!(ended.err.ends_with("\nVerdict: refused\n"), "{}", ended.err);
    ended.err
}

fn sealed(folder: &Folder, signing: &str, encryption: &str, more: &str) -> String {
    let keys = format!("--key-alias {signing} --encrypt-alias {encryption}");
    made(folder, &format!("sign {keys} --audience bank {more}"))
}

#[test]
fn the_failed_step_is_told_with_the_key_that_was_chosen_and_why() {
    let folder = folder();
    // A rotation: the old key still decrypts, and the signature is of a key that nobody knows.
    let told = refused(&folder, &sealed(&folder, "stranger", "bank-2025", ""), "");
    let (old, unknown) = (kid(&folder, "bank-2025"), kid(&folder, "stranger"));
    let expected = format!(
        "decrypt ok, kid {old} → alias bank-2025\nsignature: no key fits kid {unknown}\n\nVerdict: refused\n"
    );
    assert_eq!(told, expected);

    let told = refused(&folder, &sealed(&folder, "partner", "stranger", ""), "");
    assert_eq!(
        told,
        format!("decryption: no key fits kid {unknown}\n\nVerdict: refused\n")
    );
}

#[test]
fn an_altered_message_and_one_that_is_not_signed_are_told() {
    let folder = folder();
    let message = sealed(&folder, "partner", "bank-2026", "");
    let mut segments: Vec<String> = message.split('.').map(str::to_owned).collect();
    let first = if segments[3].starts_with('A') { "B" } else { "A" };
    segments[3].replace_range(..1, first);
    let told = refused(&folder, &segments.join("."), "");
    let kid = kid(&folder, "bank-2026");
    let expected = format!("decryption: kid {kid} → alias bank-2026: made with another key, or altered\n");
    assert!(told.starts_with(&expected), "{told}");

    let told = refused(&folder, &made(&folder, "encrypt --key-alias bank-2026"), "");
    assert_told(
        &told,
        "\nsignature: there is none; the decrypted payload is no compact JWS\n",
    );
    let nested = run(&folder, "verify --decrypt-alias bank-2026", &message).with_status(1);
    assert_told(
        &nested.err,
        "\nsignature: the decrypted payload is signed, and verification is off\n",
    );
}

#[test]
fn every_check_that_fails_is_told() {
    let folder = folder();
    let message = sealed(&folder, "partner", "bank-2026", "--method POST --target /a");
    let told = refused(
        &folder,
        &message,
        "--at 2100-01-01T00:00:00Z --method GET --target /a",
    );
    assert_told(&told, "\nbinding: made for POST /a, not for GET /a\n");
    assert_told(&told, "\ntimes: the message has expired: made ");
    assert_told(&told, "; clocks may differ by 5m, and a life may last 5m\n");
    assert_told(&told, "\naudience ok, made for bank\n");

    let told = refused(&folder, &message, "--at 2001-01-01T00:00:00Z");
    assert_told(&told, "\ntimes: the message is made in the future: made ");
    let told = refused(
        &folder,
        &sealed(&folder, "partner", "bank-2026", "--ttl 301s"),
        "",
    );
    assert_told(&told, "\ntimes: the message lives too long: made ");
    let told = refused(
        &folder,
        &sealed(&folder, "partner", "bank-2026", "--in-reply-to x"),
        "",
    );
    assert_told(
        &told,
        "\nreply: it answers x, so it is a response, not a request\n",
    );
}

#[test]
fn what_the_interceptor_asks_for_is_asked_for() {
    let folder = folder();
    let message = sealed(&folder, "partner", "bank-2026", "");
    let set = "--set palisade.interceptors.Partner";
    let told = refused(&folder, &message, &format!("{set}.request.audience=other"));
    assert_told(&told, "\naudience: made for bank, not for other\n");
    let told = refused(&folder, &message, &format!("{set}.request.binding=required"));
    assert_told(
        &told,
        "\nbinding: it does not name both method and target, and has to\n",
    );
    let told = refused(&folder, &message, &format!("{set}.message.format=raw"));
    assert_told(
        &told,
        "\ntimes: the message does not say when it was made and when it ends",
    );
    let told = refused(
        &folder,
        &message,
        &format!("{set}.request.timestamp.max-ttl=200s"),
    );
    assert_told(&told, "\ntimes: the message lives too long: made ");
    let told = refused(
        &folder,
        &message,
        &format!("{set}.request.decryption.algorithms=A256GCM"),
    );
    assert_told(&told, "`ECDH-ES+A256KW + A128CBC-HS256` is not what the key does");
    let off = format!(
        "verify --interceptor Partner {set}.request.timestamp.enabled=false --at 2100-01-01T00:00:00Z"
    );
    let accepted = run(&folder, &off, &message).with_status(0);
    assert_told(
        &accepted.err,
        "\ntimes not checked: the timestamp profile is off\n",
    );
}

#[test]
fn a_response_that_answers_another_request_is_refused() {
    let folder = folder();
    let message = made(
        &folder,
        "encrypt --interceptor Partner --response --in-reply-to r-1",
    );
    let other = run(
        &folder,
        "verify --interceptor Bank --response --in-reply-to r-2",
        &message,
    )
    .with_status(1);
    assert_told(&other.err, "\nreply: it answers r-1, not r-2\n");
    let message = made(&folder, "encrypt --interceptor Partner --response");
    let unbound = run(&folder, "verify --interceptor Bank --response", &message).with_status(1);
    assert_told(
        &unbound.err,
        "\nreply: it does not name the request it answers, and has to\n",
    );
    let request = made(
        &folder,
        "sign --key-alias bank-2026 --encrypt-alias partner --method GET --target /",
    );
    let reflected = run(&folder, "verify --interceptor Bank --response", &request).with_status(1);
    assert_told(
        &reflected.err,
        "\nbinding: made for GET /: it is a request, not a response\n",
    );
}

#[test]
fn what_is_no_compact_form_of_the_right_kind_is_told_apart() {
    let folder = folder();
    let signed = made(&folder, "sign --key-alias partner");
    let rows = [
        ("", "form: it is empty\n"),
        (BODY, "form: it is JSON: it is not secured"),
        (
            &signed,
            "form: it is signed (two dots), and has to be encrypted (four)\n",
        ),
        (
            "a.b.c.d",
            "form: it is no compact form: it has 3 dots, and has to have 4\n",
        ),
        (
            "aaaa\nbbbb",
            "form: it is no compact form: byte 5 is neither base64url nor a dot\n",
        ),
        (
            "bm90LWpzb24.a.b.c.d",
            "decryption: the header is not acceptable JSON",
        ),
    ];
    for (input, expected) in rows {
        let told = refused(&folder, input, "");
        assert!(told.starts_with(expected), "{input}: {told}");
    }
    let encrypted = made(&folder, "encrypt --interceptor Bank");
    let ended = run(&folder, "verify --verify-alias partner", &encrypted).with_status(1);
    assert_told(
        &ended.err,
        "form: it is encrypted (four dots), and has to be signed alone (two)\n",
    );
}

#[test]
fn a_message_without_a_name_is_refused_where_each_is_accepted_once() {
    let folder = folder();
    let settings = BTreeMap::from([("keys".to_owned(), KeystoreSettings::new("keys"))]);
    let keystores = Keystores::load(&folder.config(), &settings).unwrap();
    let key = SigningKey::new(&keystores.key("partner").unwrap(), &Algorithms::default()).unwrap();
    let payload = br#"{"iat": 1700000000, "exp": 1700000100, "aud": "bank\u001b[2J", "body": {}}"#;
    let signed = palisade::jose::sign(&key, &serde_json::Map::new(), payload).unwrap();
    let signed = String::from_utf8(signed).unwrap();

    let more =
        "--at 2023-11-14T22:14:00Z --set palisade.interceptors.Partner.request.decryption.enabled=false";
    let told = refused(&folder, &signed, more);
    assert_told(&told, "\njti: there is none, and replay protection takes one\n");
    // What a partner writes does not steer the operator's terminal.
    assert_told(&told, "\naudience: made for bank\\u{1b}[2J, not for bank\n");
    assert!(!told.contains('\u{1b}'));

    let by_alias = run(
        &folder,
        "verify --at 2023-11-14T22:14:00Z --verify-alias partner",
        &signed,
    )
    .with_status(0);
    assert_told(&by_alias.err, "\njti not checked: there is none");
    assert_told(&by_alias.err, "; --audience compares it\n");
}
