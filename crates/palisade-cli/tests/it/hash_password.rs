use crate::support::Folder;
use crate::user::PASSWORD;

#[test]
fn a_hash_stands_alone_on_standard_output_and_is_another_each_time() {
    let folder = Folder::new(&[]);
    let hash = |input: &str| {
        folder
            .run_with_input(&["hash-password", "--stdin"], input)
            .with_status(0)
    };
    let (one, two) = (hash(PASSWORD), hash(&format!("{PASSWORD}\r\n")));
    for hash in [&one, &two] {
        assert!(
            hash.out.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{}",
            hash.out
        );
        assert_eq!(hash.out.lines().count(), 1);
        assert!(hash.err.is_empty());
    }
    assert_ne!(one.out, two.out);
    // A line break that belongs to neither is one within the password, which Basic credentials cannot carry.
    let odd = folder
        .run_with_input(&["hash-password", "--stdin"], &format!("{PASSWORD}\n\n"))
        .with_status(1);
    assert!(odd.err.contains("control character"), "{}", odd.err);
}

#[test]
fn a_hash_needs_neither_a_folder_nor_a_directory() {
    let folder = Folder::new(&[]);
    let arguments = [
        "hash-password",
        "--stdin",
        "--config",
        "nowhere",
        "--format",
        "json",
    ];
    let json = folder.run_with_input(&arguments, PASSWORD).with_status(0).json();
    assert!(json["password-hash"].as_str().unwrap().starts_with("$argon2id$"));
}

#[test]
fn a_hash_is_taken_by_the_property_files() {
    let folder = Folder::initialised();
    let hash = folder
        .run_with_input(&["hash-password", "--stdin", "--user", "alice"], PASSWORD)
        .with_status(0);
    folder.write(
        "application-x.properties",
        &format!("palisade.users.alice.password-hash={}", hash.out),
    );
    folder.run(&["check", "--profile", "x"]).with_status(0);
    folder.write(
        "application-x.properties",
        &format!("palisade.users.alice.password-hash={PASSWORD}\n"),
    );
    let wrong = folder.run(&["check", "--profile", "x"]).with_status(2);
    assert!(
        wrong.err.contains("expected a PHC string of argon2id") && !wrong.err.contains(PASSWORD),
        "{}",
        wrong.err
    );
}
