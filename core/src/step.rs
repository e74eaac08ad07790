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
    /// At this time at the latest; after effects, at this time.
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

/// The original's event reasons (contract section 5), and six that it lacked: `SpecRefused`, `SpecWarning`, `JobLost`,
/// `DeletionBlocked`, `TakeoverAwaited` and `AnotherOperator`. Their documentation is the page docs/events.md.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, strum::Display, strum::EnumIter, strum::EnumMessage,
)]
pub enum EventReason {
    /// Objects of a new cluster were created.
    CreatingCluster,
    /// An object of a new cluster could not be created; it is tried again.
    CreateClusterFailed,
    /// A new cluster could not be created, or did not become ready in time.
    ClusterCreationFailed,
    /// The running cluster gets another count of TaskManagers.
    ClusterScaleUp,
    /// The running cluster did not get its new TaskManagers in time; the job runs on as it was.
    ClusterScaleUpFailed,
    /// A savepoint is being taken of a job that runs on (BlueGreen).
    SavepointingJob,
    /// The savepoint of a job that runs on is complete (BlueGreen); the message has its path.
    SavepointCompleted,
    /// The running job is being stopped with a savepoint, for an update.
    CancellingJob,
    /// The job was stopped; the message has the path of its savepoint, if there is one.
    CanceledJob,
    /// A savepoint failed, or was given up; the message has Flink's cause.
    SavepointFailed,
    /// The running job could not be cancelled for an update.
    CancelFailed,
    /// The newest checkpoint stands in for a savepoint; the message has its path.
    RestoringExternalizedCheckpoint,
    /// There is no state to start from, and `fallbackWithoutState` says to start without.
    RestoringWithoutExternalizedCheckpoint,
    /// There is no state to start from, so nothing is started.
    RecoveryFailed,
    /// The job before a failed deploy runs again.
    RollbackSucceeded,
    /// The job before a failed deploy could not be started again: no job runs.
    RollbackFailed,
    /// `deploymentMode` of a live application was changed, which is refused.
    UnsupportedChange,
    /// `scaleMode: InPlace` is refused for this application.
    NotScalingInPlace,
    /// A version is being torn down (BlueGreen). The spelling is the original's.
    TeardownInitated,
    /// The job of a version that is torn down could not be cancelled; it is tried again.
    TeardownFailed,
    /// A version was torn down (BlueGreen).
    TeardownCompleted,
    /// Flink accepted the job.
    JobSubmitted,
    /// The job could not be submitted; the message has Flink's cause.
    JobSubmissionFailed,
    /// The tasks of a new job failed, or did not all run in time.
    JobMonitoringFailed,
    /// The job came to its own end, which is a good one.
    JobFinished,
    /// A deploy was given up; the message says why, what runs now, and what to do.
    DeployFailed,
    /// A job that should run has ended, or its JobManager does not know it any more.
    JobLost,
    /// The objects of a superseded cluster were deleted.
    ToreDownCluster,
    /// A job is being cancelled without a savepoint: as `deleteMode` asks, or with a version that is torn down.
    ForceCanceling,
    /// Something keeps the application from being deleted; the message says what, and how to go on.
    DeletionBlocked,
    /// The spec cannot be deployed as it is written; what runs is left alone.
    SpecRefused,
    /// The original operator left something whose end must be seen first; the message says what, and how to go on.
    TakeoverAwaited,
    /// The spec is deployed, and something in it is hardly meant.
    SpecWarning,
    /// The status could not be written, so nothing is done until it can be.
    HandleFailed,
    /// Another installation of the operator acts on the application too; the message names it, and says what to do.
    AnotherOperator,
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
            | EventReason::SpecRefused
            | EventReason::SpecWarning
            | EventReason::HandleFailed
            | EventReason::AnotherOperator => true,
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

    /// When to look again. After effects that is at once, unless a time is named: then it is at that time, if all of them
    /// were performed.
    pub fn wake(&self) -> Wake {
        self.wake
    }

    /// Neither a move nor an effect: there is nothing to do but wait.
    pub fn rests(&self) -> bool {
        self.next.is_none() && self.effects.is_empty()
    }
}
