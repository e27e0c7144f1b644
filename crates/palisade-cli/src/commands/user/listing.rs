//! `palisade user list`: who there is, how they sign in, and what they may do.

use std::sync::Arc;

use palisade_core::{Finding, Principal};
use palisade_directory::Directory;
use palisade_endpoint::{GroupRights, Policy};
use serde::Serialize;

use super::listed::{self, KeyState, ListedTenant, ListedUser};
use super::printed;
use super::session::Session;
use crate::cli::{Common, UserListArguments};
use crate::commands::{Compiled, Database, compile};
use crate::outcome::{Exit, Failure, Outcome};
use crate::output::Output;

/// The result.
#[derive(Debug, Serialize)]
pub(super) struct Listing {
    pub(super) users: Vec<ListedUser>,
    pub(super) tenants: Vec<ListedTenant>,
    pub(super) findings: Vec<Finding>,
}

pub(super) fn run(common: &Common, arguments: &UserListArguments, output: &mut Output) -> Outcome {
    let session = Session::to_look(common, &arguments.acting)?;
    if let Some(name) = &arguments.user {
        session.need_right_over(name)?;
    }
    session.remark(output)?;
    let compiled = compiled(common, &session, output)?;
    let mut listing = listing(
        &session,
        compiled
            .as_ref()
            .and_then(|compiled| compiled.directory.as_deref()),
    )?;
    if let Some(name) = session.own() {
        listing.keep_own(name);
    }
    if let Some(name) = &arguments.user {
        listing.keep(name, &session)?;
    }
    if let Some(compiled) = &compiled {
        listing.add_rights(&compiled.policy);
    }
    if output.is_json() {
        output.json(&listing)?;
    } else {
        printed::listing(&listing, output)?;
    }
    Ok(Exit::Fine)
}

/// The policy, and the users of the property files. A database is not asked again. Where the configuration is not sound, there is
/// none.
fn compiled(common: &Common, session: &Session, output: &mut Output) -> Result<Option<Compiled>, Failure> {
    if let Ok(compiled) = compile(&common.sources()?, Database::LeftAlone) {
        return Ok(Some(compiled));
    }
    let what = if session.is_beside_property_files() {
        "users of the property files and what anybody may do are"
    } else {
        "what anybody may do is"
    };
    output.note(format_args!(
        "the configuration is not sound, so {what} left out; palisade check tells why"
    ))?;
    Ok(None)
}

/// Everybody: those whom servers read first.
fn listing(session: &Session, configured: Option<&Directory>) -> Result<Listing, Failure> {
    let mut listing = Listing {
        users: Vec::new(),
        tenants: Vec::new(),
        findings: session.ask(|database| async move { database.findings().await })?,
    };
    let is_read = !session.is_beside_property_files();
    if let Some(directory) = configured.filter(|_| !is_read) {
        let current = directory.current();
        listing
            .users
            .extend(current.users().map(|user| ListedUser::configured(user)));
        listing
            .tenants
            .extend(current.tenants().map(|tenant| ListedTenant::configured(tenant)));
        listing.users.sort_by(|one, other| one.name.cmp(&other.name));
        listing.tenants.sort_by(|one, other| one.name.cmp(&other.name));
    }
    listing.users.extend(listed::of_database(session)?);
    let tenants = session.ask(|database| async move { database.tenants().await })?;
    let tenants = tenants
        .into_iter()
        .map(|tenant| ListedTenant::recorded(tenant, is_read));
    listing.tenants.extend(tenants);
    Ok(listing)
}

impl Listing {
    /// Leaves what one may see who is no administrator: themselves, and not who has the same password.
    fn keep_own(&mut self, name: &str) {
        self.tenants.clear();
        self.findings.clear();
        self.users.retain(|user| user.name == name);
        for password in self.users.iter_mut().filter_map(|user| user.password.as_mut()) {
            password.shared_with.clear();
        }
    }

    /// Leaves one user.
    fn keep(&mut self, name: &str, session: &Session) -> Result<(), Failure> {
        self.tenants.clear();
        self.findings.clear();
        self.users.retain(|user| user.name == name);
        if self.users.is_empty() {
            session.need_user(name)?;
        }
        Ok(())
    }

    fn add_rights(&mut self, policy: &Policy) {
        for user in self
            .users
            .iter_mut()
            .filter(|user| user.is_active && user.is_read)
        {
            let principal = Principal::new(user.name.as_str(), "user list")
                .of_tenant(user.tenant.as_deref().map(Arc::from))
                .with_roles(user.roles.iter().map(|role| Arc::from(role.as_str())).collect());
            let rights = of(policy, principal.clone());
            for key in user
                .api_keys
                .iter_mut()
                .filter(|key| key.state == KeyState::Usable)
            {
                if key.scopes.is_empty() {
                    continue;
                }
                // A key with scopes has none of its owner's roles.
                let scopes = key.scopes.iter().map(|scope| Arc::from(scope.as_str())).collect();
                let holder = principal.clone().with_roles(Arc::default()).with_scopes(scopes);
                let with_scopes = of(policy, holder);
                key.rights = (with_scopes != rights).then_some(with_scopes);
            }
            user.rights = Some(rights);
        }
        for tenant in self.tenants.iter_mut().filter(|tenant| tenant.is_read) {
            let principal = Principal::new(tenant.name.as_str(), "user list")
                .of_tenant(Some(Arc::from(tenant.name.as_str())))
                .as_tenant();
            tenant.rights = Some(of(policy, principal));
        }
    }
}

fn of(policy: &Policy, principal: Principal) -> Vec<GroupRights> {
    policy.rights(&Arc::new(principal))
}
