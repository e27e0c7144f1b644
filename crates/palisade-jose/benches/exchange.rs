//! One exchange, a request decrypted and verified and its answer signed and encrypted with RSA-2048, beside the cryptographic
//! operations alone: the same ones, with parsed keys, over buffers that lie ready.
//!
//! The bare operations are run twice: as josekit hands them to OpenSSL, which is what an exchange uses, and with aws-lc for RSA
//! too. The goal is at least 0.95 of the first.

use std::collections::BTreeMap;
use std::error::Error;
use std::hint::black_box;
use std::io::{self, Write as _};
use std::sync::Arc;

use aws_lc_rs::cipher::{
    AES_128, DecryptingKey, DecryptionContext, EncryptingKey, EncryptionContext, UnboundCipherKey,
};
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::rsa::{
    OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, OaepPublicEncryptingKey, PrivateDecryptingKey,
    PublicEncryptingKey,
};
use aws_lc_rs::signature::{ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair};
use aws_lc_rs::{hmac, rand};
use bytes::Bytes;
use josekit::JoseError;
use josekit::jwe::alg::rsaes::{RsaesJweDecrypter, RsaesJweEncrypter};
use josekit::jwe::enc::A128CBC_HS256;
use josekit::jwe::{JweDecrypter as _, JweEncrypter as _, JweHeader, RSA_OAEP_256};
use josekit::jws::alg::rsassa::{RsassaJwsSigner, RsassaJwsVerifier};
use josekit::jws::{JwsSigner as _, JwsVerifier as _, RS256};
use palisade_jose::{
    Algorithms, Body, Claims, DecryptionKey, EncryptionKey, Jwt, MessageFormat, Reader, SigningKey,
    VerificationKey, Writer, decrypt, encrypt, sign, verify,
};
use palisade_keystore::{KeyEntry, KeystoreSettings, Keystores};
use palisade_test::ca::{KeyKind, TestCa};
use serde_json::{Map, Value};

fn main() -> Result<(), Box<dyn Error>> {
    let (own, partner) = (key("own")?, key("partner")?);
    // The allocator learns from the first large buffer that is freed to keep such memory, as it soon does in any server.
    drop(black_box(vec![1_u8; 16 << 20]));
    for size in [1024, 64 * 1024] {
        let wire = Wire::new(&own, &partner)?;
        let payload = vec![b'x'; size];
        let request = wire.secure(&payload)?;
        let inner = decrypt(&wire.decryption, &request, &[])?.payload;
        let mut openssl = OpenSsl::new(&own, &partner, &inner)?;
        let mut awslc = AwsLc::new(&own, &partner, &inner)?;
        let mut content = Content::new(&inner);
        let bare = OpenSsl::new(&own, &partner, &inner)?;
        let message = Message::new(&wire, size)?;
        let times = measure(&mut [
            ("bare operations, OpenSSL", &mut || ok(openssl.exchange())),
            ("bare operations, aws-lc", &mut || ok(awslc.exchange())),
            ("exchange", &mut || ok(wire.exchange(&request, &payload))),
            ("exchange with claims and JSON", &mut || ok(message.exchange())),
            ("  bare: unwrap", &mut || ok(bare.unwrap())),
            ("  bare: open", &mut || ok(content.open())),
            ("  decrypt", &mut || ok(decrypt(&wire.decryption, &request, &[]))),
            ("  bare: verify", &mut || ok(bare.verify())),
            ("  verify", &mut || ok(verify(&wire.verification, &inner, &[]))),
            ("  bare: sign", &mut || ok(bare.sign())),
            ("  sign", &mut || ok(sign(&wire.signing, &Map::new(), &payload))),
            ("  bare: wrap", &mut || ok(bare.wrap())),
            ("  encrypt", &mut || {
                ok(encrypt(&wire.encryption, &wire.nested, &inner));
            }),
        ])?;
        writeln!(io::stdout(), "{size} bytes, processor time")?;
        for (name, time) in &times {
            writeln!(io::stdout(), "{name:<30} {time:>8.1} µs")?;
        }
        let time = |wanted| {
            times
                .iter()
                .find(|(name, _)| *name == wanted)
                .map_or(f64::NAN, |(_, time)| *time)
        };
        writeln!(
            io::stdout(),
            "exchange at {:.3} of what the bare operations allow (aws-lc: {:.3})",
            time("bare operations, OpenSSL") / time("exchange"),
            time("bare operations, aws-lc") / time("exchange"),
        )?;
        writeln!(
            io::stdout(),
            "with claims and a JSON body of that size at {:.3}\n",
            time("bare operations, OpenSSL") / time("exchange with claims and JSON"),
        )?;
    }
    Ok(())
}

const ROUNDS: u32 = 40;
const CALLS: u32 = 20;

/// Microseconds of this thread's processor time for each call, in turn over many rounds: other load does not count.
fn measure<'a>(
    contestants: &mut [(&'a str, &mut dyn FnMut())],
) -> Result<Vec<(&'a str, f64)>, Box<dyn Error>> {
    let mut times: Vec<_> = contestants.iter().map(|(name, _)| (*name, Vec::new())).collect();
    for _ in 0..ROUNDS {
        for ((_, call), (_, rounds)) in contestants.iter_mut().zip(&mut times) {
            call();
            let before = processor_time()?;
            for _ in 0..CALLS {
                call();
            }
            rounds.push(processor_time()? - before);
        }
    }
    let per_call = 1000.0 * f64::from(CALLS);
    Ok(times
        .into_iter()
        .map(|(name, mut rounds)| {
            rounds.sort_by(f64::total_cmp);
            // The middle half: neither rounds in which the machine was disturbed nor those cut short by the clock.
            let middle = rounds
                .get(rounds.len() / 4..rounds.len() * 3 / 4)
                .unwrap_or_default();
            let count = u32::try_from(middle.len()).map_or(f64::NAN, f64::from);
            (name, middle.iter().sum::<f64>() / count / per_call)
        })
        .collect())
}

/// Nanoseconds that this thread ran.
fn processor_time() -> Result<f64, Box<dyn Error>> {
    // The kernel brings the figure up to date when the thread gives way.
    std::thread::yield_now();
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    Ok(text.split(' ').next().unwrap_or_default().parse()?)
}

fn ok<T, E: std::fmt::Display>(outcome: Result<T, E>) {
    if let Err(error) = &outcome {
        // A bench that fails must not look fast.
        eprintln!("{error}");
        std::process::exit(1);
    }
    black_box(outcome.ok());
}

fn key(alias: &str) -> Result<Arc<KeyEntry>, Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    TestCa::new("Bench")
        .leaf(alias)
        .key_kind(KeyKind::Rsa2048)
        .issue()
        .write_pem(folder.path(), "key");
    let settings = BTreeMap::from([(alias.to_owned(), KeystoreSettings::new("key.pem"))]);
    Ok(Keystores::load(folder.path(), &settings)?.key(alias)?)
}

/// The exchange as it is.
struct Wire {
    decryption: [Arc<DecryptionKey>; 1],
    verification: [Arc<VerificationKey>; 1],
    signing: Arc<SigningKey>,
    encryption: Arc<EncryptionKey>,
    nested: Map<String, Value>,
}

impl Wire {
    /// One party that plays both: it decrypts with `own` and verifies with `partner`, and the other way round.
    fn new(own: &KeyEntry, partner: &KeyEntry) -> Result<Self, Box<dyn Error>> {
        let list = Algorithms::default();
        Ok(Self {
            decryption: [Arc::new(DecryptionKey::new(own, &list)?)],
            verification: [Arc::new(VerificationKey::new(
                "partner",
                partner.public_key(),
                &list,
            )?)],
            signing: Arc::new(SigningKey::new(partner, &list)?),
            encryption: Arc::new(EncryptionKey::new("own", own.public_key(), &list)?),
            nested: Map::from_iter([("cty".to_owned(), Value::from("JWT"))]),
        })
    }

    fn secure(&self, payload: &[u8]) -> Result<Vec<u8>, palisade_jose::Failure> {
        encrypt(
            &self.encryption,
            &self.nested,
            &sign(&self.signing, &Map::new(), payload)?,
        )
    }

    fn exchange(&self, request: &[u8], answer: &[u8]) -> Result<Vec<u8>, palisade_jose::Failure> {
        let inner = decrypt(&self.decryption, request, &[])?.payload;
        black_box(verify(&self.verification, &inner, &[])?);
        self.secure(answer)
    }
}

/// The exchange as the stages have it: claims around a JSON body, read and written.
struct Message {
    reader: Reader,
    writer: Writer,
    request: Bytes,
    claims: Claims,
    body: Body,
}

impl Message {
    /// `wire` takes the same keys.
    fn new(wire: &Wire, size: usize) -> Result<Self, Box<dyn Error>> {
        let format: Arc<dyn MessageFormat> = Arc::new(Jwt);
        let item = r#"{"number":17,"customer":"C-000017","amount":"125.50","currency":"EUR","paid":true}"#;
        // What the scan of a body costs hangs on how it is made up; this is what business sends.
        let items = vec![item; size / (item.len() + 1)];
        let mut claims = Claims::default();
        claims.id = Some("4f0c2c1e".to_owned());
        let mut this = Self {
            reader: Reader::new(Arc::clone(&format))
                .decrypt_with(wire.decryption.clone())
                .verify_with(wire.verification.clone()),
            writer: Writer::new(format)
                .sign_with(Arc::clone(&wire.signing))
                .encrypt_with(Arc::clone(&wire.encryption)),
            request: Bytes::new(),
            claims,
            body: Body {
                bytes: format!("[{}]", items.join(",")).into(),
                media_type: Some("application/json".to_owned()),
            },
        };
        this.request = this.writer.write(&this.claims, &this.body)?;
        Ok(this)
    }

    fn exchange(&self) -> Result<Bytes, Box<dyn Error>> {
        black_box(self.reader.read(&self.request)?);
        Ok(self.writer.write(&self.claims, &self.body)?)
    }
}

/// Content encryption of as many bytes as the exchange has, in place and over and over.
struct Content {
    bytes: Vec<u8>,
    key: [u8; 32],
}

impl Content {
    fn new(inner: &[u8]) -> Self {
        Self {
            bytes: vec![7; inner.len() / 16 * 16 + 16],
            key: [9; 32],
        }
    }

    fn tag(&self) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, &self.key[..16]));
        context.update(&[1; 150]);
        context.update(&[2; 16]);
        context.update(&self.bytes);
        context.update(&[0; 8]);
        context.sign()
    }

    fn open(&mut self) -> Result<(), aws_lc_rs::error::Unspecified> {
        black_box(self.tag());
        let key = DecryptingKey::cbc(UnboundCipherKey::new(&AES_128, &self.key[16..])?)?;
        key.decrypt(
            &mut self.bytes,
            DecryptionContext::Iv128(FixedLength::from([2; 16])),
        )?;
        Ok(())
    }

    fn seal(&mut self) -> Result<(), aws_lc_rs::error::Unspecified> {
        let mut random = [0; 48];
        rand::fill(&mut random)?;
        let key = EncryptingKey::cbc(UnboundCipherKey::new(&AES_128, &self.key[16..])?)?;
        key.less_safe_encrypt(
            &mut self.bytes,
            EncryptionContext::Iv128(FixedLength::from([2; 16])),
        )?;
        black_box(self.tag());
        Ok(())
    }
}

/// The part of a JWS that is signed.
fn signed(inner: &[u8]) -> Vec<u8> {
    let dot = inner.iter().rposition(|byte| *byte == b'.').unwrap_or_default();
    inner.get(..dot).unwrap_or_default().to_vec()
}

struct OpenSsl {
    decrypter: RsaesJweDecrypter,
    encrypter: RsaesJweEncrypter,
    signer: RsassaJwsSigner,
    verifier: RsassaJwsVerifier,
    encrypted_key: Vec<u8>,
    input: Vec<u8>,
    signature: Vec<u8>,
    content: Content,
}

impl OpenSsl {
    fn new(own: &KeyEntry, partner: &KeyEntry, inner: &[u8]) -> Result<Self, Box<dyn Error>> {
        let mut this = Self {
            decrypter: RSA_OAEP_256.decrypter_from_der(own.key().expose_pkcs8())?,
            encrypter: RSA_OAEP_256.encrypter_from_der(own.public_key().spki_der())?,
            signer: RS256.signer_from_der(partner.key().expose_pkcs8())?,
            verifier: RS256.verifier_from_der(partner.public_key().spki_der())?,
            encrypted_key: Vec::new(),
            input: signed(inner),
            signature: Vec::new(),
            content: Content::new(inner),
        };
        this.encrypted_key = this.wrap()?;
        this.signature = this.sign()?;
        Ok(this)
    }

    fn wrap(&self) -> Result<Vec<u8>, JoseError> {
        let header = JweHeader::new();
        let wrapped = self
            .encrypter
            .encrypt(&self.content.key, &header, &mut JweHeader::new())?;
        Ok(wrapped.unwrap_or_default())
    }

    fn unwrap(&self) -> Result<Vec<u8>, JoseError> {
        let key = self
            .decrypter
            .decrypt(Some(&self.encrypted_key), &A128CBC_HS256, &JweHeader::new())?;
        Ok(key.into_owned())
    }

    fn sign(&self) -> Result<Vec<u8>, JoseError> {
        self.signer.sign(&self.input)
    }

    fn verify(&self) -> Result<(), JoseError> {
        self.verifier.verify(&self.input, &self.signature)
    }

    fn exchange(&mut self) -> Result<(), Box<dyn Error>> {
        black_box(self.unwrap()?);
        self.content.open()?;
        self.verify()?;
        black_box(self.sign()?);
        black_box(self.wrap()?);
        self.content.seal()?;
        Ok(())
    }
}

struct AwsLc {
    private: OaepPrivateDecryptingKey,
    public: OaepPublicEncryptingKey,
    signing: RsaKeyPair,
    verifying: ParsedPublicKey,
    encrypted_key: Vec<u8>,
    input: Vec<u8>,
    signature: Vec<u8>,
    content: Content,
}

impl AwsLc {
    fn new(own: &KeyEntry, partner: &KeyEntry, inner: &[u8]) -> Result<Self, Box<dyn Error>> {
        let input = signed(inner);
        let public = PublicEncryptingKey::from_der(own.public_key().spki_der())?;
        let mut this = Self {
            private: OaepPrivateDecryptingKey::new(PrivateDecryptingKey::from_pkcs8(
                own.key().expose_pkcs8(),
            )?)?,
            public: OaepPublicEncryptingKey::new(public)?,
            signing: RsaKeyPair::from_pkcs8(partner.key().expose_pkcs8())?,
            verifying: ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, partner.public_key().spki_der())?,
            encrypted_key: vec![0; 256],
            input,
            signature: vec![0; 256],
            content: Content::new(inner),
        };
        this.wrap()?;
        this.sign()?;
        Ok(this)
    }

    fn wrap(&mut self) -> Result<(), aws_lc_rs::error::Unspecified> {
        let into = &mut self.encrypted_key;
        self.public
            .encrypt(&OAEP_SHA256_MGF1SHA256, &self.content.key, into, None)?;
        Ok(())
    }

    fn sign(&mut self) -> Result<(), aws_lc_rs::error::Unspecified> {
        let random = rand::SystemRandom::new();
        self.signing
            .sign(&RSA_PKCS1_SHA256, &random, &self.input, &mut self.signature)
    }

    fn exchange(&mut self) -> Result<(), Box<dyn Error>> {
        let mut key = [0; 256];
        black_box(
            self.private
                .decrypt(&OAEP_SHA256_MGF1SHA256, &self.encrypted_key, &mut key, None)?,
        );
        self.content.open()?;
        self.verifying.verify_sig(&self.input, &self.signature)?;
        self.sign()?;
        self.wrap()?;
        self.content.seal()?;
        Ok(())
    }
}
