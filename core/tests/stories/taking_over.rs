//! What the original operator left: in the middle of a deploy, of a rollback, of a deletion.

use flink_operator_core::id::RevisionId;
use flink_operator_core::phase::PhaseName;
use flink_operator_core::rule::Rule;
use flink_operator_fixtures::door::Life;
use flink_operator_fixtures::model::flink::{SavepointFault, Throwable};
use serde_json::{Value, json};

use super::*;

const TRIGGER: u128 = 0xabc;
const JOB: u128 = 0xdef;

/// The status as the original would have written it: without anything that it did not know.
fn left_in(life: &mut Life, phase: &str, more: Value) {
    let mut status = json!({ "phase": phase });
    for ours in [
        "deploys",
        "deployed",
        "savepoint",
        "failed",
        "observedGeneration",
        "conditions",
        "updating",
        "clusterStarting",
        "savepointing",
        "submittingJob",
        "running",
        "deployFailed",
        "deleting",
    ] {
        status[ours] = Value::Null;
    }
    status.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    life.write_status(status).unwrap();
}

fn hex(id: u128) -> String {
    format!("{id:032x}")
}

fn savepoints(life: &Life) -> usize {
    life.flinks.storage.iter().filter(|(path, _)| path.contains("savepoint")).count()
}

/// The deploy that was under way ends well, with the state of the job before.
fn upgraded(life: &mut Life) {
    fire(life, Rule::JobStarted);
    life.run_for(MINUTE);
    one_job_runs(life);
    assert_eq!(restored_progress(life), Some(saved_progress(life)));
}

/// An upgrade whose job is being cancelled with a savepoint that the original asked for.
fn savepointing(fault: Option<SavepointFault>) -> Life {
    let mut life = upgrading(PhaseName::Savepointing);
    fault.into_iter().for_each(|fault| life.on_next_savepoint(fault));
    life.original_cancels_with_savepoint(TRIGGER);
    left_in(&mut life, "Savepointing", json!({ "savepointTriggerId": hex(TRIGGER) }));
    life
}

/// An upgrade whose job was stopped, and whose new cluster is ready. Its revision, and the savepoint.
fn submitting() -> (Life, RevisionId, String) {
    let mut life = upgrading(PhaseName::SubmittingJob);
    let target = life.revision_in_charge().unwrap();
    let path = life.application().unwrap()["status"]["savepointPath"].as_str().unwrap().to_owned();
    left_in(&mut life, "SubmittingJob", json!({ "savepointPath": path, "jobStatus": { "jobID": null } }));
    (life, target, path)
}

pub fn an_update_that_the_original_began_begins_anew() -> Life {
    for phase in ["Updating", "ClusterStarting", "Cancelling", "Recovering", "Savepointing"] {
        let mut life = upgrading(PhaseName::ClusterStarting);
        left_in(&mut life, phase, json!({}));
        fire(&mut life, Rule::OriginalTakenOver);
        one_job_runs(&life);
        upgraded(&mut life);
        told(life);
    }
    let mut life = upgrading(PhaseName::ClusterStarting);
    left_in(&mut life, "ClusterStarting", json!({}));
    upgraded(&mut life);
    life
}

pub fn a_first_deploy_that_the_original_began_begins_anew() -> Life {
    let mut life = new();
    reach(&mut life, PhaseName::ClusterStarting);
    left_in(&mut life, "ClusterStarting", json!({}));
    fire(&mut life, Rule::OriginalBegunAnew);
    fire(&mut life, Rule::JobStarted);
    one_job_runs(&life);
    assert_eq!(life.submissions(), 1);
    life
}

pub fn a_savepoint_that_the_original_asked_for_is_awaited() -> Life {
    let mut life = savepointing(Some(SavepointFault::Takes(20_000)));
    fire(&mut life, Rule::OriginalAwaited);
    fire(&mut life, Rule::OriginalStopped);
    upgraded(&mut life);
    assert_eq!(savepoints(&life), 1);
    life
}

pub fn a_savepoint_of_the_original_is_found_when_flink_has_forgotten_the_request() -> Life {
    let mut life = savepointing(None);
    life.crash(20 * MINUTE);
    fire(&mut life, Rule::OriginalStopped);
    upgraded(&mut life);
    assert_eq!(savepoints(&life), 1);
    life
}

pub fn a_savepoint_of_the_original_that_fails_leaves_the_job_as_it_is() -> Life {
    let cause = Throwable::new("java.io.IOException", "No space left on device");
    let mut life = savepointing(Some(SavepointFault::Fails(cause)));
    fire(&mut life, Rule::OriginalTakenOver);
    one_job_runs(&life);
    upgraded(&mut life);
    life
}

pub fn a_savepoint_of_the_original_that_hangs_is_not_awaited_for_ever() -> Life {
    let mut life = savepointing(Some(SavepointFault::Hangs));
    fire(&mut life, Rule::OriginalTakenOver);
    one_job_runs(&life);
    life
}

pub fn a_job_that_the_original_submitted_is_the_deployed_one() -> Life {
    let (mut life, target, path) = submitting();
    assert!(life.original_submits(&target, Some(&path), JOB));
    fire(&mut life, Rule::OriginalTakenOver);
    fire(&mut life, Rule::RevisionAdopted);
    fire(&mut life, Rule::OldClusterRemoved);
    life.run_for(MINUTE);
    let deployed = life.deployed().unwrap();
    assert_eq!((deployed.revision.id, deployed.job.to_string()), (target, hex(JOB)));
    assert_eq!(deployed.restored_from, Some(path));
    assert_eq!(life.submissions(), 2);
    one_job_runs(&life);
    life.edit(arguments("--topic later")).unwrap();
    upgraded(&mut life);
    life
}

pub fn a_job_that_the_original_did_not_submit_is_started_from_its_savepoint() -> Life {
    let (mut life, _, _) = submitting();
    fire(&mut life, Rule::OriginalStopped);
    upgraded(&mut life);
    assert_eq!((savepoints(&life), life.submissions()), (1, 2));
    life
}

pub fn a_rollback_of_the_original_that_started_the_former_job_is_taken_over() -> Life {
    let (mut life, _, path) = submitting();
    let former = life.application().unwrap()["status"]["deployHash"].as_str().unwrap().to_owned();
    left_in(&mut life, "RollingBackJob", json!({}));
    assert!(life.original_submits(&RevisionId::known(&former), Some(&path), JOB));
    fire(&mut life, Rule::OriginalTakenOver);
    assert_eq!(life.deployed().unwrap().revision.id.as_str(), former);
    upgraded(&mut life);
    life
}

pub fn nothing_is_submitted_while_a_jobmanager_of_the_original_does_not_answer() -> Life {
    let (mut life, target, path) = submitting();
    assert!(life.original_submits(&target, Some(&path), JOB));
    life.cut_off.insert(target);
    fire(&mut life, Rule::OriginalAwaited);
    life.run_for(60 * MINUTE);
    assert_eq!(life.rules().last(), Some(&Rule::OriginalAwaited));
    life.heal();
    fire(&mut life, Rule::RevisionAdopted);
    assert_eq!(life.submissions(), 2);
    one_job_runs(&life);
    life
}

pub fn a_deletion_that_the_original_began_goes_on() -> Life {
    let mut life = running();
    life.on_next_savepoint(SavepointFault::Takes(20_000));
    life.original_cancels_with_savepoint(TRIGGER);
    life.delete_application();
    left_in(&mut life, "Deleting", json!({ "savepointTriggerId": hex(TRIGGER) }));
    fire(&mut life, Rule::OriginalDeletionHeard);
    assert!(life.run_until(MINUTE, is_gone), "{:?}", life.rules());
    assert_eq!(savepoints(&life), 1);
    life
}

pub fn a_deletion_that_the_original_heard_and_did_not_begin_takes_the_savepoint() -> Life {
    for mode in ["Savepoint", "ForceCancel", "None"] {
        let mut life = running();
        life.edit(delete_mode(mode)).unwrap();
        life.delete_application();
        left_in(&mut life, "Deleting", json!({}));
        assert!(life.run_until(MINUTE, is_gone), "{mode}: {:?}", life.rules());
        assert_eq!(savepoints(&life), usize::from(mode == "Savepoint"));
        told(life);
    }
    let (mut life, target, path) = submitting();
    assert!(life.original_submits(&target, Some(&path), JOB));
    life.delete_application();
    assert!(life.run_until(MINUTE, is_gone), "{:?}", life.rules());
    assert_eq!(savepoints(&life), 2, "the job that the original had just submitted leaves one too");
    life
}

pub fn an_application_whose_rollback_failed_starts_from_what_is_known() -> Life {
    let (mut life, _, _) = submitting();
    left_in(&mut life, "DeployFailed", json!({ "failedDeployHash": "0badc0de" }));
    fire(&mut life, Rule::OriginalStopped);
    upgraded(&mut life);
    life
}
