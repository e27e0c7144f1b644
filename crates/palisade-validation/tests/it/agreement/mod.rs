//! Whether other validators say what we say of requests that are good, and of requests that are wrong in one thing.
//!
//! The requests are made, always the same ones, from documents: two versions of OpenAPI and every style of parameters, the Swagger
//! Petstore, and the document of an example, which others wrote. We have to answer as the specifications say. Where another validator
//! does not, the difference is of a class that `tests/openapi/differences.json` explains; others fail the test.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "helpers of tests may fail loudly"
)]

mod bodies;
mod contract;
mod differences;
mod parameters;
mod trials;
mod values;
mod variants;
mod verdicts;
mod writing;

use std::path::{Path, PathBuf};
use std::thread;

use self::contract::Contract;
use self::differences::Known;
use self::trials::{Expected, Trial, Trials};
use self::verdicts::{Other, Ours, Table, Verdict};

/// How many requests are made at the least.
const ENOUGH: usize = 400;

fn documents() -> Vec<(&'static str, PathBuf)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/openapi");
    vec![
        ("styles", folder.join("styles.yaml")),
        ("library", folder.join("library.yaml")),
        ("parcels", folder.join("parcels.yaml")),
        ("petstore", verdicts::packaged("3.0/json/petstore.json")),
        (
            "pos",
            folder.join("../../../../examples/openapi-orders/config/openapi/pos.json"),
        ),
    ]
}

/// What was found so far.
struct Comparison {
    known: Known,
    table: Table,
    count: usize,
    /// Where we do not answer as the specifications say.
    wrong: String,
    /// Differences of no class.
    unknown: String,
}

impl Comparison {
    async fn over(&mut self, name: &'static str, path: &Path, seed: u8) {
        let contract = Contract::new(name, verdicts::document(path));
        let trials = Trials::of(&contract, seed);
        let requests: Vec<_> = trials.iter().map(|trial| trial.request.clone()).collect();
        let theirs = thread::scope(|scope| {
            let requests = &requests;
            let ask = |other: Other| (other, scope.spawn(move || other.verdicts(path, requests)));
            Other::ALL
                .map(ask)
                .map(|(other, asked)| (other, asked.join().unwrap()))
        });
        let ours = Ours::new(path);
        for (nth, trial) in trials.iter().enumerate() {
            let our = ours.verdict(&trial.request).await;
            self.count += 1;
            if !is_expected(trial.expected, &our) {
                let notes = format!("we say {our:?} instead of {:?}", trial.expected);
                self.wrong.push_str(&show(trial, &notes));
            }
            for (other, verdicts) in &theirs {
                self.compare(trial, &our, *other, &verdicts[nth]);
            }
        }
    }

    fn compare(&mut self, trial: &Trial, our: &Verdict, other: Other, their: &Verdict) {
        self.table.count(other, our, their);
        if our.is_accepted() != their.is_accepted() && !self.known.count(trial, other, our, their) {
            let notes = format!("we: {our:?}\n  {}: {their:?}", other.name());
            self.unknown.push_str(&show(trial, &notes));
        }
    }
}

fn is_expected(expected: Expected, verdict: &Verdict) -> bool {
    match (expected, verdict) {
        (Expected::Accepted, Verdict::Accepted) => true,
        (Expected::Refused(code), Verdict::Refused(found)) => code == found,
        _ => false,
    }
}

fn show(trial: &Trial, notes: &str) -> String {
    format!(
        "{} {}: {} {}\n  {}\n  {notes}\n",
        trial.document,
        trial.operation,
        trial.label,
        trial.about.join(" "),
        serde_json::to_string(&trial.request).unwrap(),
    )
}

#[tokio::test]
#[expect(clippy::disallowed_macros, reason = "what was compared is worth a look")]
async fn other_validators_agree_or_it_is_known_why_not() {
    verdicts::demand();
    let mut found = Comparison {
        known: Known::read(),
        table: Table::default(),
        count: 0,
        wrong: String::new(),
        unknown: String::new(),
    };
    for ((name, path), seed) in documents().into_iter().zip(1..) {
        found.over(name, &path, seed).await;
    }
    let Comparison {
        known, table, count, ..
    } = &found;
    println!("{count} requests\n{table}{known}");
    assert!(found.wrong.is_empty(), "--- wrong\n{}", found.wrong);
    assert!(found.unknown.is_empty(), "--- not explained\n{}", found.unknown);
    assert_eq!(known.unused(), [""; 0], "these do not occur");
    assert!(*count >= ENOUGH);
}
