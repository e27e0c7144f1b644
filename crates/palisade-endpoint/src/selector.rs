//! What a group selects, and what a request offers to be selected by.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use http::Method;
use http::header::HeaderMap;
use palisade_core::EndpointName;

use crate::path;
use crate::pattern::Pattern;
use palisade_core::soap::{self, AmbiguousAction};

/// Which protocol a group speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Protocol {
    /// Both.
    #[default]
    Any,
    /// Paths outside `palisade.soap-base-path`.
    Rest,
    /// Paths below it.
    Soap,
}

/// What a group selects; what is `None` matches all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Selectors {
    pub(crate) protocol: Protocol,
    pub(crate) webservices: Option<Vec<String>>,
    pub(crate) operations: Option<Vec<String>>,
    pub(crate) methods: Option<Vec<Method>>,
    pub(crate) paths: Option<Vec<(String, Pattern)>>,
    pub(crate) soap_actions: Option<Vec<String>>,
}

impl Selectors {
    /// The same with its path patterns decoded.
    pub(crate) fn decoded(&self) -> Self {
        let decoded = |(text, pattern): &(String, Pattern)| (text.clone(), pattern.decoded());
        Self {
            paths: self
                .paths
                .as_ref()
                .map(|paths| paths.iter().map(decoded).collect()),
            ..self.clone()
        }
    }
}

/// Where web services are found in paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BasePaths {
    rest: Box<str>,
    soap: Box<str>,
}

impl BasePaths {
    /// Both without their trailing slash.
    pub fn new(rest: &str, soap: &str) -> Self {
        Self {
            rest: rest.trim_end_matches('/').into(),
            soap: soap.trim_end_matches('/').into(),
        }
    }
}

impl Default for BasePaths {
    /// `/server/rest` and `/webservices`.
    fn default() -> Self {
        Self::new("/server/rest", "/webservices")
    }
}

/// What a request offers to be selected by.
#[derive(Debug, Clone)]
pub(crate) struct Target<'a> {
    pub(crate) method: &'a Method,
    pub(crate) path: &'a str,
    pub(crate) webservice: Option<Cow<'a, str>>,
    pub(crate) operation: Option<Cow<'a, str>>,
    pub(crate) route: Route,
    /// The action of a SOAP request, if it names one.
    pub(crate) action: Option<Cow<'a, str>>,
}

/// The two kinds of route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    /// Outside `palisade.soap-base-path`.
    Rest,
    /// Below it.
    Soap,
}

impl<'a> Target<'a> {
    /// The request as a server reads it that decodes paths before it compares them; `None` where that is no other reading.
    pub(crate) fn decoded(&self) -> Option<String> {
        self.path
            .contains('%')
            .then(|| path::decode(self.path).into_owned())
    }

    /// The request as a server reads it that takes what is behind `;` for parameters (RFC 3986 section 3.3); `None` where no name
    /// has any.
    pub(crate) fn without_parameters(&self) -> Option<Target<'_>> {
        let has_any = |name: &Option<Cow<'_, str>>| name.as_deref().is_some_and(|name| name.contains(';'));
        (has_any(&self.webservice) || has_any(&self.operation)).then(|| Target {
            webservice: without_parameters(self.webservice.as_deref()),
            operation: without_parameters(self.operation.as_deref()),
            ..self.clone()
        })
    }

    pub(crate) fn new(
        bases: &BasePaths,
        method: &'a Method,
        path: &'a str,
        headers: &'a HeaderMap,
        declared: Option<&'a EndpointName>,
    ) -> Result<Self, AmbiguousAction> {
        if let Some(below) = below(path, &bases.soap) {
            // Blueriq puts a fixed segment before the name of the web service.
            let below = below.strip_prefix("aaas/").unwrap_or(below);
            let webservice = below
                .split('/')
                .next()
                .filter(|name| !name.is_empty())
                .map(path::decode);
            let action = soap::action(headers)?;
            return Ok(Self {
                method,
                path,
                webservice,
                operation: None,
                route: Route::Soap,
                action,
            });
        }
        let (webservice, operation) = if let Some(name) = declared {
            (
                Some(Cow::Borrowed(name.webservice.as_ref())),
                Some(Cow::Borrowed(name.operation.as_ref())),
            )
        } else {
            let mut names = below(path, &bases.rest).unwrap_or_default().split('/');
            let mut next = || names.next().filter(|name| !name.is_empty()).map(path::decode);
            (next(), next())
        };
        Ok(Self {
            method,
            path,
            webservice,
            operation,
            route: Route::Rest,
            action: None,
        })
    }
}

impl BasePaths {
    /// Whether that path is one of a SOAP route.
    pub(crate) fn is_soap(&self, path: &str) -> bool {
        below(path, &self.soap).is_some()
    }
}

fn without_parameters(name: Option<&str>) -> Option<Cow<'_, str>> {
    name?.split(';').next().map(Cow::Borrowed)
}

/// What stands behind `base/` in a path.
fn below<'a>(path: &'a str, base: &str) -> Option<&'a str> {
    path.strip_prefix(base)?.strip_prefix('/')
}

/// The selector that keeps a group from matching.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// The selector's key: `methods`, `webservices`, …
    pub selector: &'static str,
    /// What the group wants, as its settings say.
    pub wanted: Arc<str>,
    /// What the request has.
    pub found: String,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: wants {}, the request has {}",
            self.selector, self.wanted, self.found
        )
    }
}

impl Selectors {
    /// The first selector that does not match: the slow and simple statement of what the index finds fast.
    pub(crate) fn mismatch(&self, target: &Target<'_>) -> Option<Mismatch> {
        let protocol_fits = match self.protocol {
            Protocol::Any => true,
            Protocol::Rest => target.route == Route::Rest,
            Protocol::Soap => target.route == Route::Soap,
        };
        if !protocol_fits {
            let (wanted, found) = if target.route == Route::Soap {
                ("a REST route", "a SOAP route")
            } else {
                ("a SOAP route", "a REST route")
            };
            return Some(Mismatch {
                selector: "protocol",
                wanted: wanted.into(),
                found: found.to_owned(),
            });
        }
        names(
            "webservices",
            self.webservices.as_deref(),
            target.webservice.as_deref(),
        )
        .or_else(|| {
            names(
                "operations",
                self.operations.as_deref(),
                target.operation.as_deref(),
            )
        })
        .or_else(|| {
            names(
                "soap-actions",
                self.soap_actions.as_deref(),
                target.action.as_deref(),
            )
        })
        .or_else(|| self.method_mismatch(target.method))
        .or_else(|| self.path_mismatch(target.path))
    }

    /// Whether requests with that method are taken, as far as it hangs on that.
    pub(crate) fn takes_method(&self, method: &Method) -> bool {
        let takes = |wanted: &Method| wanted == method || (wanted == Method::GET && method == Method::HEAD);
        self.methods
            .as_deref()
            .is_none_or(|methods| methods.iter().any(takes))
    }

    fn method_mismatch(&self, method: &Method) -> Option<Mismatch> {
        let methods = self.methods.as_deref()?;
        (!self.takes_method(method)).then(|| Mismatch {
            selector: "methods",
            wanted: methods
                .iter()
                .map(Method::as_str)
                .collect::<Vec<_>>()
                .join(",")
                .into(),
            found: method.to_string(),
        })
    }

    fn path_mismatch(&self, path: &str) -> Option<Mismatch> {
        let paths = self.paths.as_deref()?;
        let fits = |text: &str| {
            let mut router = matchit::Router::new();
            router.insert(text, ()).is_ok() && router.at(path).is_ok()
        };
        (!paths.iter().any(|(text, _)| fits(text))).then(|| Mismatch {
            selector: "paths",
            wanted: paths
                .iter()
                .map(|(text, _)| text.as_str())
                .collect::<Vec<_>>()
                .join(",")
                .into(),
            found: path.to_owned(),
        })
    }
}

fn names(selector: &'static str, wanted: Option<&[String]>, found: Option<&str>) -> Option<Mismatch> {
    let wanted = wanted?;
    let fits = found.is_some_and(|found| wanted.iter().any(|name| name == found));
    (!fits).then(|| Mismatch {
        selector,
        wanted: wanted.join(",").into(),
        found: found.map_or_else(|| "none".to_owned(), str::to_owned),
    })
}
