//! The counters of a store, by name.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use palisade_core::CounterHandle;

use super::table::{Beside, Table};

/// The counters of a store, by name.
#[derive(Debug)]
pub(super) struct Tables<B>(Mutex<BTreeMap<Arc<str>, Arc<Table<B>>>>);

impl<B> Default for Tables<B> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<B: Beside> Tables<B> {
    /// The counter of that name, with that bound from now on.
    pub(super) fn counter(&self, name: &str, max_keys: usize) -> CounterHandle {
        let table = self.table(name, max_keys);
        table.bound(max_keys);
        CounterHandle::new(table)
    }

    /// The counter of that name; it is made for that many keys where it is not there.
    pub(super) fn table(&self, name: &str, max_keys: usize) -> Arc<Table<B>> {
        let mut tables = self.lock();
        if let Some(table) = tables.get(name) {
            return Arc::clone(table);
        }
        let table = Table::new(name, max_keys);
        tables.insert(Arc::clone(&table.name), Arc::clone(&table));
        table
    }

    pub(super) fn all(&self) -> Vec<Arc<Table<B>>> {
        self.lock().values().map(Arc::clone).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Arc<str>, Arc<Table<B>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
