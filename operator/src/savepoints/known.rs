//! The savepoints and checkpoints of an application that are known: from its status, its spec and Flink's history.

use flink_operator_core::id::RevisionId;
use flink_operator_core::memory::{Ledger, Memory};
use flink_operator_core::snapshot::{Checkpoint, SavepointSeen, Snapshot};
use jiff::Timestamp;
use serde::Serialize;

use crate::explain::memory;
use crate::explain::words::span;

/// Where a job could start from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct State {
    /// What it is.
    pub kind: Kind,
    /// Where it is.
    pub path: String,
    /// When it was triggered; None where nobody tells.
    pub time: Option<Timestamp>,
    /// Where this is known from.
    pub known: &'static str,
}

/// What a state is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A savepoint.
    Savepoint,
    /// A checkpoint.
    Checkpoint,
    /// One of both.
    State,
}

impl Kind {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Savepoint => "savepoint",
            Self::Checkpoint => "checkpoint",
            Self::State => "state",
        }
    }
}

impl State {
    fn new(kind: Kind, path: &str, time: Option<Timestamp>, known: &'static str) -> Self {
        Self { kind, path: path.to_owned(), time, known }
    }

    fn seen(kind: Kind, checkpoint: Option<&Checkpoint>, known: &'static str) -> Option<Self> {
        let checkpoint = checkpoint?;
        Some(Self::new(kind, checkpoint.path.as_ref()?, Some(checkpoint.time), known))
    }

    /// In one line, with its age.
    pub fn line(&self, now: Timestamp) -> String {
        let age = self.time.map_or("of unknown age".to_owned(), |time| format!("{} old", span(time, now)));
        format!("{} {}, {age}", self.kind.word(), self.path)
    }
}

/// The newest state of a deployed revision's job, whatever it was taken for: what stands in for a savepoint that
/// cannot be had.
pub fn newest_of(snapshot: &Snapshot, revision: &RevisionId) -> Option<State> {
    let all = of_the_revision(snapshot, &memory(snapshot)?.ledger, revision);
    all.into_iter().filter(|state| state.time.is_some()).max_by_key(|state| state.time)
}

/// All states that are known, the newest first and those without a time last; each path once.
pub fn all(snapshot: &Snapshot) -> Vec<State> {
    let mut all = Vec::new();
    if let Some(Memory { phase, ledger }) = memory(snapshot) {
        let under_way = phase.launch().and_then(|launch| launch.restore_from.as_deref());
        all.extend(under_way.map(|path| State::new(Kind::State, path, None, "the start that is under way")));
        for version in ledger.deployed.iter().chain(&ledger.second) {
            all.extend(of_the_revision(snapshot, ledger, &version.revision.id));
        }
        let stopped = ledger.stopped.as_ref().and_then(|stopped| stopped.state.as_deref());
        all.extend(stopped.map(|path| State::new(Kind::State, path, None, "the stopped job left it")));
        let began = ledger.deployed.iter().chain(&ledger.second).filter_map(|version| version.restored_from.as_deref());
        all.extend(began.map(|path| State::new(Kind::State, path, None, "a deployed job began from it")));
    }
    let spec = snapshot.application.spec.as_ref().ok();
    let first = spec.and_then(|spec| spec.initial_savepoint.as_deref());
    all.extend(first.map(|path| State::new(Kind::Savepoint, path, None, "spec.savepointPath, for the first deploy")));
    once(all)
}

/// The first that names a path is kept, with the time that any of them tells.
fn once(all: Vec<State>) -> Vec<State> {
    let mut kept: Vec<State> = Vec::new();
    for state in all {
        match kept.iter_mut().find(|kept| kept.path == state.path) {
            None => kept.push(state),
            Some(kept) => {
                kept.time = kept.time.or(state.time);
                if kept.kind == Kind::State {
                    kept.kind = state.kind;
                }
            }
        }
    }
    kept.sort_by_key(|state| std::cmp::Reverse(state.time));
    kept
}

fn of_the_revision(snapshot: &Snapshot, ledger: &Ledger, revision: &RevisionId) -> Vec<State> {
    let mut all = Vec::new();
    if let Some(seen) = snapshot.observed.flink.get(revision) {
        if let Some(SavepointSeen::Completed { path }) = seen.savepoint.present() {
            all.push(State::new(Kind::Savepoint, path, Some(snapshot.now), "Flink: just completed"));
        }
        if let Some(history) = seen.checkpoints.present() {
            all.extend(State::seen(Kind::Savepoint, history.savepoint.as_ref(), "Flink's history"));
            all.extend(State::seen(Kind::Savepoint, history.any_savepoint.as_ref(), "Flink's history"));
            all.extend(State::seen(Kind::Checkpoint, history.latest.as_ref(), "Flink's history"));
            // Its time is that of the restart.
            let resumed = history.restored.as_ref().and_then(|restored| restored.path.as_deref());
            all.extend(
                resumed.map(|path| State::new(Kind::State, path, None, "Flink's history: the job resumed from it")),
            );
        }
    }
    let first = ledger.deployed.iter().map(|version| (version, &ledger.job));
    let second = ledger.second.iter().map(|version| (version, &ledger.second_job));
    let told = first.chain(second).find(|(version, _)| version.revision.id == *revision);
    if let Some((_, Some(told))) = told {
        let last = told.last_checkpoint.as_deref();
        all.extend(last.map(|path| State::new(Kind::Checkpoint, path, told.last_checkpoint_time, "the status")));
    }
    all
}
