//! `palisade probe`: what a peer speaks, and whether a connection to it would come about.
//!
//! 1. The peer is asked as connections to partners ask it. Nothing is sent but handshakes, and before them what STARTTLS needs.
//! 2. What is found is told, whatever the verdict: a chain that is not trusted, too.
//! 3. Options come before what the named connection says, and that before the defaults.
//! 4. Status 0 says that a connection would come about, 1 that none would, for whatever reason: the peer is below the floor, is not
//!    trusted, has another name, or does not answer. Status 2 says that the question was no question: a URL that is none, a scheme
//!    without TLS, trust in a file that holds no certificate.
//!
//! What this does not protect against: the key of a connection (`tls.key-alias`) is never shown, so that a peer that would refuse it is
//! not found out. A connection that trusts everybody (`tls.insecure-trust-all`) comes about whatever is told here, which is remarked.

mod connection;
mod described;
mod printed;

use palisade_client::probe::{Target, TlsProbe};

use self::connection::Connection;
use self::described::{Authorities, Described};
use super::cert;
use crate::cli::{Common, ProbeArguments};
use crate::outcome::{Exit, Failure, Outcome};
use crate::output::Output;

pub(super) fn run(common: &Common, arguments: &ProbeArguments, output: &mut Output) -> Outcome {
    let connection = match &arguments.connection {
        Some(name) => Connection::read(common, name)?,
        None => Connection::default(),
    };
    let trusts_everybody = connection.trusts_everybody;
    let (probe, authorities) = probe(arguments, connection)?;
    let probed = probe
        .run()
        .map_err(|error| Failure::wrong(format!("the authorities: {error}")))?;
    let described = Described::new(&probe, &probed, authorities);
    if output.is_json() {
        output.json(&described)?;
    } else {
        printed::print(&described, output)?;
    }
    if trusts_everybody {
        output
            .note("note: the connection trusts everybody (tls.insecure-trust-all), whatever is found here")?;
    }
    Ok(if probed.faults.is_empty() {
        Exit::Fine
    } else {
        Exit::Refused
    })
}

/// The question, and who is trusted to vouch for the peer.
fn probe(arguments: &ProbeArguments, connection: Connection) -> Result<(TlsProbe, Authorities), Failure> {
    let url = arguments.url.as_ref().or(connection.url.as_ref());
    let url = url.ok_or_else(|| Failure::wrong("the connection has no url: expected one before it"))?;
    let target: Target = url
        .parse()
        .map_err(|error| Failure::wrong(format!("URL: {error}")))?;
    let mut probe = TlsProbe::new(target);
    if let Some(floor) = arguments.minimum_version.or(connection.floor) {
        probe = probe.minimum_version(floor);
    }
    if let Some(timeout) = arguments.timeout.or(connection.timeout) {
        probe = probe.timeout(timeout.into());
    }
    if let Some(name) = &arguments.server_name {
        probe = probe
            .server_name(name)
            .map_err(|error| Failure::wrong(format!("--server-name: {error}")))?;
    }
    Ok(match &arguments.trust {
        Some(file) => (
            probe.trust_authorities(cert::certificates(file, None)?),
            Authorities::File(file.display().to_string()),
        ),
        None if connection.trust_aliases.is_empty() => (probe, Authorities::Public),
        None => (
            probe.trust_authorities(connection.authorities),
            Authorities::Aliases(connection.trust_aliases),
        ),
    })
}
