//! An integration server: REST and SOAP routes for partners, guarded by endpoint groups from property files.
//!
//! Run it with `./examples/run integration-server`, and paste the lines it prints. A folder as the first argument is read in place of
//! this example's `config`.

mod demo;
mod routes;

use std::error::Error;
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use palisade::config::Sources;
use palisade::{Registry, Server, StandardRegistry};

use crate::demo::Demo;

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/config");
    let folder = std::env::args_os()
        .nth(1)
        .map_or_else(|| PathBuf::from(default), PathBuf::from);
    let demo = demo::prepare(&folder)?;

    let server = match Server::load(Sources::from_process(&folder), Registry::standard()) {
        Ok(server) => server.observe()?,
        Err(errors) => {
            writeln!(std::io::stderr(), "{errors}")?;
            return Ok(ExitCode::from(2));
        }
    };
    let handle = server.handle();
    let serving = tokio::spawn(server.serve(routes::router()));
    if let Some(bindings) = handle.listening().await
        && let Some(&main) = bindings.listeners.get("main")
        && let Some(&partners) = bindings.listeners.get("partners")
    {
        print_lines(&mut std::io::stdout(), &folder, &demo, main, partners)?;
    }
    serving.await??;
    Ok(ExitCode::SUCCESS)
}

/// The calls to paste.
fn print_lines(
    out: &mut impl Write,
    folder: &Path,
    demo: &Demo,
    main: SocketAddr,
    partners: SocketAddr,
) -> std::io::Result<()> {
    let main = format!("https://localhost:{}", main.port());
    let partners = format!("https://localhost:{}", partners.port());
    let curl = format!("curl -sS -i --cacert {}", shown(&demo.ca));
    let partner = format!("-E {} -H 'X-Partner: acme'", shown(&demo.partner));
    let search = format!("{curl} {main}/server/rest/Catalogue/Search");
    let lines = [
        (
            "accepted: a catalogue for everybody",
            format!("{curl} {main}/server/rest/Catalogue/List"),
        ),
        (
            "accepted: a payment over mutual TLS",
            format!("{curl} {partner} -d '{{\"amount\":\"10.00\"}}' {partners}/server/rest/Payments/Create"),
        ),
        (
            "accepted: what the server knows of the caller",
            format!("{curl} {partner} {partners}/who-am-i"),
        ),
        (
            "refused: no client certificate, so no connection",
            format!("{curl} {partners}/server/rest/Payments/Status"),
        ),
        (
            "refused, 403 tls-version-too-low: payments want TLS 1.3",
            format!("{curl} --tls-max 1.2 {partner} {main}/server/rest/Payments/Status"),
        ),
        (
            "refused, 400 header-missing: the caller does not say who it is",
            format!("{curl} {main}/server/rest/Payments/Status"),
        ),
        (
            "refused, 400 header-faulty: a method in disguise",
            format!("{curl} -H 'X-HTTP-Method-Override: DELETE' {main}/server/rest/Catalogue/List"),
        ),
        (
            "refused, 403 ip-not-allowed: from an address on the deny list",
            format!("{curl} --interface 127.0.0.13 {partner} {main}/server/rest/Payments/Status"),
        ),
        (
            "refused, 429 rate-limit-exceeded: the fourth search of a client; Retry-After says when to come again",
            format!("for n in 1 2 3; do {search} -o /dev/null; done; {search}"),
        ),
        (
            "refused, 404 endpoint-not-configured: no group covers it",
            format!("{curl} -X DELETE {main}/server/rest/Catalogue/List"),
        ),
        (
            "refused, 400 path-not-canonical: a path with two readings",
            format!("{curl} --path-as-is {main}/server/rest/Catalogue/../Payments/Status"),
        ),
        (
            "refused, a SOAP Fault: the caller does not say who it is",
            format!(
                "{curl} -H 'Content-Type: text/xml' -H 'SOAPAction: \"urn:payments:create\"' -d '<Envelope/>' {main}/webservices/Payments"
            ),
        ),
    ];
    writeln!(
        out,
        "The server listens on {main}, and with mutual TLS on {partners}."
    )?;
    writeln!(
        out,
        "It is configured by {}; change that while it runs. Paste:\n",
        shown(&folder.join("application.properties"))
    )?;
    for (what, line) in lines {
        writeln!(out, "# {what}\n{line}\n")?;
    }
    out.flush()
}

/// A path as short as it can be from here, quoted where the shell needs it.
fn shown(path: &Path) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    let text = path.strip_prefix(&here).unwrap_or(path).display().to_string();
    let plain = text
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c));
    if plain {
        text
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}
