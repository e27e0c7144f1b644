//! What of Project Wycheproof is written as JOSE; its other vectors are tried below the wire.

use palisade_jose::verify;

use super::{data, json};
use crate::wire::keys::{of_jwk, verification};

#[test]
fn es256() {
    let group = json(&data("wycheproof/json_web_signature_es256.json"));
    let key = &group["private"];
    let entry = of_jwk(key["kid"].as_str().unwrap(), key);
    let keys = [verification(&entry, &["ES256"])];
    let tests = group["tests"].as_array().unwrap();
    assert_eq!(tests.len(), 15);
    for test in tests {
        let opened = verify(&keys, test["jws"].as_str().unwrap().as_bytes(), &[]);
        assert_eq!(opened.is_ok(), test["result"] == "valid", "{}", test["comment"]);
        assert!(opened.is_ok_and(|opened| opened.payload == "foo") || test["result"] == "invalid");
    }
}
