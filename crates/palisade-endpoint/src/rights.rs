//! Who may do what: the rules of authorization of every group, asked for one caller.

use std::sync::Arc;

use http::{Method, Request, Uri};
use palisade_core::{Context, Phase, Principal, Stage};
use serde::Serialize;

use crate::policy::{CompiledGroup, Policy};

/// The methods that are asked about.
const METHODS: [Method; 5] = [
    Method::GET,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
];

/// What a caller may do in one group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub struct GroupRights {
    /// The group's name.
    pub group: String,
    /// The methods that the group takes and its rules admit for the caller, of GET, POST, PUT, PATCH and DELETE.
    pub methods: Vec<String>,
    /// Whether a stage finds out who is calling; where none does, nobody has a name.
    pub is_authenticated: bool,
    /// Whether rules of authorization were asked; without any, whoever comes so far may do everything.
    pub is_ruled: bool,
}

impl Policy {
    /// What that caller may do, group by group, in their order. Only stages of the phase [`Phase::Authorization`] are asked: whether
    /// a request gets so far hangs on the others.
    pub fn rights(&self, principal: &Arc<Principal>) -> Vec<GroupRights> {
        self.groups.iter().map(|group| group.rights(principal)).collect()
    }
}

impl CompiledGroup {
    fn rights(&self, principal: &Arc<Principal>) -> GroupRights {
        let taken = |method: &&Method| self.selectors.takes_method(method);
        let methods = METHODS.iter().filter(taken);
        GroupRights {
            group: self.name.to_string(),
            methods: methods
                .filter(|method| self.admits(principal, method))
                .map(Method::to_string)
                .collect(),
            is_authenticated: self.authenticates,
            is_ruled: self.authorization().next().is_some(),
        }
    }

    fn admits(&self, principal: &Arc<Principal>, method: &Method) -> bool {
        // A caller without a name here is none that rules know.
        let principal = self.authenticates.then(|| Arc::clone(principal));
        let (mut head, ()) = Request::new(()).into_parts();
        head.method = method.clone();
        head.uri = Uri::from_static("/");
        if let Some(principal) = principal {
            head.extensions.insert(principal);
        }
        let mut cx = Context::new(&head);
        self.authorization().all(|stage| match stage {
            Stage::Guard(guard) => guard.rehearse(&mut cx, &mut head).is_ok(),
            Stage::Transform(transform) => {
                let verdict = transform.rehearse(&mut cx, &mut head);
                verdict.is_some_and(|verdict| verdict.is_ok())
            }
        })
    }

    fn authorization(&self) -> impl Iterator<Item = &Stage> {
        let entries = self.pipeline.entries().iter();
        let ruling = entries.filter(|entry| entry.phase == Some(Phase::Authorization) && !entry.report_only);
        ruling.map(|entry| &entry.stage)
    }
}
