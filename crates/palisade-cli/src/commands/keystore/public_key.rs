//! Public keys in the forms in which partners take them.

use palisade_keystore::{Entry, KeystoreBuilder, PublicKey, WriteError};
use serde_json::{Value, json};

use crate::cli::PublicKeyForm;
use crate::outcome::{Exit, Failure, Outcome};
use crate::output::Output;

/// The JWK (RFC 7517): the numbers and the `kid`, and `use` and `alg` where the keystore says them. No certificates.
pub(super) fn jwk(key: &PublicKey) -> Result<Value, WriteError> {
    let set = alone(key)?.jwk_set()?;
    let mut set: Value = serde_json::from_str(&set).unwrap_or_default();
    Ok(set.pointer_mut("/keys/0").map(Value::take).unwrap_or_default())
}

/// The `SubjectPublicKeyInfo` as PEM (RFC 7468 section 13).
fn pem(key: &PublicKey) -> Result<String, WriteError> {
    Ok(alone(key)?.pem(key.alias())?.to_string())
}

/// The public key and nothing else: there is no private key in it that could be printed.
fn alone(key: &PublicKey) -> Result<KeystoreBuilder, WriteError> {
    let mut builder = KeystoreBuilder::new();
    builder.add_public_key(key.clone())?;
    Ok(builder)
}

/// Prints the public key of an entry, and only that.
pub(super) fn print(entry: &Entry, form: PublicKeyForm, output: &mut Output) -> Outcome {
    let Some(key) = entry.public_key() else {
        let reason = match entry {
            Entry::Unusable { reason, .. } => format!(": {reason}"),
            _ => String::new(),
        };
        let alias = entry.alias();
        return Err(Failure::wrong(format!(
            "`{alias}` has no public key that can be used{reason}"
        )));
    };
    let failed = |error: WriteError| Failure::wrong(error.to_string());
    match form {
        PublicKeyForm::Jwk => output.json(&jwk(&key).map_err(failed)?)?,
        PublicKeyForm::Pem => {
            let pem = pem(&key).map_err(failed)?;
            if output.is_json() {
                output.json(&json!({ "pem": pem }))?;
            } else {
                output.line(pem.trim_end())?;
            }
        }
    }
    Ok(Exit::Fine)
}
