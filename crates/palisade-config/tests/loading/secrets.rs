//! Encrypted and secret values.

use std::collections::BTreeMap;

use palisade_core::Secret;
use serde::Deserialize;

use crate::fixture::{Fixture, text};

#[test]
fn secrets_are_never_shown() {
    let fixture = Fixture::properties(
        "palisade.keystores.main.password=hunter2\npalisade.a=x-${palisade.keystores.main.password}\nmy.secret=hunter2\n\
         palisade.b=${my.secret}\npalisade.c=${DB_PASSWORD}\npalisade.redis.url=redis://ann:hunter2@host:1\npalisade.user.api-key-hashes=hunter2,hunter2\n\
         palisade.stores.main.key-passwords.server=hunter2",
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
        "palisade.stores.main.key-passwords.server",
    ] {
        assert_eq!(config.value(key).unwrap(), "***", "{key}");
        shown.push_str(&config.error(key, "something").to_string());
        shown.push_str(&config.get::<u8>(key).unwrap_err().to_string());
        shown.push_str(&config.get::<std::net::IpAddr>(key).unwrap_err().to_string());
        shown.push_str(&config.get::<Choice>(key).unwrap_err().to_string());
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
struct Shouting(#[expect(dead_code, reason = "never made")] String);

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
fn a_secret_that_stands_in_the_configuration_is_found_by_its_keys() {
    let fixture = Fixture::properties(
        "palisade.keystores.main.password=hunter2\npalisade.keystores.other.password=hunter3\nmy.secret=hunter2\n\
         palisade.listeners.main.bind=hunter2\npalisade.stores.main.key-passwords.a=${DB_PASSWORD}",
    )
    .env("DB_PASSWORD", "hunter2");
    let config = fixture.config();
    let mut keys = config.keys_of_secret(&Secret::new("hunter2"));
    keys.sort();
    // Variables of other roots are no settings, and what is no secret by its name is none by its value.
    let expected = [
        "palisade.keystores.main.password",
        "palisade.stores.main.key-passwords.a",
    ];
    assert_eq!(keys, expected);
    assert!(config.keys_of_secret(&Secret::new("hunter4")).is_empty());
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

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Choice {
    One,
    Other,
}

#[test]
fn an_encrypted_value_that_is_not_closed_is_no_plain_text() {
    let fixture = Fixture::properties(
        "palisade.properties.encryption.password=p\npalisade.keystores.main.password=ENC(v2:AAAA\n",
    );
    let errors = fixture.errors();
    assert!(
        errors.contains("application.properties:2: palisade.keystores.main.password"),
        "{errors}"
    );
    assert!(!errors.contains("AAAA"), "{errors}");
}
