//! The words before TLS, protocol by protocol.

use tokio::io::{AsyncRead, AsyncWrite};

use super::failure::Failure;
use super::lines::Lines;
use super::url::MailProtocol;

/// How this client names itself in the clear: an address literal that tells nothing (RFC 5321 section 4.1.4). It says who it is once
/// TLS stands.
const EHLO: &str = "EHLO [127.0.0.1]\r\n";

/// Asks for TLS; what comes back is ready for the handshake.
pub(crate) async fn upgrade<S>(stream: S, protocol: MailProtocol) -> Result<S, Failure>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut lines = Lines::new(stream);
    match protocol {
        MailProtocol::Smtp => smtp(&mut lines).await?,
        MailProtocol::Imap => imap(&mut lines).await?,
        MailProtocol::Pop3 => pop3(&mut lines).await?,
    }
    lines.into_stream()
}

/// RFC 3207 section 4.
async fn smtp<S: AsyncRead + AsyncWrite + Unpin>(server: &mut Lines<S>) -> Result<(), Failure> {
    if smtp_reply(server).await?.code != *b"220" {
        return Err(Failure::TurnedAway);
    }
    server.ask(EHLO).await?;
    let greeted = smtp_reply(server).await?;
    if greeted.code != *b"250" || !greeted.offers_starttls {
        return Err(Failure::NotOffered);
    }
    server.ask("STARTTLS\r\n").await?;
    match smtp_reply(server).await?.code {
        [b'2', b'2', b'0'] => Ok(()),
        _ => Err(Failure::Refused),
    }
}

/// A reply of one line or more (RFC 5321 section 4.2.1).
#[derive(Clone, Copy)]
struct SmtpReply {
    code: [u8; 3],
    /// Whether a line behind the first is the keyword (RFC 5321 section 4.1.1.1).
    offers_starttls: bool,
}

async fn smtp_reply<S: AsyncRead + AsyncWrite + Unpin>(server: &mut Lines<S>) -> Result<SmtpReply, Failure> {
    let mut reply: Option<SmtpReply> = None;
    loop {
        let line = server.next().await?;
        let (code, rest) = line.split_first_chunk::<3>().ok_or(Failure::NotTheProtocol)?;
        let (is_last, text) = match rest {
            [] => (true, rest),
            [b' ', text @ ..] => (true, text),
            [b'-', text @ ..] => (false, text),
            _ => return Err(Failure::NotTheProtocol),
        };
        if !code.iter().all(u8::is_ascii_digit) {
            return Err(Failure::NotTheProtocol);
        }
        let so_far = match reply {
            None => SmtpReply {
                code: *code,
                offers_starttls: false,
            },
            Some(so_far) if so_far.code == *code => SmtpReply {
                offers_starttls: so_far.offers_starttls || word(text).eq_ignore_ascii_case(b"STARTTLS"),
                ..so_far
            },
            Some(_) => return Err(Failure::NotTheProtocol),
        };
        if is_last {
            return Ok(so_far);
        }
        reply = Some(so_far);
    }
}

/// RFC 9051 section 6.2.1. A server that does not know STARTTLS answers `BAD`, so that its list of capabilities is of no use here: it
/// could be anybody's.
async fn imap<S: AsyncRead + AsyncWrite + Unpin>(server: &mut Lines<S>) -> Result<(), Failure> {
    let greeting = server.next().await?;
    match untagged(&greeting) {
        Some(b"OK") => {}
        Some(b"PREAUTH") => return Err(Failure::PreAuthenticated),
        Some(b"BYE") => return Err(Failure::TurnedAway),
        _ => return Err(Failure::NotTheProtocol),
    }
    server.send("a1 STARTTLS\r\n").await?;
    loop {
        let line = server.next().await?;
        match untagged(&line) {
            Some(b"BYE") => return Err(Failure::TurnedAway),
            // A server may say such things at any time (RFC 9051 section 7).
            Some(_) => continue,
            None => {}
        }
        let answer = line.strip_prefix(b"a1 ").map(word);
        return match answer {
            Some(b"OK") => Ok(()),
            Some(b"NO" | b"BAD") => Err(Failure::Refused),
            _ => Err(Failure::NotTheProtocol),
        };
    }
}

/// The first word of a line that answers no command.
fn untagged(line: &[u8]) -> Option<&[u8]> {
    line.strip_prefix(b"* ").map(word)
}

fn word(text: &[u8]) -> &[u8] {
    text.split(|byte| *byte == b' ').next().unwrap_or_default()
}

/// RFC 2595 section 4. A server that does not know STLS answers `-ERR`.
async fn pop3<S: AsyncRead + AsyncWrite + Unpin>(server: &mut Lines<S>) -> Result<(), Failure> {
    if !pop3_status(server).await? {
        return Err(Failure::TurnedAway);
    }
    server.ask("STLS\r\n").await?;
    if pop3_status(server).await? {
        Ok(())
    } else {
        Err(Failure::Refused)
    }
}

/// Whether the server agrees (RFC 1939 section 3).
async fn pop3_status<S: AsyncRead + AsyncWrite + Unpin>(server: &mut Lines<S>) -> Result<bool, Failure> {
    let line = server.next().await?;
    match word(&line) {
        b"+OK" => Ok(true),
        b"-ERR" => Ok(false),
        _ => Err(Failure::NotTheProtocol),
    }
}
