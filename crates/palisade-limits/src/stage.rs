//! Limits as stages.

use std::sync::Arc;

use http::{request, response};
use palisade_core::{
    Bodies, Clock, Context, Entry, FactKind, Guard, Limit, Message, Pipeline, Rehearsal, Rejection, Stage,
    Step, Transform,
};

use crate::limiter::{AMOUNT, Limiter};
use crate::run::{Member, Run};

/// A limit at its place in a run.
#[derive(Debug, Clone)]
struct Place {
    run: Arc<Run>,
    place: usize,
}

/// A member of a run that neither waits nor sees bodies.
#[derive(Debug)]
struct AtOnce(Place);

/// The first member of a run that may have to wait, or needs a body.
#[derive(Debug)]
struct Waiting(Place);

/// A limit as a stage, alone until it is joined with others.
pub(crate) fn of(limiter: Limiter, clock: &Arc<dyn Clock>) -> Stage {
    let member = Member {
        limiter: Arc::new(limiter),
        reports: false,
    };
    staged(Arc::new(Run::new(vec![member], Arc::clone(clock))), 0)
}

/// Limits as a layer of their own.
pub(crate) fn layer(limiters: Vec<Limiter>, clock: &Arc<dyn Clock>) -> Pipeline {
    let mut entries: Vec<Entry> = limiters
        .into_iter()
        .map(|limiter| of(limiter, clock).into())
        .collect();
    join(&mut entries);
    entries.into_iter().collect()
}

/// Makes one run of neighbours.
pub(crate) fn join(entries: &mut [Entry]) {
    let places: Vec<Place> = entries
        .iter()
        .filter_map(|entry| place_of(&entry.stage))
        .collect();
    let Some(first) = places.first().filter(|_| places.len() == entries.len()) else {
        return;
    };
    let members = places.iter().zip(entries.iter()).filter_map(|(place, entry)| {
        Some(Member {
            limiter: Arc::clone(place.limiter()?),
            reports: entry.report_only,
        })
    });
    let run = Arc::new(Run::new(members.collect(), Arc::clone(first.run.clock())));
    for (place, entry) in entries.iter_mut().enumerate() {
        entry.stage = staged(Arc::clone(&run), place);
    }
}

fn staged(run: Arc<Run>, place: usize) -> Stage {
    if place == 0 && run.may_wait() {
        Stage::transform(Waiting(Place { run, place }))
    } else {
        Stage::guard(AtOnce(Place { run, place }))
    }
}

fn place_of(stage: &Stage) -> Option<Place> {
    let at_once = stage.downcast_ref::<AtOnce>().map(|stage| &stage.0);
    at_once
        .or_else(|| stage.downcast_ref::<Waiting>().map(|stage| &stage.0))
        .cloned()
}

impl Place {
    fn limiter(&self) -> Option<&Arc<Limiter>> {
        self.run.members().get(self.place).map(|member| &member.limiter)
    }

    fn name(&self) -> &'static str {
        self.limiter().map_or("", |limiter| limiter.what.stage())
    }

    fn limit(&self) -> Option<&dyn Limit> {
        let counted = self.limiter()?.counted.as_ref()?;
        Some(counted)
    }

    fn is_first(&self) -> bool {
        self.place == 0
    }

    fn rehearse(&self, head: &request::Parts) -> Option<Result<(), Rejection>> {
        self.limiter()?.rehearse(head, self.run.clock().now())
    }

    /// What it says where the amount in the message matters.
    fn rehearse_amount(&self, message: &Message<request::Parts>) -> Option<Rehearsal> {
        self.limiter()?.rehearse_amount(&message.head, message.body())
    }

    fn reason(&self, head: &request::Parts) -> Option<String> {
        let limit = self.limit()?;
        Some(format!("counted by {}: {}", limit.keyed_by(), limit.key_of(head)))
    }
}

impl Guard for AtOnce {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn request(&self, cx: &mut Context, head: &mut request::Parts) -> Result<(), Rejection> {
        if !self.0.is_first() {
            return self.0.run.found(self.0.place, cx);
        }
        self.0.run.enter_at_once(cx, head)
    }

    fn response(&self, cx: &mut Context, head: &mut response::Parts) -> Result<(), Rejection> {
        if self.0.is_first() {
            self.0.run.leave_at_once(cx, head);
        }
        Ok(())
    }

    fn reads(&self) -> &'static [FactKind] {
        self.0.limiter().map_or(&[], |limiter| limiter.reads())
    }

    fn rehearse(&self, _: &mut Context, head: &mut request::Parts) -> Result<(), Rejection> {
        self.0.rehearse(head).unwrap_or(Ok(()))
    }

    fn rehearse_message(&self, cx: &mut Context, message: &mut Message<request::Parts>) -> Rehearsal {
        let of_amount = self.0.rehearse_amount(message);
        of_amount.unwrap_or_else(|| self.rehearse(cx, &mut message.head).into())
    }

    fn reason(&self, head: &request::Parts) -> Option<String> {
        self.0.reason(head)
    }

    fn limit(&self) -> Option<&dyn Limit> {
        self.0.limit()
    }
}

impl Transform for Waiting {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn needs(&self) -> Bodies {
        Bodies::of(self.0.run.needs_body(), false)
    }

    fn request<'a>(&'a self, cx: &'a mut Context, message: &'a mut Message<request::Parts>) -> Step<'a> {
        Step::Wait(Box::pin(async move {
            let body = message.body().cloned();
            self.0.run.enter(cx, &message.head, body.as_ref()).await
        }))
    }

    fn response<'a>(&'a self, cx: &'a mut Context, message: &'a mut Message<response::Parts>) -> Step<'a> {
        Step::Wait(Box::pin(async move {
            self.0.run.leave(cx, &mut message.head).await;
            Ok(())
        }))
    }

    fn rehearse(&self, _: &mut Context, head: &mut request::Parts) -> Option<Result<(), Rejection>> {
        self.0.rehearse(head)
    }

    fn rehearse_message(&self, _: &mut Context, message: &mut Message<request::Parts>) -> Rehearsal {
        let of_amount = self.0.rehearse_amount(message);
        of_amount.unwrap_or_else(|| {
            let known = self.0.rehearse(&message.head);
            known.map_or(Rehearsal::HangsOn(self.hangs_on()), Rehearsal::from)
        })
    }

    fn hangs_on(&self) -> &'static str {
        if self.0.run.needs_body() {
            AMOUNT
        } else {
            "what has been used"
        }
    }

    fn limit(&self) -> Option<&dyn Limit> {
        self.0.limit()
    }
}
