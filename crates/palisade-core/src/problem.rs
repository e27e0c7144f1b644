//! What the peer is told: RFC 9457 problem documents, and SOAP Faults that say the same.

use std::borrow::Cow;

use bytes::Bytes;
use http::StatusCode;
use serde_json::{Map, Value, json};

use crate::RefusalFormat;
use crate::facts::RequestId;

/// The public part of a refusal (RFC 9457 section 3).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Problem {
    /// Stable code in kebab-case; `type` is `urn:palisade:problem:<code>`. Also the metric label and the audit reason.
    pub code: Cow<'static, str>,
    /// The status of the answer.
    pub status: StatusCode,
    /// The same short sentence for every occurrence.
    pub title: Cow<'static, str>,
    /// One sentence about this occurrence; never quotes the peer, keys, tokens or inner errors.
    pub detail: Option<Cow<'static, str>>,
    /// Further members (RFC 9457 section 3.2). Those named as the standard ones are not written.
    pub members: Map<String, Value>,
}

/// The namespace of problem types.
const TYPE: &str = "urn:palisade:problem:";

/// The members that the standard defines (RFC 9457 section 3.1).
const STANDARD: [&str; 5] = ["type", "title", "status", "detail", "instance"];

impl Problem {
    /// The `type` member.
    pub fn type_uri(&self) -> String {
        format!("{TYPE}{}", self.code)
    }

    /// The document, with `instance` naming the exchange.
    pub fn document(&self, request_id: &RequestId) -> Value {
        let mut document = json!({
            "type": self.type_uri(),
            "title": self.title,
            "status": self.status.as_u16(),
            "detail": self.detail.as_deref().unwrap_or(&self.title),
            "instance": request_id.as_str(),
        });
        if let Value::Object(object) = &mut document {
            for (name, value) in self.further_members() {
                object.insert(name.clone(), value.clone());
            }
        }
        document
    }

    fn further_members(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.members
            .iter()
            .filter(|(name, _)| !STANDARD.contains(&name.as_str()))
    }

    /// Status, media type and body of the answer in that format.
    pub(crate) fn write(
        &self,
        request_id: &RequestId,
        format: RefusalFormat,
    ) -> (StatusCode, &'static str, Bytes) {
        match format {
            RefusalFormat::Problem => (
                self.status,
                "application/problem+json",
                Bytes::from(self.document(request_id).to_string()),
            ),
            RefusalFormat::Soap11 => (
                self.soap11_status(),
                "text/xml; charset=utf-8",
                self.soap11(request_id),
            ),
            RefusalFormat::Soap12 => (
                self.status,
                "application/soap+xml; charset=utf-8",
                self.soap12(request_id),
            ),
        }
    }

    /// SOAP 1.1 answers faults with 500 (section 6.2), save where the status itself steers the client.
    fn soap11_status(&self) -> StatusCode {
        match self.status.as_u16() {
            401 | 403 | 413 | 415 | 429 | 503 => self.status,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn is_senders_fault(&self) -> bool {
        self.status.is_client_error()
    }

    /// SOAP 1.1 section 4.4.
    fn soap11(&self, request_id: &RequestId) -> Bytes {
        let code = if self.is_senders_fault() {
            "Client"
        } else {
            "Server"
        };
        Bytes::from(format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\
             <soap:Envelope xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\"><soap:Body><soap:Fault>\
             <faultcode>soap:{code}</faultcode><faultstring>{}</faultstring><detail>{}</detail>\
             </soap:Fault></soap:Body></soap:Envelope>",
            escape(&self.title),
            self.xml_detail(request_id),
        ))
    }

    /// SOAP 1.2 part 1 section 5.4.
    fn soap12(&self, request_id: &RequestId) -> Bytes {
        let code = if self.is_senders_fault() {
            "Sender"
        } else {
            "Receiver"
        };
        Bytes::from(format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\
             <soap:Envelope xmlns:soap=\"http://www.w3.org/2003/05/soap-envelope\"><soap:Body><soap:Fault>\
             <soap:Code><soap:Value>soap:{code}</soap:Value></soap:Code>\
             <soap:Reason><soap:Text xml:lang=\"en\">{}</soap:Text></soap:Reason>\
             <soap:Detail>{}</soap:Detail>\
             </soap:Fault></soap:Body></soap:Envelope>",
            escape(&self.title),
            self.xml_detail(request_id),
        ))
    }

    /// The document in XML (RFC 9457 appendix B).
    fn xml_detail(&self, request_id: &RequestId) -> String {
        let mut xml = format!(
            "<problem xmlns=\"urn:ietf:rfc:9457\"><type>{}</type><title>{}</title><status>{}</status>\
             <detail>{}</detail><instance>{}</instance>",
            escape(&self.type_uri()),
            escape(&self.title),
            self.status.as_u16(),
            escape(self.detail.as_deref().unwrap_or(&self.title)),
            escape(request_id.as_str()),
        );
        for (name, value) in self.further_members() {
            write_element(&mut xml, name, value);
        }
        xml.push_str("</problem>");
        xml
    }
}

/// Writes an element of that name; items of an array are elements `i`, as in RFC 9457 appendix B.
fn write_element(xml: &mut String, name: &str, value: &Value) {
    let name = xml_name(name);
    xml.extend(["<", name.as_str(), ">"]);
    match value {
        Value::Null => {}
        Value::Bool(_) | Value::Number(_) => xml.push_str(&value.to_string()),
        Value::String(text) => xml.push_str(&escape(text)),
        Value::Array(items) => items.iter().for_each(|item| write_element(xml, "i", item)),
        Value::Object(members) => {
            for (name, member) in members {
                write_element(xml, name, member);
            }
        }
    }
    xml.extend(["</", name.as_str(), ">"]);
}

/// A name that is one in XML as well: `_` stands for what cannot stand in it.
fn xml_name(name: &str) -> String {
    let starts = |c: char| c.is_ascii_alphabetic() || c == '_';
    let mut xml = String::with_capacity(name.len() + 1);
    if !name.starts_with(starts) {
        xml.push('_');
    }
    xml.extend(name.chars().map(|c| {
        if starts(c) || c.is_ascii_digit() || matches!(c, '-' | '.') {
            c
        } else {
            '_'
        }
    }));
    xml
}

/// Text as XML character data. Characters that XML cannot hold are replaced (XML 1.0 section 2.2).
fn escape(text: &str) -> String {
    text.chars()
        .fold(String::with_capacity(text.len()), |mut escaped, c| {
            match c {
                '<' => escaped.push_str("&lt;"),
                '>' => escaped.push_str("&gt;"),
                '&' => escaped.push_str("&amp;"),
                '\r' => escaped.push_str("&#13;"),
                '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => {
                    escaped.push(char::REPLACEMENT_CHARACTER);
                }
                c => escaped.push(c),
            }
            escaped
        })
}
