//! What becomes of each message, in the order in which the drivers send them.

use serde_json::{Value, json};

const FAILED: &str = "400 message-security-failed";
const NOT_SECURED: &str = "400 message-not-secured";

/// Messages of a partner that does everything right.
pub(crate) const GOOD: &[(&str, &str)] = &[
    ("json", r#"200 application/json {"amount":"10.00"}"#),
    (
        "json with its own type",
        r#"200 application/order+json {"amount":"10.00"}"#,
    ),
    // UTF-8, shown byte by byte.
    ("xml", "200 application/xml <deed>\u{c3}\u{a9}</deed>"),
    ("every byte", "200 application/octet-stream EVERY BYTE"),
    ("no body", "200  "),
    ("get", r#"200 application/json {"open":0}"#),
];

/// What partners themselves make of answers.
pub(crate) const OWN_CHECKS: &[(&str, &str)] = &[
    ("the answer to another", "0  the answer is to another request"),
    ("an old answer", "0  the answer is not of now"),
    ("an answer of tomorrow", "0  the answer is not of now"),
    ("a changed answer", "0  refused by the library"),
    ("the same answer", "0  accepted"),
];

/// Further messages of the driver with jose.
pub(crate) const NODE: &[(&str, &str)] = &[
    (
        "absolute target",
        r#"200 application/jose around application/json {"amount":"10.00"}"#,
    ),
    (
        "under its own type",
        r#"200 application/json around application/json {"amount":"10.00"}"#,
    ),
    ("detour", FAILED),
    (
        "after a detour",
        r#"200 application/jose around application/json {"amount":"10.00"}"#,
    ),
    ("replay", "409 message-replayed"),
    ("by hand", "200  "),
    ("by hand, outside", "200  "),
    ("expired", "400 message-expired"),
    ("future", "400 message-not-yet-valid"),
    ("long life", "400 message-ttl-too-long"),
    ("ten years", "400 message-ttl-too-long"),
    ("no iat", FAILED),
    ("no exp", FAILED),
    ("no jti", FAILED),
    ("long jti", FAILED),
    ("times as text", FAILED),
    ("other method", FAILED),
    ("other path", FAILED),
    ("target with query", FAILED),
    ("other host", FAILED),
    ("no target", FAILED),
    ("for somebody else", FAILED),
    ("an answer", FAILED),
    ("wrong key", FAILED),
    ("foreign kid", FAILED),
    ("kid of the bank", FAILED),
    ("embedded jwk", FAILED),
    ("embedded jwk alone", FAILED),
    ("jku", FAILED),
    ("x5u", FAILED),
    ("alg none, signed", FAILED),
    ("other alg", FAILED),
    ("alg in lower case", FAILED),
    ("unknown crit", FAILED),
    ("empty crit", FAILED),
    ("crit of nothing", FAILED),
    ("crit of alg", FAILED),
    ("b64", FAILED),
    ("zip inside", FAILED),
    ("alg twice", FAILED),
    ("kid twice", FAILED),
    ("exp twice", FAILED),
    ("no signature", FAILED),
    ("alg none", FAILED),
    ("rs/hs confusion", FAILED),
    ("rs/hs confusion", FAILED),
    ("rs/hs confusion", FAILED),
    ("flip in segment 0 of the JWS", FAILED),
    ("flip in segment 1 of the JWS", FAILED),
    ("flip in segment 2 of the JWS", FAILED),
    ("not signed", FAILED),
    ("the answer as a request", FAILED),
    ("the answer as it is", FAILED),
    ("flip in segment 0", FAILED),
    ("flip in segment 1", FAILED),
    ("flip in segment 2", FAILED),
    ("flip in segment 3", FAILED),
    ("flip in segment 4", FAILED),
    ("empty segment 0", FAILED),
    ("empty segment 1", FAILED),
    ("empty segment 2", FAILED),
    ("empty segment 3", FAILED),
    ("empty segment 4", FAILED),
    ("nothing but dots", FAILED),
    ("short tag", FAILED),
    ("tag of a byte", FAILED),
    ("header twice", FAILED),
    ("another recipient", FAILED),
    ("foreign kid outside", FAILED),
    ("other content", FAILED),
    ("other wrapping", FAILED),
    ("crit outside", FAILED),
    ("jku outside", FAILED),
    ("only signed", NOT_SECURED),
    ("in the clear", NOT_SECURED),
    ("in the clear, as json", NOT_SECURED),
    ("empty", NOT_SECURED),
    ("six segments", NOT_SECURED),
    ("line break", NOT_SECURED),
    ("get without a message", NOT_SECURED),
    ("get without a signature", FAILED),
    ("sent on", FAILED),
    ("sent on", FAILED),
];

/// Further messages of the driver with jwcrypto.
pub(crate) const PYTHON: &[(&str, &str)] = &[
    ("by hand", "200  "),
    ("replay", "409 message-replayed"),
    ("expired", "400 message-expired"),
    ("future", "400 message-not-yet-valid"),
    ("long life", "400 message-ttl-too-long"),
    ("other path", FAILED),
    ("other method", FAILED),
    ("wrong key", FAILED),
    ("rs/hs confusion", FAILED),
    ("embedded jwk", FAILED),
    ("other content", FAILED),
    ("dir", FAILED),
    ("PBES2", FAILED),
    ("zip", FAILED),
    ("bomb", FAILED),
    ("another recipient", FAILED),
    ("not signed", FAILED),
    ("only signed", NOT_SECURED),
    ("in the clear", NOT_SECURED),
    ("flip in segment 0", FAILED),
    ("flip in segment 1", FAILED),
    ("flip in segment 2", FAILED),
    ("flip in segment 3", FAILED),
    ("flip in segment 4", FAILED),
];

/// Those with RSA keys.
pub(crate) const PYTHON_RSA: &[(&str, &str)] = &[
    ("other alg", FAILED),
    ("PS256 where RS256 is agreed", FAILED),
    ("RSA1_5", FAILED),
    ("RSA-OAEP", FAILED),
];

/// Those with EC keys.
pub(crate) const PYTHON_EC: &[(&str, &str)] = &[("ECDH-ES", FAILED), ("ECDH-ES+A128KW", FAILED)];

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
