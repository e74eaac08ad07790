//! Every decision has a name. [`Rule::edge`] is the documented machine: the diagram, the rule table,
//! the condition messages and `transitions_total{rule}` are made of it, and a law checks each step
//! against it.

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
    StatusUnreadable,
    UnreadableReleased,
    OriginalTakenOver,
    OriginalStopped,
    OriginalBegunAnew,
    OriginalDeletionHeard,
    OriginalAwaited,
    KubernetesAwaited,
    FlinkAwaited,
    BackoffAwaited,
    LeftoversRemoved,
    LeftoversAwaited,
    ClusterRequested,
    ClusterCreationRetried,
    ClusterCreationFailed,
    ClusterCreated,
    ClusterObjectLost,
    ClusterAwaited,
    ClusterStartTimedOut,
    ClusterReady,
    FirstClusterReady,
    SavepointInHand,
    SavepointRequested,
    SavepointRequestRetried,
    SavepointAwaited,
    SavepointCompleted,
    SavepointFoundInHistory,
    SavepointRetried,
    SavepointGivenUp,
    SavepointTimedOut,
    JobAwaited,
    JobFinishedBeforeSavepoint,
    JobEndedBeforeSavepoint,
    JobLostBeforeSavepoint,
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
    RevisionAdopted,
    OldClusterRemoved,
    ClusterRepaired,
    ServicePointed,
    HealthChanged,
    FiguresRefreshed,
    JobRests,
    FailureRests,
    FinalSavepointRequested,
    FinalSavepointRequestRetried,
    FinalSavepointAwaited,
    FinalSavepointCompleted,
    FinalSavepointFoundInHistory,
    FinalSavepointRetried,
    FinalSavepointGivenUp,
    CancelRequested,
    JobEndAwaited,
    FinalizerReleased,
    DeletionBlocked,
    DeletionRests,
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

const fn stays(from: &'static [PhaseName], effects: &'static [EffectKind], when: &'static str) -> Edge {
    Edge { from, to: To::Stay, effects, when }
}

const fn again(from: &'static [PhaseName], when: &'static str) -> Edge {
    Edge { from, to: To::Same, effects: &[], when }
}

const fn moves(from: &'static [PhaseName], to: PhaseName, when: &'static str) -> Edge {
    Edge { from, to: To::Phase(to), effects: &[], when }
}

impl Rule {
    /// From, to, effects and meaning of this rule.
    pub const fn edge(self) -> Edge {
        use EffectKind as E;
        use PhaseName::*;
        match self {
            // The spec and the deletion, heard everywhere
            Rule::DeployBegun => moves(&[New], Updating, "The application is new: its first deploy begins."),
            Rule::SpecRefused => moves(
                &[New, Updating, ClusterStarting, Running, DeployFailed],
                DeployFailed,
                "The spec cannot be deployed as it is written; what runs is left alone.",
            ),
            Rule::SpecChanged => moves(
                &[Running, DeployFailed],
                Updating,
                "The spec asks for something other than what was deployed or tried last.",
            ),
            Rule::TargetReplaced => moves(
                &[Updating, ClusterStarting, Savepointing, SubmittingJob],
                Updating,
                "The spec was edited in the middle of a deploy: the deploy begins anew with the newer spec.",
            ),
            Rule::TargetReverted => moves(
                &[Updating, ClusterStarting, Savepointing, DeployFailed],
                Running,
                "The spec asks again for what is deployed, and its job was never stopped.",
            ),
            Rule::DeletionHeard => moves(
                &[New, Updating, ClusterStarting, Savepointing, SubmittingJob, Running, DeployFailed],
                Deleting,
                "The application is to be deleted.",
            ),
            Rule::StatusUnreadable => {
                stays(&[], &[], "The status says something that this version of the operator does not understand.")
            }
            Rule::UnreadableReleased => stays(
                &[],
                &[E::RemoveFinalizer],
                "The status is unreadable, but the application is to be deleted and deleteMode is None.",
            ),

            // What the original operator left in the middle of something
            Rule::OriginalTakenOver => {
                moves(&[], Running, "The original operator left a job that runs: it is taken over as it runs.")
            }
            Rule::OriginalStopped => moves(
                &[],
                DeployFailed,
                "The original operator left no job that runs; what state is known of it is kept for the next one.",
            ),
            Rule::OriginalBegunAnew => {
                moves(&[], New, "The original operator had not submitted anything yet: the deploy begins anew.")
            }
            Rule::OriginalDeletionHeard => {
                moves(&[], Deleting, "The application is to be deleted, and the original operator had not finished.")
            }
            Rule::OriginalAwaited => stays(
                &[],
                &[],
                "It is not known yet what became of the savepoint or the job that the original operator asked for.",
            ),

            // Waiting that any phase may have to do
            Rule::KubernetesAwaited => stays(
                &[Updating, ClusterStarting, Savepointing, SubmittingJob, Running, DeployFailed, Deleting],
                &[],
                "The application's objects have not been seen yet.",
            ),
            Rule::FlinkAwaited => stays(
                &[Savepointing, SubmittingJob, Deleting],
                &[],
                "The JobManager does not answer; it is asked again.",
            ),
            Rule::BackoffAwaited => stays(
                &[Updating, Savepointing, SubmittingJob, Deleting],
                &[],
                "The last try failed; the next one waits for its time.",
            ),
            Rule::LeftoversRemoved => stays(
                &[Updating, SubmittingJob],
                &[E::DeleteDeployment, E::DeleteService],
                "Clusters of abandoned deploys are deleted before another job may start.",
            ),
            Rule::LeftoversAwaited => stays(
                &[SubmittingJob],
                &[],
                "A cluster of an abandoned deploy still has pods, so its job may still run; the new one waits.",
            ),

            // Updating and ClusterStarting
            Rule::ClusterRequested => stays(
                &[Updating],
                &[E::CreateDeployment, E::CreateService, E::CreateIngress],
                "Objects of the new cluster are missing and are created.",
            ),
            Rule::ClusterCreationRetried => again(&[Updating], "An object could not be created; it is tried again."),
            Rule::ClusterCreationFailed => moves(
                &[Updating],
                DeployFailed,
                "The new cluster's objects could not be created, in spite of all tries or because of the spec.",
            ),
            Rule::ClusterCreated => moves(&[Updating], ClusterStarting, "All objects of the new cluster exist."),
            Rule::ClusterObjectLost => moves(
                &[ClusterStarting],
                Updating,
                "An object of the new cluster has disappeared and must be created again.",
            ),
            Rule::ClusterAwaited => stays(
                &[ClusterStarting],
                &[],
                "The new cluster is starting: its pods are not ready or slots are missing.",
            ),
            Rule::ClusterStartTimedOut => {
                moves(&[ClusterStarting], DeployFailed, "The new cluster did not become ready in time.")
            }
            Rule::ClusterReady => moves(
                &[ClusterStarting],
                Savepointing,
                "The new cluster is ready; now the running job is stopped with a savepoint.",
            ),
            Rule::FirstClusterReady => {
                moves(&[ClusterStarting], SubmittingJob, "The cluster is ready and there is no earlier job.")
            }
            Rule::SavepointInHand => moves(
                &[ClusterStarting],
                SubmittingJob,
                "The new cluster is ready, and the savepoint of the stopped job is already recorded.",
            ),

            // Savepointing
            Rule::SavepointRequested => {
                stays(&[Savepointing], &[E::StopWithSavepoint], "The running job is asked to stop with a savepoint.")
            }
            Rule::SavepointRequestRetried => {
                again(&[Savepointing], "The request for the savepoint failed; it is made again under the same id.")
            }
            Rule::SavepointAwaited => stays(&[Savepointing], &[], "Flink takes the savepoint."),
            Rule::SavepointCompleted => moves(
                &[Savepointing],
                SubmittingJob,
                "The savepoint is complete and the job has stopped; the new job starts from it.",
            ),
            Rule::SavepointFoundInHistory => moves(
                &[Savepointing],
                SubmittingJob,
                "The job ended with a savepoint that its checkpoint history still names; the new job starts from it.",
            ),
            Rule::SavepointRetried => {
                again(&[Savepointing], "The savepoint failed and the job still runs; it is tried again under a new id.")
            }
            Rule::SavepointGivenUp => {
                moves(&[Savepointing], DeployFailed, "The savepoint failed in spite of all tries; the job runs on.")
            }
            Rule::SavepointTimedOut => {
                moves(&[Savepointing], DeployFailed, "The running job could not be stopped with a savepoint in time.")
            }
            Rule::JobAwaited => stays(
                &[Savepointing, Deleting],
                &[],
                "The job is between two states; a savepoint can be taken when it runs again.",
            ),
            Rule::JobFinishedBeforeSavepoint => moves(
                &[Savepointing],
                SubmittingJob,
                "The job came to its own end and left no savepoint: the new one starts afresh.",
            ),
            Rule::JobEndedBeforeSavepoint => moves(
                &[Savepointing],
                DeployFailed,
                "The job failed or was cancelled before its savepoint, so its newest state is not in a savepoint.",
            ),
            Rule::JobLostBeforeSavepoint => moves(
                &[Savepointing],
                DeployFailed,
                "The JobManager does not know the job any more, so no savepoint can be taken of it.",
            ),

            // SubmittingJob
            Rule::FinalizerRequested => stays(
                &[SubmittingJob],
                &[E::AddFinalizer],
                "The finalizer goes on before the job, so that no deletion can forget it.",
            ),
            Rule::SubmissionRequested => {
                stays(&[SubmittingJob], &[E::SubmitJob], "The cluster is asked to run the job under our job id.")
            }
            Rule::SubmissionRetried => again(
                &[SubmittingJob],
                "The submission failed in a way that may pass; it is made again under the same id.",
            ),
            Rule::SubmissionRefused => {
                moves(&[SubmittingJob], DeployFailed, "Flink refuses the job; another try would end the same way.")
            }
            Rule::SubmissionGivenUp => {
                moves(&[SubmittingJob], DeployFailed, "The submission failed in spite of all tries.")
            }
            Rule::SubmissionTimedOut => {
                moves(&[SubmittingJob], DeployFailed, "The new cluster's JobManager did not take the job in time.")
            }
            Rule::JobAccepted => again(&[SubmittingJob], "Flink knows the job."),
            Rule::JobStartAwaited => stays(&[SubmittingJob], &[], "The job's tasks are starting."),
            Rule::JobVanished => again(
                &[SubmittingJob],
                "Flink has forgotten the job before its tasks ran; it is submitted again as a new attempt.",
            ),
            Rule::JobFailedToStart => {
                moves(&[SubmittingJob], DeployFailed, "The job ended in failure before all its tasks ran.")
            }
            Rule::JobStartTimedOut => moves(&[SubmittingJob], DeployFailed, "Not all tasks of the job ran in time."),
            Rule::JobStarted => moves(&[SubmittingJob], Running, "All tasks of the job run."),
            Rule::JobFinishedAtOnce => {
                moves(&[SubmittingJob], Running, "The job has already come to its own end, which is a good one.")
            }

            // Running and DeployFailed
            Rule::RevisionAdopted => again(
                &[Running, DeployFailed],
                "The job was deployed by an earlier operator, which did not say of what; it is taken over as it runs.",
            ),
            Rule::OldClusterRemoved => stays(
                &[Running, DeployFailed],
                &[E::DeleteDeployment, E::DeleteService],
                "Clusters other than the deployed one are deleted.",
            ),
            Rule::ClusterRepaired => stays(
                &[Running],
                &[E::CreateDeployment, E::CreateService, E::CreateIngress],
                "Objects of the deployed cluster have disappeared and are created again.",
            ),
            Rule::ServicePointed => stays(
                &[SubmittingJob, Running],
                &[E::PointService],
                "The application's Service does not lead to the JobManager that it should lead to.",
            ),
            Rule::HealthChanged => again(&[Running, DeployFailed], "The health or the state of the job has changed."),
            Rule::FiguresRefreshed => {
                again(&[Running, DeployFailed], "The figures in the status are older than the refresh period.")
            }
            Rule::JobRests => stays(&[Running], &[], "The spec is deployed; there is nothing to do."),
            Rule::FailureRests => stays(&[DeployFailed], &[], "The deploy failed; an edit of the spec begins another."),

            // Deleting
            Rule::FinalSavepointRequested => stays(
                &[Deleting],
                &[E::StopWithSavepoint],
                "The job is asked to stop with a savepoint before everything goes.",
            ),
            Rule::FinalSavepointRequestRetried => {
                again(&[Deleting], "The request to end the job failed; it is made again under the same id.")
            }
            Rule::FinalSavepointAwaited => stays(&[Deleting], &[], "Flink takes the last savepoint."),
            Rule::FinalSavepointCompleted => {
                again(&[Deleting], "The last savepoint is complete and the job has stopped.")
            }
            Rule::FinalSavepointFoundInHistory => {
                again(&[Deleting], "The job ended with a savepoint that its checkpoint history still names.")
            }
            Rule::FinalSavepointRetried => again(
                &[Deleting],
                "The last savepoint failed and the job still runs; it is tried again under a new id.",
            ),
            Rule::FinalSavepointGivenUp => again(
                &[Deleting],
                "The last savepoint failed in spite of all tries; the job runs on and the deletion waits.",
            ),
            Rule::CancelRequested => stays(
                &[Deleting],
                &[E::CancelJob],
                "deleteMode is ForceCancel: the job is cancelled without a savepoint.",
            ),
            Rule::JobEndAwaited => stays(&[Deleting], &[], "The job is going down."),
            Rule::FinalizerReleased => stays(
                &[Deleting],
                &[E::RemoveFinalizer],
                "No job runs any more, or deleteMode says not to care: Kubernetes may collect everything.",
            ),
            Rule::DeletionBlocked => stays(
                &[Deleting],
                &[],
                "The job could not be stopped with a savepoint. Set deleteMode to ForceCancel or None to delete without one.",
            ),
            Rule::DeletionRests => stays(&[Deleting], &[], "Our finalizer is off; others hold the application."),
        }
    }
}
