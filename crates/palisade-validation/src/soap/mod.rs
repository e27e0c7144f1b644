//! What a SOAP message looks like, and whether its body is what its action says.
//!
//! 1. The root is an `Envelope` in the namespace of the version that the media type tells: SOAP 1.1 under `text/xml`, SOAP 1.2 under
//!    `application/soap+xml`.
//! 2. It holds one `Header` at most, then one `Body`, and behind that, in SOAP 1.1, whatever has a namespace of its own (SOAP 1.1
//!    section 4, SOAP 1.2 part 1 section 5.1).
//! 3. The body holds one element at most (WS-I Basic Profile 1.1, R2201), and no processing instructions (SOAP 1.1 section 3, SOAP 1.2
//!    part 1 section 5).
//! 4. Where the request names an action, that element is the action's: the last part of the action, behind `/`, `#` or `:`, is the
//!    element's local name, or that with `Request` behind it. Otherwise a message for one operation would pass as another.
//!
//! What this does not protect against: a service that gives two actions one element. WS-Addressing's `Action` in the header is not
//! looked at.

use std::borrow::Cow;

use palisade_core::RefusalFormat;
use roxmltree::{Document, Node};

const SOAP_11: &str = "http://schemas.xmlsoap.org/soap/envelope/";
const SOAP_12: &str = "http://www.w3.org/2003/05/soap-envelope";

/// Why a message is no SOAP that is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SoapFault {
    /// The root is something else.
    #[error("the root is no Envelope of the version that the media type tells")]
    NoEnvelope,
    /// The envelope holds something else, or in another order.
    #[error("the Envelope does not hold a Header at most, and one Body")]
    Structure,
    /// Several elements in the body.
    #[error("the Body holds more than one element")]
    SeveralElements,
    /// A processing instruction.
    #[error("there is a processing instruction")]
    ProcessingInstruction,
    /// The body is not what the action says.
    #[error("the element in the Body is not that of the action")]
    Action,
}

impl SoapFault {
    /// For the peer.
    pub(crate) fn public(self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::NoEnvelope => "The root is no SOAP Envelope of this version.",
            Self::Structure => "The Envelope must hold one Header at most, and then one Body.",
            Self::SeveralElements => "The Body holds more than one element.",
            Self::ProcessingInstruction => "Processing instructions are not accepted.",
            Self::Action => "The element in the Body is not that of the action.",
        })
    }
}

/// Whether the document is a SOAP message of that version, and its body what the action says.
pub(crate) fn check(
    document: &Document<'_>,
    format: RefusalFormat,
    action: Option<&str>,
) -> Result<(), SoapFault> {
    let namespace = match format {
        RefusalFormat::Soap12 => SOAP_12,
        RefusalFormat::Soap11 | RefusalFormat::Problem => SOAP_11,
    };
    if document.descendants().any(|node| node.is_pi()) {
        return Err(SoapFault::ProcessingInstruction);
    }
    let is = |node: &Node<'_, '_>, name: &str| node.has_tag_name((namespace, name));
    let envelope = document.root_element();
    if !is(&envelope, "Envelope") {
        return Err(SoapFault::NoEnvelope);
    }
    let mut parts = envelope.children().filter(|node| !is_blank(*node)).peekable();
    parts.next_if(|part| is(part, "Header"));
    let body = parts
        .next()
        .filter(|part| is(part, "Body"))
        .ok_or(SoapFault::Structure)?;
    let may_follow = |part: Node<'_, '_>| {
        format != RefusalFormat::Soap12
            && part.is_element()
            && part
                .tag_name()
                .namespace()
                .is_some_and(|other| other != namespace)
    };
    if !parts.all(may_follow) {
        return Err(SoapFault::Structure);
    }
    let mut elements = body.children().filter(|node| !is_blank(*node));
    let first = elements.next();
    if elements.next().is_some() {
        return Err(SoapFault::SeveralElements);
    }
    match (action, first) {
        (Some(action), Some(element)) if element.is_element() => {
            if is_named_by(action, element.tag_name().name()) {
                Ok(())
            } else {
                Err(SoapFault::Action)
            }
        }
        (_, Some(text)) if !text.is_element() => Err(SoapFault::Structure),
        (Some(_), None) => Err(SoapFault::Action),
        (None, _) | (Some(_), Some(_)) => Ok(()),
    }
}

/// The element in the body of a message that was checked.
pub(crate) fn content<'a, 'input>(document: &'a Document<'input>) -> Option<Node<'a, 'input>> {
    let envelope = document.root_element();
    let namespace = envelope.tag_name().namespace()?;
    envelope
        .children()
        .find(|part| part.has_tag_name((namespace, "Body")))?
        .first_element_child()
}

/// Comments, and white space between elements.
fn is_blank(node: Node<'_, '_>) -> bool {
    let is_white = |text: &str| text.chars().all(|c| palisade_core::xml::WHITE_SPACE.contains(&c));
    node.is_comment() || (node.is_text() && node.text().is_none_or(is_white))
}

fn is_named_by(action: &str, element: &str) -> bool {
    let operation = action.rsplit(['/', '#', ':']).next().unwrap_or(action);
    element == operation || element.strip_suffix("Request") == Some(operation)
}

#[cfg(test)]
mod tests;
