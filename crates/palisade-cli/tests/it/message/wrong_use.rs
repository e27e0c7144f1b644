use super::{BODY, CONFIG, assert_told, folder, run};

/// Runs each row, and asserts status 2, no result, and what is told.
fn assert_wrong(rows: &[(&str, &str)]) {
    let folder = folder();
    for (arguments, expected) in rows {
        let ended = run(&folder, arguments, "").with_status(2);
        assert!(ended.out.is_empty(), "{arguments}: {}", ended.out);
        assert_told(&ended.err, expected);
    }
}

#[test]
fn a_name_that_is_not_there_is_answered_with_what_was_meant() {
    assert_wrong(&[
        ("verify nowhere --interceptor Partner", "nowhere: No such file"),
        ("verify config --interceptor Partner", "config: Is a directory"),
        (
            "verify --interceptor Partnr",
            "palisade.interceptors.Partnr: is not configured (did you mean \"Partner\"?)",
        ),
        (
            "verify --interceptor Bank",
            "palisade.client.interceptors.Bank is: it reads responses, with --response",
        ),
        (
            "verify --interceptor Partner --response",
            "is read by the partner, whose private key it takes",
        ),
        (
            "sign --interceptor Partner",
            "it makes responses, with --response",
        ),
        (
            "encrypt --interceptor Bank --response",
            "it makes requests, without --response",
        ),
        (
            "sign --key-alias partnr",
            "--key-alias: expected another alias: there is no alias `partnr`; did you mean `partner`?",
        ),
        ("encrypt --key-alias bank", "--key-alias: expected another alias"),
        (
            "sign --key-alias partner --encrypt-alias x",
            "--encrypt-alias: expected another alias",
        ),
        (
            "verify --decrypt-alias x",
            "--decrypt-alias: expected another alias",
        ),
        (
            "verify --verify-alias x",
            "--verify-alias: expected another alias",
        ),
    ]);
}

#[test]
fn a_value_that_cannot_be_is_answered_with_what_can() {
    assert_wrong(&[
        (
            "sign --key-alias partner --algorithms HS256",
            "--algorithms: `HS256` is not accepted: both sides would hold the same secret",
        ),
        (
            "sign --key-alias partner --algorithms RS256",
            "which does not do RS256; it does ES256",
        ),
        (
            "sign --key-alias partner --message-format xml",
            "--message-format: expected one of jwt, raw",
        ),
        (
            "sign --key-alias partner --ttl 0s",
            "--ttl: expected at least one second",
        ),
        ("sign --key-alias partner --ttl soon", "expected a period such as"),
        (
            "sign --key-alias partner --method post --target /a",
            "did you mean \"POST\"?",
        ),
        (
            "sign --key-alias partner --method POST --target /a?b",
            "expected a path such as",
        ),
        (
            "verify --interceptor Partner --at yesterday",
            "expected an instant such as 2026-11-22T10:00:00Z",
        ),
    ]);
}

#[test]
fn options_that_do_not_go_together_are_refused() {
    assert_wrong(&[
        ("sign", "<--interceptor <NAME>|--key-alias <ALIAS>>"),
        ("encrypt", "<--interceptor <NAME>|--key-alias <ALIAS>>"),
        (
            "verify",
            "<--interceptor <NAME>|--decrypt-alias <ALIASES>|--verify-alias <ALIASES>>",
        ),
        (
            "sign --key-alias partner --interceptor Bank",
            "cannot be used with '--interceptor <NAME>'",
        ),
        (
            "verify --verify-alias partner --interceptor Bank",
            "cannot be used with '--interceptor <NAME>'",
        ),
        (
            "encrypt --interceptor Bank --ttl 5s",
            "cannot be used with '--ttl <PERIOD>'",
        ),
        (
            "verify --verify-alias partner --response",
            "cannot be used with '--response'",
        ),
        (
            "encrypt --key-alias partner --response",
            "cannot be used with '--response'",
        ),
        ("sign --key-alias partner --method POST", "--target <TARGET>"),
        (
            "sign --interceptor Bank --in-reply-to x",
            "--in-reply-to: a request answers nothing",
        ),
        (
            "sign --interceptor Partner --response --method GET --target /",
            "a response is bound to its request by --in-reply-to",
        ),
    ]);
}

#[test]
fn with_json_errors_are_json_too() {
    let ended = run(&folder(), "sign body.json --key-alias partnr --format json", "").with_status(2);
    assert_eq!(ended.json()["errors"][0]["key"], "--key-alias");
    assert!(ended.err.is_empty());
}

#[test]
fn faults_of_an_interceptor_are_told_where_they_stand() {
    let folder = folder();
    let text = CONFIG.replace("key-alias=bank-2026,bank-2025", "key-alias=bank2026");
    folder.write("application.properties", &text);
    let ended = run(&folder, "verify --interceptor Partner", "").with_status(2);
    let place = "application.properties:4: palisade.interceptors.Partner.request.decryption.key-alias";
    assert_told(&ended.err, place);
    assert_told(
        &ended.err,
        "there is no alias `bank2026`; did you mean `bank-2026`?",
    );
    // Profiles that the direction does not use are not looked at.
    run(&folder, "sign --interceptor Partner --response", BODY).with_status(0);
}

#[test]
fn what_an_interceptor_lacks_is_told() {
    let folder = folder();
    let partner = "palisade.interceptors.Partner";
    let caller = format!(
        "encrypt --interceptor Partner --response --set {partner}.response.encryption.key-alias=caller"
    );
    let ended = run(&folder, &caller, "").with_status(2);
    assert_told(
        &ended.err,
        "there is no caller here whose certificate could be used",
    );

    let plain = format!(
        "verify --interceptor Other --set {}.ip-filter.allow=10.0.0.0/8",
        partner.replace("Partner", "Other")
    );
    let ended = run(&folder, &plain, "").with_status(2);
    assert_told(
        &ended.err,
        "palisade.interceptors.Other: has no settings of message security",
    );

    let off = "--set palisade.client.interceptors.Bank.request.signature.enabled=false";
    let ended = run(&folder, &format!("sign --interceptor Bank {off}"), "").with_status(2);
    assert_told(
        &ended.err,
        "palisade.client.interceptors.Bank.request.signature.enabled: is not on",
    );

    let off = format!(
        "verify --interceptor Partner --set {partner}.request.decryption.enabled=false \
         --set {partner}.request.signature.enabled=false"
    );
    let ended = run(&folder, &off, "").with_status(2);
    assert_told(
        &ended.err,
        "neither decryption nor signature is on, and there is nothing to verify",
    );
}

#[test]
fn a_keystore_that_does_not_load_is_told_with_its_place() {
    let folder = folder();
    std::fs::remove_dir_all(folder.config().join("keys")).unwrap();
    let ended = run(&folder, "sign --key-alias partner", "").with_status(2);
    assert_told(
        &ended.err,
        "application.properties:1: palisade.keystores.keys.location",
    );
}
