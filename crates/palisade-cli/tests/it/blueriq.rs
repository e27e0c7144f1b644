use std::fmt::Write as _;
use std::fs;

use serde_json::Value;

use crate::support::Folder;

const EXAMPLE: &str = "\
blueriq.baas.rest.endpoints[0].webservices=MyRestService,MyRestService2
blueriq.baas.rest.endpoints[0].operations=MyOperation,MyOperation2
blueriq.baas.rest.endpoints[0].interceptors=MyInterceptor1
blueriq.baas.rest.endpoints[1].webservices=MyRestService
blueriq.baas.rest.endpoints[1].interceptors=MyInterceptor2
";

fn group(folder: &Folder, config: &str, path: &str) -> Value {
    let explained = folder.run(&["explain", "POST", path, "--config", config, "--format", "json"]);
    explained.with_status(0).json()["group"].clone()
}

#[test]
fn the_example_loads_unchanged_and_means_the_same_under_native_names() {
    let folder = Folder::new(&[("application.properties", EXAMPLE)]);
    let rewritten = folder.run(&[
        "init",
        "native",
        "--from-blueriq",
        "config/application.properties",
    ]);
    rewritten.with_status(0);
    let text = fs::read_to_string(folder.path().join("native/application.properties")).unwrap();
    assert!(text.contains("\npalisade.unmatched=allow\n"), "{text}");
    assert!(
        text.contains("\npalisade.endpoints[1].interceptors=MyInterceptor2\n"),
        "{text}"
    );
    assert!(!text.contains("\nblueriq."), "{text}");
    for (path, position) in [
        ("/server/rest/MyRestService/MyOperation", "0"),
        ("/server/rest/MyRestService2/MyOperation2", "0"),
        ("/server/rest/MyRestService/Other", "1"),
    ] {
        let (theirs, ours) = (group(&folder, "config", path), group(&folder, "native", path));
        assert_eq!(theirs, ours, "{path}");
        assert!(
            ours.as_str().unwrap().contains(position),
            "{path} is taken by {ours}"
        );
    }
    // Names are case-sensitive; what no group takes is refused here, and passes as Blueriq has it there.
    let explain = [
        "explain",
        "POST",
        "/server/rest/myrestservice/MyOperation",
        "--config",
    ];
    folder.run(&[&explain[..], &["config"]].concat()).with_status(1);
    let passes = folder.run(&[&explain[..], &["native"]].concat()).with_status(0);
    assert!(passes.out.contains("none matches"), "{}", passes.out);
    let check = folder.run(&["check", "--config", "native"]).with_status(0);
    assert!(check.out.contains("application.properties"), "{}", check.out);
}

#[test]
fn a_folder_taken_over_says_what_it_lacks() {
    let keystore = "blueriq.security.keystore.location=file://store.p12\n\
                    blueriq.security.keystore.password=ENC(c2FsdA==)\n";
    let folder = Folder::new(&[("blueriq.properties", &format!("{EXAMPLE}{keystore}"))]);
    let taken = folder
        .run(&["init", "native", "--from-blueriq", "config/blueriq.properties"])
        .with_status(0);
    assert!(
        taken.out.contains("copy the keystore to native/store.p12"),
        "{}",
        taken.out
    );
    assert!(
        taken.out.contains("give the password of encrypted values"),
        "{}",
        taken.out
    );
    let text = fs::read_to_string(folder.path().join("native/application.properties")).unwrap();
    assert!(
        text.contains("\npalisade.keystores.blueriq.password=ENC(c2FsdA==)\n"),
        "{text}"
    );
}

#[test]
fn a_misspelt_blueriq_file_is_refused_and_nothing_is_written() {
    let folder = Folder::new(&[("b.properties", "blueriq.baas.rest.endpoints[0].webservces=A\n")]);
    let refused = folder
        .run(&["init", "native", "--from-blueriq", "config/b.properties"])
        .with_status(2);
    assert!(refused.err.contains("config/b.properties:1"), "{}", refused.err);
    assert!(!folder.path().join("native").exists());
    let missing = folder
        .run(&["init", "native", "--from-blueriq", "missing"])
        .with_status(2);
    assert!(missing.err.contains("missing: "), "{}", missing.err);
}

#[test]
fn native_settings_of_the_file_come_along_and_native_groups_do_not() {
    let keys = Folder::initialised();
    let native = "palisade.unmatched=deny\n\
                  palisade.listeners.main.tls.key-alias=demo-server\n\
                  palisade.keystores.demo.location=../config/keys\n\
                  palisade.interceptors.MyInterceptor1.headers.block=X-\\u0041\n\
                  palisade.interceptors.MyInterceptor2.headers.block=X-B\n";
    keys.write("b.properties", &format!("{EXAMPLE}{native}"));
    let written = keys.run(&[
        "init",
        "native",
        "--from-blueriq",
        "config/b.properties",
        "--format",
        "json",
    ]);
    assert_eq!(
        written.with_status(0).json()["files"],
        serde_json::json!(["native/application.properties"])
    );
    let text = fs::read_to_string(keys.path().join("native/application.properties")).unwrap();
    assert!(
        text.contains("\npalisade.unmatched=deny\n") && !text.contains("palisade.unmatched=allow"),
        "{text}"
    );
    assert!(
        text.contains("\npalisade.interceptors.MyInterceptor1.headers.block=X-A\n"),
        "{text}"
    );
    let check = keys
        .run(&["check", "--config", "native", "--fail-below", "100"])
        .with_status(0);
    assert!(check.out.contains("Score: 100"), "{}", check.out);

    keys.write(
        "c.properties",
        &format!("{EXAMPLE}palisade.endpoints[0].name=x\n"),
    );
    let mixed = keys
        .run(&["init", "mixed", "--from-blueriq", "config/c.properties"])
        .with_status(2);
    assert!(
        mixed
            .err
            .contains("config/c.properties:6: palisade.endpoints[0].name"),
        "{}",
        mixed.err
    );
    assert!(!keys.path().join("mixed").exists());
}

#[test]
fn an_interceptor_that_is_missing_among_declared_ones_stays_a_mistake() {
    let declared =
        "blueriq.rest.interceptor.server.security.MyInterceptor1.request.signature.enabled=false\n";
    let folder = Folder::new(&[("b.properties", &format!("{EXAMPLE}{declared}"))]);
    folder
        .run(&["init", "native", "--from-blueriq", "config/b.properties"])
        .with_status(0);
    let check = folder.run(&["check", "--config", "native"]).with_status(2);
    assert!(check.err.contains("MyInterceptor2"), "{}", check.err);
}

#[test]
fn client_interceptors_load_under_their_own_names_with_their_own_defaults() {
    let folder = Folder::initialised();
    let profiles = [
        "request.encryption",
        "request.signature",
        "request.timestamp",
        "response.decryption",
        "response.signature",
        "response.timestamp",
    ];
    let file = folder.config().join("application.properties");
    let mut text = fs::read_to_string(&file).unwrap();
    for profile in profiles {
        let key = format!("blueriq.rest.interceptor.client.security.Partner.{profile}");
        writeln!(text, "{key}.enabled=true").unwrap();
        if !profile.ends_with("timestamp") {
            writeln!(text, "{key}.key-alias=demo-server").unwrap();
        }
    }
    fs::write(&file, text).unwrap();
    let report = folder.run(&["check", "--format", "json"]).with_status(0).json();
    assert_eq!(report["client-interceptors"], serde_json::json!(["Partner"]));
    let misspelt = "blueriq.rest.interceptor.client.security.Partner.response.acept-unsecured-messages=true";
    let ended = folder.run(&["check", "--set", misspelt]).with_status(2);
    assert!(
        ended.err.contains("did you mean \"accept-unsecured-messages\"?"),
        "{}",
        ended.err
    );
}
