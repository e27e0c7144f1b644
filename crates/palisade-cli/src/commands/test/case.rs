//! A case, and what becomes of it.

use std::sync::Arc;

use palisade_core::TlsSession;
use palisade_endpoint::{ExplainedStage, Explanation, Probe, Verdict};
use serde::Serialize;

use super::file::{Case, CaseBody, CaseRequest, Expectation, ExpectedVerdict};
use crate::commands::{Compiled, explain};
use crate::outcome::Failure;

/// What became of a case.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Outcome<'a> {
    pub(super) name: &'a str,
    pub(super) line: u32,
    pub(super) passed: bool,
    pub(super) expected: &'a Expectation,
    /// What is otherwise than expected.
    pub(super) differences: Vec<String>,
    /// The user, where the directory has none of that name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) unknown_user: Option<&'a str>,
    /// What was found.
    pub(super) found: Explanation,
}

impl CaseRequest {
    /// The request, for an explanation.
    pub(super) fn probe(&self, compiled: &Compiled) -> Result<Probe, Failure> {
        let mut probe = Probe::new(self.method.clone(), self.target.clone());
        probe.headers = self.headers.clone();
        probe.peer = self.peer;
        probe.tls = self.tls.map(|version| TlsSession::new(version, ""));
        probe.nothing_used = true;
        match &self.body {
            Some(CaseBody::File(file)) => {
                let is_soap = compiled.policy.is_soap(probe.target.path());
                explain::suppose_body(file, is_soap, &mut probe)?;
            }
            Some(CaseBody::Text(text)) => probe.body = Some(text.clone().into()),
            None => {}
        }
        if let Some(user) = &self.user {
            let directory = compiled.directory.as_deref();
            let texts = |texts: &[String]| texts.iter().map(|text| Arc::from(text.as_str())).collect();
            let mut principal = explain::supposed(user, directory).with_scopes(texts(&self.scopes));
            if let Some(roles) = &self.roles {
                principal = principal.with_roles(texts(roles));
            }
            if let Some(tenant) = &self.tenant {
                principal = principal.of_tenant(Some(Arc::from(tenant.as_str())));
            }
            probe.principal = Some(Arc::new(principal));
            probe.caller_refused = explain::refused(user, directory);
        }
        Ok(probe)
    }
}

impl<'a> Outcome<'a> {
    pub(super) fn new(case: &'a Case, compiled: &Compiled, found: Explanation) -> Self {
        let directory = compiled.directory.as_deref();
        let user = case.request.user.as_deref();
        let differences = differences(&case.expect, &found);
        Self {
            name: &case.name,
            line: case.line,
            passed: differences.is_empty(),
            expected: &case.expect,
            differences,
            unknown_user: user.filter(|user| explain::is_unknown(user, directory)),
            found,
        }
    }

    /// The stage that made the verdict.
    pub(super) fn deciding(&self) -> Option<(usize, &ExplainedStage)> {
        deciding(&self.found)
    }

    /// The stage that was expected to make it, where the group has it.
    pub(super) fn meant(&self) -> Option<(usize, &ExplainedStage)> {
        let wanted = self.expected.stage.as_ref()?;
        let mut stages = self.found.stages.iter().enumerate();
        stages.find(|(_, stage)| is_named(stage, wanted))
    }
}

/// A refusal decides; then something unknown.
fn deciding(found: &Explanation) -> Option<(usize, &ExplainedStage)> {
    let first = |is_it: fn(&Verdict) -> bool| {
        let mut stages = found.stages.iter().enumerate();
        stages.find(|(_, stage)| stage.decides() && is_it(&stage.verdict))
    };
    first(|verdict| matches!(verdict, Verdict::Refused { .. })).or_else(|| first(is_unknown))
}

fn is_unknown(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Unknown { .. })
}

/// A stage is named by itself, or behind its interceptor: `ip-filter`, `Partners.ip-filter`.
fn is_named(stage: &ExplainedStage, name: &str) -> bool {
    stage.stage == name
        || name
            .strip_prefix(stage.interceptor.as_str())
            .and_then(|rest| rest.strip_prefix('.'))
            .is_some_and(|rest| rest == stage.stage)
}

/// Everything that is otherwise than expected.
fn differences(expected: &Expectation, found: &Explanation) -> Vec<String> {
    let mut differences = Vec::new();
    if let Some(group) = &expected.group
        && group.0 != found.group
    {
        differences.push(format!(
            "group: expected {}, found {}",
            named(group.0.as_deref()),
            named(found.group.as_deref())
        ));
    }
    differences.extend(verdict(expected, &found.verdict));
    if differences.is_empty() {
        differences.extend(uncertain(expected, found));
    }
    if let Some(wanted) = &expected.stage {
        let by = deciding(found).map(|(_, stage)| stage);
        if !by.is_some_and(|stage| is_named(stage, wanted)) {
            let by = by.map_or_else(|| "none".to_owned(), full_name);
            differences.push(format!("stage: expected {wanted}, found {by}"));
        }
    }
    if let Some(wanted) = &expected.stages {
        let all_fit = wanted.len() == found.stages.len()
            && found
                .stages
                .iter()
                .zip(wanted)
                .all(|(stage, name)| is_named(stage, name));
        if !all_fit {
            let stages: Vec<String> = found.stages.iter().map(full_name).collect();
            differences.push(format!(
                "stages: expected {}, found {}",
                listed(wanted),
                listed(&stages)
            ));
        }
    }
    differences
}

fn verdict(expected: &Expectation, found: &Verdict) -> Option<String> {
    let fits = match (expected.verdict, found) {
        (ExpectedVerdict::Accepted, Verdict::Accepted) => true,
        (ExpectedVerdict::Refused, Verdict::Refused { status, code, .. }) => {
            expected.status.is_none_or(|wanted| wanted == *status)
                && expected.code.as_ref().is_none_or(|wanted| wanted == code)
        }
        (ExpectedVerdict::Unknown, Verdict::Unknown { hangs_on }) => {
            expected.hangs_on.as_ref().is_none_or(|wanted| wanted == hangs_on)
        }
        _ => false,
    };
    (!fits).then(|| format!("verdict: expected {expected}, found {found}"))
}

/// Whether the refusal that was found might be another one: an earlier stage hangs on what is not supposed.
fn uncertain(expected: &Expectation, found: &Explanation) -> Option<String> {
    let is_particular = expected.status.is_some() || expected.code.is_some() || expected.stage.is_some();
    if !is_particular || !matches!(found.verdict, Verdict::Refused { .. }) {
        return None;
    }
    let (end, _) = deciding(found)?;
    let mut before = found.stages.iter().take(end).filter(|stage| stage.decides());
    let stage = before.find(|stage| is_unknown(&stage.verdict))?;
    let Verdict::Unknown { hangs_on } = &stage.verdict else {
        return None;
    };
    Some(format!(
        "whether {} refuses it before hangs on {hangs_on}",
        full_name(stage)
    ))
}

pub(super) fn full_name(stage: &ExplainedStage) -> String {
    format!("{}.{}", stage.interceptor, stage.stage)
}

fn named(group: Option<&str>) -> &str {
    group.unwrap_or("none")
}

fn listed(names: &[String]) -> String {
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    }
}
