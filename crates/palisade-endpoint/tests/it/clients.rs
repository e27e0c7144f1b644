//! Client interceptors: compiled like the others, and replaced while clients use them.

use std::convert::Infallible;
use std::error::Error as _;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use palisade_config::{Config, Sources};
use palisade_core::Severity;
use palisade_core::outbound::OutboundError;
use palisade_endpoint::{ClientsNotTogether, PolicyHandle, Registry};
use rstest::rstest;
use tower::{Layer, Service, ServiceExt, service_fn};

use crate::common::{
    OnceKind, SealKind, StampKind, compile, config, environment, policy, registry as server_registry,
};

fn registry() -> Registry {
    server_registry()
        .with_client::<StampKind>()
        .with_client::<OnceKind>()
}

const PARTNER: &str = "\
palisade.client.interceptors.Partner.stamp.word=ours
palisade.client.interceptors.Partner.stamp.late=true
palisade.client.interceptors.Partner.once.on=true
";

/// A partner that answers with the stamps on its request.
async fn partner(request: Request<Full<Bytes>>) -> Result<Response<Full<Bytes>>, Infallible> {
    let stamps = request.headers().get_all("x-stamped").iter();
    let stamps: Vec<_> = stamps.filter_map(|value| value.to_str().ok()).collect();
    Ok(Response::new(Full::from(stamps.join(","))))
}

async fn call<S, R>(service: &mut S) -> Result<String, S::Error>
where
    S: Service<Request<Full<Bytes>>, Response = Response<R>>,
    R: http_body::Body<Error = Infallible>,
{
    let request = Request::post("/orders").body(Full::default()).unwrap();
    let response = service.ready().await?.call(request).await?;
    let body = response.into_body().collect().await.unwrap().to_bytes();
    Ok(String::from_utf8(body.to_vec()).unwrap())
}

#[test]
fn stages_are_sorted_by_phase_and_carry_the_interceptors_name() {
    let policy = policy(&registry(), PARTNER);
    assert_eq!(policy.client_names().collect::<Vec<_>>(), ["Partner"]);
    let entries = policy.client("Partner").unwrap().entries();
    let names: Vec<_> = entries
        .iter()
        .map(|entry| (entry.stage.name(), &*entry.interceptor, entry.report_only))
        .collect();
    assert_eq!(names, [("once", "Partner", false), ("stamp", "Partner", false)]);
    assert!(policy.client("partner").is_none(), "names are case-sensitive");
    assert_eq!(policy.findings(), []);
}

#[tokio::test]
async fn a_request_passes_the_stages_in_force_when_it_is_sent() {
    let handle = PolicyHandle::new(policy(&registry(), PARTNER));
    let mut client = handle.client("Partner").unwrap().layer(service_fn(partner));
    assert_eq!(call(&mut client).await.unwrap(), "ours");

    let changes = handle.replace(policy(&registry(), &PARTNER.replace("ours", "theirs")));
    assert_eq!(changes.to_string(), "client interceptors changed: Partner");
    assert_eq!(call(&mut client).await.unwrap(), "theirs");

    handle.replace(policy(
        &registry(),
        &format!("{PARTNER}palisade.client.interceptors.Partner.stamp.refuse=true\n"),
    ));
    let error = call(&mut client).await.unwrap_err();
    assert_eq!(error.rejection().unwrap().problem().code, "stamp-refused");

    handle.replace(policy(
        &registry(),
        &format!(
            "{PARTNER}palisade.client.interceptors.Partner.stamp.refuse=true\n\
             palisade.client.interceptors.Partner.report-only=true\n"
        ),
    ));
    assert_eq!(call(&mut client).await.unwrap(), "ours");
}

#[tokio::test]
async fn an_interceptor_that_a_reload_takes_away_refuses_to_send() {
    let handle = PolicyHandle::new(policy(&registry(), PARTNER));
    let unsent = service_fn(|_: Request<Full<Bytes>>| async {
        panic!("it is sent in the clear");
        #[expect(unreachable_code, reason = "the type of the answer")]
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
    });
    let mut client = handle.client("Partner").unwrap().layer(unsent);
    let changes = handle.replace(policy(&registry(), &PARTNER.replace("Partner", "Other")));
    assert_eq!(
        changes.to_string(),
        "client interceptors added: Other; client interceptors removed: Partner"
    );
    let error = call(&mut client).await.unwrap_err();
    assert_eq!(
        error.source().unwrap().to_string(),
        "palisade.client.interceptors.Partner is not in the policy in force"
    );
    let OutboundError::Refused(rejection) = error;
    assert_eq!(rejection.problem().code, "client-interceptor-missing");

    let unknown = handle.client("Othr").unwrap_err();
    assert_eq!(
        unknown.to_string(),
        "palisade.client.interceptors.Othr is not configured; did you mean \"Other\"?"
    );
    assert_eq!(
        handle.client("Somebody").unwrap_err().to_string(),
        "palisade.client.interceptors.Somebody is not configured"
    );
}

#[test]
fn errors_and_findings_name_the_place() {
    let errors = compile(
        &registry(),
        "palisade.client.interceptors.A.stamp.word=a\\u0000b\n\
         palisade.client.interceptors.A.stmp.word=a\n\
         palisade.client.interceptors.B.stamp.wrd=a\n\
         palisade.client.interceptors.B.report-only=perhaps\n\
         palisade.client.interceptors.C.ip-filter.allow=10.0.0.0/8\n\
         palisade.client.interceptors.C.validation.max-body=5\n\
         palisade.client.interceptor.D.stamp.word=a\n",
    )
    .unwrap_err();
    let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
    let expected = [
        (
            "application.properties:7: palisade.client.interceptor",
            "did you mean \"interceptors\"?",
        ),
        (
            "application.properties:1: palisade.client.interceptors.A.stamp.word",
            "a field value",
        ),
        (
            "application.properties:2: palisade.client.interceptors.A.stmp",
            "did you mean \"stamp\"?",
        ),
        (
            "application.properties:3: palisade.client.interceptors.B.stamp.wrd",
            "did you mean \"word\"?",
        ),
        (
            "application.properties:4: palisade.client.interceptors.B.report-only",
            "",
        ),
        (
            "application.properties:5: palisade.client.interceptors.C.ip-filter",
            "",
        ),
        (
            "application.properties:6: palisade.client.interceptors.C.validation",
            "",
        ),
    ];
    for (start, part) in expected {
        assert!(
            lines
                .iter()
                .any(|line| line.starts_with(start) && line.contains(part)),
            "{start} {part}: {lines:#?}"
        );
    }

    let policy = policy(
        &registry(),
        "palisade.client.interceptors.A.stamp.word=\n\
         palisade.client.interceptors.B.report-only=false\n",
    );
    let findings: Vec<_> = policy
        .findings()
        .iter()
        .map(|finding| {
            (
                finding.severity,
                finding.code.as_ref(),
                finding.key.as_deref().unwrap(),
                finding.origin.as_deref().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        findings,
        [
            (
                Severity::Caution,
                "stamp-empty",
                "palisade.client.interceptors.A.stamp.word",
                "application.properties:1"
            ),
            (
                Severity::Moderate,
                "client-interceptor-empty",
                "palisade.client.interceptors.B",
                "application.properties:2"
            ),
        ]
    );
}

#[test]
fn the_kinds_of_one_side_are_not_known_on_the_other() {
    let servers = Registry::new().with::<StampKind>();
    let clients = Registry::new().with_client::<StampKind>();
    assert_eq!((servers.roots(), servers.client_roots()), (vec!["stamp"], vec![]));
    assert_eq!((clients.roots(), clients.client_roots()), (vec![], vec!["stamp"]));
    let [server, client] = ["", "client."]
        .map(|side| format!("palisade.{side}interceptors.A.stamp.word=a\npalisade.endpoints[0].name=all\n"));
    assert!(compile(&servers, &server).is_ok() && compile(&servers, &client).is_err());
    assert!(compile(&clients, &client).is_ok() && compile(&clients, &server).is_err());
}

#[tokio::test]
async fn state_is_kept_over_reloads_and_apart_from_a_server_interceptor_of_that_name() {
    let text = "\
palisade.interceptors.Partner.stamp.word=a
palisade.endpoints[0].interceptors=Partner
palisade.client.interceptors.Partner.stamp.word=a
";
    let folder = tempfile::tempdir().unwrap();
    let environment = environment();
    let mut counts = Vec::new();
    for _ in 0..2 {
        let policy = registry()
            .compile(&config(folder.path(), text), &environment)
            .unwrap();
        let handle = PolicyHandle::new(policy);
        let client = handle.client("Partner").unwrap().layer(service_fn(partner));
        let server = palisade_endpoint::EndpointGroupsLayer::new(handle).layer(service_fn(partner));
        let request = Request::get("/").header("host", "localhost");
        let request = request.body(Full::default()).unwrap();
        let answers = [
            client.oneshot(request.clone()).await.unwrap(),
            server.oneshot(request).await.unwrap(),
        ];
        counts.extend(answers.map(|answer| answer.headers()["x-count"].to_str().unwrap().to_owned()));
    }
    assert_eq!(counts, ["1", "1", "2", "2"]);
}

/// Settings that ask for nothing, as Blueriq's files have them.
const OFF: &str = "\
blueriq.rest.interceptor.client.security.Partner.request.encryption.enabled=false
blueriq.rest.interceptor.client.security.Partner.request.encryption.key-alias=partner
blueriq.rest.interceptor.client.security.Partner.request.signature.algorithms=PS256
blueriq.rest.interceptor.client.security.Partner.request.timestamp.ttl=300
blueriq.rest.interceptor.client.security.Partner.response.decryption.enabled=false
blueriq.rest.interceptor.client.security.Partner.response.signature.enabled=false
blueriq.rest.interceptor.client.security.Partner.response.timestamp.max-clock-skew=300
blueriq.rest.interceptor.client.security.Partner.response.timestamp.max-ttl=300
blueriq.rest.interceptor.client.security.Partner.response.accept-unsecured-messages=true
blueriq.rest.interceptor.client.security.Partner.response.binding=if-present
blueriq.rest.interceptor.client.security.Partner.message.format=raw
blueriq.rest.interceptor.client.security.Partner.message.secure-errors=false
";

#[test]
fn blueriqs_names_load_in_their_off_values_without_a_kind_that_enforces_them() {
    let policy = policy(&Registry::new(), OFF);
    assert!(policy.client("Partner").unwrap().entries().is_empty());
    let codes: Vec<_> = policy.findings().iter().map(|finding| &*finding.code).collect();
    assert_eq!(codes, ["client-interceptor-empty"]);
}

#[rstest]
#[case("request.encryption.enabled=true", "does not enforce message security")]
#[case("request.signature.enabled=true", "does not enforce message security")]
#[case("request.timestamp.enabled=true", "does not enforce message security")]
#[case("response.decryption.enabled=true", "does not enforce message security")]
#[case("response.signature.enabled=true", "does not enforce message security")]
#[case("response.timestamp.enabled=true", "does not enforce message security")]
#[case("response.binding=required", "does not enforce this setting")]
#[case("request.audience=them", "does not enforce this setting")]
#[case("message.secure-errors=true", "does not enforce this setting")]
#[case("request.decryption.enabled=false", "did you mean \"encryption\"?")]
#[case("response.encryption.enabled=false", "did you mean \"decryption\"?")]
#[case("request.replay-protection=false", "unknown key")]
#[case("request.encryption.ttl=5", "unknown key")]
fn what_no_kind_enforces_is_refused_unless_it_is_off(#[case] setting: &str, #[case] part: &str) {
    let text = format!("palisade.client.interceptors.Partner.{setting}\n");
    // A kind for the other side enforces nothing here.
    for registry in [Registry::new(), Registry::new().with::<SealKind>()] {
        let errors = compile(&registry, &text).unwrap_err();
        assert_eq!(errors.len(), 1, "{errors}");
        assert!(errors.to_string().contains(part), "{errors}");
    }
}

#[test]
fn a_kind_for_a_side_enforces_message_security_on_that_side_alone() {
    let server = "palisade.interceptors.A.request.signature.enabled=true\n\
                  palisade.endpoints[0].interceptors=A\n";
    let client = "palisade.client.interceptors.A.request.signature.enabled=true\n";
    let none = Registry::new;
    for (registry, accepted) in [
        (none(), [false, false]),
        (none().with::<SealKind>(), [true, false]),
        (none().with_client::<SealKind>(), [false, true]),
        (none().with::<SealKind>().with_client::<SealKind>(), [true, true]),
    ] {
        let compiled = [server, client].map(|text| compile(&registry, text));
        assert_eq!(compiled.each_ref().map(Result::is_ok), accepted, "{registry:?}");
        for error in compiled.iter().filter_map(|result| result.as_ref().err()) {
            assert!(
                error
                    .to_string()
                    .contains("this build does not enforce message security"),
                "{error}"
            );
        }
    }
}

#[test]
fn what_a_kind_knows_is_its_own_to_check() {
    let registry = Registry::new().with_client::<SealKind>();
    let on = policy(
        &registry,
        "palisade.client.interceptors.A.response.signature.enabled=true\n",
    );
    assert_eq!(on.client("A").unwrap().entries().len(), 1);
    let off = policy(
        &registry,
        "palisade.client.interceptors.A.response.signature.enabled=false\n",
    );
    assert_eq!(off.client("A").unwrap().entries().len(), 0);
    assert_eq!(off.findings()[0].code, "client-interceptor-empty");
    let errors = compile(
        &registry,
        "palisade.client.interceptors.A.response.signatur.enabled=true\n",
    )
    .unwrap_err();
    assert!(errors.to_string().contains("signature"), "{errors}");
}

#[test]
fn variables_match_declared_names_without_regard_to_case() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("application.properties"), PARTNER).unwrap();
    let mut sources = Sources::new(folder.path());
    let variable = "PALISADE__CLIENT__INTERCEPTORS__PARTNER__STAMP__WORD";
    sources.environment = vec![(variable.to_owned(), "elsewhere".to_owned())];
    let (config, errors) = Config::load(&sources);
    assert!(errors.is_empty(), "{errors}");
    let policy = registry().compile(&config, &environment()).unwrap();
    assert_eq!(policy.client_names().collect::<Vec<_>>(), ["Partner"]);
}

#[rstest]
#[case(PARTNER, "no group differs")]
#[case("", "client interceptors removed: Partner")]
#[case(
    "palisade.client.interceptors.Partner.once.on=true\n",
    "client interceptors changed: Partner"
)]
fn changes_tell_of_client_interceptors(#[case] new: &str, #[case] told: &str) {
    let changes = policy(&registry(), PARTNER).changes(&policy(&registry(), new));
    assert_eq!(changes.to_string(), told);
    assert_eq!(changes.is_empty(), told == "no group differs");
}

const TWO: &str = "\
palisade.client.interceptors.A.stamp.word=late
palisade.client.interceptors.A.stamp.late=true
palisade.client.interceptors.B.once.on=true
palisade.client.interceptors.B.stamp.word=early
palisade.client.interceptors.C.once.on=true
";

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

#[test]
fn several_client_interceptors_stand_together_as_those_of_a_group() {
    let policy = policy(&registry(), TWO);
    let stages = |wanted: &[&str]| {
        let pipeline = policy.clients_together(&names(wanted)).unwrap();
        let entries = pipeline.entries().iter();
        let stages = entries.map(|entry| format!("{} of {}", entry.stage.name(), entry.interceptor));
        stages.collect::<Vec<_>>()
    };
    assert_eq!(stages(&[]), Vec::<String>::new());
    assert_eq!(stages(&["C"]), ["once of C"]);
    assert_eq!(stages(&["A", "B"]), ["once of B", "stamp of B", "stamp of A"]);
}

#[test]
fn client_interceptors_that_are_unknown_or_have_a_single_stage_twice_do_not_stand_together() {
    let policy = policy(&registry(), TWO);
    let why = |wanted: &[&str]| policy.clients_together(&names(wanted)).unwrap_err();
    let unknown = why(&["A", "b"]);
    assert!(matches!(unknown, ClientsNotTogether::Unknown(_)));
    assert_eq!(
        unknown.to_string(),
        "palisade.client.interceptors.b is not configured; did you mean \"B\"?"
    );
    let twice = why(&["B", "A", "C"]);
    assert_eq!(
        twice.to_string(),
        "B and C both have once, which a connection can have once"
    );
}
