//! Which certificate an operator means.

use palisade_directory::parse_fingerprint;
use palisade_directory::sql::CertificateId;
use palisade_keystore::Certificate;

use crate::outcome::Failure;

/// What an operator means by a serial number, with or without colons, or by a fingerprint.
pub(super) fn id(text: &str) -> Result<CertificateId, Failure> {
    let digits = text
        .strip_prefix("sha256:")
        .unwrap_or(text)
        .replace(':', "")
        .to_lowercase();
    let is_hex = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let wrong = || {
        Failure::wrong(format!(
            "expected a serial number in hexadecimal, or sha256: and the 64 hexadecimal digits of a fingerprint, found {text:?}"
        ))
    };
    if !is_hex {
        return Err(wrong());
    }
    if text.starts_with("sha256:") || digits.len() == 64 {
        let fingerprint = parse_fingerprint(&format!("sha256:{digits}")).map_err(|_| wrong())?;
        return Ok(CertificateId::Fingerprint(fingerprint));
    }
    let whole = if digits.len().is_multiple_of(2) {
        digits
    } else {
        format!("0{digits}")
    };
    let mut significant = whole.as_str();
    while let Some(rest) = significant.strip_prefix("00").filter(|rest| !rest.is_empty()) {
        significant = rest;
    }
    Ok(CertificateId::Serial(significant.to_owned()))
}

/// Whether a certificate is the one that is meant.
pub(in crate::commands::cert) fn is_named(certificate: &Certificate, id: &CertificateId) -> bool {
    let facts = certificate.facts();
    match id {
        CertificateId::Fingerprint(fingerprint) => facts.fingerprint == *fingerprint,
        CertificateId::Serial(serial) => facts.serial_hex() == *serial,
    }
}

#[cfg(test)]
mod tests {
    use palisade_directory::sql::CertificateId;

    use super::id;

    #[test]
    fn a_serial_number_is_read_however_it_is_written() {
        for text in ["5f0c6a", "5F:0C:6A", "005f0c6a"] {
            assert_eq!(
                id(text).ok(),
                Some(CertificateId::Serial("5f0c6a".to_owned())),
                "{text}"
            );
        }
        assert_eq!(id("5").ok(), Some(CertificateId::Serial("05".to_owned())));
        assert_eq!(id("0000").ok(), Some(CertificateId::Serial("00".to_owned())));
    }

    #[test]
    fn a_fingerprint_is_told_by_its_prefix_or_its_length() {
        let digits = "ab".repeat(32);
        for text in [format!("sha256:{digits}"), digits.to_uppercase()] {
            assert_eq!(
                id(&text).ok(),
                Some(CertificateId::Fingerprint([0xab; 32])),
                "{text}"
            );
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["", "xyz", "sha256:ab", "12 34", "-5"] {
            assert!(id(text).is_err(), "{text}");
        }
    }
}
