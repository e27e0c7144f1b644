//! What operators write, and what they are told of mistakes.

use std::sync::Arc;

use palisade_core::SystemClock;
use palisade_endpoint::Environment;
use rstest::rstest;

use crate::common::{World, compile, interceptor};

fn complaints(settings: &str) -> String {
    let environment = Environment::new(Arc::new(SystemClock::new()));
    let errors = compile(&interceptor(settings), &environment).expect_err("it is wrong");
    errors.to_string()
}

const AMOUNT: &str = "amount-limit.max-total=1\namount-limit.store=memory\n";

#[rstest]
#[case(
    "rate-limit.requests=0\nrate-limit.per=1s",
    "rate-limit.requests",
    "at least 1"
)]
#[case("rate-limit.requests=1", "rate-limit", "per")]
#[case("rate-limit.per=1s", "rate-limit", "requests")]
#[case("rate-limit.requests=1\nrate-limit.per=0", "rate-limit.per", "period")]
#[case("rate-limit.requests=1\nrate-limit.per=soon", "rate-limit.per", "period")]
#[case(
    "rate-limit.requests=1\nrate-limit.per=1s\nrate-limit.burst=0",
    "rate-limit.burst",
    "at least 1"
)]
#[case(
    "rate-limit.requests=1\nrate-limit.per=1s\nrate-limit.key=ip",
    "rate-limit.key",
    "peer"
)]
#[case(
    "rate-limit.requests=1\nrate-limit.per=1s\nrate-limit.key=header:",
    "rate-limit.key",
    "header:<name>"
)]
#[case(
    "rate-limit.requests=1\nrate-limit.per=1s\nrate-limit.max-keys=0",
    "rate-limit.max-keys",
    "at least 1"
)]
#[case(
    "rate-limit.requests=1\nrate-limit.per=1s\nrate-limit.store=redis",
    "rate-limit.store",
    "memory"
)]
#[case(
    "rate-limit.requests=1\nrate-limit.per=1s\nrate-limit.on-failure=maybe",
    "rate-limit.on-failure",
    "deny"
)]
#[case("concurrency.max=0", "concurrency.max", "at least 1")]
#[case(
    "quota.transactions=0\nquota.store=memory",
    "quota.transactions",
    "at least 1"
)]
#[case(
    "quota.transactions=1\nquota.store=memory\nquota.per=1500ms",
    "quota.per",
    "whole seconds"
)]
#[case(
    "quota.transactions=1\nquota.store=memory\nquota.window=rolling",
    "quota.window",
    "sliding"
)]
#[case(
    "quota.transactions=1\nquota.store=memory\nquota.idempotency-header=a b",
    "quota.idempotency-header",
    "header field"
)]
#[case(
    "amount-limit.pointer=amount\namount-limit.max-total=1\namount-limit.store=memory",
    "amount-limit.pointer",
    "/"
)]
#[case("amount-limit.pointer=/a", "amount-limit", "max-total")]
#[case(
    "amount-limit.pointer=/a\namount-limit.max-total=-1\namount-limit.store=memory",
    "amount-limit.max-total",
    ""
)]
#[case(
    "amount-limit.pointer=/a\namount-limit.max-per-transaction=1\namount-limit.key=caller",
    "amount-limit.key",
    "principal"
)]
#[case(
    "amount-limit.pointer=/a\namount-limit.max-total=ten\namount-limit.store=memory",
    "amount-limit.max-total",
    ""
)]
fn a_mistake_is_told_with_its_key(#[case] settings: &str, #[case] key: &str, #[case] expected: &str) {
    let complaints = complaints(settings);
    assert!(
        complaints.contains(&format!("palisade.interceptors.P.{key}")),
        "{complaints}"
    );
    assert!(complaints.contains(expected), "{complaints}");
}

#[rstest]
#[case("currency", "EUR", "currency-pointer")]
#[case("currency-pointer", "/c", "currency")]
fn a_currency_needs_both_its_name_and_its_place(
    #[case] given: &str,
    #[case] value: &str,
    #[case] lacking: &str,
) {
    let complaints = complaints(&format!(
        "{AMOUNT}amount-limit.pointer=/a\namount-limit.{given}={value}"
    ));
    assert!(
        complaints.contains(&format!("amount-limit.{lacking}")),
        "{complaints}"
    );
}

#[test]
fn every_mistake_is_told_at_once() {
    let complaints =
        complaints("rate-limit.requests=0\nrate-limit.per=1s\nquota.transactions=0\nquota.store=memory");
    assert!(
        complaints.contains("rate-limit.requests") && complaints.contains("quota.transactions"),
        "{complaints}"
    );
}

#[rstest]
#[case("rate-limit.requests=1\nrate-limit.per=1s", &[])]
#[case("rate-limit.requests=1\nrate-limit.per=1s\nrate-limit.key=header:x-client", &[("limit-key-chosen-by-client", "rate-limit.key")])]
#[case("quota.transactions=1\nquota.store=memory", &[("limit-forgets", "quota.store")])]
#[case(
    "amount-limit.pointer=/items/0/amount\namount-limit.max-per-transaction=1\namount-limit.store=memory",
    &[("limit-forgets", "amount-limit.store"), ("amount-without-currency", "amount-limit.currency"), ("amount-of-one-element", "amount-limit.pointer")]
)]
fn what_is_unwise_is_a_finding(#[case] settings: &str, #[case] expected: &[(&str, &str)]) {
    let world = World::of(settings);
    let policy = world.policy();
    let found: Vec<(&str, &str)> = policy
        .findings()
        .iter()
        .map(|finding| {
            let key = finding.key.as_deref().unwrap_or_default();
            (
                finding.code.as_ref(),
                key.strip_prefix("palisade.interceptors.P.").unwrap_or(key),
            )
        })
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn each_stage_is_explained_with_its_own_settings_and_its_key() {
    let world = World::of(
        "rate-limit.requests=1\nrate-limit.per=1s\nquota.transactions=7\nquota.store=memory\nconcurrency.max=3",
    );
    let mut probe =
        palisade_endpoint::Probe::new(http::Method::GET, "/server/rest/Pay/Order".parse().unwrap());
    probe.peer = Some([192, 0, 2, 1].into());
    let explanation = world.policy().explain(&probe);
    let stages: Vec<_> = explanation
        .stages
        .iter()
        .map(|stage| {
            let keys = stage.settings.iter().map(|setting| {
                setting
                    .key
                    .strip_prefix("palisade.interceptors.P.")
                    .unwrap_or(&setting.key)
                    .to_owned()
            });
            (stage.stage, keys.collect::<Vec<_>>(), stage.reason.clone())
        })
        .collect();
    let counted = |by: &str| Some(format!("counted by {by}"));
    assert_eq!(
        stages,
        [
            (
                "rate-limit",
                vec!["rate-limit.requests".to_owned(), "rate-limit.per".to_owned()],
                counted("peer: 192.0.2.1")
            ),
            (
                "concurrency",
                vec!["concurrency.max".to_owned()],
                counted("endpoint: all")
            ),
            ("believe", vec!["believe.on".to_owned()], None),
            (
                "quota",
                vec!["quota.transactions".to_owned(), "quota.store".to_owned()],
                None
            ),
        ]
    );
}
