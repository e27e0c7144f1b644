//! Authentication from settings.

use std::sync::Arc;

use http::HeaderName;
use http::header::{AUTHORIZATION, COOKIE, HOST, PROXY_AUTHORIZATION};
use palisade_core::facts::X_ON_BEHALF_OF;
use palisade_core::{BuildContext, BuildError, Finding, Phase, Severity, Stage, StageKind};
use palisade_directory::{Directory, Snapshot};

use crate::authentication::Authentication;
use crate::bearer::Bearer;
use crate::builder::Parts;
use crate::challenges::NotQuotable;
use crate::settings::{AuthenticationSettings, Scheme};
use crate::table::TwoWayMode;

impl StageKind for Authentication {
    const ROOTS: &'static [&'static str] = &["authentication"];
    const SINGLE: bool = true;

    type Settings = AuthenticationSettings;

    fn build(
        settings: AuthenticationSettings,
        cx: &BuildContext<'_>,
    ) -> Result<Vec<(Phase, Stage)>, BuildError> {
        let directory = cx.resources.find::<Directory>();
        let mut errors = BuildError::default();
        let schemes = Schemes::choose(&settings, directory.as_deref(), &mut errors);
        let api_key_field = api_key_field(&settings.api_key.header, &mut errors);
        let bearer = settings
            .bearer
            .as_ref()
            .filter(|_| schemes.has(Scheme::Bearer))
            .and_then(|bearer| match Bearer::build(bearer, cx) {
                Ok(bearer) => Some(bearer),
                Err(found) => {
                    errors.faults.extend(found.faults);
                    None
                }
            });
        let parts = Parts {
            mode: settings.two_way_mode,
            is_required: settings.required,
            realm: &settings.realm,
            certificates: schemes.has(Scheme::Certificate),
            basic: schemes.has(Scheme::Basic),
            api_keys: schemes.has(Scheme::ApiKey).then_some(api_key_field),
            bearer,
            directory,
            clock: Arc::clone(cx.clock),
        };
        let stage = Authentication::assemble(parts);
        if let Err(NotQuotable) = stage {
            errors.push("realm", "printable ASCII");
        }
        let stages = stage.map(|stage| (Phase::Authentication, Stage::transform(stage)));
        errors.or_ok(stages.into_iter().collect())
    }

    fn guardrails(settings: &AuthenticationSettings, _: &BuildContext<'_>) -> Vec<Finding> {
        let mut findings = Vec::new();
        if !settings.required {
            let message =
                "requests without credentials pass without a name; rules of access have to refuse them";
            findings
                .push(Finding::new(Severity::Moderate, "authentication-optional", message).at("required"));
        }
        findings
    }
}

/// Which schemes are on.
struct Schemes(Vec<Scheme>);

impl Schemes {
    fn has(&self, scheme: Scheme) -> bool {
        self.0.contains(&scheme)
    }

    /// Those that are named, each of which needs settings; or all that have some.
    fn choose(
        settings: &AuthenticationSettings,
        directory: Option<&Directory>,
        errors: &mut BuildError,
    ) -> Self {
        let can = |scheme| can_work(scheme, settings, directory);
        let Some(named) = &settings.schemes else {
            let on: Vec<_> = Scheme::ALL.into_iter().filter(|scheme| can(*scheme)).collect();
            if on.is_empty() {
                let expected =
                    "users or tenants in the directory, or settings of bearer tokens: nobody could sign in";
                errors.push("", expected);
            }
            return Self(on);
        };
        if named.is_empty() {
            errors.push(
                "schemes",
                "at least one of certificate, basic, bearer and api-key",
            );
        }
        for (position, scheme) in named.iter().enumerate() {
            if !can(*scheme) {
                errors.push(format!("schemes[{position}]"), what_is_missing(*scheme));
            }
        }
        if settings.bearer.is_some() && !named.contains(&Scheme::Bearer) {
            errors.push("bearer", "bearer among the schemes, or no settings of it");
        }
        if settings.two_way_mode != TwoWayMode::Default && !named.contains(&Scheme::Certificate) {
            errors.push(
                "two-way-mode",
                "certificate among the schemes, or the mode default",
            );
        }
        Self(named.clone())
    }
}

/// Whether anybody could sign in that way.
fn can_work(scheme: Scheme, settings: &AuthenticationSettings, directory: Option<&Directory>) -> bool {
    // Callers of a directory that others change may come any time.
    let has = |some: fn(&Snapshot) -> bool| {
        directory.is_some_and(|directory| directory.is_followed() || some(&directory.current()))
    };
    match scheme {
        Scheme::Bearer => settings.bearer.is_some(),
        // A certificate that is registered for nobody is a reason to refuse, and not nothing.
        Scheme::Certificate => directory.is_some() || settings.two_way_mode != TwoWayMode::Default,
        Scheme::Basic => has(|snapshot| snapshot.users().any(|user| user.password_hash.is_some())),
        Scheme::ApiKey => has(Snapshot::has_api_keys),
    }
}

fn what_is_missing(scheme: Scheme) -> &'static str {
    match scheme {
        Scheme::Certificate => {
            "a directory of users or tenants (palisade.users, palisade.tenants or palisade.directory)"
        }
        Scheme::Basic => "users with a password-hash in the directory",
        Scheme::Bearer => "settings of bearer tokens, beginning with bearer.issuer",
        Scheme::ApiKey => "users with api-key-hashes in the directory",
    }
}

/// The field of API keys; one that has a meaning of its own cannot be it.
fn api_key_field(name: &str, errors: &mut BuildError) -> HeaderName {
    let taken = [AUTHORIZATION, COOKIE, HOST, PROXY_AUTHORIZATION, X_ON_BEHALF_OF];
    match HeaderName::try_from(name) {
        Ok(field) if !taken.contains(&field) => field,
        _ => {
            errors.push(
                "api-key.header",
                "the name of a field of its own, such as X-API-Key",
            );
            HeaderName::from_static("x-api-key")
        }
    }
}
