//! What the next job of an application starts from.

use flink_operator_core::memory::{Deployed, Memory};
use flink_operator_core::phase::Phase;
use flink_operator_core::record::Record;
use flink_operator_core::snapshot::{Seen, Snapshot};

use super::known;
use crate::explain::future::{self, Future};
use crate::explain::memory;
use crate::explain::words::moment;

/// In a sentence. Where the core decides it next, the core is asked.
pub fn start(record: &Record) -> String {
    let snapshot = &record.snapshot;
    let Some(memory) = memory(snapshot) else {
        return "not known: the status is none of this operator's".to_owned();
    };
    if let Some(launch) = memory.phase.launch() {
        return format!("under way, {}", from(launch.restore_from.as_deref()));
    }
    if let Phase::Deleting(_) = memory.phase {
        return "none: the application is being deleted".to_owned();
    }
    decided(record).unwrap_or_else(|| usual(snapshot, memory))
}

fn from(path: Option<&str>) -> String {
    path.map_or("without state".to_owned(), |path| format!("from {path}"))
}

/// What the next move decides, if it is the one that starts a job.
fn decided(record: &Record) -> Option<String> {
    let Future::Turn(turn) = future::of(record, &record.decide()) else { return None };
    let launch = turn.step.next()?.phase.launch()?;
    let from = from(launch.restore_from.as_deref());
    match turn.at > record.snapshot.now {
        true => Some(format!("{from}, at {} if nothing changes", moment(turn.at))),
        false => Some(format!("{from}, at once")),
    }
}

/// What the rules of an update say.
fn usual(snapshot: &Snapshot, memory: &Memory) -> String {
    let spec = snapshot.application.spec.as_ref().ok();
    let ledger = &memory.ledger;
    let Some(deployed) = &ledger.deployed else {
        return from(spec.and_then(|spec| spec.initial_savepoint.as_deref()));
    };
    if let Some(stopped) = &ledger.stopped {
        return from(stopped.state.as_deref());
    }
    let newest = known::newest_of(snapshot, &deployed.revision.id).map(|state| state.path);
    let newest = newest.or(deployed.restored_from.clone());
    let oldest = spec.map_or(3600, |spec| spec.max_checkpoint_restore_age_seconds.get());
    if has_ended(snapshot, deployed) {
        return match newest {
            Some(path) => {
                format!("from the newest state of the job that ended: {path}, if it is at most {oldest} s old then")
            }
            None => "the job has ended, and no state of it is known".to_owned(),
        };
    }
    let who = if memory.phase.target().is_some() { "this update" } else { "an update" };
    if spec.is_some_and(|spec| spec.savepoint_disabled) {
        return format!("{who} starts without state, as spec.savepointDisabled says");
    }
    match newest {
        Some(path) => format!(
            "{who} takes a new savepoint; where none can be had, it starts from {path} if that is at most {oldest} s \
             old then"
        ),
        None => format!("{who} takes a new savepoint; there is nothing else to start from"),
    }
}

fn has_ended(snapshot: &Snapshot, deployed: &Deployed) -> bool {
    match snapshot.observed.flink.get(&deployed.revision.id).map(|seen| &seen.job) {
        Some(Seen::Present(job)) => job.state.has_ended(),
        Some(Seen::Absent) => true,
        Some(Seen::NotAsked | Seen::Unreachable(_)) | None => false,
    }
}
