//! Every decision has a name. [`Rule::edge`] is the documented machine: the diagram, the rule table,
//! the condition messages and `transitions_total{rule}` are made of it, and a law checks each step
//! against it.

mod edges;

use serde::{Deserialize, Serialize};

use crate::effect::EffectKind;
use crate::phase::PhaseName;

/// A decision of the machine.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    strum::Display,
    strum::EnumIter,
    strum::EnumString,
    strum::IntoStaticStr,
)]
#[allow(missing_docs, reason = "edge() says what each one means")]
pub enum Rule {
    DeployBegun,
    SpecRefused,
    SpecChanged,
    TargetReplaced,
    TargetReverted,
    DeletionHeard,
    RollbackForced,
    StatusUnreadable,
    UnreadableReleased,
    OriginalTakenOver,
    OriginalPairTakenOver,
    OriginalFailureTakenOver,
    OriginalStopped,
    OriginalRollbackGoesOn,
    OriginalBegunAnew,
    OriginalDeletionHeard,
    OriginalAwaited,
    KubernetesAwaited,
    FlinkAwaited,
    BackoffAwaited,
    LeftoversRemoved,
    LeftoversAwaited,
    ClusterRequested,
    AddressAwaited,
    TaskManagersRequested,
    ClusterCreationRetried,
    ClusterCreationFailed,
    ClusterCreated,
    ClusterObjectLost,
    ClusterAwaited,
    ClusterStartTimedOut,
    ClusterReady,
    FirstClusterReady,
    ClusterReadyToCancel,
    SecondClusterReady,
    SavepointInHand,
    RescalingBegun,
    TaskManagersScaled,
    TaskManagersAwaited,
    SurplusAwaited,
    RescalingTimedOut,
    ClusterRescaled,
    ClusterRescaledToCancel,
    SavepointRequested,
    SavepointRequestRetried,
    SavepointAwaited,
    SavepointCompleted,
    SavepointTaken,
    SavepointFoundInHistory,
    SavepointRetried,
    SavepointGivenUp,
    SavepointTimedOut,
    JobAwaited,
    JobFinishedBeforeSavepoint,
    JobEndedBeforeSavepoint,
    JobLostBeforeSavepoint,
    CancelRequested,
    CancelRetried,
    JobEndAwaited,
    JobCancelled,
    CancelGivenUp,
    LostJobRecovered,
    StoppedJobResumed,
    LostJobFound,
    LostJobFoundAfterFailure,
    CheckpointChosen,
    CheckpointRestored,
    NothingToRestore,
    StateGivenUp,
    RecoveryFailed,
    FinalizerRequested,
    SubmissionRequested,
    SubmissionRetried,
    SubmissionRefused,
    SubmissionGivenUp,
    SubmissionTimedOut,
    JobAccepted,
    JobStartAwaited,
    JobVanished,
    JobFailedToStart,
    JobStartTimedOut,
    JobStarted,
    JobFinishedAtOnce,
    SecondJobStarted,
    RecoveredJobWatched,
    JobRecoveredAfterFailure,
    JobNotRecovered,
    LaunchForcedBack,
    FailedDeployCleared,
    NothingToRollBackTo,
    RollbackBlocked,
    RollbackSucceeded,
    RollbackFailed,
    RevisionAdopted,
    OldClusterRemoved,
    ClusterRepaired,
    ServicePointed,
    IngressMended,
    HealthChanged,
    FiguresRefreshed,
    JobRests,
    FailureRests,
    BothVersionsRest,
    OneVersionLeft,
    TeardownBegun,
    TornVersionRemoved,
    TeardownCompleted,
    FinalSavepointRequested,
    FinalSavepointRequestRetried,
    FinalSavepointAwaited,
    FinalSavepointCompleted,
    FinalSavepointFoundInHistory,
    FinalSavepointRetried,
    FinalSavepointGivenUp,
    JobEnded,
    FinalizerReleased,
    DeletionBlocked,
    DeletionRests,
}

impl Rule {
    /// Whether it changes nothing but what the status tells of the cluster and the job.
    pub const fn only_tells(self) -> bool {
        matches!(self, Self::HealthChanged | Self::FiguresRefreshed)
    }
}

/// Where a rule leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum To {
    /// Nowhere: the memory stays as it is.
    Stay,
    /// The same phase with other data.
    Same,
    /// Another phase, or the same one entered anew.
    Phase(PhaseName),
}

/// The declared shape of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edge {
    /// The phases in which it can fire; empty where no phase is known.
    pub from: &'static [PhaseName],
    /// Where it leads.
    pub to: To,
    /// The effects that it may have.
    pub effects: &'static [EffectKind],
    /// When it fires, as a sentence that a user can read.
    pub when: &'static str,
}
