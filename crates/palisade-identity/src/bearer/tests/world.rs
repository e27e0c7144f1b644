//! An application whose time passes at once, and whose client answers as it is told.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use palisade_core::{
    Alarms, Background, BoxFuture, BuildContext, Clock, Fetch, FetchError, FetchRequest, Fetched, Resources,
    SharedFetch, StateStore,
};
use serde_json::Value;
use tokio::time::Instant;

use super::issuer::{AUDIENCE, ISSUER, NOW, at, set};
use crate::bearer::{Bearer, BearerSettings};

/// The runtime's time, which tests let pass at once.
#[derive(Debug)]
struct RuntimeClock(Instant);

impl Clock for RuntimeClock {
    fn now(&self) -> SystemTime {
        at(NOW) + self.elapsed()
    }

    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// A client that answers as it is told, and remembers when it was asked.
#[derive(Debug, Clone)]
pub(super) struct Told(Arc<Mutex<Script>>);

#[derive(Debug)]
struct Script {
    answer: Next,
    asked: Vec<Duration>,
    start: Instant,
}

#[derive(Debug, Clone)]
pub(super) enum Next {
    Keys(Vec<Value>, Option<Duration>),
    Failure,
    Silence,
    Panic,
}

impl Told {
    pub(super) fn new(answer: Next) -> Self {
        Self(Arc::new(Mutex::new(Script {
            answer,
            asked: Vec::new(),
            start: Instant::now(),
        })))
    }

    pub(super) fn answer(&self, answer: Next) {
        self.0.lock().unwrap().answer = answer;
    }

    /// The seconds at which it was asked.
    pub(super) fn asked(&self) -> Vec<u64> {
        self.0
            .lock()
            .unwrap()
            .asked
            .iter()
            .map(Duration::as_secs)
            .collect()
    }
}

impl Fetch for Told {
    fn fetch<'a>(&'a self, request: FetchRequest<'a>) -> BoxFuture<'a, Result<Fetched, FetchError>> {
        let answer = {
            let mut script = self.0.lock().unwrap();
            let at = script.start.elapsed();
            script.asked.push(at);
            script.answer.clone()
        };
        Box::pin(async move {
            match answer {
                Next::Keys(keys, None) => Ok(Fetched::new(set(&keys))),
                Next::Keys(keys, Some(max_age)) => Ok(Fetched::new(set(&keys)).fresh_for(max_age)),
                Next::Failure => Err(FetchError::new(request.url, "no route to host")),
                Next::Silence => std::future::pending().await,
                Next::Panic => panic!("a client that breaks"),
            }
        })
    }
}

/// An application that shares a client and runs background work.
pub(super) struct World {
    clock: Arc<dyn Clock>,
    state: StateStore,
    resources: Resources,
    background: Arc<Background>,
    pub(super) alarms: Alarms,
}

impl World {
    pub(super) fn new(told: &Told) -> Self {
        let background = Arc::new(Background::default());
        let alarms = Alarms::default();
        Self {
            clock: Arc::new(RuntimeClock(Instant::now())),
            state: StateStore::default(),
            resources: Resources::default()
                .with(Arc::new(SharedFetch::new(told.clone())))
                .with(Arc::new(alarms.clone()))
                .with(Arc::clone(&background)),
            background,
            alarms,
        }
    }

    /// Builds a verifier, and begins what it wants done.
    pub(super) fn build(&self, interceptor: &str, uri: &str) -> (Bearer, tokio::task::JoinHandle<()>) {
        let folder = std::env::temp_dir();
        let cx = BuildContext::new(interceptor, &folder, &self.clock, &self.state, &self.resources);
        let settings = BearerSettings {
            issuer: Some(ISSUER.to_owned()),
            audience: vec![AUDIENCE.to_owned()],
            jwks_uri: Some(uri.to_owned()),
            ..BearerSettings::default()
        };
        let bearer = Bearer::build(&settings, &cx).unwrap();
        let mut work = self.background.take();
        assert_eq!(work.len(), 1);
        (bearer, tokio::spawn(work.remove(0)))
    }
}
