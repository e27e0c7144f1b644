//! Keys of a real server: rotation, floods, failures.

use std::sync::Arc;
use std::time::Duration;

use palisade_client::HttpsFetch;
use rstest::rstest;
use serde_json::json;

use super::issuer::{NOW, builder, claims, claims_with, clock, key, set, unknown};
use super::server::{Answer, KeyServer};
use crate::bearer::BadToken;
use crate::bearer::TokenAlgorithm::EdDsa;

#[tokio::test]
async fn keys_are_fetched_when_the_first_token_comes() {
    let (_, jwk, token) = key("1");
    let server = KeyServer::start(&[jwk]).await;
    let bearer = builder(&clock())
        .fetched_keys(server.url.clone(), HttpsFetch::new())
        .build()
        .unwrap();
    assert_eq!(server.requests(), 0);
    assert!(bearer.verify_now(&token).is_none(), "it has to be waited for");
    assert!(bearer.verify(&token).await.is_ok());
    let mut again = None;
    let hit = allocation_counter::measure(|| again = bearer.verify_now(&token));
    assert_eq!(hit.count_total, 0, "seen before");
    assert!(again.unwrap().is_ok());
    assert_eq!(server.requests(), 1);
}

#[tokio::test]
async fn a_key_that_is_new_is_fetched_without_a_restart_and_one_that_is_gone_is_forgotten() {
    let (clock, (_, old, of_old), (_, new, of_new)) = (clock(), key("old"), key("new"));
    let server = KeyServer::start(std::slice::from_ref(&old)).await;
    let bearer = builder(&clock)
        .fetched_keys(server.url.clone(), HttpsFetch::new())
        .build()
        .unwrap();
    assert!(bearer.verify(&of_old).await.is_ok());
    server.publish(&[old, new.clone()]);
    assert!(bearer.verify(&of_new).await.is_ok());
    assert_eq!(server.requests(), 2);
    assert!(bearer.verify_now(&of_old).unwrap().is_ok());

    server.publish(&[new]);
    clock.advance(Duration::from_hours(1));
    // The request that finds keys due does not wait for them.
    assert!(bearer.verify_now(&of_old).unwrap().is_ok());
    while server.requests() < 3 || bearer.verify_now(&of_old).is_some_and(|outcome| outcome.is_ok()) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(
        bearer.verify(&of_old).await,
        Err(unknown("old")),
        "what was remembered of it is void"
    );
    assert!(bearer.verify(&of_new).await.is_ok());
}

#[tokio::test]
async fn a_token_without_kid_has_keys_fetched_too() {
    let ((old, old_key, _), (new, new_key, _)) = (key("old"), key("new"));
    let server = KeyServer::start(&[old_key]).await;
    let bearer = builder(&clock())
        .fetched_keys(server.url.clone(), HttpsFetch::new())
        .build()
        .unwrap();
    assert!(
        bearer
            .verify(&old.token(EdDsa, &json!({}), &claims()))
            .await
            .is_ok()
    );
    server.publish(&[new_key]);
    assert!(
        bearer
            .verify(&new.token(EdDsa, &json!({}), &claims()))
            .await
            .is_ok()
    );
    assert_eq!(server.requests(), 2);
}

#[tokio::test]
async fn a_flood_of_unknown_keys_makes_one_fetch_per_cool_down() {
    let (clock, (signer, jwk, token)) = (clock(), key("1"));
    let server = KeyServer::start(&[jwk]).await;
    let bearer = Arc::new(
        builder(&clock)
            .fetched_keys(server.url.clone(), HttpsFetch::new())
            .build()
            .unwrap(),
    );
    assert!(bearer.verify(&token).await.is_ok());
    let flood = |round: u32| {
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..1_000 {
            let kid = format!("{round}-{number}");
            let token = signer.token(EdDsa, &json!({"kid": kid}), &claims());
            let bearer = Arc::clone(&bearer);
            tasks.spawn(async move { assert_eq!(bearer.verify(&token).await, Err(unknown(&kid))) });
        }
        tasks.join_all()
    };
    flood(1).await;
    assert_eq!(server.requests(), 2, "one for the first token, one for the flood");
    flood(2).await;
    let late = signer.token(EdDsa, &json!({"kid": "late"}), &claims());
    assert_eq!(
        bearer.verify_now(&late),
        Some(Err(unknown("late"))),
        "refused at once"
    );
    clock.advance(Duration::from_millis(29_999));
    flood(3).await;
    assert_eq!(server.requests(), 2);
    clock.advance(Duration::from_millis(1));
    assert_eq!(bearer.verify_now(&late), None);
    flood(4).await;
    assert_eq!(server.requests(), 3);
    assert!(
        bearer.verify_now(&token).unwrap().is_ok(),
        "known keys do not notice"
    );
}

#[tokio::test]
async fn a_flood_before_there_are_keys_makes_one_fetch() {
    let (signer, jwk, token) = key("1");
    let server = KeyServer::start(&[jwk]).await;
    let bearer = Arc::new(
        builder(&clock())
            .fetched_keys(server.url.clone(), HttpsFetch::new())
            .build()
            .unwrap(),
    );
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..1_000 {
        let header = json!({"kid": format!("x{number}")});
        let token = if number == 500 {
            token.clone()
        } else {
            signer.token(EdDsa, &header, &claims())
        };
        let bearer = Arc::clone(&bearer);
        tasks.spawn(async move { assert_eq!(bearer.verify(&token).await.is_ok(), number == 500) });
    }
    tasks.join_all().await;
    assert_eq!(server.requests(), 1);
}

#[tokio::test]
async fn a_request_that_goes_away_does_not_end_the_flight() {
    let (_, jwk, token) = key("1");
    let server = KeyServer::start(&[jwk]).await;
    let bearer = builder(&clock())
        .fetched_keys(server.url.clone(), HttpsFetch::new())
        .build()
        .unwrap();
    let abandoned = tokio::time::timeout(Duration::ZERO, bearer.verify(&token)).await;
    assert!(abandoned.is_err());
    assert!(bearer.verify(&token).await.is_ok());
    assert_eq!(server.requests(), 1);
}

#[rstest]
#[case::dead(Answer::Error)]
#[case::no_document(Answer::Document("<html>".to_owned(), ""))]
#[case::no_keys(Answer::Document(set(&[]), ""))]
#[case::no_usable_key(Answer::Document(set(&[json!({"kty": "oct", "k": "AA"})]), ""))]
#[case::too_long(Answer::Document(" ".repeat(256 * 1024 + 1), ""))]
#[case::too_many(Answer::Document(set(&vec![json!({}); 101]), ""))]
#[tokio::test]
async fn a_server_that_fails_stops_nobody_whose_key_is_known(#[case] failure: Answer) {
    let (clock, (signer, jwk, token)) = (clock(), key("1"));
    let server = KeyServer::start(std::slice::from_ref(&jwk)).await;
    let bearer = builder(&clock)
        .fetched_keys(server.url.clone(), HttpsFetch::new())
        .build()
        .unwrap();
    assert!(bearer.verify(&token).await.is_ok());

    server.answer(failure);
    let other = signer.token(
        EdDsa,
        &json!({"kid": "2"}),
        &claims_with(&json!({"exp": NOW + 1_000_000})),
    );
    let known = |number: u64| {
        let claims = claims_with(&json!({"jti": number, "exp": NOW + 1_000_000}));
        signer.token(EdDsa, &json!({"kid": "1"}), &claims)
    };
    // The first failure, and then one more behind each pause, which grows to five minutes.
    let mut requests = 1;
    for pause in [0, 30, 60, 120, 240, 300, 300] {
        if pause > 0 {
            clock.advance(Duration::from_millis(pause * 1000 - 1));
            assert_eq!(bearer.verify(&other).await, Err(unknown("2")));
            assert_eq!(
                server.requests(),
                requests,
                "nothing is fetched in the pause of {pause} s"
            );
            clock.advance(Duration::from_millis(1));
        }
        assert_eq!(bearer.verify(&other).await, Err(unknown("2")));
        requests += 1;
        assert_eq!(server.requests(), requests);
        assert!(bearer.verify_now(&token).unwrap().is_ok(), "seen before");
        assert!(bearer.verify_now(&known(pause)).unwrap().is_ok(), "verified anew");
    }

    let (_, new, of_new) = key("3");
    server.publish(&[jwk, new]);
    clock.advance(Duration::from_mins(5));
    assert!(bearer.verify(&of_new).await.is_ok(), "it is alive again");
    assert!(bearer.verify_now(&token).unwrap().is_ok());
}

#[tokio::test]
async fn without_any_keys_tokens_are_refused_at_once_until_it_is_time_to_ask_again() {
    let (clock, (_, jwk, token)) = (clock(), key("1"));
    let server = KeyServer::start(&[]).await;
    server.answer(Answer::Error);
    let bearer = builder(&clock)
        .fetched_keys(server.url.clone(), HttpsFetch::new())
        .build()
        .unwrap();
    assert_eq!(bearer.verify(&token).await, Err(BadToken::NoKeys));
    assert_eq!(bearer.verify_now(&token), Some(Err(BadToken::NoKeys)));
    server.publish(&[jwk]);
    clock.advance(Duration::from_secs(30));
    assert!(bearer.verify(&token).await.is_ok());
    assert_eq!(server.requests(), 2);
}

#[test]
fn nothing_panics_where_there_is_no_runtime() {
    let (_, _, token) = key("1");
    let url = "https://issuer.example/keys".parse().unwrap();
    let bearer = builder(&clock())
        .fetched_keys(url, HttpsFetch::new())
        .build()
        .unwrap();
    assert_eq!(bearer.verify_now(&token), None);
}
