//! Commands in somebody's name (`--as`).

use serde_json::json;

use super::{PASSWORD, SQLITE, add, add_program, folder, guarded, list, password_of, user};
use crate::support::Folder;

#[test]
fn one_acts_as_what_property_files_and_the_database_beside_them_say_together() {
    let folder = Folder::new(&[(
        "application.properties",
        "palisade.users.root.roles=administrator\npalisade.users.gone.active=false\npalisade.users.bob.roles=clerk\n",
    )]);
    // An administrator of the property files manages the database beside them, and so does one of the database.
    add(&folder, "second", &["--role", "administrator", "--as", "root"]);
    for name in ["gone", "bob", "ended"] {
        add(&folder, name, &["--role", "administrator", "--as", "second"]);
    }
    folder.run(&["user", "disable", "ended"]).with_status(0);
    // The roles of both count; who is disabled in either may do nothing.
    for command in [&["user", "list"][..], &["cert", "list"]] {
        let run = |name: &str| folder.run(&[command, &["--as", name]].concat());
        for name in ["root", "second", "bob"] {
            run(name).with_status(0);
        }
        for (name, said) in [
            ("gone", "--as: user `gone` is disabled"),
            ("ended", "--as: user `ended` is disabled"),
            ("nobody", "--as: there is no user `nobody`"),
        ] {
            let refused = run(name).with_status(1);
            assert!(refused.err.contains(said), "{}", refused.err);
        }
    }
    folder
        .run(&["user", "set-roles", "bob", "--as", "bob"])
        .with_status(0);
    folder
        .run(&["user", "disable", "second", "--as", "bob"])
        .with_status(1);
}

#[test]
fn an_administrator_may_do_everything_and_others_what_concerns_themselves() {
    let folder = folder();
    add(&folder, "root", &["--role", "administrator"]);
    add(&folder, "alice", &[]);
    add(&folder, "bob", &[]);
    add(&folder, "gone", &["--role", "administrator"]);
    folder.run(&["user", "disable", "gone"]).with_status(0);

    let run =
        |command: &[&str], actor: &str| folder.run_with_input(&[command, &["--as", actor]].concat(), "");
    run(&["user", "set-roles", "bob", "clerk"], "root").with_status(0);
    run(&["user", "add", "carol", "--no-password"], "root").with_status(0);
    assert_eq!(
        list(&folder, &["--as", "root"])["users"]
            .as_array()
            .unwrap()
            .len(),
        5
    );

    let for_administrators: [&[&str]; 8] = [
        &["user", "add", "dave", "--no-password"],
        &["user", "add-tenant", "acme"],
        &["user", "disable", "alice"],
        &["user", "enable", "alice"],
        &["user", "set-roles", "alice", "administrator"],
        &["user", "set-tenant", "alice", "--none"],
        &["user", "list", "bob"],
        &["user", "set-password", "bob", "--stdin"],
    ];
    for command in for_administrators {
        let refused = run(command, "alice").with_status(1);
        let line = "error: --as: user `alice` may do what concerns themselves alone: all else takes the role administrator\n";
        assert_eq!(
            (refused.err.as_str(), refused.out.as_str()),
            (line, ""),
            "{command:?}"
        );
    }
    // Whom there is not, and whom there is, cannot be told apart by one who may not see them.
    let [known, unknown] =
        ["bob", "nobody"].map(|name| run(&["user", "list", name], "alice").with_status(1).err);
    assert_eq!(known, unknown);

    for actor in ["gone", "nobody", "Alice"] {
        for command in [
            &["user", "list"][..],
            &["user", "add", "dave", "--no-password"],
            &["api-key", "list"],
        ] {
            let refused = run(command, actor).with_status(1);
            assert!(
                refused.err.starts_with("error: --as: ") && refused.out.is_empty(),
                "{command:?} {}",
                refused.err
            );
        }
    }
    let own = list(&folder, &["--as", "alice"]);
    assert_eq!(own["users"].as_array().unwrap().len(), 1);
    assert_eq!(
        (&own["users"][0]["name"], &own["tenants"]),
        (&json!("alice"), &json!([]))
    );
    assert_eq!(
        list(&folder, &["alice", "--as", "alice"])["users"][0]["name"],
        "alice"
    );
    assert_eq!(user(&folder, "bob")["roles"], json!(["clerk"]));
}

#[test]
fn one_who_sets_their_own_password_shows_the_current_one_first() {
    let folder = folder();
    add(&folder, "alice", &[]);
    add_program(&folder, "prog", &[]);
    let set = |name: &str, input: &str| {
        folder.run_with_input(&["user", "set-password", name, "--as", name, "--stdin"], input)
    };
    let before = user(&folder, "alice");
    for (input, status, said) in [
        (
            "Another-Horse8\n",
            2,
            "expected the current password, a line break, and the new password",
        ),
        (
            "Wrong-Horse7-x\nAnother-Horse8\n",
            1,
            "the current password is another one",
        ),
        (
            &format!("{}\nweak\n", password_of("alice")),
            1,
            "the password is too weak",
        ),
    ] {
        let refused = set("alice", input).with_status(status);
        assert!(
            refused.err.contains(said) && !refused.err.contains("Horse"),
            "{}",
            refused.err
        );
    }
    assert_eq!(user(&folder, "alice"), before);
    let unable = set("prog", "\nAnother-Horse8\n").with_status(1);
    assert!(unable.err.contains("has no password to show"), "{}", unable.err);

    set("alice", &format!("{}\r\nAnother-Horse8\n", password_of("alice"))).with_status(0);
    set("alice", "Another-Horse8\nAnother-Horse9\n").with_status(0);
    folder
        .run_with_input(&["user", "set-password", "alice", "--stdin"], "Another-Horse0\n")
        .with_status(0);
}

#[test]
fn one_who_may_see_nothing_of_others_does_not_learn_their_passwords() {
    let folder = folder();
    for name in ["alice", "bob"] {
        folder
            .run_with_input(&["user", "add", name, "--stdin"], PASSWORD)
            .with_status(0);
    }
    let own = list(&folder, &["--as", "alice"]);
    assert!(own["users"][0]["password"]["shared-with"].is_null());
    assert_eq!(own["findings"], json!([]));
    let input = format!("{PASSWORD}\n{PASSWORD}\n");
    let set = folder
        .run_with_input(
            &["user", "set-password", "alice", "--as", "alice", "--stdin"],
            &input,
        )
        .with_status(0);
    assert!(set.err.is_empty(), "{}", set.err);
}

#[test]
fn a_key_that_a_user_makes_opens_what_the_user_may_do_and_no_scope() {
    let folder = guarded(
        SQLITE,
        "palisade.interceptors.Known.access.delete=scope:orders.admin\n",
    );
    add(&folder, "alice", &["--role", "clerk"]);
    let make = |more: &[&str]| folder.run(&[&["api-key", "create", "alice"], more].concat());
    make(&["--scope", "orders.admin", "--as", "alice"]).with_status(1);
    let [own, given] = [&["--as", "alice"][..], &["--scope", "orders.admin"]]
        .map(|more| format!("X-API-Key: {}", make(more).with_status(0).out.trim_end()));
    let serving = folder.serve(&["--echo"]);
    let status = |key: &str, method: &str| {
        let arguments = ["--header", key, "--request", method];
        serving.curl(&folder, &arguments, "/server/rest/orders/list").0
    };
    assert_eq!((status(&own, "GET"), status(&own, "DELETE")), (200, 403));
    assert_eq!((status(&given, "GET"), status(&given, "DELETE")), (403, 200));
}
