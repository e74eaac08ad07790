//! The plan: what an edit will do, gathered from the model.

use std::panic::resume_unwind;
use std::thread;

use flink_operator_core::application::Application;
use flink_operator_core::crd::FlinkApplication;
use flink_operator_core::effect::{Effect, Submission};
use flink_operator_core::phase::PhaseName;
use flink_operator_core::rule::Rule;
use flink_operator_core::snapshot::{JobState, Snapshot};
use flink_operator_fixtures::door::NotSeeded;
use jiff::Timestamp;
use serde::Serialize;

use super::change::{self, Change};
use super::extra::{self, Extra};
use super::forecast::{self, Fault, Forecast, Turn};
use super::past::Pause;
use super::room::Room;
use crate::cli::Failure;
use crate::explain::memory;
use crate::savepoints::known::{self, State};
use crate::validate::Finding;

/// What an edit will do.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// `namespace/name`.
    pub application: String,
    /// When the application was looked at.
    pub now: Timestamp,
    /// The phase that it is in.
    pub phase: String,
    /// What differs in the resource.
    pub changes: Vec<Change>,
    /// Whether a job is stopped and another one started.
    pub job_restarts: bool,
    /// What the operator does.
    pub forecast: Forecast,
    /// What the new job starts from; None where none is started.
    pub starts_from: Option<Start>,
    /// How long no job runs.
    pub downtime: Downtime,
    /// How long no job ran in the last update, where events still tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_downtime: Option<Pause>,
    /// What is needed beside what runs, at most.
    pub peak_extra: Extra,
    /// Whether there is room for it; None where nothing is needed, or no cluster was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub room: Option<Room>,
    /// What happens if a step of it fails, for each step that there is.
    pub if_it_fails: Vec<Fall>,
    /// Why the spec is refused; None where it is not.
    pub refused: Option<String>,
    /// What the checks of a manifest say.
    pub findings: Vec<Finding>,
}

/// What a job starts from.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub enum Start {
    /// Nothing.
    Empty,
    /// A savepoint that is still to be taken.
    NewSavepoint {
        /// What stands in for it where none can be had.
        otherwise: Option<State>,
    },
    /// A savepoint or checkpoint that is there.
    Known {
        /// Which one.
        state: State,
    },
}

/// How long no job runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Downtime {
    /// A job runs all the time.
    None,
    /// It is not known.
    NotKnown,
}

/// What happens if a step fails.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Fall {
    /// Which step.
    pub step: FallibleStep,
    /// What the operator does from then on.
    pub turns: Vec<Turn>,
    /// The phase that it rests in.
    pub rests_in: Option<String>,
    /// Whether a job runs then.
    pub job_runs: bool,
    /// Which job is started on the way; None where none is.
    pub starts: Option<WhichJob>,
    /// What that job starts from.
    pub starts_from: Option<Start>,
}

/// A step that can fail in many ways, with the same consequences.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum FallibleStep {
    /// The pods of the new cluster become ready.
    Cluster,
    /// A savepoint is taken.
    Savepoint,
    /// The tasks of the new job run.
    Job,
}

/// A job that is started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum WhichJob {
    /// The one before the edit, once more.
    Old,
    /// The one that was asked for.
    New,
}

impl FallibleStep {
    const ALL: [Self; 3] = [Self::Cluster, Self::Savepoint, Self::Job];

    /// Whether this effect is part of it.
    fn asks_for(self, effect: &Effect) -> bool {
        match self {
            Self::Cluster => matches!(effect, Effect::CreateDeployment(_)),
            Self::Savepoint => matches!(effect, Effect::StopWithSavepoint { .. } | Effect::TakeSavepoint { .. }),
            Self::Job => matches!(effect, Effect::SubmitJob(_)),
        }
    }

    fn fault(self) -> Fault {
        match self {
            Self::Cluster => Fault::ClusterDoesNotStart,
            Self::Savepoint => Fault::NoSavepoint,
            Self::Job => Fault::JobDoesNotStart,
        }
    }
}

impl Plan {
    /// What becomes of an application if this is applied.
    pub fn of(snapshot: &Snapshot, new: &FlinkApplication, findings: Vec<Finding>) -> Result<Self, Failure> {
        let app = &snapshot.application;
        let application = format!("{}/{}", app.namespace, app.name);
        let changes = change::between(snapshot, new).map_err(Failure::failed)?;
        let (forecast, denied) = match forecast::from(snapshot, new, Fault::None) {
            Ok(forecast) => (forecast, None),
            Err(NotSeeded::Refused(refusal)) => (Forecast::default(), Some(refusal.message)),
            Err(problem @ (NotSeeded::Status | NotSeeded::UnderWay(_) | NotSeeded::Unseen)) => {
                return Err(Failure::Failed(format!("{application}: {problem}")));
            }
        };
        let wanted = Application::parse(new);
        let refusal = wanted.spec.as_ref().err().map(ToString::to_string);
        let does = |wanted: fn(&Effect) -> bool| forecast.turns.iter().flat_map(|turn| &turn.effects).any(wanted);
        let submits = does(|effect| matches!(effect, Effect::SubmitJob(_)));
        let stops = does(|effect| matches!(effect, Effect::StopWithSavepoint { .. } | Effect::CancelJob { .. }));
        let runs_on = !stops && forecast.job_runs && job_runs(snapshot);
        Ok(Self {
            application,
            now: snapshot.now,
            phase: memory(snapshot).map(|memory| memory.phase.name().to_string()).unwrap_or_default(),
            job_restarts: stops && submits,
            starts_from: submission(&forecast.turns, None).map(|submission| start(snapshot, submission)),
            downtime: if runs_on { Downtime::None } else { Downtime::NotKnown },
            last_downtime: None,
            room: None,
            peak_extra: extra::peak(snapshot, &wanted, &snapshot.policy, &forecast.turns),
            if_it_fails: falls(snapshot, new, &forecast)?,
            refused: denied.or(refusal).or_else(|| refused_by_a_rule(&forecast)),
            changes,
            forecast,
            findings,
        })
    }

    /// Whether anything differs, or is done.
    pub fn changes_anything(&self) -> bool {
        !self.changes.is_empty() || !self.forecast.turns.is_empty()
    }
}

/// The deployed job was seen to run.
fn job_runs(snapshot: &Snapshot) -> bool {
    let deployed = memory(snapshot).and_then(|memory| memory.ledger.deployed.as_ref());
    let seen = deployed.and_then(|deployed| snapshot.observed.flink.get(&deployed.revision.id));
    seen.and_then(|seen| seen.job.present()).is_some_and(|job| job.state == JobState::Running)
}

/// The operator refuses what the API server takes.
fn refused_by_a_rule(forecast: &Forecast) -> Option<String> {
    let refused = forecast.turns.iter().find(|turn| turn.rule == Rule::SpecRefused.to_string())?;
    Some(refused.tells.join(" "))
}

/// The first job that is started, in this phase if one is given.
fn submission(turns: &[Turn], phase: Option<PhaseName>) -> Option<&Submission> {
    let phase = phase.map(|phase| phase.to_string());
    let turns = turns.iter().filter(|turn| phase.as_ref().is_none_or(|phase| turn.phase == *phase));
    turns.flat_map(|turn| &turn.effects).find_map(|effect| match effect {
        Effect::SubmitJob(submission) => Some(submission.as_ref()),
        Effect::CreateDeployment(_)
        | Effect::CreateService(_)
        | Effect::CreateIngress(_)
        | Effect::PointService(_)
        | Effect::PointIngress(_)
        | Effect::ScaleDeployment { .. }
        | Effect::DeleteIngress(_)
        | Effect::DeleteDeployment(_)
        | Effect::DeleteService(_)
        | Effect::AddFinalizer
        | Effect::RemoveFinalizer
        | Effect::TakeSavepoint { .. }
        | Effect::StopWithSavepoint { .. }
        | Effect::CancelJob { .. } => None,
    })
}

fn start(snapshot: &Snapshot, submission: &Submission) -> Start {
    let Some(path) = &submission.restore_from else { return Start::Empty };
    match known::all(snapshot).into_iter().find(|state| state.path == *path) {
        Some(state) => Start::Known { state },
        None => {
            let deployed = memory(snapshot).and_then(|memory| memory.ledger.deployed.as_ref());
            let otherwise = deployed.and_then(|deployed| known::newest_of(snapshot, &deployed.revision.id));
            Start::NewSavepoint { otherwise }
        }
    }
}

/// The same once more for each step, which fails; side by side, because they are most of the work of a plan.
fn falls(snapshot: &Snapshot, new: &FlinkApplication, well: &Forecast) -> Result<Vec<Fall>, Failure> {
    let effects = || well.turns.iter().flat_map(|turn| &turn.effects);
    let steps = FallibleStep::ALL.into_iter().filter(|step| effects().any(|effect| step.asks_for(effect)));
    let falls: Result<Vec<_>, _> = thread::scope(|scope| {
        let started: Vec<_> = steps.map(|step| scope.spawn(move || fall(snapshot, new, well, step))).collect();
        started.into_iter().map(|fall| fall.join().unwrap_or_else(|panic| resume_unwind(panic))).collect()
    });
    Ok(falls?.into_iter().flatten().collect())
}

/// What follows where the two part; None where they do not.
fn fall(
    snapshot: &Snapshot,
    new: &FlinkApplication,
    well: &Forecast,
    step: FallibleStep,
) -> Result<Option<Fall>, Failure> {
    let ill = forecast::from(snapshot, new, step.fault()).map_err(Failure::failed)?;
    let same = ill.turns.iter().zip(&well.turns).take_while(|(ill, well)| ill.rule == well.rule).count();
    let turns: Vec<Turn> = ill.turns.into_iter().skip(same).collect();
    if turns.is_empty() {
        return Ok(None);
    }
    let back = submission(&turns, Some(PhaseName::RollingBackJob)).map(|submission| (WhichJob::Old, submission));
    let forth = || submission(&turns, None).map(|submission| (WhichJob::New, submission));
    let started = back.or_else(forth).map(|(job, submission)| (job, start(snapshot, submission)));
    let (starts, starts_from) = started.unzip();
    Ok(Some(Fall { step, starts, starts_from, rests_in: ill.rests_in, job_runs: ill.job_runs, turns }))
}
