//! Lines of a server in the clear, bounded in length and number.

use bytes::{BufMut as _, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use super::failure::Failure;

/// The most bytes of a line: eight times what RFC 5321 section 4.5.3.1.5 allows a reply, for long lists of capabilities.
pub(super) const MAX_LINE: usize = 8192;
/// The most lines before TLS.
pub(super) const MAX_LINES: usize = 64;

/// A connection in the clear, read line by line.
#[derive(Debug)]
pub(super) struct Lines<S> {
    stream: S,
    /// What came and is not read yet.
    pending: BytesMut,
    count: usize,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Lines<S> {
    pub(super) fn new(stream: S) -> Self {
        Self {
            stream,
            pending: BytesMut::new(),
            count: 0,
        }
    }

    /// The next line, without its end.
    pub(super) async fn next(&mut self) -> Result<Bytes, Failure> {
        self.count += 1;
        if self.count > MAX_LINES {
            return Err(Failure::TooManyLines);
        }
        let mut looked_at = 0;
        loop {
            let unseen = self.pending.get(looked_at..).unwrap_or_default();
            if let Some(place) = unseen.iter().position(|byte| *byte == b'\n') {
                let line = self.pending.split_to(looked_at + place + 1).freeze();
                let text = line.strip_suffix(b"\r\n").ok_or(Failure::NotTheProtocol)?;
                return Ok(line.slice_ref(text));
            }
            looked_at = self.pending.len();
            let room = MAX_LINE.saturating_sub(looked_at);
            if room == 0 {
                return Err(Failure::LineTooLong);
            }
            let read = self.stream.read_buf(&mut (&mut self.pending).limit(room)).await?;
            if read == 0 {
                return Err(Failure::Closed);
            }
        }
    }

    /// Sends a command, with its CRLF.
    pub(super) async fn send(&mut self, command: &str) -> Result<(), Failure> {
        self.stream.write_all(command.as_bytes()).await?;
        Ok(self.stream.flush().await?)
    }

    /// Sends a command to a server that may speak only when it is asked.
    pub(super) async fn ask(&mut self, command: &str) -> Result<(), Failure> {
        self.is_silent()?;
        self.send(command).await
    }

    /// The connection, from which every line was read.
    pub(super) fn into_stream(self) -> Result<S, Failure> {
        self.is_silent()?;
        Ok(self.stream)
    }

    fn is_silent(&self) -> Result<(), Failure> {
        if self.pending.is_empty() {
            Ok(())
        } else {
            Err(Failure::Injected)
        }
    }
}
