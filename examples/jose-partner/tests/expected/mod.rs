//! What becomes of each message, in the order in which the drivers send them.

use serde_json::{Value, json};

/// A message; its answer, in short; and what the log says of a refusal, where `*` stands for any text.
pub(crate) type Row = (&'static str, &'static str, &'static str);

const FAILED: &str = "400 message-security-failed";
const NOT_SECURED: &str = "400 message-not-secured";

/// Messages of a partner that does everything right.
pub(crate) const GOOD: &[Row] = &[
    ("json", r#"200 application/json {"amount":"10.00"}"#, ""),
    (
        "json with its own type",
        r#"200 application/order+json {"amount":"10.00"}"#,
        "",
    ),
    // UTF-8, shown byte by byte.
    ("xml", "200 application/xml <deed>\u{c3}\u{a9}</deed>", ""),
    ("every byte", "200 application/octet-stream EVERY BYTE", ""),
    ("no body", "200  ", ""),
    ("get", r#"200 application/json {"open":0}"#, ""),
];

/// What partners themselves make of answers.
pub(crate) const OWN_CHECKS: &[Row] = &[
    ("the answer to another", "0  the answer is to another request", ""),
    ("an old answer", "0  the answer is not of now", ""),
    ("an answer of tomorrow", "0  the answer is not of now", ""),
    ("a changed answer", "0  refused by the library", ""),
    ("the same answer", "0  accepted", ""),
];

/// Further messages of the driver with jose.
pub(crate) const NODE: &[Row] = &[
    (
        "absolute target",
        r#"200 application/jose around application/json {"amount":"10.00"}"#,
        "",
    ),
    (
        "under its own type",
        r#"200 application/json around application/json {"amount":"10.00"}"#,
        "",
    ),
    ("detour", FAILED, "another target"),
    (
        "after a detour",
        r#"200 application/jose around application/json {"amount":"10.00"}"#,
        "",
    ),
    ("replay", "409 message-replayed", "accepted before"),
    ("by hand", "200  ", ""),
    ("by hand, outside", "200  ", ""),
    ("expired", "400 message-expired", "expired"),
    ("future", "400 message-not-yet-valid", "in the future"),
    ("long life", "400 message-ttl-too-long", "too long"),
    ("ten years", "400 message-ttl-too-long", "too long"),
    ("no iat", FAILED, "when it was made"),
    ("no exp", FAILED, "when it was made"),
    ("no jti", FAILED, "no jti"),
    ("long jti", FAILED, "signature ok*format: *jti"),
    ("times as text", FAILED, "signature ok*format: *iat"),
    ("other method", FAILED, "another method"),
    ("other path", FAILED, "another target"),
    ("target with query", FAILED, "another target"),
    ("other host", FAILED, "another target"),
    ("no target", FAILED, "which request"),
    ("for somebody else", FAILED, "somebody else"),
    ("an answer", FAILED, "an answer to a request"),
    ("wrong key", FAILED, "decrypt ok*signature: *altered"),
    ("foreign kid", FAILED, "signature: no key*somebody"),
    ("kid of the bank", FAILED, "signature: no key"),
    ("embedded jwk", FAILED, "signature: *`jwk`"),
    ("embedded jwk alone", FAILED, "signature: *`jwk`"),
    ("jku", FAILED, "signature: *`jku`"),
    ("x5u", FAILED, "signature: *`x5u`"),
    ("alg none, signed", FAILED, "signature: *`none`"),
    ("other alg", FAILED, "signature: *S384`"),
    ("alg in lower case", FAILED, "signature: *s256`"),
    ("unknown crit", FAILED, "signature: *`exotic`"),
    ("empty crit", FAILED, "signature: *`crit`*empty"),
    ("crit of nothing", FAILED, "signature: *`crit`*does not stand"),
    ("crit of alg", FAILED, "signature: *`crit`*every reader"),
    ("b64", FAILED, "signature: *`b64`"),
    ("zip inside", FAILED, "signature: *`zip`"),
    ("alg twice", FAILED, "signature: *twice"),
    ("kid twice", FAILED, "signature: *twice"),
    ("exp twice", FAILED, "decrypt ok"),
    ("no signature", FAILED, "signature: *altered"),
    ("alg none", FAILED, "signature: *`none`"),
    ("rs/hs confusion", FAILED, "signature: *`HS256`"),
    ("rs/hs confusion", FAILED, "signature: *`HS256`"),
    ("rs/hs confusion", FAILED, "signature: *`HS256`"),
    ("flip in segment 0 of the JWS", FAILED, "decrypt ok*signature: "),
    ("flip in segment 1 of the JWS", FAILED, "signature: *altered"),
    ("flip in segment 2 of the JWS", FAILED, "signature: *altered"),
    ("not signed", FAILED, "signature: *none"),
    ("the answer as a request", FAILED, "signature: no key"),
    ("the answer as it is", FAILED, "decryption: no key"),
    ("flip in segment 0", FAILED, "decryption: "),
    ("flip in segment 1", FAILED, "decryption: *altered"),
    ("flip in segment 2", FAILED, "decryption: *altered"),
    ("flip in segment 3", FAILED, "decryption: *altered"),
    ("flip in segment 4", FAILED, "decryption: *altered"),
    ("empty segment 0", FAILED, "decryption: *header"),
    ("empty segment 1", FAILED, "decryption: *altered"),
    ("empty segment 2", FAILED, "decryption: *altered"),
    ("empty segment 3", FAILED, "decryption: *altered"),
    ("empty segment 4", FAILED, "decryption: *altered"),
    ("nothing but dots", FAILED, "decryption: *header"),
    ("short tag", FAILED, "decryption: *altered"),
    ("tag of a byte", FAILED, "decryption: *altered"),
    ("header twice", FAILED, "decryption: *twice"),
    ("another recipient", FAILED, "decryption: *altered"),
    ("foreign kid outside", FAILED, "decryption: no key*somebody"),
    ("other content", FAILED, "decryption: *GCM"),
    ("other wrapping", FAILED, "decryption: *not what the key does"),
    ("crit outside", FAILED, "decryption: *`exotic`"),
    ("jku outside", FAILED, "decryption: *`jku`"),
    ("only signed", NOT_SECURED, "no compact form"),
    ("in the clear", NOT_SECURED, "no compact form"),
    ("in the clear, as json", NOT_SECURED, "no compact form"),
    ("empty", NOT_SECURED, "empty"),
    ("six segments", NOT_SECURED, "no compact form"),
    ("line break", NOT_SECURED, "no compact form"),
    ("get without a message", NOT_SECURED, "empty"),
    ("get without a signature", FAILED, "signature: *altered"),
    ("sent on", FAILED, ""),
    ("sent on", FAILED, ""),
];

/// Further messages of the driver with jwcrypto.
pub(crate) const PYTHON: &[Row] = &[
    ("by hand", "200  ", ""),
    ("replay", "409 message-replayed", "accepted before"),
    ("expired", "400 message-expired", "expired"),
    ("future", "400 message-not-yet-valid", "in the future"),
    ("long life", "400 message-ttl-too-long", "too long"),
    ("other path", FAILED, "another target"),
    ("other method", FAILED, "another method"),
    ("wrong key", FAILED, "decrypt ok*signature: *altered"),
    ("rs/hs confusion", FAILED, "signature: *`HS256`"),
    ("embedded jwk", FAILED, "signature: *`jwk`"),
    ("other content", FAILED, "decryption: *GCM"),
    ("dir", FAILED, "decryption: *`dir"),
    ("PBES2", FAILED, "decryption: *`PBES2"),
    ("zip", FAILED, "decryption: *`zip`"),
    ("bomb", FAILED, "decryption: *`zip`"),
    ("another recipient", FAILED, "decryption: *altered"),
    ("not signed", FAILED, "signature: *none"),
    ("only signed", NOT_SECURED, "no compact form"),
    ("in the clear", NOT_SECURED, "no compact form"),
    ("flip in segment 0", FAILED, "decryption: "),
    ("flip in segment 1", FAILED, "decryption: *altered"),
    ("flip in segment 2", FAILED, "decryption: *altered"),
    ("flip in segment 3", FAILED, "decryption: *altered"),
    ("flip in segment 4", FAILED, "decryption: *altered"),
];

/// Those with RSA keys.
pub(crate) const PYTHON_RSA: &[Row] = &[
    ("other alg", FAILED, "signature: *S384`"),
    ("PS256 where RS256 is agreed", FAILED, "signature: *`PS256`"),
    ("RSA1_5", FAILED, "decryption: *`RSA1_5"),
    ("RSA-OAEP", FAILED, "decryption: *`RSA-OAEP "),
];

/// Those with EC keys.
pub(crate) const PYTHON_EC: &[Row] = &[
    ("ECDH-ES", FAILED, "decryption: *`ECDH-ES "),
    ("ECDH-ES+A128KW", FAILED, "decryption: *`ECDH-ES+A128KW"),
];

/// The whole problem document of each code, without its instance.
pub(crate) fn documents() -> [(&'static str, Value); 7] {
    [
        (
            400,
            "message-not-secured",
            "The message is not secured",
            "This endpoint accepts messages in JOSE compact form only.",
        ),
        (
            400,
            "message-security-failed",
            "The security of the message is not accepted",
            "",
        ),
        (400, "message-expired", "The message has expired", ""),
        (
            400,
            "message-not-yet-valid",
            "The message is made in the future",
            "",
        ),
        (400, "message-ttl-too-long", "The message lives too long", ""),
        (
            409,
            "message-replayed",
            "The message may have been sent before",
            "Each message is accepted once; send a new one.",
        ),
        (
            403,
            "client-certificate-required",
            "A client certificate is required",
            "The response is encrypted to the caller's certificate.",
        ),
    ]
    .map(|(status, code, title, detail)| {
        let kind = format!("urn:palisade:problem:{code}");
        let detail = if detail.is_empty() { title } else { detail };
        let document = json!({ "type": kind, "title": title, "status": status, "detail": detail });
        (code, document)
    })
}
