//! What operators write.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Operation;

/// Settings of the stage `access`. At least one of the operations must be given.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct AccessSettings {
    /// Who may create: `allow`, `deny`, or rules such as `role:x`, `scope:x`, `user:x` and `tenant:x`. Left out, nobody may.
    pub create: Option<Vec<String>>,
    /// Who may read; as `create`.
    pub read: Option<Vec<String>>,
    /// Who may update; as `create`.
    pub update: Option<Vec<String>>,
    /// Who may delete; as `create`.
    pub delete: Option<Vec<String>>,
    /// By method, the operation it belongs to: `create`, `read`, `update` or `delete`.
    pub methods: BTreeMap<String, Operation>,
}
