//! Whole configurations from real files.
#![expect(clippy::unwrap_used, reason = "a test helper fails by panicking")]

use std::collections::BTreeMap;

use palisade_config::{Config, Errors, Sources};
use palisade_core::Secret;
use rstest::rstest;
use serde::Deserialize;
use tempfile::TempDir;

/// A folder with files, and the sources that read it.
struct Fixture {
    _folder: TempDir,
    sources: Sources,
}

impl Fixture {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let sources = Sources::new(folder.path());
        Self {
            _folder: folder,
            sources,
        }
    }

    fn properties(text: &str) -> Self {
        Self::new(&[("application.properties", text)])
    }

    fn env(mut self, name: &str, value: &str) -> Self {
        self.sources.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    fn set(mut self, key: &str, value: &str) -> Self {
        self.sources.overrides.push((key.to_owned(), value.to_owned()));
        self
    }

    fn load(&self) -> (Config, Errors) {
        Config::load(&self.sources)
    }

    fn config(&self) -> Config {
        let (config, errors) = self.load();
        assert_eq!(errors.to_string(), "");
        config
    }

    fn errors(&self) -> String {
        self.load().1.to_string()
    }
}

fn text(config: &Config, key: &str) -> Option<String> {
    config.get::<String>(key).unwrap()
}

fn list(config: &Config, key: &str) -> Vec<String> {
    config.get::<Vec<String>>(key).unwrap().unwrap()
}

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
fn text_stays_text_until_a_type_asks() {
    let config = Fixture::properties(
        "palisade.a=0123\npalisade.b= 42 \npalisade.c=true\npalisade.d=a, b ,c\npalisade.e=",
    )
    .config();
    assert_eq!(text(&config, "palisade.a").unwrap(), "0123");
    assert_eq!(config.get::<u64>("palisade.a").unwrap(), Some(123));
    assert_eq!(config.get::<u16>("palisade.b").unwrap(), Some(42));
    assert_eq!(config.get::<bool>("palisade.c").unwrap(), Some(true));
    assert_eq!(list(&config, "palisade.d"), ["a", "b", "c"]);
    assert_eq!(list(&config, "palisade.e"), [""; 0]);
    assert_eq!(config.get::<u16>("palisade.nothing").unwrap(), None);
    assert_eq!(
        Fixture::properties("palisade.x=1")
            .env("PALISADE__X", "0123")
            .config()
            .value("palisade.x")
            .unwrap(),
        "\"0123\""
    );
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
        "application.properties:1: palisade.l.a.bind: invalid socket address syntax, found \"here\"",
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

#[rstest]
#[case(
    "PALISADE__INTERCEPTORS__MYINTERCEPTOR1__IP_FILTER__ALLOW",
    "palisade.interceptors.MyInterceptor1.ip-filter.allow"
)]
#[case(
    "PALISADE__INTERCEPTORS__NAMED__IP_FILTER__ALLOW",
    "palisade.interceptors.Named.ip-filter.allow"
)]
#[case(
    "PALISADE__INTERCEPTORS__NEW__IP_FILTER__ALLOW",
    "palisade.interceptors.new.ip-filter.allow"
)]
#[case(
    "PALISADE__LISTENERS__MAIN__TLS__SNI__API_EXAMPLE_COM__KEY_ALIAS",
    "palisade.listeners.main.tls.sni[api.example.com].key-alias"
)]
#[case("PALISADE__USERS__ANN_B__ROLES", "palisade.users.Ann_B.roles")]
#[case("PALISADE__USERS__42__ROLES", "palisade.users.42.roles")]
#[case("PALISADE__OTHER__0__NAME", "palisade.other[0].name")]
#[case("palisade__unmatched", "palisade.unmatched")]
fn variables_find_declared_names_without_regard_to_case(#[case] variable: &str, #[case] key: &str) {
    let fixture = Fixture::properties(
        "palisade.interceptors.MyInterceptor1.ip-filter.allow=10.0.0.0/8\npalisade.endpoints[0].interceptors=MyInterceptor1, Named\n\
         palisade.listeners.main.tls.sni[api.example.com].key-alias=x\npalisade.users.Ann_B.tenant=x",
    )
    .env(variable, "0007");
    let config = fixture.config();
    assert_eq!(text(&config, key).unwrap(), "0007");
    assert_eq!(
        config.origin(key).unwrap().to_string(),
        format!("environment variable {variable}")
    );
}

#[test]
fn a_variable_that_fits_two_declared_names_is_refused() {
    let fixture = Fixture::properties("palisade.users.ann.tenant=x\npalisade.users.ANN.tenant=y")
        .env("PALISADE__USERS__ANN__TENANT", "z");
    let errors = fixture.errors();
    assert!(
        errors.contains("palisade.users.ann") && errors.contains("palisade.users.ANN"),
        "{errors}"
    );
    let fixture = Fixture::properties("palisade.x=1")
        .env("PALISADE__X", "1")
        .env("palisade__x", "2");
    assert_eq!(
        fixture.errors(),
        "environment variable palisade__x: palisade.x: expected once; environment variable PALISADE__X sets the same"
    );
}

#[test]
fn other_variables_only_serve_placeholders() {
    let fixture = Fixture::properties("palisade.a=${HOST_NAME}\npalisade.b=${HOME_X:none}")
        .env("HOST_NAME", "h")
        .env("PALISADE_SERVICE_HOST", "10.0.0.1")
        .env("PALISADE_LISTENERS_0_BIND", "x");
    let config = fixture.config();
    assert_eq!(text(&config, "palisade.a").unwrap(), "h");
    assert_eq!(text(&config, "palisade.b").unwrap(), "none");
    assert_eq!(config.names("palisade"), ["a", "b"]);
    let codes: Vec<_> = config
        .findings()
        .iter()
        .map(|finding| finding.code.as_ref())
        .collect();
    assert_eq!(codes, ["environment-variable-ignored"]);
}

#[rstest]
#[case("${a.b}", "1")]
#[case("x${a.b}y${a.b}z", "x1y1z")]
#[case("${missing:default:with:colons}", "default:with:colons")]
#[case("${missing:${also.missing:deep}}", "deep")]
#[case("${missing:a{2}b}", "a{2}b")]
#[case("${missing:}", "")]
#[case("${a.${letter}}", "1")]
#[case("$5 $ {x} }", "$5 $ {x} }")]
#[case("${palisade.other}", "1-1")]
#[case("${ENVIRONMENT}", "env")]
#[case("${both}", "property")]
fn placeholders_are_replaced(#[case] value: &str, #[case] expected: &str) {
    let fixture = Fixture::properties(&format!(
        "a.b=1\nletter=b\npalisade.other=${{a.b}}-${{a.b}}\nboth=property\npalisade.x={value}"
    ))
    .env("ENVIRONMENT", "env")
    .env("both", "environment");
    assert_eq!(text(&fixture.config(), "palisade.x").unwrap(), expected);
}

#[rstest]
#[case(
    "${nothing}",
    "expected a value for ${nothing}: no property and no environment variable has that name"
)]
#[case("${open", "expected a } for every ${")]
#[case(
    "${palisade.x}",
    "expected placeholders without a circle: palisade.x → palisade.x"
)]
#[case("${one}", "expected placeholders without a circle: one → two → one")]
#[case(
    "${password}",
    "expected a value for ${none}: no property and no environment variable has that name"
)]
#[case("${nested-${password2}}", "expected a placeholder whose name holds no secret")]
#[case("${lol9}", "expected placeholders to make a text of at most 1048576 bytes")]
fn placeholders_that_cannot_be_replaced_are_errors(#[case] value: &str, #[case] message: &str) {
    let mut file = format!(
        "one=${{two}}\ntwo=${{one}}\npassword=${{none}}\npassword2=x\npalisade.x={value}\nlol0=lol\n"
    );
    for level in 1..10 {
        file.push_str(&format!(
            "lol{level}={}\n",
            format!("${{lol{}}}", level - 1).repeat(10)
        ));
    }
    let fixture = Fixture::properties(&file);
    assert_eq!(
        fixture.errors(),
        format!("application.properties:5: palisade.x: {message}")
    );
    let again = fixture.load().0.get::<String>("palisade.x").unwrap_err();
    assert_eq!(again.to_string(), fixture.errors());
}

#[test]
fn secrets_are_never_shown() {
    let fixture = Fixture::properties(
        "palisade.keystores.main.password=hunter2\npalisade.a=x-${palisade.keystores.main.password}\nmy.secret=hunter2\n\
         palisade.b=${my.secret}\npalisade.c=${DB_PASSWORD}\npalisade.redis.url=redis://ann:hunter2@host:1\npalisade.user.api-key-hashes=hunter2,hunter2",
    )
    .env("DB_PASSWORD", "hunter2");
    let config = fixture.config();
    assert_eq!(text(&config, "palisade.a").unwrap(), "x-hunter2");
    assert_eq!(
        config.value("palisade.redis.url").unwrap(),
        "\"redis://***@host:1\""
    );
    let mut shown = format!("{config:?}{:?}{:?}", config.entries("palisade"), fixture.sources);
    for key in [
        "palisade.keystores.main.password",
        "palisade.a",
        "palisade.b",
        "palisade.c",
        "palisade.user.api-key-hashes",
    ] {
        assert_eq!(config.value(key).unwrap(), "***", "{key}");
        shown.push_str(&config.error(key, "something").to_string());
        shown.push_str(&config.get::<u8>(key).unwrap_err().to_string());
        shown.push_str(&config.get::<std::net::IpAddr>(key).unwrap_err().to_string());
        shown.push_str(&config.get::<Mode>(key).unwrap_err().to_string());
        shown.push_str(&config.get::<Vec<u8>>(key).unwrap_err().to_string());
        shown.push_str(&config.get::<Shouting>(key).unwrap_err().to_string());
    }
    shown.push_str(
        &config
            .get::<BTreeMap<String, Shouting>>("palisade.keystores")
            .unwrap_err()
            .to_string(),
    );
    shown.push_str(
        &config
            .get::<ShoutingGroup>("palisade.keystores.main")
            .unwrap_err()
            .to_string(),
    );
    assert!(!shown.contains("hunter2"), "{shown}");
}

/// A type whose error quotes the value.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
struct Shouting;

impl TryFrom<String> for Shouting {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Err(format!("expected anything but {text}"))
    }
}

/// A group whose error quotes a value in it.
#[derive(Debug, Deserialize)]
#[serde(try_from = "BTreeMap<String, String>")]
struct ShoutingGroup;

impl TryFrom<BTreeMap<String, String>> for ShoutingGroup {
    type Error = String;

    fn try_from(group: BTreeMap<String, String>) -> Result<Self, String> {
        Err(format!("{group:?} is nothing"))
    }
}

#[test]
fn encrypted_values_are_decrypted_with_the_password_of_any_source() {
    let password = Secret::new("pw");
    let name = "palisade.keystores.main.password";
    let v2 = palisade_config::encryption::encrypt(name, &Secret::new("changeit"), &password).unwrap();
    let v1 = palisade_config::encryption::encrypt_jasypt(
        &Secret::new("a,${b}"),
        &password,
        50.try_into().unwrap(),
    )
    .unwrap();
    let file = format!(
        "{name}={v2}\npalisade.x={v1}\nplain={v1}\npalisade.y=<${{plain}}>\npalisade.properties.encryption.iterations=50\n"
    );
    let check = |fixture: &Fixture| {
        let config = fixture.config();
        assert_eq!(config.get::<Secret>(name).unwrap().unwrap().expose(), "changeit");
        assert_eq!(text(&config, "palisade.x").unwrap(), "a,${b}");
        assert_eq!(text(&config, "palisade.y").unwrap(), "<a,${b}>");
        assert_eq!(config.value("palisade.x").unwrap(), "***");
        assert_eq!(config.value("palisade.y").unwrap(), "***");
    };
    check(&Fixture::properties(&file).env("PALISADE__PROPERTIES__ENCRYPTION__PASSWORD", "pw"));
    check(
        &Fixture::properties(&format!("{file}palisade.properties.encryption.password=${{PW}}"))
            .env("PW", "pw"),
    );
    check(&Fixture::properties(&format!(
        "{file}blueriq.properties.encryption.password=pw"
    )));
    let mut fixture = Fixture::properties(&file);
    fixture.sources.encryption_password = Some(password);
    check(&fixture);
    let key_file = fixture.sources.folder.join("key");
    std::fs::write(&key_file, "pw\r\n").unwrap();
    fixture.sources.encryption_password = None;
    fixture.sources.read_encryption_password(&key_file).unwrap();
    check(&fixture);
}

#[test]
fn a_value_that_cannot_be_decrypted_stops_the_start_and_says_neither_why_nor_what() {
    let value = "ENC(AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==)";
    let file = format!("palisade.a={value}\npalisade.b=ENC(v2:AAAA)\npalisade.c=ENC(x)\n");
    let fixture = Fixture::properties(&file).env("PALISADE__PROPERTIES__ENCRYPTION__PASSWORD", "pw");
    assert_eq!(
        fixture.errors(),
        "application.properties:1: palisade.a: expected a value that the encryption password decrypts\n\
         application.properties:2: palisade.b: expected a value that the encryption password decrypts\n\
         application.properties:3: palisade.c: expected ENC(base64) or ENC(v2:base64)"
    );
    let errors = Fixture::properties(&file).errors();
    assert_eq!(errors.lines().count(), 3);
    assert!(
        errors.contains("there is no password: expected palisade.properties.encryption.password"),
        "{errors}"
    );
    assert!(!errors.contains("AAAA"));
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
    let missing = Fixture {
        sources: Sources::new("/nowhere/at/all"),
        ..Fixture::new(&[])
    };
    assert_eq!(
        missing.errors(),
        "cannot read the configuration folder \"/nowhere/at/all\": it does not exist"
    );
}
