//! Regular expressions that are matched with bounded work.
//!
//! An engine that is called linear costs the length of the text times the states that it is in at once, and counted repetitions within
//! each other make thousands of those: `^(\s*[0-9A-F]{1,16}\s*,?){1,1000}$` takes milliseconds for each character. So:
//!
//! 1. `^X{m,n}$` over one class of characters counts them.
//! 2. Where an automaton of [`AUTOMATON_SIZE`] can decide, it does, in one or two nanoseconds for each byte. It is built at start.
//! 3. Everything else goes through its states one by one, and each visit is paid for. Whoever has nothing left to pay is told
//!    [`TooMuchWork`]. It depends on the pattern and the text alone, not on what was searched before.
//!
//! What this does not protect against: patterns that take long to compile. They are bounded by the size of what they compile to.

use std::cell::Cell;
use std::fmt;

use jsonschema_regex::{RepeatedClass, Search, search_form, to_rust_regex};
use regex_automata::dfa::{Automaton, StartKind, dense};
use regex_automata::nfa::thompson::{NFA, State, WhichCaptures};
use regex_automata::util::primitives::StateID;
use regex_automata::util::syntax;
use regex_automata::{Input, MatchKind};

/// How many bytes an automaton may take, what it is built from as many, and what is needed to build it as many again.
const AUTOMATON_SIZE: usize = 512 * 1024;

/// How many bytes the states of a pattern in the settings may take. Counted repetitions such as `(ab?){1000}` are what takes them.
const WHOLE_SIZE: usize = 1024 * 1024;

/// The same of a pattern in a schema: what the crate `regex` allows.
const ECMA_SIZE: usize = 10 * 1024 * 1024;

/// How deep groups of a pattern in the settings may be nested.
const WHOLE_DEPTH: u32 = 50;

/// Visits of a state in one step.
const VISITS_PER_STEP: u64 = 2;

/// Bytes of a text that an automaton reads in one step of about ten nanoseconds.
const BYTES_PER_STEP: usize = 8;

/// Why there is no pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PatternError {
    /// It is no regular expression, or has look-around or backreferences.
    Syntax,
    /// What it compiles to is too large.
    TooLarge,
}

/// A search that was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooMuchWork;

/// Steps that several searches may take together.
#[derive(Debug)]
pub(crate) struct Budget(Cell<u64>);

impl Budget {
    pub(crate) fn new(steps: u64) -> Self {
        Self(Cell::new(steps))
    }

    /// Takes so many steps; whether they were there.
    pub(crate) fn spend(&self, steps: u64) -> bool {
        let left = self.0.get();
        self.0.set(left.saturating_sub(steps));
        left >= steps
    }
}

/// A regular expression, compiled.
pub(crate) struct Pattern(Engine);

enum Engine {
    Count(RepeatedClass),
    Automaton(Box<dense::DFA<Vec<u32>>>),
    States(NFA),
}

impl Pattern {
    /// A pattern of ECMA 262 with its Unicode flag, as schemas have it: it is searched for in a text.
    pub(crate) fn ecma(pattern: &str) -> Result<Self, PatternError> {
        let translated = to_rust_regex(pattern).map_err(|()| PatternError::Syntax)?;
        match search_form(pattern, &translated) {
            Some(Search::RepeatedClass(class)) => Ok(Self(Engine::Count(class))),
            Some(Search::Collapsed(pattern)) => Self::compile(&pattern, syntax::Config::new(), ECMA_SIZE),
            None => Self::compile(&translated, syntax::Config::new(), ECMA_SIZE),
        }
    }

    /// A pattern of the crate `regex` that a whole text matches.
    pub(crate) fn whole(pattern: &str) -> Result<Self, PatternError> {
        let config = syntax::Config::new().nest_limit(WHOLE_DEPTH);
        // By itself too: what is put around it must not make sense of what makes none.
        syntax::parse_with(pattern, &config).map_err(|_| PatternError::Syntax)?;
        let pattern = format!(r"\A(?:{pattern})\z");
        syntax::parse_with(&pattern, &config).map_err(|_| PatternError::Syntax)?;
        match RepeatedClass::from_translated(&pattern) {
            Some(class) => Ok(Self(Engine::Count(class))),
            None => Self::compile(&pattern, config, WHOLE_SIZE),
        }
    }

    fn compile(pattern: &str, config: syntax::Config, size: usize) -> Result<Self, PatternError> {
        let states = states(pattern, config, size)?;
        Ok(Self(match automaton(&states) {
            Some(automaton) => Engine::Automaton(Box::new(automaton)),
            None => Engine::States(states),
        }))
    }

    /// Whether the work of a search depends on nothing but the length of the text.
    pub(crate) fn is_linear(&self) -> bool {
        !matches!(self.0, Engine::States(_))
    }

    /// Searches a text. `spend` takes steps of about ten nanoseconds, and says whether they were there.
    pub(crate) fn is_match(
        &self,
        text: &str,
        mut spend: impl FnMut(u64) -> bool,
    ) -> Result<bool, TooMuchWork> {
        if !spend(1 + (text.len() / BYTES_PER_STEP) as u64) {
            return Err(TooMuchWork);
        }
        match &self.0 {
            Engine::Count(class) => Ok(class.is_match(text)),
            Engine::Automaton(automaton) => automaton
                .try_search_fwd(&Input::new(text).earliest(true))
                .map(|found| found.is_some())
                .map_err(|_| TooMuchWork),
            Engine::States(nfa) => Walk::new(nfa, text).run(spend),
        }
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Engine::Count(_) => "Pattern(Count)",
            Engine::Automaton(_) => "Pattern(Automaton)",
            Engine::States(_) => "Pattern(States)",
        })
    }
}

/// What a pattern compiles to.
fn states(pattern: &str, config: syntax::Config, size: usize) -> Result<NFA, PatternError> {
    let hir = syntax::parse_with(pattern, &config).map_err(|_| PatternError::Syntax)?;
    let config = NFA::config()
        .nfa_size_limit(Some(size))
        .which_captures(WhichCaptures::None);
    NFA::compiler()
        .configure(config)
        .build_from_hir(&hir)
        .map_err(|error| match error.size_limit() {
            Some(_) => PatternError::TooLarge,
            None => PatternError::Syntax,
        })
}

/// An automaton that needs no bookkeeping, if it is small; there is none of word boundaries in Unicode.
fn automaton(states: &NFA) -> Option<dense::DFA<Vec<u32>>> {
    if states.memory_usage() > AUTOMATON_SIZE {
        return None;
    }
    let config = dense::Config::new()
        .start_kind(StartKind::Unanchored)
        .match_kind(MatchKind::LeftmostFirst)
        .dfa_size_limit(Some(AUTOMATON_SIZE))
        .determinize_size_limit(Some(AUTOMATON_SIZE));
    dense::Builder::new()
        .configure(config)
        .build_from_nfa(states)
        .ok()
}

/// All that the states of a pattern can do with a text, one byte after the other.
struct Walk<'a> {
    nfa: &'a NFA,
    text: &'a str,
    /// The states before the byte that is read next.
    now: Vec<StateID>,
    /// For each state the last place where it was reached, counted from 1.
    reached: Vec<usize>,
    open: Vec<StateID>,
    /// Visits that are not paid for.
    visits: u64,
}

impl<'a> Walk<'a> {
    fn new(nfa: &'a NFA, text: &'a str) -> Self {
        Self {
            nfa,
            text,
            now: Vec::new(),
            reached: vec![0; nfa.states().len()],
            open: Vec::new(),
            visits: 0,
        }
    }

    fn run(mut self, mut spend: impl FnMut(u64) -> bool) -> Result<bool, TooMuchWork> {
        let is_anchored = self.nfa.is_always_start_anchored();
        let text = self.text;
        let mut next = Vec::new();
        // What `reached` takes.
        self.visits = self.nfa.states().len() as u64 / 128;
        for at in 0..=text.len() {
            let may_start = at == 0 || !is_anchored && text.is_char_boundary(at);
            if may_start && self.reach(self.nfa.start_anchored(), at) {
                return Ok(true);
            }
            if !spend(1 + std::mem::take(&mut self.visits) / VISITS_PER_STEP) {
                return Err(TooMuchWork);
            }
            let Some(&byte) = text.as_bytes().get(at) else {
                break;
            };
            if is_anchored && self.now.is_empty() {
                break;
            }
            std::mem::swap(&mut self.now, &mut next);
            self.now.clear();
            for &state in &next {
                if let Some(state) = self.read(state, byte)
                    && self.reach(state, at + 1)
                {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// Where a byte leads from a state.
    fn read(&mut self, state: StateID, byte: u8) -> Option<StateID> {
        self.visits += 1;
        match self.nfa.state(state) {
            State::ByteRange { trans } => trans.matches_byte(byte).then_some(trans.next),
            State::Sparse(sparse) => {
                self.visits += sparse.transitions.len() as u64 / 4;
                sparse.matches_byte(byte)
            }
            State::Dense(dense) => dense.matches_byte(byte),
            _ => None,
        }
    }

    /// Adds a state and those that it leads to without a byte; whether the match is among them.
    fn reach(&mut self, state: StateID, at: usize) -> bool {
        self.open.push(state);
        while let Some(state) = self.open.pop() {
            self.visits += 1;
            match self.reached.get_mut(state.as_usize()) {
                Some(reached) if *reached == at + 1 => continue,
                Some(reached) => *reached = at + 1,
                None => continue,
            }
            match self.nfa.state(state) {
                State::Match { .. } => return true,
                State::Fail => {}
                State::Look { look, next } => {
                    if self.nfa.look_matcher().matches(*look, self.text.as_bytes(), at) {
                        self.open.push(*next);
                    }
                }
                State::Union { alternates } => self.open.extend(alternates.iter()),
                State::BinaryUnion { alt1, alt2 } => self.open.extend([*alt1, *alt2]),
                State::Capture { next, .. } => self.open.push(*next),
                State::ByteRange { .. } | State::Sparse(_) | State::Dense(_) => self.now.push(state),
            }
        }
        false
    }
}

#[cfg(test)]
mod tests;
