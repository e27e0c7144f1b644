//! From property files to policy: what loads, and every error at once.

use crate::common::{compile, policy, registry};
use http::Method;
use palisade_config::{Config, Sources};
use palisade_core::Severity;
use palisade_endpoint::{Probe, Registry, Verdict};
use rstest::rstest;

/// The example of Blueriq's documentation, unchanged.
const BLUERIQ: &str = "\
blueriq.baas.rest.endpoints[0].webservices=MyRestService,MyRestService2
blueriq.baas.rest.endpoints[0].operations=MyOperation,MyOperation2
blueriq.baas.rest.endpoints[0].interceptors=MyInterceptor1
blueriq.baas.rest.endpoints[1].webservices=MyRestService
blueriq.baas.rest.endpoints[1].interceptors=MyInterceptor2
";

#[rstest]
#[case("/server/rest/MyRestService/MyOperation", Some("endpoints[0]"))]
#[case("/server/rest/MyRestService2/MyOperation2/and/more", Some("endpoints[0]"))]
#[case("/server/rest/MyRestService/Other", Some("endpoints[1]"))]
#[case("/server/rest/MyRestService", Some("endpoints[1]"))]
#[case("/server/rest/MyRestService2/Other", None)]
#[case("/server/rest/myrestservice/MyOperation", None)]
#[case("/server/rest/MyRestService/myoperation", Some("endpoints[1]"))]
#[case("/webservices/MyRestService", None)]
#[case("/MyRestService/MyOperation", None)]
fn blueriqs_example_loads_unchanged_and_the_first_match_wins(
    #[case] path: &str,
    #[case] group: Option<&str>,
) {
    let bare = BLUERIQ.to_owned();
    let declared = format!(
        "{BLUERIQ}blueriq.rest.interceptor.server.security.MyInterceptor1.request.decryption.enabled=false\n\
         blueriq.rest.interceptor.server.security.MyInterceptor2.request.signature.key-alias=partner\n"
    );
    for text in [bare, declared] {
        let policy = policy(&registry(), &text);
        let explanation = policy.explain(&Probe::new(Method::POST, path.parse().unwrap()));
        assert_eq!(explanation.group.as_deref(), group);
        let verdict = if group.is_some() {
            Verdict::Accepted
        } else {
            Verdict::Refused {
                status: 404,
                code: "endpoint-not-configured".into(),
                title: "No endpoint group covers this request".into(),
                detail: None,
                members: serde_json::Map::new(),
            }
        };
        assert_eq!(explanation.verdict, verdict);
    }
}

#[test]
fn an_enabled_profile_that_this_build_does_not_enforce_stops_the_start() {
    let errors = compile(
        &registry(),
        &format!("{BLUERIQ}blueriq.rest.interceptor.server.security.MyInterceptor1.request.decryption.enabled=true\n\
                  blueriq.rest.interceptor.server.security.MyInterceptor2.request.decrypton.enabled=false\n"),
    )
    .unwrap_err();
    let text = errors.to_string();
    assert!(text.contains("application.properties:6"), "{text}");
    assert!(text.contains("does not enforce message security"), "{text}");
    assert!(
        text.contains("application.properties:7") && text.contains("did you mean \"decryption\""),
        "{text}"
    );
}

#[test]
fn an_interceptor_that_is_misspelt_beside_declared_ones_is_an_error_under_blueriqs_names_too() {
    let errors = compile(
        &registry(),
        &format!("{BLUERIQ}blueriq.rest.interceptor.server.security.MyInterceptor1.request.decryption.enabled=false\n"),
    )
    .unwrap_err();
    assert!(
        errors.to_string().contains("unknown interceptor MyInterceptor2"),
        "{errors}"
    );
}

#[test]
fn every_error_of_every_file_comes_in_one_answer_with_file_and_line() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("application.properties"),
        "palisade.profiles.active=prod\n\
         palisade.endpoints[0].webservices=A\n\
         palisade.endpoints[0].interceptors=Guardd\n\
         palisade.endpoints[0].metods=GET\n\
         palisade.interceptors.Guard.stamp.word=hello\n\
         palisade.interceptors.Guard.stamp.limit=300\n\
         palisade.interceptors.Guard.stmp.word=hello\n",
    )
    .unwrap();
    std::fs::write(
        folder.path().join("application-prod.properties"),
        "palisade.unmatched=denny\n\
         palisade.interceptors.Other.stamp.refuse=perhaps\n\
         palisade.interceptors.Other.stamp.word=x\n\
         palisade.interceptors.Later.validation.max-body=5\n\
         palisade.max-buffered-body=lots\n",
    )
    .unwrap();
    let (config, errors) = Config::load(&Sources::new(folder.path()));
    assert!(errors.is_empty(), "{errors}");
    let errors = registry()
        .compile(&config, &crate::common::environment())
        .unwrap_err();
    let text = errors.to_string();
    for expected in [
        "application.properties:3: palisade.endpoints[0].interceptors: unknown interceptor Guardd",
        "did you mean \"Guard\"",
        "application.properties:4: palisade.endpoints[0].metods",
        "did you mean \"methods\"",
        "application.properties:6: palisade.interceptors.Guard.stamp.limit",
        "application.properties:7: palisade.interceptors.Guard.stmp",
        "did you mean \"stamp\"",
        "application-prod.properties:1: palisade.unmatched",
        "application-prod.properties:2: palisade.interceptors.Other.stamp.refuse",
        "application-prod.properties:4: palisade.interceptors.Later.validation",
        "application-prod.properties:5: palisade.max-buffered-body",
    ] {
        assert!(text.contains(expected), "missing {expected:?} in:\n{text}");
    }
}

#[rstest]
#[case("palisade.endpoints[0].methods=get", "methods in upper case")]
#[case("palisade.endpoints[0].paths=payments", "starts with /")]
#[case(
    "palisade.endpoints[0].paths=/ok,/a//b",
    "canonical form; all others are refused before any group, found \"/a//b\""
)]
#[case("palisade.endpoints[0].paths=/café", "canonical form")]
#[case("palisade.endpoints[0].webservices=A/B", "no slash")]
#[case("palisade.soap-base-path=/server", "SOAP's does not hold all of REST's")]
#[case(
    "palisade.endpoint-base-path=/webservices/rest",
    "SOAP's does not hold all of REST's"
)]
#[case("palisade.endpoints[0].paths=/a/{id", "a path pattern")]
#[case("palisade.endpoints[0].webservices=", "at least one element")]
#[case(
    "palisade.endpoints[0].name=a\npalisade.endpoints[1].name=a",
    "a name that no other group has"
)]
#[case(
    "palisade.endpoints[0].soap-actions=urn:a\npalisade.endpoints[0].operations=B",
    "no operations beside soap-actions"
)]
#[case("palisade.endpoints.webservices=A", "a list")]
#[case("palisade.endpoint-base-path=server", "a path such as /server/rest")]
#[case(
    "palisade.interceptors.A.stamp.word=x\npalisade.endpoints[0].interceptors=A,A",
    "stands there twice"
)]
#[case(
    "palisade.interceptors.A.once.on=true\npalisade.interceptors.B.once.on=true\npalisade.endpoints[0].interceptors=A,B",
    "a group can have once"
)]
#[case("palisade.interceptors.A.stamp.word=a\\u0000b", "a field value")]
fn what_is_wrong_is_said(#[case] text: &str, #[case] message: &str) {
    let errors = compile(&registry(), text).unwrap_err();
    assert!(errors.to_string().contains(message), "{errors}");
    assert!(errors.to_string().contains("application.properties:"), "{errors}");
}

#[test]
fn an_interceptor_that_only_reports_is_a_finding_like_a_group_that_does() {
    let policy = policy(
        &registry(),
        "palisade.endpoints[0].paths=/a\n\
         palisade.endpoints[0].interceptors=P,Q\n\
         palisade.interceptors.P.stamp.word=a\n\
         palisade.interceptors.P.report-only=true\n\
         palisade.interceptors.Q.report-only=false\n\
         palisade.client.interceptors.P.report-only=true\n",
    );
    let findings: Vec<_> = policy
        .findings()
        .iter()
        .filter(|finding| finding.code == "report-only")
        .map(|finding| {
            let (key, origin) = (finding.key.as_deref(), finding.origin.as_deref());
            (
                finding.severity,
                finding.code.as_ref(),
                key.unwrap(),
                origin.unwrap(),
            )
        })
        .collect();
    let moderate = |key, origin| (Severity::Moderate, "report-only", key, origin);
    assert_eq!(
        findings,
        [
            moderate("palisade.interceptors.P.report-only", "application.properties:4"),
            moderate(
                "palisade.client.interceptors.P.report-only",
                "application.properties:6"
            ),
        ]
    );
}

#[test]
fn findings_name_what_is_allowed_but_unwise() {
    let policy = policy(
        &registry(),
        "palisade.unmatched=allow\n\
         palisade.interceptors.Unused.stamp.word=\n\
         palisade.endpoints[0].name=open\n\
         palisade.endpoints[1].webservices=A\n\
         palisade.endpoints[1].report-only=true\n",
    );
    let mut codes: Vec<_> = policy
        .findings()
        .iter()
        .map(|finding| finding.code.as_ref())
        .collect();
    codes.sort_unstable();
    let expected = [
        "group-unguarded",
        "group-unguarded",
        "group-unreachable",
        "interceptor-unused",
        "report-only",
        "stamp-empty",
        "unmatched-allowed",
    ];
    assert_eq!(codes, expected);
    let stamp = policy
        .findings()
        .iter()
        .find(|finding| finding.code == "stamp-empty")
        .unwrap();
    assert_eq!(
        stamp.key.as_deref(),
        Some("palisade.interceptors.Unused.stamp.word")
    );
    assert_eq!(stamp.origin.as_deref(), Some("application.properties:2"));
}

#[test]
fn stages_are_sorted_by_phase_and_stable_within_one() {
    let policy = policy(
        &registry(),
        "palisade.endpoints[0].interceptors=Late,First,Second,Third\n\
         palisade.interceptors.Late.stamp.word=late\n\
         palisade.interceptors.Late.stamp.late=true\n\
         palisade.interceptors.First.stamp.word=first\n\
         palisade.interceptors.Second.once.on=true\n\
         palisade.interceptors.Third.stamp.word=third\n",
    );
    let explanation = policy.explain(&Probe::new(Method::GET, "/".parse().unwrap()));
    let order: Vec<_> = explanation
        .stages
        .iter()
        .map(|stage| stage.interceptor.as_str())
        .collect();
    assert_eq!(order, ["Second", "First", "Third", "Late"]);
    assert_eq!(
        explanation.stages[1].settings[0].key,
        "palisade.interceptors.First.stamp.word"
    );
    assert_eq!(
        explanation.stages[1].settings[0].origin.to_string(),
        "application.properties:4"
    );
    assert_eq!(
        explanation.verdict,
        Verdict::Unknown {
            hangs_on: "the client's address".into()
        }
    );
}

#[test]
fn a_kind_takes_the_place_of_an_earlier_one_with_its_root() {
    let registry = Registry::new()
        .with::<crate::common::StampKind>()
        .with::<crate::common::OnceKind>()
        .with::<crate::common::StampKind>();
    assert_eq!(registry.roots(), ["once", "stamp"]);
}

#[test]
fn blueriqs_soap_groups_come_behind_its_rest_groups_and_keep_to_soap_routes() {
    let text = "\
blueriq.baas.soap.endpoints[0].webservices=Payments
blueriq.baas.soap.endpoints[0].soap-actions=urn:pay
blueriq.baas.soap.endpoints[0].interceptors=MyInterceptor1
blueriq.baas.soap.endpoints[1].webservices=Payments
blueriq.baas.soap.endpoints[1].interceptors=MyInterceptor1
blueriq.baas.rest.endpoints[0].webservices=Payments
blueriq.baas.rest.endpoints[0].interceptors=MyInterceptor1
";
    let policy = policy(&registry(), text);
    for (path, action, group) in [
        ("/server/rest/Payments/Create", None, "endpoints[0]"),
        ("/webservices/Payments", Some("urn:pay"), "endpoints[1]"),
        ("/webservices/aaas/Payments/aaas.wsdl", None, "endpoints[2]"),
    ] {
        let mut probe = Probe::new(Method::POST, path.parse().unwrap());
        if let Some(action) = action {
            probe.headers.insert("soapaction", action.parse().unwrap());
        }
        assert_eq!(policy.explain(&probe).group.as_deref(), Some(group), "{path}");
    }
}

#[test]
fn settings_of_message_security_load_in_their_off_values_and_in_no_others() {
    let off = "\
palisade.interceptors.A.request.decryption.enabled=false
palisade.interceptors.A.request.signature.key-alias=partner
palisade.interceptors.A.request.timestamp.max-ttl=300
palisade.interceptors.A.request.bodiless=reject
palisade.interceptors.A.request.binding=if-present
palisade.interceptors.A.request.replay-protection=false
palisade.interceptors.A.message.format=raw
palisade.interceptors.A.message.secure-errors=false
";
    policy(&registry(), off);
    let on = [
        "request.binding=required",
        "request.replay-protection=true",
        "message.secure-errors=true",
        "response.encryption.enabled=true",
        "request.timestamp.enabled=yes",
        "request.audience=us",
    ];
    for setting in on {
        let errors = compile(&registry(), &format!("palisade.interceptors.A.{setting}\n")).unwrap_err();
        assert_eq!(errors.len(), 1, "{errors}");
    }
}

/// Loads a file with variables on top; the errors, or none.
fn errors_with_variables(text: &str, variables: &[(&str, &str)]) -> String {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("application.properties"), text).unwrap();
    let mut sources = Sources::new(folder.path());
    sources.environment = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let (config, errors) = Config::load(&sources);
    assert!(errors.is_empty(), "{errors}");
    registry()
        .compile(&config, &crate::common::environment())
        .map_or_else(|errors| errors.to_string(), |_| String::new())
}

#[test]
fn a_variable_that_would_leave_one_group_alone_and_unguarded_is_an_error() {
    let text = "palisade.endpoints[0].webservices=A\n\
                palisade.endpoints[0].interceptors=S\n\
                palisade.interceptors.S.stamp.word=x\n";
    let alone = errors_with_variables(text, &[("PALISADE__ENDPOINTS__0__WEBSERVICES", "Z")]);
    assert!(
        alone.contains("PALISADE__ENDPOINTS__0") && alone.contains("replaces the whole list"),
        "{alone}"
    );
    let whole = [
        ("PALISADE__ENDPOINTS__0__WEBSERVICES", "Z"),
        ("PALISADE__ENDPOINTS__0__INTERCEPTORS", "S"),
    ];
    assert_eq!(errors_with_variables(text, &whole), "");
}

#[test]
fn a_misspelt_interceptor_in_a_variable_is_an_error_and_not_a_new_interceptor() {
    let text = "palisade.endpoints[0].interceptors=MyInt\npalisade.interceptors.MyInt.stamp.word=x\n";
    assert_eq!(
        errors_with_variables(text, &[("PALISADE__INTERCEPTORS__MYINT__STAMP__WORD", "y")]),
        ""
    );
    let misspelt = errors_with_variables(text, &[("PALISADE__INTERCEPTORS__MYINTT__STAMP__WORD", "y")]);
    assert!(misspelt.contains("did you mean \"MyInt\""), "{misspelt}");
    let case = format!("{text}palisade.interceptors.myint.stamp.word=y\n");
    assert!(errors_with_variables(&case, &[]).contains("did you mean \"MyInt\""));
}

#[test]
fn a_group_whose_interceptors_bring_no_stage_is_unguarded() {
    let policy = policy(
        &registry(),
        "palisade.endpoints[0].interceptors=Nothing\npalisade.interceptors.Nothing.report-only=false\n",
    );
    assert_eq!(policy.findings()[0].code, "group-unguarded");
    let off = format!(
        "{BLUERIQ}blueriq.rest.interceptor.server.security.MyInterceptor1.request.decryption.enabled=false\n\
                       blueriq.rest.interceptor.server.security.MyInterceptor2.request.decryption.enabled=false\n"
    );
    let policy = crate::common::policy(&registry(), &off);
    assert_eq!(
        policy
            .findings()
            .iter()
            .filter(|finding| finding.code == "group-unguarded")
            .count(),
        2
    );
}
