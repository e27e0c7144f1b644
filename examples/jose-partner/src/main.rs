//! A server whose partners sign and encrypt their messages, and get answers that are signed and encrypted.
//!
//! Run it with `./examples/run jose-partner`, and paste the lines it prints. A folder as the first argument is read in place of
//! this example's `config`. The partners are in `partners`: what one hands to a team that has to call such a server.

mod demo;
mod message;
mod routes;

use std::error::Error;
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use palisade::config::Sources;
use palisade::{Registry, Server, StandardRegistry};

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
    {
        let order = message::write(&demo)?;
        print_lines(&mut std::io::stdout(), &folder, &demo, &order, main)?;
    }
    serving.await??;
    Ok(ExitCode::SUCCESS)
}

/// The calls to paste.
fn print_lines(
    out: &mut impl Write,
    folder: &Path,
    demo: &Path,
    order: &Path,
    main: SocketAddr,
) -> std::io::Result<()> {
    let url = format!("https://localhost:{}/server/rest", main.port());
    let partners = shown(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/partners")));
    let (acme, acme_ec) = (shown(&demo.join("acme")), shown(&demo.join("acme-ec")));
    let node = format!("node {partners}/node/partner.mjs --keys");
    let python = std::env::var_os("PARTNER_PYTHON").unwrap_or("python3".into());
    let python = format!(
        "{} {partners}/python/partner.py --keys",
        shown(Path::new(&python))
    );
    let rust = format!("cargo run -q -p jose-partner --bin partner -- {partners}/rust/config");
    let curl = format!(
        "curl -sS -i --cacert {} -H 'Content-Type: application/jose'",
        shown(&demo.join("tls/ca.pem"))
    );
    let order = shown(order);
    let lines = [
        (
            "accepted: a payment, by a partner with jose",
            format!("{node} {acme} POST {url}/payments/order '{{\"amount\":\"10.00\"}}'"),
        ),
        (
            "accepted: a document in the format raw, by a partner with jwcrypto",
            format!(
                "{python} {acme} --format raw --type application/xml POST {url}/documents/copy '<deed/>'"
            ),
        ),
        (
            "accepted: a trade under EC keys, by a partner with jwcrypto",
            format!("{python} {acme_ec} --format raw POST {url}/trades/copy '{{\"isin\":\"NL0000000000\"}}'"),
        ),
        (
            "accepted: a statement, encrypted to the certificate of the caller, with our own client",
            format!(
                "KEYS={} {rust} Accounts GET {url}/accounts/statement",
                absolute(&demo.join("acme"))
            ),
        ),
        (
            "accepted: a message that is ready, within five minutes; the answer is one too",
            format!("{curl} --data-binary @{order} {url}/payments/order"),
        ),
        (
            "refused, 409 message-replayed: the same message again",
            format!("{curl} --data-binary @{order} {url}/payments/order"),
        ),
        (
            "refused, 400 message-security-failed: the same message elsewhere",
            format!("{curl} --data-binary @{order} {url}/payments/status"),
        ),
        (
            "refused, 400 message-not-secured: an order in the clear",
            format!("{curl} -d '{{\"amount\":\"10.00\"}}' {url}/payments/order"),
        ),
    ];
    writeln!(
        out,
        "The server listens on https://localhost:{}. It is configured by {}.",
        main.port(),
        shown(&folder.join("application.properties"))
    )?;
    writeln!(
        out,
        "What a partner is given is in {acme} and {acme_ec}. Paste:\n"
    )?;
    for (what, line) in lines {
        writeln!(out, "# {what}\n{line}\n")?;
    }
    out.flush()
}

/// A path that holds from everywhere, quoted where the shell needs it.
fn absolute(path: &Path) -> String {
    quoted(&std::path::absolute(path).unwrap_or_else(|_| path.to_owned()))
}

/// A path as short as it can be from here, quoted where the shell needs it.
fn shown(path: &Path) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    quoted(path.strip_prefix(&here).unwrap_or(path))
}

fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = text
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c));
    if plain {
        text
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}
