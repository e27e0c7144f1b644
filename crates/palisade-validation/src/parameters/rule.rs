//! What is expected of one parameter.

use std::cmp::Ordering;
use std::fmt::Display;

use super::SettingFaults;
use super::decimal::Decimal;
use super::fault::Expected;
use super::instant::{Date, Instant};
use crate::pattern::{Budget, Pattern, PatternError, TooMuchWork};
use crate::settings::{ParameterSettings, ParameterType};

/// Steps that the patterns of all parameters of a request may take together: ten milliseconds or so.
pub(super) const PATTERN_STEPS: u64 = 1_000_000;

/// What a parameter must be.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) required: bool,
    kind: Kind,
    min_length: usize,
    max_length: usize,
    pattern: Option<Pattern>,
    values: Option<Box<[Box<str>]>>,
}

/// What a value is, and between which bounds.
#[derive(Debug)]
enum Kind {
    String,
    Integer(Bounds<Decimal<Box<str>>>),
    Number(Bounds<Decimal<Box<str>>>),
    Boolean,
    Uuid,
    Date(Bounds<Date>),
    DateTime(Bounds<Instant>),
}

#[derive(Debug)]
struct Bounds<T> {
    min: Option<T>,
    max: Option<T>,
}

impl Rule {
    /// Compiles the settings below `key`; `None` where they have a fault.
    pub(super) fn compile(
        key: &str,
        settings: &ParameterSettings,
        faults: &mut SettingFaults,
    ) -> Option<Self> {
        let mut compile = Compile {
            key,
            settings,
            faults,
            failed: false,
        };
        let kind = compile.kind();
        compile.lengths();
        let pattern = compile.pattern();
        let mut rule = kind.map(|kind| Self {
            required: settings.required,
            kind,
            min_length: settings.min_length.unwrap_or(0),
            max_length: settings.max_length.unwrap_or(usize::MAX),
            pattern,
            values: None,
        });
        let values = compile.values(rule.as_ref());
        if let Some(rule) = &mut rule {
            rule.values = values;
        }
        rule.filter(|_| !compile.failed)
    }

    /// The only values that are accepted, where they are listed.
    pub(super) fn values(&self) -> &[Box<str>] {
        self.values.as_deref().unwrap_or_default()
    }

    /// Checks a value. What its pattern takes comes out of `budget`.
    pub(super) fn check(&self, value: &str, budget: &Budget) -> Result<(), Expected> {
        self.check_length(value)?;
        self.kind.check(value)?;
        if let Some(values) = &self.values
            && !values.iter().any(|accepted| **accepted == *value)
        {
            return Err(Expected::Values);
        }
        let Some(pattern) = &self.pattern else {
            return Ok(());
        };
        match pattern.is_match(value, |steps| budget.spend(steps)) {
            Ok(true) => Ok(()),
            Ok(false) => Err(Expected::Pattern),
            Err(TooMuchWork) => Err(Expected::LessWork),
        }
    }

    fn check_length(&self, value: &str) -> Result<(), Expected> {
        if self.min_length == 0 && self.max_length == usize::MAX {
            return Ok(());
        }
        let length = value.chars().count();
        if length < self.min_length {
            return Err(Expected::MinLength);
        }
        if length > self.max_length {
            return Err(Expected::MaxLength);
        }
        Ok(())
    }
}

impl Kind {
    fn check(&self, value: &str) -> Result<(), Expected> {
        let wrong = Expected::Type;
        match self {
            Self::String => Ok(()),
            Self::Integer(bounds) => {
                let number = Decimal::integer(value).ok_or(wrong(ParameterType::Integer))?;
                bounds.check(|bound| number.compare(bound))
            }
            Self::Number(bounds) => {
                let number = Decimal::number(value).ok_or(wrong(ParameterType::Number))?;
                bounds.check(|bound| number.compare(bound))
            }
            Self::Boolean if matches!(value, "true" | "false") => Ok(()),
            Self::Boolean => Err(wrong(ParameterType::Boolean)),
            Self::Uuid if is_uuid(value) => Ok(()),
            Self::Uuid => Err(wrong(ParameterType::Uuid)),
            Self::Date(bounds) => {
                let date = Date::parse(value).ok_or(wrong(ParameterType::Date))?;
                bounds.check(|bound| date.cmp(bound))
            }
            Self::DateTime(bounds) => {
                let instant = Instant::parse(value).ok_or(wrong(ParameterType::DateTime))?;
                bounds.check(|bound| instant.cmp(bound))
            }
        }
    }
}

impl<T> Bounds<T> {
    /// Checks a value by how it compares to a bound.
    fn check(&self, compare: impl Fn(&T) -> Ordering) -> Result<(), Expected> {
        if self.min.as_ref().is_some_and(|min| compare(min).is_lt()) {
            return Err(Expected::Min);
        }
        if self.max.as_ref().is_some_and(|max| compare(max).is_gt()) {
            return Err(Expected::Max);
        }
        Ok(())
    }
}

/// RFC 9562 section 4: eight, four, four, four and twelve hexadecimal digits.
fn is_uuid(text: &str) -> bool {
    let is_expected = |(at, byte): (usize, u8)| match at {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    };
    text.len() == 36 && text.bytes().enumerate().all(is_expected)
}

/// Compiles the settings of one parameter, and collects what is wrong with them.
struct Compile<'a> {
    key: &'a str,
    settings: &'a ParameterSettings,
    faults: &'a mut SettingFaults,
    failed: bool,
}

impl Compile<'_> {
    fn fault(&mut self, name: &str, expected: impl Display) {
        self.faults
            .push((format!("{}.{name}", self.key), expected.to_string()));
        self.failed = true;
    }

    fn kind(&mut self) -> Option<Kind> {
        match self.settings.kind {
            ParameterType::String => self.unbounded().then_some(Kind::String),
            ParameterType::Boolean => self.unbounded().then_some(Kind::Boolean),
            ParameterType::Uuid => self.unbounded().then_some(Kind::Uuid),
            ParameterType::Integer => {
                let read = |text: &str| Decimal::integer(text).map(Decimal::into_owned);
                let mut bounds = self.bounds("a whole number such as -12", read)?;
                // What is not bounded must fit what most handlers read it into.
                bounds.min = bounds.min.or_else(|| read(&i64::MIN.to_string()));
                bounds.max = bounds.max.or_else(|| read(&i64::MAX.to_string()));
                self.ordered(&bounds, Decimal::compare);
                Some(Kind::Integer(bounds))
            }
            ParameterType::Number => {
                let read = |text: &str| Decimal::number(text).map(Decimal::into_owned);
                let bounds = self.bounds("a decimal number such as 0.5", read)?;
                self.ordered(&bounds, Decimal::compare);
                Some(Kind::Number(bounds))
            }
            ParameterType::Date => {
                let bounds = self.bounds("a date such as 2026-01-31", Date::parse)?;
                self.ordered(&bounds, Ord::cmp);
                Some(Kind::Date(bounds))
            }
            ParameterType::DateTime => {
                let bounds = self.bounds("an instant such as 2026-01-31T12:00:00Z", Instant::parse)?;
                self.ordered(&bounds, Ord::cmp);
                Some(Kind::DateTime(bounds))
            }
        }
    }

    /// Whether there are no bounds, for a type that has no order.
    fn unbounded(&mut self) -> bool {
        let settings = self.settings;
        for (name, bound) in [("min", &settings.min), ("max", &settings.max)] {
            if bound.is_some() {
                self.fault(name, "no such key, except for numbers, dates and instants (type)");
            }
        }
        settings.min.is_none() && settings.max.is_none()
    }

    fn bounds<T>(&mut self, expected: &str, read: impl Fn(&str) -> Option<T>) -> Option<Bounds<T>> {
        let settings = self.settings;
        let mut bound = |name: &str, text: Option<&String>| {
            let bound = text.map(|text| read(text));
            if bound.as_ref().is_some_and(Option::is_none) {
                self.fault(name, expected);
                return None;
            }
            Some(bound.flatten())
        };
        let (min, max) = (
            bound("min", settings.min.as_ref()),
            bound("max", settings.max.as_ref()),
        );
        Some(Bounds { min: min?, max: max? })
    }

    fn ordered<T>(&mut self, bounds: &Bounds<T>, compare: impl Fn(&T, &T) -> Ordering) {
        if let (Some(min), Some(max)) = (&bounds.min, &bounds.max)
            && compare(min, max).is_gt()
        {
            let (name, expected) = match (&self.settings.min, &self.settings.max) {
                (None, _) => (
                    "min",
                    "a value too: without it whole numbers fit 64 bits, and max is below them",
                ),
                (_, None) => (
                    "max",
                    "a value too: without it whole numbers fit 64 bits, and min is above them",
                ),
                _ => ("min", "nothing above max"),
            };
            self.fault(name, expected);
        }
    }

    fn lengths(&mut self) {
        let settings = self.settings;
        for (name, length) in [
            ("min-length", settings.min_length),
            ("max-length", settings.max_length),
        ] {
            if length.is_some() && settings.kind != ParameterType::String {
                self.fault(name, "no such key, except for text (type)");
            }
        }
        if let (Some(min), Some(max)) = (settings.min_length, settings.max_length)
            && min > max
        {
            self.fault("min-length", "nothing above max-length");
        }
    }

    fn pattern(&mut self) -> Option<Pattern> {
        let settings = self.settings;
        let pattern = settings.pattern.as_ref()?;
        if settings.kind == ParameterType::Boolean {
            self.fault("pattern", "no such key for true and false (type)");
            return None;
        }
        match Pattern::whole(pattern) {
            Ok(pattern) => Some(pattern),
            Err(PatternError::TooLarge) => {
                self.fault("pattern", "a regular expression with smaller repetitions");
                None
            }
            Err(PatternError::Syntax) => {
                let expected = "a regular expression of the Rust crate regex: no look-around, no back-references, no comment at its end";
                self.fault("pattern", expected);
                None
            }
        }
    }

    /// Listed values must be such that the rest of the rule accepts them.
    fn values(&mut self, rule: Option<&Rule>) -> Option<Box<[Box<str>]>> {
        let settings = self.settings;
        let values = settings.values.as_ref()?;
        if values.is_empty() {
            self.fault("values", "at least one value; leave the key out to accept all");
        }
        for (position, value) in values.iter().enumerate() {
            if values.iter().take(position).any(|earlier| earlier == value) {
                self.fault(
                    "values",
                    format_args!("each value once, but {value:?} stands there twice"),
                );
            }
            if let (false, Some(rule)) = (self.failed, rule)
                && let Err(expected) = rule.check(value, &Budget::new(PATTERN_STEPS))
            {
                self.fault(
                    "values",
                    format_args!("values that the other keys accept, but {value:?} {expected}"),
                );
            }
        }
        Some(values.iter().map(|value| value.as_str().into()).collect())
    }
}
