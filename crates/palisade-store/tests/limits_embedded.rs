//! Counters that survive their process: their file, and what a restart finds.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use palisade_core::{Demand, LimitCounter, LimitKey, LimitRule, LimitStore, Standing, WindowKind};
use palisade_store::{
    EmbeddedLimits, EmbeddedLimitsConfig, EmbeddedReplay, EmbeddedReplayConfig, MemoryLimits, OpenError,
};
use proptest::collection::vec;
use proptest::prelude::*;
use rstest::rstest;

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_800_000_000 + seconds)
}

fn key(name: &impl ToString) -> LimitKey {
    LimitKey::name(&name.to_string()).unwrap()
}

fn rate(burst: u64, interval: u64) -> LimitRule {
    let interval = Duration::from_secs(interval);
    LimitRule::Rate { burst, interval }
}

fn window(limit: u128, seconds: u64, kind: WindowKind) -> LimitRule {
    LimitRule::Window {
        limit,
        period: Duration::from_secs(seconds),
        kind,
    }
}

fn calendar(limit: u128, seconds: u64) -> LimitRule {
    window(limit, seconds, WindowKind::Calendar)
}

fn sliding(limit: u128, seconds: u64) -> LimitRule {
    window(limit, seconds, WindowKind::Sliding)
}

fn open(data_dir: &Path) -> Result<EmbeddedLimits, OpenError> {
    EmbeddedLimits::open(&EmbeddedLimitsConfig::new(data_dir))
}

fn counter(store: &dyn LimitStore, name: &str, rule: LimitRule) -> Arc<LimitCounter> {
    Arc::new(LimitCounter::new(store, name, rule, 1000))
}

async fn take(store: &dyn LimitStore, counter: &Arc<LimitCounter>, name: &str, units: u128) -> Standing {
    let mut demands = [Demand::new(Arc::clone(counter), key(&name), units)];
    store.take(&mut demands, at(0)).outcome().await.unwrap();
    demands[0].standing
}

async fn left(store: &dyn LimitStore, counter: &Arc<LimitCounter>, name: &str, seconds: u64) -> u128 {
    let mut demands = [Demand::new(Arc::clone(counter), key(&name), 0)];
    store.look(&mut demands, at(seconds)).outcome().await.unwrap();
    demands[0].standing.remaining
}

/// How many keys are in the file.
fn records(data_dir: &Path) -> usize {
    let database = redb::Database::open(data_dir.join("limits.redb")).unwrap();
    let transaction = redb::ReadableDatabase::begin_read(&database).unwrap();
    let keys = redb::TableDefinition::<(&str, [u8; 24]), &[u8]>::new("keys");
    let table = transaction.open_table(keys).unwrap();
    usize::try_from(redb::ReadableTableMetadata::len(&table).unwrap()).unwrap()
}

#[rstest]
#[case::rate(rate(10, 60))]
#[case::calendar(calendar(10, 3600))]
#[case::sliding(sliding(10, 3600))]
#[tokio::test]
async fn what_was_used_before_a_restart_is_used_after_it(#[case] rule: LimitRule) {
    let folder = tempfile::tempdir().unwrap();
    {
        let store = open(folder.path()).unwrap();
        let counter = counter(&store, "limit", rule);
        assert_eq!(take(&store, &counter, "a", 3).await.taken, 3);
        assert_eq!(take(&store, &counter, "a", 4).await.remaining, 3);
        assert_eq!(take(&store, &counter, "b", 10).await.remaining, 0);
        assert!(take(&store, &counter, "c", 11).await.exceeded);
    }
    assert_eq!(records(folder.path()), 2);
    let store = open(folder.path()).unwrap();
    let counter = counter(&store, "limit", rule);
    for (name, remaining) in [("a", 3), ("b", 0), ("c", 10)] {
        assert_eq!(left(&store, &counter, name, 0).await, remaining, "{name}");
    }
    assert!(take(&store, &counter, "a", 4).await.exceeded);
    assert!(!take(&store, &counter, "a", 3).await.exceeded);
    let keys = store.keys(&counter, 10, at(0)).await.unwrap();
    assert_eq!(
        keys.into_iter().collect::<BTreeSet<_>>(),
        [key(&"a"), key(&"b")].into()
    );
}

#[rstest]
#[case::more(rate(10, 60), rate(20, 60), 13)]
#[case::slower(rate(10, 60), rate(10, 3600), 3)]
#[case::less(calendar(10, 3600), calendar(5, 3600), 0)]
#[case::longer(calendar(10, 60), calendar(10, 3600), 3)]
#[case::another_kind(calendar(10, 60), sliding(10, 60), 3)]
#[tokio::test]
async fn what_was_used_stays_used_when_the_rule_changes_with_a_restart(
    #[case] before: LimitRule,
    #[case] after: LimitRule,
    #[case] remaining: u128,
) {
    let folder = tempfile::tempdir().unwrap();
    {
        let store = open(folder.path()).unwrap();
        take(&store, &counter(&store, "limit", before), "a", 7).await;
    }
    let store = open(folder.path()).unwrap();
    assert_eq!(
        left(&store, &counter(&store, "limit", after), "a", 0).await,
        remaining
    );
}

#[tokio::test]
async fn what_was_given_back_is_back_after_a_clean_end() {
    let folder = tempfile::tempdir().unwrap();
    {
        let store = open(folder.path()).unwrap();
        let counter = counter(&store, "quota", calendar(10, 3600));
        take(&store, &counter, "a", 1).await;
        for name in ["a", "b"] {
            let mut demands = [Demand::new(Arc::clone(&counter), key(&name), 5)];
            store.take(&mut demands, at(0)).outcome().await.unwrap();
            store.give_back(&mut demands, at(0)).outcome().await.unwrap();
        }
    }
    assert_eq!(records(folder.path()), 1);
    let store = open(folder.path()).unwrap();
    let counter = counter(&store, "quota", calendar(10, 3600));
    assert_eq!(left(&store, &counter, "a", 0).await, 9);
    assert_eq!(left(&store, &counter, "b", 0).await, 10);
}

#[tokio::test]
async fn a_name_that_was_counted_is_known_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let demand = |store: &EmbeddedLimits, name: &str, id| {
        let mut demand = Demand::new(counter(store, "quota", calendar(10, 3600)), key(&name), 2);
        demand.once = Some([id; 16]);
        [demand]
    };
    {
        let store = open(folder.path()).unwrap();
        store
            .take(&mut demand(&store, "a", 1), at(0))
            .outcome()
            .await
            .unwrap();
    }
    let store = open(folder.path()).unwrap();
    for (name, id, taken, remaining) in [("a", 1, 0, 8), ("a", 2, 2, 6), ("b", 1, 2, 8)] {
        let mut demands = demand(&store, name, id);
        store.take(&mut demands, at(0)).outcome().await.unwrap();
        let stand = demands[0].standing;
        assert_eq!((stand.taken, stand.remaining), (taken, remaining), "{name} {id}");
    }
    let quota = counter(&store, "quota", calendar(10, 3600));
    assert_eq!(store.reset(&quota, Some(key(&"a"))).await.unwrap(), 1);
    let mut again = demand(&store, "a", 1);
    store.take(&mut again, at(0)).outcome().await.unwrap();
    assert_eq!(again[0].standing.taken, 2);
}

#[tokio::test]
async fn permits_end_with_the_process_and_never_wait() {
    let folder = tempfile::tempdir().unwrap();
    let rule = LimitRule::InFlight { max: 2 };
    {
        let store = open(folder.path()).unwrap();
        let mut demands = [Demand::new(counter(&store, "permits", rule), key(&"a"), 2)];
        assert!(matches!(
            store.take(&mut demands, at(0)),
            palisade_core::Taking::Done(Ok(()))
        ));
    }
    assert_eq!(records(folder.path()), 0);
    let store = open(folder.path()).unwrap();
    assert_eq!(left(&store, &counter(&store, "permits", rule), "a", 0).await, 2);
}

#[tokio::test]
async fn keys_that_are_whole_again_leave_the_file() {
    let folder = tempfile::tempdir().unwrap();
    {
        let store = open(folder.path()).unwrap();
        for rule in [rate(10, 60), calendar(10, 3600), sliding(10, 3600)] {
            let counter = counter(&store, &format!("{rule:?}"), rule);
            for number in 0..20 {
                let mut demands = [Demand::new(Arc::clone(&counter), key(&number), 1)];
                demands[0].once = Some([1; 16]);
                store.take(&mut demands, at(0)).outcome().await.unwrap();
            }
        }
    }
    assert_eq!(records(folder.path()), 20 + 40 + 40);
    {
        // Nobody asks for the counters; time goes on all the same.
        let store = open(folder.path()).unwrap();
        let other = counter(&store, "other", rate(1, 1));
        assert_eq!(left(&store, &other, "a", 2 * 3600).await, 1);
    }
    assert_eq!(records(folder.path()), 0);
}

#[tokio::test]
async fn what_was_reset_is_reset_on_disk() {
    let folder = tempfile::tempdir().unwrap();
    {
        let store = open(folder.path()).unwrap();
        let [first, second] = ["first", "second"].map(|name| counter(&store, name, calendar(10, 3600)));
        for counter in [&first, &second] {
            for name in ["a", "b"] {
                take(&store, counter, name, 4).await;
            }
        }
        assert_eq!(store.reset(&first, Some(key(&"a"))).await.unwrap(), 1);
        assert_eq!(store.reset(&second, None).await.unwrap(), 2);
    }
    assert_eq!(records(folder.path()), 1);
    let store = open(folder.path()).unwrap();
    let first = counter(&store, "first", calendar(10, 3600));
    assert_eq!(left(&store, &first, "a", 0).await, 10);
    assert_eq!(left(&store, &first, "b", 0).await, 6);
}

#[tokio::test]
async fn the_bucket_of_those_beyond_the_bound_survives() {
    let folder = tempfile::tempdir().unwrap();
    let one_key = |store: &EmbeddedLimits| Arc::new(LimitCounter::new(store, "quota", calendar(10, 3600), 1));
    {
        let store = open(folder.path()).unwrap();
        assert!(!take(&store, &one_key(&store), "a", 1).await.overflowed);
        assert!(take(&store, &one_key(&store), "b", 4).await.overflowed);
    }
    let store = open(folder.path()).unwrap();
    let after = take(&store, &one_key(&store), "c", 5).await;
    assert_eq!((after.overflowed, after.remaining), (true, 1));
    assert_eq!(take(&store, &one_key(&store), "a", 1).await.remaining, 8);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_tasks_get_exactly_the_limit() {
    let folder = tempfile::tempdir().unwrap();
    let total = {
        let store = Arc::new(open(folder.path()).unwrap());
        let counters = [calendar(700, 3600), sliding(500, 3600), rate(600, 1_000_000)]
            .map(|rule| counter(&*store, &format!("{rule:?}"), rule));
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..50 {
            let (store, counters) = (Arc::clone(&store), counters.clone());
            tasks.spawn(async move {
                let mut met = 0;
                for _ in 0..40 {
                    let mut demands = counters
                        .each_ref()
                        .map(|counter| Demand::new(Arc::clone(counter), key(&"a"), 1));
                    store.take(&mut demands, at(0)).outcome().await.unwrap();
                    met += u64::from(demands.iter().all(|demand| !demand.standing.exceeded));
                }
                met
            });
        }
        tasks.join_all().await.into_iter().sum::<u64>()
    };
    assert_eq!(total, 500);
    let store = open(folder.path()).unwrap();
    for (rule, remaining) in [
        (calendar(700, 3600), 200),
        (sliding(500, 3600), 0),
        (rate(600, 1_000_000), 100),
    ] {
        let counter = counter(&store, &format!("{rule:?}"), rule);
        assert_eq!(
            left(&store, &counter, "a", 0).await,
            remaining,
            "{rule:?}, after a clean end"
        );
    }
}

#[tokio::test]
async fn a_busy_key_does_not_wait_for_every_call() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    let counter = counter(&store, "quota", calendar(1_000_000, 3600));
    let mut waited = 0;
    for _ in 0..10_000 {
        let mut demands = [Demand::new(Arc::clone(&counter), key(&"a"), 1)];
        let taking = store.take(&mut demands, at(0));
        waited += u32::from(matches!(taking, palisade_core::Taking::Wait(_)));
        taking.outcome().await.unwrap();
    }
    assert!(waited < 1000, "{waited} of 10,000 waited");
    assert_eq!(left(&store, &counter, "a", 0).await, 990_000);
}

#[tokio::test]
async fn a_busy_key_does_not_wait_for_every_amount() {
    const EURO: u128 = 1_000_000_000_000_000_000;
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    let counter = counter(&store, "amount", calendar(u128::MAX, 3600));
    let mut waited = 0;
    for _ in 0..2_000 {
        let mut demands = [Demand::new(Arc::clone(&counter), key(&"a"), 250 * EURO)];
        let taking = store.take(&mut demands, at(0));
        waited += u32::from(matches!(taking, palisade_core::Taking::Wait(_)));
        taking.outcome().await.unwrap();
    }
    assert!(waited < 500, "{waited} of 2,000 waited");
    assert_eq!(left(&store, &counter, "a", 0).await, u128::MAX - 500_000 * EURO);
}

#[test]
fn a_key_takes_no_more_memory_than_is_written() {
    const KEYS: usize = 12_000;
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let store = open(folder.path()).unwrap();
    let quota = Arc::new(LimitCounter::new(&store, "quota", calendar(10, 3600), KEYS));
    let info = allocation_counter::measure(|| {
        runtime.block_on(async {
            for batch in 0..KEYS / 1000 {
                let mut demands: Vec<_> = (0..1000)
                    .map(|number| Demand::new(Arc::clone(&quota), key(&(batch * 1000 + number)), 1))
                    .collect();
                store.take(&mut demands, at(0)).outcome().await.unwrap();
            }
        });
    });
    let each = usize::try_from(info.bytes_current).unwrap() / KEYS;
    assert!(each <= 448, "{each}");
}

#[test]
fn an_identifier_takes_no_more_memory_than_is_written() {
    const KEYS: u128 = 12_000;
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let store = open(folder.path()).unwrap();
    let rule = calendar(u128::MAX, 3600);
    let quota = Arc::new(LimitCounter::new(&store, "quota", rule, KEYS.try_into().unwrap()));
    let info = allocation_counter::measure(|| {
        runtime.block_on(async {
            for batch in 0..KEYS / 1000 {
                let mut demands: Vec<_> = (0..1000)
                    .map(|number| {
                        let mut demand = Demand::new(Arc::clone(&quota), LimitKey::EVERYBODY, 1);
                        demand.once = Some((batch * 1000 + number).to_le_bytes());
                        demand
                    })
                    .collect();
                store.take(&mut demands, at(0)).outcome().await.unwrap();
            }
        });
    });
    let each = u128::try_from(info.bytes_current).unwrap() / KEYS;
    assert!(each <= 512, "{each}");
}

#[tokio::test]
async fn a_directory_has_one_server_at_a_time_and_that_has_both_files() {
    let folder = tempfile::tempdir().unwrap();
    let replays = EmbeddedReplay::open(&EmbeddedReplayConfig::new(folder.path())).unwrap();
    let limits = open(folder.path()).unwrap();
    let error = open(folder.path()).unwrap_err();
    assert!(matches!(error, OpenError::InUse { .. }), "{error:?}");
    assert_eq!(
        error.to_string(),
        format!(
            "{} is in use by another server; give each server a data directory of its own",
            folder.path().display()
        )
    );
    drop(limits);
    let limits = open(folder.path()).unwrap();
    drop((replays, limits));
    open(folder.path()).unwrap();
}

#[rstest]
#[case::empty(|_: Vec<u8>| Vec::new())]
#[case::something_else(|_: Vec<u8>| b"a file of somebody else".repeat(1000))]
#[case::cut_in_half(|file: Vec<u8>| file[..file.len() / 2].to_vec())]
#[tokio::test]
async fn a_damaged_file_is_an_error_and_stays(#[case] damage: fn(Vec<u8>) -> Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    take(&store, &counter(&store, "quota", calendar(10, 3600)), "a", 1).await;
    drop(store);
    let file = folder.path().join("limits.redb");
    fs::write(&file, damage(fs::read(&file).unwrap())).unwrap();
    for _ in 0..2 {
        let error = open(folder.path()).unwrap_err();
        assert!(matches!(error, OpenError::Damaged { .. }), "{error:?}");
        assert!(
            error
                .to_string()
                .contains("remove the file to start again with nothing used"),
            "{error}"
        );
    }
}

#[test]
fn a_record_that_cannot_be_read_is_a_damage() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path()).unwrap());
    let database = redb::Database::open(folder.path().join("limits.redb")).unwrap();
    let transaction = database.begin_write().unwrap();
    let keys = redb::TableDefinition::<(&str, [u8; 24]), &[u8]>::new("keys");
    let mut table = transaction.open_table(keys).unwrap();
    table.insert(("quota", [3; 24]), [1_u8, 2, 3].as_slice()).unwrap();
    drop(table);
    transaction.commit().unwrap();
    drop(database);
    let error = open(folder.path()).unwrap_err();
    assert!(matches!(error, OpenError::Damaged { .. }), "{error:?}");
}

#[derive(Debug, Clone)]
enum Step {
    Take(Vec<(usize, u8, u128, Option<u8>)>),
    GiveBack,
    Wait(u64),
    Rule(usize),
    Restart,
}

const RULES: [[fn() -> LimitRule; 2]; 3] = [
    [|| rate(5, 10), || rate(8, 3)],
    [|| calendar(9, 60), || calendar(4, 60)],
    [|| sliding(9, 60), || sliding(4, 60)],
];

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let wanted = (
        0..3_usize,
        0..3_u8,
        0..4_u128,
        prop::option::weighted(0.3, 0..3_u8),
    );
    let step = prop_oneof![
        8 => vec(wanted, 1..4).prop_map(Step::Take),
        2 => Just(Step::GiveBack),
        2 => (1..40_u64).prop_map(Step::Wait),
        // Another rule would count on from when it was first asked here, and from the restart there, where nothing was taken meanwhile.
        1 => Just(Step::Rule(0)),
        2 => Just(Step::Restart),
    ];
    vec(step, 1..30)
}

/// What can be said of a demand, whatever the store's own mark is.
fn told(demands: &[Demand]) -> Vec<Standing> {
    let stand = demands.iter().map(|demand| demand.standing);
    stand
        .map(|stand| {
            let mut stand = stand;
            stand.window = 0;
            stand
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn with_restarts_it_says_what_memory_says_without(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let memory = MemoryLimits::new();
        let mut disk = Some(open(folder.path()).unwrap());
        let (mut now, mut rule, mut last) = (0, 0, [Vec::new(), Vec::new()]);
        for step in steps {
            let store = disk.as_ref().unwrap();
            match step {
                Step::Take(wanted) => {
                    let demands = |store: &dyn LimitStore| -> Vec<Demand> {
                        wanted.iter().map(|(which, name, units, once)| {
                            let of = counter(store, &which.to_string(), RULES[*which][rule]());
                            let mut demand = Demand::new(of, key(&name), *units);
                            demand.once = once.map(|id| [id; 16]);
                            demand
                        }).collect()
                    };
                    let (mut here, mut there) = (demands(&memory), demands(store));
                    runtime.block_on(memory.take(&mut here, at(now)).outcome()).unwrap();
                    runtime.block_on(store.take(&mut there, at(now)).outcome()).unwrap();
                    prop_assert_eq!(told(&here), told(&there));
                    last = [here, there];
                }
                Step::GiveBack => {
                    let [here, there] = &mut last;
                    runtime.block_on(memory.give_back(here, at(now)).outcome()).unwrap();
                    runtime.block_on(store.give_back(there, at(now)).outcome()).unwrap();
                }
                Step::Wait(seconds) => now += seconds,
                Step::Rule(which) => rule = which,
                Step::Restart => {
                    drop(disk.take());
                    disk = Some(open(folder.path()).unwrap());
                    last = [Vec::new(), Vec::new()];
                }
            }
        }
    }
}
