use palisade_test::ca::TestCa;
use serde_json::Value;

use super::{BODY, CONFIG, NAMES, RAW, assert_told, run};
use crate::support::{Folder, Serving};

const ROUTE: &str = "
palisade.endpoints[0].name=pay
palisade.endpoints[0].webservices=pay
palisade.endpoints[0].interceptors=Partner
";

/// A starter folder with a profile in which both sides of an exchange stand.
fn folder() -> Folder {
    let folder = Folder::initialised();
    let keys = folder.config().join("partners");
    std::fs::create_dir(&keys).unwrap();
    let ca = TestCa::new("Example Root");
    for name in NAMES {
        ca.client(name).write_pem(&keys, name);
    }
    let text = CONFIG.replace("location=keys", "location=partners") + ROUTE;
    folder.write("application-jose.properties", &text);
    std::fs::write(folder.path().join("body.json"), BODY).unwrap();
    folder
}

/// Sends `message.jose` by curl; the answer is in `answer.jose`.
fn send(serving: &Serving, folder: &Folder) -> u16 {
    let arguments = [
        "--header",
        "content-type: application/jose",
        "--data-binary",
        "@message.jose",
        "--output",
        "answer.jose",
    ];
    serving.curl(folder, &arguments, "/server/rest/pay/order").0
}

#[test]
fn a_server_takes_what_is_made_here_and_its_answer_is_read_here() {
    let folder = folder();
    for format in ["", RAW] {
        let words = ["--echo", "--profile", "jose"]
            .into_iter()
            .chain(format.split_whitespace());
        let serving = folder.serve(&words.collect::<Vec<_>>());
        let common = format!("--profile jose{format}");
        let target = "--method POST --target /server/rest/pay/order";
        let encrypt = format!(
            "encrypt body.json --interceptor Bank {target} --output message.jose --format json {common}"
        );
        let made = run(&folder, &encrypt, "").with_status(0).json();
        let id = made["claims"]["jti"].as_str().unwrap();
        assert_eq!(send(&serving, &folder), 200);

        let verify = format!("verify answer.jose --interceptor Bank --response --in-reply-to {id} {common}");
        let answer = run(&folder, &verify, "").with_status(0);
        assert_told(&answer.err, &format!("\nreply ok, it answers {id}\n"));
        let echoed: Value = serde_json::from_str(&answer.out).unwrap();
        assert!(echoed["body"].to_string().contains("12.5"), "{echoed:#}");

        // The server has seen it, and the command cannot know that.
        run(
            &folder,
            &format!("verify message.jose --interceptor Partner {target} {common}"),
            "",
        )
        .with_status(0);
        assert_eq!(send(&serving, &folder), 409);
    }
}

#[test]
fn what_is_refused_here_is_refused_by_a_server() {
    let folder = folder();
    let serving = folder.serve(&["--echo", "--profile", "jose"]);
    let keys =
        |signing: &str, encryption: &str| format!("--key-alias {signing} --encrypt-alias {encryption}");
    let rows = [
        (keys("partner", "bank-2025"), true),
        (keys("stranger", "bank-2026"), false),
        (keys("partner", "stranger"), false),
        (keys("partner", "bank-2026") + " --ttl 301s", false),
        (keys("partner", "bank-2026") + " --in-reply-to x", false),
        (
            keys("partner", "bank-2026") + " --method PUT --target /server/rest/pay/order",
            false,
        ),
        (
            keys("partner", "bank-2026") + " --method POST --target /server/rest/pay/order",
            true,
        ),
        ("--key-alias partner".to_owned(), false),
    ];
    let target = "--method POST --target /server/rest/pay/order";
    for (options, is_accepted) in rows {
        let make = format!("sign body.json --audience bank {options} --output message.jose --profile jose");
        run(&folder, &make, "").with_status(0);
        let verify = format!("verify message.jose --interceptor Partner {target} --profile jose");
        let told = run(&folder, &verify, "");
        let status = send(&serving, &folder);
        assert_eq!(
            (told.status, status),
            if is_accepted { (0, 200) } else { (1, 400) },
            "{options}: {told:#?}"
        );
    }
}
