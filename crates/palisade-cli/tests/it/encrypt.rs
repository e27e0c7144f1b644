use crate::support::{Ended, Folder, ended};

const NAME: &str = "palisade.keystores.demo.password";
const VALUE: &str = "s3cret-of-the-keystore";
const PASSWORD: &str = "password-of-the-properties";

fn folder() -> Folder {
    let folder = Folder::initialised();
    std::fs::write(folder.path().join("password"), format!("{PASSWORD}\n")).unwrap();
    folder
}

fn encrypt(folder: &Folder, name: &str, more: &[&str]) -> Ended {
    let arguments = [
        "encrypt",
        name,
        "--stdin",
        "--encryption-password-file",
        "password",
    ];
    folder.run_with_input(&[&arguments[..], more].concat(), &format!("{VALUE}\n"))
}

/// Whether a folder in which the value stands at `name` loads.
fn loads(folder: &Folder, name: &str, value: &str, password: &str) -> Ended {
    std::fs::write(folder.path().join("other-password"), password).unwrap();
    folder.write("application-x.properties", &format!("{name}={value}\n"));
    folder.run(&[
        "check",
        "--profile",
        "x",
        "--encryption-password-file",
        "other-password",
    ])
}

#[test]
fn an_encrypted_value_decrypts_at_load_under_its_name_and_password_alone() {
    let folder = folder();
    let encrypted = encrypt(&folder, NAME, &[]).with_status(0);
    assert!(
        encrypted.out.starts_with("ENC(v2:") && encrypted.out.ends_with(")\n"),
        "{}",
        encrypted.out
    );
    assert!(encrypted.err.is_empty());
    let value = encrypted.out.trim_end();
    loads(&folder, NAME, value, PASSWORD).with_status(0);
    let wrong = loads(&folder, NAME, value, "another").with_status(2);
    assert!(wrong.err.contains("application-x.properties:1"), "{}", wrong.err);
    loads(
        &folder,
        "palisade.properties.encryption.password",
        value,
        PASSWORD,
    )
    .with_status(2);
}

#[test]
fn the_form_of_jasypt_decrypts_too_and_is_bound_to_no_name() {
    let folder = folder();
    let encrypted = encrypt(&folder, "any.name", &["--jasypt"]).with_status(0);
    assert!(
        encrypted.out.starts_with("ENC(") && !encrypted.out.contains(':'),
        "{}",
        encrypted.out
    );
    loads(&folder, NAME, encrypted.out.trim_end(), PASSWORD).with_status(0);
    loads(&folder, NAME, encrypted.out.trim_end(), "another").with_status(2);
}

#[test]
fn a_name_of_blueriq_stands_for_the_native_one() {
    let folder = folder();
    let json = encrypt(
        &folder,
        "blueriq.security.keystore.password",
        &["--format", "json"],
    )
    .with_status(0)
    .json();
    assert_eq!(json["name"], "palisade.keystores.blueriq.password");
    let value = json["value"].as_str().unwrap();
    let settings = format!("blueriq.security.keystore.location=demo-client.pem\n{{name}}={value}\n");
    for name in [
        "blueriq.security.keystore.password",
        "palisade.keystores.blueriq.password",
    ] {
        folder.write("application-x.properties", &settings.replace("{name}", name));
        folder
            .run(&[
                "check",
                "--profile",
                "x",
                "--encryption-password-file",
                "password",
            ])
            .with_status(0);
    }
}

#[test]
fn the_password_may_come_from_the_environment() {
    let folder = folder();
    let mut command = folder.command(&["encrypt", NAME, "--stdin"]);
    command
        .env("PALISADE__PROPERTIES__ENCRYPTION__PASSWORD", PASSWORD)
        .stdin(std::process::Stdio::piped());
    let encrypted = ended(command.spawn().unwrap(), VALUE).with_status(0);
    loads(&folder, NAME, encrypted.out.trim_end(), PASSWORD).with_status(0);
}

#[test]
fn neither_the_value_nor_the_password_is_ever_shown() {
    let folder = folder();
    let value = encrypt(&folder, NAME, &[]).with_status(0).out;
    for more in [&[][..], &["--jasypt"], &["--format", "json"]] {
        let shown = encrypt(&folder, NAME, more).with_status(0);
        assert!(
            !shown.out.contains(VALUE) && !shown.err.contains(VALUE),
            "{shown:#?}"
        );
        assert!(
            !shown.out.contains(PASSWORD) && !shown.err.contains(PASSWORD),
            "{shown:#?}"
        );
    }
    folder.write(
        "application-x.properties",
        &format!("{NAME}={value}palisade.admin.bind={VALUE}\n"),
    );
    folder.write(
        "application-y.properties",
        &format!("palisade.listeners.main.bind=${{{NAME}}}\n"),
    );
    let secret = ["--encryption-password-file", "password"];
    for profile in ["x", "y", "x,y"] {
        for format in ["text", "json"] {
            let arguments = ["check", "--profile", profile, "--format", format];
            let ended = folder.run(&[&arguments[..], &secret].concat()).with_status(2);
            let shown = format!("{}{}", ended.out, ended.err);
            assert!(!shown.contains(PASSWORD), "{shown}");
            // What stands in the clear in the file under a name that is not secret may be shown.
            assert_eq!(shown.contains(VALUE), profile.contains('x'), "{profile}: {shown}");
        }
    }
}
