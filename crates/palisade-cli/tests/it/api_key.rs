use serde_json::{Value, json};

use crate::support::{Ended, Folder};
use crate::user::{add, add_program, folder};

fn create(folder: &Folder, arguments: &[&str]) -> Ended {
    folder.run(&[&["api-key", "create"], arguments].concat())
}

fn list(folder: &Folder, more: &[&str]) -> Vec<Value> {
    let listed = folder
        .run(&[&["api-key", "list", "--format", "json"][..], more].concat())
        .with_status(0)
        .json();
    listed["api-keys"].as_array().unwrap().clone()
}

#[test]
fn a_key_stands_alone_on_standard_output_and_is_never_seen_again() {
    let folder = folder();
    add_program(&folder, "prog", &[]);
    let created = create(
        &folder,
        &[
            "prog",
            "--scope",
            "orders.read",
            "--scope",
            "orders.write",
            "--expires",
            "90d",
        ],
    )
    .with_status(0);
    let key = created.out.trim_end();
    assert!(
        key.starts_with("plsd_") && key.len() == 54 && created.out.lines().count() == 1,
        "{}",
        created.out
    );
    assert!(
        created.err.contains("of prog, until 20") && !created.err.contains("plsd_"),
        "{}",
        created.err
    );

    let [listed] = list(&folder, &[]).try_into().unwrap();
    assert_eq!(
        (&listed["user"], &listed["state"]),
        (&json!("prog"), &json!("usable"))
    );
    assert_eq!(listed["scopes"], json!(["orders.read", "orders.write"]));
    assert!(listed["created-at"].is_string() && listed["expires-at"].is_string());
    let id = listed["id"].as_str().unwrap();
    assert!(id.len() == 12 && created.err.contains(id));
    for shown in [
        &["api-key", "list"][..],
        &["user", "list"],
        &["user", "list", "--format", "json"],
    ] {
        let shown = folder.run(shown).with_status(0).out;
        assert!(
            shown.contains(id) && !shown.contains(key) && !shown.contains("plsd_"),
            "{shown}"
        );
    }
}

#[test]
fn a_key_as_json_is_one_document() {
    let folder = folder();
    add_program(&folder, "prog", &[]);
    let json = create(&folder, &["prog", "--expires", "2999-01-31", "--format", "json"])
        .with_status(0)
        .json();
    assert!(json["api-key"].as_str().unwrap().starts_with("plsd_"));
    assert_eq!(
        (&json["user"], &json["expires-at"]),
        (&json!("prog"), &json!("2999-01-31T00:00:00Z"))
    );
    assert_eq!(list(&folder, &[])[0]["id"], json["id"]);
}

#[test]
fn a_revoked_key_stays_on_the_list() {
    let folder = folder();
    add_program(&folder, "prog", &[]);
    let id = create(&folder, &["prog", "--format", "json"])
        .with_status(0)
        .json()["id"]
        .clone();
    let id = id.as_str().unwrap();
    let revoked = folder.run(&["api-key", "revoke", id]).with_status(0);
    assert_eq!(revoked.out, format!("revoked API key {id} of prog\n"));
    let [listed] = list(&folder, &[]).try_into().unwrap();
    assert_eq!(listed["state"], "revoked");
    assert!(listed["revoked-at"].is_string());
    for id in [id, "000000000000", "plsd_hunter22"] {
        let refused = folder.run(&["api-key", "revoke", id]).with_status(2);
        assert!(
            !refused.err.contains("hunter22") && refused.out.is_empty(),
            "{}",
            refused.err
        );
    }
}

#[test]
fn whoever_has_a_key_alone_is_told_its_id() {
    let folder = folder();
    add_program(&folder, "prog", &[]);
    let key = create(&folder, &["prog"]).with_status(0).out;
    let key = key.trim_end();
    let id = list(&folder, &[])[0]["id"].as_str().unwrap().to_owned();
    let told = folder.run(&["api-key", "revoke", key]).with_status(2);
    assert!(
        told.err.contains(&format!("its ID is {id}")) && !told.err.contains(key),
        "{}",
        told.err
    );
    assert_eq!(list(&folder, &[])[0]["state"], "usable");
}

#[test]
fn what_cannot_be_made_is_said() {
    let folder = folder();
    add_program(&folder, "prog", &[]);
    for (arguments, said) in [
        (
            &["prgo"][..],
            "there is no user `prgo` in sqlite:data/directory.db (did you mean \"prog\"?)",
        ),
        (&["prog", "--expires", "2020-01-01"], "an end that is yet to come"),
        (&["prog", "--expires", "0d"], "an end that is yet to come"),
        (&["prog", "--expires", "90"], "expected a period such as 90d"),
        (
            &["prog", "--scope", "a b"],
            "expected scopes of visible ASCII characters",
        ),
    ] {
        let refused = create(&folder, arguments).with_status(2);
        assert!(
            refused.err.contains(said) && refused.out.is_empty(),
            "{arguments:?}: {}",
            refused.err
        );
    }
    assert!(list(&folder, &[]).is_empty());
    assert_eq!(
        folder.run(&["api-key", "list"]).with_status(0).out,
        "no API keys\n"
    );
}

#[test]
fn a_user_manages_their_own_keys_and_no_others() {
    let folder = folder();
    add(&folder, "root", &["--role", "administrator"]);
    add(&folder, "alice", &[]);
    add(&folder, "bob", &[]);
    let own = create(&folder, &["alice", "--as", "alice", "--format", "json"])
        .with_status(0)
        .json();
    let others = create(&folder, &["bob", "--as", "root", "--format", "json"])
        .with_status(0)
        .json();
    let id = |key: &Value| key["id"].as_str().unwrap().to_owned();

    create(&folder, &["bob", "--as", "alice"]).with_status(1);
    folder
        .run(&["api-key", "list", "bob", "--as", "alice"])
        .with_status(1);
    let listed = list(&folder, &["--as", "alice"]);
    assert!(listed.len() == 1 && listed[0]["user"] == "alice");
    assert_eq!(list(&folder, &["--as", "root"]).len(), 2);
    assert_eq!(list(&folder, &["bob"]).len(), 1);

    // Another's key and none at all are refused alike.
    let [known, unknown] = [id(&others), "000000000000".to_owned()].map(|id| {
        folder
            .run(&["api-key", "revoke", &id, "--as", "alice"])
            .with_status(1)
            .err
    });
    assert_eq!(known, unknown);
    folder
        .run(&["api-key", "revoke", &id(&own), "--as", "alice"])
        .with_status(0);
    folder
        .run(&["api-key", "revoke", &id(&others), "--as", "root"])
        .with_status(0);
    assert!(list(&folder, &[]).iter().all(|key| key["state"] == "revoked"));
}

#[test]
fn nobody_gives_themselves_a_scope() {
    let folder = folder();
    add(&folder, "root", &["--role", "administrator"]);
    add(&folder, "alice", &[]);
    for more in [&[][..], &["--format", "json"]] {
        let asked = ["alice", "--scope", "orders.admin", "--as", "alice"];
        let refused = create(&folder, &[&asked, more].concat()).with_status(1);
        assert!(!refused.out.contains("plsd_"), "{}", refused.out);
        let said =
            "--as: user `alice` may make keys without scopes alone: --scope takes the role administrator";
        assert!((refused.err + &refused.out).contains(said));
    }
    assert!(list(&folder, &[]).is_empty());
    create(&folder, &["alice", "--as", "alice"]).with_status(0);
    create(&folder, &["alice", "--scope", "orders.admin", "--as", "root"]).with_status(0);
    create(&folder, &["alice", "--scope", "orders.admin"]).with_status(0);
    let with_scopes = list(&folder, &[])
        .iter()
        .filter(|key| key["scopes"] == json!(["orders.admin"]))
        .count();
    assert_eq!(with_scopes, 2);
}
