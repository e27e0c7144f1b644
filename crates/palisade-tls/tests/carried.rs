//! Client certificates that proxies carry in fields of requests.

mod support;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use palisade_test::ca::{TestCa, TestCert};
use rstest::rstest;
use serde_json::{Value, json};
use support::{DAY, TODAY, World, client, seconds};

const TRUSTED: &str = "127.0.0.0/8";

fn client_cert(certificate: &TestCert) -> String {
    format!(":{}:", STANDARD.encode(certificate.certificate()))
}

fn xfcc(certificate: &TestCert) -> String {
    let encoded = certificate
        .leaf_pem()
        .replace('\n', "%0A")
        .replace('+', "%2B")
        .replace('=', "%3D")
        .replace(' ', "%20");
    format!("By=spiffe://proxy;Cert=\"{encoded}\"")
}

fn carrying(mode: &str) -> Value {
    json!({
        "trusted-proxies": [TRUSTED], "client-cert-header": mode, "tls": {"enabled": false, "client-ca-aliases": ["ca"]}
    })
}

#[rstest]
#[case("client-cert", "client-cert", client_cert)]
#[case("xfcc", "x-forwarded-client-cert", xfcc)]
#[tokio::test]
async fn a_certificate_in_a_field_is_verified_here(
    #[case] mode: &str,
    #[case] field: &str,
    #[case] write: fn(&TestCert) -> String,
) {
    let world = World::new();
    let server = world.start(carrying(mode)).await;
    let mut connection = server.connect_plain(b"").await.unwrap();
    let partner = world
        .ca
        .leaf("partner")
        .for_clients()
        .not_after(time::OffsetDateTime::from_unix_timestamp((TODAY + 100).try_into().unwrap()).unwrap());
    let partner = partner.issue();
    for _ in 0..2 {
        let (status, seen) = connection.get(&[(field, &write(&partner))]).await.unwrap();
        assert_eq!(
            (status, &seen["certificate"], &seen["source"]),
            (
                200,
                &json!("CN=partner"),
                &json!(if mode == "xfcc" {
                    "xfcc"
                } else {
                    "client-cert-header"
                })
            )
        );
        assert_eq!(seen["headers"].get(field), None);
    }
    // Another client over the same connection.
    let (_, seen) = connection
        .get(&[(field, &write(&world.ca.client("other")))])
        .await
        .unwrap();
    assert_eq!(seen["certificate"], "CN=other");
    let (_, seen) = connection.get(&[]).await.unwrap();
    assert_eq!(seen["certificate"], Value::Null);
    for bad in [
        write(&TestCa::new("Test Root").client("partner")),
        write(&world.ca.server(&["partner"])),
        "nonsense".to_owned(),
        String::new(),
        "Hash=00;Subject=\"CN=partner\"".to_owned(),
    ] {
        let (status, document) = connection.get(&[(field, &bad)]).await.unwrap();
        assert_eq!(
            (status, &document["type"]),
            (
                403,
                &json!("urn:palisade:problem:client-certificate-not-accepted")
            )
        );
    }
    world.clock.set(seconds(TODAY + 101));
    assert_eq!(connection.get(&[(field, &write(&partner))]).await.unwrap().0, 403);
}

#[tokio::test]
async fn a_certificate_in_a_field_is_refused_once_it_is_revoked() {
    let world = World::new();
    world.revoke(&[], TODAY + DAY);
    let mut settings = carrying("client-cert");
    settings["tls"]["crl-files"] = json!(["ca.crl.pem"]);
    let server = world.start(settings.clone()).await;
    let mut connection = server.connect_plain(b"").await.unwrap();
    let partner = world.ca.client("partner");
    let field = client_cert(&partner);
    assert_eq!(connection.get(&[("client-cert", &field)]).await.unwrap().0, 200);
    world.revoke(&[partner.serial()], TODAY + DAY);
    server.reload(&world, settings);
    assert_eq!(connection.get(&[("client-cert", &field)]).await.unwrap().0, 403);
}

#[tokio::test]
async fn a_certificate_in_a_field_of_anybody_else_is_removed() {
    let world = World::new();
    let mut settings = carrying("client-cert");
    settings["trusted-proxies"] = json!(["10.0.0.0/8"]);
    let server = world.start(settings).await;
    let mut connection = server.connect_plain(b"").await.unwrap();
    let (status, seen) = connection
        .get(&[("client-cert", &client_cert(&world.ca.client("partner")))])
        .await
        .unwrap();
    assert_eq!(
        (status, &seen["certificate"], seen["headers"].get("client-cert")),
        (200, &Value::Null, None)
    );
}

#[tokio::test]
async fn the_proxy_s_own_certificate_is_not_the_client_s() {
    let world = World::new();
    let settings = json!({
        "trusted-proxies": [TRUSTED], "client-cert-header": "client-cert",
        "tls": {"client-auth": "require", "client-ca-aliases": ["ca"]}
    });
    let server = world.start(settings).await;
    let mut connection = server
        .connect(&client(&world, Some(&world.ca.client("proxy"))))
        .await
        .unwrap();
    let (_, seen) = connection.get(&[]).await.unwrap();
    assert_eq!(seen["certificate"], Value::Null);
    let (_, seen) = connection
        .get(&[("client-cert", &client_cert(&world.ca.client("partner")))])
        .await
        .unwrap();
    assert_eq!(seen["certificate"], "CN=partner");
}
