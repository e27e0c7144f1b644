use std::fs;
use std::path::Path;

use palisade_config::{Config, Sources};
use palisade_core::Severity;
use palisade_core::settings::Period;
use rstest::rstest;

use super::{LogFormat, ReplayStoreKind, ServerSettings};

fn read(properties: &str) -> (ServerSettings, String, Vec<(Severity, String)>) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("application.properties"), properties).unwrap();
    let (config, errors) = Config::load(&Sources::new(folder.path()));
    assert!(errors.is_empty(), "{errors}");
    let (settings, errors) = ServerSettings::read(&config);
    let findings = settings.findings(&config).into_iter();
    let findings = findings.map(|finding| (finding.severity, finding.code.into_owned()));
    let findings = findings.collect();
    (settings, errors.to_string(), findings)
}

#[test]
fn defaults_hold_where_nothing_is_written() {
    let (settings, errors, findings) = read("palisade.unmatched=deny\n");
    assert_eq!(errors, "");
    assert_eq!(findings, []);
    assert_eq!(settings.listeners.keys().collect::<Vec<_>>(), ["main"]);
    assert_eq!(settings.admin.bind.to_string(), "127.0.0.1:9080");
    assert!(settings.admin.enabled && !settings.admin_is_chosen);
    assert_eq!(
        (settings.log.level.as_str(), settings.log.format),
        ("error", LogFormat::Text)
    );
    assert_eq!(settings.drain_timeout, Period::seconds(30));
    assert_eq!(settings.body_read_timeout, Period::seconds(60));
    assert!(settings.upstream.is_none());
    assert_eq!(settings.data_dir, Path::new("data"));
    assert_eq!(
        (settings.replay.store, settings.replay.max_entries),
        (ReplayStoreKind::Embedded, 1_000_000)
    );
}

#[test]
fn what_is_written_is_read() {
    let (settings, errors, _) = read(
        "palisade.listeners.public.bind=0.0.0.0:443\n\
         palisade.upstream.url=https://a.example/base\n\
         palisade.upstream.timeout=2s\n\
         palisade.upstream.tls.minimum-version=TLSv1.3\n\
         palisade.admin.enabled=false\n\
         palisade.log.level=warn,palisade::refusal=info\n\
         palisade.log.format=json\n\
         palisade.drain-timeout=1m\n\
         palisade.data-dir=/var/lib/palisade\n\
         palisade.replay.max-entries=5\n",
    );
    assert_eq!(errors, "");
    assert_eq!(settings.listeners.keys().collect::<Vec<_>>(), ["public"]);
    let upstream = settings.upstream.unwrap();
    assert_eq!(
        (upstream.connect_timeout, upstream.timeout),
        (Period::seconds(5), Period::seconds(2))
    );
    assert!(!settings.admin.enabled);
    assert_eq!(settings.log.format, LogFormat::Json);
    assert_eq!(settings.drain_timeout, Period::seconds(60));
    assert_eq!(settings.data_dir, Path::new("/var/lib/palisade"));
    assert_eq!(settings.replay.max_entries, 5);
}

#[rstest]
#[case("palisade.admin.bind=0.0.0.0:9080", Severity::Severe, "admin-not-on-loopback")]
#[case(
    "palisade.upstream.url=http://a.example",
    Severity::Moderate,
    "upstream-plain-http"
)]
#[case(
    "palisade.upstream.url=https://a.example\npalisade.upstream.tls.insecure-trust-all=true",
    Severity::Severe,
    "insecure-trust-all"
)]
#[case("palisade.replay.store=memory", Severity::Caution, "replay-memory-volatile")]
#[case(
    "palisade.connections.a.url=http://a.example",
    Severity::Moderate,
    "connection-plain-http"
)]
#[case(
    "palisade.connections.a.timeout=5s",
    Severity::Caution,
    "connection-without-url"
)]
#[case(
    "palisade.connections.a.url=smtp://a.example\npalisade.connections.a.tls.insecure-trust-all=true",
    Severity::Severe,
    "insecure-trust-all"
)]
#[case(
    "palisade.connections.a.url=https://a.example\npalisade.connections.a.tls.minimum-version=TLSv1.1",
    Severity::Severe,
    "tls-version-obsolete"
)]
fn what_is_unwise_is_found(#[case] properties: &str, #[case] severity: Severity, #[case] code: &str) {
    let (_, errors, findings) = read(properties);
    assert_eq!(errors, "");
    assert_eq!(findings, [(severity, code.to_owned())]);
}

#[test]
fn what_is_written_of_connections_is_read_and_findings_say_where() {
    let folder = tempfile::tempdir().unwrap();
    let properties = "palisade.client.interceptors.Seal.report-only=false\n\
        palisade.connections.crm.url=https://crm.example/api\n\
        palisade.connections.crm.interceptors=Seal\n\
        palisade.connections.crm.tls.minimum-version=TLSv1.3\n\
        palisade.connections.crm.tls.trust-aliases=a,b\n\
        palisade.connections.crm.tls.insecure-trust-all=true\n\
        palisade.connections.mail.timeout=2m\n";
    fs::write(folder.path().join("application.properties"), properties).unwrap();
    let (config, _) = Config::load(&Sources::new(folder.path()));
    let (settings, errors) = ServerSettings::read(&config);
    assert!(errors.is_empty(), "{errors}");
    let crm = &settings.connections["crm"];
    assert_eq!(crm.url.as_deref(), Some("https://crm.example/api"));
    assert_eq!(crm.interceptors, ["Seal"]);
    assert_eq!(crm.tls.trust_aliases, ["a", "b"]);
    assert_eq!(crm.timeout, Period::seconds(30));
    assert_eq!(settings.connections["mail"].timeout, Period::seconds(120));
    let findings = settings.findings(&config);
    let found: Vec<_> = findings
        .iter()
        .map(|finding| (finding.code.as_ref(), finding.origin.as_deref().unwrap()))
        .collect();
    assert_eq!(
        found,
        [
            ("insecure-trust-all", "application.properties:6"),
            ("connection-without-url", "application.properties:7"),
        ]
    );
}

#[test]
fn secrets_that_are_weak_or_open_two_keystores_are_found_and_not_shown() {
    let folder = tempfile::tempdir().unwrap();
    let properties = "palisade.keystores.a.location=a.p12\n\
        palisade.keystores.a.password=hunter2\n\
        palisade.keystores.b.location=b.p12\n\
        palisade.keystores.b.password=Correct-Horse-7\n\
        palisade.keystores.c.location=c.p12\n\
        palisade.keystores.c.password=Correct-Horse-7\n";
    fs::write(folder.path().join("application.properties"), properties).unwrap();
    let (config, _) = Config::load(&Sources::new(folder.path()));
    let findings = ServerSettings::read(&config).0.findings(&config);
    let found: Vec<_> = findings
        .iter()
        .map(|finding| (finding.code.as_ref(), finding.key.as_deref().unwrap()))
        .collect();
    assert_eq!(
        found,
        [
            ("secret-weak", "palisade.keystores.a.password"),
            ("secret-reused", "palisade.keystores.c.password"),
        ]
    );
    let shown = format!("{findings:?}");
    assert!(
        !shown.contains("hunter2") && !shown.contains("Correct-Horse"),
        "{shown}"
    );
}

#[rstest]
#[case("palisade.upstream.url=http://localhost:8080")]
#[case("palisade.upstream.url=http://127.0.0.1:8080")]
#[case("palisade.upstream.url=http://[::1]:8080")]
#[case("palisade.directory=config")]
#[case("palisade.connections.a.url=http://localhost:8080")]
#[case("palisade.connections.a.url=https://a.example/base")]
#[case("palisade.connections.a.url=IMAPS://a.example")]
fn what_asks_for_nothing_or_stays_on_the_machine_is_fine(#[case] properties: &str) {
    let (_, errors, findings) = read(properties);
    assert_eq!((errors.as_str(), findings), ("", Vec::new()));
}

#[rstest]
#[case("palisade.listner.main.bind=127.0.0.1:1", "did you mean \"listeners\"?")]
#[case("palisade.directory=sqlit:file", "expected `config`, `sqlite:<file>`")]
#[case(
    "palisade.directory=sqlite:file\npalisade.tenants.a.certificates=x",
    "users and tenants are those of sqlite:file"
)]
#[case("palisade.users.a.activ=false", "did you mean \"active\"?")]
#[cfg_attr(
    feature = "redis",
    case("palisade.replay.store=redis", "needs palisade.redis.url, which is not set")
)]
#[cfg_attr(
    not(feature = "redis"),
    case("palisade.replay.store=redis", "this build has no Redis")
)]
#[cfg_attr(
    not(feature = "redis"),
    case("palisade.redis.url=redis://a", "this build has no Redis")
)]
#[cfg_attr(
    feature = "redis",
    case(
        "palisade.redis.url=redis://a\npalisade.redis.pool-size=0",
        "expected at least 1"
    )
)]
#[cfg_attr(
    feature = "redis",
    case(
        "palisade.redis.url=redis://a\npalisade.redis.timeout=0",
        "expected more than nothing"
    )
)]
#[cfg_attr(
    feature = "redis",
    case(
        "palisade.redis.url=redis://a\npalisade.redis.on-failur=deny",
        "did you mean \"on-failure\"?"
    )
)]
#[cfg_attr(
    feature = "redis",
    case(
        "palisade.redis.url=redis://a\npalisade.redis.on-failure=alow",
        "did you mean \"allow\"?"
    )
)]
#[case("palisade.admin.token=two words", "RFC 6750")]
#[case("palisade.replay.store=disk", "palisade.replay.store")]
#[case("palisade.replay.max-entries=0", "expected at least 1")]
#[case("palisade.replay.max-entrys=5", "did you mean \"max-entries\"?")]
#[case("palisade.connections.a.url=ftp://a", "expected https://host, or smtp://")]
#[case("palisade.connections.a.url=a.example", "expected https://host, or smtp://")]
#[case("palisade.connections.a.url=https://a?q", "without user, query or fragment")]
#[case(
    "palisade.connections.a.url=https://a:99999",
    "expected http://host or https://host"
)]
#[case("palisade.connections.a.url=smtp://a/path", "with host and optional port")]
#[case("palisade.connections.a.ulr=https://a", "did you mean \"url\"?")]
#[case(
    "palisade.connections.a.url=https://a\npalisade.connections.a.timeout=0",
    "expected more than nothing"
)]
#[case(
    "palisade.connections.a.url=https://a\npalisade.connections.a.tls.key-alis=b",
    "did you mean \"key-alias\"?"
)]
#[case(
    "palisade.connections.a.url=https://a\npalisade.connections.a.interceptors=B",
    "unknown client interceptor B; declare palisade.client.interceptors.B.…"
)]
#[case(
    "palisade.connections.a.url=smtp://a\npalisade.connections.a.interceptors=B",
    "client interceptors are for messages over HTTP"
)]
#[case(
    "palisade.client.interceptors.B.report-only=false\npalisade.connections.a.url=https://a\npalisade.connections.a.interceptors=B,B",
    "expected each client interceptor once, but B stands there twice"
)]
#[case(
    "palisade.upstream.url=http://a\npalisade.upstream.timeout=0",
    "expected more than nothing"
)]
#[case("palisade.listeners.main.max-connections=0", "expected at least 1")]
#[case(
    "palisade.listeners.main.header-read-timeout=0s",
    "expected more than nothing"
)]
#[case(
    "palisade.listeners.a.bind=127.0.0.1:1\npalisade.listeners.b.bind=127.0.0.1:1",
    "the listener a has this one"
)]
#[case("palisade.admin.bind=localhost", "palisade.admin.bind")]
#[case("palisade.log.format=xml", "palisade.log.format")]
#[case("palisade.data-dir=application.properties", "expected a directory")]
fn what_is_wrong_is_an_error(#[case] properties: &str, #[case] part: &str) {
    let (_, errors, _) = read(properties);
    assert_eq!(errors.lines().count(), 1, "{errors}");
    assert!(
        errors.starts_with("application.properties:") && errors.contains(part),
        "{errors}"
    );
}

#[test]
fn an_upstream_without_address_is_an_error_of_no_line() {
    let (_, errors, _) = read("palisade.upstream.timeout=1s");
    assert_eq!(errors, "palisade.upstream.url: a value is required here");
}

#[cfg(feature = "redis")]
#[test]
fn what_is_written_of_redis_is_read_and_its_password_is_not_shown() {
    let (settings, errors, findings) = read(
        "palisade.redis.url=rediss://palisade:correct-horse@redis.example:6380/2\n\
         palisade.redis.on-failure=allow\n\
         palisade.redis.timeout=250ms\n\
         palisade.redis.connect-timeout=2s\n\
         palisade.redis.pool-size=4\n\
         palisade.replay.store=redis\n",
    );
    assert_eq!((errors.as_str(), findings), ("", Vec::new()));
    assert_eq!(settings.replay.store, ReplayStoreKind::Redis);
    let shown = format!("{settings:?}");
    assert!(!shown.contains("correct-horse"), "{shown}");
    let redis = settings.redis.unwrap();
    assert_eq!(redis.on_failure, palisade_core::OnFailure::Allow);
    assert_eq!(redis.timeout, Period::milliseconds(250));
    assert_eq!(redis.connect_timeout, Period::seconds(2));
    assert_eq!((redis.pool_size, redis.prefix.as_str()), (4, "palisade"));

    let (settings, errors, _) = read("palisade.redis.url=redis://127.0.0.1");
    assert_eq!(errors, "");
    let redis = settings.redis.unwrap();
    assert_eq!(redis.on_failure, palisade_core::OnFailure::Deny);
    assert_eq!(redis.timeout, Period::milliseconds(500));
    assert_eq!((redis.connect_timeout, redis.pool_size), (Period::seconds(1), 2));
    let (_, errors, _) = read("palisade.redis.timeout=1s");
    assert_eq!(errors, "palisade.redis.url: a value is required here");
}

#[cfg(feature = "redis")]
#[rstest]
#[case("redis://:Correct-Horse7@redis.example", &["redis-plain"])]
#[case("redis://redis.example", &["redis-plain", "redis-without-password"])]
#[case("rediss://redis.example", &["redis-without-password"])]
#[case("rediss://:Correct-Horse7@redis.example", &[])]
#[case("redis://localhost", &[])]
fn what_is_unwise_about_redis_is_found(#[case] url: &str, #[case] expected: &[&str]) {
    let (_, errors, findings) = read(&format!("palisade.redis.url={url}"));
    assert_eq!(errors, "");
    let codes: Vec<_> = findings.iter().map(|(_, code)| code.as_str()).collect();
    assert_eq!(codes, expected);
}

const TO_CALLER: &str = "palisade.interceptors.A.response.encryption.enabled=true\n\
    palisade.interceptors.A.response.encryption.key-alias=caller\n";

#[rstest]
#[case::none_asked("", true)]
#[case::plain("palisade.listeners.a.tls.enabled=false", true)]
#[case::asked_without_tls(
    "palisade.listeners.a.tls.enabled=false\npalisade.listeners.a.tls.client-auth=require",
    true
)]
#[case::asked("palisade.listeners.a.tls.client-auth=request", false)]
#[case::asked_by_one_of_two(
    "palisade.listeners.a.bind=127.0.0.1:1\npalisade.listeners.b.tls.client-auth=require",
    false
)]
#[case::told_by_a_proxy("palisade.listeners.a.client-cert-header=xfcc", false)]
#[case::off("palisade.interceptors.A.response.encryption.enabled=false", false)]
fn responses_to_callers_whom_nobody_knows_are_a_finding(#[case] listeners: &str, #[case] is_found: bool) {
    let base = if listeners.contains("encryption") {
        "palisade.interceptors.A.response.encryption.key-alias=caller\n"
    } else {
        TO_CALLER
    };
    let (_, errors, findings) = read(&format!("{base}{listeners}\n"));
    assert_eq!(errors, "");
    let found = findings.contains(&(Severity::Moderate, "caller-never-known".to_owned()));
    assert_eq!(found, is_found, "{findings:?}");
}

const ASKING: &str = "palisade.listeners.a.tls.client-auth=require";
const NOT_ASKING: &str = "palisade.listeners.b.bind=127.0.0.1:1";

#[rstest]
#[case::nobody_asked("force", "", Some(Severity::Severe))]
#[case::asked_without_tls(
    "force",
    "palisade.listeners.a.tls.enabled=false\npalisade.listeners.a.tls.client-auth=require",
    Some(Severity::Severe)
)]
#[case::some_asked("force", &format!("{ASKING}\n{NOT_ASKING}"), Some(Severity::Moderate))]
#[case::all_asked("force", ASKING, None)]
#[case::told_by_a_proxy("force", "palisade.listeners.a.client-cert-header=xfcc", None)]
#[case::everybody_refused("exclusive", NOT_ASKING, Some(Severity::Moderate))]
#[case::some_refused("exclusive", &format!("{ASKING}\n{NOT_ASKING}"), None)]
#[case::either_will_do("default", "", None)]
#[case::no_mode_at_all("forced", "", None)]
fn a_mode_that_counts_on_certificates_which_nobody_asks_for_is_a_finding(
    #[case] mode: &str,
    #[case] listeners: &str,
    #[case] expected: Option<Severity>,
) {
    let key = "palisade.interceptors.A.authentication.two-way-mode";
    let folder = tempfile::tempdir().unwrap();
    let properties = format!("{key}={mode}\n{listeners}\n");
    fs::write(folder.path().join("application.properties"), properties).unwrap();
    let (config, _) = Config::load(&Sources::new(folder.path()));
    let (settings, errors) = ServerSettings::read(&config);
    assert!(errors.is_empty(), "{errors}");
    let findings = settings.findings(&config);
    let found: Vec<_> = findings
        .iter()
        .filter(|finding| finding.code == "two-way-never-asked")
        .map(|finding| {
            (
                finding.severity,
                finding.key.as_deref(),
                finding.origin.as_deref(),
            )
        })
        .collect();
    let expected: Vec<_> = expected
        .into_iter()
        .map(|severity| (severity, Some(key), Some("application.properties:1")))
        .collect();
    assert_eq!(found, expected);
}
