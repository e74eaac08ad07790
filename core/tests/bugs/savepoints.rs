//! Rollback, recovery and savepoints (B-16 to B-26, B-71).

use flink_operator_core::application::DeleteMode;
use flink_operator_core::phase::PhaseName;
use flink_operator_core::rule::Rule;
use flink_operator_core::snapshot::{FlinkSeen, JobState, Seen, Tasks, Trouble, TroubleClass};
use flink_operator_core::step;
use flink_operator_fixtures::model::flink::{Ending, Retention};
use serde_json::json;

use crate::stories::recovering::{keeping, lose, savepoints_fail};
use crate::stories::rolling_back::without_savepoint;
use crate::stories::*;
use crate::{condition, job_of, memory_of, recorded, status, times};

#[test]
fn a_rollback_from_more_parallelism_needs_no_more_slots_than_the_old_job() {
    let mut life = running();
    let before = life.deployed().unwrap();
    life.edit(json!({ "spec": { "parallelism": 8, "entryClass": "shop.Throws" } })).unwrap();
    fire(&mut life, Rule::RollbackSucceeded);
    assert_eq!(life.deployed().unwrap().revision, before.revision);
    assert_eq!(restored_progress(&life), Some(saved_progress(&life)));
    one_job_runs(&life);
}

#[test]
fn a_savepoint_that_failed_does_not_stand_in_the_way_of_the_next_updates() {
    let mut life = running();
    let too_old = json!({ "spec": { "programArgs": "--topic returns", "maxCheckpointRestoreAgeSeconds": 1 } });
    life.edit(too_old).unwrap();
    savepoints_fail(&mut life);
    fire(&mut life, Rule::RecoveryFailed);
    life.run_for(MINUTE);
    life.edit(arguments("--topic mended")).unwrap();
    fire(&mut life, Rule::SavepointCompleted);
    reach(&mut life, PhaseName::Running);
    assert_eq!(restored_progress(&life), Some(saved_progress(&life)));
    one_job_runs(&life);
}

#[test]
fn a_checkpoint_that_goes_with_its_job_does_not_stand_in_for_a_savepoint() {
    let mut life = new();
    life.flinks.settings.checkpointing.retention = Retention::OnFailure;
    reach(&mut life, PhaseName::Running);
    life.run_for(30 * SECOND);
    life.edit(arguments("--topic returns")).unwrap();
    savepoints_fail(&mut life);
    fire(&mut life, Rule::RecoveryFailed);
    assert!(failure(&life).message.contains("RETAIN_ON_CANCELLATION"), "{}", failure(&life).message);
    one_job_runs(&life);
}

#[test]
fn a_checkpoint_without_an_address_is_not_restored() {
    let life = upgrading::a_savepoint_that_fails_three_times_falls_back_to_the_checkpoint();
    let mut snapshot = recorded(&life, Rule::CheckpointChosen);
    assert_eq!(step(&snapshot).rule(), Rule::CheckpointChosen);
    for flink in snapshot.observed.flink.values_mut() {
        let Seen::Present(history) = &mut flink.checkpoints else { panic!("it was not asked") };
        history.latest.as_mut().unwrap().path = None;
    }
    let decided = step(&snapshot);
    assert_eq!(decided.rule(), Rule::RecoveryFailed);
    assert!(decided.notes()[0].message.contains("no address"), "{:?}", decided.notes());
}

#[test]
fn a_jobmanager_that_dies_or_has_just_started_does_not_make_a_recovery_fail() {
    let life = upgrading::a_savepoint_that_fails_three_times_falls_back_to_the_checkpoint();
    let chosen = recorded(&life, Rule::CheckpointChosen);
    let with = |change: fn(&mut FlinkSeen)| {
        let mut snapshot = chosen.clone();
        snapshot.observed.flink.values_mut().for_each(change);
        step(&snapshot)
    };
    let dies = |seen: &mut FlinkSeen| {
        let message = "connection refused".to_owned();
        seen.retention = Seen::Unreachable(Trouble { class: TroubleClass::TryAgain, method: String::new(), message });
    };
    // High availability brings the job back; until its tasks are known it has neither a history nor a configuration.
    let has_just_started = |seen: &mut FlinkSeen| {
        let Seen::Present(job) = &mut seen.job else { panic!("it was not asked") };
        job.state = JobState::Initializing;
        (seen.checkpoints, seen.retention) = (Seen::Absent, Seen::Absent);
    };
    for decided in [with(dies), with(has_just_started)] {
        assert_eq!(decided.rule(), Rule::FlinkAwaited, "{decided:?}");
        assert!(decided.next().is_none() && decided.effects().is_empty());
    }
}

#[test]
fn an_update_without_savepoint_of_a_job_that_came_to_its_end_starts_the_next_one() {
    let mut life = running();
    life.end_job(Ending::Finished);
    life.run_for(MINUTE);
    life.edit(without_savepoint("--topic returns")).unwrap();
    fire(&mut life, Rule::JobCancelled);
    reach(&mut life, PhaseName::Running);
    one_job_runs(&life);
}

#[test]
fn a_job_that_has_ended_holds_no_deletion_up() {
    for ending in [Ending::Finished, Ending::Failed, Ending::Canceled] {
        let mut life = running();
        life.end_job(ending);
        life.delete_application();
        assert!(life.run_until(MINUTE, is_gone), "{:?}", life.rules());
        assert_eq!(times(&life, Rule::FinalSavepointRequested), 0);
    }
}

#[test]
fn a_deletion_waits_for_tasks_that_come_back_before_it_asks_for_a_savepoint() {
    let mut life = running();
    life.set_pod_times(MINUTE, SECOND);
    let taskmanagers = format!("orders-{}-tm", life.deployed().unwrap().revision.id);
    life.delete_deployment(&taskmanagers);
    fire(&mut life, Rule::ClusterRepaired);
    life.run_for(20 * SECOND);
    life.delete_application();
    assert!(life.run_until(10 * MINUTE, is_gone), "{:?}", life.rules());
    assert_eq!((times(&life, Rule::FinalSavepointRetried), times(&life, Rule::FinalSavepointCompleted)), (0, 1));
}

#[test]
fn a_job_that_its_jobmanager_forgot_holds_no_deletion_up() {
    for mode in ["Savepoint", "ForceCancel"] {
        let mut life = running();
        life.edit(delete_mode(mode)).unwrap();
        lose(&mut life);
        life.delete_application();
        assert!(life.run_until(MINUTE, is_gone), "{:?}", life.rules());
        assert_ne!(DeleteMode::read(Some(mode)), DeleteMode::None);
    }
}

#[test]
fn a_job_that_failed_for_good_is_told_of_and_followed_from_its_checkpoint() {
    let mut life = keeping();
    life.end_job(Ending::Failed);
    life.run_for(10 * MINUTE);
    assert_eq!(life.submissions(), 1, "Flink's own restart strategy has given it up");
    assert_eq!(status(&life)["jobStatus"]["health"], "Red");
    assert_eq!(condition(&life, "Ready").0, "False");
    life.edit(arguments("--topic mended")).unwrap();
    reach(&mut life, PhaseName::SubmittingJob);
    reach(&mut life, PhaseName::Running);
    assert!(restored_progress(&life) > Some(30_000));
    one_job_runs(&life);
}

#[test]
fn after_a_failed_rollback_the_status_says_that_no_job_runs() {
    let mut life = running();
    life.edit(entry_class("shop.Throws")).unwrap();
    reach(&mut life, PhaseName::RollingBackJob);
    life.cut_off.extend(life.deployed().map(|deployed| deployed.revision.id));
    fire(&mut life, Rule::RollbackFailed);
    for _ in 0..2 {
        let job = &status(&life)["jobStatus"];
        assert!(job["state"] != "RUNNING" && job["health"] != "Green", "{job}");
        assert_eq!(condition(&life, "Ready").0, "False");
        life.run_for(10 * MINUTE);
    }
    life.cut_off.clear();
    life.run_for(10 * MINUTE);
    assert_eq!(condition(&life, "Ready").0, "False");
    assert_eq!(life.flinks.active_jobs().count(), 0);
}

#[test]
fn a_job_whose_graph_is_not_built_yet_has_not_started() {
    let life = deploying::a_first_deploy_reaches_running();
    let mut snapshot = recorded(&life, Rule::JobStarted);
    for state in [JobState::Initializing, JobState::Running] {
        (job_of(&mut snapshot).state, job_of(&mut snapshot).tasks) = (state, Tasks::default());
        assert_eq!(step(&snapshot).rule(), Rule::JobStartAwaited);
    }
}

#[test]
fn a_job_that_runs_is_not_given_up_for_being_looked_at_late() {
    let mut life = upgrading(PhaseName::SubmittingJob);
    fire(&mut life, Rule::JobAccepted);
    life.crash(60 * MINUTE);
    fire(&mut life, Rule::JobStarted);
    assert!(!life.rules().contains(&Rule::JobStartTimedOut));
    one_job_runs(&life);
    // The same where nobody was away.
    let mut snapshot = recorded(&life, Rule::JobStarted);
    snapshot.watching_since = None;
    assert_eq!(step(&snapshot).rule(), Rule::JobStarted);
}

#[test]
fn a_batch_job_whose_later_stages_wait_has_started() {
    let life = deploying::a_first_deploy_reaches_running();
    let mut snapshot = recorded(&life, Rule::JobStarted);
    job_of(&mut snapshot).tasks = Tasks { total: 6, running: 1, finished: 1, failed: 0, created: 4 };
    assert_eq!(step(&snapshot).rule(), Rule::JobStarted);
    // Tasks that are on their way are no later stage.
    job_of(&mut snapshot).tasks = Tasks { total: 6, running: 1, finished: 1, failed: 0, created: 3 };
    assert_eq!(step(&snapshot).rule(), Rule::JobStartAwaited);
    job_of(&mut snapshot).tasks = Tasks { total: 6, created: 6, ..Tasks::default() };
    assert_eq!(step(&snapshot).rule(), Rule::JobStartAwaited);
}

#[test]
fn a_job_that_failed_has_failed_whatever_its_tasks_say() {
    let life = deploying::a_first_deploy_reaches_running();
    let mut snapshot = recorded(&life, Rule::JobStarted);
    let tasks = Tasks { total: 4, running: 0, finished: 0, failed: 1, created: 2 };
    (job_of(&mut snapshot).state, job_of(&mut snapshot).tasks) = (JobState::Failed, tasks);
    assert_eq!(step(&snapshot).rule(), Rule::JobFailedToStart);
    assert_eq!(memory_of(&mut snapshot).phase.name(), PhaseName::SubmittingJob);
}
