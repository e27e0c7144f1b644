//! Blueriq's own names, all six profiles of each side, through the whole loader: with nothing but keys, their defaults hold.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use palisade::config::{Config, Sources};
use palisade::core::outbound::OutboundError;
use palisade::core::{Clock, Rejection, Resources, SharedReplay};
use palisade::endpoint::{Environment, PolicyHandle};
use palisade::keystore::Keystores;
use palisade::server::settings::ServerSettings;
use palisade::store::MemoryReplay;
use palisade::{EndpointGroupsLayer, Registry, StandardRegistry};
use palisade_test::FakeClock;
use palisade_test::ca::TestCa;
use tower::{ServiceBuilder, ServiceExt, service_fn};

const NOW: u64 = 1_800_000_000;
const PATH: &str = "/server/rest/Payments/Create";

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

/// Everything on, with keys where a profile needs one, and no other setting.
fn properties() -> String {
    let mut text = "blueriq.baas.rest.endpoints[0].webservices=Payments\n\
                    blueriq.baas.rest.endpoints[0].interceptors=Bank\n\
                    blueriq.security.keystore.location=file://keys\n"
        .to_owned();
    let mut add = |side: &str, name: &str, profile: &str, alias: &str| {
        let key = format!("blueriq.rest.interceptor.{side}.security.{name}.{profile}");
        writeln!(text, "{key}.enabled=true").unwrap();
        if !alias.is_empty() {
            writeln!(text, "{key}.key-alias={alias}").unwrap();
        }
    };
    for (read, write, own, other, side, name) in [
        ("request", "response", "bank", "partner", "server", "Bank"),
        ("response", "request", "partner", "bank", "client", "Partner"),
    ] {
        add(side, name, &format!("{read}.decryption"), own);
        add(side, name, &format!("{read}.signature"), other);
        add(side, name, &format!("{read}.timestamp"), "");
        add(side, name, &format!("{write}.encryption"), other);
        add(side, name, &format!("{write}.signature"), own);
        add(side, name, &format!("{write}.timestamp"), "");
    }
    text
}

/// Both sides out of one folder, each with a clock of its own.
struct Sides {
    _folder: tempfile::TempDir,
    server: PolicyHandle,
    server_clock: Arc<FakeClock>,
    client: PolicyHandle,
    client_clock: Arc<FakeClock>,
}

impl Sides {
    fn load(more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let keys = folder.path().join("keys");
        std::fs::create_dir(&keys).unwrap();
        let ca = TestCa::new("Example Root");
        ca.server(&["bank.example"]).write_pem(&keys, "bank");
        ca.client("partner").write_pem(&keys, "partner");
        let text = properties() + more;
        std::fs::write(folder.path().join("application.properties"), text).unwrap();
        let compile = |clock: &Arc<FakeClock>| {
            let sources = Sources::new(folder.path());
            let (config, errors) = Config::load(&sources);
            assert!(errors.is_empty(), "{errors}");
            let (settings, errors) = ServerSettings::read(&config);
            assert!(errors.is_empty(), "{errors}");
            let keystores = Keystores::load(config.folder(), &settings.keystores).unwrap();
            let clock: Arc<dyn Clock> = Arc::<FakeClock>::clone(clock);
            let mut environment = Environment::new(clock);
            environment.resources = Resources::default()
                .with(Arc::new(keystores))
                .with(Arc::new(SharedReplay::new(MemoryReplay::new(100, at(0)))));
            let policy = Registry::standard().compile(&config, &environment);
            PolicyHandle::new(policy.unwrap_or_else(|errors| panic!("{errors}")))
        };
        let clocks = [(); 2].map(|()| Arc::new(FakeClock::at(at(NOW))));
        let [server_clock, client_clock] = clocks;
        Self {
            server: compile(&server_clock),
            client: compile(&client_clock),
            _folder: folder,
            server_clock,
            client_clock,
        }
    }

    /// What the server answers to what the client makes, each at its time.
    async fn call(&self, asked: u64, served: u64, read: u64) -> Result<Response<Bytes>, Rejection> {
        self.client_clock.set(at(asked));
        self.server_clock.set(at(served));
        let wire = Arc::new(Mutex::new(Vec::new()));
        let handler = service_fn(|request: Request<Full<Bytes>>| async {
            assert_eq!(request.headers()["content-type"], "application/json");
            let body = request.into_body().collect().await?.to_bytes();
            assert_eq!(body, r#"{"amount": 1.50}"#);
            Ok::<_, std::convert::Infallible>(
                Response::builder()
                    .header("content-type", "application/json")
                    .body(Full::from(r#"{"fee": 0.10}"#))
                    .unwrap(),
            )
        });
        let guarded = ServiceBuilder::new()
            .layer(EndpointGroupsLayer::new(self.server.clone()))
            .service(handler);
        let (seen, clock) = (Arc::clone(&wire), Arc::clone(&self.client_clock));
        let network = service_fn(move |request: Request<Full<Bytes>>| {
            let (seen, clock, guarded) = (Arc::clone(&seen), Arc::clone(&clock), guarded.clone());
            async move {
                seen.lock()
                    .unwrap()
                    .push(request.headers()["content-type"].clone());
                let mut request = request;
                request
                    .headers_mut()
                    .insert("host", "bank.example".parse().unwrap());
                let response = guarded.oneshot(request).await?;
                clock.set(at(read));
                Ok::<_, std::convert::Infallible>(response)
            }
        });
        let client = ServiceBuilder::new()
            .layer(self.client.client("Partner").unwrap())
            .service(network);
        let request = Request::post(PATH)
            .header("content-type", "application/json")
            .body(Full::from(r#"{"amount": 1.50}"#))
            .unwrap();
        let answer = client.oneshot(request).await;
        assert_eq!(*wire.lock().unwrap(), ["application/jose"]);
        match answer {
            Ok(answer) => {
                let (head, body) = answer.into_parts();
                let body = body
                    .collect()
                    .await
                    .unwrap_or_else(|_| panic!("a body"))
                    .to_bytes();
                Ok(Response::from_parts(head, body))
            }
            Err(OutboundError::Refused(rejection)) => Err(rejection),
            Err(other) => panic!("{other}"),
        }
    }

    /// The status, and the code of a refusal by the server.
    async fn served(&self, asked: u64, served: u64) -> (StatusCode, String) {
        let answer = self.call(asked, served, served).await.unwrap();
        let text = String::from_utf8(answer.body().to_vec()).unwrap();
        let code = text
            .split_once("urn:palisade:problem:")
            .map(|(_, rest)| rest.split('"').next());
        (answer.status(), code.flatten().unwrap_or_default().to_owned())
    }
}

#[tokio::test]
async fn all_profiles_of_both_sides_load_and_fit_each_other() {
    let sides = Sides::load("");
    let answer = sides.call(NOW, NOW, NOW).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["content-type"], "application/json");
    assert_eq!(answer.body(), r#"{"fee": 0.10}"#);
}

#[tokio::test]
async fn requests_live_300_seconds_and_clocks_may_differ_by_300() {
    let sides = Sides::load("");
    let refused = |code: &str| (StatusCode::BAD_REQUEST, code.to_owned());
    let accepted = (StatusCode::OK, String::new());
    assert_eq!(sides.served(NOW, NOW + 600).await, accepted);
    assert_eq!(sides.served(NOW, NOW + 601).await, refused("message-expired"));
    assert_eq!(sides.served(NOW, NOW - 300).await, accepted);
    assert_eq!(
        sides.served(NOW, NOW - 301).await,
        refused("message-not-yet-valid")
    );
}

#[tokio::test]
async fn responses_live_300_seconds_and_clocks_may_differ_by_300() {
    let sides = Sides::load("");
    let code = |refused: Result<Response<Bytes>, Rejection>| refused.unwrap_err().problem().code.to_string();
    assert!(sides.call(NOW, NOW, NOW + 600).await.is_ok());
    assert_eq!(code(sides.call(NOW, NOW, NOW + 601).await), "message-expired");
    assert!(sides.call(NOW, NOW, NOW - 300).await.is_ok());
    assert_eq!(
        code(sides.call(NOW, NOW, NOW - 301).await),
        "message-not-yet-valid"
    );
}

#[tokio::test]
async fn skew_and_life_are_read_under_their_names() {
    let sides = Sides::load(
        "blueriq.rest.interceptor.server.security.Bank.request.timestamp.max-clock-skew=10\n\
         blueriq.rest.interceptor.client.security.Partner.request.timestamp.ttl=20\n",
    );
    assert_eq!(sides.served(NOW, NOW + 30).await.0, StatusCode::OK);
    assert_eq!(sides.served(NOW, NOW + 31).await.1, "message-expired");
    // The longest life is that of the server, whatever the client asks for.
    let sides = Sides::load("blueriq.rest.interceptor.client.security.Partner.response.timestamp.ttl=301\n");
    assert_eq!(sides.served(NOW, NOW).await.1, "message-ttl-too-long");
}
