//! How much money a request moves: [`AmountReader`].
//!
//! 1. The media type says how the body is read: `application/json` and `+json` as JSON, `application/xml`, `text/xml` and `+xml` as XML.
//!    Another one, or none, cannot be read. Both are UTF-8, whatever else a `charset` or an XML declaration asks for.
//! 2. Every value that the path leads to is a transaction. An empty JSON array has none.
//! 3. What one handler may read otherwise than another is refused: a member that is missing in one of many elements, or stands twice in
//!    one object (also in other letters, as some handlers take them for the same), text in pieces, an amount that is no plain decimal.
//! 4. With a currency, every place that its path leads to must say exactly that one. Where the path passes an array or repeated elements
//!    there is one for each; the path may turn off before them, and then one is for all. Only an array that both paths pass may be empty.
//! 5. Transactions, the depth of recursion and, in XML, the nodes, attributes and namespaces are bounded. Time is linear in the body.
//!
//! What this does not protect against: a handler that takes the amount from another place than the path says, that follows references
//! inside the document (`href` of SOAP 1.1, `XInclude`), or that rounds. The caller makes sure that the body is the one the handler gets,
//! whole and not compressed, and that it has one `Content-Type`.

mod decimal;
mod fault;
mod json;
mod media;
mod pointer;
mod xml;

use http::HeaderValue;

pub use decimal::{Amount, DecimalError};
pub(crate) use fault::Unreadable;
pub(crate) use pointer::AmountPath;

use fault::{Format, Halt, Subject, Why};

/// How many transactions a request has at most.
const MOST_TRANSACTIONS: u32 = 10_000;

/// Reads the amounts of the transactions in a body.
#[derive(Debug, Clone)]
pub(crate) struct AmountReader {
    path: AmountPath,
    currency: Option<Currency>,
}

/// The only currency that is accepted, and where it stands.
#[derive(Debug, Clone)]
struct Currency {
    path: AmountPath,
    code: Box<str>,
    /// How many tokens its path shares with that of the amount.
    shared: usize,
}

/// What a request moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Amounts {
    /// How many transactions it has.
    count: u32,
    /// All of them together.
    pub(crate) total: Amount,
    /// The largest of them; zero where there are none.
    pub(crate) largest: Amount,
}

/// A value at the end of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Leaf<'a> {
    /// The text of a JSON number.
    Number(&'a str),
    /// A JSON string, or the text of an element or attribute without the white space around it.
    Text(&'a str),
}

/// Takes the values at the end of a path, one after the other.
type Sink<'a> = dyn FnMut(Leaf<'_>) -> Result<(), Why> + 'a;

impl AmountReader {
    /// Reads the amounts that the path leads to. With a currency that one alone is accepted: where it stands, and its code, such as
    /// `EUR` (ISO 4217).
    pub(crate) fn new(path: AmountPath, currency: Option<(AmountPath, String)>) -> Self {
        let currency = currency.map(|(currency_path, code)| Currency {
            shared: currency_path.shared_with(&path),
            path: currency_path,
            code: code.into(),
        });
        Self { path, currency }
    }

    /// What the body of that media type moves.
    pub(crate) fn read(
        &self,
        content_type: Option<&HeaderValue>,
        body: &[u8],
    ) -> Result<Amounts, Unreadable> {
        let format = media::format(content_type)?;
        let text = std::str::from_utf8(body).map_err(|_| Unreadable::NotUtf8)?;
        match format {
            Format::Json => self.walk_twice(format, |path, may_be_empty, sink| {
                json::walk(text, path, may_be_empty, sink)
            }),
            Format::Xml => {
                let document = xml::parse(text)?;
                self.walk_twice(format, |path, _, sink| xml::walk(&document, path, sink))
            }
        }
    }

    /// Walks to the amounts, and then to the currencies. The walk is told after how many tokens an array may not be empty any more.
    fn walk_twice(
        &self,
        format: Format,
        walk: impl Fn(&AmountPath, usize, &mut Sink<'_>) -> Result<(), Halt>,
    ) -> Result<Amounts, Unreadable> {
        let mut amounts = Amounts::default();
        walk(&self.path, self.path.len(), &mut |leaf| {
            amounts.add(leaf.amount()?)
        })
        .map_err(|halt| halt.on_the_way(format, Subject::Amount, &self.path))?;
        if let Some(currency) = &self.currency {
            walk(&currency.path, currency.shared, &mut |leaf| currency.accept(leaf))
                .map_err(|halt| halt.on_the_way(format, Subject::Currency, &currency.path))?;
        }
        Ok(amounts)
    }
}

impl Currency {
    fn accept(&self, leaf: Leaf<'_>) -> Result<(), Why> {
        match leaf {
            Leaf::Text(text) if *text == *self.code => Ok(()),
            Leaf::Text(_) => Err(Why::OtherCurrency),
            Leaf::Number(_) => Err(Why::Kind),
        }
    }
}

impl Amounts {
    fn add(&mut self, amount: Amount) -> Result<(), Why> {
        if self.count == MOST_TRANSACTIONS {
            return Err(Why::TooMany);
        }
        self.count += 1;
        self.total = self.total.checked_add(amount).ok_or(Why::Total)?;
        self.largest = self.largest.max(amount);
        Ok(())
    }
}

impl Leaf<'_> {
    fn amount(self) -> Result<Amount, Why> {
        match self {
            Self::Number(text) => Amount::from_json_number(text),
            Self::Text(text) => text.parse(),
        }
        .map_err(Why::Decimal)
    }
}

#[cfg(test)]
mod tests;
