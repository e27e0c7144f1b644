//! The decision.

use std::net::IpAddr;

use palisade_core::ClientAddress;

use crate::element::AddressRange;
use crate::list::{self, ListError};
use crate::ranges::AddressSet;

/// Which client addresses are admitted. The rules stand in the [crate's documentation](crate).
#[derive(Debug, Clone)]
pub struct IpFilter {
    allow: Option<AddressSet>,
    deny: AddressSet,
}

impl IpFilter {
    /// A filter to be told its lists.
    pub fn builder() -> IpFilterBuilder {
        IpFilterBuilder::default()
    }

    /// Decides on an address.
    pub fn admits(&self, client: ClientAddress) -> Result<(), Denied> {
        let ClientAddress::Known(address) = client else {
            return Err(Denied::Unknown);
        };
        let address = address.to_canonical();
        if self.deny.contains(address) {
            return Err(Denied::Listed(address));
        }
        match &self.allow {
            Some(allow) if !allow.contains(address) => Err(Denied::NotListed(address)),
            _ => Ok(()),
        }
    }

    /// Whether the allow list holds every address of a family.
    pub(crate) fn allows_a_whole_family(&self) -> bool {
        self.allow.as_ref().is_some_and(AddressSet::covers_a_family)
    }
}

/// Why an address is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Denied {
    /// The client's address is not known.
    #[error("the client's address is unknown")]
    Unknown,
    /// It is on the deny list.
    #[error("{0} is on the deny list")]
    Listed(IpAddr),
    /// It is not on the allow list.
    #[error("{0} is not on the allow list")]
    NotListed(IpAddr),
}

/// Gathers the lists of an [`IpFilter`].
#[derive(Debug, Clone, Default)]
pub struct IpFilterBuilder {
    allow: Option<Vec<AddressRange>>,
    deny: Option<Vec<AddressRange>>,
}

impl IpFilterBuilder {
    /// Admits these addresses, prefixes and ranges, and none but those that are allowed. An empty list admits nobody.
    pub fn allow<T: AsRef<str>>(self, elements: impl IntoIterator<Item = T>) -> Result<Self, ListError> {
        Ok(self.allow_ranges(list::parse(elements)?))
    }

    /// Refuses these addresses, prefixes and ranges, allowed or not.
    pub fn deny<T: AsRef<str>>(self, elements: impl IntoIterator<Item = T>) -> Result<Self, ListError> {
        Ok(self.deny_ranges(list::parse(elements)?))
    }

    /// As [`allow`](Self::allow), one element a line; `#` starts a comment.
    pub fn allow_lines(self, text: &[u8]) -> Result<Self, ListError> {
        Ok(self.allow_ranges(list::parse_lines(text)?))
    }

    /// As [`deny`](Self::deny), one element a line; `#` starts a comment.
    pub fn deny_lines(self, text: &[u8]) -> Result<Self, ListError> {
        Ok(self.deny_ranges(list::parse_lines(text)?))
    }

    /// As [`allow`](Self::allow), with elements that are parsed already.
    #[must_use]
    pub fn allow_ranges(mut self, ranges: impl IntoIterator<Item = AddressRange>) -> Self {
        self.allow.get_or_insert_default().extend(ranges);
        self
    }

    /// As [`deny`](Self::deny), with elements that are parsed already.
    #[must_use]
    pub fn deny_ranges(mut self, ranges: impl IntoIterator<Item = AddressRange>) -> Self {
        self.deny.get_or_insert_default().extend(ranges);
        self
    }

    /// The filter. Without any list it is an error: a filter that was told nothing would admit everybody.
    pub fn build(self) -> Result<IpFilter, NoLists> {
        if self.allow.is_none() && self.deny.is_none() {
            return Err(NoLists(()));
        }
        Ok(IpFilter {
            allow: self.allow.map(AddressSet::from_iter),
            deny: self.deny.unwrap_or_default().into_iter().collect(),
        })
    }
}

/// A filter was told neither whom to allow nor whom to deny.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("allow, deny, allow-file or deny-file")]
pub struct NoLists(());
