//! From the clear to TLS, in the words of [`crate::mail`].

use std::future::Future;
use std::io::{self, Read as _, Write as _};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::Fault;
use super::wire::Wire;
use crate::mail::dialogue;
use crate::mail::failure::Failure;
use crate::mail::url::MailProtocol;

/// Upgrades the connection: what comes next is TLS.
pub(super) fn upgrade(wire: &mut Wire, protocol: MailProtocol) -> Result<(), Fault> {
    let mut asking = pin!(dialogue::upgrade(Blocking(wire), protocol));
    // A blocking connection is always ready.
    match asking.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Ok(Blocking(wire))) => {
            wire.forget();
            Ok(())
        }
        Poll::Ready(Err(failure)) => Err(fault(&failure)),
        Poll::Pending => Err(Fault::TimedOut),
    }
}

fn fault(failure: &Failure) -> Fault {
    match failure {
        Failure::Lost(error) => Fault::of_io(error),
        Failure::Closed | Failure::LineTooLong | Failure::TooManyLines | Failure::NotTheProtocol => {
            Fault::NotSpoken(format!("what answers is no such mail server: {failure}"))
        }
        Failure::TurnedAway
        | Failure::NotOffered
        | Failure::Refused
        | Failure::PreAuthenticated
        | Failure::Injected => Fault::NotUpgraded(failure.to_string()),
    }
}

/// A connection whose every step waits on the spot.
struct Blocking<'a>(&'a mut Wire);

impl AsyncRead for Blocking<'_> {
    fn poll_read(
        self: std::pin::Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = self.get_mut().0.read(buf.initialize_unfilled());
        Poll::Ready(read.map(|count| buf.advance(count)))
    }
}

impl AsyncWrite for Blocking<'_> {
    fn poll_write(
        self: std::pin::Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(self.get_mut().0.write(buf))
    }

    fn poll_flush(self: std::pin::Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.get_mut().0.flush())
    }

    fn poll_shutdown(self: std::pin::Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
