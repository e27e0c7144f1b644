//! A list that needs no memory of its own while it is short.

/// As many as a request usually has limits.
const FEW: usize = 8;

/// At most eight in place, or any number elsewhere. Every item is there until it is taken.
#[derive(Debug)]
pub(super) enum Few<T> {
    Few([Option<T>; FEW]),
    Many(Vec<Option<T>>),
}

impl<T> Few<T> {
    /// As many as there are, or the first error.
    pub(super) fn of<E>(items: impl ExactSizeIterator<Item = Result<T, E>>) -> Result<Self, E> {
        if items.len() > FEW {
            return Ok(Self::Many(
                items.map(|item| item.map(Some)).collect::<Result<_, E>>()?,
            ));
        }
        let mut few = [const { None }; FEW];
        for (place, item) in few.iter_mut().zip(items) {
            *place = Some(item?);
        }
        Ok(Self::Few(few))
    }

    /// No items, and places for that many.
    pub(super) fn places(count: usize) -> Self {
        if count > FEW {
            Self::Many((0..count).map(|_| None).collect())
        } else {
            Self::Few([const { None }; FEW])
        }
    }

    fn as_slice(&self) -> &[Option<T>] {
        match self {
            Self::Few(few) => few,
            Self::Many(many) => many,
        }
    }

    fn as_mut_slice(&mut self) -> &mut [Option<T>] {
        match self {
            Self::Few(few) => few,
            Self::Many(many) => many,
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.as_slice().iter().flatten()
    }

    pub(super) fn iter_mut(&mut self) -> impl DoubleEndedIterator<Item = &mut T> {
        self.as_mut_slice().iter_mut().flatten()
    }

    /// In order, those that are there first.
    pub(super) fn sort(&mut self)
    where
        T: Ord,
    {
        self.as_mut_slice()
            .sort_unstable_by(|one, other| (one.is_none(), one).cmp(&(other.is_none(), other)));
    }

    pub(super) fn get_mut(&mut self, at: usize) -> Option<&mut T> {
        self.as_mut_slice().get_mut(at)?.as_mut()
    }

    pub(super) fn put(&mut self, at: usize, item: T) {
        if let Some(place) = self.as_mut_slice().get_mut(at) {
            *place = Some(item);
        }
    }
}
