//! The limits of a policy: told once each, asked without taking anything, and explained.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::{Method, StatusCode, request};
use palisade_core::{
    BoxFuture, BuildContext, BuildError, Context, CounterHandle, Demand, FactKind, Guard, Limit,
    LimitCounter, LimitKey, LimitRule, LimitStore, LimitStoreError, Phase, Principal, Rejection, Stage,
    StageKind, Taking, WindowKind,
};
use palisade_endpoint::{LimitReset, LimitStanding, Policy, Probe, Registry, Verdict};
use serde::Deserialize;
use serde_json::json;

use crate::common::{config, environment};

/// What each key of each counter has used. Whoever looks has to wait.
#[derive(Debug, Default)]
struct Store {
    used: Mutex<BTreeMap<(String, LimitKey), u128>>,
}

/// What the store has for a counter: its name.
struct Name(String);

impl Store {
    fn uses(&self, name: &str, key: &str, units: u128) {
        let key = LimitKey::name(key).unwrap();
        self.used.lock().unwrap().insert((name.to_owned(), key), units);
    }

    fn name(counter: &LimitCounter) -> &str {
        &counter.handle().get::<Name>().unwrap().0
    }
}

impl LimitStore for Store {
    fn counter(&self, name: &str, _: usize) -> CounterHandle {
        CounterHandle::new(Arc::new(Name(name.to_owned())))
    }

    fn take<'a>(&'a self, _: &'a mut [Demand], _: SystemTime) -> Taking<'a> {
        panic!("nobody takes anything here");
    }

    fn give_back<'a>(&'a self, _: &'a mut [Demand], _: SystemTime) -> Taking<'a> {
        panic!("nobody gives anything back here");
    }

    fn look<'a>(&'a self, demands: &'a mut [Demand], _: SystemTime) -> Taking<'a> {
        Taking::Wait(Box::pin(async {
            for demand in demands {
                assert_eq!(demand.units, 0, "looking wants nothing");
                let used = self.used.lock().unwrap();
                let place = (Self::name(&demand.counter).to_owned(), demand.key);
                let used = used.get(&place).copied().unwrap_or_default();
                let LimitRule::Window { limit, .. } = demand.counter.rule() else {
                    return Err(LimitStoreError::new("no window"));
                };
                demand.standing.remaining = limit - used;
                demand.standing.resets_in = Duration::from_millis(90_500);
            }
            Ok(())
        }))
    }

    fn reset<'a>(
        &'a self,
        counter: &'a LimitCounter,
        key: Option<LimitKey>,
    ) -> BoxFuture<'a, Result<u64, LimitStoreError>> {
        Box::pin(async move {
            let mut used = self.used.lock().unwrap();
            let before = used.len();
            used.retain(|(name, of), _| name != Self::name(counter) || key.is_some_and(|key| key != *of));
            Ok((before - used.len()) as u64)
        })
    }

    fn keys<'a>(
        &'a self,
        counter: &'a LimitCounter,
        at_most: usize,
        _: SystemTime,
    ) -> BoxFuture<'a, Result<Vec<LimitKey>, LimitStoreError>> {
        Box::pin(async move {
            let used = self.used.lock().unwrap();
            let own = used.keys().filter(|(name, _)| name == Self::name(counter));
            Ok(own.map(|(_, key)| *key).take(at_most).collect())
        })
    }
}

/// A limit of callers by name.
#[derive(Debug)]
struct Count {
    counter: Arc<LimitCounter>,
    store: Arc<dyn LimitStore>,
    hangs_on: Option<&'static str>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CountSettings {
    limit: u32,
    #[serde(default)]
    sliding: bool,
    #[serde(default)]
    money: bool,
}

impl StageKind for Count {
    const ROOTS: &'static [&'static str] = &["count"];
    type Settings = CountSettings;

    fn build(settings: CountSettings, cx: &BuildContext<'_>) -> Result<Vec<(Phase, Stage)>, BuildError> {
        let store: Arc<dyn LimitStore> = cx.resources.find::<Store>().unwrap_or_default();
        let rule = LimitRule::Window {
            limit: settings.limit.into(),
            period: Duration::from_secs(3600),
            kind: if settings.sliding {
                WindowKind::Sliding
            } else {
                WindowKind::Calendar
            },
        };
        let name = format!("{}.count", cx.interceptor);
        let counter = LimitCounter::new(store.as_ref(), name, rule, 10);
        let stage = Self {
            counter: Arc::new(counter),
            store,
            hangs_on: settings.money.then_some("the amount"),
        };
        Ok(vec![(Phase::PrincipalLimits, Stage::guard(stage))])
    }
}

impl Guard for Count {
    fn name(&self) -> &'static str {
        "count"
    }

    fn request(&self, _: &mut Context, _: &mut request::Parts) -> Result<(), Rejection> {
        Ok(())
    }

    fn reads(&self) -> &'static [FactKind] {
        &[FactKind::Principal]
    }

    fn limit(&self) -> Option<&dyn Limit> {
        Some(self)
    }
}

impl Limit for Count {
    fn counter(&self) -> &Arc<LimitCounter> {
        &self.counter
    }

    fn store(&self) -> &Arc<dyn LimitStore> {
        &self.store
    }

    fn store_name(&self) -> &'static str {
        "own"
    }

    fn keyed_by(&self) -> String {
        "principal".to_owned()
    }

    fn reads(&self) -> &'static [FactKind] {
        &[FactKind::Principal]
    }

    fn key_of(&self, head: &request::Parts) -> LimitKey {
        let principal = head.extensions.get::<Arc<Principal>>();
        principal.map_or(LimitKey::UNKNOWN, |principal| {
            LimitKey::name(&principal.subject).unwrap()
        })
    }

    fn key_named(&self, text: &str) -> Result<LimitKey, String> {
        LimitKey::name(text).ok_or_else(|| "a short name".to_owned())
    }

    fn hangs_on(&self) -> Option<&'static str> {
        self.hangs_on
    }

    fn refusal(&self) -> Rejection {
        Rejection::new(StatusCode::TOO_MANY_REQUESTS, "count-exceeded", "Enough")
    }
}

/// Takes whom explanations suppose.
#[derive(Debug)]
struct Known;

#[derive(Debug, Deserialize)]
struct Nothing {}

impl StageKind for Known {
    const ROOTS: &'static [&'static str] = &["known"];
    type Settings = Nothing;

    fn build(_: Nothing, _: &BuildContext<'_>) -> Result<Vec<(Phase, Stage)>, BuildError> {
        Ok(vec![(Phase::Authentication, Stage::guard(Self))])
    }
}

impl Guard for Known {
    fn name(&self) -> &'static str {
        "known"
    }

    fn request(&self, _: &mut Context, _: &mut request::Parts) -> Result<(), Rejection> {
        Ok(())
    }
}

const GROUPS: &str = "\
palisade.endpoints[0].name=orders
palisade.endpoints[0].paths=/orders
palisade.endpoints[0].interceptors=Partners,Total
palisade.endpoints[1].name=payments
palisade.endpoints[1].paths=/payments
palisade.endpoints[1].interceptors=Partners
palisade.interceptors.Partners.known.on=true
palisade.interceptors.Partners.count.limit=3
palisade.interceptors.Total.count.limit=9
palisade.interceptors.Total.count.sliding=true
";

/// The policy, and the store of its limits.
fn limited(text: &str) -> (Policy, Arc<Store>) {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(Store::default());
    let mut environment = environment();
    environment.resources = environment.resources.with(Arc::clone(&store));
    let registry = Registry::new().with::<Count>().with::<Known>();
    let policy = registry.compile(&config(folder.path(), text), &environment);
    (policy.unwrap_or_else(|errors| panic!("{errors}")), store)
}

#[test]
fn each_limit_is_told_once_with_all_its_groups() {
    let (policy, _) = limited(GROUPS);
    let told: Vec<_> = policy
        .limits()
        .iter()
        .map(palisade_endpoint::LimitInForce::description)
        .collect();
    let expected = json!([
        {
            "interceptor": "Partners", "stage": "count", "groups": ["orders", "payments"],
            "keyed-by": "principal", "store": "own", "rule": "3 in each 1h", "limit": "3",
            "settings": { "limit": "3" },
        },
        {
            "interceptor": "Total", "stage": "count", "groups": ["orders"],
            "keyed-by": "principal", "store": "own", "rule": "9 in any 1h", "limit": "9",
            "settings": { "limit": "9", "sliding": "true" },
        },
    ]);
    assert_eq!(serde_json::to_value(&told).unwrap(), expected);
    assert_eq!(told[0].name(), "Partners.count");
}

#[tokio::test]
async fn keys_are_asked_for_and_reset() {
    let (policy, store) = limited(GROUPS);
    store.uses("Partners.count", "alice", 3);
    store.uses("Partners.count", "bob", 1);
    store.uses("Total.count", "alice", 4);
    let limits = policy.limits();
    let report = limits[0].report(Some("alice"), 5, UNIX_EPOCH).await;
    let standing = report.standing.unwrap();
    assert_eq!(
        (
            standing.key.as_str(),
            standing.remaining.as_str(),
            standing.limit.as_str()
        ),
        ("alice", "0", "3")
    );
    assert_eq!(
        (
            standing.is_used_up,
            standing.resets_in_seconds,
            standing.resets_by
        ),
        (true, Some(91), Some(LimitReset::WindowEnds))
    );
    let keys = report.keys.unwrap();
    let left: Vec<_> = keys
        .iter()
        .map(|key| (key.key.as_str(), key.remaining.as_str()))
        .collect();
    assert_eq!(left, [("bob", "2"), ("alice", "0")]);

    let total = limits[1].report(Some("alice"), 0, UNIX_EPOCH).await;
    let standing = total.standing.unwrap();
    assert_eq!(
        (standing.remaining.as_str(), standing.resets_by),
        ("5", Some(LimitReset::SliceEnds))
    );
    let whole = limits[1]
        .report(Some("bob"), 0, UNIX_EPOCH)
        .await
        .standing
        .unwrap();
    assert_eq!((whole.remaining.as_str(), whole.resets_in_seconds), ("9", None));
    let long = "n".repeat(99);
    let unknown = limits[1].report(Some(&long), 0, UNIX_EPOCH).await.unknown;
    assert_eq!(unknown.as_deref(), Some("the key: expected a short name"));

    assert_eq!(limits[0].reset(LimitKey::name("alice")).await.unwrap(), 1);
    assert_eq!(limits[0].keys(5, UNIX_EPOCH).await.unwrap().len(), 1);
    assert_eq!(limits[0].reset(None).await.unwrap(), 1);
    assert_eq!(
        limits[1].keys(5, UNIX_EPOCH).await.unwrap().len(),
        1,
        "others are left alone"
    );
}

fn probe(path: &str) -> Probe {
    let mut probe = Probe::new(Method::POST, path.parse().unwrap());
    probe.principal = Some(Arc::new(Principal::new("alice", "explain")));
    probe
}

async fn look(policy: &Policy, probe: &mut Probe) {
    for limit in policy.limits() {
        let key = limit.limit().key_named("alice").unwrap();
        let standing: LimitStanding = limit.standing(key, UNIX_EPOCH).await.unwrap();
        probe.standings.insert(limit.description().name(), Ok(standing));
    }
}

#[tokio::test]
async fn explanations_say_what_is_left_and_refuse_where_that_is_nothing() {
    let (policy, store) = limited(GROUPS);
    store.uses("Partners.count", "alice", 1);
    let mut probe = probe("/orders");
    look(&policy, &mut probe).await;
    let explanation = policy.explain(&probe);
    assert_eq!(explanation.verdict, Verdict::Accepted);
    let limit = explanation.stages[1].limit.as_ref().unwrap();
    assert_eq!(
        (limit.name.as_str(), limit.key.as_str(), limit.rule.as_str()),
        ("Partners.count", "alice", "3 in each 1h")
    );
    assert_eq!(limit.standing.as_ref().unwrap().remaining, "2");

    store.uses("Partners.count", "alice", 3);
    look(&policy, &mut probe).await;
    let explanation = policy.explain(&probe);
    let Verdict::Refused {
        status: 429, code, ..
    } = &explanation.verdict
    else {
        panic!("{:?}", explanation.verdict);
    };
    assert_eq!(code, "count-exceeded");
    assert_eq!(explanation.stages[2].verdict, Verdict::NotReached);
    assert!(explanation.stages[2].limit.is_none());
}

#[tokio::test]
async fn what_nobody_knows_is_explained_as_unknown() {
    let unknown = |hangs_on: &str| Verdict::Unknown {
        hangs_on: hangs_on.to_owned(),
    };
    let (policy, _) = limited(GROUPS);
    let mut supposed = probe("/payments");
    let why = "no server answers".to_owned();
    supposed
        .standings
        .insert("Partners.count".to_owned(), Err(why.clone()));
    let explanation = policy.explain(&supposed);
    assert_eq!(explanation.verdict, unknown("what has been used"));
    let limit = explanation.stages[1].limit.as_ref().unwrap();
    assert_eq!(limit.unknown.as_ref(), Some(&why));

    supposed.principal = None;
    let explanation = policy.explain(&supposed);
    assert_eq!(explanation.stages[1].verdict, unknown("the caller"));
    assert!(explanation.stages[1].limit.is_none());

    let money = format!("{GROUPS}palisade.interceptors.Partners.count.money=true\n");
    let (policy, _) = limited(&money);
    let mut supposed = probe("/payments");
    look(&policy, &mut supposed).await;
    assert_eq!(policy.explain(&supposed).verdict, unknown("the amount"));
}
