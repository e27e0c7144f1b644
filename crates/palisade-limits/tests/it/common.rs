//! A router behind endpoint groups that a property file describes, and a clock that is moved.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, request};
use http_body_util::{BodyExt as _, Full};
use palisade_config::{Config, Errors, Sources};
use palisade_core::{
    BuildContext, BuildError, ClientAddress, Clock, Context, Guard, LimitStore, LimitStores, Phase,
    Principal, Rejection, Stage, StageKind,
};
use palisade_endpoint::{EndpointGroupsLayer, Environment, Policy, PolicyHandle, Registry};
use palisade_limits::Limits;
use palisade_test::FakeClock;
use serde::Deserialize;
use serde_json::Value;
use tower::{Layer as _, ServiceExt as _, service_fn};

/// Noon of some day in UTC.
pub(crate) const NOON: u64 = 1_800_014_400;

/// One group, `all`, with the interceptor `P`.
pub(crate) const ONE_GROUP: &str = "\
palisade.endpoints[0].name=all
palisade.endpoints[0].interceptors=P
";

/// Believes `X-Caller`: `name`, `name@tenant`, `name#key`, or `tenant!`; refuses the caller `nobody`.
#[derive(Debug)]
struct Believe;

impl Guard for Believe {
    fn name(&self) -> &'static str {
        "believe"
    }

    fn request(&self, _: &mut Context, head: &mut request::Parts) -> Result<(), Rejection> {
        let Some(caller) = head.headers.get("x-caller").and_then(|value| value.to_str().ok()) else {
            return Ok(());
        };
        let (caller, key) = caller
            .split_once('#')
            .map_or((caller, None), |(name, key)| (name, Some(key)));
        let (name, tenant) = caller
            .split_once('@')
            .map_or((caller, None), |(name, tenant)| (name, Some(tenant)));
        let (name, is_tenant) = name.strip_suffix('!').map_or((name, false), |name| (name, true));
        if name == "nobody" {
            return Err(Rejection::new(
                StatusCode::UNAUTHORIZED,
                "credentials-invalid",
                "No",
            ));
        }
        let mut principal = Principal::new(name, "test").of_tenant(tenant.map(Arc::from));
        principal.api_key = key.map(Arc::from);
        principal.is_tenant = is_tenant;
        head.extensions.insert(Arc::new(principal));
        Ok(())
    }
}

#[derive(Debug, Deserialize)]
struct BelieveSettings {
    #[expect(dead_code, reason = "only its presence matters")]
    on: bool,
}

impl StageKind for Believe {
    const ROOTS: &'static [&'static str] = &["believe"];
    type Settings = BelieveSettings;

    fn build(_: BelieveSettings, _: &BuildContext<'_>) -> Result<Vec<(Phase, Stage)>, BuildError> {
        Ok(vec![(Phase::Authentication, Stage::guard(Self))])
    }
}

/// What goes on over reloads.
pub(crate) struct World {
    pub(crate) clock: Arc<FakeClock>,
    environment: Environment,
    handle: PolicyHandle,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn field(&self, name: &str) -> Option<String> {
        let values = self.headers.get_all(name).iter();
        let values: Vec<&str> = values.map(|value| value.to_str().expect("visible")).collect();
        (!values.is_empty()).then(|| values.join(", "))
    }

    pub(crate) fn code(&self) -> String {
        let document = self.document();
        let kind = document.get("type").and_then(Value::as_str).unwrap_or_default();
        kind.trim_start_matches("urn:palisade:problem:").to_owned()
    }

    pub(crate) fn document(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

pub(crate) fn registry() -> Registry {
    Registry::new().with::<Limits>().with::<Believe>()
}

pub(crate) fn compile(text: &str, environment: &Environment) -> Result<Policy, Errors> {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("application.properties"), text).expect("the file can be written");
    let (config, errors) = Config::load(&Sources::new(folder.path()));
    assert!(errors.is_empty(), "{errors}");
    registry().compile(&config, environment)
}

impl World {
    /// One group with the interceptor `P`, which has these settings: lines such as `rate-limit.requests=2`.
    pub(crate) fn of(settings: &str) -> Self {
        Self::new(&interceptor(settings))
    }

    pub(crate) fn new(text: &str) -> Self {
        Self::with_stores(text, LimitStores::default())
    }

    /// With a store of the application's own, named `own`.
    pub(crate) fn with_store(settings: &str, store: impl LimitStore) -> Self {
        Self::with_stores(
            &interceptor(settings),
            LimitStores::default().with("own", Arc::new(store)),
        )
    }

    pub(crate) fn with_stores(text: &str, stores: LimitStores) -> Self {
        let clock = Arc::new(FakeClock::at(UNIX_EPOCH + Duration::from_secs(NOON)));
        let shared: Arc<dyn Clock> = Arc::<FakeClock>::clone(&clock);
        let mut environment = Environment::new(shared);
        environment.resources = environment.resources.with(Arc::new(stores));
        let policy = compile(text, &environment).unwrap_or_else(|errors| panic!("{errors}"));
        Self {
            clock,
            environment,
            handle: PolicyHandle::new(policy),
        }
    }

    pub(crate) fn reload(&self, text: &str) {
        let policy = compile(text, &self.environment).unwrap_or_else(|errors| panic!("{errors}"));
        let _ = self.handle.replace(policy);
    }

    pub(crate) fn policy(&self) -> Arc<Policy> {
        self.handle.current()
    }

    pub(crate) fn clock_at(&self) -> std::time::SystemTime {
        self.clock.now()
    }

    pub(crate) fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// Sends it to a handler that answers with the status in `X-Answer`, or 200, or with `X-Wait` never. The answer's body is not read yet.
    pub(crate) async fn begin(
        &self,
        request: Request<Full<Bytes>>,
    ) -> Response<impl http_body::Body<Data = Bytes, Error: std::fmt::Debug>> {
        let handler = service_fn(|request: Request<Full<Bytes>>| async move {
            let status = request
                .headers()
                .get("x-answer")
                .map_or(StatusCode::OK, |status| {
                    StatusCode::from_bytes(status.as_bytes()).expect("a status")
                });
            if request.headers().contains_key("x-wait") {
                std::future::pending::<()>().await;
            }
            let body = request
                .into_body()
                .collect()
                .await
                .expect("a whole body")
                .to_bytes();
            let mut response = Response::new(Full::new(if body.is_empty() { "hello".into() } else { body }));
            *response.status_mut() = status;
            Ok::<_, Infallible>(response)
        });
        let service = EndpointGroupsLayer::new(self.handle.clone()).layer(handler);
        service.oneshot(request).await.expect("it cannot fail")
    }

    pub(crate) async fn send(&self, request: Request<Full<Bytes>>) -> Answer {
        let (head, body) = self.begin(request).await.into_parts();
        Answer {
            status: head.status.as_u16(),
            headers: head.headers,
            body: body.collect().await.expect("a whole body").to_bytes(),
        }
    }

    /// The statuses of so many requests like that one, one after another.
    pub(crate) async fn statuses(
        &self,
        count: usize,
        request: impl Fn() -> Request<Full<Bytes>>,
    ) -> Vec<u16> {
        let mut statuses = Vec::with_capacity(count);
        for _ in 0..count {
            statuses.push(self.send(request()).await.status);
        }
        statuses
    }
}

/// One group with the interceptor `P`, and callers in front.
pub(crate) fn interceptor(settings: &str) -> String {
    let mut text = ONE_GROUP.to_owned();
    text.push_str("palisade.interceptors.P.believe.on=true\n");
    for line in settings.lines().filter(|line| !line.trim().is_empty()) {
        text.push_str("palisade.interceptors.P.");
        text.push_str(line.trim());
        text.push('\n');
    }
    text
}

/// A request to some operation, from some address.
pub(crate) fn get() -> Request<Full<Bytes>> {
    from("192.0.2.1")
}

pub(crate) fn from(address: &str) -> Request<Full<Bytes>> {
    let mut request = Request::builder()
        .uri("/server/rest/Pay/Order")
        .header("host", "localhost")
        .body(Full::default())
        .expect("a request");
    let address: IpAddr = address.parse().expect("an address");
    request.extensions_mut().insert(ClientAddress::from(address));
    request
}

/// A request of that caller.
pub(crate) fn by(caller: &str) -> Request<Full<Bytes>> {
    with("x-caller", caller)
}

pub(crate) fn with(name: &'static str, value: &str) -> Request<Full<Bytes>> {
    let mut request = get();
    request
        .headers_mut()
        .insert(name, value.parse().expect("a value"));
    request
}

/// A request that is answered with that status.
pub(crate) fn answered(status: u16) -> Request<Full<Bytes>> {
    with("x-answer", &status.to_string())
}

/// A transaction of that caller.
pub(crate) fn pay(caller: &str, media_type: &str, body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    let mut request = by(caller);
    *request.method_mut() = Method::POST;
    request
        .headers_mut()
        .insert("content-type", media_type.parse().expect("a type"));
    *request.body_mut() = Full::new(body.into());
    request
}

/// A transaction in JSON of that caller, with that amount.
pub(crate) fn pay_json(caller: &str, amount: &str) -> Request<Full<Bytes>> {
    pay(
        caller,
        "application/json",
        format!(r#"{{"payment":{{"amount":{amount},"currency":"EUR"}}}}"#),
    )
}

/// Whether it waits.
pub(crate) async fn waits(mut future: std::pin::Pin<&mut impl Future>) -> bool {
    std::future::poll_fn(|cx| std::task::Poll::Ready(future.as_mut().poll(cx).is_pending())).await
}
