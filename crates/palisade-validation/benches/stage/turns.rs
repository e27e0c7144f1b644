//! Several things measured in turns.

use std::convert::Infallible;
use std::future::{Future, Ready, ready};
use std::hint::black_box;
use std::io::{self, Write as _};
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use palisade_core::Pipeline;
use tower::{Layer as _, Service as _, service_fn};

use super::Outcome;

type Whole = Full<Bytes>;

/// What is measured: how long one run took, and whether it came to the right end.
pub(crate) struct Subject<'a> {
    name: &'static str,
    run: Box<dyn FnMut() -> (Duration, bool) + 'a>,
}

impl<'a> Subject<'a> {
    pub(crate) fn new(name: &'static str, run: impl FnMut() -> (Duration, bool) + 'a) -> Self {
        Self {
            name,
            run: Box::new(run),
        }
    }
}

/// One exchange through that pipeline, around a service that does nothing. Its request is built before the clock runs.
pub(crate) fn exchanges<'a>(
    name: &'static str,
    pipeline: &Pipeline,
    request: impl Fn() -> Request<Whole> + 'a,
) -> Outcome<Subject<'a>> {
    let nothing = |_: Request<Whole>| -> Ready<Result<Response<Whole>, Infallible>> {
        ready(Ok(Response::new(Whole::default())))
    };
    let mut service = pipeline.layer(service_fn(nothing));
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let mut run = move || {
        let request = request();
        let mut waker = Context::from_waker(Waker::noop());
        let start = Instant::now();
        let is_good = service.poll_ready(&mut waker).is_ready() && {
            let mut exchange = pin!(service.call(black_box(request)));
            // Large bodies are looked at on another thread; to be told of small ones needs no runtime.
            let outcome = match exchange.as_mut().poll(&mut waker) {
                Poll::Ready(outcome) => outcome,
                Poll::Pending => runtime.block_on(exchange),
            };
            outcome.is_ok_and(|response| response.status().is_success())
        };
        (start.elapsed(), is_good)
    };
    if run().1 {
        Ok(Subject::new(name, run))
    } else {
        Err(format!("{name}: refused").into())
    }
}

/// The best and the median of each subject, in nanoseconds.
pub(crate) struct Turns(Vec<(&'static str, [f64; 2])>);

impl Turns {
    pub(crate) fn run(bytes: usize, mut subjects: Vec<Subject<'_>>) -> Self {
        // Small bodies take so little that a round has many of them, and the clock's own time does not count.
        let (rounds, runs) = if bytes < 1 << 16 { (400, 200) } else { (150, 1) };
        let mut taken = vec![Vec::with_capacity(rounds); subjects.len()];
        for _ in 0..rounds {
            for (subject, taken) in subjects.iter_mut().zip(&mut taken) {
                let mut times: Vec<Duration> = (0..runs).map(|_| (subject.run)().0).collect();
                times.sort_unstable();
                taken.extend(times.get(runs / 2).copied());
            }
        }
        let clock = clock();
        let figures = subjects.iter().zip(taken).map(|(subject, mut taken)| {
            taken.sort_unstable();
            let at = |position: usize| {
                let time = taken.get(position).copied().unwrap_or_default();
                time.as_secs_f64() * 1e9 - clock
            };
            (subject.name, [at(0), at(rounds / 2)])
        });
        Self(figures.collect())
    }

    pub(crate) fn print(&self) -> Outcome<()> {
        for (name, [best, median]) in &self.0 {
            let line = format!("{name:<38} {:>9.2} us {:>9.2} us", best / 1e3, median / 1e3);
            writeln!(io::stdout(), "  {line}")?;
        }
        Ok(())
    }

    /// How many times as much, once `without` is subtracted.
    pub(crate) fn ratio(&self, told: &str, of: &str, without: Option<&str>, to: &str) -> Outcome<()> {
        let find = |name: &str| self.0.iter().find(|(known, _)| *known == name);
        let ([of, of_median], [to, to_median]) = match (find(of), find(to)) {
            (Some((_, of)), Some((_, to))) => (*of, *to),
            _ => return Err(format!("{told}: nothing was measured").into()),
        };
        let [less, less_median] = without.and_then(find).map_or([0.0; 2], |(_, less)| *less);
        let [best, median] = [(of - less) / to, (of_median - less_median) / to_median];
        writeln!(io::stdout(), "  {told:<38} {best:>9.2}    {median:>9.2}")?;
        Ok(())
    }
}

/// What it takes to read the clock, in nanoseconds.
fn clock() -> f64 {
    let best = (0..10_000).map(|_| Instant::now().elapsed()).min();
    best.unwrap_or_default().as_secs_f64() * 1e9
}
