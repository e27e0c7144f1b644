//! The rules as a stage.

use std::sync::Arc;

use http::{Method, request};
use palisade_core::{
    BuildContext, BuildError, Context, FactKind, Finding, Guard, Phase, Pipeline, Principal, Rejection,
    Severity, Stage, StageKind,
};

use crate::access::Grant;
use crate::{Access, AccessErrors, AccessSettings, Denied, Operation, methods};

impl Access {
    /// The rules as a layer of their own. The caller is the [`Principal`] in the request's extensions, as `Arc<Principal>`.
    pub fn layer(self) -> Pipeline {
        Stage::guard(self).into()
    }
}

impl Guard for Access {
    fn name(&self) -> &'static str {
        "access"
    }

    fn reads(&self) -> &'static [FactKind] {
        if self.has_rules() {
            &[FactKind::Principal]
        } else {
            &[]
        }
    }

    fn reads_for(&self, head: &request::Parts) -> &'static [FactKind] {
        // Where nobody may, and where everybody may, it does not matter who is calling.
        match self.admits(&head.method, None) {
            Err(Denied::NoMatch { .. }) => &[FactKind::Principal],
            Ok(_) | Err(Denied::NoOperation { .. } | Denied::Nobody { .. }) => &[],
        }
    }

    fn request(&self, _: &mut Context, head: &mut request::Parts) -> Result<(), Rejection> {
        self.admits(&head.method, principal(head))?;
        Ok(())
    }

    fn reason(&self, head: &request::Parts) -> Option<String> {
        let verdict = self.admits(&head.method, principal(head));
        Some(verdict.map_or_else(|denied| denied.to_string(), |admitted| admitted.to_string()))
    }
}

fn principal(head: &request::Parts) -> Option<&Principal> {
    head.extensions.get::<Arc<Principal>>().map(AsRef::as_ref)
}

impl StageKind for Access {
    const ROOTS: &'static [&'static str] = &["access"];

    type Settings = AccessSettings;

    fn build(settings: AccessSettings, _: &BuildContext<'_>) -> Result<Vec<(Phase, Stage)>, BuildError> {
        let access = compile(&settings).map_err(|errors| {
            let mut error = BuildError::default();
            for wrong in errors.errors() {
                error.push(&wrong.key, &wrong.expected);
            }
            error
        })?;
        Ok(vec![(Phase::Authorization, Stage::guard(access))])
    }

    fn guardrails(settings: &AccessSettings, _: &BuildContext<'_>) -> Vec<Finding> {
        // What is wrong with settings is told where they are built.
        compile(settings).map_or_else(|_| Vec::new(), |access| findings(&access))
    }
}

fn compile(settings: &AccessSettings) -> Result<Access, AccessErrors> {
    let AccessSettings {
        create,
        read,
        update,
        delete,
        methods: named,
    } = settings;
    let mut builder = Access::builder();
    for (operation, said) in [
        (Operation::Create, create),
        (Operation::Read, read),
        (Operation::Update, update),
        (Operation::Delete, delete),
    ] {
        builder = match said.as_deref() {
            None => builder,
            Some([word]) if word == "allow" => builder.allow_everybody(operation),
            Some([word]) if word == "deny" => builder.deny(operation),
            Some(rules) => builder.allow(operation, rules),
        };
    }
    for (name, operation) in named {
        match methods::parse(name) {
            Ok(method) => builder = builder.map_method(method, *operation),
            Err(error) => builder.error(format!("methods.{name}"), &error),
        }
    }
    builder.build()
}

/// What these rules allow, or fail to say, and a careful operator would not.
fn findings(access: &Access) -> Vec<Finding> {
    let mut found = Vec::new();
    for operation in Operation::ALL {
        let grant = access.grant(operation);
        if operation != Operation::Read && matches!(grant, Grant::Everybody) {
            let message =
                format!("everybody who comes this far may {operation}; name roles, scopes or users");
            found.push(
                Finding::new(Severity::Moderate, "access-allows-everyone", message).at(operation.as_str()),
            );
        }
        if !matches!(grant, Grant::Nobody) && access.methods_of(operation).next().is_none() {
            let message = format!("no method belongs to {operation}, so what is said of it never applies");
            found.push(
                Finding::new(Severity::Caution, "access-operation-unused", message).at(operation.as_str()),
            );
        }
    }
    for method in [Method::PUT, Method::PATCH, Method::DELETE] {
        if access.operation_of(&method) == Some(Operation::Read) {
            let message =
                format!("{method} is for changing things and counts as reading: readers may use it");
            found.push(
                Finding::new(Severity::Moderate, "access-write-counts-as-read", message)
                    .at(format!("methods.{method}")),
            );
        }
    }
    found
}
