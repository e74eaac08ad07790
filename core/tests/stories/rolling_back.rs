//! From a deploy that failed back to the job before it.

use flink_operator_core::phase::PhaseName;
use flink_operator_core::rule::Rule;
use flink_operator_fixtures::door::{Fault, Life, Moment};
use serde_json::{Value, json};

use super::*;

pub fn force() -> Value {
    json!({ "spec": { "forceRollback": true } })
}

pub fn without_savepoint(arguments: &str) -> Value {
    json!({ "spec": { "programArgs": arguments, "savepointDisabled": true } })
}

/// A job whose tasks take long to start.
fn slow() -> Life {
    let mut life = running();
    life.flinks.settings.delays.deploy = 60_000;
    life.edit(arguments("--topic returns")).unwrap();
    life
}

pub fn a_forced_rollback_brings_the_old_job_back_with_its_state() -> Life {
    let mut life = slow();
    let before = life.deployed().unwrap();
    fire(&mut life, Rule::JobStartAwaited);
    life.edit(force()).unwrap();
    fire(&mut life, Rule::RollbackSucceeded);
    life.run_for(10 * MINUTE);
    assert_eq!(phase_of(&life), Some(PhaseName::DeployFailed));
    assert_eq!(life.deployed().unwrap().revision, before.revision);
    assert_eq!(failure(&life).reason, "LaunchForcedBack");
    one_job_runs(&life);
    assert_eq!(restored_progress(&life), Some(saved_progress(&life)));
    life
}

pub fn a_forced_rollback_before_the_savepoint_touches_nothing() -> Life {
    let mut life = upgrading(PhaseName::ClusterStarting);
    let before = life.deployed().unwrap();
    life.edit(force()).unwrap();
    fire(&mut life, Rule::RollbackForced);
    life.run_for(10 * MINUTE);
    assert_eq!(life.deployed().unwrap(), before);
    assert_eq!(life.submissions(), 1);
    assert_eq!(life.rules().last(), Some(&Rule::FailureRests));
    one_job_runs(&life);
    life
}

pub fn a_first_deploy_that_fails_has_nothing_to_roll_back_to() -> Life {
    let mut life = new();
    life.edit(entry_class("shop.Throws")).unwrap();
    fire(&mut life, Rule::NothingToRollBackTo);
    life.run_for(10 * MINUTE);
    assert_eq!(life.rules().last(), Some(&Rule::FailureRests));
    life.edit(entry_class("shop.Orders")).unwrap();
    reach(&mut life, PhaseName::Running);
    one_job_runs(&life);
    life
}

pub fn a_rollback_that_fails_says_that_no_job_runs_and_a_new_spec_gets_a_try() -> Life {
    let mut life = running();
    life.edit(entry_class("shop.Throws")).unwrap();
    reach(&mut life, PhaseName::RollingBackJob);
    life.cut_off.extend(life.deployed().map(|deployed| deployed.revision.id));
    fire(&mut life, Rule::RollbackFailed);
    life.cut_off.clear();
    assert!(failure(&life).message.contains("No job runs now"), "{}", failure(&life).message);
    life.run_for(10 * MINUTE);
    assert_eq!(life.flinks.active_jobs().count(), 0);
    life.edit(entry_class("shop.Mended")).unwrap();
    reach(&mut life, PhaseName::Running);
    assert_eq!(restored_progress(&life), Some(saved_progress(&life)));
    life
}

pub fn a_rollback_waits_for_the_failed_cluster_and_not_for_ever() -> Life {
    let mut life = running();
    life.set_pod_times(2 * SECOND, 20 * SECOND);
    life.edit(entry_class("shop.Throws")).unwrap();
    reach(&mut life, PhaseName::RollingBackJob);
    life.policy.cluster_start_timeout_ms = 5_000;
    fire(&mut life, Rule::RollbackBlocked);
    assert!(life.rules().contains(&Rule::LeftoversAwaited));
    life.policy.cluster_start_timeout_ms = 300_000;
    life.run_for(MINUTE);
    assert_eq!(life.flinks.active_jobs().count(), 0);
    life.edit(entry_class("shop.Mended")).unwrap();
    reach(&mut life, PhaseName::Running);
    assert_eq!(restored_progress(&life), Some(saved_progress(&life)));
    life
}

pub fn a_new_spec_is_heard_before_the_rollback_has_begun() -> Life {
    let mut life = running();
    life.edit(entry_class("shop.Throws")).unwrap();
    life.set_pod_times(2 * SECOND, 20 * SECOND);
    reach(&mut life, PhaseName::RollingBackJob);
    life.edit(entry_class("shop.Mended")).unwrap();
    reach(&mut life, PhaseName::Running);
    assert_eq!(life.submissions(), 2);
    assert_eq!(restored_progress(&life), Some(saved_progress(&life)));
    one_job_runs(&life);
    life
}

pub fn an_update_without_savepoint_cancels_the_job() -> Life {
    let mut life = new();
    life.flinks.settings.delays.cancel = 10_000;
    reach(&mut life, PhaseName::Running);
    life.edit(without_savepoint("--topic returns")).unwrap();
    reach(&mut life, PhaseName::Cancelling);
    life.faults.insert(life.deeds(), Fault::Lost(Moment::Before));
    fire(&mut life, Rule::CancelRetried);
    fire(&mut life, Rule::JobEndAwaited);
    reach(&mut life, PhaseName::Running);
    assert!(!life.rules().contains(&Rule::SavepointRequested));
    assert_eq!(restored_progress(&life), None);
    one_job_runs(&life);
    life
}

pub fn a_job_that_cannot_be_cancelled_keeps_running() -> Life {
    let mut life = new();
    life.flinks.settings.delays.cancel = 24 * 3_600_000;
    reach(&mut life, PhaseName::Running);
    life.edit(without_savepoint("--topic returns")).unwrap();
    fire(&mut life, Rule::CancelGivenUp);
    assert_eq!(life.submissions(), 1);
    life
}

pub fn an_update_without_savepoint_that_fails_rolls_back_to_the_checkpoint() -> Life {
    let mut life = running();
    life.edit(json!({ "spec": { "entryClass": "shop.Throws", "savepointDisabled": true } })).unwrap();
    fire(&mut life, Rule::RollbackSucceeded);
    assert!(restored_progress(&life) > Some(0));
    one_job_runs(&life);
    life
}
