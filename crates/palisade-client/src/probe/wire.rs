//! A socket with a deadline, that keeps the first of what it hears.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use super::Fault;

/// How much is kept: more than a handshake in the clear has.
const KEPT: usize = 128 * 1024;

/// A connection whose every step ends by a deadline.
#[derive(Debug)]
pub(super) struct Wire {
    socket: TcpStream,
    deadline: Instant,
    heard: Vec<u8>,
}

impl Wire {
    /// Connects to one of the addresses, by the deadline.
    pub(super) fn connect(addresses: &[SocketAddr], deadline: Instant) -> Result<Self, Fault> {
        let mut last = Fault::Unreachable("the name has no address".to_owned());
        for (position, address) in addresses.iter().enumerate() {
            // Shared out, so that one dead address leaves time for the next.
            let others = u32::try_from(addresses.len() - position).unwrap_or(u32::MAX);
            let share = remaining(deadline).map_err(|_| Fault::TimedOut)? / others;
            match TcpStream::connect_timeout(address, share.max(Duration::from_millis(1))) {
                Ok(socket) => {
                    // Without it small steps only take longer.
                    let _ = socket.set_nodelay(true);
                    return Ok(Self {
                        socket,
                        deadline,
                        heard: Vec::new(),
                    });
                }
                Err(error) if error.kind() == io::ErrorKind::TimedOut => last = Fault::TimedOut,
                Err(error) => last = Fault::Unreachable(words(&error)),
            }
        }
        Err(last)
    }

    pub(super) fn peer(&self) -> Option<SocketAddr> {
        self.socket.peer_addr().ok()
    }

    /// Everything that was heard since the last [`Wire::forget`].
    pub(super) fn heard(&self) -> &[u8] {
        &self.heard
    }

    /// Begins anew with what is heard.
    pub(super) fn forget(&mut self) {
        self.heard.clear();
    }

    /// Ends earlier.
    pub(super) fn end_within(&mut self, time: Duration) {
        self.deadline = self.deadline.min(Instant::now() + time);
    }
}

impl Read for Wire {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.socket.set_read_timeout(Some(remaining(self.deadline)?))?;
        let count = self.socket.read(buf)?;
        let room = KEPT.saturating_sub(self.heard.len()).min(count);
        self.heard.extend_from_slice(buf.get(..room).unwrap_or_default());
        Ok(count)
    }
}

impl Write for Wire {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.socket.set_write_timeout(Some(remaining(self.deadline)?))?;
        self.socket.write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.socket.flush()
    }
}

/// The addresses of a host, by the deadline. The system's resolver cannot be told one.
pub(super) fn resolve(host: &str, port: u16, deadline: Instant) -> Result<Vec<SocketAddr>, Fault> {
    let (tell, told) = mpsc::channel();
    let host = host.to_owned();
    std::thread::spawn(move || {
        let found = (host.as_str(), port).to_socket_addrs().map(Iterator::collect);
        // Whoever asked may have given up.
        let _ = tell.send(found);
    });
    let wait = remaining(deadline).map_err(|_| Fault::TimedOut)?;
    match told.recv_timeout(wait) {
        Ok(Ok(addresses)) => Ok(addresses),
        Ok(Err(error)) => Err(Fault::Unreachable(words(&error))),
        Err(_) => Err(Fault::TimedOut),
    }
}

fn remaining(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() {
        Err(io::ErrorKind::TimedOut.into())
    } else {
        Ok(left)
    }
}

/// The system's words, without its number.
fn words(error: &io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error ") {
        Some((words, _)) => words.to_lowercase(),
        None => text,
    }
}
