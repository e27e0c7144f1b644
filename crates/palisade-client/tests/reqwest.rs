//! Client interceptors around reqwest.

#![expect(clippy::panic, clippy::unwrap_used, reason = "tests")]

use http::Request;
use palisade_client::ReqwestService;
use palisade_core::outbound::OutboundError;
use palisade_test::ca::TestCa;
use reqwest::{Body, Certificate, Client};
use rstest::rstest;
use tower::{Layer, ServiceBuilder, ServiceExt};

use self::partner::{Partner, calls, stages};

mod partner;

fn builder() -> reqwest::ClientBuilder {
    // Another test of this process may have done so.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    Client::builder()
}

#[rstest]
#[case(false)]
#[case(true)]
#[tokio::test]
async fn reqwest_runs_behind_stages_and_follows_no_redirect(#[case] https: bool) {
    let ca = TestCa::new("Root");
    let partner = Partner::start(https.then_some(&ca)).await;
    let root = Certificate::from_der(ca.root()).unwrap();
    let client = ReqwestService::build(builder().tls_certs_only([root])).unwrap();
    let service = ServiceBuilder::new().layer(stages()).service(client);
    calls::<_, Body, _, _>(service, &partner).await;
}

#[tokio::test]
async fn the_errors_of_reqwest_stay_its_own() {
    let partner = Partner::start(Some(&TestCa::new("Root"))).await;
    let root = Certificate::from_der(TestCa::new("Root").root()).unwrap();
    let client = ReqwestService::build(builder().tls_certs_only([root])).unwrap();
    for (url, is_builder) in [(partner.url("/orders"), false), ("/no-host".to_owned(), true)] {
        let request = Request::get(url).body(Body::default()).unwrap();
        let error = stages().layer(client.clone()).oneshot(request).await.unwrap_err();
        let OutboundError::Inner(error) = error else {
            panic!("the client fails")
        };
        assert_eq!(
            (error.is_connect(), error.is_builder()),
            (!is_builder, is_builder),
            "{error:?}"
        );
    }
    assert_eq!(partner.requests(), 0);
}
