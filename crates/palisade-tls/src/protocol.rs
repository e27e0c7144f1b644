//! Which versions of TLS are served, out of the floor and the two lists.

use std::str::FromStr as _;

use palisade_core::{BuildError, Finding, Severity, TlsVersion};
use rustls::SupportedProtocolVersion;

use crate::TlsSettings;

/// Names of protocols that are older than everything a version can be; excluding them changes nothing.
const PREHISTORIC: [&str; 4] = ["SSL", "SSLv2", "SSLv2Hello", "SSLv1"];

/// The versions to serve, newest first; empty with a fault when there are none.
pub(crate) fn versions(
    tls: &TlsSettings,
    faults: &mut BuildError,
    findings: &mut Vec<Finding>,
) -> Vec<TlsVersion> {
    let floor = floor(tls, faults, findings);
    let included = read(&tls.include_protocols, "tls.include-protocols", faults);
    let excluded = read(&tls.exclude_protocols, "tls.exclude-protocols", faults);
    let served: Vec<_> = [TlsVersion::Tls13, TlsVersion::Tls12]
        .into_iter()
        .filter(|version| *version >= floor)
        .filter(|version| tls.include_protocols.is_empty() || included.contains(version))
        .filter(|version| !excluded.contains(version))
        .collect();
    if served.is_empty() && faults.faults.is_empty() {
        faults.push(
            if excluded.is_empty() { "tls.include-protocols" } else { "tls.exclude-protocols" },
            format_args!(
                "at least one of TLSv1.2 and TLSv1.3 to remain of tls.minimum-version ({floor}), tls.include-protocols and \
                 tls.exclude-protocols"
            ),
        );
    }
    served
}

fn floor(tls: &TlsSettings, faults: &mut BuildError, findings: &mut Vec<Finding>) -> TlsVersion {
    match TlsVersion::from_str(&tls.minimum_version) {
        Ok(version) if version < TlsVersion::LOWEST_SERVED => {
            let message = format!(
                "{version} is obsolete and never served (RFC 8996); the effective floor is {}",
                TlsVersion::LOWEST_SERVED
            );
            findings
                .push(Finding::new(Severity::Severe, "tls-floor-too-low", message).at("tls.minimum-version"));
            TlsVersion::LOWEST_SERVED
        }
        Ok(version) => version,
        Err(error) => {
            faults.push(
                "tls.minimum-version",
                error.to_string().trim_start_matches("expected "),
            );
            TlsVersion::LOWEST_SERVED
        }
    }
}

fn read(names: &[String], key: &str, faults: &mut BuildError) -> Vec<TlsVersion> {
    let mut versions = Vec::with_capacity(names.len());
    for (index, name) in names.iter().enumerate() {
        match TlsVersion::from_str(name) {
            Ok(version) => versions.push(version),
            Err(_)
                if PREHISTORIC
                    .iter()
                    .any(|known| known.eq_ignore_ascii_case(name.trim())) => {}
            Err(_) => faults.push(
                format!("{key}[{index}]"),
                "TLSv1.3, TLSv1.2, TLSv1.1, TLSv1 or SSLv3",
            ),
        }
    }
    versions
}

/// The library's name of a version.
pub(crate) fn supported(version: TlsVersion) -> Option<&'static SupportedProtocolVersion> {
    match version {
        TlsVersion::Tls13 => Some(&rustls::version::TLS13),
        TlsVersion::Tls12 => Some(&rustls::version::TLS12),
        TlsVersion::Tls11 | TlsVersion::Tls10 | TlsVersion::Ssl3 => None,
    }
}

/// Our name of the library's version.
pub(crate) fn version(version: rustls::ProtocolVersion) -> Option<TlsVersion> {
    Some(match version {
        rustls::ProtocolVersion::TLSv1_3 => TlsVersion::Tls13,
        rustls::ProtocolVersion::TLSv1_2 => TlsVersion::Tls12,
        rustls::ProtocolVersion::TLSv1_1 => TlsVersion::Tls11,
        rustls::ProtocolVersion::TLSv1_0 => TlsVersion::Tls10,
        rustls::ProtocolVersion::SSLv3 => TlsVersion::Ssl3,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use palisade_core::{BuildError, Severity, TlsVersion};
    use rstest::rstest;

    use super::versions;
    use crate::TlsSettings;

    use TlsVersion::{Tls12, Tls13};

    fn settings(floor: &str, include: &[&str], exclude: &[&str]) -> TlsSettings {
        let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        TlsSettings {
            minimum_version: floor.to_owned(),
            include_protocols: list(include),
            exclude_protocols: list(exclude),
            ..TlsSettings::default()
        }
    }

    #[rstest]
    #[case("TLSv1.2", &[], &[], &[Tls13, Tls12])]
    #[case("TLSv1.3", &[], &[], &[Tls13])]
    #[case("TLSv1.2", &["TLSv1.2"], &[], &[Tls12])]
    #[case("TLSv1.2", &["TLSv1.2", "TLSv1.3"], &["TLSv1.2"], &[Tls13])]
    #[case("TLSv1.2", &[], &["SSLv2Hello", "SSLv3", "TLSv1", "TLSv1.3"], &[Tls12])]
    #[case("TLSv1.2", &["TLSv1.1", "TLSv1.3"], &[], &[Tls13])]
    fn versions_pass_the_floor_and_both_lists(
        #[case] floor: &str,
        #[case] include: &[&str],
        #[case] exclude: &[&str],
        #[case] served: &[TlsVersion],
    ) {
        let (mut faults, mut findings) = (BuildError::default(), Vec::new());
        assert_eq!(
            versions(&settings(floor, include, exclude), &mut faults, &mut findings),
            served
        );
        assert!(faults.faults.is_empty() && findings.is_empty());
    }

    #[rstest]
    #[case("TLSv1.3", &["TLSv1.2"], &[], "tls.include-protocols")]
    #[case("TLSv1.2", &[], &["TLSv1.2", "TLSv1.3"], "tls.exclude-protocols")]
    #[case("TLSv1.4", &[], &[], "tls.minimum-version")]
    #[case("TLSv1.2", &["TLSv1.3", "TSLv1.2"], &[], "tls.include-protocols[1]")]
    fn settings_that_leave_nothing_or_make_no_sense_are_faults(
        #[case] floor: &str,
        #[case] include: &[&str],
        #[case] exclude: &[&str],
        #[case] key: &str,
    ) {
        let (mut faults, mut findings) = (BuildError::default(), Vec::new());
        versions(&settings(floor, include, exclude), &mut faults, &mut findings);
        assert_eq!(faults.faults.len(), 1, "{faults}");
        assert_eq!(faults.faults[0].key, key);
    }

    #[rstest]
    #[case("TLSv1.1")]
    #[case("TLSv1")]
    #[case("SSLv3")]
    fn a_floor_below_what_is_served_is_lifted_with_a_severe_finding(#[case] floor: &str) {
        let (mut faults, mut findings) = (BuildError::default(), Vec::new());
        assert_eq!(
            versions(&settings(floor, &[], &[]), &mut faults, &mut findings),
            [Tls13, Tls12]
        );
        assert!(faults.faults.is_empty());
        assert_eq!(findings.len(), 1);
        assert_eq!(
            (&*findings[0].code, findings[0].severity),
            ("tls-floor-too-low", Severity::Severe)
        );
    }
}
