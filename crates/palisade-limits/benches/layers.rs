//! One limit as a layer, around a service that does nothing, beside `tower_governor` in the same run; and the check alone, beside
//! `governor` alone. A thousand peers in turn.

use std::convert::Infallible;
use std::hint::black_box;
use std::io::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use governor::{Quota, RateLimiter};
use http::{Request, Response, request};
use palisade_core::settings::Period;
use palisade_core::{
    ClientAddress, Clock as _, Context as Exchange, Demand, Guard, LimitCounter, LimitKey, LimitRule,
    LimitStore as _, Pipeline, Rejection, Stage, SystemClock,
};
use palisade_limits::{ConcurrencySettings, Limits, RateLimitSettings};
use palisade_store::MemoryLimits;
use palisade_test::Comparison;
use tower::{Layer as _, Service, service_fn};
use tower_governor::GovernorLayer;
use tower_governor::governor::GovernorConfigBuilder;

const PEERS: u32 = 1_000;

/// The next peer.
fn peer(turn: &mut u32) -> IpAddr {
    *turn = turn.wrapping_add(1);
    Ipv4Addr::from_bits(0x0A00_0000 + *turn % PEERS).into()
}

/// A request of the next peer, as a server makes one.
fn request(turn: &mut u32) -> Request<Body> {
    let address = peer(turn);
    let mut request = Request::new(Body::empty());
    request
        .extensions_mut()
        .insert(ConnectInfo(SocketAddr::from((address, 443))));
    request.extensions_mut().insert(ClientAddress::from(address));
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
    let mut future = pin!(service.call(request(turn)));
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

    // The checks alone.
    let quota = Quota::per_second(NonZeroU32::MAX);
    let governor = RateLimiter::keyed(quota);
    let (store, clock) = (MemoryLimits::new(), SystemClock::new());
    let rule = LimitRule::Rate {
        burst: u32::MAX.into(),
        interval: Duration::from_nanos(1),
    };
    let counter = Arc::new(LimitCounter::new(&store, "bench", rule, 100_000));
    let mut demands = [Demand::new(counter, LimitKey::EVERYBODY, 1)];
    let (mut governor_turn, mut check_turn) = (0, 0);

    let mut turns = [0_u32; 6];
    let mut accepted = [0_u64; 6];
    let [t0, t1, t2, t3, t4, t5] = &mut turns;
    let [a0, a1, a2, a3, a4, a5] = &mut accepted;
    let outcome = Comparison::new(41, 20_000).run(&mut [
        ("governor alone", &mut || {
            let _ = black_box(governor.check_key(&peer(&mut governor_turn)));
        }),
        ("a check alone", &mut || {
            for demand in &mut demands {
                demand.key = LimitKey::address(peer(&mut check_turn));
            }
            let _ = black_box(store.take(&mut demands, clock.now()));
        }),
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
    let time = |name: &str| {
        let found = outcome.times.iter().find(|(other, _)| *other == name);
        found.map(|(_, time)| *time).unwrap_or_default()
    };
    let bare = time("no limit");
    for (name, time) in &outcome.times {
        let added = time.saturating_sub(bare);
        writeln!(
            out,
            "{name:32} {time:>10.1?} a call, {added:>10.1?} more than no limit"
        )?;
    }
    let calls = 42 * 20_000;
    if accepted.iter().any(|accepted| *accepted != calls) {
        return Err("some call was refused".into());
    }
    let added = |name: &str| time(name).saturating_sub(bare).as_secs_f64();
    writeln!(
        out,
        "a check alone over governor alone: {:.2} (goal 1.3)\n\
         what rate-limit adds over what tower_governor adds, with fields on both: {:.2}; without fields on theirs: {:.2}",
        time("a check alone").as_secs_f64() / time("governor alone").as_secs_f64(),
        added("rate-limit") / added("tower_governor, with its fields"),
        added("rate-limit") / added("tower_governor"),
    )?;
    Ok(())
}
