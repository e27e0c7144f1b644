//! What answers of one operation must be: the map `responses`.
//!
//! 1. A status is looked up as it is, then by its class (`4XX`), then under `default`. One that none of them names is not as it should be.
//! 2. Fields of the header that are demanded must be there, and be what their schemas say.
//! 3. A body is of one of the media types that the answer names, and as its schema says. An answer that names none has no body.
//! 4. Answers to HEAD, and those of status 204, have no body whatever the document says. A 304 tells a client that it has the answer
//!    already (RFC 9110 section 15.4.5): documents need not say so.
//! 5. A body under a content coding, or a part of one, was not asked for and cannot be looked at: it is not as it should be.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{StatusCode, response};
use palisade_core::media::MediaType;

use super::content::Content;
use super::dialect::Schemas;
use super::document::Node;
use super::parameter::Header;
use super::{Compiling, entries};
use crate::hygiene::{Hygiene, can_be_looked_at};
use crate::rejection::{AnswerFault, Invalid};

/// The answers of one operation.
#[derive(Debug)]
pub(super) struct Answers {
    list: Box<[(Statuses, Answer)]>,
}

/// For which statuses an answer is, the most specific first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Statuses {
    One(StatusCode),
    /// By its first digit.
    Class(u16),
    Any,
}

#[derive(Debug)]
struct Answer {
    headers: Box<[Header]>,
    content: Content,
}

impl Statuses {
    /// Reads a key of the map.
    fn parse(key: &str) -> Option<Self> {
        if key == "default" {
            return Some(Self::Any);
        }
        if let Some(class) = key.strip_suffix("XX") {
            let class = class.parse().ok()?;
            return (1..=5).contains(&class).then_some(Self::Class(class));
        }
        key.parse().ok().map(Self::One)
    }

    fn hold(self, status: StatusCode) -> bool {
        match self {
            Self::One(one) => one == status,
            Self::Class(class) => status.as_u16() / 100 == class,
            Self::Any => true,
        }
    }
}

impl Answers {
    pub(super) fn compile(responses: Option<Node<'_>>, schemas: &Schemas, cx: &mut Compiling<'_>) -> Self {
        let mut list = Vec::new();
        for (key, node) in responses.into_iter().flat_map(Node::members) {
            if key.starts_with("x-") {
                continue;
            }
            let Some(statuses) = Statuses::parse(key) else {
                cx.errors
                    .push(node.error("must be under a status, a class such as `4XX`, or `default`"));
                continue;
            };
            list.push((statuses, Answer::compile(node, schemas, cx)));
        }
        list.sort_unstable_by_key(|(statuses, _)| *statuses);
        Self {
            list: list.into_boxed_slice(),
        }
    }

    pub(super) fn check(
        &self,
        head: &response::Parts,
        body: &Bytes,
        has_no_body: bool,
        hygiene: &Hygiene,
    ) -> Result<(), Invalid> {
        if head.status == StatusCode::NOT_MODIFIED {
            return Ok(());
        }
        let answer = self.list.iter().find(|(statuses, _)| statuses.hold(head.status));
        let (_, answer) = answer.ok_or(AnswerFault::Status(head.status))?;
        for header in &answer.headers {
            header.check(&head.headers, &hygiene.json)?;
        }
        if has_no_body || head.status == StatusCode::NO_CONTENT {
            return Ok(());
        }
        answer.body(head, body, hygiene)
    }
}

impl Answer {
    fn compile(node: Node<'_>, schemas: &Schemas, cx: &mut Compiling<'_>) -> Self {
        let mut headers = Vec::new();
        for (name, node) in entries(node.get("headers")) {
            match Header::compile(name, node, schemas) {
                Ok(header) => headers.push(header),
                Err(errors) => cx.errors.extend(errors.list),
            }
        }
        Self {
            headers: headers.into_boxed_slice(),
            content: Content::compile(node.get("content"), schemas, cx),
        }
    }

    fn body(&self, head: &response::Parts, body: &Bytes, hygiene: &Hygiene) -> Result<(), Invalid> {
        if self.content.is_empty() {
            return if body.is_empty() {
                Ok(())
            } else {
                Err(AnswerFault::Body.into())
            };
        }
        if body.is_empty() {
            return Err(AnswerFault::NoBody.into());
        }
        can_be_looked_at(head)?;
        let media_type = MediaType::of(&head.headers).ok().flatten();
        let media_type = media_type.ok_or(AnswerFault::MediaType)?;
        let media = self.content.find(&media_type).ok_or(AnswerFault::MediaType)?;
        media.check(&media_type, head.headers.get(CONTENT_TYPE), body, hygiene)
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;
    use rstest::rstest;

    use super::Statuses;

    #[rstest]
    #[case("200", Some(Statuses::One(StatusCode::OK)))]
    #[case("4XX", Some(Statuses::Class(4)))]
    #[case("default", Some(Statuses::Any))]
    #[case("6XX", None)]
    #[case("4xx", None)]
    #[case("20", None)]
    #[case("+20", None)]
    #[case("ok", None)]
    fn keys_of_responses_are_statuses(#[case] key: &str, #[case] statuses: Option<Statuses>) {
        assert_eq!(Statuses::parse(key), statuses);
    }

    #[test]
    fn the_most_specific_answer_is_first() {
        let mut list = [
            Statuses::Any,
            Statuses::Class(4),
            Statuses::One(StatusCode::NOT_FOUND),
        ];
        list.sort_unstable();
        let first = |status: StatusCode| list.iter().find(|statuses| statuses.hold(status));
        assert_eq!(
            first(StatusCode::NOT_FOUND),
            Some(&Statuses::One(StatusCode::NOT_FOUND))
        );
        assert_eq!(first(StatusCode::CONFLICT), Some(&Statuses::Class(4)));
        assert_eq!(first(StatusCode::OK), Some(&Statuses::Any));
    }
}
