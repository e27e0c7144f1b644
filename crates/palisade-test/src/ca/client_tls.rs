//! The TLS configuration of a test client.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use super::{TestCa, TestCert};

/// The TLS side of a test client.
#[derive(Debug)]
pub struct ClientTls {
    roots: RootCertStore,
    identity: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
    versions: Vec<&'static SupportedProtocolVersion>,
    alpn: Vec<Vec<u8>>,
}

impl ClientTls {
    /// A client that trusts the root above `ca`, and nothing else.
    pub fn trusting(ca: &TestCa) -> Self {
        let versions = vec![&rustls::version::TLS13, &rustls::version::TLS12];
        Self {
            roots: ca.root_store(),
            identity: None,
            versions,
            alpn: Vec::new(),
        }
    }

    /// Presents this certificate when the server asks for one.
    #[must_use]
    pub fn identity(mut self, certificate: &TestCert) -> Self {
        self.identity = Some((certificate.chain().to_vec(), certificate.key()));
        self
    }

    /// Offers TLS 1.2 alone.
    #[must_use]
    pub fn tls12_only(mut self) -> Self {
        self.versions = vec![&rustls::version::TLS12];
        self
    }

    /// Offers TLS 1.3 alone.
    #[must_use]
    pub fn tls13_only(mut self) -> Self {
        self.versions = vec![&rustls::version::TLS13];
        self
    }

    /// Offers these application protocols.
    #[must_use]
    pub fn alpn(mut self, protocols: &[&str]) -> Self {
        self.alpn = protocols
            .iter()
            .map(|protocol| protocol.as_bytes().to_vec())
            .collect();
        self
    }

    /// Builds the configuration, with the aws-lc-rs provider.
    pub fn build(self) -> Arc<ClientConfig> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&self.versions)
            .expect("the provider supports TLS 1.2 and 1.3")
            .with_root_certificates(self.roots);
        let mut config = match self.identity {
            Some((chain, key)) => builder
                .with_client_auth_cert(chain, key)
                .expect("key fits certificate"),
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = self.alpn;
        Arc::new(config)
    }
}
