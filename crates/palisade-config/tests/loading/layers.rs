//! Sources, their order, lists and files.

use rstest::rstest;

use crate::fixture::{Fixture, list, text};

#[test]
fn the_sources_stand_in_their_order() {
    let mut fixture = Fixture::new(&[
        ("application.properties", "palisade.a=properties\npalisade.b=properties\npalisade.c=properties\npalisade.d=p\npalisade.e=p\npalisade.f=p"),
        ("application.toml", "[palisade]\nb='toml'\nc='toml'\nd='toml'\ne='t'\nf='t'"),
        ("application-one.properties", "palisade.c=one\npalisade.d=one\npalisade.e=one\npalisade.f=one"),
        ("application-two.toml", "[palisade]\nd='two'\ne='two'\nf='two'"),
    ])
    .env("PALISADE__E", "environment")
    .env("PALISADE__F", "environment")
    .env("PALISADE__PROFILES__ACTIVE", "one,two")
    .set("palisade.f", "set");
    fixture.sources.defaults = vec![
        ("palisade.a".into(), "default".into()),
        ("palisade.z".into(), "default".into()),
    ];
    let config = fixture.config();
    let values: Vec<_> = ["a", "b", "c", "d", "e", "f", "z"]
        .map(|name| format!("palisade.{name}"))
        .iter()
        .map(|key| {
            (
                text(&config, key).unwrap(),
                config.origin(key).unwrap().to_string(),
            )
        })
        .collect();
    let expected = [
        ("properties", "application.properties:1"),
        ("toml", "application.toml:2"),
        ("one", "application-one.properties:1"),
        ("two", "application-two.toml:2"),
        ("environment", "environment variable PALISADE__E"),
        ("set", "--set"),
        ("default", "default"),
    ];
    assert_eq!(
        values,
        expected.map(|(value, origin)| (value.to_owned(), origin.to_owned()))
    );
    assert_eq!(config.profiles(), ["one", "two"]);
    let files: Vec<_> = config
        .files()
        .iter()
        .map(|file| file.file_name().unwrap().to_str().unwrap())
        .collect();
    assert_eq!(
        files,
        [
            "application.properties",
            "application.toml",
            "application-one.properties",
            "application-one.toml",
            "application-two.properties",
            "application-two.toml",
        ]
    );
}

#[rstest]
#[case::properties_by_index("palisade.x[0]=high", &["high"])]
#[case::properties_by_comma("palisade.x=high,er", &["high", "er"])]
#[case::properties_empty("palisade.x=", &[])]
fn a_higher_layer_replaces_a_list_whole(#[case] high: &str, #[case] expected: &[&str]) {
    for low in [
        "palisade.x[0]=a\npalisade.x[1]=b\npalisade.x[2]=c",
        "palisade.x=a,b,c",
    ] {
        let fixture = Fixture::new(&[
            ("application.properties", low),
            ("application-p.properties", high),
        ])
        .set("palisade.profiles.active", "p");
        assert_eq!(list(&fixture.config(), "palisade.x"), expected);
    }
    for high in ["PALISADE__X__0", "PALISADE__X"] {
        let fixture = Fixture::properties("palisade.x=a,b,c").env(high, "env");
        assert_eq!(list(&fixture.config(), "palisade.x"), ["env"]);
    }
    let toml = Fixture::new(&[
        (
            "application.properties",
            "palisade.endpoints[0].name=a\npalisade.endpoints[1].name=b",
        ),
        ("application.toml", "[[palisade.endpoints]]\npaths=['/x']"),
    ]);
    assert_eq!(toml.config().len("palisade.endpoints"), 1);
    assert!(!toml.config().contains("palisade.endpoints[0].name"));
}

#[test]
fn toml_values_keep_their_type_and_their_line() {
    let toml = "[palisade.listeners.main]\nbind = '127.0.0.1:1'\nports = [\n  1,\n  2,\n]\ntls = { enabled = false, version = 13 }\n\n[palisade.listeners.other]\n";
    let config = Fixture::new(&[("application.toml", toml)]).config();
    assert_eq!(config.names("palisade.listeners"), ["main", "other"]);
    assert_eq!(
        config
            .get::<Vec<u16>>("palisade.listeners.main.ports")
            .unwrap()
            .unwrap(),
        [1, 2]
    );
    assert_eq!(
        config.get::<bool>("palisade.listeners.main.tls.enabled").unwrap(),
        Some(false)
    );
    assert_eq!(
        text(&config, "palisade.listeners.main.tls.version").unwrap(),
        "13"
    );
    assert_eq!(
        config
            .origin("palisade.listeners.main.ports[1]")
            .unwrap()
            .to_string(),
        "application.toml:5"
    );
    assert_eq!(
        config.origin("palisade.listeners.other").unwrap().to_string(),
        "application.toml:9"
    );
}

#[test]
fn a_key_given_twice_wins_last_with_a_finding() {
    let config = Fixture::properties("palisade.a=1\npalisade.b=2\npalisade.a=3").config();
    assert_eq!(text(&config, "palisade.a").unwrap(), "3");
    assert_eq!(
        config.origin("palisade.a").unwrap().to_string(),
        "application.properties:3"
    );
    let finding = &config.findings()[0];
    assert_eq!(
        (finding.code.as_ref(), finding.key.as_deref()),
        ("duplicate-key", Some("palisade.a"))
    );
    assert_eq!(finding.origin.as_deref(), Some("application.properties:3"));
    let same = Fixture::properties("palisade.a.b=1\npalisade.a[b]=2");
    assert_eq!(
        same.errors(),
        "application.properties:2: palisade.a.b: expected once; palisade.a.b (application.properties:1) sets the same"
    );
}

#[test]
fn a_profile_of_the_command_line_wins_and_one_without_a_file_is_a_finding() {
    let mut fixture = Fixture::new(&[
        (
            "application.properties",
            "palisade.profiles.active=a\npalisade.x=base",
        ),
        ("application-a.properties", "palisade.x=a"),
        ("application-b.properties", "palisade.x=b"),
    ]);
    assert_eq!(text(&fixture.config(), "palisade.x").unwrap(), "a");
    fixture.sources.profiles = vec!["b".into(), "c".into()];
    let config = fixture.config();
    assert_eq!(text(&config, "palisade.x").unwrap(), "b");
    assert_eq!(config.findings()[0].code, "profile-without-file");
    fixture.sources.profiles = vec!["../b".into()];
    assert_eq!(
        fixture.errors(),
        "--profile: expected the name of a profile: letters, digits, - and _, found \"../b\""
    );
}

#[test]
fn the_folder_must_exist_and_hold_something() {
    let empty = Fixture::new(&[]);
    assert!(
        empty
            .errors()
            .starts_with("no application.properties or application.toml in the configuration folder")
    );
    empty.set("palisade.x", "1").config();
    let mut missing = Fixture::new(&[]);
    missing.sources.folder = "/nowhere/at/all".into();
    assert_eq!(
        missing.errors(),
        "cannot read the configuration folder \"/nowhere/at/all\": it does not exist"
    );
}
