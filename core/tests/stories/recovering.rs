//! Jobs that are gone, and the state that they are started from again.

use flink_operator_core::phase::PhaseName;
use flink_operator_core::rule::Rule;
use flink_operator_fixtures::door::Life;
use flink_operator_fixtures::model::flink::{SavepointFault, Throwable};
use serde_json::json;

use super::*;

pub fn lose(life: &mut Life) {
    let deployed = life.deployed().unwrap().revision.id;
    life.restart_jobmanager(&deployed);
}

/// A job of which all checkpoints of the last minutes are kept, as the user guide advises.
pub fn keeping() -> Life {
    let mut life = new();
    life.flinks.settings.checkpointing.retained = 20;
    reach(&mut life, PhaseName::Running);
    life.run_for(2 * MINUTE);
    life
}

pub fn a_job_that_its_jobmanager_forgot_is_started_again_from_its_checkpoint() -> Life {
    let mut life = keeping();
    let before = life.deployed().unwrap();
    lose(&mut life);
    fire(&mut life, Rule::LostJobRecovered);
    reach(&mut life, PhaseName::Running);
    let after = life.deployed().unwrap();
    assert_eq!((&after.revision, after.attempt), (&before.revision, before.attempt + 1));
    assert!(restored_progress(&life) > Some(30_000));
    one_job_runs(&life);
    life.run_for(10 * MINUTE);
    assert_eq!(life.submissions(), 2);
    life
}

pub fn a_job_without_state_that_was_forgotten_is_started_afresh() -> Life {
    let mut life = new();
    life.flinks.settings.checkpointing.interval = None;
    reach(&mut life, PhaseName::Running);
    life.run_for(MINUTE);
    lose(&mut life);
    fire(&mut life, Rule::NothingToRestore);
    reach(&mut life, PhaseName::Running);
    assert_eq!(restored_progress(&life), None);
    one_job_runs(&life);
    life
}

pub fn a_lost_job_is_recovered_behind_a_failed_deploy() -> Life {
    let mut life = keeping();
    life.edit(arguments("--topic returns")).unwrap();
    reach(&mut life, PhaseName::ClusterStarting);
    life.lose_image();
    reach(&mut life, PhaseName::DeployFailed);
    let failed = failure(&life);
    life.set_pod_times(2 * SECOND, SECOND);
    life.run_for(2 * MINUTE);
    lose(&mut life);
    fire(&mut life, Rule::JobRecoveredAfterFailure);
    life.run_for(10 * MINUTE);
    assert_eq!(failure(&life), failed);
    one_job_runs(&life);
    life
}

pub fn a_lost_job_whose_checkpoint_is_gone_too_is_given_up_until_the_next_edit() -> Life {
    let mut life = running();
    life.run_for(2 * MINUTE);
    lose(&mut life);
    let all: Vec<String> = life.flinks.storage.iter().map(|(path, _)| path.to_owned()).collect();
    for path in &all {
        life.flinks.storage.delete(path);
    }
    fire(&mut life, Rule::JobNotRecovered);
    life.run_for(30 * MINUTE);
    assert_eq!(life.rules().last(), Some(&Rule::FailureRests), "it is not tried again and again");
    assert_eq!(life.flinks.active_jobs().count(), 0);
    life
}

pub fn a_lost_job_without_slots_is_watched_as_it_comes_up() -> Life {
    let mut life = keeping();
    let revision = life.deployed().unwrap().revision.id;
    life.set_pod_times(30 * MINUTE, SECOND);
    life.delete_deployment(&format!("orders-{revision}-tm"));
    life.run_for(2 * SECOND);
    lose(&mut life);
    let (cluster, _) = life.flinks.of(&revision).unwrap();
    cluster.settings.delays.slot_request_timeout = None;
    fire(&mut life, Rule::RecoveredJobWatched);
    life
}

/// As a JobManager with high availability does it.
pub fn a_lost_job_that_is_there_again_is_left_alone() -> Life {
    let mut life = running();
    let deployed = life.deployed().unwrap();
    let recovering = json!({
        "target": deployed.revision, "since": "2026-03-01T12:00:00Z", "cause": "it was lost", "cancelling": null,
    });
    let lost = json!({ "phase": "Recovering", "recovering": recovering });
    life.write_status(lost.clone()).unwrap();
    fire(&mut life, Rule::LostJobFound);
    let failed = json!({
        "digest": null, "revision": null, "generation": 1, "reason": "SpecRefused", "message": "no",
        "time": "2026-03-01T12:00:00Z",
    });
    life.write_status(lost).unwrap();
    life.write_status(json!({ "failed": failed })).unwrap();
    fire(&mut life, Rule::LostJobFoundAfterFailure);
    assert_eq!(life.deployed().unwrap().job, deployed.job);
    assert_eq!(life.submissions(), 1);
    life
}

pub fn savepoints_fail(life: &mut Life) {
    for _ in 0..3 {
        life.on_next_savepoint(SavepointFault::Fails(Throwable::new("java.io.IOException", "No space left on device")));
    }
}

/// Checkpoints of a running job that do not outlive it are of no use either.
pub fn a_checkpoint_that_is_too_old_is_not_restored() -> Life {
    let mut life = running();
    life.edit(json!({ "spec": { "programArgs": "--topic returns", "maxCheckpointRestoreAgeSeconds": 1 } })).unwrap();
    savepoints_fail(&mut life);
    fire(&mut life, Rule::RecoveryFailed);
    assert!(failure(&life).message.contains("maxCheckpointRestoreAgeSeconds"), "{}", failure(&life).message);
    life.run_for(10 * MINUTE);
    one_job_runs(&life);
    assert_eq!(life.submissions(), 1);
    life
}

pub fn a_job_may_start_without_state_where_the_user_says_so() -> Life {
    let mut life = running();
    let spec = json!({
        "programArgs": "--topic returns", "maxCheckpointRestoreAgeSeconds": 1, "fallbackWithoutState": true,
    });
    life.edit(json!({ "spec": spec })).unwrap();
    savepoints_fail(&mut life);
    fire(&mut life, Rule::StateGivenUp);
    reach(&mut life, PhaseName::Running);
    assert_eq!(restored_progress(&life), None);
    one_job_runs(&life);
    life
}
