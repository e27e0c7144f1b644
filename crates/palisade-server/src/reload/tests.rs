use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use metrics_exporter_prometheus::PrometheusBuilder;
use palisade_config::Sources;
use palisade_core::{Clock, Severity, SystemClock};
use palisade_endpoint::{Environment, Registry};
use palisade_test::FakeClock;
use palisade_test::ca::TestCa;
use time::OffsetDateTime;

use super::Running;
use crate::assembly::Recipe;
use crate::status::Reload;

/// Two listeners without lists, and a group for that path.
fn base(path: &str) -> String {
    let listener = |name: &str| {
        format!(
            "palisade.listeners.{name}.bind=127.0.0.1:0\n\
             palisade.listeners.{name}.tls.key-alias=server\n\
             palisade.listeners.{name}.tls.client-auth=request\n\
             palisade.listeners.{name}.tls.client-ca-aliases=ca\n"
        )
    };
    format!(
        "palisade.keystores.server.location=server.pem\n\
         palisade.keystores.ca.location=ca.pem\n\
         palisade.endpoints[0].name={path}\n\
         palisade.endpoints[0].paths=/{path}\n{}{}",
        listener("one"),
        listener("two")
    )
}

fn running(folder: &Path) -> Running {
    running_by(folder, Arc::new(SystemClock::new()))
}

fn running_by(folder: &Path, clock: Arc<dyn Clock>) -> Running {
    let recipe = Recipe::new(Sources::new(folder), Registry::new(), Environment::new(clock));
    let assembly = recipe
        .assemble(None)
        .map_err(|refused| refused.errors.to_string());
    Running::new(recipe, assembly.unwrap())
}

#[test]
fn what_was_prepared_applies_whole_although_a_revocation_list_disappears_before() {
    let folder = tempfile::tempdir().unwrap();
    let write = |text: &str| fs::write(folder.path().join("application.properties"), text).unwrap();
    let ca = TestCa::new("Test Root");
    ca.server(&["localhost"]).write_pem(folder.path(), "server");
    ca.write_pem(folder.path(), "ca");
    write(&base("before"));
    let running = running(folder.path());

    let now = OffsetDateTime::now_utc();
    let list = ca
        .crl(
            &[],
            now - Duration::from_secs(60),
            now + Duration::from_secs(3600),
        )
        .write_pem(folder.path(), "list");
    let lists = ["one", "two"].map(|name| format!("palisade.listeners.{name}.tls.crl-files=list.crl.pem\n"));
    write(&format!("{}{}", base("after"), lists.concat()));
    let mut latest = running.latest.lock().unwrap();
    let prepared = running
        .prepare(&latest)
        .map_err(|refused| refused.errors.to_string());
    let prepared = prepared.unwrap();
    fs::remove_file(&list).unwrap();
    let outcome = running.apply(prepared, &mut latest, String::new());

    assert!(matches!(outcome, Reload::Applied { .. }), "{outcome:?}");
    for (name, acceptor) in &running.acceptors {
        assert!(acceptor.files().contains(&list), "{name} uses the list");
    }
    let changes = match outcome {
        Reload::Applied { changes, .. } => changes,
        _ => String::new(),
    };
    assert!(changes.contains("after"), "{changes}");
}

#[test]
fn a_departed_listener_whose_key_is_gone_is_an_alarm_and_the_rest_applies() {
    let folder = tempfile::tempdir().unwrap();
    let write = |text: &str| fs::write(folder.path().join("application.properties"), text).unwrap();
    let ca = TestCa::new("Test Root");
    for name in ["server", "other"] {
        ca.server(&["localhost"]).write_pem(folder.path(), name);
    }
    ca.write_pem(folder.path(), "ca");
    let other = "palisade.keystores.other.location=other.pem\n\
        palisade.listeners.other.bind=127.0.0.1:0\n\
        palisade.listeners.other.tls.key-alias=other\n";
    write(&format!("{}{other}", base("before")));
    let running = running(folder.path());

    write(&base("after"));
    for _ in 0..2 {
        let Reload::Applied {
            alarms,
            needs_restart,
            ..
        } = running.reload()
        else {
            panic!("refused")
        };
        assert_eq!(needs_restart, ["palisade.listeners.other"]);
        assert_eq!(alarms.len(), 1, "{alarms:?}");
        assert!(
            alarms[0].starts_with("palisade.listeners.other is no longer configured"),
            "{alarms:?}"
        );
    }
}

#[test]
fn a_revocation_list_that_grows_old_while_serving_is_found_and_told_at_each_listener() {
    const DAY: Duration = Duration::from_hours(24);
    let folder = tempfile::tempdir().unwrap();
    let ca = TestCa::new("Test Root");
    let clock = Arc::new(FakeClock::now_and_standing());
    ca.server(&["localhost"]).write_pem(folder.path(), "server");
    ca.write_pem(folder.path(), "ca");
    let renew = || {
        let now = OffsetDateTime::from(clock.now());
        ca.crl(&[], now, now + DAY * 9).write_pem(folder.path(), "list");
    };
    renew();
    let lists = ["one", "two"].map(|name| format!("palisade.listeners.{name}.tls.crl-files=list.crl.pem\n"));
    let properties = format!("{}{}", base("all"), lists.concat());
    fs::write(folder.path().join("application.properties"), properties).unwrap();
    let running = running_by(folder.path(), Arc::clone(&clock) as _);
    let found = || {
        let applied = running.status.applied();
        let found = applied.findings.iter();
        let found = found.filter(|finding| finding.code.starts_with("crl-"));
        let found = found.map(|finding| (finding.code.to_string(), finding.severity, finding.key.clone()));
        found.collect::<Vec<_>>()
    };
    let at_both = |code: &str, severity| {
        ["one", "two"]
            .map(|name| {
                let key = format!("palisade.listeners.{name}.tls.crl-files[0]");
                (code.to_owned(), severity, Some(key))
            })
            .to_vec()
    };
    assert_eq!((running.look_at_certificates(), found()), (vec![], vec![]));
    clock.advance(DAY * 7);
    let due = running.look_at_certificates();
    assert_eq!(found(), at_both("crl-expires-soon", Severity::Caution));
    assert_eq!(due.len(), 2, "{due:?}");
    assert!(due.iter().all(|finding| finding.origin.is_some()), "{due:?}");
    assert_eq!(running.look_at_certificates(), []);
    clock.advance(DAY * 2);
    assert_eq!(running.look_at_certificates().len(), 2);
    assert_eq!(found(), at_both("crl-expired", Severity::Severe));

    renew();
    assert!(matches!(running.reload(), Reload::Applied { .. }));
    assert_eq!(found(), []);
    assert_eq!((running.look_at_certificates(), found()), (vec![], vec![]));
}

/// What is logged is kept.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Lines {
    fn take(&self) -> String {
        String::from_utf8(std::mem::take(&mut *self.0.lock().unwrap())).unwrap()
    }
}

#[test]
fn a_keystore_that_does_not_load_is_told_with_its_code_and_counted_until_it_loads_again() {
    let folder = tempfile::tempdir().unwrap();
    let ca = TestCa::new("Test Root");
    ca.server(&["localhost"]).write_pem(folder.path(), "server");
    ca.write_pem(folder.path(), "ca");
    fs::write(folder.path().join("application.properties"), base("all")).unwrap();
    let running = running(folder.path());
    let server = folder.path().join("server.pem");
    let whole = fs::read(&server).unwrap();

    let lines = Lines::default();
    let log = tracing_subscriber::fmt()
        .json()
        .with_max_level(tracing::Level::INFO)
        .with_writer({
            let lines = lines.clone();
            move || lines.clone()
        })
        .finish();
    let recorder = PrometheusBuilder::new().build_recorder();
    let reload = || {
        let _log = tracing::subscriber::set_default(log);
        metrics::with_local_recorder(&recorder, || {
            fs::write(&server, "broken").unwrap();
            let broken = [running.reload(), running.reload()].map(|_| lines.take());
            fs::write(&server, &whole).unwrap();
            let mended = [running.reload(), running.reload()].map(|_| lines.take());
            (broken, mended)
        })
    };
    let (broken, mended) = reload();
    let broken = broken.concat();
    assert_eq!(
        broken.matches("\"code\":\"keystore-stale\"").count(),
        2,
        "{broken}"
    );
    let mended = mended.concat();
    assert_eq!(mended.matches("a keystore loads again").count(), 1, "{mended}");
    assert!(mended.contains("\"keystore\":\"server\""), "{mended}");
    let counted = recorder.handle().render();
    assert!(
        counted.contains("palisade_keystore_alarms_total{keystore=\"server\"} 2"),
        "{counted}"
    );
}

#[test]
fn a_certificate_that_expires_while_serving_is_found_and_told() {
    const DAY: Duration = Duration::from_secs(86_400);
    let folder = tempfile::tempdir().unwrap();
    let ca = TestCa::new("Test Root");
    let clock = Arc::new(FakeClock::now_and_standing());
    let end = OffsetDateTime::from(clock.now() + DAY * 40);
    let leaf = ca.leaf("localhost").names(&["localhost"]).for_servers();
    let server = leaf.not_after(end).issue();
    server.write_pem(folder.path(), "server");
    ca.write_pem(folder.path(), "ca");
    fs::write(folder.path().join("application.properties"), base("all")).unwrap();
    let running = running_by(folder.path(), Arc::clone(&clock) as _);
    let look = || {
        let due = running.look_at_certificates();
        let due: Vec<_> = due.iter().map(|finding| finding.code.to_string()).collect();
        let applied = running.status.applied();
        let found = applied.findings.iter();
        let found: Vec<_> = found
            .filter(|finding| finding.code.starts_with("certificate-expire"))
            .map(|finding| finding.code.to_string())
            .collect();
        (due.join(","), found.join(","))
    };
    let both = |due: &str, found: &str| (due.to_owned(), found.to_owned());
    assert_eq!(look(), both("", ""));
    clock.advance(DAY * 20);
    assert_eq!(
        look(),
        both("certificate-expires-soon", "certificate-expires-soon")
    );
    assert_eq!(look(), both("", "certificate-expires-soon"));
    clock.advance(DAY * 21);
    assert_eq!(look(), both("certificate-expired", "certificate-expired"));
    assert_eq!(look(), both("", "certificate-expired"));
    clock.advance(DAY);
    assert_eq!(look(), both("certificate-expired", "certificate-expired"));
}
