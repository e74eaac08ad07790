//! Specs, programs and statuses that cannot be served, and the way back.

use flink_operator_core::phase::PhaseName;
use flink_operator_core::rule::Rule;
use flink_operator_fixtures::door::{Fault, Life, Moment};
use serde_json::{Value, json};

use super::*;

pub fn a_bad_program_is_rolled_back_and_the_root_cause_is_told() -> Life {
    let mut life = running();
    let before = life.deployed().unwrap();
    life.edit(entry_class("shop.Throws")).unwrap();
    reach(&mut life, PhaseName::RollingBackJob);
    reach(&mut life, PhaseName::DeployFailed);
    let failure = failure(&life);
    assert_eq!(failure.reason, "SubmissionRefused");
    assert!(failure.message.contains("No topic given"), "{}", failure.message);
    assert!(failure.message.contains("runs again"), "{}", failure.message);
    life.run_for(10 * MINUTE);
    one_job_runs(&life);
    let after = life.deployed().unwrap();
    assert_eq!((&after.revision, after.attempt), (&before.revision, 2));
    assert_eq!(restored_progress(&life), Some(saved_progress(&life)));
    assert_eq!(life.submissions(), 2);
    life.edit(entry_class("shop.Mended")).unwrap();
    reach(&mut life, PhaseName::Running);
    assert_eq!(restored_progress(&life), Some(saved_progress(&life)));
    life
}

/// The operator dies with the refusal in its hands: what it learns, it learns by looking.
pub fn a_job_that_cannot_restore_its_state_is_rolled_back() -> Life {
    let mut life = running();
    life.edit(entry_class("shop.DropsState")).unwrap();
    reach(&mut life, PhaseName::SubmittingJob);
    life.faults.insert(life.deeds(), Fault::Crash { moment: Moment::After, away_ms: SECOND });
    reach(&mut life, PhaseName::DeployFailed);
    let failure = failure(&life);
    assert_eq!(failure.reason, "JobFailedToStart");
    assert!(failure.message.contains("Cannot map checkpoint/savepoint state"), "{}", failure.message);
    one_job_runs(&life);
    assert_eq!(restored_progress(&life), Some(saved_progress(&life)));
    life
}

/// What the API server lets through and the operator does not.
fn refused() -> Value {
    let resources = json!({ "requests": { "memory": "2Gi" }, "limits": { "memory": "1Gi" } });
    json!({ "spec": { "parallelism": 3, "jobManagerConfig": { "resources": resources } } })
}

fn mended() -> Value {
    json!({ "spec": { "jobManagerConfig": { "resources": { "requests": { "memory": "1Gi" } } } } })
}

pub fn a_spec_that_is_refused_leaves_the_job_alone_and_can_be_mended() -> Life {
    let mut life = running();
    life.edit(refused()).unwrap();
    fire(&mut life, Rule::SpecRefused);
    reach(&mut life, PhaseName::DeployFailed);
    assert!(failure(&life).message.contains("spec.jobManagerConfig"), "{}", failure(&life).message);
    life.run_for(5 * MINUTE);
    one_job_runs(&life);
    assert_eq!(life.submissions(), 1);
    life.edit(mended()).unwrap();
    reach(&mut life, PhaseName::Running);
    assert_eq!(life.deployed().unwrap().revision.job.parallelism.get(), 3);
    assert_eq!(restored_progress(&life), Some(saved_progress(&life)));
    life
}

pub fn a_first_spec_that_is_refused_can_be_mended() -> Life {
    let mut life = new();
    life.edit(refused()).unwrap();
    fire(&mut life, Rule::FailureRests);
    life.edit(mended()).unwrap();
    reach(&mut life, PhaseName::Running);
    one_job_runs(&life);
    life
}

pub fn going_back_to_what_is_deployed_ends_a_failed_deploy() -> Life {
    let mut life = upgrading(PhaseName::ClusterStarting);
    let before = life.deployed().unwrap();
    life.lose_image();
    reach(&mut life, PhaseName::DeployFailed);
    life.set_pod_times(2 * SECOND, SECOND);
    life.edit(arguments("--topic orders")).unwrap();
    fire(&mut life, Rule::TargetReverted);
    life.run_for(MINUTE);
    assert!(is_running(&life));
    assert_eq!(life.deployed().unwrap(), before);
    one_job_runs(&life);
    life
}

pub fn a_status_that_makes_no_sense_is_left_alone() -> Life {
    let mut life = running();
    life.write_status(json!({ "phase": "Dancing" })).unwrap();
    let status = |life: &Life| life.application().unwrap()["status"].clone();
    let before = status(&life);
    fire(&mut life, Rule::StatusUnreadable);
    life.run_for(10 * MINUTE);
    assert_eq!(status(&life), before);
    assert_eq!(life.flinks.active_jobs().count(), 1);
    life
}

pub fn a_status_that_makes_no_sense_does_not_keep_a_deletion_without_care() -> Life {
    let mut life = running();
    life.write_status(json!({ "phase": "Dancing" })).unwrap();
    life.delete_application();
    life.run_for(MINUTE);
    assert!(!is_gone(&life), "nobody knows what becomes of the job");
    life.edit(delete_mode("None")).unwrap();
    assert!(life.run_until(MINUTE, is_gone));
    assert!(life.rules().contains(&Rule::UnreadableReleased));
    life
}

/// The original kept no object beside the phase, and no digest.
pub fn what_the_original_deployed_is_taken_over() -> Life {
    let mut life = running();
    let before = life.deployed().unwrap();
    life.write_status(json!({ "deployed": null, "running": null, "deploys": null })).unwrap();
    fire(&mut life, Rule::RevisionAdopted);
    life.run_for(5 * MINUTE);
    assert_eq!(life.deployed().unwrap().job, before.job);
    one_job_runs(&life);
    assert_eq!(life.submissions(), 1);
    life.edit(arguments("--topic returns")).unwrap();
    fire(&mut life, Rule::JobStarted);
    assert_eq!(restored_progress(&life), Some(saved_progress(&life)));
    life
}
