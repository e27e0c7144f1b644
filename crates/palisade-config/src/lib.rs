//! Layered property files, TOML and environment variables, with the origin of every value.
//!
//! Rules:
//!
//! 1. Sources, low to high: built-in defaults, `application.properties`, `application.toml`, the same two of each active
//!    profile in order, environment variables, `--set key=value`. A higher source replaces a value; it replaces a list
//!    whole, never element by element.
//! 2. Every value knows the file and line, variable or option it came from, and every error says so. All errors are
//!    collected; none hides another.
//! 3. Values of properties, variables and options are text until a type asks for something else: `0123` keeps its zero.
//!    A text becomes a list at its commas, an empty text an empty list.
//! 4. `${name}` and `${name:default}` stand for other properties and environment variables; `ENC(...)` is decrypted.
//! 5. Settings live under `palisade.` and the known subtrees of `blueriq.`; other roots are variables. A root that
//!    looks like a misspelt one of these is an error, and so is an unknown key where settings are read.
//! 6. A secret is never shown: not in an error, not in [`Config::entries`], not in `Debug`.
//!
//! What this does not protect against: whoever can write the files, or the environment, decides the policy; values that
//! are secret under a name that does not say so, and that are not encrypted, are shown; plaintexts are wiped from memory
//! where this crate owns them, not where figment or a caller has copied them.
//!
//! ```
//! use palisade_config::{Config, Sources};
//! use serde::Deserialize;
//!
//! #[derive(Debug, Deserialize)]
//! #[serde(deny_unknown_fields, rename_all = "kebab-case")]
//! struct Listener {
//!     bind: std::net::SocketAddr,
//!     max_connections: u32,
//! }
//!
//! let folder = tempfile::tempdir()?;
//! let text = "palisade.listeners.main.bind=127.0.0.1:8443\npalisade.listeners.main.max-connections=many\n";
//! std::fs::write(folder.path().join("application.properties"), text)?;
//!
//! let mut sources = Sources::new(folder.path());
//! let (config, errors) = Config::load(&sources);
//! assert!(errors.is_empty());
//! let refused = config.get::<Listener>("palisade.listeners.main").unwrap_err();
//! assert_eq!(
//!     refused.to_string(),
//!     "application.properties:2: palisade.listeners.main.max-connections: \
//!      expected a whole number from 0 to 4294967295, found \"many\"",
//! );
//!
//! sources.overrides.push(("palisade.listeners.main.max-connections".into(), "100".into()));
//! let (config, _) = Config::load(&sources);
//! let accepted = config.get::<Listener>("palisade.listeners.main").unwrap().unwrap();
//! assert_eq!(accepted.max_connections, 100);
//! assert_eq!(config.origin("palisade.listeners.main.max-connections").unwrap().to_string(), "--set");
//! # assert_eq!(accepted.bind.port(), 8443);
//! # Ok::<(), std::io::Error>(())
//! ```

mod blueriq;
mod config;
pub mod encryption;
mod error;
mod key;
mod layer;
mod load;
mod origin;
pub mod properties;
mod redact;
mod resolve;
mod source;
mod sources;
mod tree;
mod typed;
mod view;

pub use blueriq::{Blueriq, Native, to_native};
pub use config::{Config, Entry, OWN_NAMES};
pub use error::{Error, Errors, nearest};
pub use origin::Origin;
pub use sources::Sources;
