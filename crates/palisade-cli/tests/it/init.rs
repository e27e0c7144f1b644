use std::fs;

use serde_json::json;

use crate::support::Folder;

#[test]
fn what_exists_is_not_overwritten_and_nothing_is_half_written() {
    let folder = Folder::new(&[("application.properties", "mine=1\n")]);
    let ended = folder.run(&["init"]).with_status(2);
    assert!(
        ended
            .err
            .contains("application.properties exists, and is not overwritten"),
        "{}",
        ended.err
    );
    assert_eq!(
        fs::read_to_string(folder.config().join("application.properties")).unwrap(),
        "mine=1\n"
    );
    assert!(!folder.config().join("keys").exists());
}

#[test]
fn the_folder_is_the_argument_or_that_of_config() {
    let folder = Folder::new(&[]);
    let written = folder
        .run(&["init", "one/two", "--format", "json"])
        .with_status(0)
        .json();
    assert_eq!(written["folder"], "one/two");
    assert_eq!(written["files"][0], "one/two/application.properties");
    assert_eq!(written["remaining"], json!([]));
    folder.run(&["check", "--config", "one/two"]).with_status(0);
    folder.run(&["init", "--config", "with space"]).with_status(0);
    folder.run(&["check", "--config", "with space"]).with_status(0);
}

#[cfg(unix)]
#[test]
fn private_keys_are_readable_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = Folder::initialised();
    for name in ["keys/demo-server.pem", "demo-client.pem"] {
        let path = folder.config().join(name);
        assert!(fs::read_to_string(&path).unwrap().contains("PRIVATE KEY"));
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600,
            "{name}"
        );
    }
    let authority = fs::read_to_string(folder.config().join("keys/demo-ca.pem")).unwrap();
    assert!(!authority.contains("PRIVATE KEY"));
}

#[test]
fn a_new_folder_is_sound_served_at_once_and_does_what_its_hints_say() {
    let folder = Folder::initialised();
    let check = folder.run(&["check", "--format", "json"]).with_status(0).json();
    assert_eq!((&check["score"], &check["findings"]), (&json!(100), &json!([])));

    let server = folder.serve(&["--echo"]);
    let (status, body) = server.curl(&folder, &[], "/server/rest/orders/list?page=2");
    assert_eq!(
        (status, &body["group"], &body["query"]),
        (200, &json!("orders"), &json!("page=2"))
    );
    assert_eq!(body["client-certificate"], json!(null));
    let client = ["--cert", "config/demo-client.pem"];
    let (status, body) = server.curl(&folder, &client, "/server/rest/orders/list");
    assert_eq!(
        (status, &body["client-certificate"]["subject"]),
        (200, &json!("CN=Palisade demo client"))
    );
    let (status, body) = server.curl(&folder, &[], "/server/rest/orders/remove");
    assert_eq!(
        (status, &body["type"]),
        (404, &json!("urn:palisade:problem:endpoint-not-configured"))
    );
    let (status, body) = server.curl(&folder, &["--tls-max", "1.2"], "/server/rest/payments/pay");
    assert_eq!(
        (status, &body["type"]),
        (403, &json!("urn:palisade:problem:tls-version-too-low"))
    );
    let (status, _) = server.curl(&folder, &["--json", "{}"], "/server/rest/payments/pay");
    assert_eq!(status, 200);

    server.signal("TERM");
    let ended = server.end().with_status(0);
    assert_eq!(ended.out, "");
    // The starter's log says why requests were refused, and nothing else.
    let told: Vec<&str> = ended.err.lines().collect();
    let [uncovered, below_floor] = told.as_slice() else {
        panic!("{told:#?}");
    };
    assert!(
        uncovered.contains("WARN palisade::refusal") && uncovered.contains("code=endpoint-not-configured")
    );
    assert!(below_floor.contains("the connection uses TLSv1.2, the floor is TLSv1.3"));
}
