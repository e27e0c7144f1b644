//! The thread that writes what limits count: all that changed goes into one commit.
//!
//! 1. What is written of a key is what the tables say as the commit begins. So a commit holds what every caller took that waits for
//!    it, whatever changed meanwhile.
//! 2. Once a second, keys that changed without a caller that waits are written: those that were given back, those that are whole
//!    again, which leave the file, and those that no longer use what they were leased.
//! 3. A commit that fails is an error for all that wait for it. Its keys are written with the next one that does not.
//! 4. At the end, what was used is written exactly.
//! 5. Whether it can be written is known meanwhile: [`Health`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use palisade_core::LimitKey;
use redb::{Error, ReadTransaction, ReadableTable, TableDefinition, WriteTransaction};
use tokio::sync::oneshot;

use super::bound::{Bound, Written, begin, end};
use super::call::Changed;
use super::health::Health;
use super::record::{decode, encode};
use super::rules::Nanos;
use super::table::{Kept, Place, Slot, Table};
use super::tables::Tables;
use crate::OpenError;
use crate::embedded::data_file::{DataFile, FileKind};
use crate::embedded::queue::{Outcome, Queue};

/// How long a lease lasts, and how often what nobody waits for is written.
const INTERVAL: Duration = Duration::from_secs(1);
/// For how many keys the shards of a table are made whose bound is not known yet.
const USUAL_KEYS: usize = 100_000;

/// What the log calls it when what limits count cannot be written.
pub(super) const NOT_WRITTEN: &str = "limits-not-written";
pub(super) const THREAD_ENDED: &str = "its thread has ended";

/// The records, by counter and key.
const KEYS: TableDefinition<'_, (&str, [u8; LimitKey::LENGTH]), &[u8]> = TableDefinition::new("keys");

/// The file of counters.
pub(super) const LIMITS: FileKind = FileKind {
    name: "limits.redb",
    new_name: "limits.redb.new",
    format: 1,
    prepare: |transaction| {
        transaction.open_table(KEYS)?;
        Ok(())
    },
    damaged: "so that it cannot be known what was used of the limits; remove the file to start again with nothing used",
    other_format: "with nothing used of the limits, remove the file and start again",
};

/// A caller that waits until these are on disk.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) changed: Vec<Changed<Bound>>,
    pub(super) done: oneshot::Sender<Outcome>,
}

/// What callers and the thread share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) tables: Tables<Bound>,
    pub(super) queue: Queue<Waiting>,
    /// The time of the last call, by the clock of policy.
    pub(super) now: AtomicU64,
    pub(super) start: Instant,
    pub(super) health: Health,
}

impl Shared {
    pub(super) fn new() -> Self {
        Self {
            tables: Tables::default(),
            queue: Queue::default(),
            now: AtomicU64::new(0),
            start: Instant::now(),
            health: Health::default(),
        }
    }

    /// In which second of the process it is.
    pub(super) fn second(&self) -> u64 {
        self.start.elapsed().as_secs()
    }

    fn now(&self) -> Nanos {
        self.now.load(Ordering::Relaxed)
    }
}

/// Puts everything in the file into tables.
pub(super) fn read(transaction: &ReadTransaction, tables: &Tables<Bound>) -> Result<(), Error> {
    for row in transaction.open_table(KEYS)?.iter()? {
        let (place, record) = row?;
        let (name, key) = place.value();
        let Some(written) = decode(record.value()) else {
            return Err(Error::Corrupted(format!("a record of {name} cannot be read")));
        };
        restore(
            &tables.table(name, USUAL_KEYS),
            LimitKey::from_bytes(key),
            &written,
        );
    }
    Ok(())
}

fn restore(table: &Table<Bound>, key: LimitKey, written: &Written) {
    let owner = match written {
        Written::Share { .. } => key,
        Written::Identifier { owner, .. } => *owner,
    };
    let hash = table.hash(&owner);
    let shard = match owner {
        LimitKey::OVERFLOW => table.last_shard(),
        _ => table.shard_of(hash),
    };
    let (kept, beside) = match written {
        Written::Share { share, .. } => (Kept::Share(share.clone()), Bound::default()),
        Written::Identifier { owner, until } => (
            Kept::Identifier {
                owner: hash,
                until: *until,
                // Who took for it ended with its process.
                passed: false,
            },
            Bound::Identifier {
                owner: *owner,
                on_disk: false,
            },
        ),
    };
    if let Some(mut held) = table.lock(shard) {
        held.restore(key, kept, beside);
        if let Some(slot) = held.find_mut(table.hash(&key), &key) {
            end(slot, written);
        }
    }
}

/// Starts the thread; it ends once it is told to close.
pub(super) fn start(shared: Arc<Shared>, file: DataFile) -> Result<JoinHandle<()>, OpenError> {
    let path = file.path().to_owned();
    thread::Builder::new()
        .name("palisade-limits".to_owned())
        .spawn(move || {
            let ending = Ending(shared);
            Writer::new(file).run(&ending.0);
        })
        .map_err(|source| OpenError::io(&path, "has no thread", source))
}

/// However the thread ends, nobody waits for it afterwards.
struct Ending(Arc<Shared>);

impl Drop for Ending {
    fn drop(&mut self) {
        if thread::panicking() {
            tracing::error!(
                target: "palisade::limits",
                code = NOT_WRITTEN,
                "the thread that writes has ended; nothing new is granted until a restart"
            );
            self.0.health.end(&Err(THREAD_ENDED.into()));
        }
        self.0.queue.end();
    }
}

/// A key, and what is to stand of it on disk, if anything.
type Write<'a> = (&'a Arc<Table<Bound>>, Place, Option<Written>);

/// The keys of each table, by its number.
type Keys = BTreeMap<u64, (Arc<Table<Bound>>, BTreeSet<Place>)>;

fn add(keys: &mut Keys, table: &Arc<Table<Bound>>, places: impl IntoIterator<Item = Place>) {
    let mut places = places.into_iter().peekable();
    if places.peek().is_some() {
        let of_table = keys.entry(table.number);
        let (_, known) = of_table.or_insert_with(|| (Arc::clone(table), BTreeSet::new()));
        known.extend(places);
    }
}

struct Writer {
    file: DataFile,
    /// What is to be written.
    due: Keys,
    /// Those of which more is on disk than was used.
    leased: Keys,
    ticked: Instant,
}

impl Writer {
    fn new(file: DataFile) -> Self {
        Self {
            file,
            due: Keys::new(),
            leased: Keys::new(),
            ticked: Instant::now(),
        }
    }

    fn run(mut self, shared: &Shared) {
        let mut batch = Vec::new();
        while shared.queue.take(&mut batch, Some(INTERVAL)) {
            let is_time = self.ticked.elapsed() >= INTERVAL;
            if batch.is_empty() && !is_time {
                continue;
            }
            for Waiting { changed, .. } in &batch {
                for Changed { table, place } in changed {
                    add(&mut self.due, table, [*place]);
                }
            }
            if is_time {
                self.ticked = Instant::now();
                self.tick(shared);
            }
            self.add_noted(shared);
            shared.health.begin();
            let outcome = self.commit(Some(shared.second()));
            shared.health.end(&outcome);
            for waiting in batch.drain(..) {
                // One that no longer waits has taken what it took.
                let _ = waiting.done.send(outcome.clone());
            }
        }
        self.tick(shared);
        self.add_noted(shared);
        // If it fails, that was logged; more is on disk than was used.
        let _ = self.commit(None);
    }

    /// What is done once a second.
    fn tick(&mut self, shared: &Shared) {
        for table in shared.tables.all() {
            table.sweep(shared.now());
        }
        for (table, places) in std::mem::take(&mut self.leased).into_values() {
            add(&mut self.due, &table, places);
        }
    }

    /// Adds what changed without a caller that waits.
    fn add_noted(&mut self, shared: &Shared) {
        let mut noted = Vec::new();
        for table in shared.tables.all() {
            table.take_notes(&mut noted);
            add(&mut self.due, &table, noted.drain(..));
        }
    }

    /// Writes what is due, with leases for the keys that earned one by that second.
    fn commit(&mut self, second: Option<u64>) -> Outcome {
        if self.due.is_empty() {
            return Ok(());
        }
        let mut writes = Vec::new();
        for (table, places) in self.due.values() {
            for place in places {
                writes.push((
                    table,
                    *place,
                    of_table(table, *place, |slot| begin(slot, second)).flatten(),
                ));
            }
        }
        let committed = self.file.commit(|transaction| write(transaction, &writes));
        let path = self.file.path().display();
        match committed {
            Ok(opened_anew) => {
                if opened_anew {
                    tracing::info!(target: "palisade::limits", %path, "the file was opened anew");
                }
            }
            Err(failure) => {
                if failure.is_new {
                    let error = &failure.cause;
                    tracing::error!(target: "palisade::limits", code = NOT_WRITTEN, %path, %error, "what limits count cannot be written");
                }
                return Err(failure.cause);
            }
        }
        for (table, place, written) in writes {
            let Some(written) = written else {
                continue;
            };
            of_table(table, place, |slot| end(slot, &written));
            if written.is_leased() {
                add(&mut self.leased, table, [place]);
            }
        }
        self.due.clear();
        Ok(())
    }
}

/// What is done with a key, under the lock of its shard.
fn of_table<T>(table: &Table<Bound>, place: Place, work: impl FnOnce(&mut Slot<Bound>) -> T) -> Option<T> {
    let mut held = table.lock(place.shard)?;
    held.find_mut(table.hash(&place.key), &place.key).map(work)
}

fn write(transaction: &WriteTransaction, writes: &[Write<'_>]) -> Result<(), Error> {
    let mut keys = transaction.open_table(KEYS)?;
    for (table, place, written) in writes {
        let key = (&*table.name, *place.key.as_bytes());
        match written {
            Some(written) => keys.insert(key, &*encode(written))?,
            None => keys.remove(key)?,
        };
    }
    Ok(())
}
