//! The authority makes certificates that real peers accept, and refuses what they should refuse.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use palisade_test::ca::{ClientTls, KeyKind, TestCa, TestCert, certificates_of_pem};
use rustls::server::WebPkiClientVerifier;
use rustls::{ProtocolVersion, ServerConfig};
use rustls_pki_types::ServerName;
use time::macros::datetime;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::{TlsAcceptor, TlsConnector};

#[tokio::test]
async fn a_client_below_an_intermediate_completes_mutual_tls() {
    let root = TestCa::new("Root");
    let issuing = root.intermediate("Issuing");
    let server = issuing.server(&["localhost"]);
    let client = issuing.client("partner-a");
    for kind in [
        KeyKind::EcP256,
        KeyKind::EcP384,
        KeyKind::Rsa2048,
        KeyKind::Ed25519,
    ] {
        let other = issuing.leaf("partner-b").for_clients().key_kind(kind).issue();
        let tls = ClientTls::trusting(&root).identity(&other);
        assert_eq!(
            handshake(&root, &server, tls, &[]).await.unwrap(),
            ProtocolVersion::TLSv1_3
        );
    }
    let tls = ClientTls::trusting(&root).identity(&client).tls12_only();
    assert_eq!(
        handshake(&root, &server, tls, &[]).await.unwrap(),
        ProtocolVersion::TLSv1_2
    );
}

#[tokio::test]
async fn a_client_without_a_certificate_or_of_another_authority_is_refused() {
    let root = TestCa::new("Root");
    let server = root.server(&["localhost"]);
    let stranger = TestCa::new("Elsewhere").client("partner-a");
    assert!(
        handshake(&root, &server, ClientTls::trusting(&root), &[])
            .await
            .is_err()
    );
    assert!(
        handshake(
            &root,
            &server,
            ClientTls::trusting(&root).identity(&stranger),
            &[]
        )
        .await
        .is_err()
    );
}

#[tokio::test]
async fn a_revoked_or_expired_client_certificate_is_refused() {
    let root = TestCa::new("Root");
    let server = root.server(&["localhost"]);
    let (good, bad) = (root.client("good"), root.client("bad"));
    let crl = root.crl(
        &[bad.serial()],
        datetime!(2020-01-01 00:00 UTC),
        datetime!(2099-01-01 00:00 UTC),
    );
    let crls = [crl.der().clone()];
    handshake(&root, &server, ClientTls::trusting(&root).identity(&good), &crls)
        .await
        .unwrap();
    let refused = handshake(&root, &server, ClientTls::trusting(&root).identity(&bad), &crls).await;
    assert!(refused.unwrap_err().contains("Revoked"));

    let expired = root
        .leaf("old")
        .for_clients()
        .not_after(datetime!(2021-01-01 00:00 UTC))
        .issue();
    let refused = handshake(&root, &server, ClientTls::trusting(&root).identity(&expired), &[]).await;
    assert!(refused.unwrap_err().contains("Expired"));
}

#[test]
fn the_pem_of_a_certificate_holds_its_chain() {
    let issuing = TestCa::new("Root").intermediate("Issuing");
    let certificate = issuing.client("partner-a");
    assert_eq!(certificates_of_pem(certificate.chain_pem()), certificate.chain());
    assert_eq!(certificate.chain().len(), 2);
}

async fn handshake(
    root: &TestCa,
    server: &TestCert,
    client: ClientTls,
    crls: &[rustls_pki_types::CertificateRevocationListDer<'static>],
) -> Result<ProtocolVersion, String> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(root.root_store()), Arc::clone(&provider));
    if !crls.is_empty() {
        verifier = verifier.with_crls(crls.iter().cloned());
    }
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier.build().unwrap())
        .with_single_cert(server.chain().to_vec(), server.key())
        .unwrap();
    let (here, there) = tokio::io::duplex(64 * 1024);
    let serve = async move {
        let mut tls = TlsAcceptor::from(Arc::new(config))
            .accept(there)
            .await
            .map_err(|e| format!("{e:?}"))?;
        tls.write_all(b"x").await.map_err(|e| e.to_string())?;
        Ok::<_, String>(tls.get_ref().1.protocol_version().unwrap())
    };
    let connect = async move {
        let name = ServerName::try_from("localhost").unwrap();
        let mut tls = TlsConnector::from(client.build())
            .connect(name, here)
            .await
            .ok()?;
        tls.read_u8().await.ok()
    };
    let (outcome, _) = tokio::join!(serve, connect);
    outcome
}
