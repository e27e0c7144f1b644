//! The pipeline: an ordered list of stages as one ordinary tower layer.
//!
//! 1. The request passes the stages in order, the response in reverse.
//! 2. A refusal unwinds only the stages already entered; the stage that refused does not see its own refusal.
//! 3. Bodies stream, unless a [`Transform`](crate::Transform) needs them whole; then they are read once for all stages, and never
//!    beyond [`PipelineLimits`].
//! 4. An error of the inner service passes untouched, and no stage sees it.
//! 5. A pipeline of guards alone polls the inner future in place and allocates nothing; so does one with transforms that need no
//!    body, look at no response, and need not wait. Any other runs in one box.
//! 6. The body of the response owns the [`Context`](crate::Context), so what a stage keeps there lives to the last byte.
//!
//! The law behind it: a pipeline of stages behaves like the nested layers of those stages, one by one.
//!
//! Caveats: trailers of a body that is read whole are dropped. A report-only stage that needs a body whole still refuses one
//! that cannot be read. One that exceeds the limit streams past it, and what was read goes on before the rest; but
//! [`Transform::insists`](crate::Transform::insists) says which stages refuse it even then, and a request that does not tell its length
//! is refused where its body is not axum's, since no other can be put together again. The one exception to the law: a body that is
//! held whole is not measured again when a stage puts a larger one in its place, where the next of nested layers would measure it.

mod body;
mod buffer;
mod direction;
mod future;
mod guards;
mod rehearsal;
mod service;
mod transforms;

use std::fmt;
use std::sync::Arc;

pub use body::ExchangeBody;
pub use buffer::StoodStill;
pub use future::ExchangeFuture;
pub use rehearsal::Rehearsed;
pub use service::Guarded;

use crate::settings::ByteSize;
use crate::stage::{Entry, Stage};

/// Any error of a body.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// How much of a body is ever held in memory, per direction.
///
/// ```
/// use palisade_core::{PipelineLimits, settings::ByteSize};
///
/// let mut limits = PipelineLimits::both(ByteSize::mib(1));
/// limits.response_body = ByteSize::mib(8);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct PipelineLimits {
    /// The largest request body that is read whole.
    pub request_body: ByteSize,
    /// The largest response body that is read whole.
    pub response_body: ByteSize,
}

impl PipelineLimits {
    /// The same bound for both directions.
    pub const fn both(limit: ByteSize) -> Self {
        Self {
            request_body: limit,
            response_body: limit,
        }
    }
}

impl Default for PipelineLimits {
    /// 2 MiB in each direction.
    fn default() -> Self {
        Self::both(ByteSize::mib(2))
    }
}

/// An ordered list of stages. It is a [`tower_layer::Layer`], and cheap to clone.
#[derive(Clone)]
pub struct Pipeline(Arc<Shape>);

/// What a pipeline knows of itself before any request comes.
struct Shape {
    entries: Box<[Entry]>,
    limits: PipelineLimits,
    /// How many stages that only look at heads of requests stand before the first other one.
    leading: usize,
}

impl Pipeline {
    /// A pipeline of these stages, in this order.
    pub fn new<E: Into<Entry>>(entries: impl IntoIterator<Item = E>, limits: PipelineLimits) -> Self {
        let entries: Box<[Entry]> = entries.into_iter().map(Into::into).collect();
        let leading = entries
            .iter()
            .take_while(|entry| entry.stage.is_of_heads())
            .count();
        Self(Arc::new(Shape {
            entries,
            limits,
            leading,
        }))
    }

    /// The stages, in the order of the request.
    pub fn entries(&self) -> &[Entry] {
        &self.0.entries
    }

    /// How much of a body is held in memory.
    pub fn limits(&self) -> PipelineLimits {
        self.0.limits
    }

    /// Whether no stage waits or needs a body.
    pub fn is_guards_alone(&self) -> bool {
        let mut entries = self.0.entries.iter();
        entries.all(|entry| matches!(entry.stage, Stage::Guard(_)))
    }
}

impl<E: Into<Entry>> FromIterator<E> for Pipeline {
    fn from_iter<I: IntoIterator<Item = E>>(entries: I) -> Self {
        Self::new(entries, PipelineLimits::default())
    }
}

impl From<Stage> for Pipeline {
    fn from(stage: Stage) -> Self {
        Self::from_iter([stage])
    }
}

impl fmt::Debug for Pipeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.0.entries.iter().map(|entry| &entry.stage))
            .finish()
    }
}

/// Records a refusal: one event, one count.
fn record(cx: &mut crate::Context, entry: &Entry, rejection: &crate::Rejection, report_only: bool) {
    let refused_by = crate::rejection::RefusedBy {
        stage: entry.stage.name(),
        interceptor: &entry.interceptor,
        report_only,
    };
    rejection.record(cx, &refused_by);
}
