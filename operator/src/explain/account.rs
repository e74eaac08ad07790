//! All that explains where an application is, gathered from one record.

use flink_operator_core::effect::Effect;
use flink_operator_core::memory::{Deployed, Ledger, Memory, Revision};
use flink_operator_core::phase::Phase;
use flink_operator_core::record::Record;
use flink_operator_core::snapshot::{Remembered, Snapshot};
use flink_operator_core::step::{Step, Wake};
use jiff::Timestamp;
use serde::Serialize;

use super::future::{self, Future};
use super::happened::Happened;
use super::hindrance::{self, Hindrance};
use crate::savepoints::known::{self, State};

/// Where an application is, and why.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Account {
    /// `namespace/name`.
    pub application: String,
    /// When it was looked at.
    pub now: Timestamp,
    /// The generation of its spec.
    pub generation: i64,
    /// The phase; a sentence where there is none of ours.
    pub phase: String,
    /// Since when.
    pub since: Option<Timestamp>,
    /// What is decided.
    pub decision: Decision,
    /// When it looks again if nothing is heard before; None where only a change matters, or there is something to do.
    pub looks_again: Option<Timestamp>,
    /// What happens by itself if nothing changes; None where there is something to do at once.
    pub then: Option<Then>,
    /// The versions that are deployed: one, or two in BlueGreen.
    pub deployed: Vec<Running>,
    /// What is being deployed.
    pub target: Option<Target>,
    /// The last deploy that failed.
    pub failed: Option<Failed>,
    /// The last trouble that made a phase try again.
    pub last_error: Option<LastError>,
    /// What stands in the way, and what to do about it.
    pub hindrances: Vec<Hindrance>,
    /// What was told, the newest last; None where it was not asked.
    pub events: Option<Vec<Happened>>,
}

/// A decision in words.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Decision {
    /// The rule.
    pub rule: String,
    /// When it fires.
    pub when: &'static str,
    /// The particulars.
    pub why: Option<String>,
    /// The phase that it moves to.
    pub moves_to: Option<String>,
    /// The effects that it asks for.
    pub does: Vec<String>,
    /// What it tells.
    pub tells: Vec<String>,
}

/// What happens if nothing changes.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub enum Then {
    /// It does something by itself.
    Turn {
        /// When.
        at: Timestamp,
        /// What.
        decision: Decision,
    },
    /// It stays as it is.
    Rest,
    /// It is too far away to be found.
    Unknown,
}

/// A revision.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Target {
    /// Its id.
    pub revision: String,
    /// The count of deploys when it began.
    pub deploy: u32,
    /// The generation of its spec.
    pub generation: i64,
    /// Its colour (BlueGreen).
    pub colour: Option<String>,
    /// Its jar.
    pub jar: String,
    /// Its parallelism.
    pub parallelism: u32,
    /// What its job starts from, once that is decided.
    pub starts_from: Option<String>,
    /// The number of the submission under way.
    pub attempt: Option<u32>,
}

/// A deployed revision and its job.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Running {
    /// The revision.
    pub revision: Target,
    /// Its job.
    pub job: String,
    /// Flink's word for it, as it was seen now or told last; None where Flink does not know the job.
    pub state: Option<String>,
    /// Whether the operator stopped it.
    pub stopped: bool,
    /// Green, Yellow or Red.
    pub health: Option<String>,
    /// Tasks that run, and all.
    pub tasks: Option<(u32, u32)>,
    /// Restarts after failures.
    pub restarts: Option<u32>,
    /// Since when it runs.
    pub started: Option<Timestamp>,
    /// Its newest savepoint or checkpoint.
    pub newest_state: Option<State>,
}

/// A deploy that failed.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Failed {
    /// The revision.
    pub revision: Option<String>,
    /// The generation of its spec.
    pub generation: i64,
    /// The rule that gave up.
    pub reason: String,
    /// What happened, and what to do.
    pub message: String,
    /// When.
    pub time: Timestamp,
}

/// A call that failed.
#[derive(Debug, Serialize)]
pub struct LastError {
    /// The call.
    pub method: String,
    /// The cause.
    pub message: String,
    /// When.
    pub time: Timestamp,
}

impl Account {
    /// What a record tells.
    pub fn of(record: &Record, events: Option<Vec<Happened>>) -> Self {
        let step = record.decide();
        let snapshot = &record.snapshot;
        let app = &snapshot.application;
        let memory = memory(snapshot);
        let ledger = memory.map(|memory| &memory.ledger);
        let phase = memory.map(|memory| &memory.phase);
        Self {
            application: format!("{}/{}", app.namespace, app.name),
            now: snapshot.now,
            generation: app.generation,
            phase: phase_of(snapshot),
            since: phase.and_then(Phase::since),
            looks_again: match step.wake() {
                Wake::At(at) if step.rests() => Some(at),
                Wake::At(_) | Wake::OnChange => None,
            },
            then: step.rests().then(|| then(record, &step)),
            decision: Decision::of(&step),
            deployed: ledger.map(|ledger| deployed(snapshot, ledger)).unwrap_or_default(),
            target: phase.and_then(target),
            failed: ledger.and_then(failed),
            last_error: ledger.and_then(last_error),
            hindrances: hindrance::all(snapshot, &step),
            events,
        }
    }
}

impl Decision {
    fn of(step: &Step) -> Self {
        Self {
            rule: step.rule().to_string(),
            when: step.rule().edge().when,
            why: step.why().map(str::to_owned),
            moves_to: step.next().map(|memory| memory.phase.name().to_string()),
            does: step.effects().iter().map(Effect::key).map(|key| key.0).collect(),
            tells: tells(step),
        }
    }
}

/// What a step tells; a text that stands under two reasons is told once.
fn tells(step: &Step) -> Vec<String> {
    let mut told: Vec<String> = step.notes().iter().map(|note| note.message.clone()).collect();
    told.dedup();
    told
}

fn then(record: &Record, step: &Step) -> Then {
    match future::of(record, step) {
        Future::Turn(turn) => Then::Turn { at: turn.at, decision: Decision::of(&turn.step) },
        Future::Rest => Then::Rest,
        Future::Unknown => Then::Unknown,
    }
}

/// The memory, where there is one of ours.
pub fn memory(snapshot: &Snapshot) -> Option<&Memory> {
    match &snapshot.memory {
        Remembered::Known(memory) => Some(memory),
        Remembered::Left(_) | Remembered::Unreadable(_) => None,
    }
}

/// The phase; a sentence where there is none of ours.
pub fn phase_of(snapshot: &Snapshot) -> String {
    match &snapshot.memory {
        Remembered::Known(memory) => memory.phase.name().to_string(),
        Remembered::Left(left) => format!("{} of the original operator", left.phase),
        Remembered::Unreadable(_) => "a phase that cannot be read".to_owned(),
    }
}

fn revision(revision: &Revision) -> Target {
    Target {
        revision: revision.id.to_string(),
        deploy: revision.number,
        generation: revision.generation,
        colour: revision.colour.map(|colour| colour.to_string()),
        jar: revision.job.jar_name.clone(),
        parallelism: revision.job.parallelism.get(),
        starts_from: None,
        attempt: None,
    }
}

/// What is being deployed in this phase.
pub fn target(phase: &Phase) -> Option<Target> {
    let launch = phase.launch();
    let under_way = launch.map(|launch| &launch.target).or(phase.target())?;
    let starts_from = launch.and_then(|launch| launch.restore_from.clone());
    Some(Target { starts_from, attempt: launch.map(|launch| launch.attempt), ..revision(under_way) })
}

/// The versions that are deployed.
pub fn deployed(snapshot: &Snapshot, ledger: &Ledger) -> Vec<Running> {
    let first = ledger.deployed.iter().map(|it| (it, &ledger.job, ledger.stopped.is_some()));
    let second = ledger.second.iter().map(|it| (it, &ledger.second_job, false));
    let versions = first.chain(second).map(|(version, told, stopped)| {
        let Deployed { revision: made_of, job, restored_from, .. } = version;
        let seen = snapshot.observed.flink.get(&made_of.id).and_then(|seen| seen.job.present());
        let told = told.as_ref();
        Running {
            revision: Target { starts_from: restored_from.clone(), ..revision(made_of) },
            job: job.to_string(),
            state: seen.map(|job| job.state).or(told.and_then(|told| told.state)).map(|state| state.to_string()),
            stopped,
            health: told.map(|told| told.health.to_string()),
            tasks: seen
                .map(|job| (job.tasks.running, job.tasks.total))
                .or(told.map(|told| (told.running_tasks, told.total_tasks))),
            restarts: seen.and_then(|job| job.restarts).or(told.map(|told| told.restarts)),
            started: seen.and_then(|job| job.start_time).or(told.and_then(|told| told.start_time)),
            newest_state: known::newest_of(snapshot, &made_of.id),
        }
    });
    versions.collect()
}

/// The last deploy that failed.
pub fn failed(ledger: &Ledger) -> Option<Failed> {
    ledger.failed.as_ref().map(|failed| Failed {
        revision: failed.revision.as_ref().map(ToString::to_string),
        generation: failed.generation,
        reason: failed.reason.clone(),
        message: failed.message.clone(),
        time: failed.time,
    })
}

fn last_error(ledger: &Ledger) -> Option<LastError> {
    let error = ledger.last_error.as_ref()?;
    Some(LastError { method: error.method.clone(), message: error.message.clone(), time: error.time })
}
