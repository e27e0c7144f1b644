//! `palisade probe`: what a peer speaks, and whether a connection to it would come about.
//!
//! 1. The peer is asked as connections to partners ask it. Nothing is sent but handshakes, and before them what STARTTLS needs.
//! 2. What is found is told, whatever the verdict: a chain that is not trusted, too.
//! 3. Status 0 says that a connection would come about, 1 that none would, for whatever reason: the peer is below the floor, is not
//!    trusted, has another name, or does not answer. Status 2 says that the question was no question: a URL that is none, a scheme
//!    without TLS, trust in a file that holds no certificate.

mod described;
mod printed;

use palisade_client::probe::{Probed, Target, TlsProbe};
use palisade_keystore::Certificate;

use self::described::Described;
use super::cert;
use crate::cli::ProbeArguments;
use crate::outcome::{Exit, Failure, Outcome};
use crate::output::Output;

pub(super) fn run(arguments: &ProbeArguments, output: &mut Output) -> Outcome {
    let target: Target = arguments
        .url
        .parse()
        .map_err(|error| Failure::wrong(format!("URL: {error}")))?;
    let mut probe = TlsProbe::new(target)
        .minimum_version(arguments.minimum_version)
        .timeout(arguments.timeout.into());
    if let Some(name) = &arguments.server_name {
        probe = probe
            .server_name(name)
            .map_err(|error| Failure::wrong(format!("--server-name: {error}")))?;
    }
    if let Some(file) = &arguments.trust {
        probe = probe.trust_authorities(trusted(file)?);
    }
    let probed = probe
        .run()
        .map_err(|error| Failure::wrong(format!("--trust: {error}")))?;
    let described = Described::new(&probe, &probed, arguments.trust.as_deref());
    if output.is_json() {
        output.json(&described)?;
    } else {
        printed::print(&described, output)?;
    }
    Ok(exit(&probed))
}

fn trusted(file: &std::path::Path) -> Result<Vec<Certificate>, Failure> {
    cert::certificates(file, None)
}

fn exit(probed: &Probed) -> Exit {
    if probed.faults.is_empty() {
        Exit::Fine
    } else {
        Exit::Refused
    }
}
