//! `palisade message`, over keys in real keystores.

mod accepted;
mod explained;
mod made;
mod refused;
mod served;
mod wrong_use;

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use palisade_test::ca::{KeyKind, TestCa};
use serde_json::Value;

use crate::support::{Ended, Folder};

const CONFIG: &str = "\
palisade.keystores.keys.location=keys

palisade.interceptors.Partner.request.decryption.enabled=true
palisade.interceptors.Partner.request.decryption.key-alias=bank-2026,bank-2025
palisade.interceptors.Partner.request.signature.enabled=true
palisade.interceptors.Partner.request.signature.key-alias=partner
palisade.interceptors.Partner.request.timestamp.enabled=true
palisade.interceptors.Partner.request.audience=bank
palisade.interceptors.Partner.response.encryption.enabled=true
palisade.interceptors.Partner.response.encryption.key-alias=partner
palisade.interceptors.Partner.response.signature.enabled=true
palisade.interceptors.Partner.response.signature.key-alias=bank-2026
palisade.interceptors.Partner.response.timestamp.enabled=true

palisade.client.interceptors.Bank.request.encryption.enabled=true
palisade.client.interceptors.Bank.request.encryption.key-alias=bank-2026
palisade.client.interceptors.Bank.request.signature.enabled=true
palisade.client.interceptors.Bank.request.signature.key-alias=partner
palisade.client.interceptors.Bank.request.timestamp.enabled=true
palisade.client.interceptors.Bank.request.audience=bank
palisade.client.interceptors.Bank.response.decryption.enabled=true
palisade.client.interceptors.Bank.response.decryption.key-alias=partner
palisade.client.interceptors.Bank.response.signature.enabled=true
palisade.client.interceptors.Bank.response.signature.key-alias=bank-2026
palisade.client.interceptors.Bank.response.timestamp.enabled=true
palisade.client.interceptors.Bank.response.binding=required
";

/// Selects the format `raw` on both sides.
const RAW: &str = " --set palisade.interceptors.Partner.message.format=raw \
                   --set palisade.client.interceptors.Bank.message.format=raw";

const NAMES: [&str; 4] = ["bank-2026", "bank-2025", "partner", "stranger"];

const BODY: &str = r#"{"amount": 12.50, "to": "Ŝmit"}"#;

/// Both sides in one folder: two keys of the bank, one of the partner, and one that nobody was told of.
fn folder() -> Folder {
    let folder = Folder::new(&[("application.properties", CONFIG)]);
    let keys = folder.config().join("keys");
    std::fs::create_dir(&keys).unwrap();
    let ca = TestCa::new("Example Root");
    for name in NAMES {
        ca.client(name).write_pem(&keys, name);
    }
    std::fs::write(folder.path().join("body.json"), BODY).unwrap();
    folder
}

/// The same aliases, with RSA keys in PKCS#12 files made by openssl.
fn folder_with_pkcs12() -> Folder {
    let folder = folder();
    let ca = TestCa::new("Example Root");
    let mut stores = String::new();
    for name in NAMES {
        let leaf = ca.leaf(name).for_clients().key_kind(KeyKind::Rsa2048).issue();
        let pem = leaf.write_pem(folder.path(), name);
        export_pkcs12(&pem, &folder.config().join(format!("{name}.p12")), name);
        let prefix = format!("palisade.keystores.{name}");
        writeln!(
            stores,
            "{prefix}.location={name}.p12
{prefix}.password=secret"
        )
        .unwrap();
    }
    std::fs::remove_dir_all(folder.config().join("keys")).unwrap();
    let config = CONFIG.replace("palisade.keystores.keys.location=keys\n", &stores);
    folder.write("application.properties", &config);
    folder
}

fn export_pkcs12(pem: &Path, out: &Path, name: &str) {
    let exported = Command::new("openssl")
        .args([
            "pkcs12",
            "-export",
            "-passout",
            "pass:secret",
            "-name",
            name,
            "-in",
        ])
        .arg(pem)
        .arg("-out")
        .arg(out)
        .output()
        .unwrap();
    assert!(
        exported.status.success(),
        "{}",
        String::from_utf8_lossy(&exported.stderr)
    );
}

/// Runs `palisade message` with these arguments, divided by spaces, and this input.
fn run(folder: &Folder, arguments: &str, input: &str) -> Ended {
    let words: Vec<&str> = ["message"].into_iter().chain(arguments.split(' ')).collect();
    let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
    folder.run_with_input(&words, input)
}

/// The message that a command makes of the body.
fn made(folder: &Folder, arguments: &str) -> String {
    run(folder, arguments, BODY).with_status(0).out
}

fn header(message: &str) -> Value {
    let segment = message.split('.').next().unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(segment).unwrap()).unwrap()
}

/// The `kid` of the key under an alias.
fn kid(folder: &Folder, alias: &str) -> String {
    let signed = made(folder, &format!("sign --key-alias {alias}"));
    header(&signed)["kid"].as_str().unwrap().to_owned()
}

#[track_caller]
fn assert_told(told: &str, expected: &str) {
    assert!(told.contains(expected), "{expected:?} is not in\n{told}");
}
