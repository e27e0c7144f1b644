//! The course of a probe.

use std::net::SocketAddr;
use std::time::{Instant, SystemTime};

use palisade_core::TlsVersion;
use palisade_keystore::certificate_facts;
use rustls::{RootCertStore, SupportedProtocolVersion};

use super::handshake::{Handshake, Told, suite_name};
use super::wire::{Wire, resolve};
use super::{Asked, Fault, Probed, TlsProbe, older, upgrade};
use crate::tls::{self, H2_AND_HTTP1, TlsSetupError, Trust};

pub(super) fn run(probe: &TlsProbe, now: SystemTime) -> Result<Probed, TlsSetupError> {
    let roots = match &probe.trust {
        Trust::Authorities(authorities) => tls::root_store(authorities)?,
        Trust::PublicRoots | Trust::InsecureAll => tls::public_roots(),
    };
    let course = Course {
        probe,
        roots,
        deadline: Instant::now() + probe.timeout,
    };
    let mut probed = Probed::default();
    let target = &probe.target;
    let addresses = match resolve(target.host(), target.port(), course.deadline) {
        Ok(addresses) => addresses,
        Err(fault) => {
            probed.faults.push(fault);
            return Ok(probed);
        }
    };
    probed.address = addresses.first().copied();
    let told = match course.handshake(&addresses, &tls::versions(probe.floor), &mut probed)? {
        Ok(told) => told,
        Err(fault) => {
            probed.faults.push(fault);
            return Ok(probed);
        }
    };
    probed.record(told, now);
    if probed.version.is_none() || probed.faults.contains(&Fault::BelowFloor(probe.floor)) {
        course.look_below(&addresses, now, &mut probed)?;
    }
    probed.floor_met = probed.version.map(|version| version >= probe.floor);
    if probed.floor_met == Some(false) && !probed.faults.contains(&Fault::BelowFloor(probe.floor)) {
        probed.faults.retain(|fault| !is_consequence(fault));
        probed.faults.insert(0, Fault::BelowFloor(probe.floor));
    }
    Ok(probed)
}

/// Whether a handshake fails this way with a peer that is too old, too.
fn is_consequence(fault: &Fault) -> bool {
    matches!(fault, Fault::NothingInCommon | Fault::Handshake(_))
}

impl Probed {
    /// Takes over what a handshake told.
    fn record(&mut self, told: Told, now: SystemTime) {
        self.version = told.version;
        self.cipher_suite = told.cipher_suite;
        self.key_exchange = told.key_exchange;
        self.alpn = told.alpn;
        self.client_certificate = told.client_certificate;
        self.resumption = told.resumption;
        self.faults.extend(told.fault);
        let Some(verdict) = told.verdict else {
            self.chain = told.chain;
            return;
        };
        self.is_trusted = Some(verdict.chain.is_ok());
        self.name_matches = Some(verdict.name_matches);
        if let Err(error) = verdict.chain {
            let own = told.chain.first().and_then(|own| certificate_facts(own).ok());
            let fault = Fault::of_chain(&error, &told.chain);
            match own {
                Some(own) if own.not_after < now => {
                    self.faults.push(Fault::Expired);
                    // The verification ends with the first reason, which that may have been.
                    self.faults.extend((!is_about_time(&error)).then_some(fault));
                }
                Some(own) if own.not_before > now => {
                    self.faults.push(Fault::NotYetValid);
                    self.faults.extend((!is_about_time(&error)).then_some(fault));
                }
                _ => self.faults.push(fault),
            }
        }
        if !verdict.name_matches {
            self.faults.push(Fault::OtherName);
        }
        self.chain = told.chain;
    }
}

/// What stays the same in all steps.
struct Course<'a> {
    probe: &'a TlsProbe,
    roots: RootCertStore,
    deadline: Instant,
}

impl Course<'_> {
    /// A connection on which TLS comes next.
    fn connect(&self, addresses: &[SocketAddr], probed: &mut Probed) -> Result<Wire, Fault> {
        let mut wire = Wire::connect(addresses, self.deadline)?;
        probed.address = wire.peer().or(probed.address);
        if let Some(protocol) = self.probe.target.upgraded {
            upgrade::upgrade(&mut wire, protocol)?;
        }
        Ok(wire)
    }

    fn handshake(
        &self,
        addresses: &[SocketAddr],
        versions: &[&'static SupportedProtocolVersion],
        probed: &mut Probed,
    ) -> Result<Result<Told, Fault>, TlsSetupError> {
        let alpn: &[&[u8]] = if self.probe.target.is_https() {
            H2_AND_HTTP1
        } else {
            &[]
        };
        let name = self.probe.name().clone();
        let handshake = Handshake::new(self.roots.clone(), versions, name, self.probe.floor, alpn)?;
        match self.connect(addresses, probed) {
            Ok(mut wire) => handshake.run(&mut wire).map(Ok),
            Err(fault) => Ok(Err(fault)),
        }
    }

    /// Which version a peer speaks that did not agree to any at the floor or above.
    fn look_below(
        &self,
        addresses: &[SocketAddr],
        now: SystemTime,
        probed: &mut Probed,
    ) -> Result<(), TlsSetupError> {
        if self.probe.floor > TlsVersion::Tls12
            && let Ok(told) = self.handshake(addresses, &[&rustls::version::TLS12], probed)?
            && told.version.is_some()
        {
            let before = std::mem::take(&mut probed.faults);
            probed.record(told, now);
            probed.faults.splice(0..0, before);
            return Ok(());
        }
        let speaks_tls = !probed
            .faults
            .iter()
            .any(|fault| matches!(fault, Fault::NotSpoken(_)));
        if probed.version.is_none()
            && speaks_tls
            && let Ok(mut wire) = self.connect(addresses, probed)
            && let Some(flight) = older::ask(&mut wire, self.probe.name())
        {
            probed.version = flight.version;
            probed.cipher_suite = flight.suite.map(|suite| suite_name(suite.into()));
            probed.chain = flight.chain;
            probed.client_certificate = Asked::Unknown;
        }
        Ok(())
    }
}

fn is_about_time(error: &rustls::Error) -> bool {
    use rustls::CertificateError as C;
    matches!(
        error,
        rustls::Error::InvalidCertificate(
            C::Expired | C::ExpiredContext { .. } | C::NotValidYet | C::NotValidYetContext { .. }
        )
    )
}
