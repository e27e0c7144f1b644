//! What is checked of a message that could be read, one step each; all of them are told, not the first failure alone.

use std::time::SystemTime;

use http::Method;
use palisade::jose::{Claims, Incoming, Target, check_audience, check_binding};

use super::report::{Step, shown};
use crate::instant::{rfc3339, span};

/// What a message is held to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Request,
    Response,
    /// Keys by aliases say nothing of it.
    Either,
}

/// What a message is compared with.
#[derive(Debug)]
pub(super) struct Expected<'a> {
    pub(super) kind: Kind,
    pub(super) rules: &'a Incoming,
    /// The method and the target of the request.
    pub(super) request: Option<(&'a Method, &'a str)>,
    pub(super) in_reply_to: Option<&'a str>,
    pub(super) at: SystemTime,
}

impl Expected<'_> {
    /// The steps, in the order in which a server takes them.
    pub(super) fn check(&self, claims: &Claims) -> Vec<Step> {
        let mut steps = vec![self.binding(claims)];
        steps.extend(self.reply(claims));
        steps.extend([self.audience(claims), self.times(claims), self.name(claims)]);
        steps
    }

    fn binding(&self, claims: &Claims) -> Step {
        const STEP: &str = "binding";
        let made_for = match (&claims.method, &claims.target) {
            (None, None) => None,
            (method, target) => Some(format!(
                "made for {} {}",
                method.as_deref().map_or("any method of".to_owned(), shown),
                target.as_deref().map_or("any target".to_owned(), shown),
            )),
        };
        if self.kind == Kind::Response {
            return match made_for {
                Some(made_for) => Step::failed(STEP, format!("{made_for}: it is a request, not a response")),
                None => Step::ok(STEP, "it names no method and no target, as a response does"),
            };
        }
        let required = self.rules.binding_required;
        let Some((method, text)) = self.request else {
            let is_partial = claims.method.is_none() || claims.target.is_none();
            return match made_for {
                _ if required && is_partial => {
                    Step::failed(STEP, "it does not name both method and target, and has to")
                }
                Some(made_for) => self.owed(STEP, format!("{made_for}; --method and --target compare it")),
                None => Step::not_checked(STEP, "it names no method and no target"),
            };
        };
        let checked = check_binding(claims, &target(method, text), required);
        match (checked, made_for) {
            (Ok(()), Some(made_for)) => Step::ok(STEP, made_for),
            (Ok(()), None) => Step::ok(STEP, "it names no method and no target, and need not"),
            (Err(fault), None) => Step::failed(STEP, fault.to_string()),
            (Err(_), Some(made_for)) => Step::failed(STEP, format!("{made_for}, not for {method} {text}")),
        }
    }

    fn reply(&self, claims: &Claims) -> Option<Step> {
        const STEP: &str = "reply";
        let answered = claims.in_reply_to.as_deref();
        Some(match (answered, self.in_reply_to) {
            (Some(id), _) if self.kind == Kind::Request => Step::failed(
                STEP,
                format!("it answers {}, so it is a response, not a request", shown(id)),
            ),
            (Some(id), Some(expected)) if id == expected => {
                Step::ok(STEP, format!("it answers {}", shown(id)))
            }
            (Some(id), Some(expected)) => {
                Step::failed(STEP, format!("it answers {}, not {expected}", shown(id)))
            }
            (Some(id), None) => self.owed(
                STEP,
                format!("it answers {}; --in-reply-to compares it", shown(id)),
            ),
            (None, _) if self.kind == Kind::Request => return None,
            (None, None) if self.kind == Kind::Either => return None,
            (None, Some(expected)) => Step::failed(STEP, format!("it names no request, not {expected}")),
            (None, None) if self.rules.binding_required => {
                Step::failed(STEP, "it does not name the request it answers, and has to")
            }
            (None, None) => Step::not_checked(STEP, "it does not name the request it answers"),
        })
    }

    /// A step that was not checked for want of an option. Where an interceptor is named, its server or client checks it.
    fn owed(&self, step: &'static str, why: String) -> Step {
        let step = Step::not_checked(step, why);
        if self.kind == Kind::Either {
            step
        } else {
            step.owed()
        }
    }

    fn audience(&self, claims: &Claims) -> Step {
        const STEP: &str = "audience";
        let own = self.rules.audience.as_deref();
        let names: Vec<String> = claims.audience.iter().map(|name| shown(name)).collect();
        let names = names.join(", ");
        if own.is_none() && self.kind == Kind::Either && !names.is_empty() {
            return Step::not_checked(STEP, format!("made for {names}; --audience compares it"));
        }
        match (check_audience(claims, own), own) {
            (Ok(()), None) => Step::ok(STEP, "it names none, and need not"),
            (Ok(()), Some(_)) => Step::ok(STEP, format!("made for {names}")),
            (Err(_), Some(own)) if names.is_empty() => {
                Step::failed(STEP, format!("it names none, and has to name {own}"))
            }
            (Err(_), Some(own)) => Step::failed(STEP, format!("made for {names}, not for {own}")),
            (Err(_), None) => Step::failed(
                STEP,
                format!("made for {names}, and no audience is configured to compare that with"),
            ),
        }
    }

    fn times(&self, claims: &Claims) -> Step {
        const STEP: &str = "times";
        let Some(rules) = self.rules.times else {
            return Step::not_checked(STEP, "the timestamp profile is off");
        };
        let has_none = claims.issued_at.is_none() && claims.expires_at.is_none();
        if self.kind == Kind::Either && has_none {
            return Step::not_checked(STEP, "it says neither when it was made nor when it ends");
        }
        let known = [
            claims.issued_at.map(|made| format!("made {}", self.when(made))),
            claims
                .not_before
                .map(|begin| format!("begins {}", self.when(begin))),
            claims.expires_at.map(|end| {
                let verb = if end < self.at { "ended" } else { "ends" };
                format!("{verb} {}", self.when(end))
            }),
        ];
        let known: Vec<String> = known.into_iter().flatten().collect();
        let known = known.join(", ");
        match rules.check(claims, self.at) {
            Ok(_) => Step::ok(STEP, known),
            Err(fault) => {
                let skew = span(rules.max_clock_skew);
                let life = span(rules.max_ttl);
                let told = if known.is_empty() {
                    fault.to_string()
                } else {
                    format!("{fault}: {known}")
                };
                Step::failed(
                    STEP,
                    format!("{told}; clocks may differ by {skew}, and a life may last {life}"),
                )
            }
        }
    }

    /// Its name, which the replay memory would be asked for.
    fn name(&self, claims: &Claims) -> Step {
        const STEP: &str = "jti";
        match &claims.id {
            Some(id) => Step::ok(STEP, format!("{}; the replay memory is not asked", shown(id))),
            None if self.rules.is_accepted_once => {
                Step::failed(STEP, "there is none, and replay protection takes one")
            }
            None => Step::not_checked(STEP, "there is none: it could be sent again and again"),
        }
    }

    fn when(&self, instant: SystemTime) -> String {
        let far = match instant.duration_since(self.at) {
            Ok(ahead) => format!("in {}", span(ahead)),
            Err(passed) => format!("{} ago", span(passed.duration())),
        };
        format!("{} ({far})", rfc3339(instant))
    }
}

/// The request as a server would see it; a path alone has no authority to compare.
fn target<'a>(method: &'a Method, text: &'a str) -> Target<'a> {
    let (scheme, authority, path) = match text.split_once("://") {
        Some((scheme, rest)) => {
            let slash = rest.find('/').unwrap_or(rest.len());
            let (authority, path) = rest.split_at(slash);
            (scheme, Some(authority), if path.is_empty() { "/" } else { path })
        }
        None => ("https", None, text),
    };
    Target {
        method,
        scheme,
        authority,
        path,
    }
}
