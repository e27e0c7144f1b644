//! The examples of RFC 7520, RFC 7797 and RFC 8037: those that use what is spoken here are accepted, the others refused, each for
//! the reason that stands in `tests/data/exclusions.json`.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use palisade_jose::{Algorithms, DecryptionKey, VerificationKey, decrypt, encrypt, verify};
use palisade_test::ca::KeyKind;
use serde_json::{Map, Value};

use super::{data, json};
use crate::wire::keys::{decryption, encryption, fresh, of_jwk, verification};

/// An example: its name, what it holds, and what should come out.
struct Example {
    name: String,
    body: Value,
}

fn examples() -> Vec<Example> {
    let folder = data("cookbook");
    let mut examples = Vec::new();
    for part in ["jws", "jwe", "curve25519", "rfc7797"] {
        let mut files: Vec<_> = std::fs::read_dir(folder.join(part))
            .unwrap()
            .map(|file| file.unwrap().path())
            .collect();
        files.sort();
        for file in files {
            let name = format!("{part}/{}", file.file_name().unwrap().to_str().unwrap());
            examples.push(Example {
                name,
                body: json(&file),
            });
        }
    }
    let nested = json(Path::new(
        &folder.join("6.nesting_signatures_and_encryption.json"),
    ));
    for part in ["sign", "encrypt"] {
        let name = format!("6.nesting_signatures_and_encryption.json {part}");
        examples.push(Example {
            name,
            body: nested[part].clone(),
        });
    }
    assert_eq!(examples.len(), 27);
    examples
}

/// What comes out of an example under its own key, or under keys that do all that is spoken where its own is a shared secret.
fn open(body: &Value) -> Option<Vec<u8>> {
    let compact = body["output"]["compact"].as_str()?.as_bytes();
    let key = &body["input"]["key"];
    let usable = matches!(key["kty"].as_str(), Some("RSA" | "EC")) || key["crv"] == "Ed25519";
    let own = usable.then(|| of_jwk(key["kid"].as_str().unwrap_or("own"), key));
    let others = [
        fresh(KeyKind::Rsa2048, "rsa"),
        fresh(KeyKind::EcP256, "ec"),
        fresh(KeyKind::Ed25519, "ed"),
    ];
    let entries: Vec<_> = own.iter().chain(&others).collect();
    if palisade_jose::is_compact(compact, 4) {
        let list = Algorithms::parse(&["A128CBC-HS256", "A256GCM"]).unwrap();
        let keys: Vec<_> = entries
            .iter()
            .filter_map(|entry| DecryptionKey::new(entry, &list).ok())
            .map(Arc::new)
            .collect();
        decrypt(&keys, compact, &[])
            .ok()
            .map(|opened| opened.payload.to_vec())
    } else {
        let list = Algorithms::parse(&["RS256", "PS256", "ES256", "EdDSA"]).unwrap();
        let keys: Vec<_> = entries
            .iter()
            .filter_map(|entry| VerificationKey::new(entry.alias(), entry.public_key(), &list).ok())
            .map(Arc::new)
            .collect();
        verify(&keys, compact, &[])
            .ok()
            .map(|opened| opened.payload.to_vec())
    }
}

#[test]
fn the_examples_are_accepted_or_refused_with_a_reason() {
    let mut exclusions = BTreeMap::new();
    for entry in json(&data("exclusions.json"))["cookbook"].as_array().unwrap() {
        assert!(!entry["reason"].as_str().unwrap().is_empty());
        let before = exclusions.insert(entry["vector"].as_str().unwrap().to_owned(), false);
        assert_eq!(before, None, "listed twice: {entry}");
    }
    let mut accepted = Vec::new();
    for Example { name, body } in examples() {
        let opened = open(&body);
        if let Some(used) = exclusions.get_mut(&name) {
            assert_eq!(opened, None, "{name} is excluded and opens");
            *used = true;
            continue;
        }
        let input = &body["input"];
        let expected = input["payload"].as_str().or(input["plaintext"].as_str()).unwrap();
        assert_eq!(opened.as_deref(), Some(expected.as_bytes()), "{name}");
        accepted.push(name);
    }
    assert_eq!(
        accepted,
        [
            "jws/4_1.rsa_v15_signature.json",
            "curve25519/jws.json",
            "6.nesting_signatures_and_encryption.json sign"
        ]
    );
    let unused: Vec<_> = exclusions.iter().filter(|(_, used)| !**used).collect();
    assert!(unused.is_empty(), "exclusions that match nothing: {unused:?}");
}

/// RFC 7520 has no example of `RSA-OAEP-256`: the nested message is sealed anew with its own key.
#[test]
fn the_nested_example_opens_when_it_is_sealed_as_spoken_here() {
    let nested = json(&data("cookbook/6.nesting_signatures_and_encryption.json"));
    let recipient = of_jwk(
        "samwise.gamgee@hobbiton.example",
        &nested["encrypt"]["input"]["key"],
    );
    let signer = of_jwk("hobbiton.example", &nested["sign"]["input"]["key"]);
    let inner = nested["encrypt"]["input"]["plaintext"].as_str().unwrap();
    let sealed = encrypt(&encryption(&recipient, &[]), &Map::new(), inner.as_bytes()).unwrap();
    let opened = decrypt(&[decryption(&recipient, &[])], &sealed, &[]).unwrap();
    let read = verify(&[verification(&signer, &["PS256"])], &opened.payload, &[]).unwrap();
    let expected = nested["sign"]["input"]["payload"].as_str().unwrap();
    assert_eq!(read.payload, expected.as_bytes());
    assert_eq!(read.header.typ(), Some("JWT"));
}
