use std::path::Path;

use serde_json::{Value, json};

use super::{BODY, RAW, assert_told, folder, folder_with_pkcs12, made, run};

fn step<'a>(report: &'a Value, name: &str) -> &'a Value {
    let mut steps = report["steps"].as_array().unwrap().iter();
    steps.find(|step| step["step"] == name).unwrap()
}

#[test]
fn a_request_is_read_by_the_interceptor_it_is_made_for_in_both_formats_from_both_keystores() {
    let target = "--method POST --target /server/rest/pay/order";
    for folder in [folder(), folder_with_pkcs12()] {
        for format in ["", RAW] {
            let message = made(
                &folder,
                &format!("encrypt body.json --interceptor Bank {target}{format}"),
            );
            assert_eq!(message.matches('.').count(), 4);
            assert!(!message.ends_with('\n'), "the wire form has no line break");
            let verify = format!("verify --interceptor Partner {target}{format}");
            let verified = run(&folder, &verify, &message).with_status(0);
            assert_eq!(verified.out, BODY, "the body, byte for byte");
            for expected in [
                "decrypt ok, kid ",
                " → alias bank-2026\n",
                "signature ok, kid ",
                " → alias partner\n",
                "binding ok, made for POST /server/rest/pay/order\n",
                "audience ok, made for bank\n",
                "times ok, made ",
                "jti ok, ",
                "application/json, 32 bytes\n",
                "Verdict: accepted\n",
            ] {
                assert_told(&verified.err, expected);
            }
        }
    }
}

#[test]
fn a_response_is_read_by_the_client_it_is_made_for() {
    let folder = folder();
    for format in ["", RAW] {
        let make = format!("encrypt --interceptor Partner --response --in-reply-to r-1{format}");
        let message = run(&folder, &make, "<ok/>").with_status(0).out;
        let verify = format!("verify --interceptor Bank --response --in-reply-to r-1{format}");
        let verified = run(&folder, &verify, &message).with_status(0);
        assert_eq!(verified.out, "<ok/>");
        assert_told(&verified.err, "reply ok, it answers r-1\n");
        assert_told(
            &verified.err,
            "binding ok, it names no method and no target, as a response does\n",
        );
        let unasked = run(
            &folder,
            &format!("verify --interceptor Bank --response{format}"),
            &message,
        )
        .with_status(0);
        assert_told(
            &unasked.err,
            "reply not checked: it answers r-1; --in-reply-to compares it\n",
        );
        assert_told(&unasked.err, "\nVerdict: accepted, but reply not checked\n");
        assert_told(&verified.err, "\nVerdict: accepted\n");
    }
}

#[test]
fn an_absolute_target_is_compared_whole() {
    let folder = folder();
    let target = "--method GET --target https://bank.example/a";
    let message = made(&folder, &format!("encrypt --interceptor Bank {target}"));
    let verify = |target: &str| {
        run(
            &folder,
            &format!("verify --interceptor Partner --method GET --target {target}"),
            &message,
        )
    };
    verify("https://BANK.example:443/a").with_status(0);
    verify("https://bank.example/b").with_status(1);
    verify("http://bank.example/a").with_status(1);
    let path = verify("/a").with_status(1);
    assert_told(
        &path.err,
        "binding: made for GET https://bank.example/a, not for GET /a\n",
    );
}

#[test]
fn with_json_everything_is_one_document() {
    let folder = folder();
    let encrypt = "encrypt body.json --interceptor Bank --method POST --target /a --format json";
    let made = run(&folder, encrypt, "").with_status(0).json();
    assert_eq!(made["signed-with"]["alias"], "partner");
    assert_eq!(made["signed-with"]["alg"], "ES256");
    assert_eq!(made["encrypted-to"]["alias"], "bank-2026");
    assert_eq!(made["encrypted-to"]["enc"], "A128CBC-HS256");
    assert_eq!(made["claims"]["htm"], "POST");

    let message = made["message"].as_str().unwrap();
    let ended = run(&folder, "verify --interceptor Partner --format json", message).with_status(0);
    assert!(ended.err.is_empty());
    let report = ended.json();
    assert_eq!(report["accepted"], true);
    assert_eq!(report["not-checked"], json!(["binding"]));
    let steps: Vec<_> = report["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| &step["step"])
        .collect();
    assert_eq!(
        steps,
        ["decryption", "signature", "binding", "audience", "times", "jti"]
    );
    assert_eq!(step(&report, "decryption")["result"], "ok");
    assert_eq!(step(&report, "decryption")["alias"], "bank-2026");
    assert_eq!(step(&report, "decryption")["kid"], made["encrypted-to"]["kid"]);
    assert_eq!(step(&report, "signature")["alias"], "partner");
    assert_eq!(step(&report, "binding")["result"], "not-checked");
    assert_eq!(step(&report, "times")["result"], "ok");
    let claims = &report["claims"];
    assert!(claims["issued-at"].as_str().unwrap().ends_with('Z'));
    assert!((200..=300).contains(&claims["seconds-left"].as_i64().unwrap()));
    assert_eq!(claims["jti"], made["claims"]["jti"]);
    assert_eq!(
        (&claims["htm"], &claims["htu"], &claims["aud"]),
        (&json!("POST"), &json!("/a"), &json!(["bank"]))
    );
    assert_eq!(report["media-type"], "application/json");
    assert_eq!(
        (&report["body"], &report["body-encoding"]),
        (&json!(BODY), &json!("text"))
    );
}

#[test]
fn a_verdict_names_what_only_the_receiver_can_compare() {
    let folder = folder();
    let message = made(&folder, "encrypt --interceptor Bank --method POST --target /a");
    let required = "--set palisade.interceptors.Partner.request.binding=required";
    let verify = format!("verify --interceptor Partner {required}");
    let open = run(&folder, &verify, &message).with_status(0);
    assert_told(&open.err, "\nVerdict: accepted, but binding not checked\n");
    let compared = format!("{verify} --method POST --target /a");
    let whole = run(&folder, &compared, &message).with_status(0);
    assert_told(&whole.err, "\nVerdict: accepted\n");
    let report = run(&folder, &format!("{compared} --format json"), &message).json();
    assert_eq!(report["not-checked"], Value::Null);
    // Nothing says of mere keys that anybody compares more.
    let keys = "verify --decrypt-alias bank-2026 --verify-alias partner";
    let by_keys = run(&folder, keys, &message).with_status(0);
    assert_told(&by_keys.err, "binding not checked: made for POST /a");
    assert_told(&by_keys.err, "\nVerdict: accepted\n");
}

#[test]
fn with_json_a_refused_message_is_a_document_without_its_body() {
    let folder = folder();
    let message = made(&folder, "encrypt --interceptor Bank");
    let late = "verify --interceptor Partner --format json --at 2100-01-01T00:00:00Z";
    let report = run(&folder, late, &message).with_status(1).json();
    assert_eq!(report["accepted"], false);
    assert_eq!(step(&report, "times")["result"], "failed");
    assert_eq!(report["body"], Value::Null);
    assert!(report["claims"]["seconds-left"].as_i64().unwrap() < 0);

    let message = made(&folder, "sign --key-alias stranger --encrypt-alias bank-2026");
    let report = run(&folder, "verify --interceptor Partner --format json", &message)
        .with_status(1)
        .json();
    let steps = report["steps"].as_array().unwrap();
    let steps: Vec<_> = steps
        .iter()
        .map(|step| (&step["step"], &step["result"]))
        .collect();
    assert_eq!(
        steps,
        [
            (&json!("decryption"), &json!("ok")),
            (&json!("signature"), &json!("failed"))
        ]
    );
    assert_eq!(report["claims"], Value::Null, "nobody vouches for them");
}

#[test]
fn a_body_that_is_no_text_is_kept_byte_for_byte() {
    let folder = folder();
    let body: Vec<u8> = (0..=255).chain([0x1b, b'[', b'2', b'J', b'\n']).collect();
    std::fs::write(folder.path().join("body.bin"), &body).unwrap();
    for format in ["", RAW] {
        let make = "encrypt body.bin --interceptor Bank --content-type image/png --output m.jose";
        let ended = run(&folder, &format!("{make}{format}"), "").with_status(0);
        assert!(
            ended.out.is_empty() && ended.err.starts_with("jti: "),
            "{ended:#?}"
        );
        let verify = format!("verify m.jose --interceptor Partner{format}");
        run(&folder, &format!("{verify} --output out.bin"), "").with_status(0);
        assert_eq!(std::fs::read(folder.path().join("out.bin")).unwrap(), body);
        let words: Vec<&str> = ["message"].into_iter().chain(verify.split_whitespace()).collect();
        assert_eq!(folder.command(&words).output().unwrap().stdout, body);
        let report = run(&folder, &format!("{verify} --format json"), "")
            .with_status(0)
            .json();
        assert_eq!(report["media-type"], "image/png");
        assert_eq!(report["body-encoding"], "base64");
    }
}

#[test]
fn white_space_around_a_message_is_left_out_with_a_remark() {
    let folder = folder();
    let message = format!("\n{}\r\n", made(&folder, "encrypt --interceptor Bank"));
    let verified = run(&folder, "verify - --interceptor Partner", &message).with_status(0);
    let remark = "note: white space around the message was left out; on the wire it is refused\n";
    assert!(verified.err.starts_with(remark), "{}", verified.err);
    let report = run(&folder, "verify --interceptor Partner --format json", &message)
        .with_status(0)
        .json();
    assert_eq!(report["notes"].as_array().unwrap().len(), 1);
}

#[test]
fn the_replay_memory_is_left_alone_and_no_key_is_shown() {
    let folder = folder();
    let message = made(&folder, "encrypt --interceptor Bank");
    for _ in 0..2 {
        let ended = run(&folder, "verify --interceptor Partner", &message).with_status(0);
        assert_told(&ended.err, "; the replay memory is not asked\n");
        assert!(!ended.err.contains("PRIVATE") && !ended.out.contains("PRIVATE"));
    }
    let names = |path: &Path| {
        let entries = std::fs::read_dir(path).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    assert_eq!(names(folder.path()), ["body.json", "config"]);
    assert_eq!(names(&folder.config()), ["application.properties", "keys"]);
}
