//! The forms in which certificates leave: PEM, DER, keystores, and text.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::SystemTime;

use palisade_core::Secret;
use palisade_keystore::{Certificate, KeystoreBuilder, PrivateKey, WriteError};
use zeroize::Zeroizing;

use crate::cli::FileType;
use crate::commands::keystore::DescribedCertificate;
use crate::outcome::Failure;

/// What a file is made of.
pub(super) struct Material {
    /// By what name a keystore knows the entry.
    pub(super) alias: String,
    /// The key, where it is at hand.
    pub(super) key: Option<PrivateKey>,
    /// The certificate, then those above it.
    pub(super) chain: Vec<Certificate>,
}

/// What a file holds, and whether that must stay private.
pub(super) struct Content {
    pub(super) bytes: Zeroizing<Vec<u8>>,
    pub(super) is_private: bool,
}

impl Material {
    /// In that form; the password is that of a keystore, or encrypts the key of a PEM file.
    pub(super) fn in_form(
        self,
        form: FileType,
        password: Option<&Secret>,
        now: SystemTime,
    ) -> Result<Content, Failure> {
        let is_private = self.key.is_some();
        let details = match (form, self.chain.first()) {
            (FileType::Txt, Some(own)) => details(own),
            _ => String::new(),
        };
        let bytes = match form {
            FileType::Der => self
                .chain
                .first()
                .map_or_else(Zeroizing::default, |own| Zeroizing::new(own.der().to_vec())),
            FileType::Pem | FileType::Txt => {
                let pem = self.pem(password).map_err(|error| failed(&error))?;
                Zeroizing::new([details.as_bytes(), pem.as_bytes()].concat())
            }
            FileType::P12 | FileType::Pfx | FileType::Pkcs12 | FileType::Jks => {
                self.keystore(form, password, now)?
            }
        };
        Ok(Content { bytes, is_private })
    }

    /// The key, then the certificate and its issuers.
    fn pem(self, password: Option<&Secret>) -> Result<Zeroizing<String>, WriteError> {
        let Some(key) = self.key else {
            let mut text = Zeroizing::new(String::new());
            for certificate in self.chain {
                let mut builder = KeystoreBuilder::new();
                builder.add_trusted(&self.alias, certificate)?;
                text.push_str(&builder.pem(&self.alias)?);
            }
            return Ok(text);
        };
        let mut builder = KeystoreBuilder::new();
        builder.add_key(&self.alias, key, self.chain)?;
        match password {
            Some(password) => builder.pem_encrypted(&self.alias, password),
            None => builder.pem(&self.alias),
        }
    }

    fn keystore(
        self,
        form: FileType,
        password: Option<&Secret>,
        now: SystemTime,
    ) -> Result<Zeroizing<Vec<u8>>, Failure> {
        let (Some(key), Some(password)) = (self.key, password) else {
            return Err(no_key(form));
        };
        let mut builder = KeystoreBuilder::new();
        builder
            .add_key(&self.alias, key, self.chain)
            .map_err(|error| failed(&error))?;
        let written = if form == FileType::Jks {
            builder.jks(password, now)
        } else {
            builder.pkcs12(password)
        };
        written.map_err(|error| failed(&error))
    }
}

/// A keystore is asked for, and there is no key to put into it.
pub(super) fn no_key(form: FileType) -> Failure {
    Failure::wrong(format!(
        "a {} file is for a private key with its certificate, and the key is not here: it was handed out when the certificate was \
         issued, or stayed with whoever asked for it, and there is no copy; choose pem, der or txt",
        form.extension()
    ))
}

fn failed(error: &WriteError) -> Failure {
    Failure::wrong(error.to_string())
}

/// What a certificate says, a line each.
fn details(certificate: &Certificate) -> String {
    let mut text = String::new();
    for (what, value) in DescribedCertificate::new(certificate).rows() {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{what:<12} {value}");
    }
    text.push('\n');
    text
}

/// `NAME.EXTENSION` in this folder; what a file's name had better not have becomes `_`.
pub(super) fn file_of(name: &str, extension: &str) -> PathBuf {
    let stem: String = name
        .char_indices()
        .map(|(at, c)| match c {
            '.' | '-' if at == 0 => '_',
            c if c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '@' | '+') => c,
            _ => '_',
        })
        .collect();
    PathBuf::from(format!("{stem}.{extension}"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::file_of;

    #[test]
    fn a_name_becomes_a_file_of_this_folder_whatever_it_is() {
        let file = |name| file_of(name, "p12");
        assert_eq!(file("alice"), Path::new("alice.p12"));
        assert_eq!(file("j.d@partner.example"), Path::new("j.d@partner.example.p12"));
        assert_eq!(file("../../etc/passwd"), Path::new("_._.._etc_passwd.p12"));
        assert_eq!(file(".hidden"), Path::new("_hidden.p12"));
        assert_eq!(file("-option"), Path::new("_option.p12"));
        assert_eq!(file("*.example.org"), Path::new("_.example.org.p12"));
        assert_eq!(file("Acme B.V."), Path::new("Acme_B.V..p12"));
    }
}
