//! The decisions of late, kept in memory as long as the process lives.

use std::collections::{BTreeMap, VecDeque};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use flink_operator_core::record::Record as Written;
use flink_operator_core::snapshot::Snapshot;
use flink_operator_core::step::Step;
use flink_operator_interpreter::board::Board;
use flink_operator_interpreter::observe::ApplicationName;
use flink_operator_interpreter::record::Record;
use serde_json::{Map, Value, json};

use super::facts::{Facts, Told};

/// Decisions that are kept of one application.
const OF_ONE: usize = 50;
/// Bytes of JSON that are kept of all together; the oldest go first.
const BYTES: usize = 32 << 20;
/// Decisions that wait to be kept. One more is left out: an application waits for no page.
const WAITING: usize = 256;

/// Is shown decisions, and writes them into the history on a thread of its own.
pub struct Chronicler {
    waiting: SyncSender<(Snapshot, Step)>,
    history: Arc<History>,
}

impl Chronicler {
    /// Begins to keep the decisions on the applications of this board.
    pub fn start(board: Arc<Board>) -> std::io::Result<Self> {
        let history = Arc::new(History::new(board, BYTES));
        let (waiting, receiver) = sync_channel(WAITING);
        let written = history.clone();
        // It ends when this is dropped.
        std::thread::Builder::new().name("history".to_owned()).spawn(move || write(&written, &receiver))?;
        Ok(Self { waiting, history })
    }

    /// What is kept.
    pub fn history(&self) -> Arc<History> {
        self.history.clone()
    }
}

impl Record for Chronicler {
    fn record(&self, snapshot: &Snapshot, step: &Step) {
        if self.waiting.try_send((snapshot.clone(), step.clone())).is_err() {
            tracing::debug!("decisions come faster than the console keeps them; one is left out");
        }
    }
}

fn write(history: &History, decided: &Receiver<(Snapshot, Step)>) {
    for (snapshot, step) in decided {
        if let Err(error) = history.add(&snapshot, &step) {
            tracing::debug!("a decision has no JSON form, and the console does not show it: {error}");
        }
    }
}

/// What was decided of late, application by application.
pub struct History {
    board: Arc<Board>,
    limit: usize,
    all: Mutex<All>,
}

#[derive(Default)]
struct All {
    applications: BTreeMap<ApplicationName, Kept>,
    /// Whose decision has which number, the oldest first.
    order: BTreeMap<u64, ApplicationName>,
    next: u64,
    bytes: usize,
}

struct Kept {
    /// An application that has another one is another one.
    uid: String,
    steps: VecDeque<Entry>,
    dropped: u64,
    facts: Option<Facts>,
}

struct Entry {
    told: Told,
    record: Arc<str>,
    /// Bytes of JSON, of both.
    weight: usize,
}

impl History {
    fn new(board: Arc<Board>, limit: usize) -> Self {
        Self { board, limit, all: Mutex::default() }
    }

    /// Keeps a decision.
    fn add(&self, snapshot: &Snapshot, step: &Step) -> Result<(), serde_json::Error> {
        let record = Written::of(snapshot, step)?.brief();
        let (told, facts) = (Told::of(&record, step), Facts::of(&record));
        let record: Arc<str> = serde_json::to_string(&record)?.into();
        let weight = record.len() + serde_json::to_string(&told)?.len();
        let app = &snapshot.application;
        let name = ApplicationName { namespace: app.namespace.clone(), name: app.name.clone() };
        let mut all = self.all();
        all.forget(|name| !self.board.knows(name));
        if self.board.knows(&name) {
            all.put(name, &app.uid, Entry { told, record, weight }, facts);
            all.fit(self.limit);
        }
        Ok(())
    }

    /// What the page shows of an application: its steps, the newest last, how many are not kept, and what it has.
    pub fn of(&self, name: &ApplicationName) -> Map<String, Value> {
        let all = self.all();
        let kept = all.applications.get(name).filter(|_| self.board.knows(name));
        let steps: Vec<&Told> = kept.iter().flat_map(|kept| &kept.steps).map(|entry| &entry.told).collect();
        let fields = [
            ("steps", json!(steps)),
            ("dropped", json!(kept.map_or(0, |kept| kept.dropped))),
            ("memory", json!(kept.and_then(|kept| kept.facts.as_ref()))),
        ];
        fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// The record of a decision as JSON; None where it is not kept any more.
    pub fn record(&self, name: &ApplicationName, id: u64) -> Option<Arc<str>> {
        let all = self.all();
        let steps = &all.applications.get(name).filter(|_| self.board.knows(name))?.steps;
        steps.iter().find(|entry| entry.told.id == id).map(|entry| entry.record.clone())
    }

    fn all(&self) -> MutexGuard<'_, All> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl All {
    fn put(&mut self, name: ApplicationName, uid: &str, mut entry: Entry, facts: Option<Facts>) {
        if self.applications.get(&name).is_some_and(|kept| kept.uid != uid) {
            self.forget(|other| *other == name);
        }
        let empty = || Kept { uid: uid.to_owned(), steps: VecDeque::new(), dropped: 0, facts: None };
        let kept = self.applications.entry(name.clone()).or_insert_with(empty);
        kept.facts = facts;
        self.bytes += entry.weight;
        // At rest it decides the same again and again: that is counted, and what it saw last is kept.
        let in_phase = kept.steps.iter_mut().rev().take_while(|old| old.told.moves_to.is_none());
        if let Some(same) = in_phase.into_iter().find(|old| entry.told.repeats(&old.told)) {
            same.told.times += 1;
            same.told.last = entry.told.last;
            self.bytes -= same.weight;
            (same.record, same.weight) = (entry.record, entry.weight);
            return;
        }
        entry.told.id = self.next;
        self.next += 1;
        self.order.insert(entry.told.id, name);
        kept.steps.push_back(entry);
        if kept.steps.len() > OF_ONE
            && let Some(oldest) = kept.steps.pop_front()
        {
            kept.dropped += 1;
            self.let_go(&oldest);
        }
    }

    /// Drops the oldest of all until the rest fits.
    fn fit(&mut self, limit: usize) {
        while self.bytes > limit {
            let Some((_, name)) = self.order.first_key_value() else { return };
            let Some(kept) = self.applications.get_mut(&name.clone()) else { return };
            let Some(entry) = kept.steps.pop_front() else { return };
            kept.dropped += 1;
            self.let_go(&entry);
        }
    }

    /// Drops all of some applications.
    fn forget(&mut self, gone: impl Fn(&ApplicationName) -> bool) {
        let gone: Vec<Kept> = self.applications.extract_if(.., |name, _| gone(name)).map(|(_, kept)| kept).collect();
        gone.iter().flat_map(|kept| &kept.steps).for_each(|entry| self.let_go(entry));
    }

    fn let_go(&mut self, entry: &Entry) {
        self.order.remove(&entry.told.id);
        self.bytes -= entry.weight;
    }
}

#[cfg(test)]
mod tests;
