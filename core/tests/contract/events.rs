//! The events (section 5).

use flink_operator_core::rule::Rule;
use flink_operator_core::snapshot::Snapshot;
use flink_operator_core::step;
use flink_operator_core::step::EventReason;
use flink_operator_fixtures::door::Life;
use serde_json::json;
use strum::IntoEnumIterator as _;

use crate::recorded;
use crate::stories::*;

fn told(snapshot: &Snapshot) -> Vec<String> {
    step(snapshot).notes().iter().map(|note| note.reason.to_string()).collect()
}

/// A story, and the reasons that its rules tell.
type Told<'a> = (fn() -> Life, &'a [(Rule, &'a [&'a str])]);

fn check(stories: &[Told]) {
    for (story, rules) in stories {
        let life = story();
        for (rule, reasons) in *rules {
            assert_eq!(told(&recorded(&life, *rule)), *reasons, "{rule}");
        }
    }
}

#[test]
fn reasons_are_spelt_and_weighed_as_the_original_did() {
    let normal = [
        "CreatingCluster",
        "ClusterScaleUp",
        "SavepointingJob",
        "CancellingJob",
        "SavepointCompleted",
        "CanceledJob",
        "RestoringExternalizedCheckpoint",
        "JobSubmitted",
        "JobFinished",
        "RollbackSucceeded",
        "TeardownInitated",
        "ForceCanceling",
        "ToreDownCluster",
    ];
    let warnings = [
        "CreateClusterFailed",
        "ClusterCreationFailed",
        "ClusterScaleUpFailed",
        "SavepointFailed",
        "CancelFailed",
        "RecoveryFailed",
        "RestoringWithoutExternalizedCheckpoint",
        "JobSubmissionFailed",
        "JobMonitoringFailed",
        "DeployFailed",
        "RollbackFailed",
        "UnsupportedChange",
        "NotScalingInPlace",
        "TeardownFailed",
        "HandleFailed",
    ];
    let spelt = |warning: bool| {
        EventReason::iter().filter(move |it| it.is_warning() == warning).map(|it| it.to_string()).collect::<Vec<_>>()
    };
    assert!(normal.iter().all(|reason| spelt(false).iter().any(|it| it == reason)), "{:?}", spelt(false));
    assert!(warnings.iter().all(|reason| spelt(true).iter().any(|it| it == reason)), "{:?}", spelt(true));
    // What is ours: six new ones, and one that is no warning any more.
    assert_eq!(EventReason::iter().count(), normal.len() + warnings.len() + 7);
}

#[test]
fn an_update_tells_its_way() {
    check(&[
        (
            upgrading::an_upgrade_goes_through_a_savepoint,
            &[
                (Rule::ClusterCreated, &["CreatingCluster"]),
                (Rule::ClusterReady, &["CancellingJob"]),
                (Rule::SavepointCompleted, &["CanceledJob"]),
                (Rule::JobAccepted, &["JobSubmitted"]),
                (Rule::OldClusterRemoved, &["ToreDownCluster"]),
            ],
        ),
        (deploying::a_job_that_is_done_at_once_counts_as_deployed, &[(Rule::JobFinishedAtOnce, &["JobFinished"])]),
        (scaling::more_parallelism_in_place_keeps_the_cluster, &[(Rule::RescalingBegun, &["ClusterScaleUp"])]),
    ]);
}

#[test]
fn a_deploy_that_fails_tells_why_and_that_it_failed() {
    check(&[
        (deploying::lost_requests_are_made_again, &[(Rule::ClusterCreationRetried, &["CreateClusterFailed"])]),
        (
            deploying::a_cluster_that_does_not_start_fails_the_deploy,
            &[(Rule::ClusterStartTimedOut, &["ClusterCreationFailed", "DeployFailed"])],
        ),
        (
            scaling::a_scale_up_without_room_leaves_the_job_alone,
            &[(Rule::RescalingTimedOut, &["ClusterScaleUpFailed", "DeployFailed"])],
        ),
        (
            deploying::a_submission_that_never_arrives_is_given_up,
            &[(Rule::SubmissionRetried, &["JobSubmissionFailed"]), (Rule::SubmissionGivenUp, &["JobSubmissionFailed"])],
        ),
        (deploying::a_job_without_slots_fails_the_deploy, &[(Rule::JobStartTimedOut, &["JobMonitoringFailed"])]),
        (
            rolling_back::a_job_that_cannot_be_cancelled_keeps_running,
            &[(Rule::CancelGivenUp, &["CancelFailed", "DeployFailed"])],
        ),
    ]);
}

#[test]
fn rollback_and_recovery_tell_what_became_of_the_job() {
    check(&[
        (
            refusals::a_bad_program_is_rolled_back_and_the_root_cause_is_told,
            &[
                (Rule::SubmissionRefused, &["JobSubmissionFailed"]),
                (Rule::RollbackSucceeded, &["RollbackSucceeded", "DeployFailed"]),
            ],
        ),
        (
            rolling_back::a_rollback_that_fails_says_that_no_job_runs_and_a_new_spec_gets_a_try,
            &[(Rule::RollbackFailed, &["RollbackFailed", "DeployFailed"])],
        ),
        (
            upgrading::a_savepoint_that_fails_three_times_falls_back_to_the_checkpoint,
            &[
                (Rule::SavepointRetried, &["SavepointFailed"]),
                (Rule::SavepointGivenUp, &["SavepointFailed"]),
                (Rule::CheckpointRestored, &["RestoringExternalizedCheckpoint"]),
            ],
        ),
        (
            recovering::a_checkpoint_that_is_too_old_is_not_restored,
            &[(Rule::RecoveryFailed, &["RecoveryFailed", "DeployFailed"])],
        ),
        (
            recovering::a_job_may_start_without_state_where_the_user_says_so,
            &[(Rule::StateGivenUp, &["RestoringWithoutExternalizedCheckpoint"])],
        ),
    ]);
}

#[test]
fn two_versions_tell_of_their_savepoint_and_their_teardown() {
    check(&[
        (
            blue_green::two_versions_run_until_one_is_torn_down,
            &[
                (Rule::ClusterReady, &["SavepointingJob"]),
                (Rule::SavepointTaken, &["SavepointCompleted"]),
                (Rule::TeardownBegun, &["TeardownInitated"]),
                (Rule::CancelRequested, &["ForceCanceling"]),
                (Rule::TornVersionRemoved, &["ToreDownCluster"]),
                (Rule::TeardownCompleted, &["TeardownCompleted"]),
            ],
        ),
        (
            blue_green::a_version_whose_job_cannot_be_cancelled_at_once_is_torn_down_later,
            &[(Rule::CancelRetried, &["TeardownFailed"])],
        ),
        (
            blue_green::a_mode_is_not_switched_on_a_live_application,
            &[(Rule::SpecRefused, &["UnsupportedChange", "DeployFailed"])],
        ),
    ]);
}

#[test]
fn two_versions_are_not_scaled_in_place() {
    // The API server refuses it; this one is older than the rule.
    let mut written = serde_json::to_value(recorded(&running(), Rule::DeployBegun)).unwrap();
    written["application"]["spec"]["deploymentMode"] = "BlueGreen".into();
    written["application"]["spec"]["scaleMode"] = "InPlace".into();
    let snapshot: Snapshot = serde_json::from_value(written).unwrap();
    assert_eq!(
        (step(&snapshot).rule(), told(&snapshot)),
        (Rule::SpecRefused, vec!["NotScalingInPlace".into(), "DeployFailed".into()])
    );
}

#[test]
fn what_is_hardly_meant_is_told_when_the_deploy_begins() {
    let mut manifest = manifest();
    manifest["spec"]["flinkConfig"] = json!({ "blob.server.port": 1 });
    let mut life = Life::begin(manifest).unwrap();
    fire(&mut life, Rule::DeployBegun);
    let snapshot = recorded(&life, Rule::DeployBegun);
    assert_eq!(told(&snapshot), ["SpecWarning"]);
    let step = step(&snapshot);
    assert!(step.notes()[0].message.contains("spec.flinkConfig[\"blob.server.port\"]"), "{:?}", step.notes());
}
