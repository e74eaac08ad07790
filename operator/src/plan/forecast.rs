//! What happens in the model: the real core, step by step, until nothing is left to do.

use std::collections::BTreeSet;

use flink_operator_core::crd::FlinkApplication;
use flink_operator_core::effect::Effect;
use flink_operator_core::phase::Phase;
use flink_operator_core::rule::Rule;
use flink_operator_core::snapshot::Snapshot;
use flink_operator_core::step::Step;
use flink_operator_fixtures::door::{Life, NotSeeded, Turn as Taken};
use flink_operator_fixtures::model::flink::{Ending, SavepointFault, Throwable};
use serde::Serialize;

/// Longer than any wait that the configuration knows, in milliseconds.
const LIMIT_MS: i64 = 150 * 60_000;
/// So long it must stay at rest: what was seen last may be the view of a cache.
const CALM_MS: i64 = 40_000;
/// Turns of the operator at most.
const TURNS: usize = 100_000;

/// Something that the operator does.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Turn {
    /// The phase in which it does it.
    pub phase: String,
    /// The rule.
    pub rule: String,
    /// When it fires.
    pub when: &'static str,
    /// The phase that it moves to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub moves_to: Option<String>,
    /// The effects that it asks for, in words.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub does: Vec<String>,
    /// What it tells.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tells: Vec<String>,
    /// The effects themselves.
    #[serde(skip)]
    pub effects: Vec<Effect>,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// The pods of the new cluster do not become ready.
    ClusterDoesNotStart,
    /// No savepoint can be taken.
    NoSavepoint,
    /// The new version's job fails before its tasks run.
    JobDoesNotStart,
}

/// More than are tried in one deploy.
const SAVEPOINTS: usize = 100;

impl Fault {
    /// What is so from the beginning.
    fn befalls(self, life: &mut Life) {
        match self {
            Self::ClusterDoesNotStart => life.set_pod_times(2 * LIMIT_MS, 1_000),
            Self::NoSavepoint => (0..SAVEPOINTS).for_each(|_| life.on_next_savepoint(no_room())),
            Self::None | Self::JobDoesNotStart => {}
        }
    }
}

fn no_room() -> SavepointFault {
    SavepointFault::Fails(Throwable::new("java.io.IOException", "No space left on device"))
}

/// What happens, and how it ends.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Forecast {
    /// What happens, in order.
    pub turns: Vec<Turn>,
    /// The phase that it rests in; None where there is no application any more.
    pub rests_in: Option<String>,
    /// What it waits for, where it does not come to rest.
    pub waits_for: Option<String>,
    /// Whether a job runs at the end.
    pub job_runs: bool,
}

/// What becomes of an application that is given a new spec.
pub fn of(life: &mut Life, fault: Fault) -> Forecast {
    let mut turns: Vec<Turn> = Vec::new();
    let known: BTreeSet<String> = life.flinks.storage.iter().map(|(path, _)| path.to_owned()).collect();
    let (end, mut calm_since, mut last) = (life.now() + LIMIT_MS, None, None);
    for _ in 0..TURNS {
        if life.rests() {
            if last.is_some_and(rests) && calm_since.is_some_and(|since| life.now() - since >= CALM_MS) {
                break;
            }
            if life.now() >= end {
                break;
            }
            life.run_until(CALM_MS, |life| !life.rests());
            if life.rests() {
                continue;
            }
        }
        if fault == Fault::JobDoesNotStart {
            fail_the_new_job(life);
        }
        let phase = phase_of(life);
        let taken = life.turn();
        let rule = match taken {
            Taken::Gone => break,
            Taken::Moved(rule) | Taken::Acted(rule) => {
                let turn = life.last_step().map(|step| turn(step, &phase, &known)).filter(|_| !rule.only_tells());
                if let Some(turn) = turn.filter(|turn| turns.last() != Some(turn)) {
                    turns.push(turn);
                    calm_since = None;
                }
                rule
            }
            Taken::Rested(rule) | Taken::Refused(rule) | Taken::Crashed(rule) => rule,
        };
        if rests(rule) {
            calm_since = calm_since.or(Some(life.now()));
        }
        last = Some(rule);
    }
    let waits_for = last.filter(|rule| !rests(*rule)).map(|rule| format!("{rule}: {}", rule.edge().when));
    Forecast {
        turns,
        rests_in: life.memory().map(|memory| memory.phase.name().to_string()),
        waits_for,
        job_runs: life.flinks.active_jobs().next().is_some(),
    }
}

/// The same from a snapshot on.
pub fn from(snapshot: &Snapshot, new: &FlinkApplication, fault: Fault) -> Result<Forecast, NotSeeded> {
    let mut life = Life::seed(snapshot)?;
    fault.befalls(&mut life);
    life.replace(new)?;
    Ok(of(&mut life, fault))
}

fn phase_of(life: &Life) -> String {
    life.memory().map(|memory| memory.phase.name().to_string()).unwrap_or_default()
}

/// A job that was accepted for a new version ends at once. One that is started to roll back is left alone.
fn fail_the_new_job(life: &mut Life) {
    let Some(Phase::SubmittingJob(launch)) = life.memory().map(|memory| memory.phase) else { return };
    if life.deployed().is_some_and(|deployed| deployed.revision == launch.target) {
        return;
    }
    let now = u64::try_from(life.now()).unwrap_or(0);
    let Some((cluster, storage)) = life.flinks.of(&launch.target.id) else { return };
    let jobs: Vec<_> = cluster.active_jobs().map(|job| job.id).collect();
    for job in jobs {
        cluster.end_job(storage, now, job, Ending::Failed);
    }
}

fn turn(step: &Step, phase: &str, known: &BTreeSet<String>) -> Turn {
    let mut tells: Vec<String> = step.notes().iter().map(|note| note.message.clone()).collect();
    tells.dedup();
    Turn {
        phase: phase.to_owned(),
        rule: step.rule().to_string(),
        when: step.rule().edge().when,
        moves_to: step.next().map(|memory| memory.phase.name().to_string()).filter(|to| to != phase),
        does: step.effects().iter().map(|effect| words(effect, |path| known.contains(path))).collect(),
        tells,
        effects: step.effects().to_vec(),
    }
}

/// An effect as a person would say it. A savepoint that is not known is one that the model made up.
pub fn words(effect: &Effect, known: impl Fn(&str) -> bool) -> String {
    let name = |name: &Option<String>| name.clone().unwrap_or_default();
    match effect {
        Effect::CreateDeployment(object) => {
            let pods = object.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
            format!("creates Deployment {} ({pods} {})", name(&object.metadata.name), plural(pods, "pod"))
        }
        Effect::CreateService(object) => format!("creates Service {}", name(&object.metadata.name)),
        Effect::CreateIngress(object) => format!("creates Ingress {}", name(&object.metadata.name)),
        Effect::PointService(object) => format!("points Service {} to the job in charge", name(&object.metadata.name)),
        Effect::PointIngress(object) => format!("mends Ingress {}", name(&object.metadata.name)),
        Effect::ScaleDeployment { target, replicas } => format!("scales Deployment {} to {replicas}", target.name),
        Effect::DeleteIngress(target) => format!("deletes Ingress {}", target.name),
        Effect::DeleteDeployment(target) => format!("deletes Deployment {}", target.name),
        Effect::DeleteService(target) => format!("deletes Service {}", target.name),
        Effect::AddFinalizer => "puts the finalizer on the application".to_owned(),
        Effect::RemoveFinalizer => "takes the finalizer off the application".to_owned(),
        Effect::SubmitJob(submission) => {
            let from = match &submission.restore_from {
                None => "without state".to_owned(),
                Some(path) if known(path) => format!("from {path}"),
                Some(_) => "from the savepoint that was taken".to_owned(),
            };
            format!("submits job {} to revision {}, {from}", submission.job, submission.revision)
        }
        Effect::TakeSavepoint { job, .. } => format!("takes a savepoint of job {job}, which runs on"),
        Effect::StopWithSavepoint { job, .. } => format!("stops job {job} with a savepoint"),
        Effect::CancelJob { job, .. } => format!("cancels job {job}"),
    }
}

fn plural(number: i32, what: &str) -> String {
    format!("{what}{}", if number == 1 { "" } else { "s" })
}

/// Nothing is done any more until somebody does something.
fn rests(rule: Rule) -> bool {
    matches!(
        rule,
        Rule::JobRests
            | Rule::FailureRests
            | Rule::BothVersionsRest
            | Rule::DeletionBlocked
            | Rule::DeletionRests
            | Rule::StatusUnreadable
    )
}
