//! The certificate authority, as OpenSSL and Java see what it makes.

mod files;
mod issued;
mod requests;
mod revocation;

use std::time::{Duration, SystemTime};

use palisade_core::{Clock as _, SystemClock};
use palisade_keystore::{
    Authority, AuthorityFolder, Certificate, CertificateRequest, KeystoreBuilder, NewAuthority, Subject,
};
use tempfile::TempDir;

pub(crate) const HOUR: Duration = Duration::from_hours(1);
pub(crate) const DAY: Duration = Duration::from_hours(24);
pub(crate) const YEAR: Duration = Duration::from_hours(365 * 24);

/// An authority in `ca` of a folder of its own, as of now: OpenSSL has no other clock.
pub(crate) struct Sample {
    pub(crate) folder: TempDir,
    pub(crate) files: AuthorityFolder,
    pub(crate) authority: Authority,
    pub(crate) now: SystemTime,
}

pub(crate) fn sample() -> Sample {
    let now = SystemClock::new().now();
    let folder = tempfile::tempdir().unwrap();
    let files = AuthorityFolder::new(folder.path().join("ca"));
    let authority = Authority::create(&NewAuthority::new("Example CA", 10 * YEAR), now).unwrap();
    files.create(&authority, None, now, 30 * DAY).unwrap();
    Sample {
        folder,
        files,
        authority,
        now,
    }
}

impl Sample {
    /// Issues a client's certificate, and writes it as `<name>.crt`.
    pub(crate) fn client(&self, name: &str) -> Certificate {
        let request = CertificateRequest::client(Subject::new(name), YEAR);
        let issued = self.authority.issue(&request, self.now).unwrap();
        self.write(name, &issued.certificate);
        issued.certificate
    }

    pub(crate) fn write(&self, name: &str, certificate: &Certificate) {
        let mut builder = KeystoreBuilder::new();
        builder.add_trusted(name, certificate.clone()).unwrap();
        let text = builder.pem(name).unwrap();
        crate::support::write(&self.folder, &format!("{name}.crt"), text.as_bytes());
    }
}
