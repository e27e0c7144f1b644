//! Authentication as a stage.

use std::sync::Arc;

use http::request;
use palisade_core::facts::X_ON_BEHALF_OF;
use palisade_core::{Bodies, Context, Message, Pipeline, Principal, Rejection, Stage, Step, Transform};

use crate::authentication::Authentication;
use crate::denied::Denied;

impl Authentication {
    /// The stage as a layer of its own.
    pub fn layer(self) -> Pipeline {
        Stage::transform(self).into()
    }

    /// Writes the outcome into the head.
    fn settle(
        &self,
        head: &mut request::Parts,
        outcome: Result<Option<Arc<Principal>>, Denied>,
    ) -> Result<(), Rejection> {
        head.headers.remove(X_ON_BEHALF_OF);
        let (principal, verdict) = match outcome {
            Ok(principal) => (principal, Ok(())),
            Err(denied) => (None, Err(denied.into_rejection(&self.challenges))),
        };
        // What an outer stage found out is not what this one did.
        match principal {
            Some(principal) => head.extensions.insert(principal),
            None => head.extensions.remove(),
        };
        verdict
    }

    async fn wait(&self, head: &mut request::Parts) -> Result<(), Rejection> {
        let outcome = match self.examine(head) {
            Ok(Some(case)) => self.decide(head, &case).await.map(Some),
            Ok(None) => Ok(None),
            Err(denied) => Err(denied),
        };
        self.settle(head, outcome)
    }
}

impl Transform for Authentication {
    fn name(&self) -> &'static str {
        "authentication"
    }

    fn needs(&self) -> Bodies {
        Bodies::None
    }

    fn answers(&self) -> bool {
        false
    }

    fn hangs_on(&self) -> &'static str {
        "the caller's credentials"
    }

    fn request<'a>(&'a self, _: &'a mut Context, message: &'a mut Message<request::Parts>) -> Step<'a> {
        let head = &message.head;
        let outcome = match self.examine(head) {
            Ok(Some(case)) => match self.decide_now(head, &case) {
                Some(outcome) => outcome.map(Some),
                None => return Step::Wait(Box::pin(self.wait(&mut message.head))),
            },
            Ok(None) => Ok(None),
            Err(denied) => Err(denied),
        };
        Step::Done(self.settle(&mut message.head, outcome))
    }
}
