use std::process::Command;

use serde_json::{Value, json};

use super::{append, cert, with_authority};
use crate::support::{Folder, Serving, until};

/// What the listener is told to trust, which `palisade cert ca` prints.
const LISTENER: &str = "palisade.keystores.ca.location=ca/ca.crt\n\
    palisade.listeners.main.tls.client-auth=require\n\
    palisade.listeners.main.tls.client-ca-aliases=ca\n\
    palisade.listeners.main.tls.crl-files=ca/ca.crl\n\
    palisade.endpoints[1].interceptors=Local,Partner\n\
    palisade.interceptors.Partner.authentication.schemes=certificate\n";

/// A request by curl on a connection of its own, with the PKCS#12 file and its password: status and body, or why there is no answer.
fn call(folder: &Folder, server: &Serving, name: &str) -> Result<(u16, Value), String> {
    let port = server.port("main");
    let password = std::fs::read_to_string(folder.path().join(format!("{name}.p12.password"))).unwrap();
    let output = Command::new("curl")
        .args([
            "--silent",
            "--show-error",
            "--max-time",
            "20",
            "--write-out",
            "\n%{http_code}",
        ])
        .args(["--cacert", "config/keys/demo-ca.pem", "--cert-type", "P12"])
        .args(["--cert", &format!("{name}.p12"), "--pass", password.trim_end()])
        .args(["--resolve", &format!("localhost:{port}:127.0.0.1")])
        .arg(format!("https://localhost:{port}/server/rest/orders/list"))
        .current_dir(folder.path())
        .output()
        .unwrap();
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let text = String::from_utf8(output.stdout).unwrap();
    let (body, status) = text.rsplit_once('\n').unwrap();
    Ok((
        status.parse().unwrap(),
        serde_json::from_str(body).unwrap_or(Value::Null),
    ))
}

#[test]
fn from_an_authority_to_a_revocation_without_a_restart() {
    let folder = with_authority();
    append(
        &folder,
        &format!("{LISTENER}palisade.directory=sqlite:directory.db\n"),
    );
    // Cut in its certificate, and known by the whole of it.
    let long = "l".repeat(70);
    for name in ["alice", "bob", &long] {
        cert(&folder, &["issue", "--user", name, "--create"]);
    }
    let server = folder.serve(&["--echo"]);
    let (status, body) = call(&folder, &server, "alice").unwrap();
    assert_eq!(status, 200, "{body}");
    assert_eq!(body["principal"]["subject"], "alice", "{body:#}");
    let (status, body) = call(&folder, &server, &long).unwrap();
    assert_eq!(
        (status, &body["principal"]["subject"]),
        (200, &json!(long)),
        "{body:#}"
    );

    // Issued and registered while the server runs: its directory follows.
    cert(&folder, &["issue", "--user", "carol", "--create"]);
    until("carol's certificate is recognised", || {
        call(&folder, &server, "carol").is_ok_and(|(status, _)| status == 200)
    });

    cert(
        &folder,
        &["revoke", "--user", "alice", "--reason", "keyCompromise"],
    );
    until("the handshake with a revoked certificate fails", || {
        call(&folder, &server, "alice").is_err_and(|error| error.contains("certificate revoked"))
    });
    assert_eq!(call(&folder, &server, "bob").unwrap().0, 200);

    // What is deleted can connect, and is nobody's.
    let bob = cert(&folder, &["show", "--user", "bob"]);
    cert(
        &folder,
        &[
            "delete",
            "--serial",
            bob["certificates"][0]["serial"].as_str().unwrap(),
        ],
    );
    until("bob is not recognised any more", || {
        call(&folder, &server, "bob").is_ok_and(|(status, _)| status == 403 || status == 401)
    });
    server.signal("TERM");
    server.end().with_status(0);
}

#[test]
fn with_property_files_the_line_that_is_printed_makes_its_owner_known() {
    let folder = with_authority();
    append(&folder, &format!("{LISTENER}palisade.users.alice.roles=clerk\n"));
    let done = cert(&folder, &["issue", "--user", "alice"]);
    let server = folder.serve(&["--echo"]);
    let (status, _) = call(&folder, &server, "alice").unwrap();
    assert!(status == 401 || status == 403, "{status}");
    append(&folder, done["properties"][0].as_str().unwrap());
    until("alice is recognised", || {
        call(&folder, &server, "alice").is_ok_and(|(status, _)| status == 200)
    });
    let (_, body) = call(&folder, &server, "alice").unwrap();
    assert_eq!(
        (&body["principal"]["subject"], &body["principal"]["roles"]),
        (&json!("alice"), &json!(["clerk"])),
        "{body:#}"
    );
}
