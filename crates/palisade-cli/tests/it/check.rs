use serde_json::json;

use crate::support::Folder;

/// Errors of five kinds in two files and on the command line.
fn faulty() -> Folder {
    let folder = Folder::initialised();
    let sound = std::fs::read_to_string(folder.config().join("application.properties")).unwrap();
    let first = "palisade.listners.other.bind=127.0.0.1:1\n\
                 palisade.endpoints[2].interceptors=Locl\n\
                 palisade.listeners.main.max-connections=many\n";
    folder.write("application.properties", &format!("{first}{sound}"));
    folder.write(
        "application-test.properties",
        "# a comment\npalisade.unmatched=denny\n",
    );
    folder
}

#[test]
fn all_errors_of_all_files_come_in_one_run_with_their_places() {
    let folder = faulty();
    let ended = folder.run(&["check", "--profile", "test"]).with_status(2);
    for expected in [
        "application.properties:1: palisade.listners",
        "(did you mean \"listeners\"?)",
        "application.properties:2: palisade.endpoints[2].interceptors",
        "(did you mean \"Local\"?)",
        "application.properties:3: palisade.listeners.main.max-connections",
        "found \"many\"",
        "application-test.properties:2: palisade.unmatched",
        "found \"denny\"",
    ] {
        assert!(
            ended.err.contains(expected),
            "{expected} is not in\n{}",
            ended.err
        );
    }
    assert!(ended.out.is_empty());
    assert!(ended.err.ends_with("4 errors\n"), "{}", ended.err);
}

#[test]
fn what_is_wrong_with_one_limit_hides_nothing_of_the_others() {
    let folder = Folder::initialised();
    let wrong = [
        ("redis.url", "http://x"),
        ("interceptors.Local.quota.window", "slidng"),
        ("interceptors.Local.rate-limit.requests", "0"),
        ("interceptors.Local.rate-limit.per", "0"),
        ("interceptors.Local.rate-limit.burst", "0"),
        ("interceptors.Local.rate-limit.key", "ip"),
        ("interceptors.Local.rate-limit.max-keys", "0"),
        ("interceptors.Local.concurrency.max", "0"),
        ("interceptors.Local.amount-limit.pointer", "amount"),
        ("interceptors.Local.amount-limit.max-total", "-1"),
        ("interceptors.Local.amount-limit.per", "1ms"),
        ("interceptors.Local.amount-limit.store", "rediss"),
    ];
    let lines = wrong
        .iter()
        .map(|(key, value)| format!("palisade.{key}={value}\n"));
    let sound = "palisade.interceptors.Local.quota.transactions=3\n\
                 palisade.interceptors.Local.rate-limit.store=redis\n";
    let text = format!("{}{sound}", lines.collect::<String>());
    folder.write("application-test.properties", &text);
    let check = ["check", "--profile", "test", "--format", "json"];
    let document = folder.run(&check).with_status(2).json();
    let errors = document["errors"].as_array().unwrap();
    let keys: Vec<&str> = errors
        .iter()
        .map(|error| error["key"].as_str().unwrap())
        .collect();
    let expected: Vec<String> = wrong.iter().map(|(key, _)| format!("palisade.{key}")).collect();
    assert_eq!(keys, expected);
    let explain = folder
        .run(&["explain", "GET", "/", "--profile", "test"])
        .with_status(2);
    assert!(explain.err.ends_with("12 errors\n"), "{}", explain.err);
}

#[test]
fn serve_and_explain_refuse_the_same_configuration() {
    let folder = faulty();
    let check = folder.run(&["check", "--profile", "test"]).with_status(2);
    let serve = folder
        .run(&["serve", "--echo", "--profile", "test"])
        .with_status(2);
    let explain = folder
        .run(&["explain", "GET", "/", "--profile", "test"])
        .with_status(2);
    assert_eq!(check.err, serve.err);
    assert_eq!(check.err, explain.err);
}

#[test]
fn with_json_errors_are_json_on_standard_output() {
    let ended = faulty()
        .run(&["check", "--profile", "test", "--format", "json"])
        .with_status(2);
    assert!(ended.err.is_empty(), "{}", ended.err);
    let errors = ended.json()["errors"].as_array().unwrap().clone();
    assert_eq!(errors.len(), 4);
    assert_eq!(errors[0]["origin"], "application-test.properties:2");
    assert_eq!(errors[0]["key"], "palisade.unmatched");
    assert_eq!(errors[0]["found"], "\"denny\"");
    assert_eq!(errors[1]["nearest"], "listeners");
}

#[test]
fn a_folder_that_is_not_there_is_an_error() {
    let folder = Folder::initialised();
    let ended = folder.run(&["check", "--config", "nowhere"]).with_status(2);
    assert!(ended.err.contains("nowhere"), "{}", ended.err);
}

#[test]
fn certificates_and_keystores_are_checked_too() {
    let folder = Folder::initialised();
    let alias = folder
        .run(&[
            "check",
            "--set",
            "palisade.listeners.main.tls.key-alias=demo-sever",
        ])
        .with_status(2);
    assert!(alias.err.contains("did you mean `demo-server`?"), "{}", alias.err);
    std::fs::write(
        folder.config().join("keys/demo-server.pem"),
        "-----BEGIN CERTIFICATE-----\nAAAA\n",
    )
    .unwrap();
    let keystore = folder.run(&["check"]).with_status(2);
    assert!(
        keystore.err.contains("palisade.keystores.demo"),
        "{}",
        keystore.err
    );
}

#[test]
fn findings_are_weighed_and_a_low_score_ends_with_status_1() {
    let folder = Folder::initialised();
    let open = ["--set", "palisade.admin.bind=0.0.0.0:9080"];
    let sound = folder.run(&["check", "--fail-below", "100"]).with_status(0);
    assert!(
        sound.out.contains("sound: config: 2 endpoint groups, no errors"),
        "{}",
        sound.out
    );
    assert!(sound.out.ends_with("Score: 100\n"), "{}", sound.out);

    folder.run(&[&["check"], &open[..]].concat()).with_status(0);
    folder
        .run(&[&["check", "--fail-below", "75"], &open[..]].concat())
        .with_status(0);
    let low = folder
        .run(&[&["check", "--fail-below", "76"], &open[..]].concat())
        .with_status(1);
    assert!(low.out.contains("severe    admin-not-on-loopback"), "{}", low.out);
    assert!(low.out.contains("--set: palisade.admin.bind"), "{}", low.out);
    assert!(low.out.ends_with("Score: 75, below 76\n"), "{}", low.out);

    let json = folder.run(&[&["check", "--fail-below", "76", "--format", "json"], &open[..]].concat());
    let report = json.with_status(1).json();
    assert_eq!((&report["score"], &report["passed"]), (&json!(75), &json!(false)));
    assert_eq!(report["groups"], json!(["payments", "orders"]));
    assert_eq!(report["findings"][0]["severity"], "severe");
}

#[test]
fn connections_are_checked_and_named() {
    let folder = Folder::initialised();
    let url = "palisade.connections.crm.url=https://crm.example/api";
    let report = folder.run(&["check", "--set", url]).with_status(0);
    let start = "sound: config: 2 endpoint groups, 1 connection, no errors";
    assert!(report.out.contains(start), "{}", report.out);
    let trusting = "palisade.connections.crm.tls.insecure-trust-all=true";
    let arguments = [
        "check",
        "--fail-below",
        "76",
        "--format",
        "json",
        "--set",
        url,
        "--set",
        trusting,
    ];
    let report = folder.run(&arguments).with_status(1).json();
    assert_eq!(report["connections"], json!(["crm"]));
    assert_eq!(report["findings"][0]["code"], "insecure-trust-all");

    for (wrong, told) in [
        ("palisade.connections.crm.tls.trust-aliases=nobody", "nobody"),
        (
            "palisade.connections.crm.interceptors=Nobody",
            "unknown client interceptor Nobody",
        ),
        (
            "palisade.connections.crm.intercepters=Nobody",
            "did you mean \"interceptors\"?",
        ),
        ("palisade.connections.mail.url=smtp://", "smtp://, smtps://"),
    ] {
        let error = folder
            .run(&["check", "--set", url, "--set", wrong])
            .with_status(2)
            .err;
        assert!(error.contains(told), "{error}");
    }
}

#[test]
fn client_interceptors_are_checked_and_named() {
    let folder = Folder::initialised();
    let key = "palisade.client.interceptors.Partner.request.signature";
    let [enabled, alias] = [
        format!("{key}.enabled=true"),
        format!("{key}.key-alias=demo-server"),
    ];
    let sound = ["check", "--set", &enabled, "--set", &alias];
    let out = folder.run(&sound).with_status(0).out;
    let start = "sound: config: 2 endpoint groups, 1 client interceptor, no errors";
    assert!(out.contains(start), "{out}");
    let report = folder.run(&[&sound[..], &["--format", "json"]].concat());
    assert_eq!(
        report.with_status(0).json()["client-interceptors"],
        json!(["Partner"])
    );

    let off = format!("{key}.enabled=false");
    let out = folder.run(&["check", "--set", &off]).with_status(0).out;
    assert!(out.contains("moderate  client-interceptor-empty"), "{out}");

    let misspelt = format!("{key}.enabld=true");
    let error = folder.run(&["check", "--set", &misspelt]).with_status(2).err;
    assert!(error.contains("did you mean \"enabled\"?"), "{error}");
    let unknown = format!("{key}.key-alias=nobody");
    let error = folder.run(&["check", "--set", &enabled, "--set", &unknown]);
    assert!(error.with_status(2).err.contains("nobody"));
}

#[test]
fn a_justification_silences_a_finding_until_its_day_has_passed() {
    let folder = Folder::initialised();
    let run = |until: &str| {
        let justified =
            format!("palisade.justify.admin-not-on-loopback=behind a firewall, ops, until={until}");
        let arguments = [
            "check",
            "--set",
            "palisade.admin.bind=0.0.0.0:9080",
            "--set",
            &justified,
        ];
        let text = folder.run(&arguments).with_status(0).out;
        let json = folder
            .run(&[&arguments[..], &["--format", "json"]].concat())
            .with_status(0)
            .json();
        (text, json)
    };
    let (text, json) = run("2999-12-31");
    assert!(
        text.contains("accepted by ops until 2999-12-31: behind a firewall"),
        "{text}"
    );
    assert_eq!(
        (&json["score"], &json["justified"][0]["owner"]),
        (&json!(100), &json!("ops"))
    );
    assert_eq!(json["expired-justifications"], json!([]));

    let (text, json) = run("2020-01-01");
    assert!(
        text.contains("its justification has run out, so it counts"),
        "{text}"
    );
    assert_eq!((&json["score"], &json["justified"]), (&json!(75), &json!([])));
    assert_eq!(json["expired-justifications"], json!(["admin-not-on-loopback"]));
}

#[test]
fn a_setting_that_is_not_enforced_is_refused_unless_it_is_off() {
    let folder = Folder::initialised();
    let on = folder.run(&[
        "check",
        "--set",
        "palisade.interceptors.Local.request.signature.enabled=true",
    ]);
    let on = on.with_status(2);
    assert!(on.err.contains("request.signature"), "{}", on.err);
    folder
        .run(&[
            "check",
            "--set",
            "palisade.interceptors.Local.request.signature.enabled=false",
        ])
        .with_status(0);
}

#[test]
fn a_setting_without_a_value_is_named_by_its_place_and_not_repeated() {
    let folder = Folder::initialised();
    let refused = folder
        .run(&[
            "check",
            "--set",
            "palisade.unmatched=deny",
            "--set",
            "palisade.keystores.k.password:hunter2",
        ])
        .with_status(2);
    assert!(
        refused.err.contains("expected KEY=VALUE behind --set, number 2"),
        "{}",
        refused.err
    );
    assert!(!format!("{}{}", refused.out, refused.err).contains("hunter2"));
}
