//! Reading a header off a connection.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt as _};

use super::{BadProxyHeader, HEAD_V2, LONGEST_V1, LONGEST_V2, Proxied, SIGNATURE_V2, parse};

/// Reads the header and nothing behind it.
pub(crate) async fn read<I: AsyncRead + Unpin>(stream: &mut I) -> io::Result<Proxied> {
    // Both versions have more bytes than the signature of version 2.
    let mut bytes = vec![0; SIGNATURE_V2.len()];
    stream.read_exact(&mut bytes).await?;
    if bytes == SIGNATURE_V2 {
        read_v2(stream, &mut bytes).await?;
    } else if bytes.starts_with(b"PROXY ") {
        read_v1(stream, &mut bytes).await?;
    }
    parse(&bytes).map_err(bad)
}

/// Version 1 ends with a line end, so it is read byte by byte.
async fn read_v1<I: AsyncRead + Unpin>(stream: &mut I, bytes: &mut Vec<u8>) -> io::Result<()> {
    while !bytes.ends_with(b"\r\n") {
        if bytes.len() >= LONGEST_V1 {
            return Err(bad(BadProxyHeader::TooLong));
        }
        bytes.push(stream.read_u8().await?);
    }
    Ok(())
}

/// Version 2 says how long it is.
async fn read_v2<I: AsyncRead + Unpin>(stream: &mut I, bytes: &mut Vec<u8>) -> io::Result<()> {
    let mut head = [0; HEAD_V2 - SIGNATURE_V2.len()];
    stream.read_exact(&mut head).await?;
    let [_, _, high, low] = head;
    let length = usize::from(u16::from_be_bytes([high, low]));
    if HEAD_V2 + length > LONGEST_V2 {
        return Err(bad(BadProxyHeader::TooLong));
    }
    bytes.extend(head);
    let mut rest = vec![0; length];
    stream.read_exact(&mut rest).await?;
    bytes.extend(rest);
    Ok(())
}

fn bad(error: BadProxyHeader) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
