//! What the rules cost for one request, beside looking at every field once in the same run.

use std::hint::black_box;
use std::io::{self, Write as _};
use std::time::{Duration, Instant};

use http::{Request, request};
use palisade_headers::HeaderRules;

const ROUNDS: u32 = 200_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (head, ()) = Request::builder()
        .method("POST")
        .header("host", "api.example")
        .header(
            "user-agent",
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0",
        )
        .header("accept", "application/json, text/plain, */*")
        .header("accept-encoding", "gzip, deflate, br, zstd")
        .header("accept-language", "nl-NL,nl;q=0.9,en-US;q=0.8")
        .header("content-type", "application/json; charset=utf-8")
        .header("content-length", "17")
        .header("authorization", format!("Bearer {}", "a".repeat(600)))
        .header("x-partner", "7")
        .header(
            "traceparent",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00",
        )
        .body(())?
        .into_parts();
    let defaults = HeaderRules::builder().build()?;
    let many = HeaderRules::builder()
        .block(["x-debug-*", "x-internal-*", "x-secret", "x-test"])
        .block_value("user-agent", "(?i)sqlmap|nikto")
        .require(["x-partner"])
        .build()?;
    let touched = nanoseconds(&head, |head| {
        head.headers.iter().map(|(_, value)| value.len()).sum::<usize>() > 0
    });
    let by_default = nanoseconds(&head, |head| defaults.admits(head).is_ok());
    let with_rules = nanoseconds(&head, |head| many.admits(head).is_ok());
    writeln!(
        io::stdout(),
        "{} fields: looked at once {touched:.0} ns; default rules {by_default:.0} ns (ratio {:.1}); \
         with blocked and required names and a regular expression {with_rules:.0} ns (ratio {:.1})",
        head.headers.len(),
        by_default / touched,
        with_rules / touched
    )?;
    Ok(())
}

/// Nanoseconds of one request, the best of five runs.
fn nanoseconds(head: &request::Parts, decide: impl Fn(&request::Parts) -> bool) -> f64 {
    let mut best = Duration::MAX;
    for _ in 0..5 {
        let start = Instant::now();
        for _ in 0..ROUNDS {
            black_box(decide(black_box(head)));
        }
        best = best.min(start.elapsed());
    }
    best.as_secs_f64() * 1e9 / f64::from(ROUNDS)
}
