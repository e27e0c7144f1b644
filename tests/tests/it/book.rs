//! The book and the README: what they link to exists, and what they tell operators to write is read by the real code.

mod attacks;
mod dependencies;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::error::ErrorKind;
use palisade::client::HttpsFetch;
use palisade::config::{Config, Errors, Sources};
use palisade::core::{Clock, SharedFetch, SharedReplay, SystemClock};
use palisade::endpoint::{Environment, justifications};
use palisade::keystore::{KeystoreSettings, Keystores};
use palisade::server::settings::ServerSettings;
use palisade::server::{Callers, CounterStores};
use palisade::store::MemoryReplay;
use palisade::{Registry, Server, StandardRegistry};
use palisade_test::ca::TestCa;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The README and every page, relative to the root.
fn pages() -> Vec<PathBuf> {
    let root = root();
    let mut pages = vec![PathBuf::from("README.md")];
    let mut folders = vec![root.join("docs")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                pages.push(path.strip_prefix(&root).unwrap().to_owned());
            }
        }
    }
    pages.sort();
    pages
}

fn read(page: &Path) -> String {
    std::fs::read_to_string(root().join(page)).unwrap()
}

/// A fenced block: what stands behind the fence, its text, and its line.
struct Block {
    info: Vec<String>,
    text: String,
    line: usize,
}

impl Block {
    fn language(&self) -> &str {
        self.info.first().map_or("", String::as_str)
    }

    fn has(&self, word: &str) -> bool {
        self.info.iter().skip(1).any(|other| other == word)
    }

    fn profile(&self) -> Option<&str> {
        self.info.iter().find_map(|word| word.strip_prefix("profile-"))
    }
}

/// The blocks of a page, and the page without them.
fn blocks(text: &str) -> (Vec<Block>, String) {
    let (mut blocks, mut prose) = (Vec::new(), String::new());
    let mut open: Option<Block> = None;
    for (number, line) in text.lines().enumerate() {
        match (line.strip_prefix("```"), open.take()) {
            (Some(info), None) => {
                open = Some(Block {
                    info: info.split(',').map(|word| word.trim().to_owned()).collect(),
                    text: String::new(),
                    line: number + 1,
                });
            }
            (Some(_), Some(block)) => blocks.push(block),
            (None, Some(mut block)) => {
                block.text.push_str(line);
                block.text.push('\n');
                open = Some(block);
            }
            (None, None) => {
                prose.push_str(line);
                prose.push('\n');
            }
        }
    }
    assert!(open.is_none(), "a block is not closed");
    (blocks, prose)
}

/// The targets of `[text](target)`.
fn links(prose: &str) -> Vec<&str> {
    prose
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')').map(|(target, _)| target))
        .collect()
}

/// The anchors of a page's headings, as GitHub and mdBook make them.
fn anchors(text: &str) -> BTreeSet<String> {
    let (_, prose) = blocks(text);
    prose
        .lines()
        .filter_map(|line| line.strip_prefix('#'))
        .map(|line| {
            line.trim_start_matches('#')
                .trim()
                .chars()
                .filter(|c| c.is_alphanumeric() || " -_".contains(*c))
                .map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() })
                .collect()
        })
        .collect()
}

#[test]
fn every_relative_link_leads_somewhere() {
    let mut broken = Vec::new();
    for page in pages() {
        let text = read(&page);
        let (_, prose) = blocks(&text);
        for target in links(&prose).into_iter().filter(|target| !target.contains("://")) {
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let path = if file.is_empty() {
                page.clone()
            } else {
                page.parent().unwrap().join(file)
            };
            let exists = root().join(&path).exists();
            if !exists || (!anchor.is_empty() && !anchors(&read(&path)).contains(anchor)) {
                broken.push(format!("{}: {target}", page.display()));
            }
        }
    }
    assert!(broken.is_empty(), "links that lead nowhere: {broken:#?}");
}

#[test]
fn the_summary_names_every_page_once() {
    let summary = read(Path::new("docs/SUMMARY.md"));
    let named: Vec<PathBuf> = links(&summary)
        .into_iter()
        .map(|target| Path::new("docs").join(target))
        .collect();
    let mut sorted = named.clone();
    sorted.sort();
    let written: Vec<PathBuf> = pages()
        .into_iter()
        .filter(|page| page.starts_with("docs") && !page.ends_with("SUMMARY.md"))
        .collect();
    assert_eq!(sorted, written, "the summary and the pages differ");
}

#[test]
fn the_snippets_of_every_page_are_compiled() {
    let library = include_str!("../../src/lib.rs");
    for page in pages() {
        let has_rust = blocks(&read(&page))
            .0
            .iter()
            .any(|block| matches!(block.language(), "rust" | ""));
        let name = page.strip_prefix("docs").unwrap_or(&page).display().to_string();
        assert!(
            !has_rust || library.contains(&format!("{name}\"")),
            "tests/src/lib.rs does not include {name}"
        );
    }
}

/// Who issues bearer tokens: the key of RFC 8037 appendix A.2.
const ISSUER: &str =
    r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;

/// A folder with the keys and certificates that snippets name.
fn folder_with_keys(ca: &TestCa) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path().join("keys");
    std::fs::create_dir(&keys).unwrap();
    ca.server(&["localhost"]).write_pem(folder.path(), "server");
    ca.server(&["gateway.example"]).write_pem(&keys, "server");
    ca.server(&["shop.example"]).write_pem(&keys, "shop");
    ca.client("gateway").write_pem(&keys, "gateway");
    for partner in [
        "partner",
        "partner-2025",
        "partner-2026",
        "acme-sign",
        "acme-decrypt",
    ] {
        ca.client(partner).write_pem(&keys, partner);
    }
    for own in ["bank", "bank-2025", "bank-2026", "sign", "decrypt"] {
        ca.server(&["bank.example"]).write_pem(&keys, own);
    }
    ca.write_pem(&keys, "partners-ca");
    std::fs::write(folder.path().join("partners.txt"), "203.0.113.0/24 # acme\n").unwrap();
    std::fs::write(folder.path().join("issuer.jwks"), ISSUER).unwrap();
    folder
}

/// Everything that is wrong with a folder, as `palisade check` would say it; the whole server when `whole`.
fn errors(sources: Sources, whole: bool) -> Errors {
    if whole {
        return Server::load(sources, Registry::standard())
            .err()
            .unwrap_or_default();
    }
    let (config, mut errors) = Config::load(&sources);
    let (settings, found) = ServerSettings::read(&config);
    errors.extend(found);
    errors.extend(justifications(&config).err().into_iter().flatten());
    let folder = BTreeMap::from([("keys".to_owned(), KeystoreSettings::new("keys"))]);
    let keystores = Keystores::load(&sources.folder, &folder).unwrap();
    let callers = Callers::load(&config, &settings, &keystores).unwrap_or_else(|found| {
        errors.extend(found);
        Callers::unknown()
    });
    let mut environment = environment(keystores, callers);
    let counters = CounterStores::new(&config, &settings, Arc::clone(&environment.clock));
    environment.resources = counters.share(environment.resources, &config, &settings, &mut errors);
    let compiled = Registry::standard().compile(&config, &environment);
    errors.extend(compiled.err().into_iter().flatten());
    errors.sorted()
}

/// What stages share with the server: the keys of the folder, under the aliases of its files, users and tenants, a replay memory, and
/// a client for documents.
fn environment(keystores: Keystores, callers: Callers) -> Environment {
    let clock = Arc::new(SystemClock::new());
    let memory = MemoryReplay::new(100, clock.now());
    let mut environment = Environment::new(clock);
    let resources = environment
        .resources
        .with(Arc::new(keystores))
        .with(Arc::new(SharedReplay::new(memory)))
        .with(Arc::new(SharedFetch::new(HttpsFetch::new())));
    environment.resources = match callers.directory {
        Some(directory) => resources.with(directory),
        None => resources,
    };
    environment
}

/// Loads a block: `properties` or `toml`, with `profile-NAME` on top of the block before it, with `server` as a whole server, and with
/// `error` expecting what the next block says.
fn check_properties(
    ca: &TestCa,
    block: &Block,
    base: Option<&Block>,
    next: Option<&Block>,
) -> Result<(), String> {
    let folder = folder_with_keys(ca);
    let mut sources = Sources::new(folder.path());
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    match (block.profile(), base) {
        (Some(profile), Some(base)) => {
            write("application.properties", &base.text);
            write(&format!("application-{profile}.properties"), &block.text);
            sources.profiles.push(profile.to_owned());
        }
        (Some(_), None) => return Err("a profile without a base before it".to_owned()),
        (None, _) => write(&format!("application.{}", block.language()), &block.text),
    }
    let found = errors(sources, block.has("server"));
    let expected = if block.has("error") {
        next.filter(|next| next.language() == "text")
            .map(|next| next.text.trim_end().to_owned())
            .ok_or("no block of text with the errors behind it")?
    } else {
        String::new()
    };
    let found: Vec<String> = found.iter().map(ToString::to_string).collect();
    let found = found.join("\n");
    if found == expected {
        Ok(())
    } else {
        Err(format!("expected\n{expected}\nfound\n{found}"))
    }
}

#[test]
fn what_the_book_tells_operators_to_write_is_read() {
    let ca = TestCa::new("Example Root");
    let (mut wrong, mut count) = (Vec::new(), 0);
    for page in pages() {
        let text = read(&page);
        let (blocks, _) = blocks(&text);
        let mut base = None;
        for (position, block) in blocks.iter().enumerate() {
            if !matches!(block.language(), "properties" | "toml") {
                continue;
            }
            count += 1;
            if let Err(what) = check_properties(&ca, block, base, blocks.get(position + 1)) {
                wrong.push(format!("{}:{}: {what}", page.display(), block.line));
            }
            if block.profile().is_none() && block.language() == "properties" {
                base = Some(block);
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    assert!(count > 15, "the book has only {count} snippets of properties");
}

/// The words of a shell line, as far as the book needs them: single quotes, no variables.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted, mut any) = (Vec::new(), String::new(), false, false);
    for c in line.chars() {
        match c {
            '\'' => (quoted, any) = (!quoted, true),
            ' ' if !quoted => {
                if any {
                    words.push(std::mem::take(&mut word));
                }
                any = false;
            }
            '#' | '<' | '>' | '|' if !quoted && !any => break,
            c => {
                word.push(c);
                any = true;
            }
        }
    }
    if any {
        words.push(word);
    }
    words
}

#[test]
fn the_command_takes_every_line_of_the_book() {
    let mut count = 0;
    for page in pages() {
        let text = read(&page);
        for block in blocks(&text).0.iter().filter(|block| block.language() == "sh") {
            let joined = block.text.replace("\\\n", " ");
            for line in joined.lines() {
                let line = line.replace("cargo run -p palisade-cli -- ", "palisade ");
                if !line.starts_with("palisade ") {
                    continue;
                }
                count += 1;
                if let Err(error) = palisade_cli::command().try_get_matches_from(words(&line)) {
                    let is_help = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
                    assert!(is_help, "{}:{}: {line}: {error}", page.display(), block.line);
                }
            }
        }
    }
    assert!(count > 10, "the book has only {count} lines for the command");
}
