//! Users and tenants, and what they sign in with: from property files, SQLite or PostgreSQL.
//!
//! 1. Requests are answered from an immutable [`Snapshot`] in memory: no look-up waits, asks a database or allocates.
//! 2. A certificate is found by the SHA-256 of its DER, an API key by the SHA-256 of its text, each by one hash look-up, however
//!    many users there are.
//! 3. A fingerprint belongs to one user at most, and to one tenant at most; a snapshot that says otherwise is not built. A user
//!    and a tenant may share one: whoever asks looks up the user first.
//! 4. Users who are not active are found, and say so: whoever asks refuses them. Would they not be found, their certificates
//!    could speak for a tenant.
//! 5. Passwords are kept as argon2id hashes alone (RFC 9106), API keys as SHA-256 of 256 random bits. No `Debug`, error or log
//!    shows a hash, a key or a password.
//! 6. A [`Directory`] is the snapshot in force. Replacing it is one atomic step, and requests under way keep the one they began
//!    with.
//! 7. All errors of a configured directory are told at once, each with its key.
//! 8. With the feature `sql` a directory may be in SQLite or PostgreSQL: `sql` loads it, follows it and administers it.
//!
//! What this does not protect against: who can write the property files or the database can sign in as anybody; an API key that
//! somebody chose, and did not have generated, can be guessed as fast as SHA-256 runs; users who differ in the cost of their
//! password hashes can be told apart by time, which is a finding; names that look alike are names of several users.
//!
//! # Example
//!
//! ```
//! use palisade_directory::{Directory, Snapshot, Tenant, User};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let snapshot = Snapshot::builder()
//!     .tenant(Tenant::new("acme"))
//!     .user(User::new("alice").of_tenant("acme").with_roles(["clerk"]).with_certificate([7; 32]))
//!     .build()?;
//! let directory = Directory::new(snapshot);
//!
//! let current = directory.current();
//! assert_eq!(current.user_of_certificate(&[7; 32]).map(|user| &*user.name), Some("alice"));
//! assert!(current.user_of_certificate(&[8; 32]).is_none());
//!
//! let twice = Snapshot::builder()
//!     .user(User::new("alice").with_certificate([7; 32]))
//!     .user(User::new("bob").with_certificate([7; 32]));
//! assert!(twice.build().is_err());
//! # Ok(())
//! # }
//! ```

mod api_key;
mod builder;
mod configured;
mod decoy;
mod directory;
mod fingerprint;
mod name;
mod password;
mod settings;
mod snapshot;
mod source;
#[cfg(feature = "sql")]
pub mod sql;
mod strength;
mod user;

pub use api_key::{ApiKey, ApiKeyHash, ApiKeyMatch, BadApiKeyHash, GeneratedApiKey};
pub use builder::{SnapshotBuilder, SnapshotError, SnapshotErrors};
pub use configured::{Reason, SettingsFault, from_settings};
pub use directory::{Directory, WeakDirectory};
pub use fingerprint::{BadFingerprint, parse_fingerprint, print_fingerprint};
pub use name::{BadName, check_name};
pub use password::{BadPasswordHash, Cost, HashingFailed, PasswordHash};
pub use settings::{TenantSettings, UserSettings};
pub use snapshot::Snapshot;
pub use source::{BadDirectorySource, DirectorySource};
pub use strength::{WeakPassword, Weakness, check_strength};
pub use user::{Tenant, User};
