use serde_json::json;

use super::{BODY, RAW, assert_told, folder, folder_with_pkcs12, header, made, run};

#[test]
fn a_signed_message_is_piped_into_encryption_and_nested_as_its_format_says() {
    let folder = folder();
    let by_interceptor = format!("--interceptor Bank{RAW}");
    let rows = [
        ("--key-alias partner", "--key-alias bank-2026", "JWT"),
        (
            "--key-alias partner --message-format raw",
            "--key-alias bank-2026",
            "jose",
        ),
        ("--interceptor Bank", "--interceptor Bank", "JWT"),
        (&by_interceptor, &by_interceptor, "jose"),
    ];
    for (sign, encrypt, nested) in rows {
        let signed = run(&folder, &format!("sign body.json {sign}"), "").with_status(0);
        assert_eq!(signed.out.matches('.').count(), 2);
        assert!(signed.err.starts_with("jti: "), "{}", signed.err);
        // A line break, as editors and `echo` add it, is none of the message.
        let sealed = run(
            &folder,
            &format!("encrypt {encrypt}"),
            &format!("{}\n", signed.out),
        )
        .with_status(0);
        assert_told(
            &sealed.err,
            "note: the input is a signed message, and is encrypted as it is",
        );
        assert_eq!(header(&sealed.out)["cty"], nested);
        let format = if nested == "JWT" { "jwt" } else { "raw" };
        let keys = "--decrypt-alias bank-2025,bank-2026 --verify-alias stranger,partner";
        let verified = run(
            &folder,
            &format!("verify {keys} --message-format {format}"),
            &sealed.out,
        );
        assert_eq!(verified.with_status(0).out, BODY);
    }
}

#[test]
fn a_signed_message_is_a_body_on_demand() {
    let folder = folder();
    let signed = made(&folder, "sign --key-alias partner");
    let told = run(&folder, "encrypt --key-alias bank-2026 --format json", &signed).with_status(0);
    assert!(told.err.is_empty());
    assert_eq!(told.json()["notes"].as_array().unwrap().len(), 1);
    let sealed = run(&folder, "encrypt --key-alias bank-2026 --as-body", &signed).with_status(0);
    assert!(sealed.err.starts_with("jti: "), "{}", sealed.err);
    let verified = run(&folder, "verify --decrypt-alias bank-2026", &sealed.out).with_status(0);
    assert_eq!(verified.out, signed);
}

#[test]
fn an_encrypted_message_is_a_body_with_a_remark() {
    let folder = folder();
    let remark = "note: the input is an encrypted message already, and is taken for a body";
    let message = made(&folder, "encrypt --key-alias bank-2025");
    let twice = run(&folder, "encrypt --interceptor Bank", &format!("{message}\n")).with_status(0);
    assert_told(&twice.err, remark);
    let meant = run(&folder, "encrypt --interceptor Bank --as-body", &message).with_status(0);
    assert!(!meant.err.contains("note:"), "{}", meant.err);
    let told = run(&folder, "encrypt --key-alias bank-2026 --format json", &message).with_status(0);
    assert_eq!(told.json()["notes"].as_array().unwrap().len(), 1);
    for body in ["a.b.c.d.e", "eyJhIjoxfQ.b.c.d.e", BODY] {
        let made = run(&folder, "encrypt --interceptor Bank", body).with_status(0);
        assert!(!made.err.contains("note:"), "{body}: {}", made.err);
    }
}

#[test]
fn the_name_of_what_is_made_is_told() {
    let folder = folder();
    for make in ["sign --interceptor Bank", "encrypt --interceptor Bank"] {
        let made = run(&folder, &format!("{make} body.json"), "").with_status(0);
        let name = made.err.strip_prefix("jti: ").unwrap().trim_end();
        assert_eq!(name.lines().count(), 1, "{name}");
        let keys = if make.starts_with("sign") {
            "--verify-alias partner"
        } else {
            "--decrypt-alias bank-2026 --verify-alias partner"
        };
        let report = run(
            &folder,
            &format!("verify {keys} --audience bank --format json"),
            &made.out,
        );
        assert_eq!(report.with_status(0).json()["claims"]["jti"], name);
    }
}

#[test]
fn nothing_is_added_to_what_is_signed_already() {
    let folder = folder();
    let signed = made(&folder, "sign --key-alias partner");
    for option in [
        "--ttl 10s",
        "--audience x",
        "--method GET --target /",
        "--content-type text/plain",
    ] {
        let ended = run(
            &folder,
            &format!("encrypt --key-alias bank-2026 {option}"),
            &signed,
        )
        .with_status(2);
        assert_told(
            &ended.err,
            "the input is signed already, and nothing can be added to it",
        );
    }
}

#[test]
fn what_is_said_of_a_message_stands_in_it() {
    let folder = folder();
    for format in ["jwt", "raw"] {
        let said = "--ttl 60s --method PUT --target /a --audience bank --content-type application/xml";
        let message = made(
            &folder,
            &format!("sign --key-alias partner --message-format {format} {said}"),
        );
        let verify =
            format!("verify --verify-alias partner --message-format {format} --audience bank --format json");
        let report = run(&folder, &verify, &message).with_status(0).json();
        assert_eq!(
            (&report["claims"]["htm"], &report["claims"]["htu"]),
            (&json!("PUT"), &json!("/a"))
        );
        assert_eq!(report["claims"]["aud"], json!(["bank"]));
        assert!((1..=60).contains(&report["claims"]["seconds-left"].as_i64().unwrap()));
        assert_eq!(report["media-type"], "application/xml");
        assert_eq!(report["body"], BODY);
    }
}

#[test]
fn the_type_of_a_body_is_guessed_where_it_is_not_named() {
    let folder = folder();
    for (body, media_type) in [
        ("[1]", json!("application/json")),
        ("<a/>", json!("application/octet-stream")),
        ("", json!(null)),
    ] {
        let message = run(&folder, "sign - --key-alias partner", body)
            .with_status(0)
            .out;
        let report = run(&folder, "verify --verify-alias partner --format json", &message)
            .with_status(0)
            .json();
        assert_eq!(
            (&report["media-type"], &report["body"]),
            (&media_type, &json!(body))
        );
    }
}

#[test]
fn algorithms_are_sorted_to_the_keys_they_are_for() {
    let folder = folder_with_pkcs12();
    let algorithms = "--algorithms PS256,A256GCM";
    let keys = "--key-alias partner --encrypt-alias bank-2026";
    let made = run(
        &folder,
        &format!("sign body.json {keys} {algorithms} --format json"),
        "",
    )
    .with_status(0)
    .json();
    assert_eq!(made["signed-with"]["alg"], "PS256");
    assert_eq!(
        (&made["encrypted-to"]["alg"], &made["encrypted-to"]["enc"]),
        (&json!("RSA-OAEP-256"), &json!("A256GCM"))
    );
    let message = made["message"].as_str().unwrap();
    let verify = "verify --decrypt-alias bank-2026 --verify-alias partner";
    let refused = run(&folder, verify, message).with_status(1);
    assert_told(&refused.err, "`RSA-OAEP-256 + A256GCM` is not what the key does");
    run(&folder, &format!("{verify} {algorithms}"), message).with_status(0);
}

#[test]
fn each_message_has_a_name_of_its_own() {
    let folder = folder();
    let name = || {
        run(&folder, "sign body.json --key-alias partner --format json", "").json()["claims"]["jti"].clone()
    };
    assert_ne!(name(), name());
}
