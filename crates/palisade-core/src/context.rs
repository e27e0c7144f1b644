//! The private memory of one exchange.

use std::any::Any;
use std::fmt;

use bytes::Bytes;
use http::{Method, Response, request};
use smallvec::SmallVec;

use crate::Rejection;
use crate::facts::{MatchedGroup, RequestId};

/// Instead of the position of a stage: what all stages of an exchange share.
const SHARED: u16 = u16::MAX;

/// How a refusal is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RefusalFormat {
    /// `application/problem+json`, RFC 9457.
    #[default]
    Problem,
    /// A SOAP 1.1 Fault.
    Soap11,
    /// A SOAP 1.2 Fault.
    Soap12,
}

/// The private memory of one exchange: what a stage keeps from the request for the response, or for as long as the exchange
/// lives (a permit, a timer, an audit record).
///
/// It is owned by the response's body, and by its last bytes behind that: it is dropped when those are written, or when the client
/// goes away.
pub struct Context {
    request_id: Option<RequestId>,
    group: Option<MatchedGroup>,
    format: RefusalFormat,
    is_outbound: bool,
    is_head: bool,
    report_only: bool,
    stage: u16,
    /// The refusal that the answer is, where the caller gets it as an error.
    refusal: Option<Rejection>,
    /// Whether the inner service was called.
    is_called: bool,
    /// By the positions of their stages.
    kept: SmallVec<[(u16, Box<dyn Kept>); 1]>,
}

/// A value that is kept.
struct Value<T> {
    value: T,
    /// What becomes of it where the inner service was never called.
    abandon: Option<fn(T)>,
}

/// A [`Value`] whose type is out of sight.
trait Kept: Send + Sync {
    fn as_any(&self) -> &dyn Any;

    fn as_any_mut(&mut self) -> &mut dyn Any;

    /// The [`Value`] itself.
    fn into_any(self: Box<Self>) -> Box<dyn Any>;

    fn abandon(self: Box<Self>);
}

impl<T: Send + Sync + 'static> Kept for Value<T> {
    fn as_any(&self) -> &dyn Any {
        &self.value
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        &mut self.value
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }

    fn abandon(self: Box<Self>) {
        let Self { value, abandon } = *self;
        if let Some(abandon) = abandon {
            abandon(value);
        }
    }
}

impl Context {
    /// The memory of a new exchange, whose refusals are written as the extensions say: as problem documents unless there is a
    /// [`RefusalFormat`].
    pub fn new(head: &request::Parts) -> Self {
        Self::with_format(head, head.extensions.get().copied().unwrap_or_default())
    }

    /// The memory of a new exchange whose refusals are written in that format.
    pub fn with_format(head: &request::Parts, format: RefusalFormat) -> Self {
        Self {
            request_id: head.extensions.get().copied(),
            group: head.extensions.get().cloned(),
            format,
            is_outbound: false,
            is_head: head.method == Method::HEAD,
            stage: 0,
            report_only: false,
            refusal: None,
            is_called: false,
            kept: SmallVec::new(),
        }
    }

    /// The memory of a request that this process sends. Its refusals are for the caller in code, and no group governs it.
    pub(crate) fn outbound(head: &request::Parts) -> Self {
        Self {
            request_id: head.extensions.get().copied(),
            group: None,
            format: RefusalFormat::Problem,
            is_outbound: true,
            is_head: false,
            stage: 0,
            report_only: false,
            refusal: None,
            is_called: false,
            kept: SmallVec::new(),
        }
    }

    /// The name of this exchange, chosen now if nobody did before.
    pub fn request_id(&mut self) -> RequestId {
        *self.request_id.get_or_insert_with(RequestId::random)
    }

    /// The endpoint group that governs this exchange, if groups do.
    pub fn group(&self) -> Option<&MatchedGroup> {
        self.group.as_ref()
    }

    /// How refusals of this exchange are written.
    pub fn format(&self) -> RefusalFormat {
        self.format
    }

    /// Whether a refusal by the running stage is logged and counted, and the exchange goes on.
    pub fn is_report_only(&self) -> bool {
        self.report_only
    }

    /// Keeps a value of the running stage until the exchange ends; one of the same type is replaced.
    pub fn keep<T: Send + Sync + 'static>(&mut self, value: T) {
        self.put(self.stage, value, None);
    }

    /// As [`keep`](Self::keep); and where the exchange ends before the inner service was called, because its client went away, the
    /// value is handed to `abandon`: what was reserved for the inner service was not used.
    pub fn keep_or<T: Send + Sync + 'static>(&mut self, value: T, abandon: fn(T)) {
        self.put(self.stage, value, Some(abandon));
    }

    fn put<T: Send + Sync + 'static>(&mut self, stage: u16, value: T, abandon: Option<fn(T)>) {
        self.kept
            .retain(|(owner, kept)| *owner != stage || !kept.as_any().is::<T>());
        self.kept.push((stage, Box::new(Value { value, abandon })));
    }

    /// The value of that type which the running stage kept.
    pub fn kept<T: Send + Sync + 'static>(&self) -> Option<&T> {
        self.of_stage().find_map(|kept| kept.downcast_ref())
    }

    /// Takes that value out.
    pub fn take<T: Send + Sync + 'static>(&mut self) -> Option<T> {
        let position = self
            .kept
            .iter()
            .position(|(owner, kept)| *owner == self.stage && kept.as_any().is::<T>())?;
        let (_, kept) = self.kept.remove(position);
        kept.into_any().downcast::<Value<T>>().ok().map(|kept| kept.value)
    }

    /// Keeps a value for the other stages of this exchange; one of the same type is replaced.
    pub fn share<T: Send + Sync + 'static>(&mut self, value: T) {
        self.put(SHARED, value, None);
    }

    /// The value of that type which a stage shared.
    pub fn shared<T: Send + Sync + 'static>(&mut self) -> Option<&mut T> {
        self.kept
            .iter_mut()
            .filter(|(owner, _)| *owner == SHARED)
            .find_map(|(_, kept)| kept.as_any_mut().downcast_mut())
    }

    /// Whether any stage keeps something until the exchange ends.
    pub(crate) fn keeps_anything(&self) -> bool {
        !self.kept.is_empty()
    }

    /// Takes note that the inner service is called now.
    pub(crate) fn calls(&mut self) {
        self.is_called = true;
    }

    /// Whether this process sends the request.
    pub(crate) fn is_outbound(&self) -> bool {
        self.is_outbound
    }

    /// The refusal as this exchange answers it: without its body where the request was for the head alone (RFC 9110 section
    /// 9.3.2), which not every protocol library sees to.
    pub(crate) fn answer(&mut self, rejection: &Rejection) -> Response<Bytes> {
        let request_id = self.request_id();
        let mut response = rejection.to_response(&request_id, self.format);
        if self.is_head {
            *response.body_mut() = Bytes::new();
        }
        response
    }

    /// Takes note that this refusal is the answer from here on; it is kept only where somebody asks for it.
    pub(crate) fn is_refused_by(&mut self, rejection: Rejection) {
        if self.is_outbound {
            self.refusal = Some(rejection);
        }
    }

    /// The refusal that the answer of an outbound exchange is.
    pub(crate) fn take_refusal(&mut self) -> Option<Rejection> {
        self.refusal.take()
    }

    /// Makes the stage at that position the running one.
    pub(crate) fn enter(&mut self, stage: usize, report_only: bool) {
        self.stage = u16::try_from(stage).unwrap_or(u16::MAX - 1);
        self.report_only = report_only;
    }

    fn of_stage(&self) -> impl Iterator<Item = &dyn Any> {
        self.kept
            .iter()
            .filter(|(owner, _)| *owner == self.stage)
            .map(|(_, kept)| kept.as_any())
    }
}

impl Drop for Context {
    /// What was kept last goes first, as where each stage is a layer of its own.
    fn drop(&mut self) {
        while let Some((_, kept)) = self.kept.pop() {
            if !self.is_called {
                kept.abandon();
            }
        }
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("request_id", &self.request_id)
            .field("format", &self.format)
            .field("kept", &self.kept.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::Context;

    #[test]
    fn what_the_inner_service_never_got_is_abandoned_the_last_first() {
        static SEEN: std::sync::Mutex<Vec<u32>> = std::sync::Mutex::new(Vec::new());
        let see = |value: u32| SEEN.lock().unwrap().push(value);
        let (head, ()) = Request::new(()).into_parts();
        for is_called in [true, false] {
            let mut cx = Context::new(&head);
            cx.enter(1, false);
            cx.keep_or(1_u32, see);
            cx.enter(2, false);
            cx.keep_or(2_u32, see);
            cx.keep("plain");
            cx.enter(3, false);
            cx.keep_or(3_u32, see);
            assert_eq!(cx.take::<u32>(), Some(3));
            if is_called {
                cx.calls();
            }
        }
        assert_eq!(*SEEN.lock().unwrap(), [2, 1]);
    }

    #[test]
    fn each_stage_finds_only_what_it_kept_itself() {
        let (head, ()) = Request::new(()).into_parts();
        let mut cx = Context::new(&head);
        cx.enter(1, false);
        cx.keep(1_u8);
        cx.keep("text");
        cx.enter(2, false);
        cx.keep(2_u8);
        assert_eq!(cx.kept::<u8>(), Some(&2));
        assert_eq!(cx.kept::<&str>(), None);
        cx.enter(1, false);
        cx.keep(3_u8);
        assert_eq!(cx.take::<u8>(), Some(3));
        assert_eq!(cx.take::<u8>(), None);
        assert_eq!(cx.kept::<&str>(), Some(&"text"));
    }
}
