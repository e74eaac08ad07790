//! The documented machine, one edge for each rule, phase by phase.

use super::{Edge, Rule, To};
use crate::effect::EffectKind;
use crate::phase::PhaseName;

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
                &[New, Updating, Rescaling, ClusterStarting, Running, DeployFailed],
                DeployFailed,
                "The spec cannot be deployed as it is written; what runs is left alone.",
            ),
            Rule::SpecChanged => moves(
                &[Running, DeployFailed],
                Updating,
                "The spec asks for something other than what was deployed or tried last.",
            ),
            Rule::TargetReplaced => moves(
                &[
                    Updating,
                    Rescaling,
                    ClusterStarting,
                    Savepointing,
                    Cancelling,
                    Recovering,
                    SubmittingJob,
                    RollingBackJob,
                ],
                Updating,
                "The spec was edited in the middle of a deploy: the deploy begins anew with the newer spec.",
            ),
            Rule::TargetReverted => moves(
                &[Updating, Rescaling, ClusterStarting, Savepointing, Recovering, DeployFailed],
                Running,
                "The spec asks again for what is deployed, and its job was never stopped.",
            ),
            Rule::DeletionHeard => moves(
                &[
                    New,
                    Updating,
                    Rescaling,
                    ClusterStarting,
                    Savepointing,
                    Cancelling,
                    Recovering,
                    SubmittingJob,
                    RollingBackJob,
                    Running,
                    DualRunning,
                    DeployFailed,
                ],
                Deleting,
                "The application is to be deleted.",
            ),
            Rule::RollbackForced => moves(
                &[Updating, Rescaling, ClusterStarting, Savepointing, Recovering],
                DeployFailed,
                "spec.forceRollback gives the deploy up before the running job was touched.",
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
            Rule::OriginalPairTakenOver => moves(
                &[],
                DualRunning,
                "The original operator left two versions (BlueGreen): both are taken over as they run.",
            ),
            Rule::OriginalFailureTakenOver => moves(
                &[],
                DeployFailed,
                "The original operator gave a deploy up; the job before it runs, and is taken over as it runs.",
            ),
            Rule::OriginalRollbackGoesOn => moves(
                &[],
                RollingBackJob,
                "The original operator had given a deploy up and not yet started the job before it again.",
            ),
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
                &[
                    Updating,
                    Rescaling,
                    ClusterStarting,
                    SubmittingJob,
                    RollingBackJob,
                    Running,
                    DualRunning,
                    DeployFailed,
                    Deleting,
                ],
                &[],
                "The application's objects have not been seen yet.",
            ),
            Rule::FlinkAwaited => stays(
                &[Savepointing, Cancelling, Recovering, SubmittingJob, RollingBackJob, DualRunning, Deleting],
                &[],
                "The JobManager does not answer; it is asked again.",
            ),
            Rule::BackoffAwaited => stays(
                &[Updating, Savepointing, Cancelling, Recovering, SubmittingJob, RollingBackJob, DualRunning, Deleting],
                &[],
                "The last try failed; the next one waits for its time.",
            ),
            Rule::LeftoversRemoved => stays(
                &[Updating, SubmittingJob, RollingBackJob],
                &[E::DeleteDeployment, E::DeleteService],
                "Clusters of abandoned deploys are deleted before another job may start.",
            ),
            Rule::LeftoversAwaited => stays(
                &[SubmittingJob, RollingBackJob, DualRunning],
                &[],
                "A cluster that is being deleted still has pods, so its job may still run.",
            ),

            // Updating and ClusterStarting
            Rule::ClusterRequested => stays(
                &[Updating],
                &[E::CreateDeployment, E::CreateService, E::CreateIngress],
                "Objects of the new cluster are missing and are created; its TaskManagers come later.",
            ),
            Rule::AddressAwaited => stays(
                &[Updating],
                &[],
                "The JobManager's pod has no address yet; its TaskManagers are created then, or after 5 s at most.",
            ),
            Rule::TaskManagersRequested => {
                stays(&[Updating], &[E::CreateDeployment], "The TaskManagers are missing and are created, as the last.")
            }
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
                "The new cluster is ready, and the state of the stopped job is already recorded.",
            ),
            Rule::ClusterReadyToCancel => moves(
                &[ClusterStarting],
                Cancelling,
                "The new cluster is ready; the running job is cancelled, for spec.savepointDisabled wants no savepoint.",
            ),
            Rule::SecondClusterReady => moves(
                &[ClusterStarting],
                SubmittingJob,
                "The second cluster is ready, and spec.savepointDisabled wants no savepoint of the job that runs.",
            ),

            // Rescaling
            Rule::RescalingBegun => moves(
                &[Running, DeployFailed],
                Rescaling,
                "Nothing but the parallelism has changed, and scaleMode is InPlace.",
            ),
            Rule::TaskManagersScaled => stays(
                &[Rescaling, SubmittingJob, RollingBackJob, Running, DualRunning, DeployFailed],
                &[E::ScaleDeployment],
                "The cluster has another count of TaskManagers than it should have.",
            ),
            Rule::TaskManagersAwaited => {
                stays(&[Rescaling], &[], "The new TaskManagers are starting, or slots are missing.")
            }
            Rule::SurplusAwaited => stays(
                &[SubmittingJob, RollingBackJob],
                &[],
                "TaskManagers that are not needed any more go before the job is submitted.",
            ),
            Rule::RescalingTimedOut => {
                moves(&[Rescaling], DeployFailed, "The cluster did not get its TaskManagers in time.")
            }
            Rule::ClusterRescaled => moves(
                &[Rescaling],
                Savepointing,
                "The cluster has all slots that it needs; now the running job is stopped with a savepoint.",
            ),
            Rule::ClusterRescaledToCancel => moves(
                &[Rescaling],
                Cancelling,
                "The cluster has all slots that it needs; spec.savepointDisabled wants no savepoint.",
            ),

            // Savepointing
            Rule::SavepointRequested => stays(
                &[Savepointing],
                &[E::StopWithSavepoint, E::TakeSavepoint],
                "The running job is asked to stop with a savepoint (BlueGreen: for a savepoint).",
            ),
            Rule::SavepointRequestRetried => {
                again(&[Savepointing], "The request for the savepoint failed; it is made again under the same id.")
            }
            Rule::SavepointAwaited => stays(&[Savepointing], &[], "Flink takes the savepoint."),
            Rule::SavepointCompleted => moves(
                &[Savepointing],
                SubmittingJob,
                "The savepoint is complete and the job has stopped; the new job starts from it.",
            ),
            Rule::SavepointTaken => moves(
                &[Savepointing],
                SubmittingJob,
                "The savepoint is complete and the job runs on; the second job starts from it.",
            ),
            Rule::SavepointFoundInHistory => moves(
                &[Savepointing, Recovering],
                SubmittingJob,
                "The job ended with a savepoint that its checkpoint history still names; the new job starts from it.",
            ),
            Rule::SavepointRetried => {
                again(&[Savepointing], "The savepoint failed and the job still runs; it is tried again under a new id.")
            }
            Rule::SavepointGivenUp => moves(
                &[Savepointing],
                Recovering,
                "The savepoint failed in spite of all tries; the newest checkpoint may stand in for it.",
            ),
            Rule::SavepointTimedOut => {
                moves(&[Savepointing], DeployFailed, "The running job could not be stopped with a savepoint in time.")
            }
            Rule::JobAwaited => stays(
                &[Savepointing, Deleting],
                &[],
                "The job is between two states; a savepoint can be taken when it runs again.",
            ),
            Rule::JobFinishedBeforeSavepoint => moves(
                &[Savepointing, Recovering],
                SubmittingJob,
                "The job came to its own end and left no savepoint: the new one starts afresh.",
            ),
            Rule::JobEndedBeforeSavepoint => moves(
                &[Savepointing],
                Recovering,
                "The job failed or was cancelled before its savepoint; its newest checkpoint may stand in for it.",
            ),
            Rule::JobLostBeforeSavepoint => moves(
                &[Savepointing],
                Recovering,
                "The JobManager does not know the job any more; its newest checkpoint may stand in for a savepoint.",
            ),

            // Cancelling, and wherever else a job must end
            Rule::CancelRequested => stays(
                &[Cancelling, Recovering, RollingBackJob, DualRunning, Deleting],
                &[E::CancelJob],
                "A job that must end is cancelled.",
            ),
            Rule::CancelRetried => again(
                &[Cancelling, Recovering, RollingBackJob, DualRunning],
                "The request to cancel the job failed; it is made again.",
            ),
            Rule::JobEndAwaited => {
                stays(&[Cancelling, Recovering, RollingBackJob, DualRunning, Deleting], &[], "The job is going down.")
            }
            Rule::JobCancelled => {
                moves(&[Cancelling], SubmittingJob, "The job runs no more; the new one starts without its state.")
            }
            Rule::CancelGivenUp => {
                moves(&[Cancelling], DeployFailed, "The running job could not be cancelled in time.")
            }

            // Recovering
            Rule::LostJobRecovered => moves(
                &[Running, DeployFailed],
                Recovering,
                "The JobManager has forgotten the job: it is started again from its newest checkpoint.",
            ),
            Rule::StoppedJobResumed => moves(
                &[Running, DeployFailed],
                Recovering,
                "The savepoint of a deploy that was given up or taken back has stopped the job after all: it is started \
                 again from it.",
            ),
            Rule::LostJobFound => {
                moves(&[Recovering], Running, "The job is there again: its JobManager has brought it back.")
            }
            Rule::LostJobFoundAfterFailure => moves(
                &[Recovering],
                DeployFailed,
                "The job is there again, and the deploy that failed before it was lost is still not tried again.",
            ),
            Rule::CheckpointChosen => again(
                &[Recovering],
                "The job runs and its savepoints fail: it is cancelled, and its newest checkpoint stands in.",
            ),
            Rule::CheckpointRestored => {
                moves(&[Recovering], SubmittingJob, "The next job starts from the newest checkpoint.")
            }
            Rule::NothingToRestore => {
                moves(&[Recovering], SubmittingJob, "The job had no state yet: the next one starts afresh.")
            }
            Rule::StateGivenUp => moves(
                &[Recovering],
                SubmittingJob,
                "There is no state to start from, and spec.fallbackWithoutState says to start without.",
            ),
            Rule::RecoveryFailed => {
                moves(&[Recovering], DeployFailed, "There is no state to start from, so nothing is started.")
            }

            // SubmittingJob
            Rule::FinalizerRequested => stays(
                &[SubmittingJob, RollingBackJob],
                &[E::AddFinalizer],
                "The finalizer goes on before the job, so that no deletion can forget it.",
            ),
            Rule::SubmissionRequested => stays(
                &[SubmittingJob, RollingBackJob],
                &[E::SubmitJob],
                "The cluster is asked to run the job under our job id.",
            ),
            Rule::SubmissionRetried => again(
                &[SubmittingJob, RollingBackJob],
                "The submission failed in a way that may pass; it is made again under the same id.",
            ),
            Rule::SubmissionRefused => {
                moves(&[SubmittingJob], RollingBackJob, "Flink refuses the job; another try would end the same way.")
            }
            Rule::SubmissionGivenUp => {
                moves(&[SubmittingJob], RollingBackJob, "The submission failed in spite of all tries.")
            }
            Rule::SubmissionTimedOut => {
                moves(&[SubmittingJob], RollingBackJob, "The new cluster's JobManager did not take the job in time.")
            }
            Rule::JobAccepted => again(&[SubmittingJob, RollingBackJob], "Flink knows the job."),
            Rule::JobStartAwaited => stays(&[SubmittingJob, RollingBackJob], &[], "The job's tasks are starting."),
            Rule::JobVanished => again(
                &[SubmittingJob, RollingBackJob],
                "Flink has forgotten the job before its tasks ran; it is submitted again as a new attempt.",
            ),
            Rule::JobFailedToStart => {
                moves(&[SubmittingJob], RollingBackJob, "The job ended in failure before all its tasks ran.")
            }
            Rule::JobStartTimedOut => moves(&[SubmittingJob], RollingBackJob, "Not all tasks of the job ran in time."),
            Rule::JobStarted => moves(&[SubmittingJob], Running, "All tasks of the job run."),
            Rule::JobFinishedAtOnce => {
                moves(&[SubmittingJob], Running, "The job has already come to its own end, which is a good one.")
            }
            Rule::SecondJobStarted => {
                moves(&[SubmittingJob], DualRunning, "All tasks of the second job run beside the first (BlueGreen).")
            }
            Rule::RecoveredJobWatched => moves(
                &[SubmittingJob],
                Running,
                "Not all tasks of the job that was started again run yet; it is watched as it comes up.",
            ),
            Rule::JobRecoveredAfterFailure => moves(
                &[SubmittingJob],
                DeployFailed,
                "The job that was lost runs again; the deploy that failed before that is still not tried again.",
            ),
            Rule::JobNotRecovered => {
                moves(&[SubmittingJob], DeployFailed, "The job that was lost could not be started again.")
            }
            Rule::LaunchForcedBack => {
                moves(&[SubmittingJob], RollingBackJob, "spec.forceRollback gives the deploy up.")
            }

            // RollingBackJob
            Rule::FailedDeployCleared => again(
                &[RollingBackJob],
                "Nothing of the failed deploy is left; the job before it starts again from the state that it left.",
            ),
            Rule::NothingToRollBackTo => moves(
                &[RollingBackJob],
                DeployFailed,
                "No job was stopped for the deploy that failed, so none is started again.",
            ),
            Rule::RollbackBlocked => moves(
                &[RollingBackJob],
                DeployFailed,
                "The failed deploy does not go away in time, so the job before it cannot be started again.",
            ),
            Rule::RollbackSucceeded => moves(&[RollingBackJob], DeployFailed, "The job before the deploy runs again."),
            Rule::RollbackFailed => {
                moves(&[RollingBackJob], DeployFailed, "The job before the deploy could not be started again.")
            }

            // Running, DualRunning and DeployFailed
            Rule::RevisionAdopted => again(
                &[Running, DualRunning, DeployFailed],
                "The job was deployed by an earlier operator, which did not say of what; it is taken over as it runs.",
            ),
            Rule::OldClusterRemoved => stays(
                &[Running, DualRunning, DeployFailed],
                &[E::DeleteDeployment, E::DeleteService, E::DeleteIngress],
                "What belongs to no deployed revision is deleted.",
            ),
            Rule::ClusterRepaired => stays(
                &[
                    Rescaling,
                    Savepointing,
                    Cancelling,
                    Recovering,
                    SubmittingJob,
                    RollingBackJob,
                    Running,
                    DualRunning,
                    DeployFailed,
                    Deleting,
                ],
                &[E::CreateDeployment, E::CreateService, E::PointService],
                "What somebody deleted of a cluster is created again: all of it while the application rests, before \
                 that the Service without which its JobManager cannot be asked.",
            ),
            Rule::ServicePointed => stays(
                &[SubmittingJob, RollingBackJob, Running, DualRunning, DeployFailed],
                &[E::PointService],
                "The application's Service does not lead to the JobManager that it should lead to.",
            ),
            Rule::IngressMended => stays(
                &[Running, DualRunning, DeployFailed],
                &[E::CreateIngress, E::PointIngress, E::DeleteIngress],
                "The Ingress is not the one that the operator's configuration asks for.",
            ),
            Rule::HealthChanged => {
                again(&[Running, DualRunning, DeployFailed], "The health or the state of a job has changed.")
            }
            Rule::FiguresRefreshed => again(
                &[Running, DualRunning, DeployFailed],
                "The figures in the status are older than the refresh period.",
            ),
            Rule::JobRests => stays(&[Running], &[], "The spec is deployed; there is nothing to do."),
            Rule::FailureRests => stays(&[DeployFailed], &[], "The deploy failed; an edit of the spec begins another."),
            Rule::BothVersionsRest => {
                stays(&[DualRunning], &[], "Both versions run; tearDownVersionHash names the one that is to go.")
            }
            Rule::OneVersionLeft => moves(&[DualRunning], Running, "There is only one version."),
            Rule::TeardownBegun => again(&[DualRunning], "The user has named the version that is to go."),
            Rule::TornVersionRemoved => stays(
                &[DualRunning],
                &[E::DeleteDeployment, E::DeleteService, E::DeleteIngress],
                "The job of the version that is torn down runs no more; its objects are deleted.",
            ),
            Rule::TeardownCompleted => {
                moves(&[DualRunning], Running, "One version is gone; the other one is deployed.")
            }

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
            Rule::JobEnded => again(&[Deleting], "One job has ended; the next one's turn."),
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
