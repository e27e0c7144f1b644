//! What operators write of users and tenants in property files.

use palisade_core::Secret;
use serde::Deserialize;

/// A user: `palisade.users.<name>`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct UserSettings {
    /// The argon2id hash of the user's password, a PHC string as `palisade hash-password` prints it.
    pub password_hash: Option<Secret>,
    /// The user's certificates: `sha256:` and the 64 hexadecimal digits of the digest of the DER, or aliases of keystores.
    pub certificates: Vec<String>,
    /// The hashes of the user's API keys: `sha256:` and 64 hexadecimal digits, then the key's scopes, if any, each behind a space.
    pub api_key_hashes: Vec<Secret>,
    /// The user's roles.
    pub roles: Vec<String>,
    /// The tenant the user belongs to; one of `palisade.tenants`.
    pub tenant: Option<String>,
    /// Whether the user may sign in at all.
    pub active: bool,
}

impl Default for UserSettings {
    fn default() -> Self {
        Self {
            password_hash: None,
            certificates: Vec::new(),
            api_key_hashes: Vec::new(),
            roles: Vec::new(),
            tenant: None,
            active: true,
        }
    }
}

/// A tenant: `palisade.tenants.<name>`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct TenantSettings {
    /// The tenant's certificates: `sha256:` and the 64 hexadecimal digits of the digest of the DER, or aliases of keystores.
    pub certificates: Vec<String>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{TenantSettings, UserSettings};

    #[test]
    fn a_user_is_active_and_has_nothing_unless_said_otherwise() {
        let user: UserSettings = serde_json::from_value(json!({})).unwrap();
        assert_eq!(user, UserSettings::default());
        assert!(user.active && user.password_hash.is_none() && user.certificates.is_empty());
        let user: UserSettings =
            serde_json::from_value(json!({"active": false, "roles": ["clerk"]})).unwrap();
        assert!(!user.active && user.roles == ["clerk"]);
    }

    #[test]
    fn an_unknown_key_is_an_error() {
        let user = serde_json::from_value::<UserSettings>(json!({"activ": false}));
        assert!(user.unwrap_err().to_string().contains("activ"));
        let tenant = serde_json::from_value::<TenantSettings>(json!({"certificate": []}));
        assert!(tenant.unwrap_err().to_string().contains("certificate"));
    }

    #[test]
    fn hashes_are_not_shown() {
        let user: UserSettings =
            serde_json::from_value(json!({"password-hash": "$argon2id$x", "api-key-hashes": ["sha256:00"]}))
                .unwrap();
        let shown = format!("{user:?}");
        assert!(
            !shown.contains("argon2id") && !shown.contains("sha256"),
            "{shown}"
        );
    }
}
