//! What several tests of this crate share: real property files, and one small kind of stage.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http::{HeaderValue, StatusCode, request, response};
use palisade_config::{Config, Errors, Sources};
use palisade_core::{
    BuildContext, BuildError, Context, FactKind, Finding, Guard, Phase, Rejection, Severity, Stage,
    StageKind, SystemClock,
};
use palisade_endpoint::{Environment, Policy, Registry};
use serde::Deserialize;

/// Loads a folder whose `application.properties` has that text.
pub(crate) fn config(folder: &Path, text: &str) -> Config {
    std::fs::write(folder.join("application.properties"), text).unwrap();
    let (config, errors) = Config::load(&Sources::new(folder));
    assert!(errors.is_empty(), "{errors}");
    config
}

pub(crate) fn environment() -> Environment {
    Environment::new(Arc::new(SystemClock::new()))
}

pub(crate) fn compile(registry: &Registry, text: &str) -> Result<Policy, Errors> {
    let folder = tempfile::tempdir().unwrap();
    registry.compile(&config(folder.path(), text), &environment())
}

pub(crate) fn policy(registry: &Registry, text: &str) -> Policy {
    compile(registry, text).unwrap_or_else(|errors| panic!("{errors}"))
}

/// A stage that stamps answers, refuses callers of a colour, and counts across reloads.
#[derive(Debug)]
pub(crate) struct Stamp {
    word: HeaderValue,
    refuse: bool,
    count: Arc<AtomicU64>,
}

impl Guard for Stamp {
    fn name(&self) -> &'static str {
        "stamp"
    }

    fn request(&self, _: &mut Context, head: &mut request::Parts) -> Result<(), Rejection> {
        self.count.fetch_add(1, Ordering::Relaxed);
        head.headers.append("x-stamped", self.word.clone());
        if self.refuse {
            return Err(Rejection::new(
                StatusCode::IM_A_TEAPOT,
                "stamp-refused",
                "The stamp refuses",
            ));
        }
        Ok(())
    }

    fn response(&self, _: &mut Context, head: &mut response::Parts) -> Result<(), Rejection> {
        head.headers.append("x-stamp", self.word.clone());
        head.headers
            .insert("x-count", HeaderValue::from(self.count.load(Ordering::Relaxed)));
        Ok(())
    }

    fn rehearse(&self, _: &mut Context, _: &mut request::Parts) -> Result<(), Rejection> {
        if self.refuse {
            return Err(Rejection::new(
                StatusCode::IM_A_TEAPOT,
                "stamp-refused",
                "The stamp refuses",
            ));
        }
        Ok(())
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct StampSettings {
    word: String,
    #[serde(default)]
    refuse: bool,
    #[serde(default)]
    late: bool,
    #[serde(default)]
    limit: u8,
}

pub(crate) struct StampKind;

impl StageKind for StampKind {
    const ROOTS: &'static [&'static str] = &["stamp"];
    type Settings = StampSettings;

    fn build(settings: StampSettings, cx: &BuildContext<'_>) -> Result<Vec<(Phase, Stage)>, BuildError> {
        let word =
            HeaderValue::from_str(&settings.word).map_err(|_| BuildError::at("word", "a field value"))?;
        let phase = if settings.late {
            Phase::Content
        } else {
            Phase::Head
        };
        let count = cx.state.keep(cx.interceptor, "stamp", AtomicU64::default);
        let _ = settings.limit;
        Ok(vec![(
            phase,
            Stage::guard(Stamp {
                word,
                refuse: settings.refuse,
                count,
            }),
        )])
    }

    fn guardrails(settings: &StampSettings, _: &BuildContext<'_>) -> Vec<Finding> {
        let empty = settings.word.is_empty();
        empty
            .then(|| Finding::new(Severity::Caution, "stamp-empty", "the stamp is empty").at("word"))
            .into_iter()
            .collect()
    }
}

/// A kind that a group can have once, whose verdict hangs on the client's address.
#[derive(Debug)]
pub(crate) struct Once;

impl Guard for Once {
    fn name(&self) -> &'static str {
        "once"
    }

    fn request(&self, _: &mut Context, _: &mut request::Parts) -> Result<(), Rejection> {
        Ok(())
    }

    fn reads(&self) -> &'static [FactKind] {
        &[FactKind::ClientAddress]
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OnceSettings {
    #[expect(dead_code, reason = "only its presence matters")]
    on: bool,
}

pub(crate) struct OnceKind;

impl StageKind for OnceKind {
    const ROOTS: &'static [&'static str] = &["once"];
    const SINGLE: bool = true;
    type Settings = OnceSettings;

    fn build(_: OnceSettings, _: &BuildContext<'_>) -> Result<Vec<(Phase, Stage)>, BuildError> {
        Ok(vec![(Phase::Network, Stage::guard(Once))])
    }
}

pub(crate) fn registry() -> Registry {
    Registry::new().with::<StampKind>().with::<OnceKind>()
}

/// A kind that owns every root of message security and is off.
pub(crate) struct SealKind;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct SealSettings {
    request: SealSide,
    response: SealSide,
    message: SealSide,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct SealSide {
    signature: SealProfile,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct SealProfile {
    enabled: bool,
}

impl StageKind for SealKind {
    const ROOTS: &'static [&'static str] = &["request", "response", "message"];
    const SINGLE: bool = true;
    type Settings = SealSettings;

    fn build(settings: SealSettings, _: &BuildContext<'_>) -> Result<Vec<(Phase, Stage)>, BuildError> {
        let sides = [settings.request, settings.response, settings.message];
        let is_on = sides.iter().any(|side| side.signature.enabled);
        let stage = is_on.then(|| (Phase::MessageSecurity, Stage::guard(Once)));
        Ok(stage.into_iter().collect())
    }
}
