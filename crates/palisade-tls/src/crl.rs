//! Certificate revocation lists (RFC 5280 section 5), PEM or DER, from files.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use palisade_core::{BuildError, Finding, Severity};
use rustls::pki_types::CertificateRevocationListDer;
use rustls::pki_types::pem::PemObject as _;
use x509_parser::oid_registry::OID_X509_EXT_ISSUER_DISTRIBUTION_POINT as ISSUING_DISTRIBUTION_POINT;
use x509_parser::prelude::{ASN1Time, CertificateRevocationList, FromDer as _};

use crate::old_crl::OldList;

/// What is left of a list, in seconds, when it should have been renewed already; less where its whole life is short.
const LATE: u64 = 2 * 24 * 60 * 60;

/// One list.
#[derive(Debug)]
struct List {
    der: CertificateRevocationListDer<'static>,
    issuer_der: Box<[u8]>,
    dates: Dates,
    kind: Kind,
}

/// How long a list counts, in seconds since 1970, and what it is told by.
#[derive(Debug, Clone)]
pub(crate) struct Dates {
    issuer: String,
    this_update: u64,
    pub(crate) next_update: u64,
    /// The setting that names its file.
    key: String,
}

/// Who consults a list.
#[derive(Debug)]
enum Kind {
    /// The library that verifies chains; a list with an issuing distribution point need not be complete.
    Regular { is_complete: bool },
    /// We ourselves: the list lacks what the library asks for.
    Old(OldList),
}

/// All lists of a listener, the newest of each issuer first: that is the one which is consulted.
#[derive(Debug, Default)]
pub(crate) struct Lists(Vec<List>);

/// The lists by who consults them.
#[derive(Debug, Default)]
pub(crate) struct Split {
    pub(crate) regular: Vec<CertificateRevocationListDer<'static>>,
    pub(crate) old: Vec<OldList>,
    pub(crate) covered: Vec<Box<[u8]>>,
}

/// The file that a setting names.
pub(crate) fn path(location: &str, folder: &Path) -> Option<PathBuf> {
    palisade_keystore::resolve(location, folder).ok()
}

/// Reads every file; what cannot be read becomes a fault.
pub(crate) fn load(files: &[String], folder: &Path, faults: &mut BuildError) -> Lists {
    let mut lists = Vec::new();
    for (index, file) in files.iter().enumerate() {
        let key = format!("tls.crl-files[{index}]");
        match read(file, folder, &key) {
            Ok(found) => lists.extend(found),
            Err(expected) => faults.push(key, expected),
        }
    }
    lists.sort_by_key(|list| std::cmp::Reverse(list.dates.this_update));
    Lists(lists)
}

fn read(file: &str, folder: &Path, key: &str) -> Result<Vec<List>, String> {
    let path = palisade_keystore::resolve(file, folder).map_err(|error| format!("a file: {error}"))?;
    let bytes = fs::read(&path).map_err(|error| format!("a file that can be read; `{file}`: {error}"))?;
    let ders: Vec<_> = if bytes.windows(10).any(|window| window == b"-----BEGIN") {
        CertificateRevocationListDer::pem_slice_iter(&bytes)
            .collect::<Result<_, _>>()
            .map_err(|error| format!("well-formed PEM; `{file}`: {error}"))?
    } else {
        vec![CertificateRevocationListDer::from(bytes)]
    };
    if ders.is_empty() {
        return Err(format!("at least one revocation list in `{file}`"));
    }
    ders.into_iter()
        .map(|der| {
            parse(der, key)
                .ok_or_else(|| format!("revocation lists of RFC 5280, with nextUpdate, in `{file}`"))
        })
        .collect()
}

fn parse(der: CertificateRevocationListDer<'static>, key: &str) -> Option<List> {
    let (rest, list) = CertificateRevocationList::from_der(&der).ok()?;
    let seconds = |time: x509_parser::time::ASN1Time| u64::try_from(time.timestamp()).unwrap_or(0);
    let next_update = list.next_update().map(seconds).filter(|_| rest.is_empty())?;
    let (issuer_der, issuer) = (list.issuer().as_raw().into(), list.issuer().to_string());
    let this_update = seconds(list.last_update());
    let kind = if list.extensions().is_empty() {
        Kind::Old(OldList::parse(&der, next_update)?)
    } else {
        let is_complete = list
            .extensions()
            .iter()
            .all(|extension| extension.oid != ISSUING_DISTRIBUTION_POINT);
        Kind::Regular { is_complete }
    };
    Some(List {
        issuer_der,
        dates: Dates {
            issuer,
            this_update,
            next_update,
            key: key.to_owned(),
        },
        kind,
        der,
    })
}

impl Lists {
    /// Their dates, at which a verdict may change.
    pub(crate) fn dates(&self) -> Box<[Dates]> {
        self.0.iter().map(|list| list.dates.clone()).collect()
    }

    /// What the library consults, what we consult, and the names of issuers with a complete list of the library's.
    pub(crate) fn split(self) -> Split {
        let mut split = Split::default();
        let mut seen = HashMap::new();
        for list in self.0 {
            let is_old = matches!(list.kind, Kind::Old(_));
            // The newest list of an issuer comes first, and decides which kind counts.
            if *seen.entry(list.issuer_der.clone()).or_insert(is_old) != is_old {
                continue;
            }
            match list.kind {
                Kind::Old(old) if !split.old.iter().any(|known| known.is_of_issuer_of(&old)) => {
                    split.old.push(old);
                }
                Kind::Old(_) => {}
                Kind::Regular { is_complete } => {
                    split.regular.push(list.der);
                    split.covered.extend(is_complete.then_some(list.issuer_der));
                }
            }
        }
        split
    }

    /// Lists that are past their date, or will be soon, and issuers without any.
    pub(crate) fn findings(
        &self,
        listener: &str,
        now: SystemTime,
        issuers: &[Arc<[u8]>],
        findings: &mut Vec<Finding>,
    ) {
        let now = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        for list in self.0.iter().map(|list| &list.dates) {
            if list.next_update <= now {
                tracing::error!(target: "palisade::tls", listener, issuer = list.issuer, "a certificate revocation list is past its nextUpdate");
            }
            findings.extend(list.finding(now));
        }
        let has_list = |issuer: &Arc<[u8]>| self.0.iter().any(|list| *list.issuer_der == **issuer);
        if !self.0.is_empty() && !issuers.iter().all(has_list) {
            let message = "revocation lists are given, but not for every issuer of tls.client-ca-aliases: certificates of the \
                           others are refused, because their status is unknown";
            findings.push(Finding::new(Severity::Moderate, "crl-missing", message).at("tls.crl-files"));
        }
    }
}

impl Dates {
    /// What the age of the list calls for. The message stays the same while time passes.
    pub(crate) fn finding(&self, now: u64) -> Option<Finding> {
        let issuer = &self.issuer;
        let Some(left) = self.next_update.checked_sub(now).filter(|left| *left > 0) else {
            let message = format!(
                "the revocation list of {issuer} is past its nextUpdate: certificates it covers are refused until it is renewed"
            );
            return Some(Finding::new(Severity::Severe, "crl-expired", message).at(&self.key));
        };
        let life = self.next_update.saturating_sub(self.this_update);
        if left >= life / 3 {
            return None;
        }
        let message = format!(
            "the revocation list of {issuer} counts until {}: certificates it covers are refused after that, unless it is renewed",
            date(self.next_update)
        );
        let finding = if left < (life / 10).min(LATE) {
            Finding::new(Severity::Moderate, "crl-expires-soon", message)
        } else {
            Finding::new(Severity::Caution, "crl-expires-soon", message)
        };
        Some(finding.at(&self.key))
    }
}

/// A moment for people, in UTC.
fn date(seconds: u64) -> String {
    let time = i64::try_from(seconds).ok();
    let time = time.and_then(|seconds| ASN1Time::from_timestamp(seconds).ok());
    time.map_or_else(|| "its nextUpdate".to_owned(), |time| time.to_string())
}

#[cfg(test)]
mod tests {
    use palisade_core::Severity;
    use rstest::rstest;

    use super::Dates;

    const HOUR: u64 = 60 * 60;
    const DAY: u64 = 24 * HOUR;

    #[rstest]
    #[case::fresh(30 * DAY, 10 * DAY, None)]
    #[case::less_than_a_third(30 * DAY, 10 * DAY - 1, Some(("crl-expires-soon", Severity::Caution)))]
    #[case::two_days(30 * DAY, 2 * DAY, Some(("crl-expires-soon", Severity::Caution)))]
    #[case::less_than_two_days(30 * DAY, 2 * DAY - 1, Some(("crl-expires-soon", Severity::Moderate)))]
    #[case::of_a_day_and_fresh(DAY, 8 * HOUR, None)]
    #[case::of_a_day_a_tenth(DAY, DAY / 10, Some(("crl-expires-soon", Severity::Caution)))]
    #[case::of_a_day_less_than_a_tenth(DAY, DAY / 10 - 1, Some(("crl-expires-soon", Severity::Moderate)))]
    #[case::over(30 * DAY, 0, Some(("crl-expired", Severity::Severe)))]
    #[case::made_with_its_dates_reversed(0, DAY, None)]
    fn a_list_is_told_of_before_it_ends(
        #[case] life: u64,
        #[case] left: u64,
        #[case] expected: Option<(&str, Severity)>,
    ) {
        let next_update = 1_767_225_600;
        let list = Dates {
            issuer: "CN=Test Root".to_owned(),
            this_update: next_update - life,
            next_update,
            key: "tls.crl-files[0]".to_owned(),
        };
        let finding = list.finding(next_update - left);
        let found = finding.as_ref();
        assert_eq!(
            found.map(|finding| (finding.code.as_ref(), finding.severity)),
            expected
        );
        assert!(found.is_none_or(|finding| finding.key.as_deref() == Some("tls.crl-files[0]")));
        let tells_when = |message: &str| message.contains("CN=Test Root counts until Jan  1 00:00:00 2026");
        assert!(found.is_none_or(|finding| finding.code == "crl-expired" || tells_when(&finding.message)));
        let past = list.finding(next_update + 1).unwrap();
        assert_eq!(past.code, "crl-expired");
    }
}
