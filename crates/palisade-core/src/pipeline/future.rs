use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{self, Poll, ready};

use bytes::Bytes;
use http::Response;
use pin_project_lite::pin_project;

use super::body::ExchangeBody;
use super::{Pipeline, guards};
use crate::Context;
use crate::stage::BoxFuture;

pin_project! {
    /// The exchange under way.
    pub struct ExchangeFuture<F, R, E> {
        #[pin]
        state: State<F, R, E>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<F, R, E> {
        Answered { response: Option<Response<ExchangeBody<R>>> },
        Guards { #[pin] inner: F, pipeline: Pipeline, context: Option<Context> },
        Boxed { future: BoxFuture<'static, Result<Response<ExchangeBody<R>>, E>> },
    }
}

impl<F, R, E> ExchangeFuture<F, R, E> {
    /// An exchange that ended before the inner service was called.
    pub fn answered(response: Response<Bytes>) -> Self {
        Self::with_answer(response.map(ExchangeBody::from))
    }

    pub(super) fn with_answer(response: Response<ExchangeBody<R>>) -> Self {
        Self {
            state: State::Answered {
                response: Some(response),
            },
        }
    }

    pub(super) fn guards(inner: F, pipeline: Pipeline, context: Context) -> Self {
        Self {
            state: State::Guards {
                inner,
                pipeline,
                context: Some(context),
            },
        }
    }

    pub(super) fn boxed(future: BoxFuture<'static, Result<Response<ExchangeBody<R>>, E>>) -> Self {
        Self {
            state: State::Boxed { future },
        }
    }
}

impl<F, R, E> Future for ExchangeFuture<F, R, E>
where
    F: Future<Output = Result<Response<R>, E>>,
{
    type Output = Result<Response<ExchangeBody<R>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            StateProjection::Answered { response } => match response.take() {
                Some(response) => Poll::Ready(Ok(response)),
                None => Poll::Pending,
            },
            StateProjection::Guards {
                inner,
                pipeline,
                context,
            } => {
                let response = ready!(inner.poll(cx))?;
                match context.take() {
                    Some(context) => Poll::Ready(Ok(guards::response(pipeline, context, response))),
                    None => Poll::Pending,
                }
            }
            StateProjection::Boxed { future } => future.as_mut().poll(cx),
        }
    }
}

impl<F, R, E> fmt::Debug for ExchangeFuture<F, R, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExchangeFuture").finish_non_exhaustive()
    }
}
