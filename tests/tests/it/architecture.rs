//! The arrows between crates, as the architecture draws them; any other edge fails.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};

/// Which crates of ours each crate may depend on.
const ARROWS: [(&str, &[&str]); 19] = [
    ("palisade-core", &[]),
    ("palisade-config", &["core"]),
    ("palisade-keystore", &["core"]),
    ("palisade-tls", &["core", "keystore"]),
    ("palisade-ip-filter", &["core"]),
    ("palisade-headers", &["core"]),
    ("palisade-endpoint", &["core", "config"]),
    ("palisade-access", &["core"]),
    ("palisade-client", &["core", "keystore"]),
    ("palisade-directory", &["core", "keystore"]),
    ("palisade-identity", &["core", "directory", "keystore"]),
    ("palisade-jose", &["core", "keystore"]),
    ("palisade-limits", &["core", "store"]),
    ("palisade-store", &["core"]),
    ("palisade-validation", &["core"]),
    (
        "palisade-server",
        &[
            "client",
            "config",
            "core",
            "directory",
            "endpoint",
            "keystore",
            "store",
            "tls",
        ],
    ),
    ("palisade", &["*"]),
    ("palisade-cli", &["*"]),
    ("palisade-test", &["core"]),
];

/// Which crates may use a library directly, in code that ships.
const LIBRARIES: [(&str, &[&str]); 13] = [
    ("figment", &["palisade-config", "palisade-endpoint"]),
    (
        "rustls",
        &[
            "palisade-tls",
            "palisade-client",
            "palisade-server",
            "palisade-keystore",
            // Names the provider of cryptography to the client of Redis, and nothing more.
            "palisade-store",
        ],
    ),
    (
        "tokio-rustls",
        &["palisade-tls", "palisade-client", "palisade-server"],
    ),
    ("hyper-rustls", &["palisade-client"]),
    ("axum-server", &["palisade-tls", "palisade-server"]),
    ("josekit", &["palisade-jose"]),
    ("openssl", &["palisade-jose"]),
    ("jsonwebtoken", &["palisade-identity"]),
    ("redb", &["palisade-store"]),
    ("redis", &["palisade-store"]),
    ("sqlx", &["palisade-directory"]),
    ("argon2", &["palisade-directory"]),
    ("clap", &["palisade-cli"]),
];

fn workspace() -> (Metadata, PathBuf) {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned();
    let metadata = MetadataCommand::new()
        .manifest_path(root.join("Cargo.toml"))
        .no_deps()
        .exec()
        .unwrap();
    (metadata, root)
}

/// The libraries and the command: everything below `crates/`.
fn crates(metadata: &Metadata) -> Vec<&Package> {
    metadata
        .packages
        .iter()
        .filter(|package| package.manifest_path.as_str().contains("/crates/"))
        .collect()
}

fn shipped(package: &Package) -> impl Iterator<Item = &str> {
    package
        .dependencies
        .iter()
        .filter(|edge| edge.kind != DependencyKind::Development)
        .map(|edge| edge.name.as_str())
}

#[test]
fn crates_depend_on_each_other_only_along_the_arrows() {
    let (metadata, _) = workspace();
    let arrows = BTreeMap::from(ARROWS);
    let mut wrong = Vec::new();
    for package in crates(&metadata) {
        let Some(allowed) = arrows.get(package.name.as_str()) else {
            wrong.push(format!("{} has no place in the architecture", package.name));
            continue;
        };
        for edge in shipped(package).filter(|edge| edge.starts_with("palisade")) {
            let short = edge.strip_prefix("palisade-").unwrap_or(edge);
            let may = allowed.contains(&"*") || allowed.contains(&short);
            // Nothing that ships leans on the tools of tests.
            if !may || short == "test" {
                wrong.push(format!("{} -> {edge}", package.name));
            }
        }
    }
    assert!(wrong.is_empty(), "edges outside the architecture: {wrong:#?}");
}

#[test]
fn libraries_stay_in_the_crates_that_answer_for_them() {
    let (metadata, _) = workspace();
    let mut wrong = Vec::new();
    for package in crates(&metadata)
        .into_iter()
        .filter(|package| *package.name != "palisade-test")
    {
        for (library, owners) in LIBRARIES {
            if shipped(package).any(|edge| edge == library) && !owners.contains(&package.name.as_str()) {
                wrong.push(format!("{} -> {library}", package.name));
            }
        }
    }
    assert!(wrong.is_empty(), "libraries outside their crates: {wrong:#?}");
}

#[test]
fn axum_and_the_groups_read_paths_with_the_same_matcher() {
    let (_, root) = workspace();
    let metadata = MetadataCommand::new()
        .manifest_path(root.join("Cargo.toml"))
        .exec()
        .unwrap();
    let versions: BTreeSet<String> = metadata
        .packages
        .iter()
        .filter(|package| *package.name == "matchit")
        .map(|package| package.version.to_string())
        .collect();
    assert_eq!(
        versions.len(),
        1,
        "axum and palisade-endpoint must use one version of matchit: {versions:?}"
    );
}

#[test]
fn the_readme_names_every_crate_and_every_example_and_nothing_else() {
    let (metadata, root) = workspace();
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    let rows: BTreeMap<&str, &str> = readme
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
        .map(|(name, rest)| (name, rest.trim_matches(['|', ' '])))
        .collect();
    let mut expected: BTreeMap<&str, &str> = BTreeMap::new();
    for package in &metadata.packages {
        expected.insert(
            package.name.as_str(),
            package.description.as_deref().unwrap_or_default(),
        );
    }
    assert_eq!(
        rows, expected,
        "the table of the README differs from the manifests"
    );
}

#[test]
fn every_crate_follows_the_workspace() {
    let (metadata, _) = workspace();
    for package in &metadata.packages {
        let manifest = std::fs::read_to_string(&package.manifest_path).unwrap();
        assert!(
            manifest.contains("[lints]\nworkspace = true"),
            "{} has lints of its own",
            package.name
        );
        assert_eq!(
            package.license.as_deref(),
            Some("MIT OR Apache-2.0"),
            "{}",
            package.name
        );
        let versions = manifest
            .lines()
            .filter(|line| line.contains("version = \""))
            .count();
        assert_eq!(
            versions, 0,
            "{} names a version; versions stand in the workspace",
            package.name
        );
    }
}
