//! The two-way table: what a request has to prove, by the mode, the listener, and what it brings.
//!
//! | mode | nothing | credentials only | certificate only | both |
//! |---|---|---|---|---|
//! | `default` | 401 | credentials validated | validated | credentials validated; certificate verified, not validated |
//! | `force`, listener that asks for certificates | 403 required | 403 required | validated | credentials **and** certificate validated |
//! | `force`, listener that does not | 401 | credentials validated | – | – |
//! | `exclusive`, every listener | 403 required | 403 required | validated | as `force` |
//!
//! "Verified" (chain, validity, revocation) is the listener's work, done before; "validated" means that the certificate is
//! registered for the user, or else for the tenant.
//!
//! The cells marked – cannot come about: at a listener that asks for none, nobody has a certificate. Should one be there after all,
//! the listener counts as one that asks.

use serde::Deserialize;

/// `two-way-mode`: what certificates are for beside credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TwoWayMode {
    /// Either will do. A certificate beside credentials was verified by the listener, and says nothing of who is calling.
    #[default]
    Default,
    /// Where the listener asks for certificates, one is required, and must belong to the caller.
    Force,
    /// A certificate is required wherever the request comes in, and must belong to the caller.
    Exclusive,
}

/// Whether clients of a listener can show certificates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CertificateRequest {
    /// It asks for them in the handshake, or trusted proxies carry them.
    Asked,
    /// There is no way to show one.
    NotAsked,
}

/// What a request brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Evidence {
    /// Neither.
    Nothing,
    /// Basic, bearer or API key.
    Credentials,
    /// A verified client certificate.
    Certificate,
    /// Both.
    Both,
}

impl Evidence {
    /// What is there.
    pub fn of(credentials: bool, certificate: bool) -> Self {
        match (credentials, certificate) {
            (false, false) => Self::Nothing,
            (true, false) => Self::Credentials,
            (false, true) => Self::Certificate,
            (true, true) => Self::Both,
        }
    }
}

/// What has to be done with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Demand {
    /// Nothing is proved: 401 `credentials-missing`.
    CredentialsMissing,
    /// A certificate has to be there: 403 `client-certificate-required`.
    CertificateRequired,
    /// The credentials must be good; a certificate is not looked at.
    Credentials,
    /// The certificate must be registered for a user, or else for a tenant.
    Certificate,
    /// The credentials must be good, and the certificate must be registered for that user, or else for the user's tenant.
    CredentialsAndCertificate,
}

/// The cell of the table.
pub fn demand(mode: TwoWayMode, listener: CertificateRequest, evidence: Evidence) -> Demand {
    use Evidence::{Both, Certificate, Credentials, Nothing};
    let is_forced = match mode {
        TwoWayMode::Default => false,
        TwoWayMode::Force => listener == CertificateRequest::Asked || matches!(evidence, Certificate | Both),
        TwoWayMode::Exclusive => true,
    };
    match (evidence, is_forced) {
        (Nothing, false) => Demand::CredentialsMissing,
        (Nothing | Credentials, true) => Demand::CertificateRequired,
        (Credentials | Both, false) => Demand::Credentials,
        (Certificate, _) => Demand::Certificate,
        (Both, true) => Demand::CredentialsAndCertificate,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::CertificateRequest::{Asked, NotAsked};
    use super::Demand::{self, CertificateRequired, CredentialsAndCertificate, CredentialsMissing};
    use super::Evidence::{self, Both, Nothing};
    use super::TwoWayMode::{self, Default, Exclusive, Force};
    use super::{CertificateRequest, demand};

    #[rstest]
    #[case::default_asked_nothing(Default, Asked, Nothing, CredentialsMissing)]
    #[case::default_asked_credentials(Default, Asked, Evidence::Credentials, Demand::Credentials)]
    #[case::default_asked_certificate(Default, Asked, Evidence::Certificate, Demand::Certificate)]
    #[case::default_asked_both(Default, Asked, Both, Demand::Credentials)]
    #[case::default_not_asked_nothing(Default, NotAsked, Nothing, CredentialsMissing)]
    #[case::default_not_asked_credentials(Default, NotAsked, Evidence::Credentials, Demand::Credentials)]
    #[case::default_not_asked_certificate(Default, NotAsked, Evidence::Certificate, Demand::Certificate)]
    #[case::default_not_asked_both(Default, NotAsked, Both, Demand::Credentials)]
    #[case::force_asked_nothing(Force, Asked, Nothing, CertificateRequired)]
    #[case::force_asked_credentials(Force, Asked, Evidence::Credentials, CertificateRequired)]
    #[case::force_asked_certificate(Force, Asked, Evidence::Certificate, Demand::Certificate)]
    #[case::force_asked_both(Force, Asked, Both, CredentialsAndCertificate)]
    #[case::force_not_asked_nothing(Force, NotAsked, Nothing, CredentialsMissing)]
    #[case::force_not_asked_credentials(Force, NotAsked, Evidence::Credentials, Demand::Credentials)]
    #[case::force_not_asked_certificate_after_all(
        Force,
        NotAsked,
        Evidence::Certificate,
        Demand::Certificate
    )]
    #[case::force_not_asked_both_after_all(Force, NotAsked, Both, CredentialsAndCertificate)]
    #[case::exclusive_asked_nothing(Exclusive, Asked, Nothing, CertificateRequired)]
    #[case::exclusive_asked_credentials(Exclusive, Asked, Evidence::Credentials, CertificateRequired)]
    #[case::exclusive_asked_certificate(Exclusive, Asked, Evidence::Certificate, Demand::Certificate)]
    #[case::exclusive_asked_both(Exclusive, Asked, Both, CredentialsAndCertificate)]
    #[case::exclusive_not_asked_nothing(Exclusive, NotAsked, Nothing, CertificateRequired)]
    #[case::exclusive_not_asked_credentials(Exclusive, NotAsked, Evidence::Credentials, CertificateRequired)]
    #[case::exclusive_not_asked_certificate(Exclusive, NotAsked, Evidence::Certificate, Demand::Certificate)]
    #[case::exclusive_not_asked_both(Exclusive, NotAsked, Both, CredentialsAndCertificate)]
    fn the_table_holds_cell_by_cell(
        #[case] mode: TwoWayMode,
        #[case] listener: CertificateRequest,
        #[case] evidence: Evidence,
        #[case] expected: Demand,
    ) {
        assert_eq!(demand(mode, listener, evidence), expected);
    }

    #[test]
    fn evidence_is_what_is_there() {
        assert_eq!(Evidence::of(false, false), Nothing);
        assert_eq!(Evidence::of(true, false), Evidence::Credentials);
        assert_eq!(Evidence::of(false, true), Evidence::Certificate);
        assert_eq!(Evidence::of(true, true), Both);
    }
}
