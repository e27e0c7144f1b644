//! What is read, and what is not, for both formats.

mod cost;
mod currency;
mod json;
mod properties;
mod xml;

use http::HeaderValue;

use super::fault::Subject;
use super::{Amount, AmountPath, AmountReader, Amounts, Unreadable, Why};

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const XML: HeaderValue = HeaderValue::from_static("text/xml; charset=utf-8");

fn path(text: &str) -> AmountPath {
    text.parse().unwrap()
}

fn amount(text: &str) -> Amount {
    text.parse().unwrap()
}

fn read(pointer: &str, media_type: &HeaderValue, body: impl AsRef<[u8]>) -> Result<Amounts, Unreadable> {
    AmountReader::new(path(pointer), None).read(Some(media_type), body.as_ref())
}

fn amounts(count: u32, total: &str, largest: &str) -> Amounts {
    Amounts {
        count,
        total: amount(total),
        largest: amount(largest),
    }
}

fn at(place: &str, why: Why) -> Unreadable {
    Unreadable::Value {
        subject: Subject::Amount,
        place: place.to_owned(),
        why,
    }
}
