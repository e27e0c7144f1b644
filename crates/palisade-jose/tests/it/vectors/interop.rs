//! Messages that npm `jose` and `jwcrypto` of Python made.

use std::collections::BTreeSet;

use palisade_jose::{Opened, decrypt, is_compact, verify};
use rstest::rstest;
use serde_json::Value;

use super::{data, json};
use crate::wire::keys::{decryption, of_jwk, verification};

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

#[rstest]
#[case("jose.json", "npm jose ")]
#[case("jwcrypto.json", "PyPI jwcrypto ")]
fn every_message_of_another_library_is_read(#[case] file: &str, #[case] library: &str) {
    let keys = json(&data("interop/keys.json"));
    let made = json(&data("interop").join(file));
    assert!(text(&made["library"]).starts_with(library));
    let mut kinds = BTreeSet::new();
    for message in made["messages"].as_array().unwrap() {
        let mut body = text(&message["compact"]).as_bytes().to_vec();
        let mut header = None;
        if let Some(names) = message["encryption"].as_array() {
            assert!(is_compact(&body, 4));
            let entry = of_jwk(text(&message["recipient"]), &keys[text(&message["recipient"])]);
            let names: Vec<_> = names.iter().map(text).collect();
            let opened = decrypt(&[decryption(&entry, &names)], &body, &[]).unwrap();
            body = opened.payload.to_vec();
            header = Some(opened.header);
        }
        if let Some(name) = message["signature"].as_str() {
            assert!(is_compact(&body, 2));
            let entry = of_jwk(text(&message["signer"]), &keys[text(&message["signer"])]);
            let Opened { payload, .. } = verify(&[verification(&entry, &[name])], &body, &[]).unwrap();
            body = payload.to_vec();
            if let Some(outer) = header {
                assert_eq!(outer.cty(), Some("JWT"));
            }
        }
        assert_eq!(String::from_utf8(body).unwrap(), text(&message["payload"]));
        kinds.insert((
            message["encryption"].to_string(),
            message["signature"].to_string(),
        ));
    }
    // Four signatures, four encryptions, and each of these in each of those.
    assert_eq!(kinds.len(), 4 + 4 + 16);
}
