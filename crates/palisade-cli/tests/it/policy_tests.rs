//! `palisade test`: cases of a file, held against a policy by the built command.

use std::fs;

use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{Ended, Folder};

const CONFIG: &str = "\
palisade.endpoints[0].name=orders
palisade.endpoints[0].paths=/orders/{id}
palisade.endpoints[0].interceptors=Known
palisade.endpoints[1].name=open
palisade.endpoints[1].paths=/open
palisade.endpoints[1].interceptors=Counted
palisade.users.alice.roles=clerk
palisade.users.bob.active=false
palisade.interceptors.Known.ip-filter.allow=192.0.2.0/24
palisade.interceptors.Known.authentication.schemes=certificate
palisade.interceptors.Known.access.read=role:clerk,scope:orders.read
palisade.interceptors.Counted.rate-limit.requests=5
palisade.interceptors.Counted.rate-limit.per=1m
palisade.interceptors.Counted.amount-limit.pointer=/amount
palisade.interceptors.Counted.amount-limit.max-total=100
palisade.interceptors.Counted.amount-limit.key=peer
";

fn folder() -> Folder {
    Folder::new(&[("application.properties", CONFIG)])
}

/// Runs `palisade test` over a file of that name.
fn tested(folder: &Folder, name: &str, text: &str, more: &[&str]) -> Ended {
    fs::write(folder.path().join(name), text).unwrap();
    folder.run(&[&["test", name], more].concat())
}

/// One case, over `GET /orders/7` unless the request says otherwise: whether it passes.
fn passes(folder: &Folder, request: &str, expect: &str) -> bool {
    let text = format!(
        "defaults: {{method: GET, path: /orders/7}}\ncases:\n- name: one\n  request: {{{request}}}\n  expect: {{{expect}}}\n"
    );
    let ended = tested(folder, "one.yaml", &text, &["--format", "json"]);
    assert!([0, 1].contains(&ended.status), "{ended:#?}");
    ended.status == 0
}

const LOCAL: &str = "peer: 192.0.2.7";

#[rstest]
#[case(LOCAL, "user: alice", "verdict: accepted, group: orders")]
#[case(
    LOCAL,
    "user: alice",
    "verdict: accepted, stages: [ip-filter, Known.authentication, access]"
)]
#[case(LOCAL, "user: mallory", "verdict: refused")]
#[case(
    LOCAL,
    "user: mallory",
    "status: 403, code: operation-not-allowed, stage: access"
)]
#[case(LOCAL, "user: mallory, roles: clerk", "verdict: accepted")]
#[case(LOCAL, "user: mallory, scopes: [a, orders.read]", "verdict: accepted")]
#[case(LOCAL, "user: alice, roles: []", "code: operation-not-allowed")]
#[case(LOCAL, "user: bob", "status: 401, stage: Known.authentication")]
#[case(
    "peer: 203.0.113.7",
    "user: alice",
    "code: ip-not-allowed, stage: Known.ip-filter"
)]
#[case(
    "",
    "user: alice",
    "verdict: unknown, stage: ip-filter, hangs-on: the client's address"
)]
// Certain is that it is refused, and not by whom.
#[case("", "user: mallory", "verdict: refused")]
#[case(
    "path: /nowhere",
    "",
    "status: 404, code: endpoint-not-configured, group: null, stages: []"
)]
#[case("path: /open, method: POST", LOCAL, "verdict: unknown, group: open")]
#[case(
    "path: /open, method: POST, headers: {Content-Type: application/json}, body: '{\"amount\": 100}'",
    LOCAL,
    "verdict: accepted"
)]
#[case(
    "path: /open, method: POST, headers: {Content-Type: application/json}, body: '{\"amount\": 101}'",
    LOCAL,
    "code: amount-total-exceeded"
)]
fn a_case_passes_where_everything_is_as_expected(
    #[case] one: &str,
    #[case] more: &str,
    #[case] expect: &str,
) {
    let request: Vec<&str> = [one, more].into_iter().filter(|part| !part.is_empty()).collect();
    assert!(passes(&folder(), &request.join(", "), expect));
}

#[rstest]
#[case(LOCAL, "user: alice", "verdict: accepted, group: open")]
#[case(LOCAL, "user: alice", "verdict: accepted, group: null")]
#[case(LOCAL, "user: alice", "verdict: accepted, stages: [ip-filter, access]")]
#[case(
    LOCAL,
    "user: alice",
    "verdict: accepted, stages: [ip-filter, access, authentication]"
)]
#[case(
    LOCAL,
    "user: alice",
    "verdict: accepted, stages: [ip-filter, Other.authentication, access]"
)]
#[case(LOCAL, "user: alice", "verdict: refused")]
#[case(LOCAL, "user: alice", "verdict: unknown")]
#[case(LOCAL, "user: mallory", "verdict: accepted")]
#[case(LOCAL, "user: mallory", "status: 404")]
#[case(LOCAL, "user: mallory", "code: ip-not-allowed")]
#[case(LOCAL, "user: mallory", "verdict: refused, stage: ip-filter")]
// What is unknown is neither accepted nor refused.
#[case("", "user: alice", "verdict: accepted")]
#[case("", "user: alice", "verdict: refused")]
#[case("", "user: alice", "verdict: unknown, hangs-on: the caller")]
#[case("", "user: mallory", "code: operation-not-allowed")]
#[case("", "user: mallory", "verdict: refused, stage: access")]
#[case("path: /nowhere", "", "verdict: refused, group: orders")]
fn a_case_fails_where_anything_is_otherwise(#[case] one: &str, #[case] more: &str, #[case] expect: &str) {
    let request: Vec<&str> = [one, more].into_iter().filter(|part| !part.is_empty()).collect();
    assert!(!passes(&folder(), &request.join(", "), expect));
}

const TWO: &str = "\
defaults:
  peer: 192.0.2.7
cases:
  - name: clerks read orders
    request: {method: GET, path: /orders/7, user: alice}
    expect: {verdict: accepted}
  - name: mallory reads <orders>
    request: {method: GET, path: /orders/7, user: mallory}
    expect: {verdict: accepted}
";

#[test]
fn a_line_tells_of_each_case_and_a_failure_is_explained() {
    let told = tested(&folder(), "two.yaml", TWO, &[]).with_status(1);
    for expected in [
        "ok    clerks read orders\n",
        "FAIL  mallory reads <orders>  (two.yaml:7)\n",
        "  verdict: expected accepted, found refused: 403 operation-not-allowed\n",
        "  3. access (Known): refused: 403 operation-not-allowed\n",
        "       palisade.interceptors.Known.access.read = \"role:clerk,scope:orders.read\"  (application.properties:11)\n",
        "\n2 cases: 1 passed, 1 failed\n",
    ] {
        assert!(
            told.out.contains(expected),
            "{expected:?} is not in\n{}",
            told.out
        );
    }
    assert!(
        told.err.contains("the directory has no user mallory"),
        "{}",
        told.err
    );
    assert!(!told.err.contains("alice"), "{}", told.err);
}

#[test]
fn programs_read_the_cases_as_json_and_as_junit_has_them() {
    let folder = folder();
    let more = ["--format", "json", "--junit", "results.xml"];
    let tested = tested(&folder, "two.yaml", TWO, &more).with_status(1).json();
    assert_eq!((&tested["passed"], &tested["failed"]), (&json!(1), &json!(1)));
    let failed = &tested["cases"][1];
    assert_eq!(failed["name"], "mallory reads <orders>");
    assert_eq!((&failed["line"], &failed["passed"]), (&json!(7), &json!(false)));
    assert_eq!(failed["found"]["verdict"]["code"], "operation-not-allowed");
    let results = fs::read_to_string(folder.path().join("results.xml")).unwrap();
    for expected in [
        "<testsuite name=\"two.yaml\" tests=\"2\" failures=\"1\" errors=\"0\" skipped=\"0\">",
        "<testcase name=\"clerks read orders\" classname=\"two.yaml\" file=\"two.yaml\" line=\"4\"/>",
        "name=\"mallory reads &lt;orders&gt;\"",
        "<failure message=\"verdict: expected accepted, found refused: 403 operation-not-allowed\">",
    ] {
        assert!(results.contains(expected), "{expected} is not in\n{results}");
    }
}

#[test]
fn json_says_the_same_as_yaml() {
    let text = r#"{"defaults": {"peer": "192.0.2.7"}, "cases": [
        {"name": "one", "request": {"method": "GET", "path": "/orders/7", "user": "alice"}, "expect": {"verdict": "accepted"}},
        {"name": "two", "request": {"method": "GET", "path": "/orders/7", "user": "mallory"}, "expect": {"status": 403}}]}"#;
    let told = tested(&folder(), "cases.json", text, &[]).with_status(0);
    assert!(told.out.contains("\n2 cases: all passed\n"), "{}", told.out);
    let folder = folder();
    let told = folder.run_with_input(&["test", "-"], text);
    assert_eq!(told.status, 0, "{told:#?}");
}

#[test]
fn everything_that_is_wrong_with_a_file_is_told_with_its_line() {
    let text = "\
defaults: {peers: 192.0.2.7}
cases:
  - name: a
    request: {method: get, path: orders, headers: {a b: 1}, tls: old}
    expect: {verdict: accept}
  - name: a
    request: {method: GET, path: /orders/7, body-file: none.json, roles: clerk}
    expect: {staus: 403}
  - name: b
    request: {method: GET, path: /orders/7, body: a, body-file: b}
    expect: {verdict: accepted, status: 200, stage: access}
  - name: c
    request: {method: GET, path: /orders/7}
    expect: {verdict: accepted}
  - name: c
    request: {method: GET, path: /orders/7}
    expect: {verdict: accepted}
  - {}
";
    let told = tested(&folder(), "wrong.yaml", text, &["--format", "json"]).with_status(2);
    let errors = told.json()["errors"].take();
    let shown: Vec<String> = errors
        .as_array()
        .unwrap()
        .iter()
        .map(|error| {
            format!(
                "{} {}",
                error["origin"].as_str().unwrap(),
                error["key"].as_str().unwrap()
            )
        })
        .collect();
    let expected = [
        "wrong.yaml:1 defaults.peers",
        "wrong.yaml:4 cases[0].request.headers.a b",
        "wrong.yaml:4 cases[0].request.method",
        "wrong.yaml:4 cases[0].request.path",
        "wrong.yaml:4 cases[0].request.tls",
        "wrong.yaml:5 cases[0].expect.verdict",
        "wrong.yaml:7 cases[1].request.roles",
        "wrong.yaml:8 cases[1].expect.staus",
        "wrong.yaml:8 cases[1].expect.verdict",
        "wrong.yaml:10 cases[2].request.body-file",
        "wrong.yaml:11 cases[2].expect.stage",
        "wrong.yaml:11 cases[2].expect.status",
        "wrong.yaml:15 cases[4].name",
        "wrong.yaml:18 cases[5].expect",
        "wrong.yaml:18 cases[5].name",
        "wrong.yaml:18 cases[5].request",
    ];
    assert_eq!(shown, expected, "{errors:#}");
    assert_eq!(errors[0]["nearest"], "peer");
}

#[rstest]
#[case::no_case("cases: []\n", "cases.yaml:1: cases: expected at least one case")]
#[case::no_cases("{}\n", "expected a list of cases")]
#[case::nothing("", "there is nothing in it")]
#[case::a_list("- a\n", "expected a mapping")]
#[case::no_yaml("cases: [\n", "cases.yaml:")]
#[case::a_body_that_is_not_there(
    "cases: [{name: a, request: {method: GET, path: /a, body-file: none.json}, expect: {verdict: accepted}}]\n",
    "cases.yaml:1: cases[0].request: none.json: "
)]
fn a_file_that_tests_nothing_is_no_success(#[case] text: &str, #[case] expected: &str) {
    let told = tested(&folder(), "cases.yaml", text, &[]).with_status(2);
    assert!(told.err.contains(expected), "{}", told.err);
    assert_eq!(told.out, "");
}

#[test]
fn a_configuration_that_is_not_sound_or_a_file_that_is_not_there_is_no_success() {
    let folder = folder();
    folder.run(&["test", "missing.yaml"]).with_status(2);
    let wrong = tested(&folder, "two.yaml", TWO, &["--set", "palisade.unmatched=denny"]).with_status(2);
    assert!(wrong.err.contains("did you mean \"deny\"?"), "{}", wrong.err);
}

#[test]
fn files_of_bodies_are_beside_the_file_of_cases() {
    let folder = folder();
    fs::create_dir(folder.path().join("cases")).unwrap();
    fs::write(folder.path().join("cases/order.json"), "{\"amount\": 100}").unwrap();
    let text = "cases: [{name: a, request: {method: POST, path: /open, peer: '::1', body-file: order.json}, expect: {verdict: accepted}}]";
    tested(&folder, "cases/all.yaml", text, &[]).with_status(0);
}

#[test]
fn what_was_used_meanwhile_changes_no_result() {
    let folder = Folder::initialised();
    let total = "\
        palisade.interceptors.Local.amount-limit.pointer=/amount\n\
        palisade.interceptors.Local.amount-limit.max-total=100\n\
        palisade.interceptors.Local.amount-limit.key=peer\n\
        palisade.interceptors.Local.amount-limit.store=memory\n";
    folder.write("application-money.properties", total);
    let server = folder.serve(&["--echo", "--profile", "money"]);
    let admin = format!("palisade.admin.bind=127.0.0.1:{}", server.port("admin"));
    let path = "/server/rest/orders/create";
    assert_eq!(
        server.curl(&folder, &["--json", r#"{"amount": 60}"#], path).0,
        200
    );
    let text = format!(
        "cases: [{{name: a, request: {{method: POST, path: {path}, peer: 127.0.0.1, body: '{{\"amount\": 100}}', headers: {{content-type: application/json}}}}, expect: {{verdict: accepted}}}}]"
    );
    let more = ["--profile", "money", "--set", &admin];
    tested(&folder, "money.yaml", &text, &more).with_status(0);
}

#[test]
fn the_starter_folder_comes_with_cases_that_pass_and_notice_what_is_lost() {
    let folder = Folder::initialised();
    let command = ["test", "config/policy-tests.yaml", "--format", "json"];
    let tested = folder.run(&command).with_status(0).json();
    assert_eq!(tested["failed"], 0);
    for (setting, lost) in [
        (
            "palisade.endpoints[0].interceptors=Local,Input",
            "payments demand TLS 1.3",
        ),
        (
            "palisade.endpoints[1].interceptors=Input",
            "nobody else lists orders",
        ),
        (
            "palisade.endpoints[1].operations=list,create,remove",
            "orders cannot be removed",
        ),
    ] {
        // Lists are replaced as a whole: what is lost has to be the only difference.
        let text = fs::read_to_string(folder.config().join("application.properties")).unwrap();
        let (key, _) = setting.split_once('=').unwrap();
        let changed: Vec<String> = text
            .lines()
            .map(|line| {
                if line.starts_with(&format!("{key}=")) {
                    setting.to_owned()
                } else {
                    line.to_owned()
                }
            })
            .collect();
        let other = Folder::initialised();
        other.write("application.properties", &changed.join("\n"));
        let tested = other.run(&command).with_status(1).json();
        let failed: Vec<&Value> = tested["cases"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|case| case["passed"] == false)
            .map(|case| &case["name"])
            .collect();
        assert!(failed.contains(&&json!(lost)), "{setting}: {failed:?}");
    }
}

#[test]
fn the_example_of_the_book_passes() {
    let page = include_str!("../../../../docs/guide/policy-tests.md");
    let block = |language: &str| {
        let (_, rest) = page.split_once(&format!("```{language}\n")).unwrap();
        rest.split_once("```").unwrap().0
    };
    let folder = Folder::new(&[("application.properties", block("properties"))]);
    let told = tested(&folder, "policy-tests.yaml", block("yaml"), &[]).with_status(0);
    assert!(told.out.contains("all passed"), "{}", told.out);
}
