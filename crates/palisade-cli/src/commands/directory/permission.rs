//! In whose name a command acts, and what may be done in it.
//!
//! 1. Whoever can run a command with these files may do everything.
//! 2. In a user's name (`--as`) an administrator may do everything, and any other active user what concerns themselves: to see it, and
//!    what a command says beyond that.
//! 3. A user is one of the database, and with `palisade.directory=config` one of the property files or of the database beside them. In
//!    both, a user has the roles of both, and who is disabled in either may do nothing.
//! 4. Who is unknown or disabled may do nothing.
//!
//! What this does not protect against: `--as` is for tools that act for people they have made sure of. Nothing asks for a password, and
//! whoever can leave the option out can read the files.

use palisade_directory::sql::Owner;

use super::Administered;
use crate::outcome::Failure;

/// The role of those who manage everybody.
const ADMINISTRATOR: &str = "administrator";

/// What a command may see and do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::commands) enum Permission {
    /// Everything.
    Everything,
    /// What concerns this user.
    Own(String),
}

impl Administered {
    /// What may be done in that name, or in none.
    pub(in crate::commands) fn permission(&self, acting: Option<&str>) -> Result<Permission, Failure> {
        let Some(name) = acting else {
            return Ok(Permission::Everything);
        };
        let shown = name.escape_debug();
        let known = [self.configured_user(name), self.recorded_user(name)?];
        let known: Vec<_> = known.into_iter().flatten().collect();
        if known.is_empty() {
            return Err(Failure::refused(format!("--as: there is no user `{shown}`")));
        }
        if !known.iter().all(|user| user.is_active) {
            return Err(Failure::refused(format!("--as: user `{shown}` is disabled")));
        }
        let mut roles = known.iter().flat_map(|user| &user.roles);
        if roles.any(|role| role == ADMINISTRATOR) {
            return Ok(Permission::Everything);
        }
        Ok(Permission::Own(name.to_owned()))
    }
}

impl Permission {
    /// The user who may do what concerns themselves alone.
    pub(in crate::commands) fn own(&self) -> Option<&str> {
        match self {
            Self::Everything => None,
            Self::Own(name) => Some(name),
        }
    }

    /// Refuses what administrators alone may do, where others may see their own.
    pub(in crate::commands) fn need_everything(&self) -> Result<(), Failure> {
        match self {
            Self::Everything => Ok(()),
            Self::Own(name) => Err(Failure::refused(format!(
                "--as: user `{}` may see their own, and change nothing: that takes the role {ADMINISTRATOR}",
                name.escape_debug()
            ))),
        }
    }

    /// Refuses what administrators alone may do, where others may change some of their own.
    pub(in crate::commands) fn need_administrator(&self) -> Result<(), Failure> {
        match self {
            Self::Everything => Ok(()),
            Self::Own(name) => Err(Failure::refused(format!(
                "--as: user `{}` may do what concerns themselves alone: all else takes the role {ADMINISTRATOR}",
                name.escape_debug()
            ))),
        }
    }

    /// Whether what belongs to that owner may be seen.
    pub(in crate::commands) fn sees(&self, owner: &Owner) -> bool {
        match self {
            Self::Everything => true,
            Self::Own(name) => *owner == Owner::User(name.clone()),
        }
    }
}
