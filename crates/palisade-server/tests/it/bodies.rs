//! Bodies that stages ask for whole, and that do not come.

use std::convert::Infallible;

use axum::body::{Body, Bytes};
use futures_util::{StreamExt, stream};
use http::request;
use http_body::Frame;
use http_body_util::StreamBody;
use palisade_config::Sources;
use palisade_core::{
    Bodies, BuildContext, BuildError, Context, Message, Phase, Stage, StageKind, Step, Transform,
};
use palisade_endpoint::Registry;
use palisade_server::Loader;
use serde::Deserialize;
use tokio::time::timeout;

use super::common::{Folder, OPEN, Running, SOON, Version, answer, code};

/// Settings of [`Whole`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WholeSettings {
    enabled: bool,
}

/// A stage that needs requests whole and accepts all of them.
#[derive(Debug)]
struct Whole;

impl StageKind for Whole {
    const ROOTS: &'static [&'static str] = &["whole"];
    type Settings = WholeSettings;

    fn build(settings: WholeSettings, _: &BuildContext<'_>) -> Result<Vec<(Phase, Stage)>, BuildError> {
        let stage = settings.enabled.then(|| Stage::transform(Self));
        Ok(stage
            .map(|stage| (Phase::MessageSecurity, stage))
            .into_iter()
            .collect())
    }
}

impl Transform for Whole {
    fn name(&self) -> &'static str {
        "whole"
    }

    fn needs(&self) -> Bodies {
        Bodies::Request
    }

    fn request<'a>(&'a self, _: &'a mut Context, _: &'a mut Message<request::Parts>) -> Step<'a> {
        Step::Done(Ok(()))
    }
}

async fn reading_whole() -> Running {
    let folder = Folder::new(&format!(
        "{OPEN}palisade.endpoints[0].interceptors=Whole\n\
         palisade.interceptors.Whole.whole.enabled=true\n\
         palisade.body-read-timeout=500ms\n"
    ));
    let loader = Loader::new(
        Sources::new(folder.folder.path()),
        Registry::new().with::<Whole>(),
    );
    let server = loader.load().unwrap_or_else(|errors| panic!("{errors}"));
    let server = server.without_signals();
    let handle = server.handle();
    Running::of(folder, handle, tokio::spawn(server.serve_echo())).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_stands_still_before_a_stage_that_needs_it_whole_is_408() {
    let server = reading_whole().await;
    let text = server
        .raw(b"POST /x HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\nhalf")
        .await;
    assert!(text.starts_with("HTTP/1.1 408"), "{text}");
    assert!(text.contains("urn:palisade:problem:body-timeout"), "{text}");

    for version in [Version::Http1, Version::Http2] {
        let mut client = server.client(version).await;
        let half = stream::iter([Ok::<_, Infallible>(Frame::data(Bytes::from_static(b"half")))]);
        let body = Body::new(StreamBody::new(half.chain(stream::pending())));
        let request = client.request("/x").method("POST").body(body).unwrap();
        let response = timeout(SOON, client.send(request)).await.unwrap().unwrap();
        let (status, document) = answer(response).await;
        assert_eq!((status, code(&document)), (408, "body-timeout"), "{version:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_breaks_off_before_a_stage_that_needs_it_whole_is_400() {
    let server = reading_whole().await;
    let text = server
        .raw(b"POST /x HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\nno length\r\n")
        .await;
    assert!(text.starts_with("HTTP/1.1 400"), "{text}");
    assert!(text.contains("urn:palisade:problem:body-malformed"), "{text}");
}
