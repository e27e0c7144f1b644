//! `reference/settings.md`: every key, from the structs that serde reads.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use palisade::config::{Config, Sources};
use palisade::core::PipelineLimits;
use palisade::server::settings::ServerSettings;
use palisade::{Registry, StandardRegistry};

use super::reader::{Reader, Row};
use super::source::{self, Types};

/// Which struct is read from which place.
const TABLES: [(&str, &str, &str); 20] = [
    ("Listeners", "palisade.listeners.<name>", "ListenerSettings"),
    ("Keystores", "palisade.keystores.<name>", "KeystoreSettings"),
    ("Endpoint groups", "palisade.endpoints[N]", "GroupSettings"),
    (
        "Stage `tls-floor`",
        "palisade.interceptors.<Name>.tls-floor",
        "TlsFloorSettings",
    ),
    (
        "Stage `ip-filter`",
        "palisade.interceptors.<Name>.ip-filter",
        "IpFilterSettings",
    ),
    (
        "Stage `headers`",
        "palisade.interceptors.<Name>.headers",
        "HeaderSettings",
    ),
    (
        "Stage `authentication`",
        "palisade.interceptors.<Name>.authentication",
        "AuthenticationSettings",
    ),
    (
        "Stage `access`",
        "palisade.interceptors.<Name>.access",
        "AccessSettings",
    ),
    (
        "Stages `rate-limit`, `concurrency`, `quota` and `amount-limit`",
        "palisade.interceptors.<Name>",
        "LimitsSettings",
    ),
    (
        "Stage `validation`",
        "palisade.interceptors.<Name>.validation",
        "ValidationSettings",
    ),
    (
        "Message security: `request`, `response` and `message`",
        "palisade.interceptors.<Name>",
        "MessageSecuritySettings",
    ),
    (
        "Message security of clients",
        "palisade.client.interceptors.<Name>",
        "ClientMessageSecuritySettings",
    ),
    (
        "Users of the property files",
        "palisade.users.<name>",
        "UserSettings",
    ),
    (
        "Tenants of the property files",
        "palisade.tenants.<name>",
        "TenantSettings",
    ),
    ("Accepted messages", "palisade.replay", "ReplaySettings"),
    ("Redis", "palisade.redis", "RedisSettings"),
    ("The upstream", "palisade.upstream", "UpstreamSettings"),
    (
        "Connections to others",
        "palisade.connections.<name>",
        "ConnectionSettings",
    ),
    ("The admin listener", "palisade.admin", "AdminSettings"),
    ("The log", "palisade.log", "LogSettings"),
];

/// Keys that are read one by one, without a struct.
fn single_keys() -> Vec<Row> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("application.properties"), "").unwrap();
    let (config, errors) = Config::load(&Sources::new(folder.path()));
    assert!(errors.is_empty(), "{errors}");
    let (server, errors) = ServerSettings::read(&config);
    assert!(errors.is_empty(), "{errors}");
    let limits = PipelineLimits::default();
    assert_eq!(limits.request_body, limits.response_body);
    let bases = palisade::endpoint::BasePaths::default();
    assert_eq!(
        bases,
        palisade::endpoint::BasePaths::new("/server/rest", "/webservices")
    );
    vec![
        Row::new(
            "palisade.unmatched",
            "`deny` or `allow`",
            "deny",
            "What becomes of a request that no group covers.",
        ),
        Row::new(
            "palisade.endpoint-base-path",
            "URL path",
            "/server/rest",
            "Behind it stand web service and operation.",
        ),
        Row::new(
            "palisade.soap-base-path",
            "URL path",
            "/webservices",
            "Below it requests are SOAP, and refusals Faults.",
        ),
        Row::new(
            "palisade.max-buffered-body",
            "size",
            &limits.request_body.to_string(),
            "The most of a body that is ever held in memory, in either direction.",
        ),
        Row::new(
            "palisade.interceptors.<Name>.report-only",
            "true or false",
            "false",
            "Whether refusals of the interceptor's stages are only logged and counted.",
        ),
        Row::new(
            "palisade.client.interceptors.<Name>.report-only",
            "true or false",
            "false",
            "Whether refusals of the client interceptor's stages are only logged and counted.",
        ),
        Row::new(
            "palisade.body-read-timeout",
            "period",
            &server.body_read_timeout.to_string(),
            "How long a client may send nothing in the middle of a body.",
        ),
        Row::new(
            "palisade.data-dir",
            "path",
            &server.data_dir.display().to_string(),
            "The directory of files that outlive the server, for this server alone; made when it is needed.",
        ),
        Row::new(
            "palisade.directory",
            "`config`, `sqlite:<file>` or `postgres://…`",
            &server.directory.to_string(),
            "Where users and tenants are kept: `palisade.users` and `palisade.tenants`, or a database.",
        ),
        Row::new(
            "palisade.drain-timeout",
            "period",
            &server.drain_timeout.to_string(),
            "How long requests under way may take once the server is told to stop.",
        ),
        Row::new(
            "palisade.justify.<code>",
            "list",
            "–",
            "`reason, owner, until=YYYY-MM-DD`: silences the findings of that code until the day has passed.",
        ),
        Row::new(
            "palisade.profiles.active",
            "list",
            "–",
            "The active profiles, in order; read from the base files, variables and `--set`.",
        ),
        Row::new(
            "palisade.properties.encryption.password",
            "text, secret",
            "–",
            "The password of encrypted values.",
        ),
        Row::new(
            "palisade.properties.encryption.iterations",
            "number",
            &palisade::config::encryption::DEFAULT_ITERATIONS.to_string(),
            "The iterations of the scheme `ENC(base64)`.",
        ),
    ]
}

/// Both timestamp profiles of a side are of one type, and have different keys: what is read is judged, what is written lives. A
/// key that is refused at the start is not told of.
fn tell_times(rows: &mut Vec<Row>, prefix: &str, read: &str, write: &str) {
    let judged = [("max-clock-skew", true), ("max-ttl", true), ("ttl", false)];
    for (name, is_judged) in judged {
        let (own, other) = if is_judged { (read, write) } else { (write, read) };
        let own_key = format!("{prefix}.{own}.timestamp.{name}");
        let other_key = format!("{prefix}.{other}.timestamp.{name}");
        let row = rows.iter_mut().find(|row| row.key == own_key).unwrap();
        let about = row.about.strip_suffix(" (300s).").unwrap();
        let (_, about) = about.split_once(": ").unwrap();
        let (first, rest) = about.split_at(1);
        row.about = format!("{}{rest}.", first.to_uppercase());
        "300s".clone_into(&mut row.default);
        if is_judged {
            rows.retain(|row| row.key != other_key);
        } else {
            let row = rows.iter_mut().find(|row| row.key == other_key).unwrap();
            row.about = format!("Another name of `{own_key}`, as older files have it; a finding.");
        }
    }
}

fn write_table(page: &mut String, title: &str, rows: &[Row]) {
    write!(
        page,
        "\n## {title}\n\n| key | type | default | meaning |\n|---|---|---|---|\n"
    )
    .unwrap();
    for Row {
        key,
        kind,
        default,
        about,
    } in rows
    {
        let default = match default.as_str() {
            "–" | "required" => default.clone(),
            _ => format!("`{default}`"),
        };
        let (kind, about) = (super::cell(kind), super::cell(about));
        writeln!(page, "| `{key}` | {kind} | {default} | {about} |").unwrap();
    }
}

/// The faults of heads that the stage `headers` knows, from the documentation of each.
fn write_catalogue(page: &mut String, sources: &[source::Source]) {
    page.push_str("\n### What `faulty` refuses\n\n");
    let faults = source::variants(sources, "palisade-headers/src/faults.rs", "Fault");
    for (name, about) in faults {
        // This one has a key of its own.
        if name != "BodyOnGet" {
            writeln!(page, "- {about}").unwrap();
        }
    }
}

const ABOUT: &str = "\
Every key that is read, with its default. Values are written as text:

- a *period* is `250ms`, `10s`, `5m`, `1h`, `1d`; a bare number is seconds;
- a *size* is `65536`, `16 KiB`, `2 MiB` (1024) or `64 kB`, `2 MB` (1000);
- a *list* is `a,b,c`, or `key[0]=a` and `key[1]=b`;
- a *TLS version* is `TLSv1.3` or `TLSv1.2`; the names of older ones are understood;
- a *path* of a file is relative to the configuration folder.

A key that is not in these tables is an error. [Configuration](../guide/configuration.md) tells where keys may stand.";

#[test]
fn the_page_of_settings_says_what_the_code_reads() {
    let sources = source::all();
    let types = Types::of(&sources);
    let mut page = super::opening("Settings", ABOUT);
    let (mut read, mut undocumented) = (BTreeSet::new(), Vec::new());
    let general = single_keys();
    write_table(&mut page, "General", &general);
    for (title, prefix, structure) in TABLES {
        let mut reader = Reader {
            types: &types,
            rows: Vec::new(),
            read: BTreeSet::new(),
            undocumented: Vec::new(),
        };
        reader.table(prefix, structure);
        match structure {
            "MessageSecuritySettings" => tell_times(&mut reader.rows, prefix, "request", "response"),
            "ClientMessageSecuritySettings" => tell_times(&mut reader.rows, prefix, "response", "request"),
            _ => {}
        }
        write_table(&mut page, title, &reader.rows);
        if structure == "HeaderSettings" {
            write_catalogue(&mut page, &sources);
        }
        read.append(&mut reader.read);
        undocumented.append(&mut reader.undocumented);
    }
    assert!(
        undocumented.is_empty(),
        "keys without a doc line: {undocumented:?}"
    );
    let forgotten: Vec<String> = types
        .structs()
        .map(|found| found.ident.to_string())
        .filter(|name| name.ends_with("Settings") && !read.contains(name))
        .collect();
    assert!(
        forgotten.is_empty(),
        "structs of settings that no table shows: {forgotten:?}"
    );

    assert_eq!(
        not_enforced(&sources),
        BTreeSet::new(),
        "known, and not enforced by a build with every stage"
    );
    for names in [
        palisade::config::OWN_NAMES,
        palisade::endpoint::OWN_NAMES,
        palisade::server::settings::OWN_NAMES,
    ] {
        for name in names {
            let key = format!("| `palisade.{name}");
            assert!(page.contains(&key), "palisade.{name} is in no table");
        }
    }
    super::check_page("settings.md", &page);
}

/// What the code knows and does not enforce.
fn not_enforced(sources: &[source::Source]) -> BTreeSet<String> {
    let registry = Registry::standard();
    let stages = |names: &str, place: &str, built: Vec<&str>| -> Vec<String> {
        let stages = source::texts_of(sources, "palisade-endpoint/src/later.rs", names);
        let missing = stages.iter().filter(|stage| !built.contains(&stage.as_str()));
        missing.map(|stage| format!("{place}.<Name>.{stage}")).collect()
    };
    let server = stages("STAGES", "palisade.interceptors", registry.roots());
    let client = stages(
        "MESSAGE_SECURITY",
        "palisade.client.interceptors",
        registry.client_roots(),
    );
    server.into_iter().chain(client).collect()
}
