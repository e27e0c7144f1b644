mod acting;

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use palisade_test::postgres::{PASSWORD as OF_DATABASE, Postgres};
use serde_json::{Value, json};

use crate::support::{Ended, Folder, until};

pub(crate) const PASSWORD: &str = "Correct-Horse7";
const SQLITE: &str = "palisade.directory=sqlite:data/directory.db\n";

/// What is said of commands whose database servers do not read.
const REMARK: &str = "servers read users and tenants of the property files";

/// A folder whose directory is an SQLite file.
pub(crate) fn folder() -> Folder {
    Folder::new(&[("application.properties", SQLITE)])
}

pub(crate) fn add(folder: &Folder, name: &str, more: &[&str]) -> Ended {
    let arguments = ["user", "add", name, "--stdin"];
    folder
        .run_with_input(&[&arguments[..], more].concat(), &password_of(name))
        .with_status(0)
}

/// One that is strong, another for each user, and without the user's name.
fn password_of(name: &str) -> String {
    let sum: u32 = name.bytes().map(u32::from).sum();
    format!("{PASSWORD}-{sum}")
}

/// A user without a password.
pub(crate) fn add_program(folder: &Folder, name: &str, more: &[&str]) {
    folder
        .run(&[&["user", "add", name, "--no-password"][..], more].concat())
        .with_status(0);
}

fn list(folder: &Folder, more: &[&str]) -> Value {
    folder
        .run(&[&["user", "list", "--format", "json"][..], more].concat())
        .with_status(0)
        .json()
}

fn user(folder: &Folder, name: &str) -> Value {
    list(folder, &[name])["users"][0].clone()
}

fn file(folder: &Folder) -> PathBuf {
    folder.config().join("data/directory.db")
}

#[test]
fn a_user_is_added_and_listed() {
    let folder = folder();
    let added = add(
        &folder,
        "alice",
        &[
            "--tenant",
            "acme",
            "--create-tenant",
            "--role",
            "clerk",
            "--role",
            "buyer",
        ],
    );
    assert_eq!(
        added.out,
        "added user alice: active, tenant acme, roles buyer, clerk\n"
    );
    assert!(added.err.is_empty(), "{}", added.err);

    let listed = list(&folder, &[]);
    let alice = &listed["users"][0];
    assert_eq!(alice["name"], "alice");
    assert_eq!(alice["tenant"], "acme");
    assert_eq!(alice["roles"], json!(["buyer", "clerk"]));
    assert_eq!(
        (&alice["is-active"], &alice["is-read"]),
        (&json!(true), &json!(true))
    );
    assert_eq!(alice["password"]["cost"], "m=19456,t=2,p=1");
    assert!(alice["password"]["set-at"].as_str().unwrap().ends_with('Z'));
    assert_eq!(listed["tenants"][0]["name"], "acme");
    assert_eq!(listed["findings"], json!([]));

    let shown = folder.run(&["user", "list"]).with_status(0).out;
    assert!(
        shown.contains("alice  active, tenant acme, roles buyer, clerk\n  password     set 20"),
        "{shown}"
    );
    assert!(shown.contains("acme  tenant\n"), "{shown}");
}

#[test]
fn a_change_is_a_result_with_what_the_user_is_now() {
    let folder = folder();
    add(&folder, "alice", &[]);
    folder.run(&["user", "add-tenant", "acme"]).with_status(0);
    let orders: [(&[&str], &str); 7] = [
        (
            &["set-roles", "alice", "clerk", "buyer"],
            "changed user alice: active, roles buyer, clerk\n",
        ),
        (&["set-roles", "alice"], "changed user alice: active, no roles\n"),
        (
            &["set-tenant", "alice", "acme"],
            "changed user alice: active, tenant acme, no roles\n",
        ),
        (
            &["set-tenant", "alice", "--none"],
            "changed user alice: active, no roles\n",
        ),
        (&["disable", "alice"], "disabled user alice: disabled, no roles\n"),
        (&["enable", "alice"], "enabled user alice: active, no roles\n"),
        (
            &["set-roles", "alice", "clerk"],
            "changed user alice: active, role clerk\n",
        ),
    ];
    for (change, said) in orders {
        let changed = folder.run(&[&["user"], change].concat()).with_status(0);
        assert_eq!(
            (changed.out.as_str(), changed.err.as_str()),
            (said, ""),
            "{change:?}"
        );
    }
    let json = folder
        .run(&["user", "disable", "alice", "--format", "json"])
        .with_status(0)
        .json();
    assert_eq!(json["user"]["is-active"], false);
    assert!(json["user"]["disabled-at"].is_string());
    assert_eq!(json["findings"], json!([]));
}

#[test]
fn what_cannot_be_done_is_said_and_changes_nothing() {
    let folder = folder();
    add(&folder, "alice", &[]);
    let refused: [(&[&str], &str); 7] = [
        (
            &["add", "alice", "--no-password"],
            "there is a user `alice` already",
        ),
        (
            &["add", "b:b", "--no-password"],
            "expected a name of 1 to 128 bytes",
        ),
        (
            &["add", "bob", "--no-password", "--tenant", "acme"],
            "there is no tenant `acme`",
        ),
        (
            &["disable", "alic"],
            "there is no user `alic` in sqlite:data/directory.db (did you mean \"alice\"?)",
        ),
        (
            &["set-roles", "alice", "a,b"],
            "expected a name of 1 to 128 bytes",
        ),
        (&["set-tenant", "alice", "acme"], "there is no tenant `acme`"),
        (&["list", "bob"], "there is no user `bob`"),
    ];
    for (command, said) in refused {
        let refused = folder.run(&[&["user"], command].concat()).with_status(2);
        assert!(refused.err.contains(said), "{command:?}: {}", refused.err);
        assert!(refused.out.is_empty());
    }
    assert_eq!(list(&folder, &[])["users"].as_array().unwrap().len(), 1);
    // A prompt needs a terminal, and says what else there is.
    let unasked = folder.run(&["user", "add", "bob"]).with_status(2);
    assert!(
        unasked.err.contains("--stdin") && unasked.err.contains("--no-password"),
        "{}",
        unasked.err
    );
}

#[test]
fn a_weak_password_is_refused_with_every_reason_and_never_shown() {
    let folder = folder();
    for arguments in [
        &["user", "add", "alice", "--stdin"][..],
        &["hash-password", "--user", "alice", "--stdin"],
    ] {
        let weak = folder.run_with_input(arguments, "alice\n").with_status(1);
        let reasons = [
            "it has fewer than 12 characters",
            "it has no upper-case letter",
            "it has no digit",
            "it has nothing but letters and digits",
            "the user's name stands in it",
        ];
        for reason in reasons {
            assert!(weak.err.contains(reason), "{}", weak.err);
        }
        let weak = folder.run_with_input(arguments, "hunter22\n").with_status(1);
        assert!(
            !weak.err.contains("hunter22") && weak.out.is_empty(),
            "{}",
            weak.err
        );
    }
    // Nothing was made for one who was refused.
    assert!(!file(&folder).exists());
}

#[test]
fn a_password_that_stands_elsewhere_is_a_warning() {
    let folder = folder();
    folder.write(
        "application.properties",
        &format!("{SQLITE}palisade.keystores.main.password={PASSWORD}-shared\n"),
    );
    let set = |name: &str, more: &[&str]| {
        let arguments = ["user", "add", name, "--stdin"];
        folder
            .run_with_input(&[&arguments[..], more].concat(), &format!("{PASSWORD}-shared\n"))
            .with_status(0)
    };
    let first = set("alice", &[]);
    assert_eq!(
        first.err,
        "warning: the same secret stands in the configuration, at palisade.keystores.main.password\n"
    );
    let second = set("bob", &["--format", "json"]).json();
    let codes: Vec<&Value> = second["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| &finding["code"])
        .collect();
    assert_eq!(codes, ["password-reused", "password-in-configuration"]);
    assert_eq!(second["findings"][0]["message"], "`alice` has the same password");

    let listed = list(&folder, &[]);
    assert_eq!(listed["users"][0]["password"]["shared-with"], json!(["bob"]));
    assert_eq!(listed["findings"][0]["code"], "password-reused");
    folder
        .run_with_input(&["user", "set-password", "bob", "--stdin"], "Another-Horse8")
        .with_status(0);
    assert_eq!(list(&folder, &[])["findings"], json!([]));
}

#[test]
fn with_property_files_as_directory_a_remark_says_what_servers_read() {
    let folder = Folder::new(&[("application.properties", "")]);
    let added = add(&folder, "alice", &[]);
    assert!(
        added.err.contains(REMARK)
            && added
                .err
                .contains("once palisade.directory=sqlite:data/directory.db is set"),
        "{}",
        added.err
    );
    assert!(file(&folder).is_file());
    let hash = folder
        .run_with_input(&["hash-password", "--stdin"], PASSWORD)
        .with_status(0);
    folder.write(
        "application.properties",
        &format!(
            "palisade.users.bob.password-hash={}palisade.users.bob.active=false\n",
            hash.out
        ),
    );
    let listed = folder.run(&["user", "list", "--format", "json"]).with_status(0);
    assert!(listed.err.contains(REMARK));
    let listed = listed.json();
    let of = |name: &str| {
        let users = listed["users"].as_array().unwrap();
        users.iter().find(|user| user["name"] == name).unwrap().clone()
    };
    assert_eq!(
        (&of("bob")["source"], &of("bob")["is-read"]),
        (&json!("property-files"), &json!(true))
    );
    assert_eq!(
        (&of("bob")["is-active"], &of("bob")["password"]["cost"]),
        (&json!(false), &json!("m=19456,t=2,p=1"))
    );
    assert_eq!(
        (&of("alice")["source"], &of("alice")["is-read"]),
        (&json!("database"), &json!(false))
    );

    folder.write("application.properties", SQLITE);
    assert!(folder.run(&["user", "list"]).with_status(0).err.is_empty());
}

#[test]
fn looking_makes_nothing() {
    for settings in [SQLITE, ""] {
        let folder = Folder::new(&[("application.properties", settings)]);
        let listed = folder.run(&["user", "list"]).with_status(0);
        assert_eq!(listed.out, "no users and no tenants\n");
        folder.run(&["user", "list", "--as", "alice"]).with_status(1);
        folder
            .run(&["user", "disable", "alice", "--as", "alice"])
            .with_status(1);
        folder
            .run(&["api-key", "create", "alice", "--as", "alice"])
            .with_status(1);
        assert!(!folder.config().join("data").exists());
    }
}

const GUARDED: &str = "
palisade.interceptors.Known.authentication.schemes=basic,api-key
palisade.interceptors.Known.access.read=role:clerk,scope:orders.read
palisade.interceptors.Known.access.create=role:clerk
palisade.interceptors.Anybody.headers.block=x-debug
palisade.interceptors.Unruled.authentication.schemes=basic
palisade.endpoints[0].name=orders
palisade.endpoints[0].webservices=orders
palisade.endpoints[0].interceptors=Known
palisade.endpoints[1].name=health
palisade.endpoints[1].webservices=health
palisade.endpoints[1].interceptors=Anybody
palisade.endpoints[2].name=reports
palisade.endpoints[2].webservices=reports
palisade.endpoints[2].methods=GET
palisade.endpoints[2].interceptors=Unruled
";

#[test]
fn the_list_says_who_may_do_what() {
    let folder = Folder::new(&[("application.properties", &format!("{SQLITE}{GUARDED}"))]);
    add(&folder, "alice", &["--role", "clerk"]);
    add(&folder, "bob", &[]);
    add_program(&folder, "prog", &[]);
    add(&folder, "gone", &["--role", "clerk"]);
    folder.run(&["user", "disable", "gone"]).with_status(0);
    folder
        .run(&["api-key", "create", "prog", "--scope", "orders.read"])
        .with_status(0);

    let methods = |rights: &Value, group: &str| {
        let groups = rights.as_array().unwrap();
        groups.iter().find(|found| found["group"] == group).unwrap()["methods"].clone()
    };
    let alice = user(&folder, "alice");
    assert_eq!(methods(&alice["rights"], "orders"), json!(["GET", "POST"]));
    assert_eq!(methods(&alice["rights"], "reports"), json!(["GET"]));
    assert_eq!(methods(&user(&folder, "bob")["rights"], "orders"), json!([]));
    let prog = user(&folder, "prog");
    assert_eq!(methods(&prog["rights"], "orders"), json!([]));
    assert_eq!(methods(&prog["api-keys"][0]["rights"], "orders"), json!(["GET"]));
    assert!(user(&folder, "gone")["rights"].is_null());

    let shown = folder.run(&["user", "list"]).with_status(0).out;
    assert!(
        shown.contains("  may          orders: GET POST; reports: GET\n"),
        "{shown}"
    );
    assert!(
        shown.contains("               with it: orders: GET; reports: GET\n"),
        "{shown}"
    );
    assert!(
        shown.contains("These groups do not ask who is calling: health\n"),
        "{shown}"
    );
    assert!(
        shown.contains("These groups have no rules: whoever is known may do everything: reports\n"),
        "{shown}"
    );
}

#[test]
fn a_configuration_that_is_not_sound_lists_users_all_the_same() {
    let folder = Folder::new(&[(
        "application.properties",
        &format!("{SQLITE}palisade.endpoints[0].interceptors=Missing\n"),
    )]);
    add(&folder, "alice", &[]);
    let listed = folder.run(&["user", "list"]).with_status(0);
    assert!(listed.out.contains("alice  active"), "{}", listed.out);
    assert!(
        listed
            .err
            .contains("what anybody may do is left out; palisade check tells why"),
        "{}",
        listed.err
    );
}

/// A folder for a server that asks who is calling.
pub(crate) fn guarded(directory: &str, more: &str) -> Folder {
    let folder = Folder::initialised();
    let settings = fs::read_to_string(folder.config().join("application.properties")).unwrap();
    // The groups of the starter are others.
    let kept = ["palisade.listeners", "palisade.keystores"];
    let listener: Vec<&str> = settings
        .lines()
        .filter(|line| kept.iter().any(|root| line.starts_with(root)))
        .collect();
    let listener = listener.join("\n");
    folder.write(
        "application.properties",
        &format!("{directory}{listener}{GUARDED}{more}"),
    );
    folder
}

#[test]
fn a_server_that_runs_sees_users_come_and_go() {
    let folder = guarded(SQLITE, "");
    let serving = folder.serve(&["--echo"]);
    let path = "/server/rest/orders/list";
    let basic = format!("alice:{}", password_of("alice"));
    let status = |arguments: &[&str]| serving.curl(&folder, arguments, path).0;
    assert_eq!(status(&["--user", &basic]), 401);

    add(&folder, "alice", &["--role", "clerk"]);
    until("alice", || status(&["--user", &basic]) == 200);
    let key = folder
        .run(&["api-key", "create", "alice", "--scope", "orders.read"])
        .with_status(0);
    let key = key.out.trim_end();
    let header = format!("X-API-Key: {key}");
    until("her key", || status(&["--header", &header]) == 200);

    let keys = folder
        .run(&["api-key", "list", "--format", "json"])
        .with_status(0)
        .json();
    folder
        .run(&["api-key", "revoke", keys["api-keys"][0]["id"].as_str().unwrap()])
        .with_status(0);
    until("the end of her key", || status(&["--header", &header]) == 401);
    folder.run(&["user", "set-roles", "alice"]).with_status(0);
    until("the loss of her role", || status(&["--user", &basic]) == 403);
    folder.run(&["user", "disable", "alice"]).with_status(0);
    until("her end", || status(&["--user", &basic]) == 401);
}

#[test]
fn a_row_of_another_program_stands_in_nobodys_way() {
    let folder = folder();
    for name in ["alice", "bob"] {
        add(&folder, name, &[]);
    }
    let by_hand = "UPDATE palisade_users SET password_hash = '$2b$10$hunter22' WHERE name = 'alice'";
    let done = Command::new("sqlite3").arg(file(&folder)).arg(by_hand).status();
    assert!(done.unwrap().success());
    folder.run(&["user", "disable", "bob"]).with_status(0);
    let set = |name: &str, password: &str| {
        folder
            .run_with_input(&["user", "set-password", name, "--stdin"], password)
            .with_status(0)
    };
    set("bob", "Another-Horse8");
    folder.run(&["user", "enable", "bob"]).with_status(0);
    let listed = list(&folder, &[]);
    let is_active = |at: usize| listed["users"][at]["is-active"].as_bool().unwrap();
    assert!(!is_active(0) && is_active(1));
    let findings = listed["findings"].to_string();
    assert!(
        findings.contains("directory-row-unusable") && findings.contains("`alice`"),
        "{findings}"
    );
    assert!(!findings.contains("hunter22"));
    set("alice", "Another-Horse9");
    assert_eq!(user(&folder, "alice")["is-active"], true);
}

#[test]
fn a_directory_may_be_on_a_server() {
    let Some(server) = Postgres::start() else {
        return;
    };
    let folder = Folder::new(&[(
        "application.properties",
        &format!("palisade.directory={}\n", server.url()),
    )]);
    add(&folder, "alice", &["--role", "clerk"]);
    assert_eq!(user(&folder, "alice")["roles"], json!(["clerk"]));
    let unknown = folder.run(&["user", "disable", "bob"]).with_status(2);
    assert!(
        unknown
            .err
            .contains(&format!("in postgres://127.0.0.1:{}/postgres", server.port())),
        "{}",
        unknown.err
    );
    drop(server);
    let away = folder.run(&["user", "list"]).with_status(2);
    assert!(
        away.err.contains("postgres://127.0.0.1") && !away.err.contains(OF_DATABASE),
        "{}",
        away.err
    );
}
