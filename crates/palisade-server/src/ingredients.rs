//! What an outbound client is made of, to tell whether another one would be the same.

use palisade_client::ClientTlsSettings;
use palisade_config::Config;
use palisade_keystore::{Certificate, Keystores};
use serde_json::Value;

/// What an outbound client is made of: one that is made of the same need not be made anew, and keeps its connections.
///
/// A keystore gives out no key that does not fit its certificate, so certificates stand for their keys here.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Ingredients {
    settings: Option<Value>,
    anchors: Vec<Vec<u8>>,
    identity: Vec<Vec<u8>>,
}

impl Ingredients {
    /// Those of a client whose settings stand at `key`. What the names in `beside` say there is not part of the client.
    pub(crate) fn of(
        config: &Config,
        key: &str,
        beside: &[&str],
        tls: &ClientTlsSettings,
        keystores: &Keystores,
    ) -> Self {
        let der = |certificate: &Certificate| certificate.der().to_vec();
        let mut settings: Option<Value> = config.get(key).ok().flatten();
        if let Some(Value::Object(settings)) = &mut settings {
            settings.retain(|name, _| !beside.contains(&name.as_str()));
        }
        // What is not found was an error of the client already.
        let anchors = tls.trust_aliases.iter();
        let anchors = anchors.filter_map(|alias| keystores.certificates(alias).ok());
        let identity = tls.key_alias.as_ref();
        let identity = identity.and_then(|alias| keystores.identity(alias).ok());
        Self {
            settings,
            anchors: anchors.flatten().map(|certificate| der(&certificate)).collect(),
            identity: identity.map_or_else(Vec::new, |entry| entry.chain().iter().map(der).collect()),
        }
    }
}
