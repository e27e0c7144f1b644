//! Clients: requests in HTTP/1.1 over a connection that is kept, and curl.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{
    ClientConfig, ClientConnection, HandshakeKind, RootCertStore, StreamOwned, SupportedProtocolVersion,
};
use serde_json::Value;
use tokio::net::TcpSocket;
use tokio::runtime::Builder;

use super::pki::Pki;

const PATIENCE: Duration = Duration::from_secs(20);

/// Fields that no handler may see.
const NEVER_SEEN: [&str; 4] = [
    "x-on-behalf-of",
    "client-cert",
    "client-cert-chain",
    "x-forwarded-client-cert",
];

/// A request.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    method: &'static str,
    path: String,
    fields: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Ask {
    pub(crate) fn get(path: &str) -> Self {
        Self::new("GET", path)
    }

    pub(crate) fn new(method: &'static str, path: &str) -> Self {
        Self {
            method,
            path: path.to_owned(),
            fields: Vec::new(),
            body: Vec::new(),
        }
    }

    pub(crate) fn post(path: &str, media_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let body = body.into();
        let ask = Self::new("POST", path).with("content-type", media_type);
        let mut ask = ask.with("content-length", &body.len().to_string());
        ask.body = body;
        ask
    }

    /// With a body that is in chunks already.
    pub(crate) fn chunked(path: &str, media_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let ask = Self::new("POST", path).with("content-type", media_type);
        let mut ask = ask.with("transfer-encoding", "chunked");
        ask.body = body.into();
        ask
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn with_all(self, fields: &[(&str, String)]) -> Self {
        fields
            .iter()
            .fold(self, |ask, (name, value)| ask.with(name, value))
    }

    fn head(&self) -> String {
        let fields = self
            .fields
            .iter()
            .map(|(name, value)| format!("{name}: {value}\r\n"));
        let fields = fields.collect::<String>();
        format!(
            "{} {} HTTP/1.1\r\nhost: localhost\r\n{fields}\r\n",
            self.method, self.path
        )
    }
}

/// An answer.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Names in lower case.
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    /// Reads the head; the body is still to come.
    fn read_head(from: &mut impl BufRead) -> io::Result<Self> {
        let mut line = || {
            let mut line = String::new();
            match from.read_line(&mut line)? {
                0 => Err(io::Error::from(io::ErrorKind::UnexpectedEof)),
                _ => Ok(line.trim_end().to_owned()),
            }
        };
        let status = line()?;
        let status = status.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.ok_or(io::ErrorKind::InvalidData)?;
        let mut fields = Vec::new();
        loop {
            let line = line()?;
            let Some((name, value)) = line.split_once(':') else {
                break;
            };
            fields.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        Ok(Self {
            status,
            fields,
            body: String::new(),
        })
    }

    /// An answer that says how long its body is.
    fn read(from: &mut impl BufRead) -> io::Result<Self> {
        let mut answer = Self::read_head(from)?;
        answer.read_body(from)?;
        Ok(answer)
    }

    fn read_body(&mut self, from: &mut impl BufRead) -> io::Result<()> {
        let length = self
            .field("content-length")
            .and_then(|length| length.parse().ok());
        let mut body = vec![0; length.ok_or(io::ErrorKind::InvalidData)?];
        from.read_exact(&mut body)?;
        self.body = String::from_utf8(body).unwrap();
        Ok(())
    }

    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let named = self.fields.iter().filter(move |(found, _)| found == name);
        named.map(|(_, value)| value.as_str())
    }

    pub(crate) fn field<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        self.all(name).next()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// Whom the handler saw, such as `alice of acme by basic`; or status and code of the refusal, such as
    /// `401 credentials-missing`. What holds for every answer is checked on the way.
    pub(crate) fn shown(&self) -> String {
        let document = self.json();
        if self.status == 200 {
            for name in NEVER_SEEN {
                assert_eq!(document["headers"].get(name), None, "the handler saw {name}");
            }
            return principal(&document["principal"]);
        }
        assert_eq!(
            self.field("content-type"),
            Some("application/problem+json"),
            "{self:?}"
        );
        assert_eq!(
            self.field("x-request-id"),
            document["instance"].as_str(),
            "{self:?}"
        );
        assert_eq!(document["status"], self.status, "{self:?}");
        assert_eq!(
            self.field("www-authenticate").is_some(),
            self.status == 401,
            "{self:?}"
        );
        let code = document["type"]
            .as_str()
            .and_then(|kind| kind.strip_prefix("urn:palisade:problem:"));
        format!("{} {}", self.status, code.unwrap())
    }
}

fn principal(principal: &Value) -> String {
    if principal.is_null() {
        return "nobody".to_owned();
    }
    let text = |name: &str| principal[name].as_str().unwrap().to_owned();
    let kind = if principal.get("is_tenant") == Some(&Value::Bool(true)) {
        "tenant "
    } else {
        ""
    };
    let tenant = principal["tenant"].as_str().map(|tenant| format!(" of {tenant}"));
    format!(
        "{kind}{}{} by {}",
        text("subject"),
        tenant.unwrap_or_default(),
        text("how")
    )
}

/// How a client does TLS. Its connections share a memory for sessions.
#[derive(Clone)]
pub(crate) struct Tls(Arc<ClientConfig>);

impl Tls {
    /// Trusts `pki`, and shows a certificate of whichever authority.
    pub(crate) fn new(
        pki: &Pki,
        shows: Option<(&Pki, &str)>,
        versions: &[&'static SupportedProtocolVersion],
    ) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(pki.der("ca").into()).unwrap();
        let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
        let builder = builder
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots);
        let mut config = match shows {
            None => builder.with_no_client_auth(),
            Some((issuer, name)) => {
                let key = PrivateKeyDer::from_pem_file(issuer.file(&format!("{name}.key"))).unwrap();
                let chain = vec![CertificateDer::from(issuer.der(name))];
                builder.with_client_auth_cert(chain, key).unwrap()
            }
        };
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Self(Arc::new(config))
    }

    /// With the client's end of the handshake done. With TLS 1.3 a server that refuses the certificate says so afterwards.
    pub(crate) fn connect(&self, address: SocketAddr) -> io::Result<Connection> {
        self.connect_behind(address, b"")
    }

    /// Behind these bytes, which come before the handshake.
    pub(crate) fn connect_behind(&self, address: SocketAddr, first: &[u8]) -> io::Result<Connection> {
        let mut tcp = dial(address)?;
        tcp.write_all(first)?;
        self.handshake(tcp)
    }

    /// Over a connection that takes little which nobody reads.
    pub(crate) fn connect_with_small_buffer(&self, address: SocketAddr) -> io::Result<Connection> {
        let socket = TcpSocket::new_v4()?;
        socket.set_recv_buffer_size(8 * 1024)?;
        let runtime = Builder::new_current_thread().enable_io().build()?;
        let tcp = runtime.block_on(socket.connect(address))?.into_std()?;
        tcp.set_nonblocking(false)?;
        tcp.set_read_timeout(Some(PATIENCE))?;
        self.handshake(tcp)
    }

    /// As other protocols need it.
    pub(crate) fn with_alpn(&self, protocol: &[u8]) -> ClientConfig {
        let mut config = ClientConfig::clone(&self.0);
        config.alpn_protocols = vec![protocol.to_vec()];
        config
    }

    fn handshake(&self, mut tcp: TcpStream) -> io::Result<Connection> {
        let name = ServerName::try_from("localhost").unwrap();
        let mut tls = ClientConnection::new(Arc::clone(&self.0), name).map_err(io::Error::other)?;
        while tls.is_handshaking() {
            tls.complete_io(&mut tcp)?;
        }
        let stream = Stream::Tls(Box::new(StreamOwned::new(tls, tcp)));
        Ok(Connection(BufReader::new(stream)))
    }

    /// A new connection for one request.
    pub(crate) fn ask(&self, address: SocketAddr, ask: &Ask) -> io::Result<Answer> {
        self.connect(address)?.ask(ask)
    }
}

/// A connection that is kept.
pub(crate) struct Connection(BufReader<Stream>);

enum Stream {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Connection {
    /// Without TLS, behind these bytes.
    pub(crate) fn plain(address: SocketAddr, first: &[u8]) -> io::Result<Self> {
        let mut tcp = dial(address)?;
        tcp.write_all(first)?;
        Ok(Self(BufReader::new(Stream::Plain(tcp))))
    }

    pub(crate) fn ask(&mut self, ask: &Ask) -> io::Result<Answer> {
        self.send(ask)?;
        self.receive()
    }

    /// Sends a request; its answer is still to be read.
    pub(crate) fn send(&mut self, ask: &Ask) -> io::Result<()> {
        self.0
            .get_mut()
            .write_all(&[ask.head().as_bytes(), &ask.body].concat())
    }

    /// Sends the head of a request alone; the server waits for the body.
    pub(crate) fn send_head(&mut self, ask: &Ask) -> io::Result<()> {
        self.0.get_mut().write_all(ask.head().as_bytes())
    }

    /// Sends the body that the head has promised.
    pub(crate) fn send_body(&mut self, ask: &Ask) -> io::Result<()> {
        self.0.get_mut().write_all(&ask.body)
    }

    /// Reads the answer to the request that was sent first.
    pub(crate) fn receive(&mut self) -> io::Result<Answer> {
        Answer::read(&mut self.0)
    }

    /// The answer as [`Answer::shown`] has it. The connection has to be good.
    pub(crate) fn shown(&mut self, ask: &Ask) -> String {
        self.ask(ask).unwrap().shown()
    }

    /// Reads the head of an answer, and little more of it than that.
    pub(crate) fn receive_head(&mut self) -> io::Result<Answer> {
        Answer::read_head(&mut self.0)
    }

    /// Reads the body behind that head.
    pub(crate) fn receive_body(&mut self, head: &mut Answer) -> io::Result<()> {
        head.read_body(&mut self.0)
    }

    /// Whether the handshake resumed a session, as the client saw it.
    pub(crate) fn is_resumed(&self) -> bool {
        match self.0.get_ref() {
            Stream::Plain(_) => false,
            Stream::Tls(stream) => stream.conn.handshake_kind() == Some(HandshakeKind::Resumed),
        }
    }
}

fn dial(address: SocketAddr) -> io::Result<TcpStream> {
    let tcp = TcpStream::connect(address)?;
    tcp.set_read_timeout(Some(PATIENCE))?;
    tcp.set_nodelay(true)?;
    Ok(tcp)
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(buffer),
            Self::Tls(stream) => stream.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.write(buffer),
            Self::Tls(stream) => stream.write(buffer),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.flush(),
            Self::Tls(stream) => stream.flush(),
        }
    }
}

/// Asks with curl, which trusts `pki`. `Err` is what curl says of a connection that came to nothing: in the handshake, or, with
/// TLS 1.3, as soon as it has sent its certificate or awaits an answer.
pub(crate) fn curl(
    options: &[&str],
    pki: &Pki,
    shows: Option<(&Pki, &str)>,
    address: SocketAddr,
    ask: &Ask,
) -> Result<Answer, String> {
    let port = address.port();
    let mut command = Command::new("curl");
    command
        .args(["-q", "-sS", "-i", "--max-time", "20", "--noproxy", "*"])
        .args(options)
        .args(["-X", ask.method]);
    command.args(["--resolve", &format!("localhost:{port}:{}", address.ip())]);
    command.arg("--cacert").arg(pki.file("ca.pem"));
    if let Some((issuer, name)) = shows {
        command.arg("--cert").arg(issuer.file(&format!("{name}.pem")));
        command.arg("--key").arg(issuer.file(&format!("{name}.key")));
    }
    for (name, value) in &ask.fields {
        command.args(["-H", &format!("{name}: {value}")]);
    }
    command.arg(format!("https://localhost:{port}{}", ask.path));
    let output = command.output().unwrap();
    if !output.status.success() {
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        // Of HTTP/2, the handshake, no answer, alerts about expiry, sending, receiving.
        let cut_off = ["(16)", "(35)", "(52)", "(55)", "(56)", "(60)"];
        assert!(cut_off.iter().any(|code| error.contains(code)), "{error}");
        return Err(error);
    }
    let mut rest = output.stdout.as_slice();
    let mut answer = Answer::read_head(&mut rest).unwrap();
    answer.body = String::from_utf8(rest.to_vec()).unwrap();
    Ok(answer)
}
