use std::fs;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use palisade_config::Sources;
use palisade_core::SystemClock;
use palisade_endpoint::{Environment, Registry};
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
    let recipe = Recipe {
        sources: Sources::new(folder),
        registry: Registry::new(),
        environment: Environment::new(Arc::new(SystemClock::new())),
        needs_upstream: false,
        replay: OnceLock::new(),
    };
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
