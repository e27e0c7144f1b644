//! One limit as a layer, around a service that does nothing, beside `tower_governor` in the same run: a thousand peers in turn.

use std::convert::Infallible;
use std::io::{self, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use axum::body::Body;
use axum::extract::ConnectInfo;
use http::{Request, Response, request};
use palisade_core::settings::Period;
use palisade_core::{ClientAddress, Context as Exchange, Guard, Pipeline, Rejection, Stage};
use palisade_limits::{ConcurrencySettings, Limits, RateLimitSettings};
use palisade_test::Comparison;
use tower::{Layer as _, Service, service_fn};
use tower_governor::GovernorLayer;
use tower_governor::governor::GovernorConfigBuilder;

const PEERS: u32 = 1_000;

/// A request that the same peer sends again, as a server makes one.
fn request(peer: u32) -> Request<Body> {
    let address = Ipv4Addr::from_bits(0x0A00_0000 + peer % PEERS);
    let mut request = Request::new(Body::empty());
    request
        .extensions_mut()
        .insert(ConnectInfo(SocketAddr::from((address, 443))));
    request
        .extensions_mut()
        .insert(ClientAddress::from(std::net::IpAddr::from(address)));
    request
}

/// A stage that does nothing.
#[derive(Debug)]
struct Idle;

impl Guard for Idle {
    fn name(&self) -> &'static str {
        "idle"
    }

    fn request(&self, _: &mut Exchange, _: &mut request::Parts) -> Result<(), Rejection> {
        Ok(())
    }
}

/// Calls it, and counts what was accepted.
fn call<S, B>(service: &mut S, turn: &mut u32, accepted: &mut u64)
where
    S: Service<Request<Body>, Response = Response<B>>,
{
    *turn = turn.wrapping_add(1);
    let mut future = pin!(service.call(request(*turn)));
    if let Poll::Ready(Ok(response)) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        *accepted += u64::from(response.status().is_success());
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let inner = || service_fn(|_: Request<Body>| async { Ok::<_, Infallible>(Response::new(Body::empty())) });
    let rate = || RateLimitSettings::new(1_000_000_000, Period::seconds(1));
    let mut bare = inner();
    let mut ours = Limits::builder().rate_limit(rate()).layer()?.layer(inner());
    let mut idle = Pipeline::from(Stage::guard(Idle)).layer(inner());
    let both = Limits::builder()
        .rate_limit(rate())
        .concurrency(ConcurrencySettings::new(1_000));
    let mut ours_both = both.layer()?.layer(inner());
    let config = GovernorConfigBuilder::default()
        .per_nanosecond(1)
        .burst_size(1_000_000_000)
        .finish()
        .ok_or("a configuration")?;
    let mut theirs = GovernorLayer::new(config).layer(inner());
    let config = GovernorConfigBuilder::default()
        .per_nanosecond(1)
        .burst_size(1_000_000_000)
        .use_headers()
        .finish()
        .ok_or("a configuration")?;
    let mut theirs_told = GovernorLayer::new(config).layer(inner());

    let mut turns = [0_u32; 6];
    let mut accepted = [0_u64; 6];
    let [t0, t1, t2, t3, t4, t5] = &mut turns;
    let [a0, a1, a2, a3, a4, a5] = &mut accepted;
    let outcome = Comparison::new(41, 20_000).run(&mut [
        ("no limit", &mut || call(&mut bare, t0, a0)),
        ("tower_governor", &mut || call(&mut theirs, t1, a1)),
        ("tower_governor, with its fields", &mut || {
            call(&mut theirs_told, t2, a2);
        }),
        ("a stage that does nothing", &mut || call(&mut idle, t5, a5)),
        ("rate-limit", &mut || call(&mut ours, t3, a3)),
        ("rate-limit and concurrency", &mut || call(&mut ours_both, t4, a4)),
    ]);
    let mut out = io::stdout().lock();
    let bare_time = outcome.times.first().map(|(_, time)| *time).unwrap_or_default();
    for ((name, time), accepted) in outcome.times.iter().zip(accepted) {
        let added = time.saturating_sub(bare_time);
        writeln!(
            out,
            "{name:32} {time:>10.1?} a call, {added:>10.1?} more than none; {accepted} accepted"
        )?;
    }
    let added = |name: &str| {
        let time = outcome
            .times
            .iter()
            .find(|(other, _)| *other == name)
            .map(|(_, time)| *time);
        time.unwrap_or_default().saturating_sub(bare_time).as_secs_f64()
    };
    writeln!(
        out,
        "added by rate-limit over added by tower_governor with its fields: {:.2}; without: {:.2}",
        added("rate-limit") / added("tower_governor, with its fields"),
        added("rate-limit") / added("tower_governor"),
    )?;
    Ok(())
}
