//! The request of a case.

use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;

use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use palisade_core::TlsVersion;

use super::super::source::Value;
use super::reader::{Mapping, Reader};
use crate::commands::explain;

pub(super) const KEYS: &[&str] = &[
    "method",
    "path",
    "peer",
    "tls",
    "user",
    "tenant",
    "roles",
    "scopes",
    "headers",
    "body",
    "body-file",
];
/// What means something of a user alone.
const OF_A_USER: [&str; 3] = ["tenant", "roles", "scopes"];

/// The request of a case.
#[derive(Debug)]
pub(in crate::commands::test) struct CaseRequest {
    pub(in crate::commands::test) method: Method,
    pub(in crate::commands::test) target: Uri,
    pub(in crate::commands::test) peer: Option<IpAddr>,
    pub(in crate::commands::test) tls: Option<TlsVersion>,
    pub(in crate::commands::test) user: Option<String>,
    pub(in crate::commands::test) tenant: Option<String>,
    /// In place of those that the directory says.
    pub(in crate::commands::test) roles: Option<Vec<String>>,
    pub(in crate::commands::test) scopes: Vec<String>,
    pub(in crate::commands::test) headers: HeaderMap,
    pub(in crate::commands::test) body: Option<CaseBody>,
}

/// A body that stands in the file, or in one of its own.
#[derive(Debug)]
pub(in crate::commands::test) enum CaseBody {
    Text(String),
    File(PathBuf),
}

impl Reader {
    /// A request, with what the defaults say where it says nothing itself.
    pub(super) fn request(
        &mut self,
        request: &Mapping<'_>,
        defaults: Option<&Mapping<'_>>,
    ) -> Option<CaseRequest> {
        // Nothing takes a default back.
        let of = |name: &str| {
            let own = request.find(name);
            own.or_else(|| defaults?.find(name))
                .filter(|member| !member.is_nothing())
        };
        for name in ["method", "path"] {
            if of(name).is_none() {
                self.error(&request.key_of(name), request.line, format!("expected a {name}"));
            }
        }
        let method = self.parsed(of("method"), explain::method);
        let target = self.parsed(of("path"), explain::target);
        let peer = self.parsed(of("peer"), |text| {
            IpAddr::from_str(text).map_err(|_| "expected an address".to_owned())
        });
        let tls = self.parsed(of("tls"), |text| {
            TlsVersion::from_str(text).map_err(|error| error.to_string())
        });
        let user = self.owned(of("user"));
        let tenant = self.owned(of("tenant"));
        let [roles, scopes] =
            ["roles", "scopes"].map(|name| of(name).map(|member| self.texts(&member.key, member.node)));
        if user.is_none() {
            self.of_nobody(request);
        }
        let mut headers = HeaderMap::new();
        for of in [defaults, Some(request)].into_iter().flatten() {
            self.headers(of, &mut headers);
        }
        let body = if request.has("body") || request.has("body-file") {
            self.body(request)
        } else {
            defaults.and_then(|defaults| self.body(defaults))
        };
        Some(CaseRequest {
            method: method?,
            target: target?,
            peer,
            tls,
            user,
            tenant,
            roles,
            scopes: scopes.unwrap_or_default(),
            headers,
            body,
        })
    }

    /// What a request says of a user that it does not name.
    fn of_nobody(&mut self, request: &Mapping<'_>) {
        let members = OF_A_USER.into_iter().filter_map(|name| request.find(name));
        for member in members.filter(|member| !member.is_nothing()) {
            self.error(&member.key, member.line, "expected a user beside it");
        }
    }

    /// Fields by name, each with a text or a list of them, in place of fields of the same name.
    fn headers(&mut self, of: &Mapping<'_>, headers: &mut HeaderMap) {
        let Some(member) = of.find("headers") else {
            return;
        };
        let Value::Map(fields) = &member.node.value else {
            return self.unexpected(&member.key, member.node, "fields by name");
        };
        for field in fields {
            let key = format!("{}.{}", member.key, field.name);
            let Ok(name) = HeaderName::try_from(field.name.as_str()) else {
                self.error(&key, field.line, "expected the name of a field");
                continue;
            };
            headers.remove(&name);
            if matches!(field.node.value, Value::Nothing) {
                continue;
            }
            for value in self.texts(&key, &field.node) {
                match HeaderValue::try_from(value) {
                    Ok(value) => _ = headers.append(&name, value),
                    // It may be a credential, and is not repeated.
                    Err(_) => self.error(&key, field.line, "expected the value of a field"),
                }
            }
        }
    }

    fn body(&mut self, of: &Mapping<'_>) -> Option<CaseBody> {
        let [text, file] = ["body", "body-file"].map(|name| of.find(name));
        let [text, file] = [text, file].map(|member| member.filter(|member| !member.is_nothing()));
        match (text, file) {
            (Some(_), Some(file)) => {
                self.error(&file.key, file.line, "expected body or body-file, and not both");
                None
            }
            (text, None) => self.owned(text).map(CaseBody::Text),
            (None, file) => self
                .owned(file)
                .map(|name| CaseBody::File(self.folder.join(name))),
        }
    }
}
