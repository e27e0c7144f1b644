//! A certificate authority that is nothing but the `openssl` command and its files.

use std::path::PathBuf;
use std::process::Command;

use openssl::sha::sha256;
use openssl::x509::X509;
use tempfile::TempDir;

/// The files of `openssl ca`, which keeps the record of what is revoked.
const CONFIGURATION: &str = "\
[ca]
default_ca = this
[this]
database = index.txt
certificate = ca.pem
private_key = ca.key
crlnumber = crlnumber
default_md = sha256
default_crl_days = 30
";

/// An authority with a certificate for `localhost`. Every certificate is `<name>.pem`, with its key in `<name>.key`.
pub(crate) struct Pki {
    folder: TempDir,
}

impl Pki {
    pub(crate) fn new() -> Self {
        let pki = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        let files = [
            ("ca.cnf", CONFIGURATION),
            ("index.txt", ""),
            ("crlnumber", "01\n"),
        ];
        for (name, text) in files {
            std::fs::write(pki.file(name), text).unwrap();
        }
        let for_issuers = [
            "basicConstraints=critical,CA:TRUE",
            "keyUsage=critical,keyCertSign,cRLSign",
        ];
        pki.make("ca", "Example Root", 365, &[], &for_issuers);
        pki.issue_with(
            "server",
            365,
            &["subjectAltName=DNS:localhost", "extendedKeyUsage=serverAuth"],
        );
        pki
    }

    /// Issues a client's certificate that is good for a year.
    pub(crate) fn issue(&self, name: &str) {
        self.issue_for(name, 365);
    }

    /// Issues a client's certificate that is good for so many days.
    pub(crate) fn issue_for(&self, name: &str, days: u32) {
        self.issue_with(name, days, &["extendedKeyUsage=clientAuth"]);
    }

    fn issue_with(&self, name: &str, days: u32, extensions: &[&str]) {
        let extensions = [&["basicConstraints=critical,CA:FALSE"], extensions].concat();
        self.make(
            name,
            name,
            days,
            &["-CA", "ca.pem", "-CAkey", "ca.key"],
            &extensions,
        );
    }

    fn make(&self, name: &str, common_name: &str, days: u32, issuer: &[&str], extensions: &[&str]) {
        let (key, certificate) = (format!("{name}.key"), format!("{name}.pem"));
        let (days, subject) = (days.to_string(), format!("/CN={common_name}"));
        let mut arguments = vec!["req", "-x509", "-config", "/dev/null", "-noenc", "-newkey", "ec"];
        arguments.extend([
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-days",
            &days,
            "-subj",
            &subject,
        ]);
        arguments.extend(["-keyout", &key, "-out", &certificate]);
        arguments.extend(issuer);
        arguments.extend(extensions.iter().flat_map(|extension| ["-addext", extension]));
        self.openssl(&arguments);
    }

    /// Takes a certificate onto the record of what is revoked.
    pub(crate) fn revoke(&self, name: &str) {
        self.openssl(&["ca", "-config", "ca.cnf", "-revoke", &format!("{name}.pem")]);
    }

    /// The revocation list as of now, in PEM.
    pub(crate) fn revocation_list(&self) -> Vec<u8> {
        self.openssl(&["ca", "-config", "ca.cnf", "-gencrl", "-out", "crl.pem"]);
        std::fs::read(self.file("crl.pem")).unwrap()
    }

    fn openssl(&self, arguments: &[&str]) {
        let output = Command::new("openssl")
            .current_dir(self.folder.path())
            .args(arguments)
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn pem(&self, name: &str) -> String {
        std::fs::read_to_string(self.file(&format!("{name}.pem"))).unwrap()
    }

    pub(crate) fn der(&self, name: &str) -> Vec<u8> {
        X509::from_pem(self.pem(name).as_bytes())
            .unwrap()
            .to_der()
            .unwrap()
    }

    /// SHA-256 of the DER.
    pub(crate) fn digest(&self, name: &str) -> [u8; 32] {
        sha256(&self.der(name))
    }

    /// The digest as property files write it.
    pub(crate) fn fingerprint(&self, name: &str) -> String {
        fingerprint(&self.der(name))
    }
}

/// SHA-256 as property files write it.
pub(crate) fn fingerprint(bytes: &[u8]) -> String {
    let digits = sha256(bytes).map(|byte| format!("{byte:02x}")).concat();
    format!("sha256:{digits}")
}
