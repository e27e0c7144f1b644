//! A configuration folder, and the servers that run from it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use palisade::core::Secret;
use palisade::directory::PasswordHash;
use tempfile::TempDir;

use super::node::{Node, until};
use crate::callers::client::{Answer, Ask, Connection, Tls, curl};
use crate::callers::pki::{Pki, fingerprint};

pub(crate) const PASSWORD: &str = "Correct-Horse-7";

/// API keys: two of alice, one of carol, both of acme; one of bob of globex; and one of dave, who is of no tenant.
pub(crate) const KEYS: [(&str, &str); 5] = [
    ("alice", "plsd_alice-1"),
    ("alice", "plsd_alice-2"),
    ("carol", "plsd_carol"),
    ("bob", "plsd_bob"),
    ("dave", "plsd_dave"),
];

/// Properties, and a listener `main` over TLS; each route is a group of its own for one web service.
pub(crate) struct World {
    folder: TempDir,
    pub(crate) pki: Pki,
    properties: BTreeMap<String, String>,
    routes: u64,
    /// How often servers were told to apply something.
    applied: u64,
}

impl World {
    pub(crate) fn new() -> Self {
        let pki = Pki::new();
        let mut world = Self {
            folder: tempfile::tempdir().unwrap(),
            pki,
            properties: BTreeMap::new(),
            routes: 0,
            applied: 0,
        };
        let identity =
            world.pki.pem("server") + &std::fs::read_to_string(world.pki.file("server.key")).unwrap();
        world.put("server.pem", identity);
        world.set("palisade.admin.bind", "127.0.0.1:0");
        world.set("palisade.keystores.server.location", "server.pem");
        world.set("palisade.listeners.main.bind", "127.0.0.1:0");
        world.set("palisade.listeners.main.tls.key-alias", "server");
        world
    }

    /// With an interceptor `Known` that asks callers for a password or an API key.
    pub(crate) fn with_callers() -> Self {
        let mut world = Self::new();
        for (key, value) in [
            ("interceptors.Known.authentication.schemes", "basic,api-key"),
            ("tenants.acme.certificates", ""),
            ("tenants.globex.certificates", ""),
            ("users.alice.tenant", "acme"),
            ("users.carol.tenant", "acme"),
            ("users.bob.tenant", "globex"),
        ] {
            world.set(&format!("palisade.{key}"), value);
        }
        for name in ["alice", "bob", "carol", "dave"] {
            let keys = KEYS.iter().filter(|(user, _)| *user == name);
            let hashes: Vec<String> = keys.map(|(_, key)| fingerprint(key.as_bytes())).collect();
            world.set(
                &format!("palisade.users.{name}.api-key-hashes"),
                &hashes.join(","),
            );
        }
        let hash = PasswordHash::hash(&Secret::new(PASSWORD)).unwrap();
        world.set("palisade.users.alice.password-hash", hash.to_phc().expose());
        world
    }

    /// Sets a property, in place of what it was.
    pub(crate) fn set(&mut self, key: &str, value: &str) {
        self.properties.insert(key.to_owned(), value.to_owned());
    }

    /// All of them as they are set, to come back to.
    pub(crate) fn properties(&self) -> BTreeMap<String, String> {
        self.properties.clone()
    }

    pub(crate) fn restore(&mut self, properties: BTreeMap<String, String>) {
        self.properties = properties;
    }

    pub(crate) fn remove_all(&mut self, prefix: &str) {
        self.properties.retain(|key, _| !key.starts_with(prefix));
    }

    /// Settings of an interceptor's stage, `<Name>.<stage>`.
    pub(crate) fn limit(&mut self, stage: &str, settings: &[(&str, &str)]) {
        for (key, value) in settings {
            self.set(&format!("palisade.interceptors.{stage}.{key}"), value);
        }
    }

    /// A group for that web service, behind those that there are.
    pub(crate) fn route(&mut self, webservice: &str, interceptors: &str) {
        let group = format!("palisade.endpoints[{}]", self.routes);
        self.set(&format!("{group}.name"), webservice);
        self.set(&format!("{group}.webservices"), webservice);
        self.set(&format!("{group}.interceptors"), interceptors);
        self.routes += 1;
    }

    /// Does away with all groups.
    pub(crate) fn unroute(&mut self) {
        self.remove_all("palisade.endpoints[");
        self.routes = 0;
    }

    /// A SOAP group for that action.
    pub(crate) fn soap_route(&mut self, action: &str, interceptors: &str) {
        let group = format!("palisade.endpoints[{}]", self.routes);
        self.set(&format!("{group}.name"), &format!("soap {action}"));
        self.set(&format!("{group}.soap-actions"), action);
        self.set(&format!("{group}.interceptors"), interceptors);
        self.routes += 1;
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file into the folder, by a rename as careful editors do it.
    pub(crate) fn put(&self, name: &str, text: impl AsRef<[u8]>) {
        let next = self.path().join("next");
        std::fs::write(&next, text).unwrap();
        std::fs::rename(next, self.path().join(name)).unwrap();
    }

    /// Writes the properties as they are set. Servers that run see it.
    pub(crate) fn write(&self) {
        let mut text = String::new();
        for (key, value) in &self.properties {
            writeln!(text, "{key}={value}").unwrap();
        }
        self.put("application.properties", text);
    }

    /// Writes everything, and serves the echo in a process of its own.
    pub(crate) fn start(&self) -> Node {
        self.start_with(&["--echo"])
    }

    pub(crate) fn start_with(&self, arguments: &[&str]) -> Node {
        self.write();
        Node::start(self.path(), arguments)
    }

    /// Writes the files as they are now meant to be, and waits until those servers have applied them.
    pub(crate) fn apply(&mut self, nodes: &[&Node]) {
        // A group that no policy had before shows which one is in force.
        self.applied += 1;
        let group = format!("Version{}", self.applied);
        self.route(&group, "");
        self.write();
        for node in nodes {
            until("the new policy", || node.has_applied(&group));
        }
    }

    /// Several of them from the same files.
    pub(crate) fn start_many<const N: usize>(&self) -> [Node; N] {
        self.write();
        [(); N].map(|()| Node::start(self.path(), &["--echo"]))
    }

    pub(crate) fn tls(&self) -> Tls {
        Tls::new(&self.pki, None, rustls::ALL_VERSIONS)
    }

    /// A connection over TLS that is kept.
    pub(crate) fn connect(&self, node: &Node) -> Connection {
        self.tls().connect(node.at("main")).unwrap()
    }

    /// Asks with curl.
    pub(crate) fn curl(&self, node: &Node, options: &[&str], ask: &Ask) -> Answer {
        curl(options, &self.pki, None, node.at("main"), ask).unwrap()
    }
}

/// The path of an operation of that web service.
pub(crate) fn path(webservice: &str) -> String {
    format!("/server/rest/{webservice}/Do")
}

pub(crate) fn get(webservice: &str) -> Ask {
    Ask::get(&path(webservice))
}

/// A message in JSON.
pub(crate) fn pay(webservice: &str, body: &str) -> Ask {
    Ask::post(&path(webservice), "application/json", body)
}

/// A period in which nothing ends and nothing comes back while a test runs: the windows of it begin every ten years.
pub(crate) const LONG: &str = "3650d";
