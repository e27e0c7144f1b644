//! What authentication costs.

use std::convert::Infallible;
use std::future::{Future, ready};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use allocation_counter::measure;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use palisade_core::Pipeline;
use palisade_identity::{Authentication, Bearer, TwoWayMode};
use serde_json::{Value, json};
use tower::{Layer, Service, service_fn};

use crate::common::{Brings, PASSWORD, in_mode, key, shown, snapshot};

/// Allocations of a request that need not wait.
fn allocations(layer: &Pipeline, brings: &Brings) -> u64 {
    let inner = service_fn(|_: Request<Full<Bytes>>| {
        ready(Ok::<_, Infallible>(Response::new(Full::<Bytes>::default())))
    });
    let mut service = layer.layer(inner);
    let mut run = |request| {
        let mut waker = Context::from_waker(Waker::noop());
        assert!(service.poll_ready(&mut waker).is_ready());
        let future = pin!(service.call(request));
        let Poll::Ready(outcome) = future.poll(&mut waker) else {
            unreachable!("nothing waits here");
        };
        assert_eq!(outcome.unwrap().status(), http::StatusCode::OK);
    };
    run(brings.request());
    let request = brings.request();
    measure(|| run(request)).count_total
}

/// A principal, and its place among the extensions; Basic decodes besides.
#[tokio::test]
async fn a_caller_who_need_not_be_waited_for_costs_a_principal_and_nothing_else() {
    let layer = in_mode(TwoWayMode::Force).layer();
    let certificate = Brings::certificate("alice");
    let tenant = Brings::certificate("acme");
    let by_key = Brings::key(key().text().expose()).and_certificate("alice");
    for brings in [&certificate, &tenant, &by_key] {
        assert_eq!(allocations(&layer, brings), 2, "{brings:?}");
    }
    let basic = Brings::basic("alice", PASSWORD).and_certificate("alice");
    assert_eq!(shown(&layer, &basic).await, "alice acme basic+certificate");
    let decoding = 2;
    assert_eq!(
        allocations(&layer, &basic),
        2 + decoding,
        "a verdict that is known"
    );
}

/// A verifier, and tokens with these subjects.
fn tokens(subjects: &[&str]) -> (Bearer, Vec<String>) {
    let pair = Ed25519KeyPair::generate().unwrap();
    let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": encode(pair.public_key().as_ref())});
    let bearer = Bearer::builder()
        .issuer("https://issuer.example")
        .audience("orders");
    let bearer = bearer.jwk_set(jwk.to_string().as_bytes()).unwrap();
    let sign = |claims: &Value| {
        let header = encode(json!({"alg": "EdDSA"}).to_string().as_bytes());
        let signed = format!("{header}.{}", encode(claims.to_string().as_bytes()));
        let signature = encode(pair.sign(signed.as_bytes()).as_ref());
        format!("{signed}.{signature}")
    };
    let claims = |subject: &&str| {
        json!({"iss": "https://issuer.example", "aud": "orders", "sub": subject, "exp": 4_102_444_800_u64,
            "roles": ["auditor"], "scope": "orders.read"})
    };
    let tokens = subjects.iter().map(|subject| sign(&claims(subject)));
    let tokens = tokens.collect();
    (bearer.build().unwrap(), tokens)
}

/// Whom a token stands for is known as well, be it a user of the directory or not.
#[tokio::test]
async fn a_token_that_was_seen_before_costs_a_place_among_the_extensions_and_nothing_else() {
    let (bearer, tokens) = tokens(&["alice", "somebody"]);
    let authentication = Authentication::builder()
        .fixed_directory(snapshot())
        .accept_bearer(bearer);
    let layer = authentication.build().unwrap().layer();
    for (token, who) in tokens.iter().zip(["alice acme bearer", "somebody - bearer"]) {
        let brings = Brings::nothing().and("authorization", &format!("Bearer {token}"));
        assert_eq!(shown(&layer, &brings).await, who);
        assert_eq!(allocations(&layer, &brings), 1, "{who}");
    }
}
