//! All errors at once, each with its place.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::fixture::Fixture;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[expect(dead_code, reason = "only read")]
struct Listener {
    bind: std::net::SocketAddr,
    max_connections: u32,
    mode: Mode,
    #[serde(default)]
    ports: Vec<u16>,
    password: Option<u8>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Mode {
    Off,
    XForwardedFor,
}

#[test]
fn one_reading_reports_every_error_of_a_subtree() {
    let config = Fixture::properties(
        "palisade.l.a.bind=here\npalisade.l.a.max-conections=5\npalisade.l.a.mode=x-forwarded-fro\npalisade.l.a.ports=1,two,3,99999\n\
         palisade.l.a.password=hunter2\npalisade.l.b.bind=127.0.0.1:1\npalisade.l.b.max-connections=-1\npalisade.l.c=7\n\
         palisade.l.d.bind=127.0.0.1:80\npalisade.l.d.max-connections=1\npalisade.l.d.mode=off\npalisade.l.e.bind=127.0.0.1:80\npalisade.l.e.ports=x",
    )
    .config();
    let errors = config
        .get::<BTreeMap<String, Listener>>("palisade.l")
        .unwrap_err();
    let expected = [
        "application.properties:1: palisade.l.a.bind: expected an address and port such as 127.0.0.1:8443 or [::1]:8443, found \"here\"",
        "application.properties:2: palisade.l.a.max-conections: unknown key; expected one of bind, max-connections, mode, ports, password (did you mean \"max-connections\"?)",
        "application.properties:3: palisade.l.a.mode: expected one of off, x-forwarded-for, found \"x-forwarded-fro\" (did you mean \"x-forwarded-for\"?)",
        "application.properties:4: palisade.l.a.ports[1]: expected a whole number from 0 to 65535, found \"two\"",
        "application.properties:4: palisade.l.a.ports[3]: expected a whole number from 0 to 65535, found \"99999\"",
        "application.properties:5: palisade.l.a.password: expected a whole number from 0 to 255, found ***",
        "application.properties:6: palisade.l.b.mode: a value is required here",
        "application.properties:7: palisade.l.b.max-connections: expected a whole number from 0 to 4294967295, found \"-1\"",
        "application.properties:8: palisade.l.c: expected keys below this one, found \"7\"",
        "application.properties:12: palisade.l.e.max-connections: a value is required here",
        "application.properties:12: palisade.l.e.mode: a value is required here",
        "application.properties:13: palisade.l.e.ports[0]: expected a whole number from 0 to 65535, found \"x\"",
    ];
    assert_eq!(errors.to_string().lines().collect::<Vec<_>>(), expected);
    let fine = config.get::<Listener>("palisade.l.d").unwrap().unwrap();
    assert!(matches!(fine.mode, Mode::Off));
    assert!(matches!(
        config.get::<Mode>("palisade.l.d.mode").unwrap(),
        Some(Mode::Off)
    ));
}

#[test]
fn errors_of_all_files_come_at_once() {
    let fixture = Fixture::new(&[
        ("application.properties", "palisade.profiles.active=p,../x\npalisade.a=\\u12\npalisade.b[0]=x\npalisade.b[2]=y\npalsade.c=1\npalisade.d=1\npalisade.d.e=2\npalisade..f=3"),
        ("application-p.toml", "[palisade]\ng = ${nonsense}\n"),
        ("application-p.properties", "palisade.h=${nothing}\npalisade.profiles.active=q"),
    ])
    .env("PALISADE_LISTENERS__MAIN__BIND", "x")
    .env("PALSADE__X", "y");
    let errors = fixture.errors();
    let expected = [
        "application-p.properties:1: palisade.h: expected a value for ${nothing}: no property and no environment variable has that name",
        "application-p.properties:2: palisade.profiles.active: expected in application.properties or application.toml, not in the file of a profile",
        "application-p.toml:2: expected TOML: ",
        "application.properties:1: palisade.profiles.active: expected the name of a profile: letters, digits, - and _, found \"../x\"",
        "application.properties:2: expected four hexadecimal digits behind \\u",
        "application.properties:4: palisade.b[2]: expected the indices of a list without a gap: [2] stands where [1] should",
        "application.properties:5: palsade.c: unknown first name (did you mean \"palisade\"?)",
        "application.properties:7: palisade.d.e: expected either a value, a list or a group of keys; palisade.d (application.properties:6) makes it another",
        "application.properties:8: palisade..f: expected a name between the dots of the key",
        "environment variable PALISADE_LISTENERS__MAIN__BIND: expected two underscores behind PALISADE: PALISADE__LISTENERS__MAIN__BIND",
        "environment variable PALSADE__X: expected PALISADE__ or a name less like it",
    ];
    let lines: Vec<_> = errors.lines().collect();
    assert_eq!(lines.len(), expected.len(), "{errors}");
    for (line, expected) in lines.iter().zip(expected) {
        assert!(line.starts_with(expected), "{line}\n{expected}");
    }
}

#[test]
fn unknown_names_are_refused_with_the_nearest() {
    let config = Fixture::properties(
        "palisade.unmatched=deny\npalisade.unmached=allow\npalisade.listners.main.bind=x",
    )
    .config();
    let errors = config.unknown("palisade", &["unmatched", "listeners"]);
    assert_eq!(
        errors.to_string(),
        "application.properties:2: palisade.unmached: unknown key; expected one of listeners, unmatched (did you mean \"unmatched\"?)\n\
         application.properties:3: palisade.listners: unknown key; expected one of listeners, unmatched (did you mean \"listeners\"?)"
    );
}

type Stages = BTreeMap<String, BTreeMap<String, String>>;

#[test]
fn a_part_of_a_group_is_read_without_its_neighbours() {
    let config = Fixture::properties(
        "palisade.i.A.ip-filter.allow=x\npalisade.i.A.headers.block=${nothing}\npalisade.i.A.[dotted.name].x=y",
    )
    .load()
    .0;
    let filter = config
        .get_some::<Stages>("palisade.i.A", &["ip-filter", "other"])
        .unwrap()
        .unwrap();
    assert_eq!(filter.into_keys().collect::<Vec<_>>(), ["ip-filter"]);
    assert!(
        config
            .get_some::<Stages>("palisade.i.A", &["headers"])
            .unwrap_err()
            .to_string()
            .contains("${nothing}")
    );
    assert_eq!(
        config.get_some::<Stages>("palisade.i.A", &["other"]).unwrap(),
        None
    );
    assert_eq!(
        config.get_some::<Stages>("palisade.i.B", &["other"]).unwrap(),
        None
    );
    assert!(
        config
            .get_some::<Stages>("palisade.i.A.ip-filter.allow", &["x"])
            .is_err()
    );
    assert!(config.get::<Stages>("palisade.i.A").is_err());
    let key = config.child_key("palisade.i.A", "dotted.name");
    assert_eq!(config.names(&key), ["x"]);
}

#[test]
fn a_setting_that_is_missing_borrows_no_place_from_strangers() {
    let config = Fixture::properties(
        "palisade.unmatched=deny\nblueriq.baas.rest.endpoints[0].webservices=A\npalisade.listeners.main.bind=127.0.0.1:1\n",
    )
    .config();
    let shown = |key| config.error(key, "something").to_string();
    assert_eq!(
        shown("palisade.upstream.url"),
        "palisade.upstream.url: expected something"
    );
    assert_eq!(
        shown("palisade.listeners.other.bind"),
        "palisade.listeners.other.bind: expected something"
    );
    assert_eq!(
        shown("palisade.listeners.main.tls.key-alias"),
        "application.properties:3: palisade.listeners.main.tls.key-alias: expected something"
    );
}
