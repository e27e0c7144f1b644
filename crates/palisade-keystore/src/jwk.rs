//! JWK and JWK Set (RFC 7517).

/// What a key may be used for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Usage {
    /// Nothing is said: everything its kind allows.
    #[default]
    Any,
    /// Signatures alone.
    Signature,
    /// Encryption alone.
    Encryption,
}
