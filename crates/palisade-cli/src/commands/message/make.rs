//! `palisade message sign` and `palisade message encrypt`.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use palisade::jose::{
    Body, ClientMessageSecuritySettings, EncryptionKey, MessageSettings, Outgoing, ProtectedHeader,
    SigningKey, TimestampSettings, unverified_header,
};
use serde::Serialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::bench::{Bench, Options, Wanted, by_purpose, write_profile};
use super::report::{Told, Used};
use crate::cli::{Common, Said, SealArguments, SignArguments, Streams};
use crate::instant;
use crate::outcome::{Exit, Failure, Outcome};
use crate::output::Output;

/// The options that stand for the aliases, which differ from command to command.
const SIGN: [(&str, &str); 2] = [
    ("request.signature.key-alias", "--key-alias"),
    ("request.encryption.key-alias", "--encrypt-alias"),
];
const ENCRYPT: [(&str, &str); 1] = [("request.encryption.key-alias", "--key-alias")];

/// A message that was made.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Made {
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signed_with: Option<Used>,
    #[serde(skip_serializing_if = "Option::is_none")]
    encrypted_to: Option<Used>,
    #[serde(skip_serializing_if = "Option::is_none")]
    claims: Option<Told>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<&'static str>,
}

const NESTED: &str =
    "the input is a signed message, and is encrypted as it is (--as-body takes it for a body)";
const SEALED: &str =
    "the input is an encrypted message already, and is taken for a body (--as-body says that it is one)";

pub(super) fn sign(common: &Common, arguments: &SignArguments, output: &mut Output) -> Outcome {
    let SignArguments {
        streams,
        chosen,
        said,
        ..
    } = arguments;
    check_direction(said, chosen.interceptor.is_some(), chosen.response)?;
    let bench = Bench::open(common)?;
    let outgoing = if let Some(name) = &chosen.interceptor {
        bench.outgoing(name, chosen.response, Wanted::Signature)?
    } else {
        let aliases = (arguments.key_alias.as_ref(), arguments.encrypt_alias.as_ref());
        let format = said.message_format.clone();
        bench.outgoing_by(&settings(said, aliases, format)?, &options(&SIGN))?
    };
    write(&outgoing, said, streams.read()?, Vec::new(), streams, output)
}

pub(super) fn encrypt(common: &Common, arguments: &SealArguments, output: &mut Output) -> Outcome {
    let SealArguments {
        streams,
        chosen,
        said,
        ..
    } = arguments;
    check_direction(said, chosen.interceptor.is_some(), chosen.response)?;
    let bench = Bench::open(common)?;
    let outgoing = |wanted, format| {
        if let Some(name) = &chosen.interceptor {
            return bench.outgoing(name, chosen.response, wanted);
        }
        let aliases = (None, arguments.key_alias.as_ref());
        bench.outgoing_by(&settings(said, aliases, format)?, &options(&ENCRYPT))
    };
    // What is wrong with the keys is told before any input is waited for.
    outgoing(Wanted::Encryption, said.message_format.clone())?;
    let input = streams.read()?;
    let header = unverified_header(input.trim_ascii()).filter(|_| !arguments.as_body);
    let Some(header) = header else {
        let outgoing = outgoing(Wanted::Everything, said.message_format.clone())?;
        let notes = if !arguments.as_body && is_sealed(&input) {
            vec![SEALED]
        } else {
            Vec::new()
        };
        return write(&outgoing, said, input, notes, streams, output);
    };
    refuse_claims(said)?;
    let format = said.message_format.clone().or_else(|| format_of(&header));
    let outgoing = outgoing(Wanted::Encryption, format)?;
    let message = outgoing
        .encrypt_signed(input.trim_ascii())
        .map_err(|error| Failure::wrong(error.to_string()))?
        .ok_or_else(|| Failure::wrong("no key to encrypt to is given"))?;
    let made = Made {
        message: None,
        signed_with: None,
        encrypted_to: outgoing.encryption.as_deref().map(Used::from),
        claims: None,
        notes: vec![NESTED],
    };
    give(made, &message, streams, output)
}

/// The settings that the options stand for: keys to sign with and to encrypt to, and what holds for both.
fn settings(
    said: &Said,
    (signing, encryption): (Option<&String>, Option<&String>),
    format: Option<String>,
) -> Result<ClientMessageSecuritySettings, Failure> {
    let (signatures, encryptions) = by_purpose(&said.algorithms)?;
    let mut settings = ClientMessageSecuritySettings::default();
    settings.request.signature = write_profile(signing, signatures);
    settings.request.encryption = write_profile(encryption, encryptions);
    settings.request.timestamp = TimestampSettings {
        enabled: true,
        ttl: said.ttl,
        ..TimestampSettings::default()
    };
    settings.request.audience.clone_from(&said.audience);
    if let Some(format) = format {
        settings.message = MessageSettings {
            format,
            ..MessageSettings::default()
        };
    }
    Ok(settings)
}

fn options(own: &[(&'static str, &'static str)]) -> Options {
    let shared = [
        ("request.signature.algorithms", "--algorithms"),
        ("request.encryption.algorithms", "--algorithms"),
        ("request.timestamp.ttl", "--ttl"),
        ("message.format", "--message-format"),
    ];
    shared.iter().chain(own).copied().collect::<BTreeMap<_, _>>()
}

/// Claims that the reader of such a message would refuse.
fn check_direction(said: &Said, by_interceptor: bool, is_response: bool) -> Result<(), Failure> {
    if by_interceptor && !is_response && said.in_reply_to.is_some() {
        return Err(Failure::wrong(
            "--in-reply-to: a request answers nothing; with --response the message is a response",
        ));
    }
    if is_response && said.method.is_some() {
        return Err(Failure::wrong(
            "--method, --target: a response is bound to its request by --in-reply-to",
        ));
    }
    Ok(())
}

/// What is signed cannot be added to.
fn refuse_claims(said: &Said) -> Result<(), Failure> {
    let given = [
        ("--ttl", said.ttl.is_some()),
        ("--method", said.method.is_some()),
        ("--audience", said.audience.is_some()),
        ("--in-reply-to", said.in_reply_to.is_some()),
        ("--content-type", said.content_type.is_some()),
    ];
    match given.into_iter().find(|(_, is_given)| *is_given) {
        Some((option, _)) => Err(Failure::wrong(format!(
            "{option}: the input is signed already, and nothing can be added to it; say it to palisade message sign"
        ))),
        None => Ok(()),
    }
}

/// Whether it is a JWE in compact form: five segments, and a header that names how the content is encrypted.
fn is_sealed(input: &[u8]) -> bool {
    let segments: Vec<&[u8]> = input.trim_ascii().split(|byte| *byte == b'.').collect();
    let [header, _, _, _, _] = segments.as_slice() else {
        return false;
    };
    let header = URL_SAFE_NO_PAD.decode(header).unwrap_or_default();
    serde_json::from_slice::<Value>(&header).is_ok_and(|header| header.get("enc").is_some())
}

/// The format of a signed message: `raw` has its claims in the header.
fn format_of(header: &ProtectedHeader) -> Option<String> {
    let claims = ["iat", "exp", "jti"];
    claims
        .iter()
        .any(|name| header.get(name).is_some())
        .then(|| "raw".to_owned())
}

fn write(
    outgoing: &Outgoing,
    said: &Said,
    input: Vec<u8>,
    notes: Vec<&'static str>,
    streams: &Streams,
    output: &mut Output,
) -> Outcome {
    let now = instant::now();
    let mut claims = outgoing.claims(now);
    claims.method = said.method.as_ref().map(ToString::to_string);
    claims.target.clone_from(&said.target);
    claims.in_reply_to.clone_from(&said.in_reply_to);
    let body = Body {
        media_type: media_type(said, &input),
        bytes: Bytes::from(input),
    };
    let message = outgoing
        .writer()
        .write(&claims, &body)
        .map_err(|error| Failure::wrong(error.to_string()))?;
    let made = Made {
        message: None,
        signed_with: outgoing.signing.as_deref().map(|key: &SigningKey| key.into()),
        encrypted_to: outgoing
            .encryption
            .as_deref()
            .map(|key: &EncryptionKey| key.into()),
        claims: Some(Told::new(&claims, now)),
        notes,
    };
    give(made, &message, streams, output)
}

/// The type of the body: as it is named, else by what it is. What is empty has none.
fn media_type(said: &Said, body: &[u8]) -> Option<String> {
    if body.is_empty() {
        return None;
    }
    let guessed = || {
        if serde_json::from_slice::<IgnoredAny>(body).is_ok() {
            "application/json"
        } else {
            "application/octet-stream"
        }
    };
    Some(said.content_type.clone().unwrap_or_else(|| guessed().to_owned()))
}

fn give(mut made: Made, message: &[u8], streams: &Streams, output: &mut Output) -> Outcome {
    if !output.is_json() {
        for note in &made.notes {
            output.note(format_args!("note: {note}"))?;
        }
        if let Some(id) = made.claims.as_ref().and_then(Told::id) {
            output.note(format_args!("jti: {id}"))?;
        }
    }
    if streams.output.is_some() || !output.is_json() {
        streams.write(message, output)?;
    } else {
        made.message = Some(String::from_utf8_lossy(message).into_owned());
    }
    if output.is_json() {
        output.json(&made)?;
    }
    Ok(Exit::Fine)
}
