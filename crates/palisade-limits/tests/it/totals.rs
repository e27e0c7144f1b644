//! Totals of a hundred thousand transactions, beside a model that counts in whole cents.

use std::collections::HashMap;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::common::{World, pay};

/// How many transactions there are in all.
const TRANSACTIONS: usize = 100_000;
/// How many of them make a case, each in a world of its own.
const CASE: usize = 5_000;

const MAX_EACH: u64 = 500_000;
const MAX_TOTAL: u64 = 20_000_000;

const LIMIT: &str = "\
amount-limit.pointer=/pay/amount
amount-limit.max-per-transaction=5000.00
amount-limit.max-total=200000
amount-limit.per=1h
amount-limit.store=memory
";

/// A transaction of one or several amounts, in cents.
#[derive(Debug, Clone)]
struct Transaction {
    caller: u8,
    cents: Vec<u64>,
    /// In which spelling each amount is written.
    spelling: u8,
    is_xml: bool,
    /// What the handler makes of it.
    status: u16,
    /// How long after the one before.
    seconds: u64,
}

/// The same number in other words.
fn spelt(cents: u64, spelling: u8) -> String {
    let (whole, part) = (cents / 100, cents % 100);
    match spelling % 5 {
        0 => format!("{whole}.{part:02}"),
        1 => format!("\"{whole}.{part:02}\""),
        2 => format!("{cents}e-2"),
        3 => format!("{whole}.{part:02}0000"),
        _ if part == 0 => format!("{whole}"),
        _ => format!("{whole}.{part:02}E+0"),
    }
}

impl Transaction {
    fn body(&self) -> (&'static str, String) {
        if self.is_xml {
            let amounts = self.cents.iter().fold(String::new(), |xml, cents| {
                format!("{xml}<amount>{}.{:02}</amount>", cents / 100, cents % 100)
            });
            return ("application/xml", format!("<pay>{amounts}</pay>"));
        }
        let amounts: Vec<String> = (self.cents.iter().zip(self.spelling..=u8::MAX))
            .map(|(cents, spelling)| spelt(*cents, spelling))
            .collect();
        (
            "application/json",
            format!(r#"{{"pay":{{"amount":[{}]}}}}"#, amounts.join(",")),
        )
    }
}

fn transaction() -> impl Strategy<Value = Transaction> {
    let amount = prop_oneof![
        8 => 0..=10_000_u64,
        4 => 0..=MAX_EACH,
        1 => MAX_EACH - 1..=MAX_EACH + 1,
    ];
    let status = prop_oneof![8 => Just(200_u16), 1 => Just(404), 1 => Just(500), 1 => Just(302)];
    (
        0..5_u8,
        proptest::collection::vec(amount, 1..4),
        0..200_u8,
        any::<bool>(),
        status,
        prop_oneof![20 => Just(0_u64), 5 => 1..10_u64, 1 => 600..4_000_u64],
    )
        .prop_map(|(caller, cents, spelling, is_xml, status, seconds)| Transaction {
            caller,
            cents,
            spelling,
            is_xml,
            status,
            seconds,
        })
}

/// What every caller has used in the hour.
#[derive(Default)]
struct Model {
    hour: u64,
    used: HashMap<u8, u64>,
}

impl Model {
    fn answer(&mut self, now: u64, transaction: &Transaction) -> (u16, &'static str) {
        if now / 3600 != self.hour {
            self.hour = now / 3600;
            self.used.clear();
        }
        if transaction.cents.iter().any(|cents| *cents > MAX_EACH) {
            return (422, "amount-too-high");
        }
        let used = self.used.entry(transaction.caller).or_default();
        let total = *used + transaction.cents.iter().sum::<u64>();
        if total > MAX_TOTAL {
            return (429, "amount-total-exceeded");
        }
        if transaction.status < 400 {
            *used = total;
        }
        (transaction.status, "")
    }
}

#[test]
fn totals_are_exact_to_the_last_cent() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    let cases = u32::try_from(TRANSACTIONS / CASE).expect("few");
    let mut runner = TestRunner::new(Config {
        cases,
        max_shrink_iters: 200,
        ..Config::default()
    });
    let outcome = runner.run(&proptest::collection::vec(transaction(), CASE), |transactions| {
        let world = World::of(LIMIT);
        let (mut model, mut now) = (Model::default(), crate::common::NOON);
        for (position, transaction) in transactions.iter().enumerate() {
            world.advance(transaction.seconds);
            now += transaction.seconds;
            let (media_type, body) = transaction.body();
            let mut request = pay(&format!("caller-{}", transaction.caller), media_type, body);
            let status = transaction.status.to_string();
            request
                .headers_mut()
                .insert("x-answer", status.parse().expect("a value"));
            let answer = runtime.block_on(world.send(request));
            let code = if answer.status >= 400 {
                answer.code()
            } else {
                String::new()
            };
            let (status, expected) = model.answer(now, transaction);
            prop_assert_eq!(
                (answer.status, code.as_str()),
                (status, expected),
                "{} {:?}",
                position,
                transaction
            );
        }
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}
