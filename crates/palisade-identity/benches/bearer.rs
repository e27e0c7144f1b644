//! scratch
use aws_lc_rs::{
    rand::SystemRandom,
    rsa::KeySize,
    signature::{self, EcdsaKeyPair, KeyPair, RsaKeyPair, RsaPublicKeyComponents},
};
use base64::Engine;
use jsonwebtoken::{Algorithm, DecodingKey};
use std::time::Instant;
fn main() {
    let rng = SystemRandom::new();
    let rsa = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let msg = vec![b'a'; 600];
    let mut sig = vec![0; rsa.public_modulus_len()];
    rsa.sign(&signature::RSA_PKCS1_SHA256, &rng, &msg, &mut sig)
        .unwrap();
    let c: RsaPublicKeyComponents<Vec<u8>> = rsa.public_key().into();
    let parsed = c
        .to_parsed_public_key(&signature::RSA_PKCS1_2048_8192_SHA256)
        .unwrap();
    let dk = DecodingKey::from_rsa_raw_components(&c.n, &c.e);
    let dk2 = DecodingKey::from_rsa_der(rsa.public_key().as_ref());
    let s = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(&sig);
    let ec = EcdsaKeyPair::generate(&signature::ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let es = ec.sign(&rng, &msg).unwrap();
    let eb = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(es.as_ref());
    let ep = signature::ParsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, ec.public_key().as_ref())
        .unwrap();
    let edk = DecodingKey::from_ec_der(ec.public_key().as_ref());
    for _ in 0..3 {
        let t = |n: &str, f: &dyn Fn() -> bool| {
            let b = Instant::now();
            for _ in 0..5000 {
                assert!(f());
            }
            println!("{n} {:?}", b.elapsed() / 5000);
        };
        t("rsa parsed", &|| parsed.verify_sig(&msg, &sig).is_ok());
        t("rsa jwt n,e", &|| {
            jsonwebtoken::crypto::verify(&s, &msg, &dk, Algorithm::RS256).unwrap()
        });
        t("rsa jwt der", &|| {
            jsonwebtoken::crypto::verify(&s, &msg, &dk2, Algorithm::RS256).unwrap()
        });
        t("ec parsed", &|| ep.verify_sig(&msg, es.as_ref()).is_ok());
        t("ec jwt", &|| {
            jsonwebtoken::crypto::verify(&eb, &msg, &edk, Algorithm::ES256).unwrap()
        });
        let tok = vec![b'a'; 900];
        t("sha", &|| {
            aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &tok).as_ref()[0] != 1
        });
    }
}
