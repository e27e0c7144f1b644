//! The cryptographic operations of an exchange alone, with OpenSSL and aws-lc as message security uses them: keys parsed, buffers
//! ready, nothing else.

use std::hint::black_box;
use std::path::Path;
use std::time::Duration;

use aws_lc_rs::cipher::{
    AES_128, DecryptingKey, DecryptionContext, EncryptingKey, EncryptionContext, UnboundCipherKey,
};
use aws_lc_rs::hmac;
use aws_lc_rs::iv::FixedLength;
use openssl::encrypt::{Decrypter, Encrypter};
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private, Public};
use openssl::rsa::Padding;
use openssl::sign::{Signer, Verifier};

use crate::partner::keystores;

pub(crate) struct Operations {
    private: PKey<Private>,
    public: PKey<Public>,
    wrapped: Vec<u8>,
    signature: Vec<u8>,
    /// As long as the signed message inside.
    content: Vec<u8>,
}

impl Operations {
    pub(crate) fn new(folder: &Path, message: &[u8]) -> Self {
        let entry = keystores(folder).key("us").unwrap();
        let ciphertext = message.split(|byte| *byte == b'.').nth(3).unwrap_or_default();
        let mut this = Self {
            private: PKey::private_key_from_der(entry.key().expose_pkcs8()).unwrap(),
            public: PKey::public_key_from_der(entry.public_key().spki_der()).unwrap(),
            wrapped: Vec::new(),
            signature: Vec::new(),
            content: vec![7; ciphertext.len() / 4 * 3 / 16 * 16],
        };
        this.wrapped = this.wrap();
        this.signature = this.sign();
        this
    }

    /// Processor time of so many exchanges.
    pub(crate) fn time(&mut self, count: usize) -> Duration {
        let before = processor_time();
        for _ in 0..count {
            self.exchange();
        }
        processor_time().saturating_sub(before)
    }

    fn exchange(&mut self) {
        self.unwrap();
        self.authenticate();
        self.decrypt();
        self.verify();
        black_box(self.sign());
        black_box(self.wrap());
        self.encrypt();
        self.authenticate();
    }

    fn unwrap(&self) {
        let mut decrypter = Decrypter::new(&self.private).unwrap();
        decrypter.set_rsa_padding(Padding::PKCS1_OAEP).unwrap();
        decrypter.set_rsa_oaep_md(MessageDigest::sha256()).unwrap();
        decrypter.set_rsa_mgf1_md(MessageDigest::sha256()).unwrap();
        let mut key = [0; 256];
        black_box(decrypter.decrypt(&self.wrapped, &mut key).unwrap());
    }

    fn wrap(&self) -> Vec<u8> {
        let mut encrypter = Encrypter::new(&self.public).unwrap();
        encrypter.set_rsa_padding(Padding::PKCS1_OAEP).unwrap();
        encrypter.set_rsa_oaep_md(MessageDigest::sha256()).unwrap();
        encrypter.set_rsa_mgf1_md(MessageDigest::sha256()).unwrap();
        let mut wrapped = vec![0; 256];
        encrypter.encrypt(&[9; 32], &mut wrapped).unwrap();
        wrapped
    }

    fn sign(&self) -> Vec<u8> {
        let mut signer = Signer::new(MessageDigest::sha256(), &self.private).unwrap();
        signer.update(&self.content).unwrap();
        signer.sign_to_vec().unwrap()
    }

    fn verify(&self) {
        let mut verifier = Verifier::new(MessageDigest::sha256(), &self.public).unwrap();
        verifier.update(&self.content).unwrap();
        black_box(verifier.verify(&self.signature).unwrap());
    }

    fn authenticate(&self) {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &[9; 16]);
        black_box(hmac::sign(&key, &self.content));
    }

    fn decrypt(&mut self) {
        let key = DecryptingKey::cbc(UnboundCipherKey::new(&AES_128, &[9; 16]).unwrap()).unwrap();
        let context = DecryptionContext::Iv128(FixedLength::from([2; 16]));
        key.decrypt(&mut self.content, context).unwrap();
    }

    fn encrypt(&mut self) {
        let key = EncryptingKey::cbc(UnboundCipherKey::new(&AES_128, &[9; 16]).unwrap()).unwrap();
        let context = EncryptionContext::Iv128(FixedLength::from([2; 16]));
        key.less_safe_encrypt(&mut self.content, context).unwrap();
    }
}

/// The time that this thread ran.
fn processor_time() -> Duration {
    // The kernel brings the figure up to date when the thread gives way.
    std::thread::yield_now();
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(text.split(' ').next().unwrap_or_default().parse().unwrap())
}
