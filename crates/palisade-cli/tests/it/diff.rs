use std::fs;

use serde_json::{Value, json};

use crate::support::{Ended, Folder};

/// The starter folder, and `new` beside it with a changed text.
fn folder(change: impl Fn(&str) -> String) -> Folder {
    let folder = Folder::initialised();
    let text = fs::read_to_string(folder.config().join("application.properties")).unwrap();
    let new = folder.path().join("new");
    fs::create_dir(&new).unwrap();
    fs::write(new.join("application.properties"), change(&text)).unwrap();
    folder
}

fn diff(folder: &Folder, more: &[&str]) -> Ended {
    folder.run(&[&["diff", "config", "new"], more].concat())
}

fn route(json: &Value, label: &str) -> Value {
    let routes = json["routes"].as_array().unwrap();
    routes
        .iter()
        .find(|change| change["route"] == label)
        .unwrap_or(&Value::Null)
        .clone()
}

#[test]
fn the_same_settings_differ_in_nothing() {
    let folder = folder(|text| format!("# only a comment\n{text}"));
    let same = diff(&folder, &[]).with_status(0);
    assert_eq!(
        same.out,
        "Groups: no group differs\nRoutes: none changes group or stages\n"
    );
    let json = diff(&folder, &["--format", "json"]).with_status(0).json();
    assert_eq!((&json["settings"], &json["routes"]), (&json!([]), &json!([])));
}

#[test]
fn a_route_that_loses_a_stage_or_changes_group_is_named() {
    let folder = folder(|text| {
        text.replace("interceptors=Strict,Local", "interceptors=Local")
            .replace("operations=list,create", "operations=list")
    });
    let json = diff(&folder, &["--format", "json"]).with_status(0).json();
    let payments = route(&json, "GET,POST /server/rest/payments/(other)");
    assert_eq!(
        (&payments["lost"], &payments["gained"]),
        (&json!(["tls-floor"]), &json!([]))
    );
    assert_eq!(
        payments["new"],
        json!({
            "outcome": "guarded",
            "group": "payments",
            "stages": ["ip-filter", "headers", "validation", "validation"],
        })
    );
    let create = route(&json, "GET,POST /server/rest/orders/create");
    assert_eq!(create["old"]["group"], "orders");
    assert_eq!(
        create["new"],
        json!({ "outcome": "refused", "code": "endpoint-not-configured" })
    );
    assert_eq!(create["lost"], json!([]));
    assert_eq!(route(&json, "GET,POST /server/rest/orders/list"), Value::Null);
    assert_eq!(json["groups"]["changed"], json!(["payments", "orders"]));

    let text = diff(&folder, &[]).with_status(0).out;
    assert!(
        text.contains("GET,POST /server/rest/payments/(other): group payments\n      loses tls-floor"),
        "{text}"
    );
    assert!(
        text.contains("group orders -> refused: endpoint-not-configured"),
        "{text}"
    );
    assert!(
        text.contains("- palisade.endpoints[1].operations = \"list,create\"  (application.properties:"),
        "{text}"
    );
}

#[test]
fn what_becomes_open_is_named_and_so_is_what_only_reports() {
    let folder =
        folder(|text| format!("{text}palisade.unmatched=allow\npalisade.endpoints[0].report-only=true\n"));
    let json = diff(&folder, &["--format", "json"]).with_status(0).json();
    let open = route(&json, "(other) /server/rest/(other)/(other)");
    assert_eq!(open["old"]["outcome"], "refused");
    assert_eq!(open["new"], json!({ "outcome": "unguarded" }));
    let payments = route(&json, "GET,POST /server/rest/payments/(other)");
    assert_eq!(
        payments["lost"],
        json!(["tls-floor", "ip-filter", "headers", "validation", "validation"])
    );
}

#[test]
fn path_patterns_and_soap_actions_are_tried() {
    let folder = folder(|text| {
        let more = "palisade.endpoints[2].paths=/files/{*rest}\n\
                    palisade.endpoints[2].interceptors=Local\n\
                    palisade.endpoints[3].webservices=Orders\n\
                    palisade.endpoints[3].soap-actions=urn:place\n\
                    palisade.endpoints[3].interceptors=Strict\n";
        format!("{text}{more}")
    });
    let json = diff(&folder, &["--format", "json"]).with_status(0).json();
    assert_eq!(
        route(&json, "GET,POST /files/{*rest}")["new"]["group"],
        "endpoints[2]"
    );
    let soap = route(&json, "GET,POST /webservices/Orders SOAP action urn:place");
    assert_eq!(soap["gained"], json!(["tls-floor"]));
    assert_eq!(
        route(&json, "GET,POST /webservices/Orders SOAP action (other)"),
        Value::Null
    );
}

#[test]
fn a_changed_secret_is_noticed_and_not_shown() {
    let folder = folder(|text| format!("{text}palisade.properties.encryption.password=hunter3\n"));
    let config = folder.config().join("application.properties");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(
        &config,
        format!("{text}palisade.properties.encryption.password=hunter2\n"),
    )
    .unwrap();
    let changed = diff(&folder, &[]).with_status(0);
    let line = "palisade.properties.encryption.password = ***";
    assert!(
        changed.out.contains(&format!("- {line}")) && changed.out.contains(&format!("+ {line}")),
        "{}",
        changed.out
    );
    assert!(!changed.out.contains("hunter"), "{}", changed.out);
}

#[test]
fn errors_of_both_folders_come_with_their_folders() {
    let folder = folder(|text| format!("palisade.unmatched=denny\n{text}"));
    folder.write("application-x.properties", "palisade.unmatched=alow\n");
    let ended = diff(&folder, &["--profile", "x"]).with_status(2);
    assert!(
        ended
            .err
            .contains("config/application-x.properties:1: palisade.unmatched"),
        "{}",
        ended.err
    );
    assert!(
        ended
            .err
            .contains("new/application.properties:1: palisade.unmatched"),
        "{}",
        ended.err
    );
}

const SIGNING: &str = "palisade.client.interceptors.Partner.request.signature.enabled=true\n\
                       palisade.client.interceptors.Partner.request.signature.key-alias=demo-server\n";

#[test]
fn client_interceptors_that_come_or_go_or_lose_a_stage_are_named() {
    let folder = folder(|text| {
        format!(
            "{text}palisade.client.interceptors.Partner.request.signature.enabled=false\n\
             palisade.client.interceptors.Other.report-only=false\n"
        )
    });
    let config = folder.config().join("application.properties");
    let text = fs::read_to_string(&config).unwrap();
    let gone = "palisade.client.interceptors.Gone.report-only=false\n";
    fs::write(&config, format!("{text}{SIGNING}{gone}")).unwrap();
    let changed = diff(&folder, &[]).with_status(0);
    let expected =
        "Client interceptors\n  Gone: gone\n  Other: new\n  Partner\n      loses client-message-security\n";
    assert!(changed.out.contains(expected), "{}", changed.out);
    assert!(
        changed.out.contains(
            "Groups: client interceptors added: Other; client interceptors removed: Gone; \
             client interceptors changed: Partner"
        ),
        "{}",
        changed.out
    );
    let json = diff(&folder, &["--format", "json"]).with_status(0).json();
    assert_eq!(
        json["client-interceptors"],
        json!([
            { "name": "Gone", "old": [], "lost": [], "gained": [] },
            { "name": "Other", "new": [], "lost": [], "gained": [] },
            {
                "name": "Partner",
                "old": ["client-message-security"],
                "new": [],
                "lost": ["client-message-security"],
                "gained": [],
            },
        ])
    );
}

#[test]
fn keystores_that_do_not_load_are_told_where_a_stage_needs_them() {
    // The new folder has no keys.
    let folder = folder(|text| format!("{text}{SIGNING}"));
    let ended = diff(&folder, &[]).with_status(2);
    assert!(ended.err.contains("palisade.keystores.demo"), "{}", ended.err);
    assert!(!ended.err.contains("key-alias"), "{}", ended.err);
}
