//! `palisade serve`: listeners and endpoint groups in front of an upstream, or of the built-in echo.

use std::net::SocketAddr;

use metrics_exporter_prometheus::PrometheusBuilder;
use palisade_config::Config;
use palisade_core::{Finding, Severity};
use palisade_server::{Bindings, Loader, ServeError, Server, ServerHandle, logs};
use serde::Serialize;
use tokio::runtime;

use super::check::{Weighed, weigh};
use super::registry;
use crate::cli::{Common, ServeArguments};
use crate::outcome::{Exit, Failure, Outcome};
use crate::output::{HEADING, Output, styled};

/// An address that is served.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Served {
    listener: String,
    url: String,
    address: SocketAddr,
}

pub(super) fn run(common: &Common, arguments: &ServeArguments, output: &mut Output) -> Outcome {
    let sources = common.sources()?;
    let loader = Loader::new(sources.clone(), registry());
    let loader = if arguments.echo {
        loader
    } else {
        loader.for_gateway()
    };
    let server = loader.load()?;
    let (config, errors) = Config::load(&sources);
    let weighed = weigh(&errors.into_result(config)?, server.findings())?;

    let log = logs::init(&server.settings().log).map_err(|error| Failure::wrong(error.to_string()))?;
    report(&weighed);
    if arguments.echo && server.settings().upstream.is_some() {
        tracing::warn!(target: "palisade::serve", "--echo answers; palisade.upstream.url is not used");
        output.note("note: --echo answers; palisade.upstream.url is not used")?;
    }
    let metrics = PrometheusBuilder::new()
        .install_recorder()
        .map_err(|error| Failure::wrong(format!("metrics cannot be recorded: {error}")))?;
    let server = server.with_log(log).with_metrics(metrics);
    let runtime = runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::wrong(format!("the runtime cannot start: {error}")))?;
    let ended = runtime.block_on(serve(server, arguments.echo, output));
    // What still blocks a thread after the drain is not waited for.
    runtime.shutdown_background();
    ended
}

async fn serve(server: Server, echo: bool, output: &mut Output) -> Outcome {
    let plain = server
        .settings()
        .listeners
        .iter()
        .filter(|(_, listener)| !listener.tls.enabled);
    let plain: Vec<String> = plain.map(|(name, _)| name.clone()).collect();
    let handle = server.handle();
    let serving = async {
        if echo {
            Box::pin(server.serve_echo()).await
        } else {
            Box::pin(server.serve_gateway()).await
        }
    };
    let (ended, announced) = tokio::join!(serving, announce(handle, &plain, output));
    announced?;
    ended.map(|()| Exit::Fine).map_err(|error| describe(&error))
}

fn describe(error: &ServeError) -> Failure {
    Failure::wrong(error.to_string())
}

/// Says where the server listens, as soon as it does.
async fn announce(handle: ServerHandle, plain: &[String], output: &mut Output) -> Result<(), Failure> {
    let Some(bindings) = handle.listening().await else {
        return Ok(());
    };
    let served = served(&bindings, plain);
    if output.is_json() {
        output.json_line(&serde_json::json!({ "listening": served }))?;
        return Ok(());
    }
    for Served { listener, url, .. } in served {
        output.line(format_args!("{listener} listens on {}", styled(HEADING, url)))?;
    }
    output.flush()?;
    Ok(())
}

fn served(bindings: &Bindings, plain: &[String]) -> Vec<Served> {
    let listeners = bindings.listeners.iter().map(|(name, address)| {
        let scheme = if plain.contains(name) { "http" } else { "https" };
        Served {
            listener: name.clone(),
            url: format!("{scheme}://{address}"),
            address: *address,
        }
    });
    let admin = bindings.admin.map(|address| Served {
        listener: "admin".to_owned(),
        url: format!("http://{address}"),
        address,
    });
    listeners.chain(admin).collect()
}

/// Findings go to the log, the severe ones as errors, so that they are seen at the default level.
fn report(weighed: &Weighed) {
    for finding in &weighed.assessment.findings {
        let Finding { code, message, .. } = finding;
        let (key, origin) = (finding.key.as_deref(), finding.origin.as_deref());
        match finding.severity {
            Severity::Severe => tracing::error!(target: "palisade::finding", %code, key, origin, "{message}"),
            Severity::Moderate => {
                tracing::warn!(target: "palisade::finding", %code, key, origin, "{message}");
            }
            _ => tracing::info!(target: "palisade::finding", %code, key, origin, "{message}"),
        }
    }
    for justified in &weighed.assessment.justified {
        let Finding { code, message, .. } = &justified.finding;
        let (owner, until) = (&justified.owner, &justified.until);
        tracing::info!(target: "palisade::finding", %code, owner, until, "justified: {message}");
    }
}
