//! From one running job to the next, through a savepoint.

use flink_operator_core::phase::PhaseName;
use flink_operator_core::rule::Rule;
use flink_operator_fixtures::door::{Fault, Life, Moment};
use flink_operator_fixtures::model::flink::{Ending, SavepointFault, Throwable};
use serde_json::json;

use super::*;

fn savepoint_fails() -> SavepointFault {
    SavepointFault::Fails(Throwable::new("java.io.IOException", "No space left on device"))
}

pub fn an_upgrade_goes_through_a_savepoint() -> Life {
    let mut life = edited();
    let before = life.deployed().unwrap();
    fire(&mut life, Rule::JobStarted);
    let progress = saved_progress(&life);
    assert!(progress > 20_000, "the first job ran for half a minute: {progress}");
    assert_eq!(restored_progress(&life), Some(progress));
    life.run_for(MINUTE);
    let after = life.deployed().unwrap();
    assert_ne!(before.job, after.job);
    assert_eq!(after.revision.job.program_args, "--topic returns");
    assert!(life.rules().contains(&Rule::OldClusterRemoved));
    one_job_runs(&life);
    assert_eq!(life.submissions(), 2);
    life
}

pub fn a_savepoint_that_fails_three_times_falls_back_to_the_checkpoint() -> Life {
    let mut life = edited();
    let before = life.deployed().unwrap();
    for _ in 0..3 {
        life.on_next_savepoint(savepoint_fails());
    }
    fire(&mut life, Rule::SavepointGivenUp);
    fire(&mut life, Rule::CheckpointChosen);
    fire(&mut life, Rule::CheckpointRestored);
    reach(&mut life, PhaseName::Running);
    let after = life.deployed().unwrap();
    assert_ne!(before.job, after.job);
    assert!(after.restored_from.unwrap().contains("/chk-"));
    assert!(restored_progress(&life) > Some(20_000));
    one_job_runs(&life);
    life
}

pub fn a_savepoint_that_fails_once_is_tried_again() -> Life {
    let mut life = edited();
    life.on_next_savepoint(savepoint_fails());
    reach(&mut life, PhaseName::SubmittingJob);
    assert!(life.rules().contains(&Rule::SavepointRetried));
    reach(&mut life, PhaseName::Running);
    one_job_runs(&life);
    life
}

pub fn a_savepoint_that_hangs_fails_the_upgrade() -> Life {
    let mut life = edited();
    life.on_next_savepoint(SavepointFault::Hangs);
    reach(&mut life, PhaseName::DeployFailed);
    assert_eq!(failure(&life).reason, "SavepointTimedOut");
    one_job_runs(&life);
    life
}

/// The deploy was given up after half an hour, and its savepoint takes ten minutes more.
pub fn given_up_before_its_savepoint() -> Life {
    let mut life = edited();
    life.on_next_savepoint(SavepointFault::Takes(40 * 60_000));
    reach(&mut life, PhaseName::DeployFailed);
    life
}

/// The deploy that asked for the savepoint was given up long ago.
pub fn a_savepoint_that_completes_too_late_starts_the_job_again() -> Life {
    let mut life = given_up_before_its_savepoint();
    fire(&mut life, Rule::StoppedJobResumed);
    fire(&mut life, Rule::JobRecoveredAfterFailure);
    assert_eq!(restored_progress(&life), Some(saved_progress(&life)));
    life.run_for(10 * MINUTE);
    assert_eq!(failure(&life).reason, "SavepointTimedOut", "the deploy is not tried again by itself");
    one_job_runs(&life);
    life
}

pub fn after_a_savepoint_that_completed_too_late_going_back_restarts_nothing() -> Life {
    let mut life = given_up_before_its_savepoint();
    life.run_for(30 * MINUTE);
    let before = life.submissions();
    life.edit(arguments("--topic orders")).unwrap();
    reach(&mut life, PhaseName::Running);
    life.run_for(10 * MINUTE);
    one_job_runs(&life);
    assert_eq!(life.submissions(), before);
    life
}

pub fn a_savepoint_is_found_in_the_history_when_the_operator_was_away() -> Life {
    let mut life = upgrading(PhaseName::Savepointing);
    fire(&mut life, Rule::SavepointRequested);
    life.crash(10 * MINUTE);
    fire(&mut life, Rule::SavepointFoundInHistory);
    reach(&mut life, PhaseName::Running);
    assert_eq!(restored_progress(&life), Some(saved_progress(&life)));
    life
}

pub fn a_job_that_restarts_is_awaited_before_its_savepoint() -> Life {
    let mut life = new();
    life.flinks.settings.delays.restart = 20_000;
    reach(&mut life, PhaseName::Running);
    life.run_for(30 * SECOND);
    life.edit(arguments("--topic returns")).unwrap();
    life.fail_job();
    fire(&mut life, Rule::JobAwaited);
    reach(&mut life, PhaseName::Running);
    assert_eq!(restored_progress(&life), Some(saved_progress(&life)));
    life
}

/// Flink shows the job as RUNNING for seconds after it began to restart, so the first savepoint fails.
pub fn a_job_that_restarts_for_a_moment_does_not_fail_the_upgrade() -> Life {
    let mut life = upgrading(PhaseName::Savepointing);
    life.fail_job();
    fire(&mut life, Rule::SavepointRetried);
    reach(&mut life, PhaseName::SubmittingJob);
    reach(&mut life, PhaseName::Running);
    assert_eq!(restored_progress(&life), Some(saved_progress(&life)));
    life
}

pub fn a_job_that_came_to_its_end_is_followed_by_a_fresh_one() -> Life {
    let mut life = running();
    life.end_job(Ending::Finished);
    life.run_for(2 * MINUTE);
    assert_eq!(life.submissions(), 1, "a job that is done is not started again");
    life.edit(arguments("--topic returns")).unwrap();
    fire(&mut life, Rule::JobFinishedBeforeSavepoint);
    reach(&mut life, PhaseName::Running);
    assert_eq!(restored_progress(&life), None);
    life
}

pub fn a_job_that_was_cancelled_by_hand_is_followed_from_its_checkpoint() -> Life {
    let mut life = running();
    life.end_job(Ending::Canceled);
    life.run_for(2 * MINUTE);
    assert_eq!(life.submissions(), 1, "who cancels a job by hand wants it to stay so");
    life.edit(arguments("--topic returns")).unwrap();
    fire(&mut life, Rule::JobEndedBeforeSavepoint);
    reach(&mut life, PhaseName::Running);
    assert!(life.deployed().unwrap().restored_from.unwrap().contains("/chk-"));
    one_job_runs(&life);
    life
}

pub fn a_job_that_is_forgotten_in_mid_upgrade_is_followed_from_its_checkpoint() -> Life {
    let mut life = new();
    life.flinks.settings.checkpointing.retained = 20;
    reach(&mut life, PhaseName::Running);
    life.run_for(MINUTE);
    life.edit(arguments("--topic returns")).unwrap();
    reach(&mut life, PhaseName::Savepointing);
    let deployed = life.deployed().unwrap().revision.id;
    life.restart_jobmanager(&deployed);
    fire(&mut life, Rule::JobLostBeforeSavepoint);
    reach(&mut life, PhaseName::Running);
    assert!(life.deployed().unwrap().restored_from.unwrap().contains("/chk-"));
    one_job_runs(&life);
    life
}

pub fn a_revert_before_the_savepoint_changes_nothing() -> Life {
    let mut life = upgrading(PhaseName::ClusterStarting);
    let before = life.deployed().unwrap();
    life.edit(arguments("--topic orders")).unwrap();
    fire(&mut life, Rule::TargetReverted);
    life.run_for(2 * MINUTE);
    assert!(is_running(&life));
    assert_eq!(life.deployed().unwrap(), before);
    one_job_runs(&life);
    life
}

pub fn an_edit_after_the_savepoint_starts_from_it() -> Life {
    let mut life = upgrading(PhaseName::SubmittingJob);
    life.edit(arguments("--topic mended")).unwrap();
    fire(&mut life, Rule::SavepointInHand);
    reach(&mut life, PhaseName::Running);
    assert_eq!(restored_progress(&life), Some(saved_progress(&life)));
    assert_eq!(life.submissions(), 2);
    life
}

pub fn a_lost_stop_request_is_made_again() -> Life {
    let mut life = upgrading(PhaseName::Savepointing);
    life.faults.insert(life.deeds(), Fault::Lost(Moment::Before));
    fire(&mut life, Rule::SavepointRequestRetried);
    fire(&mut life, Rule::BackoffAwaited);
    reach(&mut life, PhaseName::Running);
    assert_eq!(restored_progress(&life), Some(saved_progress(&life)));
    life
}

pub fn a_jobmanager_that_is_silent_during_the_savepoint_is_awaited() -> Life {
    let mut life = upgrading(PhaseName::Savepointing);
    life.cut_off.insert(life.deployed().unwrap().revision.id);
    fire(&mut life, Rule::FlinkAwaited);
    life.run_for(MINUTE);
    assert_eq!(phase_of(&life), Some(PhaseName::Savepointing));
    life.cut_off.clear();
    reach(&mut life, PhaseName::Running);
    assert_eq!(restored_progress(&life), Some(saved_progress(&life)));
    life
}

pub fn edits_that_do_not_shape_the_job_change_nothing() -> Life {
    let mut life = running();
    let before = life.deployed().unwrap();
    life.edit(delete_mode("ForceCancel")).unwrap();
    life.edit(json!({ "metadata": { "labels": { "team": "payments" } } })).unwrap();
    life.run_for(2 * MINUTE);
    assert_eq!(life.deployed().unwrap(), before);
    assert!(!life.rules().contains(&Rule::SpecChanged));
    life
}
