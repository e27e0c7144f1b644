//! No secret is in the log, in an answer, in an error, in a metric, or in what `Debug` shows.

use std::fmt::Write as _;

use palisade::config::Sources;
use palisade::server::status::Reload;
use palisade::{Registry, Server as Palisade, StandardRegistry};
use serde_json::json;

use super::client::{Ask, Tls};
use super::issuer::{Issuer, bound_to};
use super::log::Log;
use super::pki::{Pki, fingerprint};
use super::proxied::{client_cert, xfcc};
use super::world::{Credentials, MODES, PASSWORD, Server, WRONG_PASSWORD, World, basic, bearer};

/// Everything that must not show, each with its name.
#[derive(Default)]
struct Secrets(Vec<(String, String)>);

impl Secrets {
    fn add(&mut self, name: &str, text: &str) {
        assert!(text.len() >= 8, "{name} would be found by chance");
        self.0.push((name.to_owned(), text.to_owned()));
    }

    /// A text, and the parts of it between those characters that are long enough to be one.
    fn add_parts(&mut self, name: &str, text: &str, between: &[char]) {
        self.add(name, text);
        let parts = text
            .split(between)
            .filter(|part| part.len() >= 16 && *part != text);
        parts.for_each(|part| self.add(name, part));
    }

    fn assert_absent(&self, place: &str, text: &str) {
        for (name, secret) in &self.0 {
            let found = text.lines().find(|line| line.contains(secret.as_str()));
            assert!(found.is_none(), "{name} shows in {place}: {found:?}");
        }
    }
}

/// Everything that is sent in the course of the test, and everything that is stored for it.
fn secrets(world: &World, tokens: &[String]) -> Secrets {
    let mut secrets = Secrets::default();
    for (name, password) in [("the password", PASSWORD), ("a wrong password", WRONG_PASSWORD)] {
        secrets.add(name, password);
        for user in ["alice", "erin", "mallory"] {
            let (_, field) = basic(user, password);
            secrets.add(name, field.strip_prefix("Basic ").unwrap());
        }
    }
    secrets.add_parts("the hash of the password", &world.password_hash, &['$']);
    secrets.add("the API key", &world.api_key);
    secrets.add("a wrong API key", UNKNOWN_KEY);
    for key in [world.api_key.as_bytes(), b"plsd_erin"] {
        // Keys are named by the first twelve digits, which open nothing.
        let hash = fingerprint(key);
        secrets.add("the hash of an API key", &hash["sha256:".len() + 12..]);
    }
    for token in tokens {
        secrets.add_parts("a token", token, &['.']);
    }
    secrets
}

const UNKNOWN_KEY: &str = "plsd_unknown-key-of-somebody";

/// Whatever can be refused, and all that is not, with a certificate and without.
fn ask_everything(world: &World, server: &Server, tokens: &[String], seen: &mut String) {
    let mut fields: Vec<_> = tokens.iter().map(|token| bearer(token)).collect();
    for user in ["alice", "erin", "mallory"] {
        fields.extend([basic(user, PASSWORD), basic(user, WRONG_PASSWORD)]);
    }
    fields.extend([UNKNOWN_KEY, "plsd_erin", &world.api_key].map(|key| ("x-api-key", key.to_owned())));
    let claims = [client_cert(&world.pki, "alice"), xfcc(&world.pki, "alice")];
    for certificate in [None, Some("alice"), Some("acme"), Some("erin"), Some("stranger")] {
        let mut connection = world.tls(certificate).connect(server.at("asks")).unwrap();
        for mode in MODES {
            let plain = Ask::get(&format!("/{mode}/x"));
            let mut asks: Vec<_> = fields
                .iter()
                .map(|field| plain.clone().with_all(std::slice::from_ref(field)))
                .collect();
            asks.push(plain.clone().with("x-on-behalf-of", "mallory").with_all(&claims));
            asks.push(plain.with_all(&fields));
            for ask in asks {
                let answer = connection.ask(&ask).unwrap();
                // The echo says to callers what they sent; that is what it is for.
                if answer.status != 200 {
                    writeln!(seen, "{answer:?}").unwrap();
                }
            }
        }
    }
    let other = Pki::new();
    other.issue("alice");
    let tls = Tls::new(&world.pki, Some((&other, "alice")), rustls::ALL_VERSIONS);
    tls.ask(server.at("asks"), &world.ask("default", Credentials::Basic))
        .unwrap_err();
}

#[test]
fn no_secret_shows_anywhere() {
    let log = Log::of_this_process();
    let mut world = World::new();
    world.interceptor("Access", &[]);
    world.set("palisade.interceptors.Access.access.read", "role:nobody-has-this");
    let digest = world.pki.digest("bob");
    let tokens = [
        world.issuer.token("alice", &json!({})),
        world.issuer.token("erin", &json!({})),
        world.issuer.token("zoe", &json!({ "roles": ["reader"] })),
        world.issuer.token("alice", &bound_to(digest)),
        world.issuer.token("alice", &json!({ "exp": 1_700_000_000 })),
        world
            .issuer
            .token("alice", &json!({ "iss": "https://elsewhere.example" })),
        Issuer::new().token("alice", &json!({})),
        format!("{}A", world.issuer.token("alice", &json!({}))),
    ];
    let secrets = secrets(&world, &tokens);
    let server = world.start();
    let mut answers = String::new();
    ask_everything(&world, &server, &tokens, &mut answers);
    assert!(answers.contains("credentials-invalid") && answers.contains("client-certificate-not-accepted"));
    secrets.assert_absent("an answer", &answers);
    secrets.assert_absent("the metrics", &server.admin("/metrics"));
    secrets.assert_absent("the status", &server.admin("/status"));
    secrets.assert_absent("the handle's Debug", &format!("{:?}", server.handle()));

    // Whoever mistypes a setting is told which, and not what stands there.
    for key in ["password-hash", "api-key-hashes"] {
        let key = format!("palisade.users.alice.{key}");
        let good = world.property(&key).unwrap();
        for bad in [
            PASSWORD,
            world.api_key.clone().as_str(),
            good[1..].to_owned().as_str(),
        ] {
            world.set(&key, bad);
            world.write();
            let outcome = server.reload();
            assert!(matches!(outcome, Reload::Refused { .. }), "{outcome:?}");
            secrets.assert_absent("the outcome of a reload", &format!("{outcome:?}"));
            secrets.assert_absent("the status", &server.admin("/status"));
        }
        world.set(&key, &good);
    }
    world.write();
    let loaded = Palisade::load(Sources::new(world.path()), Registry::standard()).unwrap();
    secrets.assert_absent("the server's Debug", &format!("{loaded:#?}"));
    secrets.assert_absent(
        "the server's Debug",
        &format!("{loaded:?} {:?}", loaded.findings()),
    );

    let text = log.text();
    assert!(
        text.contains("the password of user alice is wrong"),
        "the log tells what answers do not: {text}"
    );
    assert!(text.contains("configuration not applied"), "{text}");
    secrets.assert_absent("the log", &text);
}

/// The password of a database stands in its URL.
#[test]
fn the_password_of_a_database_does_not_show() {
    let log = Log::of_this_process();
    let mut secrets = Secrets::default();
    secrets.add("the password of the database", "hunter22-secret");
    let mut world = World::new();
    world.remove_all("palisade.users.");
    world.remove_all("palisade.tenants.");
    for url in [
        "postgres://palisade:hunter22-secret@127.0.0.1:1/palisade",
        "postgres://palisade:hunter22-secret@127.0.0.1:1/palisade?sslmode=nonsense",
        "postgres://palisade:hunter22-secret@127.0.0.1:none/palisade",
        "postgres://127.0.0.1:1/palisade?user=palisade&password=hunter22-secret",
        "mysql://palisade:hunter22-secret@127.0.0.1:1/palisade",
    ] {
        world.set("palisade.directory", url);
        let Err(errors) = world.try_start() else {
            panic!("{url} is no directory");
        };
        assert!(errors.to_string().contains("palisade.directory"), "{errors}");
        secrets.assert_absent("an error", &format!("{errors} {errors:?}"));
    }
    secrets.assert_absent("the log", &log.text());
}
