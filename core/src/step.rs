//! What a step returns: the rule that fired, and either a new memory or effects, never both.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::effect::Effect;
use crate::memory::Memory;
use crate::rule::Rule;

/// The outcome of one step. Only `Rule::to` and `Rule::stay` make one.
#[must_use = "a step that is not carried out is a lost decision"]
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    rule: Rule,
    next: Option<Box<Memory>>,
    effects: Vec<Effect>,
    notes: Vec<Note>,
    why: Option<String>,
    wake: Wake,
}

/// When to look again if nothing is heard before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Wake {
    /// Only a change can matter.
    OnChange,
    /// At this time at the latest.
    At(Timestamp),
}

/// Something to tell the user: becomes an event on the resource and a line in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The event's reason; the spelling is part of the contract.
    pub reason: EventReason,
    /// One or two sentences.
    pub message: String,
}

/// The original's event reasons (contract section 5), and three that it lacked: `SpecRefused`, `JobLost`
/// and `DeletionBlocked`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, strum::Display, strum::EnumIter)]
pub enum EventReason {
    /// Objects of a new cluster were created.
    CreatingCluster,
    /// One of them could not be created; it is tried again.
    CreateClusterFailed,
    /// The cluster did not come up.
    ClusterCreationFailed,
    /// The running cluster gets another count of TaskManagers.
    ClusterScaleUp,
    /// It did not get them.
    ClusterScaleUpFailed,
    /// A savepoint is being taken of a job that runs on (BlueGreen).
    SavepointingJob,
    /// That savepoint is complete.
    SavepointCompleted,
    /// The job is being stopped with a savepoint.
    CancellingJob,
    /// The job was stopped with a savepoint.
    CanceledJob,
    /// The savepoint failed.
    SavepointFailed,
    /// The job could not be cancelled.
    CancelFailed,
    /// The newest checkpoint stands in for a savepoint.
    RestoringExternalizedCheckpoint,
    /// There is no state to start from, and the spec says to start without.
    RestoringWithoutExternalizedCheckpoint,
    /// There is no state to start from.
    RecoveryFailed,
    /// The old job runs again.
    RollbackSucceeded,
    /// The old job could not be started again.
    RollbackFailed,
    /// The mode of a live application was changed.
    UnsupportedChange,
    /// The application cannot be scaled in place.
    NotScalingInPlace,
    /// A version is being torn down. (The original's spelling.)
    TeardownInitated,
    /// A version could not be torn down.
    TeardownFailed,
    /// A version was torn down.
    TeardownCompleted,
    /// Flink accepted the job.
    JobSubmitted,
    /// The job could not be submitted.
    JobSubmissionFailed,
    /// The job's tasks failed or did not start in time.
    JobMonitoringFailed,
    /// The job came to its end.
    JobFinished,
    /// The deploy failed.
    DeployFailed,
    /// A job ended or vanished that should run.
    JobLost,
    /// The objects of a superseded cluster were deleted.
    ToreDownCluster,
    /// The job is being cancelled without a savepoint, as `deleteMode` asks.
    ForceCanceling,
    /// Something keeps the resource from being deleted.
    DeletionBlocked,
    /// The spec cannot be deployed as it is written.
    SpecRefused,
    /// The original operator left something whose end must be seen first.
    TakeoverAwaited,
}

impl EventReason {
    /// Whether the event is a Warning; otherwise it is Normal.
    pub const fn is_warning(self) -> bool {
        match self {
            EventReason::CreateClusterFailed
            | EventReason::ClusterCreationFailed
            | EventReason::SavepointFailed
            | EventReason::JobSubmissionFailed
            | EventReason::JobMonitoringFailed
            | EventReason::DeployFailed
            | EventReason::JobLost
            | EventReason::DeletionBlocked
            | EventReason::ClusterScaleUpFailed
            | EventReason::CancelFailed
            | EventReason::RestoringWithoutExternalizedCheckpoint
            | EventReason::RecoveryFailed
            | EventReason::RollbackFailed
            | EventReason::UnsupportedChange
            | EventReason::NotScalingInPlace
            | EventReason::TeardownFailed
            | EventReason::SpecRefused => true,
            EventReason::CreatingCluster
            | EventReason::ClusterScaleUp
            | EventReason::SavepointingJob
            | EventReason::SavepointCompleted
            | EventReason::RestoringExternalizedCheckpoint
            | EventReason::RollbackSucceeded
            | EventReason::TeardownInitated
            | EventReason::TeardownCompleted
            | EventReason::CancellingJob
            | EventReason::CanceledJob
            | EventReason::JobSubmitted
            | EventReason::JobFinished
            | EventReason::TakeoverAwaited
            | EventReason::ToreDownCluster
            | EventReason::ForceCanceling => false,
        }
    }
}

impl Rule {
    /// A step that moves: the memory is committed, then the next step is taken at once.
    pub(crate) fn to(self, next: Memory) -> Step {
        Step {
            rule: self,
            next: Some(Box::new(next)),
            effects: Vec::new(),
            notes: Vec::new(),
            why: None,
            wake: Wake::OnChange,
        }
    }

    /// A step that stays: the memory is left as it is.
    pub(crate) fn stay(self) -> Step {
        Step { rule: self, next: None, effects: Vec::new(), notes: Vec::new(), why: None, wake: Wake::OnChange }
    }
}

impl Step {
    /// Adds effects; a step that moves has none.
    pub(crate) fn run(mut self, effects: impl IntoIterator<Item = Effect>) -> Self {
        if self.next.is_none() {
            self.effects.extend(effects);
        }
        self
    }

    pub(crate) fn note(mut self, reason: EventReason, message: impl Into<String>) -> Self {
        self.notes.push(Note { reason, message: message.into() });
        self
    }

    pub(crate) fn because(mut self, why: impl Into<String>) -> Self {
        self.why = Some(why.into());
        self
    }

    pub(crate) fn wake_at(mut self, at: Timestamp) -> Self {
        self.wake = Wake::At(at);
        self
    }

    /// The decision that was taken.
    pub fn rule(&self) -> Rule {
        self.rule
    }

    /// The memory to commit; None when the step stays where it is.
    pub fn next(&self) -> Option<&Memory> {
        self.next.as_deref()
    }

    /// What to perform, in this order; empty when the step moves.
    pub fn effects(&self) -> &[Effect] {
        &self.effects
    }

    /// What to tell, once the step was carried out.
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// The particulars behind [`crate::rule::Edge::when`] of this time, where there are any.
    pub fn why(&self) -> Option<&str> {
        self.why.as_deref()
    }

    /// When to look again.
    pub fn wake(&self) -> Wake {
        self.wake
    }

    /// Neither a move nor an effect: there is nothing to do but wait.
    pub fn rests(&self) -> bool {
        self.next.is_none() && self.effects.is_empty()
    }
}
