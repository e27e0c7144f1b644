//! Whom a token stands for, kept beside it.
//!
//! 1. A principal follows from a token and from what the directory says of its subject. Neither changes from one request to the
//!    next, save when the directory does.
//! 2. It is kept for one user, by identity: a directory that says anything else has other users, and then it is made anew.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use palisade_core::Principal;
use palisade_directory::User;

/// The principal that a token was last good for.
#[derive(Debug, Default)]
pub(crate) struct Standing(ArcSwapOption<Known>);

#[derive(Debug)]
struct Known {
    /// Held, so that no other is ever found at its place.
    user: Option<Arc<User>>,
    principal: Arc<Principal>,
}

impl Standing {
    /// The principal of the token and that user, or of the token alone; made where it is not the one that is known.
    pub(crate) fn principal(
        &self,
        user: Option<&Arc<User>>,
        make: impl FnOnce() -> Principal,
    ) -> Arc<Principal> {
        if let Some(known) = &*self.0.load()
            && is_same(known.user.as_ref(), user)
        {
            return Arc::clone(&known.principal);
        }
        let principal = Arc::new(make());
        self.0.store(Some(Arc::new(Known {
            user: user.cloned(),
            principal: Arc::clone(&principal),
        })));
        principal
    }
}

fn is_same(one: Option<&Arc<User>>, other: Option<&Arc<User>>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => Arc::ptr_eq(one, other),
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use palisade_core::Principal;
    use palisade_directory::User;

    use super::Standing;

    #[test]
    fn a_principal_is_made_once_for_each_user_that_is_found() {
        let standing = Standing::default();
        let subject = |user: Option<&Arc<User>>, made: &str| {
            let principal = standing.principal(user, || Principal::new(made, "bearer"));
            principal.subject.to_string()
        };
        // Equal, and not the same: the directory was replaced.
        let (before, after) = (Arc::new(User::new("alice")), Arc::new(User::new("alice")));
        assert_eq!(subject(None, "1"), "1");
        assert_eq!(subject(None, "2"), "1");
        assert_eq!(subject(Some(&before), "3"), "3");
        assert_eq!(subject(Some(&before), "4"), "3");
        assert_eq!(subject(Some(&after), "5"), "5");
        assert_eq!(subject(None, "6"), "6");
    }
}
