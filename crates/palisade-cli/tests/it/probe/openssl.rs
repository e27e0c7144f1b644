//! `openssl s_server`, which speaks whatever it is told to.

use std::io::Read as _;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use palisade_test::ca::TestCert;

use crate::support::{Folder, until};

/// A server in a process of its own; killed when dropped.
pub(super) struct Openssl {
    child: Option<Child>,
    pub(super) port: u16,
}

impl Openssl {
    /// Serves that certificate.
    pub(super) fn serve(certificate: &TestCert, flags: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = certificate.write_pem(folder.path(), "server");
        let chain = folder.path().join("chain.pem");
        let above = certificate
            .chain_pem()
            .strip_prefix(certificate.leaf_pem())
            .unwrap();
        std::fs::write(&chain, above).unwrap();
        let mut all = flags.to_vec();
        if !above.is_empty() {
            all.extend(["-cert_chain", chain.to_str().unwrap()]);
        }
        Self::start(&path, &path, &all)
    }

    /// Serves a certificate that openssl has signed with its own key, for localhost; it stands in `self.crt`.
    pub(super) fn self_signed(folder: &Folder) -> Self {
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"])
            .args([
                "-subj",
                "/CN=localhost",
                "-addext",
                "subjectAltName=DNS:localhost",
            ])
            .args(["-keyout", "self.key", "-out", "self.crt"])
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let (certificate, key) = (folder.path().join("self.crt"), folder.path().join("self.key"));
        Self::start(&certificate, &key, &[])
    }

    fn start(certificate: &Path, key: &Path, flags: &[&str]) -> Self {
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let accept = format!("127.0.0.1:{port}");
        let child = Command::new("openssl")
            .args(["s_server", "-quiet", "-accept", &accept, "-cert"])
            .arg(certificate)
            .arg("-key")
            .arg(key)
            .args(flags)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let server = Self {
            child: Some(child),
            port,
        };
        until("a server of openssl", || TcpStream::connect(&accept).is_ok());
        server
    }

    pub(super) fn url(&self) -> String {
        format!("https://localhost:{}", self.port)
    }

    /// What it was sent over TLS: of everything it prints nothing else.
    pub(super) fn received(mut self) -> String {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        let mut received = String::new();
        child
            .stdout
            .take()
            .unwrap()
            .read_to_string(&mut received)
            .unwrap();
        received
    }
}

impl Drop for Openssl {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // It may have ended already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
