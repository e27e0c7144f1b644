//! Findings weighed: justified or not, and a score.

use std::collections::BTreeMap;

use palisade_config::{Config, Errors};
use palisade_core::{Finding, Severity};
use serde::Serialize;

/// Where justifications stand.
pub(crate) const JUSTIFY: &str = "palisade.justify";

/// All findings about a configuration, with a score from 0 to 100.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Assessment {
    /// 100 less 25 for each severe finding, 10 for each moderate one and 3 for each caution; never below 0.
    pub score: u8,
    /// Findings that count, worst first.
    pub findings: Vec<Finding>,
    /// Findings that a justification silences.
    pub justified: Vec<Justified>,
}

/// A finding that somebody answers for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Justified {
    /// The finding.
    #[serde(flatten)]
    pub finding: Finding,
    /// Why it is accepted.
    pub reason: String,
    /// Who answers for it.
    pub owner: String,
    /// The last day it is accepted, `YYYY-MM-DD`.
    pub until: String,
}

/// A justification as it was written: `reason, owner, until=YYYY-MM-DD`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Justification {
    reason: String,
    owner: String,
    until: Date,
}

/// A day, compared by year, month and day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Date(u16, u8, u8);

impl Date {
    fn parse(text: &str) -> Option<Self> {
        let [year, month, day] = <[&str; 3]>::try_from(text.split('-').collect::<Vec<_>>()).ok()?;
        let fits = year.len() == 4 && month.len() == 2 && day.len() == 2;
        let date = Self(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?);
        (fits && (1..=12).contains(&date.1) && (1..=31).contains(&date.2)).then_some(date)
    }

    /// The day of a time, in UTC (Howard Hinnant's `civil_from_days`).
    fn of(time: std::time::SystemTime) -> Self {
        let seconds = time
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs();
        let days = seconds / 86_400 + 719_468;
        let era = days / 146_097;
        let day_of_era = days % 146_097;
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * shifted + 2) / 5 + 1;
        let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
        let year = year_of_era + era * 400 + u64::from(month <= 2);
        Self(
            u16::try_from(year).unwrap_or(u16::MAX),
            u8::try_from(month).unwrap_or(12),
            u8::try_from(day).unwrap_or(31),
        )
    }
}

/// Reads `palisade.justify.<code>`.
pub fn justifications(config: &Config) -> Result<BTreeMap<String, Justification>, Errors> {
    let mut errors = Errors::new();
    let mut read = BTreeMap::new();
    for code in config.names(JUSTIFY) {
        let key = config.child_key(JUSTIFY, code);
        let parts = match config.get::<Vec<String>>(&key) {
            Ok(parts) => parts.unwrap_or_default(),
            Err(found) => {
                errors.extend(found);
                continue;
            }
        };
        match parse(&parts) {
            Some(justification) => {
                read.insert(code.to_owned(), justification);
            }
            None => errors.push(config.error(&key, "reason, owner, until=YYYY-MM-DD")),
        }
    }
    errors.into_result(read)
}

fn parse(parts: &[String]) -> Option<Justification> {
    // The reason may hold commas itself.
    let [reason @ .., owner, until] = parts else {
        return None;
    };
    let until = Date::parse(until.trim().strip_prefix("until=")?.trim())?;
    let reason = reason.join(", ");
    (!reason.is_empty() && !owner.is_empty()).then(|| Justification {
        reason,
        owner: owner.clone(),
        until,
    })
}

/// Weighs findings on the day of `now`.
pub fn assess(
    findings: impl IntoIterator<Item = Finding>,
    justifications: &BTreeMap<String, Justification>,
    now: std::time::SystemTime,
) -> Assessment {
    let today = Date::of(now);
    let (mut counting, mut justified) = (Vec::new(), Vec::new());
    for finding in findings {
        match justifications
            .get(finding.code.as_ref())
            .filter(|justification| today <= justification.until)
        {
            Some(Justification {
                reason,
                owner,
                until: Date(year, month, day),
            }) => justified.push(Justified {
                finding,
                reason: reason.clone(),
                owner: owner.clone(),
                until: format!("{year:04}-{month:02}-{day:02}"),
            }),
            None => counting.push(finding),
        }
    }
    counting.sort_by(|a, b| b.severity.cmp(&a.severity).then_with(|| a.code.cmp(&b.code)));
    let weight = |finding: &Finding| match finding.severity {
        Severity::Severe => 25,
        Severity::Moderate => 10,
        _ => 3,
    };
    let lost: u32 = counting.iter().map(weight).sum();
    Assessment {
        score: u8::try_from(100_u32.saturating_sub(lost)).unwrap_or(0),
        findings: counting,
        justified,
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use palisade_core::{Finding, Severity};
    use rstest::rstest;

    use super::{Date, assess, parse};

    #[rstest]
    #[case(0, Date(1970, 1, 1))]
    #[case(951_782_400, Date(2000, 2, 29))]
    #[case(1_798_761_599, Date(2026, 12, 31))]
    #[case(1_798_761_600, Date(2027, 1, 1))]
    fn days_are_counted_as_the_calendar_does(#[case] seconds: u64, #[case] day: Date) {
        assert_eq!(Date::of(UNIX_EPOCH + Duration::from_secs(seconds)), day);
    }

    #[test]
    fn a_justification_silences_a_finding_until_its_day_has_passed() {
        let parts: Vec<String> = ["test bed, no partners", "ops", "until=2026-12-31"]
            .map(str::to_owned)
            .to_vec();
        let known = [("plain-http".to_owned(), parse(&parts).unwrap())].into();
        let findings = || {
            vec![
                Finding::new(Severity::Severe, "plain-http", "plain"),
                Finding::new(Severity::Caution, "interceptor-unused", "unused"),
            ]
        };
        let within = assess(
            findings(),
            &known,
            UNIX_EPOCH + Duration::from_secs(1_798_761_599),
        );
        assert_eq!(
            (within.score, within.findings.len(), within.justified.len()),
            (97, 1, 1)
        );
        let past = assess(
            findings(),
            &known,
            UNIX_EPOCH + Duration::from_secs(1_798_761_600),
        );
        assert_eq!(
            (past.score, past.findings.len(), past.justified.len()),
            (72, 2, 0)
        );
        assert_eq!(past.findings[0].severity, Severity::Severe);
    }

    #[rstest]
    #[case(&["reason", "owner"])]
    #[case(&["owner", "until=2026-12-31"])]
    #[case(&["reason", "owner", "until=soon"])]
    #[case(&["reason", "owner", "until=2026-13-01"])]
    fn half_a_justification_is_none(#[case] parts: &[&str]) {
        let parts: Vec<String> = parts.iter().map(|part| (*part).to_owned()).collect();
        assert_eq!(parse(&parts), None);
    }
}
