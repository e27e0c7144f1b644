//! What stands between a connection and the service: facts for each request, and the checks that a handshake cannot make.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{self, Poll, ready};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Request, Response, StatusCode, request};
use palisade_core::{Connection, Context, RefusalFormat, Rejection, RequestId};
use pin_project_lite::pin_project;
use tower_service::Service;

use crate::acceptor::Established;
use crate::fields;
use crate::framing::Framing;
use crate::settings::ClientCertHeader;

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The service of one connection.
///
/// 1. It names the request: by `X-Request-Id` of a trusted proxy if that is well-formed, else at random. The service finds the
///    name as fact, and as field where the client sent one; the client finds it in the answer.
/// 2. A client certificate that expired or was revoked since the handshake is refused with 403
///    `client-certificate-not-accepted`; so is one that a trusted proxy carries and that does not verify.
/// 3. Facts go into the extensions: the connection always, address and certificate where they differ for this request.
/// 4. A head that says twice how long its body is gets a [`FramingConflict`](palisade_core::FramingConflict).
/// 5. Fields that only a trusted proxy may send are removed from all other requests; those with client certificates from all.
#[derive(Debug, Clone)]
pub struct ConnectionService<S> {
    inner: S,
    established: Arc<Established>,
    framing: Arc<Framing>,
}

/// A client certificate is not, or no longer, accepted.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error("the certificate of the handshake expired, was revoked, or its issuer is no longer trusted")]
    Handshake,
    #[error("the certificate that the proxy carries: {0}")]
    Field(#[from] fields::NotAccepted),
}

impl From<Refused> for Rejection {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Handshake | Refused::Field(_) => Self::new(
                StatusCode::FORBIDDEN,
                "client-certificate-not-accepted",
                "The client certificate is not accepted",
            ),
        }
        .caused_by(refused)
    }
}

impl<S> ConnectionService<S> {
    pub(crate) fn new(inner: S, established: Established, framing: Arc<Framing>) -> Self {
        Self {
            inner,
            established: Arc::new(established),
            framing,
        }
    }

    /// The facts of the connection.
    pub fn connection(&self) -> &Arc<Connection> {
        &self.established.connection
    }

    /// Settles the facts of one request.
    fn prepare(&self, head: &mut request::Parts) -> Result<RequestId, Refused> {
        if let Some(conflict) = self.framing.judge(head) {
            head.extensions.insert(conflict);
        }
        let established = &*self.established;
        let shared = &*established.shared;
        let snapshot = shared.snapshot.load();
        // After a PROXY header the fields are the client's own, not the proxy's: a proxy of that kind does not read HTTP.
        let is_from_proxy = snapshot.trusted_proxies.contains(established.connection.client);
        let named = head.headers.get(&X_REQUEST_ID);
        let id = named.filter(|_| is_from_proxy).and_then(RequestId::parse);
        let id = id.unwrap_or_else(RequestId::random);
        // Nobody further inside is to take the client's own name for that of the exchange.
        if named.is_some() {
            head.headers.insert(X_REQUEST_ID, id.header());
        }
        head.extensions.insert(id);

        let is_carried = is_from_proxy && snapshot.client_cert_header != ClientCertHeader::Off;
        let connection = if is_carried {
            &established.anonymous
        } else {
            &established.connection
        };
        let connection = if connection.asks_for_certificates == snapshot.asks_for_certificates {
            Arc::clone(connection)
        } else {
            // The listener was reloaded since: a connection that nobody asked for a certificate is held to the new rule.
            let mut connection = Connection::clone(connection);
            connection.asks_for_certificates = snapshot.asks_for_certificates;
            Arc::new(connection)
        };
        head.extensions.insert(connection);
        if let Some(presented) = &established.presented {
            let now = shared.clock.now();
            if !presented.is_accepted(snapshot.trust.as_deref(), now) {
                return Err(Refused::Handshake);
            }
            shared.ending.see(presented.certificate(), &shared.name, now);
        }
        if is_carried && let Some(certificate) = fields::certificate(&head.headers, shared, &snapshot)? {
            shared.ending.see(&certificate, &shared.name, shared.clock.now());
            head.extensions.insert(certificate);
        }
        if is_from_proxy && let Some(address) = fields::address(&head.headers, &snapshot) {
            head.extensions.insert(address);
        }
        fields::scrub(&mut head.headers, &snapshot, is_from_proxy);
        Ok(id)
    }
}

/// How a refusal is written. Routes are not known yet, so the request itself must say that it is SOAP: by the media type of
/// SOAP 1.2 (RFC 3902), or by the field that SOAP 1.1 requires (section 6.1.1).
fn format(head: &request::Parts) -> RefusalFormat {
    let media_type = head
        .headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/soap+xml") {
        RefusalFormat::Soap12
    } else if head.headers.contains_key("soapaction") {
        RefusalFormat::Soap11
    } else {
        RefusalFormat::Problem
    }
}

/// The name of an exchange as a field of its answer.
fn once(id: RequestId) -> HeaderValue {
    let mut value = id.header();
    // No other answer has it: the table of fields that HTTP/2 compresses by would fill up with names, and be searched for each
    // new one. A value that is marked so is never put there (RFC 7541 section 6.2.3).
    value.set_sensitive(true);
    value
}

impl<S, B, R> Service<Request<B>> for ConnectionService<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: From<Bytes>,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = ConnectionFuture<S::Future, R>;

    fn poll_ready(&mut self, cx: &mut task::Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (mut head, body) = request.into_parts();
        let kind = match self.prepare(&mut head) {
            Ok(id) => Kind::Inner {
                future: self.inner.call(Request::from_parts(head, body)),
                id: Some(id),
            },
            Err(refused) => {
                let answer = Rejection::from(refused)
                    .refuse(&mut Context::with_format(&head, format(&head)), "listener");
                Kind::Refused {
                    answer: Some(answer.map(R::from)),
                }
            }
        };
        ConnectionFuture { kind }
    }
}

pin_project! {
    /// The answer to one request of a connection.
    #[derive(Debug)]
    pub struct ConnectionFuture<F, R> {
        #[pin]
        kind: Kind<F, R>,
    }
}

pin_project! {
    #[derive(Debug)]
    #[project = KindProjection]
    enum Kind<F, R> {
        Inner { #[pin] future: F, id: Option<RequestId> },
        Refused { answer: Option<Response<R>> },
    }
}

impl<F, R, E> Future for ConnectionFuture<F, R>
where
    F: Future<Output = Result<Response<R>, E>>,
{
    type Output = Result<Response<R>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Self::Output> {
        match self.project().kind.project() {
            KindProjection::Inner { future, id } => {
                let mut response = ready!(future.poll(cx))?;
                if let Some(id) = id.take() {
                    response
                        .headers_mut()
                        .entry(X_REQUEST_ID)
                        .or_insert_with(|| once(id));
                }
                Poll::Ready(Ok(response))
            }
            // A future is not polled after it was ready; should it be, it waits for ever.
            KindProjection::Refused { answer } => answer
                .take()
                .map_or(Poll::Pending, |answer| Poll::Ready(Ok(answer))),
        }
    }
}

#[cfg(test)]
mod tests {
    use http::Request;
    use palisade_core::RefusalFormat;
    use rstest::rstest;

    use super::format;

    #[rstest]
    #[case(&[("content-type", "application/json")], RefusalFormat::Problem)]
    #[case(&[("content-type", "text/xml")], RefusalFormat::Problem)]
    #[case(&[("content-type", "text/xml"), ("soapaction", "\"\"")], RefusalFormat::Soap11)]
    #[case(&[("content-type", "Application/SOAP+xml; charset=utf-8; action=a")], RefusalFormat::Soap12)]
    #[case(&[], RefusalFormat::Problem)]
    fn a_request_that_says_it_is_soap_is_refused_with_a_fault(
        #[case] headers: &[(&str, &str)],
        #[case] expected: RefusalFormat,
    ) {
        let mut request = Request::builder();
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        assert_eq!(format(&request.body(()).unwrap().into_parts().0), expected);
    }
}
