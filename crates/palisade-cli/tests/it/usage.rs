use crate::support::Folder;

const COMMANDS: [&[&str]; 34] = [
    &["serve"],
    &["check"],
    &["explain"],
    &["diff"],
    &["init"],
    &["encrypt"],
    &["keystore", "list"],
    &["keystore", "show"],
    &["message", "sign"],
    &["message", "encrypt"],
    &["message", "verify"],
    &["cert", "ca"],
    &["cert", "issue"],
    &["cert", "import"],
    &["cert", "export"],
    &["cert", "list"],
    &["cert", "show"],
    &["cert", "delete"],
    &["cert", "revoke"],
    &["cert", "renew-crl"],
    &["user", "add"],
    &["user", "add-tenant"],
    &["user", "list"],
    &["user", "disable"],
    &["user", "enable"],
    &["user", "set-password"],
    &["user", "set-roles"],
    &["user", "set-tenant"],
    &["api-key", "create"],
    &["api-key", "list"],
    &["api-key", "revoke"],
    &["hash-password"],
    &["probe"],
    &["test"],
];

#[test]
fn every_command_has_a_help_with_examples() {
    let folder = Folder::new(&[]);
    for command in COMMANDS {
        let help = folder.run(&[command, &["--help"]].concat()).with_status(0);
        assert!(
            help.out.contains("Examples:\n  palisade "),
            "{command:?}: {}",
            help.out
        );
        assert!(
            help.out.contains("--format <FORMAT>"),
            "{command:?}: {}",
            help.out
        );
        assert!(help.err.is_empty() && !help.out.contains('\u{1b}'), "{help:#?}");
    }
    for group in [
        &["--help"][..],
        &["keystore", "--help"],
        &["message", "--help"],
        &["cert", "--help"],
        &["user", "--help"],
        &["api-key", "--help"],
    ] {
        let help = folder.run(group).with_status(0);
        assert!(help.out.contains("Examples:\n  palisade "), "{}", help.out);
    }
    let help = folder.run(&["--help"]).with_status(0);
    for command in COMMANDS {
        assert!(help.out.contains(&format!("\n  {} ", command[0])), "{}", help.out);
    }
}

#[test]
fn the_version_is_a_result() {
    let version = Folder::new(&[]).run(&["--version"]).with_status(0);
    assert_eq!(version.out, format!("palisade {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn wrong_use_ends_with_status_2_and_a_suggestion() {
    let folder = Folder::initialised();
    let misspelt = folder.run(&["chekc"]).with_status(2);
    assert!(
        misspelt.err.contains("a similar subcommand exists: 'check'"),
        "{}",
        misspelt.err
    );
    assert!(misspelt.out.is_empty());
    for wrong in [
        &["check", "--fail-below", "101"][..],
        &["check", "--set", "no-value"],
        &["explain", "GET"],
        &["explain", "get", "/a"],
        &["explain", "GET", "no-slash"],
        &["explain", "GET", "/a", "--header", "no colon"],
        &["explain", "GET", "/a", "--peer", "nobody"],
        &["explain", "GET", "/a", "--tls", "TLSv9"],
        &["keystore", "show"],
        &["diff", "config"],
        &["diff", "config", "nowhere"],
        &["encrypt", "palisade.x y"],
        &["check", "--encryption-password-file", "missing"],
        &[],
    ] {
        let ended = folder.run(wrong).with_status(2);
        assert!(
            !ended.err.is_empty() && ended.out.is_empty(),
            "{wrong:?}: {ended:#?}"
        );
    }
}

#[test]
fn with_json_wrong_use_is_json_too() {
    let folder = Folder::new(&[]);
    for format in [&["--format", "json"][..], &["--format=json"]] {
        let ended = folder
            .run(&[&["check", "--fail-below", "many"], format].concat())
            .with_status(2);
        let message = ended.json()["errors"][0]["message"].as_str().unwrap().to_owned();
        assert!(message.contains("--fail-below"), "{message}");
        assert!(ended.err.is_empty());
    }
}

#[test]
fn common_options_stand_before_the_command_and_behind_it_and_none_is_lost() {
    let folder = Folder::initialised();
    folder.write("application-one.properties", "palisade.unmatched=allow\n");
    let arguments = [
        "--config",
        "config",
        "--profile",
        "one",
        "--set",
        "palisade.admin.bind=0.0.0.0:9080",
        "check",
        "--format",
        "json",
        "--set",
        "palisade.interceptors.Idle.headers.block=X-A",
    ];
    let report = folder.run(&arguments).with_status(0).json();
    let findings = report["findings"].as_array().unwrap();
    let codes: Vec<&str> = findings
        .iter()
        .map(|finding| finding["code"].as_str().unwrap())
        .collect();
    for code in ["admin-not-on-loopback", "interceptor-unused"] {
        assert!(codes.contains(&code), "{codes:?}");
    }
    let of_profile = findings
        .iter()
        .any(|finding| finding["origin"] == "application-one.properties:1");
    assert!(of_profile, "{findings:#?}");
}

#[test]
fn colours_are_for_terminals_or_on_demand() {
    let folder = Folder::initialised();
    assert!(!folder.run(&["check"]).with_status(0).out.contains('\u{1b}'));
    assert!(
        folder
            .run(&["check", "--color", "always"])
            .with_status(0)
            .out
            .contains("\u{1b}[")
    );
    let json = folder
        .run(&["check", "--color", "always", "--format", "json"])
        .with_status(0);
    assert!(!json.out.contains('\u{1b}'));
}

#[test]
fn a_reader_that_stops_reading_changes_nothing() {
    let folder = Folder::initialised();
    let mut child = folder.command(&["keystore", "list"]).spawn().unwrap();
    drop(child.stdout.take());
    let ended = crate::support::ended(child, "").with_status(0);
    assert!(ended.err.is_empty(), "{}", ended.err);
}
