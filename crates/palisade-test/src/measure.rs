use std::fmt;
use std::time::{Duration, Instant};

/// Contestants measured in turn in one run, so that a machine whose speed drifts treats them alike.
///
/// The first one is the baseline. Times are medians over rounds.
#[derive(Debug)]
pub struct Comparison {
    rounds: usize,
    calls: u32,
}

/// What came of a [`Comparison`].
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Name and time per call, in the order given.
    pub times: Vec<(&'static str, Duration)>,
}

impl Comparison {
    /// So many rounds of so many calls for each contestant.
    pub const fn new(rounds: usize, calls: u32) -> Self {
        Self { rounds, calls }
    }

    /// Runs them in turn.
    pub fn run(&self, contestants: &mut [(&'static str, &mut dyn FnMut())]) -> Outcome {
        let mut samples: Vec<Vec<Duration>> = contestants
            .iter()
            .map(|_| Vec::with_capacity(self.rounds))
            .collect();
        for round in 0..=self.rounds {
            for ((_, call), samples) in contestants.iter_mut().zip(&mut samples) {
                let start = Instant::now();
                for _ in 0..self.calls {
                    call();
                }
                // The first round warms up.
                if round > 0 {
                    samples.push(start.elapsed() / self.calls);
                }
            }
        }
        let times = contestants
            .iter()
            .zip(samples)
            .map(|((name, _), samples)| (*name, median(samples)))
            .collect();
        Outcome { times }
    }
}

fn median(mut samples: Vec<Duration>) -> Duration {
    samples.sort_unstable();
    samples.get(samples.len() / 2).copied().unwrap_or_default()
}

impl Outcome {
    /// Time of one contestant over that of the first.
    pub fn ratio(&self, name: &str) -> f64 {
        let time = |wanted: Option<&str>| {
            let mut times = self.times.iter();
            let found = times.find(|(name, _)| wanted.is_none_or(|wanted| wanted == *name));
            found.map_or(f64::NAN, |(_, time)| time.as_secs_f64())
        };
        time(Some(name)) / time(None)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, time) in &self.times {
            writeln!(f, "{name:<44} {:>12.1?}   ratio {:.2}", time, self.ratio(name))?;
        }
        Ok(())
    }
}
