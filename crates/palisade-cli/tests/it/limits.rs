//! `palisade limits`, and what `palisade explain` says of limits: by a running server, by stores, and where nobody knows.

use std::process::Command;

use palisade_test::redis::{Data, Redis};
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{Ended, Folder, Serving};

mod file;
mod resets;

const PATH: &str = "/server/rest/orders/list";

/// What the starter folder has, with a quota for each address.
fn folder(quota: &str) -> Folder {
    let folder = Folder::initialised();
    let quota = format!(
        "palisade.interceptors.Local.quota.transactions=3\n\
         palisade.interceptors.Local.quota.per=30d\n\
         palisade.interceptors.Local.quota.key=peer\n\
         {quota}"
    );
    folder.write("application-limits.properties", &quota);
    folder
}

fn serve(folder: &Folder) -> Serving {
    folder.serve(&["--echo", "--profile", "limits"])
}

/// A command beside that server.
fn beside(folder: &Folder, server: &Serving, arguments: &[&str]) -> Ended {
    let admin = format!("palisade.admin.bind=127.0.0.1:{}", server.port("admin"));
    folder.run(&[arguments, &["--profile", "limits", "--set", &admin]].concat())
}

/// A command where no server runs.
fn alone(folder: &Folder, arguments: &[&str]) -> Ended {
    let admin = format!("palisade.admin.bind=127.0.0.1:{}", closed_port());
    folder.run(&[arguments, &["--profile", "limits", "--set", &admin]].concat())
}

/// A port at which nobody listens.
fn closed_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

fn get(folder: &Folder, server: &Serving) -> u16 {
    server.curl(folder, &[], PATH).0
}

fn stop(server: Serving) {
    server.signal("TERM");
    assert_eq!(server.end().status, 0);
}

#[test]
fn the_running_server_tells_what_is_left_and_gives_it_back() {
    let folder = folder("palisade.interceptors.Local.quota.store=memory\n");
    let server = serve(&folder);
    for _ in 0..2 {
        assert_eq!(get(&folder, &server), 200);
    }
    let of_key = [
        "limits",
        "show",
        "Local",
        "--stage",
        "quota",
        "--key",
        "127.0.0.1",
    ];
    for _ in 0..3 {
        let shown = beside(&folder, &server, &of_key).with_status(0);
        assert!(shown.out.contains("Local.quota: 3 in each 30d"), "{}", shown.out);
        let expected = "127.0.0.1: 1 of 3 left, window ends in ";
        assert!(shown.out.contains(expected), "{}", shown.out);
    }
    let all = beside(&folder, &server, &["limits", "show", "--format", "json"])
        .with_status(0)
        .json();
    assert_eq!(
        all["server"],
        format!("http://127.0.0.1:{}", server.port("admin"))
    );
    assert_eq!(all["limits"][0]["groups"], json!(["payments", "orders"]));
    assert_eq!(all["limits"][0]["keys"][0]["remaining"], "1");
    assert_eq!(all["limits"][0]["settings"]["transactions"], "3");

    assert_eq!(get(&folder, &server), 200);
    assert_eq!(get(&folder, &server), 429);
    let reset = ["limits", "reset", "Local", "--key", "127.0.0.1"];
    let reset = beside(&folder, &server, &reset).with_status(0);
    assert!(
        reset.out.contains("Local.quota: one key begins anew"),
        "{}",
        reset.out
    );
    assert_eq!(get(&folder, &server), 200);
    let all = ["limits", "reset", "Local", "--all", "--format", "json"];
    let all = beside(&folder, &server, &all).with_status(0).json();
    let expected = json!([{ "interceptor": "Local", "stage": "quota", "keys": 1 }]);
    assert_eq!(all["reset"], expected);
}

#[test]
fn explain_says_what_the_request_has_left_and_refuses_where_that_is_nothing() {
    let folder = folder("palisade.interceptors.Local.quota.store=memory\n");
    let server = serve(&folder);
    assert_eq!(get(&folder, &server), 200);
    let request = ["explain", "GET", PATH, "--peer", "127.0.0.1"];
    let explained = beside(&folder, &server, &request).with_status(0);
    for expected in [
        "quota (Local): accepted",
        "2 of 3 left, window ends in ",
        "3 in each 30d, by peer: 127.0.0.1",
        "Verdict: accepted",
    ] {
        assert!(explained.out.contains(expected), "{expected}: {}", explained.out);
    }
    for _ in 0..2 {
        assert_eq!(get(&folder, &server), 200);
    }
    let explained = beside(&folder, &server, &request).with_status(1);
    for expected in [
        "0 of 3 left, window ends in ",
        "Verdict: refused: 429 quota-exceeded",
    ] {
        assert!(explained.out.contains(expected), "{expected}: {}", explained.out);
    }
    let json = beside(&folder, &server, &[&request[..], &["--format", "json"]].concat())
        .with_status(1)
        .json();
    let stages = json["stages"].as_array().unwrap();
    let limit = &stages.iter().find(|stage| stage["stage"] == "quota").unwrap()["limit"];
    assert_eq!(
        (&limit["key"], &limit["store"], &limit["standing"]["remaining"]),
        (&json!("127.0.0.1"), &json!("memory"), &json!("0"))
    );
    let other = ["explain", "GET", PATH, "--peer", "127.0.0.2"];
    let other = beside(&folder, &server, &other).with_status(0);
    assert!(other.out.contains("3 of 3 left\n"), "{}", other.out);
    let nobody = beside(&folder, &server, &["explain", "GET", PATH]).with_status(0);
    assert!(
        nobody
            .out
            .contains("quota (Local): unknown: hangs on the client's address"),
        "{}",
        nobody.out
    );
}

#[test]
fn what_is_counted_in_memory_is_not_known_where_no_server_answers() {
    let folder = folder("palisade.interceptors.Local.quota.store=memory\n");
    let shown = alone(&folder, &["limits", "show"]).with_status(0);
    assert!(
        shown.out.contains(
            "not known: what is counted in memory is known to the running server alone; no server answers"
        ),
        "{}",
        shown.out
    );
    let json = alone(&folder, &["limits", "show", "--format", "json"])
        .with_status(0)
        .json();
    assert_eq!(json["server"], Value::Null);
    assert!(json["limits"][0]["unknown"].is_string(), "{json}");
    let explained = alone(&folder, &["explain", "GET", PATH, "--peer", "127.0.0.1"]).with_status(0);
    assert!(
        explained
            .out
            .contains("Verdict: unknown: hangs on what has been used"),
        "{}",
        explained.out
    );
    let reset = alone(&folder, &["limits", "reset", "Local", "--all"]).with_status(1);
    assert!(reset.err.contains("Local.quota cannot be reset"), "{}", reset.err);
    let off = ["limits", "show", "--set", "palisade.admin.enabled=false"];
    let off = alone(&folder, &off).with_status(0);
    assert!(off.out.contains("palisade.admin.enabled=false"), "{}", off.out);
}

#[test]
fn a_server_that_runs_with_another_configuration_is_left_alone() {
    let memory = "palisade.interceptors.Local.quota.store=memory\n";
    let (one, other) = (folder(memory), folder(memory));
    let server = serve(&one);
    for status in [200, 200, 200, 429] {
        assert_eq!(get(&one, &server), status);
    }
    let shown = beside(&other, &server, &["limits", "show"]).with_status(0);
    assert!(
        shown.out.contains("runs with another configuration"),
        "{}",
        shown.out
    );
    let reset = beside(&other, &server, &["limits", "reset", "Local", "--all"]).with_status(1);
    assert!(
        reset.err.contains("runs with another configuration"),
        "{}",
        reset.err
    );
    assert_eq!(get(&one, &server), 429);
}

#[test]
fn a_token_is_shown_to_the_server_and_to_nobody_else() {
    let token = "0a1b2c3d4e5f6071";
    let folder = folder(&format!(
        "palisade.interceptors.Local.quota.store=memory\npalisade.admin.token={token}\n"
    ));
    let server = serve(&folder);
    for status in [200, 200, 200, 429] {
        assert_eq!(get(&folder, &server), status);
    }
    let delete = |fields: &[&str]| {
        let port = server.port("admin");
        let url = format!("http://127.0.0.1:{port}/limits?interceptor=Local&all=true");
        let output = Command::new("curl")
            .args([
                "--silent",
                "--max-time",
                "20",
                "-X",
                "DELETE",
                "--write-out",
                "\n%{http_code}",
            ])
            .args(fields)
            .arg(url)
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(delete(&[]).ends_with("\n401"));
    assert!(delete(&["-H", "Authorization: Bearer 0a1b2c3d4e5f6070"]).ends_with("\n401"));
    assert_eq!(get(&folder, &server), 429);
    let reset = beside(&folder, &server, &["limits", "reset", "Local", "--all"]).with_status(0);
    assert!(!reset.out.contains(token) && !reset.err.contains(token));
    assert_eq!(get(&folder, &server), 200);
    let right = format!("Authorization: Bearer {token}");
    let of_page = delete(&["-H", &right, "-H", "Origin: http://localhost:3000"]);
    assert!(of_page.ends_with("\n403"), "{of_page}");
    let wrong = "palisade.admin.token=0a1b2c3d4e5f6070";
    let wrong = ["limits", "reset", "Local", "--all", "--set", wrong];
    let refused = beside(&folder, &server, &wrong).with_status(1);
    assert!(refused.err.contains("401"), "{}", refused.err);
}

#[rstest]
#[case(&["show", "Locl"], "did you mean \"Local\"?")]
#[case(&["show", "Local", "--stage", "rate-limit"], "no limit in force is of a stage rate-limit")]
#[case(&["show", "Local", "--key", "alice"], "expected an address")]
#[case(&["show", "--keys", "1001"], "1001")]
#[case(&["reset"], "INTERCEPTOR")]
#[case(&["reset", "Local"], "--key")]
#[case(&["reset", "Local", "--key", "a", "--all"], "--all")]
#[case(&["reset", "Local", "--key", "alice"], "expected an address")]
fn wrong_use_is_told(#[case] arguments: &[&str], #[case] part: &str) {
    let folder = folder("");
    let ended = alone(&folder, &[&["limits"], arguments].concat()).with_status(2);
    assert!(ended.err.contains(part), "{}", ended.err);
}

#[test]
fn redis_is_asked_itself_where_no_server_runs() {
    let Some(mut redis) = Redis::start_with_password() else {
        return;
    };
    let folder = folder(&format!(
        "palisade.interceptors.Local.quota.store=redis\npalisade.redis.url={}\n",
        redis.url()
    ));
    let server = serve(&folder);
    assert_eq!(get(&folder, &server), 200);
    stop(server);
    let request = ["explain", "GET", PATH, "--peer", "127.0.0.1"];
    let explained = alone(&folder, &request).with_status(0);
    for expected in ["2 of 3 left, window ends in ", "Verdict: accepted"] {
        assert!(explained.out.contains(expected), "{expected}: {}", explained.out);
    }
    let shown = alone(&folder, &["limits", "show"]).with_status(0);
    assert!(shown.out.contains("127.0.0.1: 2 of 3 left"), "{}", shown.out);
    alone(&folder, &["limits", "reset", "Local", "--all"]).with_status(0);
    let shown = alone(&folder, &["limits", "show", "--key", "127.0.0.1"]).with_status(0);
    assert!(shown.out.contains("127.0.0.1: 3 of 3 left"), "{}", shown.out);

    redis.stop();
    let shown = alone(&folder, &["limits", "show", "--key", "127.0.0.1"]).with_status(0);
    assert!(shown.out.contains("not known: "), "{}", shown.out);
    let reset = alone(&folder, &["limits", "reset", "Local", "--all"]).with_status(1);
    for said in [&shown.out, &reset.err] {
        assert!(!said.contains(palisade_test::redis::PASSWORD), "{said}");
    }
    let explained = alone(&folder, &request).with_status(0);
    assert!(
        explained.out.contains("what is left is not known: "),
        "{}",
        explained.out
    );
    redis.resume(Data::Emptied);
}

#[test]
fn the_callers_own_quota_is_explained_by_name() {
    let key = "palisade.users.alice.api-key-hashes=sha256:\
        0000000000000000000000000000000000000000000000000000000000000001\n";
    let folder = folder(&format!(
        "{key}palisade.interceptors.Local.authentication.schemes=api-key\n\
         palisade.interceptors.Local.quota.transactions=10\n\
         palisade.interceptors.Local.quota.key=principal\n\
         palisade.interceptors.Local.amount-limit.pointer=/amount\n\
         palisade.interceptors.Local.amount-limit.max-total=250.50\n"
    ));
    let arguments = ["explain", "POST", PATH, "--peer", "127.0.0.1", "--user", "alice"];
    let explained = alone(&folder, &arguments).with_status(0);
    for expected in [
        "10 of 10 left\n",
        "10 in each 30d, by principal: alice",
        "250.5 of 250.5 left\n",
        "amount-limit (Local): unknown: hangs on the amount in the message",
    ] {
        assert!(explained.out.contains(expected), "{expected}: {}", explained.out);
    }
}

#[test]
fn check_and_diff_know_limits() {
    let folder = folder("palisade.interceptors.Local.quota.store=memory\n");
    let checked = folder.run(&["check", "--profile", "limits"]).with_status(0);
    assert!(checked.out.contains("limit-forgets"), "{}", checked.out);
    let wrong = "palisade.interceptors.Local.quota.store=redis";
    let wrong = folder
        .run(&["check", "--profile", "limits", "--set", wrong])
        .with_status(2);
    assert!(
        wrong.err.contains("palisade.redis.url is not set"),
        "{}",
        wrong.err
    );
    let diff = [
        "diff",
        "config",
        "config",
        "--set",
        "palisade.interceptors.Local.quota.transactions=5",
    ];
    folder.run(&diff).with_status(0);
}
