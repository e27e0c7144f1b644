use serde_json::json;

use crate::support::{Folder, Serving};

#[test]
fn the_group_the_stages_their_settings_and_the_verdict_are_shown() {
    let folder = Folder::initialised();
    let request = ["explain", "GET", "/server/rest/orders/list"];
    let accepted = folder
        .run(&[&request[..], &["--peer", "127.0.0.1"]].concat())
        .with_status(0);
    for expected in [
        "group        orders",
        "payments: webservices must be payments, found orders",
        "1. ip-filter (Local): accepted",
        "palisade.interceptors.Local.ip-filter.allow = \"127.0.0.0/8,::1\"  (application.properties:",
        "2. headers (Local): accepted",
        "Verdict: accepted",
    ] {
        assert!(
            accepted.out.contains(expected),
            "{expected} is not in\n{}",
            accepted.out
        );
    }
    let refused = folder
        .run(&[&request[..], &["--peer", "203.0.113.7"]].concat())
        .with_status(1);
    assert!(
        refused.out.contains("Verdict: refused: 403 ip-not-allowed"),
        "{}",
        refused.out
    );
    assert!(
        refused.out.contains("2. headers (Local): not reached"),
        "{}",
        refused.out
    );
}

#[test]
fn what_is_not_supposed_is_unknown_and_that_is_no_refusal() {
    let unknown = Folder::initialised()
        .run(&["explain", "GET", "/server/rest/orders/list"])
        .with_status(0);
    assert!(
        unknown
            .out
            .contains("Verdict: unknown: hangs on the client's address"),
        "{}",
        unknown.out
    );
}

#[test]
fn fields_and_the_tls_version_can_be_supposed() {
    let folder = Folder::initialised();
    let local = ["--peer", "127.0.0.1", "--format", "json"];
    let list = [
        "explain",
        "GET",
        "/server/rest/orders/list",
        "--header",
        "x-original-url: /admin",
    ];
    let blocked = folder.run(&[&list[..], &local].concat()).with_status(1).json();
    assert_eq!(blocked["verdict"]["code"], "header-blocked");

    let pay = |version| {
        let arguments = ["explain", "GET", "/server/rest/payments/pay", "--tls", version];
        folder.run(&[&arguments[..], &local].concat())
    };
    let old = pay("TLSv1.2").with_status(1).json();
    assert_eq!(old["verdict"]["code"], "tls-version-too-low");
    assert_eq!(old["stages"][0]["stage"], "tls-floor");
    let new = pay("TLSv1.3").with_status(0).json();
    assert_eq!(new["verdict"], json!({ "verdict": "accepted" }));
}

#[test]
fn a_request_that_no_group_takes_is_refused_with_the_reason_of_each_group() {
    let folder = Folder::initialised();
    let arguments = [
        "explain",
        "DELETE",
        "/server/rest/orders/list",
        "--format",
        "json",
    ];
    let explained = folder.run(&arguments).with_status(1).json();
    assert_eq!(explained["group"], json!(null));
    assert_eq!(explained["verdict"]["code"], "endpoint-not-configured");
    let passed: Vec<_> = explained["passed-over"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| &p["selector"])
        .collect();
    assert_eq!(passed, ["webservices", "methods"]);
}

#[test]
fn a_path_that_is_not_canonical_is_refused_before_any_group() {
    let folder = Folder::initialised();
    for path in [
        "//server/rest/orders/list",
        "/server/rest/../rest/orders/list",
        "/server/rest/orders%2flist",
    ] {
        let explained = folder
            .run(&["explain", "GET", path, "--format", "json"])
            .with_status(1)
            .json();
        assert_eq!(explained["verdict"]["code"], "path-not-canonical", "{path}");
    }
}

#[test]
fn certificates_need_not_be_there() {
    let folder = Folder::initialised();
    std::fs::remove_dir_all(folder.config().join("keys")).unwrap();
    folder.run(&["check"]).with_status(2);
    folder
        .run(&["explain", "GET", "/server/rest/orders/list"])
        .with_status(0);
}

#[test]
fn secrets_are_not_shown() {
    let folder = Folder::initialised();
    let secret = [
        "--set",
        "palisade.interceptors.Local.headers.response-set.X-Token=hunter2",
    ];
    let field = ["--header", "Authorization: Bearer hunter3"];
    let request = ["explain", "GET", "/server/rest/orders/list", "--peer", "::1"];
    for format in ["text", "json"] {
        let all = [&request[..], &secret, &field, &["--format", format]].concat();
        let explained = folder.run(&all).with_status(0);
        assert!(
            explained.out.contains("***") && !explained.out.contains("hunter"),
            "{}",
            explained.out
        );
    }
}

/// What `explain` says and what a server answers: the status, and the code of a refusal.
fn both_verdicts(
    folder: &Folder,
    server: &Serving,
    (method, path, field, tls): (&str, &str, &str, &str),
) -> [(u64, String); 2] {
    let supposed = [
        "--peer",
        "127.0.0.1",
        "--tls",
        tls,
        "--header",
        field,
        "--format",
        "json",
    ];
    let explained = folder
        .run(&[&["explain", method, path], &supposed[..]].concat())
        .json();
    let verdict = &explained["verdict"];
    let status = verdict["status"].as_u64().unwrap_or(200);
    let code = verdict["code"].as_str().unwrap_or_default().to_owned();

    let version = if tls == "TLSv1.2" { "1.2" } else { "1.3" };
    let curl = [
        "--path-as-is",
        "--request",
        method,
        "--header",
        field,
        "--tls-max",
        version,
    ];
    let (answered, body) = server.curl(folder, &curl, path);
    let problem = body["type"]
        .as_str()
        .unwrap_or_default()
        .trim_start_matches("urn:palisade:problem:");
    [(status, code), (u64::from(answered), problem.to_owned())]
}

/// Method, path, field and TLS version; then the status, and the code of a refusal.
type Agreed = (
    (&'static str, &'static str, &'static str, &'static str),
    u64,
    &'static str,
);

const PLAIN: &str = "X-Plain: 1";
const OLD: &str = "TLSv1.2";
const NEW: &str = "TLSv1.3";

const AGREED: [Agreed; 12] = [
    (("GET", "/server/rest/orders/list", PLAIN, OLD), 200, ""),
    (("POST", "/server/rest/orders/create", PLAIN, NEW), 200, ""),
    (
        ("DELETE", "/server/rest/orders/list", PLAIN, NEW),
        404,
        "endpoint-not-configured",
    ),
    (
        ("GET", "/server/rest/Orders/list", PLAIN, NEW),
        404,
        "endpoint-not-configured",
    ),
    (
        ("GET", "/server/rest/orders", PLAIN, NEW),
        404,
        "endpoint-not-configured",
    ),
    (("GET", "/server/rest/orders/list/7?limit=5", PLAIN, NEW), 200, ""),
    (
        ("GET", "/server/rest/orders/./list", PLAIN, NEW),
        400,
        "path-not-canonical",
    ),
    (
        ("GET", "/server/rest/orders/l%69st", PLAIN, NEW),
        400,
        "path-not-canonical",
    ),
    (("PUT", "/server/rest/payments/pay", PLAIN, NEW), 200, ""),
    (
        ("PUT", "/server/rest/payments/pay", PLAIN, OLD),
        403,
        "tls-version-too-low",
    ),
    (
        ("GET", "/server/rest/orders/list", "X-Rewrite-URL: /admin", NEW),
        400,
        "header-blocked",
    ),
    (
        (
            "GET",
            "/server/rest/orders/list",
            "X-HTTP-Method-Override: PUT",
            NEW,
        ),
        400,
        "header-blocked",
    ),
];

#[test]
fn what_is_explained_is_what_a_server_does() {
    let folder = Folder::initialised();
    let server = folder.serve(&["--echo"]);
    for (row, status, code) in AGREED {
        let [explained, answered] = both_verdicts(&folder, &server, row);
        assert_eq!(explained, (status, code.to_owned()), "{row:?}");
        assert_eq!(explained, answered, "{row:?}");
    }
}

#[test]
fn a_caller_is_supposed_with_what_the_directory_says_of_them() {
    let folder = Folder::new(&[(
        "application.properties",
        "palisade.endpoints[0].paths=/orders\n\
         palisade.endpoints[0].interceptors=Known\n\
         palisade.users.alice.roles=clerk\n\
         palisade.users.bob.active=false\n\
         palisade.interceptors.Known.authentication.schemes=certificate\n\
         palisade.interceptors.Known.access.read=role:clerk,scope:orders.read\n",
    )]);
    for (arguments, status, verdict, reason) in [
        (
            &["--user", "alice"][..],
            0,
            "accepted",
            "read: role:clerk matches",
        ),
        (&["--user", "mallory"], 1, "refused", "the caller is mallory"),
        (
            &["--user", "mallory", "--scope", "orders.read"],
            0,
            "accepted",
            "read: scope:orders.read matches",
        ),
        (&["--user", "bob"], 1, "refused", "user bob is not active"),
    ] {
        let mut command = vec!["explain", "GET", "/orders"];
        command.extend(arguments);
        let run = folder.run(&command).with_status(status);
        assert!(run.out.contains(&format!("Verdict: {verdict}")), "{}", run.out);
        assert!(run.out.contains(reason), "{}", run.out);
    }
    let run = folder.run(&["explain", "GET", "/orders", "--user", "mallory"]);
    assert!(
        run.err.contains("the directory has no user mallory"),
        "{}",
        run.err
    );
}
