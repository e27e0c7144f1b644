//! A million deny prefixes: the time to load them, and of one decision, beside an ordered map in the same run.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::hint::black_box;
use std::io::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::{Duration, Instant};

use palisade_core::ClientAddress;
use palisade_ip_filter::IpFilter;

const PREFIXES: u32 = 1_000_000;
const LOOKUPS: u32 = 1_000_000;

/// A small generator of numbers that look random (`SplitMix64`).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn v4(&mut self) -> u32 {
        u32::try_from(self.next() >> 32).unwrap_or_default()
    }

    fn v6(&mut self) -> u128 {
        (0x2 << 124) | (u128::from(self.next() >> 3) << 64) | u128::from(self.next())
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let mut numbers = Numbers(1);
    let starts_v4: Vec<u32> = (0..PREFIXES).map(|_| numbers.v4() & !0xFF).collect();
    let starts_v6: Vec<u128> = (0..PREFIXES).map(|_| numbers.v6() >> 64 << 64).collect();

    let mut text = String::new();
    for start in &starts_v4 {
        writeln!(text, "{}/24", Ipv4Addr::from_bits(*start))?;
    }
    let asked: Vec<ClientAddress> = (0..LOOKUPS)
        .map(|_| IpAddr::from(Ipv4Addr::from_bits(numbers.v4())).into())
        .collect();
    let map: BTreeMap<u32, u32> = starts_v4.iter().map(|start| (*start, start | 0xFF)).collect();
    measure(
        "IPv4 /24",
        &folder.path().join("v4.txt"),
        &text,
        &asked,
        |address| match address {
            IpAddr::V4(address) => {
                let number = address.to_bits();
                map.range(..=number)
                    .next_back()
                    .is_some_and(|(_, last)| number <= *last)
            }
            IpAddr::V6(_) => false,
        },
    )?;

    text.clear();
    for start in &starts_v6 {
        writeln!(text, "{}/64", Ipv6Addr::from_bits(*start))?;
    }
    let asked: Vec<ClientAddress> = (0..LOOKUPS)
        .map(|_| IpAddr::from(Ipv6Addr::from_bits(numbers.v6())).into())
        .collect();
    let map: BTreeMap<u128, u128> = starts_v6
        .iter()
        .map(|start| (*start, start | u128::from(u64::MAX)))
        .collect();
    measure(
        "IPv6 /64",
        &folder.path().join("v6.txt"),
        &text,
        &asked,
        |address| match address {
            IpAddr::V6(address) => {
                let number = address.to_bits();
                map.range(..=number)
                    .next_back()
                    .is_some_and(|(_, last)| number <= *last)
            }
            IpAddr::V4(_) => false,
        },
    )
}

fn measure(
    name: &str,
    path: &std::path::Path,
    text: &str,
    asked: &[ClientAddress],
    baseline: impl Fn(IpAddr) -> bool,
) -> Result<(), Box<dyn std::error::Error>> {
    std::fs::write(path, text)?;
    let (mut loaded, mut filter) = (Duration::MAX, None);
    for _ in 0..5 {
        let start = Instant::now();
        let built = IpFilter::builder().deny_lines(&std::fs::read(path)?)?.build()?;
        loaded = loaded.min(start.elapsed());
        filter = Some(built);
    }
    let filter = filter.ok_or("nothing was loaded")?;
    let ours = per_decision(asked, |client| filter.admits(client).is_err());
    let theirs = per_decision(asked, |client| client.ip().is_some_and(&baseline));
    let bare = per_decision(asked, |client| client.ip().is_some());
    writeln!(
        io::stdout(),
        "{name}: {PREFIXES} prefixes read from a file in {loaded:.1?}; a decision {ours:.1} ns, \
         an ordered map {theirs:.1} ns (ratio {:.2}), the loop alone {bare:.1} ns",
        ours / theirs
    )?;
    Ok(())
}

/// Nanoseconds of one decision, the best of five runs.
fn per_decision(asked: &[ClientAddress], decide: impl Fn(ClientAddress) -> bool) -> f64 {
    let mut best = Duration::MAX;
    for _ in 0..5 {
        let start = Instant::now();
        for client in asked {
            black_box(decide(black_box(*client)));
        }
        best = best.min(start.elapsed());
    }
    best.as_secs_f64() * 1e9 / f64::from(LOOKUPS)
}
