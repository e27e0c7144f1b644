//! An endpoint group: its settings, checked.

use std::collections::HashSet;
use std::str::FromStr;

use http::Method;
use palisade_config::{Config, Errors, Origin};
use serde::Deserialize;

use crate::pattern::Pattern;
use crate::selector::{Protocol, Selectors};

/// Where groups stand.
pub(crate) const ENDPOINTS: &str = "palisade.endpoints";

/// `palisade.endpoints[N]`: which requests a group takes, and which interceptors guard them.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct GroupSettings {
    /// A name for logs and explanations; `endpoints[N]` where it is left out.
    pub name: Option<String>,
    /// Web services; left out, all match.
    pub webservices: Option<Vec<String>>,
    /// Operations; left out, all match.
    pub operations: Option<Vec<String>>,
    /// Methods in upper case; `GET` includes `HEAD`. Left out, all match.
    pub methods: Option<Vec<String>>,
    /// Path patterns as axum writes them: `/payments/{id}`, `/files/{*rest}`. Left out, all match.
    pub paths: Option<Vec<String>>,
    /// SOAP actions, of the field `SOAPAction` or the parameter `action`. Left out, all match.
    pub soap_actions: Option<Vec<String>>,
    /// The interceptors that guard the group, in order.
    pub interceptors: Vec<String>,
    /// Whether refusals are only logged and counted.
    pub report_only: bool,
}

/// A group whose settings are sound.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) name: String,
    pub(crate) key: String,
    pub(crate) selectors: Selectors,
    pub(crate) interceptors: Vec<String>,
    pub(crate) report_only: bool,
}

/// Every group, or every error in them.
pub(crate) fn read(config: &Config) -> Result<Vec<Group>, Errors> {
    let mut errors = Errors::new();
    let mut groups: Vec<Group> = Vec::new();
    let mut taken = HashSet::new();
    if config.contains(ENDPOINTS) && config.len(ENDPOINTS) == 0 {
        errors.push(config.error(ENDPOINTS, "a list: palisade.endpoints[0].…"));
    }
    for position in 0..config.len(ENDPOINTS) {
        let key = format!("{ENDPOINTS}[{position}]");
        let settings = config.get::<GroupSettings>(&key);
        // Wrong settings elsewhere in the group must not hide a wrong name among its interceptors.
        let names = config
            .get::<Vec<String>>(&format!("{key}.interceptors"))
            .ok()
            .flatten()
            .unwrap_or_default();
        Check {
            config,
            key: &key,
            errors: &mut errors,
        }
        .interceptors(&names);
        let group =
            settings.and_then(|settings| Group::check(config, position, key, settings.unwrap_or_default()));
        match group {
            Ok(group) if !taken.insert(group.name.clone()) => {
                let key = format!("{}.name", group.key);
                errors.push(config.error(&key, "a name that no other group has"));
            }
            Ok(group) => groups.push(group),
            Err(found) => errors.extend(found),
        }
    }
    errors.into_result(groups)
}

impl Group {
    fn check(config: &Config, position: usize, key: String, settings: GroupSettings) -> Result<Self, Errors> {
        let mut errors = Errors::new();
        let mut check = Check {
            config,
            key: &key,
            errors: &mut errors,
        };
        let protocol = if config.blueriq().soap_groups.contains(&position) {
            Protocol::Soap
        } else if config.blueriq().rest_groups.contains(&position) {
            Protocol::Rest
        } else {
            Protocol::Any
        };
        if settings.interceptors.is_empty()
            && let Some(Origin::Environment { .. } | Origin::CommandLine) = config.origin(&key)
        {
            // A list is replaced whole: one setting of one group, meant as a change, would leave that group alone and unguarded.
            check.fault(
                "interceptors",
                "the interceptors too: a variable or option replaces the whole list of groups",
            );
        }
        let name = settings.name.unwrap_or_else(|| format!("endpoints[{position}]"));
        if name.is_empty() {
            check.fault("name", "a name, or no such key");
        }
        if settings.soap_actions.is_some() && settings.operations.is_some() {
            check.fault(
                "operations",
                "no operations beside soap-actions: a SOAP request has an action instead",
            );
        }
        // A SOAP group that Blueriq's names give no actions is for every action.
        let soap_actions = settings
            .soap_actions
            .filter(|actions| protocol != Protocol::Soap || !actions.is_empty());
        let selectors = Selectors {
            protocol,
            webservices: check.names("webservices", settings.webservices),
            operations: check.names("operations", settings.operations),
            soap_actions: check.list("soap-actions", soap_actions, |text| {
                if text.is_empty() {
                    Err("actions that are not empty".to_owned())
                } else {
                    Ok(text)
                }
            }),
            methods: check.list("methods", settings.methods, |text| read_method(&text)),
            paths: check.list("paths", settings.paths, |text| {
                Pattern::parse(&text).map(|pattern| (text, pattern))
            }),
        };
        let group = Self {
            name,
            selectors,
            interceptors: settings.interceptors,
            report_only: settings.report_only,
            key,
        };
        errors.into_result(group)
    }
}

/// Checks lists and collects what is wrong with them.
struct Check<'a> {
    config: &'a Config,
    key: &'a str,
    errors: &'a mut Errors,
}

impl Check<'_> {
    fn fault(&mut self, name: &str, expected: impl std::fmt::Display) {
        self.errors
            .push(self.config.error(&format!("{}.{name}", self.key), expected));
    }

    fn list<T>(
        &mut self,
        name: &str,
        list: Option<Vec<String>>,
        read: impl Fn(String) -> Result<T, String>,
    ) -> Option<Vec<T>> {
        let list = list?;
        if list.is_empty() {
            self.fault(name, "at least one element; leave the key out to match all");
        }
        let mut read_list = Vec::with_capacity(list.len());
        for text in list {
            match read(text.clone()) {
                Ok(element) => read_list.push(element),
                Err(expected) => {
                    let error = self.config.error(&format!("{}.{name}", self.key), expected);
                    self.errors.push(error.found(format!("{text:?}")));
                }
            }
        }
        Some(read_list)
    }

    fn names(&mut self, name: &str, list: Option<Vec<String>>) -> Option<Vec<String>> {
        self.list(name, list, |text| {
            if text.is_empty() || text.contains(['/', '\0']) {
                Err("names, which have no slash and are not empty".to_owned())
            } else {
                Ok(text)
            }
        })
    }

    fn interceptors(&mut self, names: &[String]) {
        let declared = self.config.names(crate::interceptor::INTERCEPTORS);
        let defaulted = &self.config.blueriq().undeclared_interceptors;
        for (position, name) in names.iter().enumerate() {
            let key = format!("{}.interceptors", self.key);
            if names.iter().take(position).any(|earlier| earlier == name) {
                self.fault(
                    "interceptors",
                    format_args!("each interceptor once, but {name} stands there twice"),
                );
            }
            // Where nothing at all is declared, Blueriq's own defaults hold, in which every profile is off.
            let is_default = declared.is_empty() && defaulted.contains(name);
            if !declared.contains(&name.as_str()) && !is_default {
                let message = format!(
                    "unknown interceptor {name}; declare {}.{name}.…",
                    crate::interceptor::INTERCEPTORS
                );
                let error = self
                    .config
                    .complaint(&key, message)
                    .nearest(name, declared.iter().copied());
                self.errors.push(error);
            }
        }
    }
}

fn read_method(text: &str) -> Result<Method, String> {
    let is_upper = !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_uppercase() || b == b'-' || b == b'_');
    match Method::from_str(text) {
        Ok(method) if is_upper => Ok(method),
        _ => Err("methods in upper case such as GET or POST".to_owned()),
    }
}
