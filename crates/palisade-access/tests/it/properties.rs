//! From real property files to answers: the stage in endpoint groups, behind one that finds out who calls.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response, request};
use http_body_util::Full;
use palisade_access::{Access, AccessSettings, Operation};
use palisade_config::{Config, Errors, Sources};
use palisade_core::{
    BuildContext, BuildError, Context, Guard, Phase, Principal, Rejection, Stage, StageKind, SystemClock,
};
use palisade_endpoint::{EndpointGroupsLayer, Environment, Policy, PolicyHandle, Probe, Registry};
use rstest::rstest;
use serde::Deserialize;
use tower::{ServiceBuilder, ServiceExt, service_fn};

use crate::common::caller;

/// Believes what a field says of the caller's roles.
#[derive(Debug)]
struct Believe;

impl Guard for Believe {
    fn name(&self) -> &'static str {
        "believe"
    }

    fn request(&self, _: &mut Context, head: &mut request::Parts) -> Result<(), Rejection> {
        if let Some(roles) = head.headers.get("x-roles") {
            let jane = caller("jane", roles.to_str().unwrap_or_default(), "");
            head.extensions.insert::<Arc<Principal>>(Arc::new(jane));
        }
        Ok(())
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct BelieveSettings {
    #[expect(dead_code, reason = "only its presence matters")]
    on: bool,
}

impl StageKind for Believe {
    const ROOTS: &'static [&'static str] = &["believe"];
    type Settings = BelieveSettings;

    fn build(_: BelieveSettings, _: &BuildContext<'_>) -> Result<Vec<(Phase, Stage)>, BuildError> {
        Ok(vec![(Phase::Authentication, Stage::guard(Self))])
    }
}

fn load(folder: &Path, file: &str, text: &str) -> Config {
    std::fs::write(folder.join(file), text).expect("the file can be written");
    let (config, errors) = Config::load(&Sources::new(folder));
    assert!(errors.is_empty(), "{errors}");
    config
}

fn registry() -> Registry {
    Registry::new().with::<Access>().with::<Believe>()
}

fn compile(text: &str) -> Result<Policy, Errors> {
    let folder = tempfile::tempdir().expect("a folder");
    let config = load(folder.path(), "application.properties", text);
    registry().compile(&config, &Environment::new(Arc::new(SystemClock::new())))
}

async fn ask(handle: &PolicyHandle, method: &str, path: &str, roles: Option<&str>) -> (u16, Option<String>) {
    let service = ServiceBuilder::new()
        .layer(EndpointGroupsLayer::new(handle.clone()))
        .service(service_fn(|_: Request<Full<Bytes>>| async {
            Ok::<_, std::convert::Infallible>(Response::new(Full::new(Bytes::from("hello"))))
        }));
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", "localhost");
    if let Some(roles) = roles {
        request = request.header("x-roles", roles);
    }
    let request = request.body(Full::default()).expect("a request");
    let response = service.oneshot(request).await.expect("the service cannot fail");
    let allow = response.headers().get("allow");
    let allow = allow.map(|value| value.to_str().expect("visible").to_owned());
    (response.status().as_u16(), allow)
}

const FILE: &str = "\
palisade.endpoints[0].webservices=Orders
palisade.endpoints[0].interceptors=Orders,Callers
palisade.endpoints[1].webservices=Audited
palisade.endpoints[1].interceptors=Orders,Audit,Callers
palisade.interceptors.Callers.believe.on=true
palisade.interceptors.Orders.access.read=role:reader, role:clerk
palisade.interceptors.Orders.access.create[0]=role:clerk
palisade.interceptors.Orders.access.create[1]=user:root
palisade.interceptors.Orders.access.update=deny
palisade.interceptors.Orders.access.methods.REPORT=read
palisade.interceptors.Audit.access.read=role:auditor
";

#[rstest]
#[case("GET", "Orders", Some("reader"), 200, None)]
#[case("HEAD", "Orders", Some("reader"), 200, None)]
#[case("REPORT", "Orders", Some("clerk"), 200, None)]
#[case("POST", "Orders", Some("clerk"), 200, None)]
#[case("POST", "Orders", Some("reader"), 403, None)]
#[case("GET", "Orders", Some("other"), 403, None)]
#[case("GET", "Orders", None, 403, None)]
#[case("PUT", "Orders", Some("clerk"), 405, Some("GET, HEAD, POST, REPORT"))]
#[case("DELETE", "Orders", None, 405, Some("GET, HEAD, POST, REPORT"))]
#[case("OPTIONS", "Orders", Some("clerk"), 405, Some("GET, HEAD, POST, REPORT"))]
#[case("GET", "Audited", Some("reader auditor"), 200, None)]
#[case("GET", "Audited", Some("reader"), 403, None)]
#[case("GET", "Audited", Some("auditor"), 403, None)]
#[case("POST", "Audited", Some("clerk auditor"), 405, Some("GET, HEAD"))]
#[tokio::test]
async fn a_file_says_who_may_do_what(
    #[case] method: &str,
    #[case] service: &str,
    #[case] roles: Option<&str>,
    #[case] status: u16,
    #[case] allow: Option<&str>,
) {
    let handle = PolicyHandle::new(compile(FILE).unwrap());
    let path = format!("/server/rest/{service}/Any");
    let answer = ask(&handle, method, &path, roles).await;
    assert_eq!(answer, (status, allow.map(str::to_owned)));
}

#[tokio::test]
async fn rules_that_change_hold_for_the_next_request() {
    let handle = PolicyHandle::new(compile(FILE).unwrap());
    let path = "/server/rest/Orders/Any";
    assert_eq!(ask(&handle, "PUT", path, Some("clerk")).await.0, 405);
    handle.replace(compile(&FILE.replace("update=deny", "update=role:clerk")).unwrap());
    assert_eq!(ask(&handle, "PUT", path, Some("clerk")).await.0, 200);
    assert_eq!(ask(&handle, "PUT", path, Some("reader")).await.0, 403);
    handle.replace(compile(FILE).unwrap());
    assert_eq!(ask(&handle, "PUT", path, Some("clerk")).await.0, 405);
}

/// What `explain` says of the stage: the verdict, and what it rests on.
fn explained(policy: &Policy, method: &str, principal: Option<Principal>) -> (String, Option<String>) {
    let target = "/server/rest/Orders/Any".parse().expect("a path");
    let mut probe = Probe::new(method.parse().expect("a method"), target);
    probe.principal = principal.map(Arc::new);
    let mut stages = policy.explain(&probe).stages;
    stages.retain(|stage| stage.stage == "access");
    assert_eq!(stages.len(), 1);
    let stage = stages.remove(0);
    (stage.verdict.to_string(), stage.reason)
}

#[rstest]
#[case("GET", "accepted", "read: role:clerk matches")]
#[case("REPORT", "accepted", "read: role:clerk matches")]
#[case("DELETE", "refused: 405 method-not-allowed", "delete: nobody may")]
#[case(
    "OPTIONS",
    "refused: 405 method-not-allowed",
    "the method belongs to no operation"
)]
fn explain_shows_the_rule_that_decides(#[case] method: &str, #[case] verdict: &str, #[case] reason: &str) {
    let policy = compile(FILE).unwrap();
    assert_eq!(
        explained(&policy, method, Some(caller("jane", "clerk", ""))),
        (verdict.to_owned(), Some(reason.to_owned()))
    );
}

#[test]
fn explain_shows_what_a_caller_lacks_and_does_not_guess_who_calls() {
    let policy = compile(FILE).unwrap();
    assert_eq!(
        explained(&policy, "POST", Some(caller("jane", "reader", ""))),
        (
            "refused: 403 operation-not-allowed".to_owned(),
            Some("create: needs role:clerk or user:root; the caller is jane".to_owned())
        )
    );
    let (verdict, _) = explained(&policy, "POST", None);
    assert_eq!(verdict, "unknown: hangs on the caller");
}

#[rstest]
#[case(caller("jane", "clerk", ""), &["GET", "POST"], &[])]
#[case(caller("jane", "reader auditor", ""), &["GET"], &["GET"])]
#[case(caller("root", "", ""), &["POST"], &[])]
#[case(caller("jane", "", ""), &[], &[])]
fn a_policy_tells_what_a_caller_may_do_in_each_group(
    #[case] principal: Principal,
    #[case] orders: &[&str],
    #[case] audited: &[&str],
) {
    let rights = compile(FILE).unwrap().rights(&Arc::new(principal));
    let methods: Vec<&[String]> = rights.iter().map(|group| group.methods.as_slice()).collect();
    assert_eq!(methods, [orders, audited]);
}

#[test]
fn mistakes_are_told_with_file_line_and_what_may_be_meant() {
    let errors = compile(
        "palisade.endpoints[0].webservices=Orders\n\
         palisade.endpoints[0].interceptors=Orders\n\
         palisade.interceptors.Orders.access.read=role:a,rol:b\n\
         palisade.interceptors.Orders.access.create=allow,role:a\n\
         palisade.interceptors.Orders.access.delete=\n\
         palisade.interceptors.Orders.access.methods.post=read\n",
    )
    .unwrap_err();
    let told: Vec<String> = errors.sorted().iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "application.properties:3: palisade.interceptors.Orders.access.read[1]: expected role:, scope:, user: or \
             tenant: with a name, or allow or deny alone; did you mean `role:b`?",
            "application.properties:4: palisade.interceptors.Orders.access.create[0]: expected rules alone, for allow and \
             deny stand by themselves",
            "application.properties:5: palisade.interceptors.Orders.access.delete: expected at least one rule; deny is for \
             nobody, found \"\"",
            "application.properties:6: palisade.interceptors.Orders.access.methods.post: expected the name of a method in \
             upper case such as POST or REPORT (RFC 9110 section 9.1); did you mean `POST`?, found \"read\"",
        ]
    );
}

#[test]
fn words_that_are_not_known_are_told_with_the_nearest() {
    let errors = compile(
        "palisade.interceptors.Orders.access.raed=allow\n\
         palisade.interceptors.Orders.access.methods.POST=reed\n",
    )
    .unwrap_err();
    let told = errors.to_string();
    assert!(
        told.contains("access.raed") && told.contains("did you mean \"read\""),
        "{told}"
    );
    assert!(
        told.contains("access.methods.POST: expected one of create, read, update, delete"),
        "{told}"
    );
}

#[test]
fn every_key_is_read_from_both_kinds_of_file() {
    let folder = tempfile::tempdir().unwrap();
    let read = |file: &str, text: &str| -> AccessSettings {
        let config = load(folder.path(), file, text);
        std::fs::remove_file(folder.path().join(file)).unwrap();
        config
            .get("palisade.interceptors.Orders.access")
            .unwrap()
            .unwrap()
    };
    let properties = read(
        "application.properties",
        "palisade.interceptors.Orders.access.create=role:clerk,scope:orders.write\n\
         palisade.interceptors.Orders.access.read=allow\n\
         palisade.interceptors.Orders.access.update=user:jane\n\
         palisade.interceptors.Orders.access.delete=deny\n\
         palisade.interceptors.Orders.access.methods.POST=read\n",
    );
    let toml = read(
        "application.toml",
        "[palisade.interceptors.Orders.access]\n\
         create = [\"role:clerk\", \"scope:orders.write\"]\n\
         read = \"allow\"\n\
         update = \"user:jane\"\n\
         delete = \"deny\"\n\
         methods.POST = \"read\"\n",
    );
    assert_eq!(properties, toml);
    let said = |words: &[&str]| Some(words.iter().map(|word| (*word).to_owned()).collect());
    assert_eq!(properties.create, said(&["role:clerk", "scope:orders.write"]));
    assert_eq!(properties.read, said(&["allow"]));
    assert_eq!(properties.update, said(&["user:jane"]));
    assert_eq!(properties.delete, said(&["deny"]));
    assert_eq!(
        properties.methods.into_iter().collect::<Vec<_>>(),
        [("POST".to_owned(), Operation::Read)]
    );
}

#[test]
fn a_variable_changes_a_method_that_a_file_names_and_cannot_name_another() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("application.properties"),
        "palisade.interceptors.Orders.access.read=allow\n\
         palisade.interceptors.Orders.access.methods.POST=create\n",
    )
    .unwrap();
    let with_variable = |method: &str| {
        let mut sources = Sources::new(folder.path());
        let name = format!("PALISADE__INTERCEPTORS__ORDERS__ACCESS__METHODS__{method}");
        sources.environment.push((name, "read".to_owned()));
        let (config, errors) = Config::load(&sources);
        assert!(errors.is_empty(), "{errors}");
        config
    };
    let settings: AccessSettings = with_variable("POST")
        .get("palisade.interceptors.Orders.access")
        .unwrap()
        .unwrap();
    assert_eq!(
        settings.methods.into_iter().collect::<Vec<_>>(),
        [("POST".to_owned(), Operation::Read)]
    );
    let environment = Environment::new(Arc::new(SystemClock::new()));
    let errors = registry()
        .compile(&with_variable("REPORT"), &environment)
        .unwrap_err();
    assert!(errors.to_string().contains("did you mean `REPORT`?"), "{errors}");
}
