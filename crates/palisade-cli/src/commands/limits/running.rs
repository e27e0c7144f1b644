//! The server that runs with a configuration, asked over its admin listener.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, HOST};
use http::{HeaderValue, Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use palisade::client::{ClientBuilder, UpstreamClient};
use palisade_core::Secret;
use palisade_endpoint::LimitReport;
use palisade_server::settings::AdminSettings;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tower::ServiceExt as _;

use super::teller::{Forgotten, Selection};
use crate::outcome::Failure;

/// How long an admin listener may take: it is on this machine, and may have to ask Redis.
const CONNECT: Duration = Duration::from_secs(1);
const ANSWER: Duration = Duration::from_secs(10);
/// The largest answer.
const LARGEST: usize = 16 << 20;

/// A server that answers, and runs with the configuration that is meant.
#[derive(Debug)]
pub(super) struct RunningServer {
    client: UpstreamClient<Full<Bytes>>,
    address: SocketAddr,
    token: Option<Secret>,
}

/// What it says of itself and its limits.
#[derive(Debug, Deserialize)]
struct Told {
    config: String,
    limits: Vec<LimitReport>,
}

/// A problem document.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Problem {
    title: String,
    detail: Option<String>,
}

/// Why it does not do what it was asked.
#[derive(Debug)]
pub(super) enum Answered {
    /// It is out of reach, or no server of ours.
    Nothing(String),
    /// It refuses.
    Problem(StatusCode, String),
}

impl From<Answered> for Failure {
    fn from(answered: Answered) -> Self {
        match answered {
            Answered::Problem(StatusCode::NOT_FOUND | StatusCode::BAD_REQUEST, what) => Self::wrong(what),
            Answered::Problem(_, what) | Answered::Nothing(what) => Self::refused(what),
        }
    }
}

impl RunningServer {
    /// The server that runs with that folder, or why there is none to ask.
    pub(super) async fn find(settings: &AdminSettings, folder: &Path) -> Result<Self, String> {
        if !settings.enabled {
            return Err("palisade.admin.enabled=false, so no running server can be asked".to_owned());
        }
        if settings.bind.port() == 0 {
            return Err(
                "palisade.admin.bind has no fixed port, so no running server can be asked".to_owned(),
            );
        }
        let client = ClientBuilder::new()
            .allow_plain_http()
            .connect_timeout(CONNECT)
            .response_timeout(ANSWER)
            .build()
            .map_err(|error| error.to_string())?;
        let server = Self {
            client,
            address: reachable(settings.bind),
            token: settings.token.clone(),
        };
        let address = server.address;
        let told = server.told(Selection::default()).await;
        let told = told.map_err(|answered| match answered {
            Answered::Nothing(why) => why,
            Answered::Problem(status, _) => format!(
                "what answers at palisade.admin.bind, {address}, is no server that tells of limits ({status})"
            ),
        })?;
        let own = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        if Path::new(&told.config) != own {
            return Err(format!(
                "the server at palisade.admin.bind, {address}, runs with another configuration, {}",
                told.config.escape_debug()
            ));
        }
        Ok(server)
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(super) async fn reports(&self, selection: Selection<'_>) -> Result<Vec<LimitReport>, Answered> {
        Ok(self.told(selection).await?.limits)
    }

    /// The token goes along: whoever has taken the address of a server that is gone gets to know it.
    pub(super) async fn reset(&self, selection: Selection<'_>) -> Result<Forgotten, Answered> {
        self.ask(Method::DELETE, &selection.query(true)).await
    }

    async fn told(&self, selection: Selection<'_>) -> Result<Told, Answered> {
        self.ask(Method::GET, &selection.query(false)).await
    }

    async fn ask<T: DeserializeOwned>(&self, method: Method, query: &str) -> Result<T, Answered> {
        let address = self.address;
        let nothing = |why: &str| {
            Answered::Nothing(format!(
                "no server answers at palisade.admin.bind, {address}: {why}"
            ))
        };
        let mut request = Request::builder()
            .method(&method)
            .uri(format!("{}/limits?{query}", self.url()))
            // It answers to names of this machine alone.
            .header(HOST, "localhost");
        if let (Method::DELETE, Some(token)) = (method, &self.token) {
            let mut field = HeaderValue::try_from(format!("Bearer {}", token.expose()))
                .map_err(|_| nothing("palisade.admin.token cannot be sent"))?;
            field.set_sensitive(true);
            request = request.header(AUTHORIZATION, field);
        }
        let request = request
            .body(Full::default())
            .map_err(|error| nothing(&error.to_string()))?;
        let answer = self.client.clone().oneshot(request).await;
        let answer = answer.map_err(|error| nothing(&error.to_string()))?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), LARGEST).collect().await;
        let body = body.map_err(|error| nothing(&error.to_string()))?.to_bytes();
        if status != StatusCode::OK {
            let problem: Problem = serde_json::from_slice(&body).unwrap_or_default();
            // Where there is nothing more to say, the detail is the title.
            let detail = problem.detail.filter(|detail| *detail != problem.title);
            let detail = detail.map(|detail| format!(": {detail}"));
            let said = format!("{}{}", problem.title, detail.unwrap_or_default());
            return Err(Answered::Problem(
                status,
                format!("the server at {address}: {status} {}", said.escape_debug()),
            ));
        }
        serde_json::from_slice(&body).map_err(|_| nothing("what does is no server that tells of limits"))
    }
}

/// Where a listener that is bound to all addresses can be reached.
fn reachable(bind: SocketAddr) -> SocketAddr {
    let ip = match bind.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, bind.port())
}
