//! Stages that find out who is calling, and rules about callers: what groups make of them.

use std::sync::Arc;

use axum::body::Body;
use axum::routing::get;
use axum::{Extension, Router};
use http::{HeaderMap, Method, Request, StatusCode, request};
use http_body_util::BodyExt;
use palisade_core::facts::X_ON_BEHALF_OF;
use palisade_core::{
    Bodies, BuildContext, BuildError, Context, FactKind, Guard, Message, Phase, Principal, Rejection, Stage,
    StageKind, Step, Transform,
};
use palisade_endpoint::{EndpointGroupsLayer, PolicyHandle, Probe, Registry, Verdict};
use serde::Deserialize;
use tower::ServiceExt;

use crate::common::policy;

/// Takes `X-Caller` for the caller; it leaves `X-On-Behalf-Of` where it is, as a careless stage would.
#[derive(Debug)]
struct Caller;

impl Transform for Caller {
    fn name(&self) -> &'static str {
        "caller"
    }

    fn needs(&self) -> Bodies {
        Bodies::None
    }

    fn answers(&self) -> bool {
        false
    }

    fn hangs_on(&self) -> &'static str {
        "the field X-Caller"
    }

    fn request<'a>(&'a self, _: &'a mut Context, message: &'a mut Message<request::Parts>) -> Step<'a> {
        let caller = message
            .head
            .headers
            .get("x-caller")
            .and_then(|value| value.to_str().ok());
        if let Some(caller) = caller {
            let principal = Arc::new(Principal::new(caller, "header"));
            message.head.extensions.insert(principal);
        }
        Step::Done(Ok(()))
    }
}

#[derive(Debug, Deserialize)]
struct Empty {
    #[serde(default)]
    only: String,
}

impl StageKind for Caller {
    const ROOTS: &'static [&'static str] = &["caller"];
    type Settings = Empty;

    fn build(_: Empty, _: &BuildContext<'_>) -> Result<Vec<(Phase, Stage)>, BuildError> {
        Ok(vec![(Phase::Authentication, Stage::transform(Self))])
    }
}

/// Lets one caller change, and everybody read.
#[derive(Debug)]
struct Rule(String);

impl Guard for Rule {
    fn name(&self) -> &'static str {
        "rule"
    }

    fn reads(&self) -> &'static [FactKind] {
        &[FactKind::Principal]
    }

    fn request(&self, _: &mut Context, head: &mut request::Parts) -> Result<(), Rejection> {
        let is_known = head
            .extensions
            .get::<Arc<Principal>>()
            .is_some_and(|principal| *principal.subject == *self.0);
        if head.method == Method::GET || is_known {
            return Ok(());
        }
        Err(Rejection::new(
            StatusCode::FORBIDDEN,
            "rule-refused",
            "The rule refuses",
        ))
    }

    fn reason(&self, head: &request::Parts) -> Option<String> {
        Some(format!("{} is for {}", head.method, self.0))
    }
}

impl StageKind for Rule {
    const ROOTS: &'static [&'static str] = &["rule"];
    type Settings = Empty;

    fn build(settings: Empty, _: &BuildContext<'_>) -> Result<Vec<(Phase, Stage)>, BuildError> {
        Ok(vec![(Phase::Authorization, Stage::guard(Self(settings.only)))])
    }
}

const GROUPS: &str = "\
palisade.endpoints[0].name=known
palisade.endpoints[0].paths=/known
palisade.endpoints[0].interceptors=Known
palisade.endpoints[1].name=written
palisade.endpoints[1].paths=/written
palisade.endpoints[1].methods=GET,PUT
palisade.endpoints[1].interceptors=Known,Ruled
palisade.endpoints[2].name=nameless
palisade.endpoints[2].paths=/nameless
palisade.endpoints[2].interceptors=Ruled
palisade.interceptors.Known.caller.only=x
palisade.interceptors.Ruled.rule.only=alice
";

fn registry() -> Registry {
    Registry::new().with::<Caller>().with::<Rule>()
}

async fn fields(headers: HeaderMap, principal: Option<Extension<Arc<Principal>>>) -> String {
    let subject = principal.map_or_else(|| "nobody".to_owned(), |principal| principal.subject.to_string());
    format!("{subject} {}", headers.contains_key(X_ON_BEHALF_OF))
}

#[tokio::test]
async fn the_field_about_whom_a_caller_acts_for_passes_only_to_the_stage_that_judges_it() {
    let layer = EndpointGroupsLayer::new(PolicyHandle::new(policy(&registry(), GROUPS)));
    let app = Router::new().fallback(get(fields)).layer(layer);
    for (path, seen) in [("/known", "alice true"), ("/nameless", "nobody false")] {
        let request = Request::get(path)
            .header("host", "localhost")
            .header("x-caller", "alice")
            .header("x-on-behalf-of", "bob")
            .body(Body::empty())
            .unwrap();
        let answer = app.clone().oneshot(request).await.unwrap();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body, seen, "{path}");
    }
}

#[test]
fn rights_are_what_the_rules_admit_of_the_methods_that_a_group_takes() {
    let policy = policy(&registry(), GROUPS);
    let rights = |name: &str| {
        let rights = policy.rights(&Arc::new(Principal::new(name, "test")));
        rights
            .into_iter()
            .map(|right| {
                (
                    right.group,
                    right.methods.join(" "),
                    right.is_authenticated,
                    right.is_ruled,
                )
            })
            .collect::<Vec<_>>()
    };
    let all = "GET POST PUT PATCH DELETE";
    let row = |group: &str, methods: &str, known, ruled| (group.to_owned(), methods.to_owned(), known, ruled);
    assert_eq!(
        rights("alice"),
        [
            row("known", all, true, false),
            row("written", "GET PUT", true, true),
            row("nameless", "GET", false, true),
        ]
    );
    assert_eq!(
        rights("bob"),
        [
            row("known", all, true, false),
            row("written", "GET", true, true),
            row("nameless", "GET", false, true),
        ]
    );
}

#[test]
fn rules_about_callers_whom_nobody_knows_are_a_finding_and_explained_as_such() {
    let policy = policy(&registry(), GROUPS);
    let codes = policy
        .findings()
        .iter()
        .map(|finding| (finding.code.as_ref(), finding.key.as_deref()));
    assert_eq!(
        codes.collect::<Vec<_>>(),
        [("callers-never-known", Some("palisade.endpoints[2]"))]
    );
    let mut probe = Probe::new(Method::PUT, "/nameless".parse().unwrap());
    probe.principal = Some(Arc::new(Principal::new("alice", "explain")));
    assert!(matches!(
        policy.explain(&probe).verdict,
        Verdict::Refused { status: 403, .. }
    ));
}

#[test]
fn explanations_suppose_a_caller_and_tell_the_rule() {
    let policy = policy(&registry(), GROUPS);
    let mut probe = Probe::new(Method::PUT, "/written".parse().unwrap());
    let stages = policy.explain(&probe).stages;
    let unknown = |hangs_on: &str| Verdict::Unknown {
        hangs_on: hangs_on.to_owned(),
    };
    assert_eq!(stages[0].verdict, unknown("the field X-Caller"));
    assert_eq!(stages[1].verdict, unknown("the caller"));
    assert_eq!(stages[1].reason, None);

    probe.principal = Some(Arc::new(Principal::new("bob", "explain")));
    let explanation = policy.explain(&probe);
    assert_eq!(explanation.stages[0].verdict, Verdict::Accepted);
    assert_eq!(
        explanation.stages[0].reason.as_deref(),
        Some("the caller is taken to be bob")
    );
    assert_eq!(explanation.stages[1].reason.as_deref(), Some("PUT is for alice"));
    assert!(matches!(
        explanation.verdict,
        Verdict::Refused { status: 403, .. }
    ));

    probe.caller_refused = Some("user bob is not active".to_owned());
    let explanation = policy.explain(&probe);
    assert!(matches!(
        explanation.verdict,
        Verdict::Refused { status: 401, .. }
    ));
    assert_eq!(
        explanation.stages[0].reason.as_deref(),
        Some("user bob is not active")
    );
    assert_eq!(explanation.stages[1].verdict, Verdict::NotReached);
}
