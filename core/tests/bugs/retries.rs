//! Bookkeeping of retries (B-01 to B-10).

use flink_operator_core::phase::{Phase, PhaseName};
use flink_operator_core::rule::Rule;
use flink_operator_fixtures::model::flink::SavepointFault;
use serde_json::Value;

use crate::stories::rolling_back::force;
use crate::stories::*;
use crate::{lose_every_other_deed, savepoint_fails, status, times};

#[test]
fn a_request_that_always_fails_is_made_with_growing_pauses_and_not_for_ever() {
    let mut life = new();
    reach(&mut life, PhaseName::Updating);
    let (begun, deeds) = (life.now(), life.deeds());
    lose_every_other_deed(&mut life, 0, 1_000);
    fire(&mut life, Rule::ClusterCreationRetried);
    let error = &status(&life)["lastSeenError"];
    assert!(error["lastErrorUpdateTime"].is_string(), "the API server keeps the clock of the retries: {error}");
    assert_eq!(status(&life)["retryCount"], 1);
    reach(&mut life, PhaseName::DeployFailed);
    assert_eq!(failure(&life).reason, "ClusterCreationFailed");
    assert!(life.deeds() - deeds < 40, "{}", life.deeds() - deeds);
    assert!(life.now() - begun > 2 * MINUTE);
}

#[test]
fn tries_that_one_phase_used_up_are_not_missing_in_the_next() {
    let mut life = new();
    reach(&mut life, PhaseName::Updating);
    lose_every_other_deed(&mut life, 0, 10);
    reach(&mut life, PhaseName::SubmittingJob);
    assert_eq!(status(&life)["retryCount"], 0);
    life.faults.clear();
    lose_every_other_deed(&mut life, 1, 10);
    reach(&mut life, PhaseName::Running);
    assert!(times(&life, Rule::ClusterCreationRetried) >= 10 && times(&life, Rule::SubmissionRetried) >= 9);
    assert_eq!((&status(&life)["retryCount"], &status(&life)["lastSeenError"]), (&0.into(), &Value::Null));
}

#[test]
fn a_first_deploy_whose_tries_are_used_up_fails_and_an_edit_begins_another() {
    let mut life = new();
    reach(&mut life, PhaseName::Updating);
    lose_every_other_deed(&mut life, 0, 1_000);
    reach(&mut life, PhaseName::DeployFailed);
    life.faults.clear();
    life.run_for(10 * MINUTE);
    assert_eq!(life.rules().last(), Some(&Rule::FailureRests));
    life.edit(arguments("--topic mended")).unwrap();
    reach(&mut life, PhaseName::Running);
    one_job_runs(&life);
}

#[test]
fn a_deletion_tries_a_few_savepoints_with_pauses_and_no_more() {
    let mut life = running();
    for _ in 0..100 {
        life.on_next_savepoint(savepoint_fails());
    }
    let begun = life.now();
    life.delete_application();
    fire(&mut life, Rule::DeletionBlocked);
    assert!(life.now() - begun > 5 * SECOND, "{} ms", life.now() - begun);
    life.run_for(60 * MINUTE);
    assert_eq!(times(&life, Rule::FinalSavepointRequested), 3);
    one_job_runs(&life);
}

#[test]
fn a_first_job_that_flink_refuses_is_submitted_once() {
    let mut life = new();
    life.edit(entry_class("shop.Throws")).unwrap();
    reach(&mut life, PhaseName::DeployFailed);
    life.run_for(30 * MINUTE);
    assert_eq!(times(&life, Rule::SubmissionRequested), 1);
    assert_eq!(failure(&life).reason, "SubmissionRefused");
}

#[test]
fn a_forced_rollback_of_a_first_deploy_comes_to_rest() {
    let mut life = new();
    reach(&mut life, PhaseName::ClusterStarting);
    life.edit(force()).unwrap();
    fire(&mut life, Rule::RollbackForced);
    life.run_for(MINUTE);
    let deeds = life.deeds();
    life.run_for(60 * MINUTE);
    assert_eq!((life.deeds(), life.rules().last()), (deeds, Some(&Rule::FailureRests)));
}

#[test]
fn a_savepoint_may_take_longer_than_a_cluster_may_take_to_start() {
    let mut life = edited();
    life.on_next_savepoint(SavepointFault::Takes(10 * 60_000));
    assert!(life.policy.cluster_start_timeout_ms < 10 * 60_000);
    fire(&mut life, Rule::JobStarted);
    assert_eq!(restored_progress(&life), Some(saved_progress(&life)));
    assert!(!life.rules().contains(&Rule::SavepointRetried));
}

#[test]
fn the_time_without_an_operator_counts_for_no_deadline() {
    let mut life = new();
    life.set_pod_times(22 * MINUTE, SECOND);
    reach(&mut life, PhaseName::ClusterStarting);
    life.crash(20 * MINUTE);
    reach(&mut life, PhaseName::Running);
    assert!(!life.rules().contains(&Rule::ClusterStartTimedOut));
    assert_eq!(life.submissions(), 1);
}

#[test]
fn a_failed_request_is_made_again_when_its_pause_is_over() {
    let mut life = new();
    reach(&mut life, PhaseName::SubmittingJob);
    lose_every_other_deed(&mut life, 1, 1);
    fire(&mut life, Rule::SubmissionRetried);
    let failed = life.now();
    reach(&mut life, PhaseName::Running);
    let Some(Phase::Running(at)) = life.memory().map(|memory| memory.phase) else { panic!("it does not run") };
    let waited = at.since.as_millisecond() - failed;
    assert!((100..5_000).contains(&waited), "a pause of 100 to 200 ms and a job that starts at once: {waited} ms");
}

#[test]
fn a_job_has_its_time_to_start_to_the_millisecond() {
    let mut life = new();
    reach(&mut life, PhaseName::SubmittingJob);
    let revision = life.revision_in_charge().unwrap();
    life.delete_deployment(&format!("orders-{revision}-tm"));
    life.run_for(2 * SECOND);
    let Some(Phase::SubmittingJob(at)) = life.memory().map(|memory| memory.phase) else {
        panic!("it is not submitted")
    };
    fire(&mut life, Rule::JobStartTimedOut);
    let limit = i64::from(life.policy.job_start_timeout_ms);
    assert_eq!(life.now(), at.accepted.unwrap().as_millisecond() + limit);
}
