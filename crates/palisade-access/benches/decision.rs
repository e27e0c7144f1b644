//! What a decision costs, beside finding the caller in the request's extensions in the same run.

use std::hint::black_box;
use std::io::{self, Write as _};
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{Request, request};
use palisade_access::{Access, Operation};
use palisade_core::{Context, Guard, Principal};

const ROUNDS: u32 = 500_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let roles: Vec<Arc<str>> = (0..5).map(|number| format!("role-{number}").into()).collect();
    let jane = Principal::new("jane", "bearer").with_roles(roles.into());
    let (mut head, ()) = Request::builder().method("DELETE").body(())?.into_parts();
    head.extensions.insert(Arc::new(jane));
    let everybody = Access::builder().allow_everybody(Operation::Delete).build()?;
    let few = Access::builder()
        .allow(Operation::Read, ["role:role-0"])
        .allow(Operation::Delete, ["scope:orders.delete", "role:role-4"])
        .build()?;
    let found = nanoseconds(&mut head, |head| {
        head.extensions.get::<Arc<Principal>>().is_some()
    });
    let mut decide = |access: &Access| {
        let mut cx = Context::new(&head);
        nanoseconds(&mut head, |head| access.request(&mut cx, head).is_ok())
    };
    writeln!(
        io::stdout(),
        "the caller found {found:.0} ns; everybody may {:.0} ns; the last of two rules and of five roles {:.0} ns",
        decide(&everybody),
        decide(&few)
    )?;
    Ok(())
}

/// Nanoseconds of one decision, the best of five runs.
fn nanoseconds(head: &mut request::Parts, mut decide: impl FnMut(&mut request::Parts) -> bool) -> f64 {
    let mut best = Duration::MAX;
    for _ in 0..5 {
        let start = Instant::now();
        for _ in 0..ROUNDS {
            black_box(decide(black_box(&mut *head)));
        }
        best = best.min(start.elapsed());
    }
    best.as_secs_f64() * 1e9 / f64::from(ROUNDS)
}
