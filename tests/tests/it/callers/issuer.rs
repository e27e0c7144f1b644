//! An issuer of tokens with a key in memory.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use openssl::bn::{BigNum, BigNumContext};
use openssl::ec::{EcGroup, EcKey};
use openssl::ecdsa::EcdsaSig;
use openssl::nid::Nid;
use openssl::pkey::Private;
use openssl::sha::sha256;
use serde_json::{Value, json};

pub(crate) const ISSUER: &str = "https://issuer.example";
pub(crate) const AUDIENCE: &str = "orders";
/// 2100-01-01: no test moves its clock that far.
const LATE: u64 = 4_102_444_800;

/// Signs with ES256 (RFC 7518 section 3.4), under the `kid` that its key set names.
pub(crate) struct Issuer {
    key: EcKey<Private>,
}

impl Issuer {
    pub(crate) fn new() -> Self {
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
        Self {
            key: EcKey::generate(&group).unwrap(),
        }
    }

    /// The JWK Set (RFC 7517 section 5) of its public key.
    pub(crate) fn key_set(&self) -> String {
        let (mut x, mut y) = (BigNum::new().unwrap(), BigNum::new().unwrap());
        let mut context = BigNumContext::new().unwrap();
        let point = self.key.public_key();
        point
            .affine_coordinates(self.key.group(), &mut x, &mut y, &mut context)
            .unwrap();
        let coordinate = |number: &BigNum| encode(number.to_vec_padded(32).unwrap());
        let key = json!({
            "kty": "EC", "crv": "P-256", "kid": "one", "alg": "ES256", "x": coordinate(&x), "y": coordinate(&y)
        });
        json!({ "keys": [key] }).to_string()
    }

    /// A token for that subject; `more` are claims beside the usual ones, or in place of them.
    pub(crate) fn token(&self, subject: &str, more: &Value) -> String {
        let header = json!({ "alg": "ES256", "typ": "at+jwt", "kid": "one" });
        let mut claims = json!({ "iss": ISSUER, "aud": AUDIENCE, "exp": LATE, "sub": subject });
        for (name, value) in more.as_object().unwrap() {
            claims[name] = value.clone();
        }
        let signed = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
        let signature = EcdsaSig::sign(&sha256(signed.as_bytes()), &self.key).unwrap();
        let [r, s] = [signature.r(), signature.s()].map(|number| number.to_vec_padded(32).unwrap());
        format!("{signed}.{}", encode([r, s].concat()))
    }
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// The claim that binds a token to the certificate of that digest (RFC 8705 section 3.1).
pub(crate) fn bound_to(digest: [u8; 32]) -> Value {
    json!({ "cnf": { "x5t#S256": encode(digest) } })
}
