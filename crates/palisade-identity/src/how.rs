//! Principals, and what they say of how they became known.

use std::sync::Arc;

use palisade_core::Principal;
use palisade_directory::{Tenant, User};

use crate::authentication::Caller;

/// The words for evidence, held once.
#[derive(Debug)]
pub(crate) struct How {
    basic: Words,
    bearer: Words,
    api_key: Words,
    certificate: Arc<str>,
    on_behalf: Arc<str>,
}

#[derive(Debug)]
struct Words {
    alone: Arc<str>,
    with_certificate: Arc<str>,
}

impl Words {
    fn new(word: &str) -> Self {
        Self {
            alone: word.into(),
            with_certificate: format!("{word}+certificate").into(),
        }
    }
}

impl Default for How {
    fn default() -> Self {
        Self {
            basic: Words::new("basic"),
            bearer: Words::new("bearer"),
            api_key: Words::new("api-key"),
            certificate: "certificate".into(),
            on_behalf: "certificate+on-behalf-of".into(),
        }
    }
}

impl How {
    /// The principal of good credentials, with or without a certificate that belongs to them.
    pub(crate) fn principal(&self, caller: &Caller, with_certificate: bool) -> Principal {
        let words = match caller {
            Caller::User(_) => &self.basic,
            Caller::KeyHolder { .. } => &self.api_key,
            Caller::Bearer { .. } => &self.bearer,
        };
        let how = if with_certificate {
            &words.with_certificate
        } else {
            &words.alone
        };
        match caller {
            Caller::User(user) => of_user(user, how),
            Caller::KeyHolder { user, name, scopes } => {
                let holder = of_user(user, how).by_api_key(Arc::clone(name));
                if scopes.is_empty() {
                    holder
                } else {
                    // A key that was made for a purpose is good for that purpose, and not for all that its owner may.
                    holder.with_roles(Arc::default()).with_scopes(Arc::clone(scopes))
                }
            }
            Caller::Bearer { accepted, user } => {
                let token = &accepted.token;
                let holder = match user {
                    None => Principal::new(Arc::clone(&token.subject), Arc::clone(how))
                        .with_roles(Arc::clone(&token.roles)),
                    Some(user) => of_user(user, how).with_roles(both(&user.roles, &token.roles)),
                };
                holder.with_scopes(Arc::clone(&token.scopes))
            }
        }
    }

    pub(crate) fn user_by_certificate(&self, user: &User) -> Principal {
        of_user(user, &self.certificate)
    }

    pub(crate) fn user_by_tenant(&self, user: &User) -> Principal {
        of_user(user, &self.on_behalf)
    }

    pub(crate) fn tenant(&self, tenant: &Tenant) -> Principal {
        Principal::new(Arc::clone(&tenant.name), Arc::clone(&self.certificate))
            .of_tenant(Some(Arc::clone(&tenant.name)))
            .as_tenant()
    }
}

fn of_user(user: &User, how: &Arc<str>) -> Principal {
    Principal::new(Arc::clone(&user.name), Arc::clone(how))
        .of_tenant(user.tenant.clone())
        .with_roles(Arc::clone(&user.roles))
}

/// The roles of the directory and those of the token, each once.
fn both(own: &Arc<[Arc<str>]>, more: &Arc<[Arc<str>]>) -> Arc<[Arc<str>]> {
    if more.iter().all(|role| own.contains(role)) {
        return Arc::clone(own);
    }
    let new = more.iter().filter(|role| !own.contains(role));
    own.iter().chain(new).cloned().collect()
}
