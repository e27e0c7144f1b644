//! What the peer is told: RFC 9457 problem documents, and SOAP Faults that say the same.

use std::borrow::Cow;

use bytes::Bytes;
use http::StatusCode;
use serde_json::{Map, Value, json};

use crate::RefusalFormat;
use crate::facts::RequestId;

/// The public part of a refusal (RFC 9457 section 3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Stable code in kebab-case; `type` is `urn:palisade:problem:<code>`. Also the metric label and the audit reason.
    pub code: Cow<'static, str>,
    /// The status of the answer.
    pub status: StatusCode,
    /// The same short sentence for every occurrence.
    pub title: Cow<'static, str>,
    /// One sentence about this occurrence; never quotes the peer, keys, tokens or inner errors.
    pub detail: Option<Cow<'static, str>>,
    /// Further members (RFC 9457 section 3.2).
    pub members: Map<String, Value>,
}

/// The namespace of problem types.
const TYPE: &str = "urn:palisade:problem:";

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
            object.extend(self.members.clone());
        }
        document
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

    fn xml_detail(&self, request_id: &RequestId) -> String {
        format!(
            "<problem xmlns=\"urn:ietf:rfc:9457\"><type>{}</type><title>{}</title><status>{}</status>\
             <detail>{}</detail><instance>{}</instance></problem>",
            escape(&self.type_uri()),
            escape(&self.title),
            self.status.as_u16(),
            escape(self.detail.as_deref().unwrap_or(&self.title)),
            escape(request_id.as_str()),
        )
    }
}

/// Text as XML character data.
fn escape(text: &str) -> String {
    text.chars()
        .fold(String::with_capacity(text.len()), |mut escaped, c| {
            match c {
                '<' => escaped.push_str("&lt;"),
                '>' => escaped.push_str("&gt;"),
                '&' => escaped.push_str("&amp;"),
                c => escaped.push(c),
            }
            escaped
        })
}
