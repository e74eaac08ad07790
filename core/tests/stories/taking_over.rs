//! What the original operator left: in the middle of a deploy, of a rollback, of a deletion.

use flink_operator_core::id::RevisionId;
use flink_operator_core::manifest::names::Role;
use flink_operator_core::phase::PhaseName;
use flink_operator_core::rule::Rule;
use flink_operator_fixtures::door::Life;
use flink_operator_fixtures::model::Selection;
use flink_operator_fixtures::model::flink::{SavepointFault, Throwable};
use serde_json::{Value, json};

use super::blue_green::green;
use super::*;

const TRIGGER: u128 = 0xabc;
const JOB: u128 = 0xdef;

/// The status as the original would have written it: without anything that it did not know.
fn left_in(life: &mut Life, phase: &str, more: Value) {
    let mut status = json!({ "phase": phase });
    for ours in [
        "deploys",
        "deployed",
        "stopped",
        "second",
        "tornDown",
        "failed",
        "observedGeneration",
        "conditions",
        "updating",
        "clusterStarting",
        "rescaling",
        "savepointing",
        "cancelling",
        "recovering",
        "submittingJob",
        "rollingBackJob",
        "running",
        "dualRunning",
        "deployFailed",
        "deleting",
    ] {
        status[ours] = Value::Null;
    }
    status.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    life.write_status(status).unwrap();
}

/// Two versions; no id of ours has been used for a savepoint yet.
fn two_versions() -> Life {
    let mut life = green();
    life.edit(json!({ "spec": { "programArgs": "--topic returns", "savepointDisabled": true } })).unwrap();
    reach(&mut life, PhaseName::DualRunning);
    life.run_for(MINUTE);
    life
}

/// The versions as the original lists them once the newer one's cluster is there.
fn with_second(life: &Life, target: &RevisionId) -> Value {
    let mut versions = life.application().unwrap()["status"]["versionStatuses"].clone();
    versions[1] = json!({ "appVersion": "blue", "versionHash": target });
    versions
}

fn hex(id: u128) -> String {
    format!("{id:032x}")
}

fn savepoints(life: &Life) -> usize {
    life.flinks.storage.iter().filter(|(path, _)| path.contains("savepoint")).count()
}

fn deployments(life: &Life) -> usize {
    let kind = life.world.kinds().get("apps", "v1", "deployments").unwrap();
    life.world.list(&kind, &Selection::namespace("default")).len()
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
    fire(&mut life, Rule::OriginalFailureTakenOver);
    assert_eq!(life.deployed().unwrap().revision.id.as_str(), former);
    life.run_for(10 * MINUTE);
    assert!(failure(&life).message.contains("gave up"), "what was rolled back is not tried again");
    one_job_runs(&life);
    life.edit(arguments("--topic later")).unwrap();
    upgraded(&mut life);
    life
}

pub fn a_rollback_of_the_original_that_had_started_nothing_goes_on() -> Life {
    let (mut life, _, _) = submitting();
    let former = life.application().unwrap()["status"]["deployHash"].as_str().unwrap().to_owned();
    left_in(&mut life, "RollingBackJob", json!({}));
    // The former job had an id of ours, which the original would not have given it.
    life.restart_jobmanager(&RevisionId::known(&former));
    fire(&mut life, Rule::OriginalRollbackGoesOn);
    fire(&mut life, Rule::RollbackSucceeded);
    assert_eq!(life.deployed().unwrap().revision.id.as_str(), former);
    one_job_runs(&life);
    assert_eq!(restored_progress(&life), Some(saved_progress(&life)));
    life.run_for(10 * MINUTE);
    assert!(failure(&life).message.contains("gave up"), "what was rolled back is not tried again");
    life.edit(arguments("--topic later")).unwrap();
    upgraded(&mut life);
    life
}

pub fn two_versions_of_the_original_are_both_taken_over() -> Life {
    let mut life = two_versions();
    let before = life.memory().unwrap().ledger;
    left_in(&mut life, "DualRunning", json!({}));
    fire(&mut life, Rule::OriginalPairTakenOver);
    fire(&mut life, Rule::RevisionAdopted);
    life.run_for(10 * MINUTE);
    let after = life.memory().unwrap().ledger;
    assert_eq!(after.deployed.unwrap().job, before.deployed.as_ref().unwrap().job);
    assert_eq!(after.second.unwrap().job, before.second.unwrap().job);
    assert_eq!((life.flinks.active_jobs().count(), life.submissions()), (2, 2));
    life.edit(json!({ "spec": { "tearDownVersionHash": before.deployed.unwrap().revision.id } })).unwrap();
    fire(&mut life, Rule::TeardownCompleted);
    life.run_for(10 * MINUTE);
    assert!(is_running(&life), "{:?}", life.rules());
    one_job_runs(&life);
    life
}

pub fn a_newer_version_that_the_original_had_just_submitted_is_taken_over_beside_the_older() -> Life {
    for phase in ["SubmittingJob", "DeployFailed"] {
        let mut life = green();
        life.edit(arguments("--topic returns")).unwrap();
        reach(&mut life, PhaseName::SubmittingJob);
        let target = life.revision_in_charge().unwrap();
        let versions = with_second(&life, &target);
        let path = life.application().unwrap()["status"]["savepointPath"].as_str().unwrap().to_owned();
        left_in(&mut life, phase, json!({ "versionStatuses": versions }));
        assert!(life.original_submits(&target, Some(&path), JOB));
        fire(&mut life, Rule::OriginalPairTakenOver);
        life.run_for(10 * MINUTE);
        assert_eq!(life.memory().unwrap().ledger.second.unwrap().job.to_string(), hex(JOB));
        assert_eq!((life.flinks.active_jobs().count(), life.submissions()), (2, 2));
        told(life);
    }
    let mut life = green();
    life.edit(arguments("--topic returns")).unwrap();
    reach(&mut life, PhaseName::SubmittingJob);
    let target = life.revision_in_charge().unwrap();
    let versions = with_second(&life, &target);
    left_in(&mut life, "SubmittingJob", json!({ "versionStatuses": versions }));
    fire(&mut life, Rule::OriginalTakenOver);
    reach(&mut life, PhaseName::DualRunning);
    assert_eq!((life.flinks.active_jobs().count(), life.submissions()), (2, 2));
    life
}

pub fn a_deletion_ends_both_versions_of_the_original() -> Life {
    for phase in ["DualRunning", "Deleting"] {
        let mut life = two_versions();
        life.delete_application();
        left_in(&mut life, phase, json!({}));
        fire(&mut life, Rule::OriginalDeletionHeard);
        fire(&mut life, Rule::JobEnded);
        assert!(life.run_until(2 * MINUTE, is_gone), "{phase}: {:?}", life.rules());
        assert_eq!(savepoints(&life), 2, "{phase}");
        told(life);
    }
    two_versions()
}

pub fn a_cluster_that_the_original_was_scaling_in_place_stays_until_its_job_has_gone_on() -> Life {
    for roles in [&[Role::JobManager, Role::TaskManager][..], &[Role::JobManager], &[Role::TaskManager]] {
        let mut life = running();
        life.edit(json!({ "spec": { "parallelism": 4, "scaleMode": "InPlace" } })).unwrap();
        let deployed = life.deployed().unwrap();
        left_in(&mut life, "Rescaling", json!({}));
        life.original_relabels(&deployed.revision, roles, "5ca1ab1e");
        fire(&mut life, Rule::OriginalTakenOver);
        assert_eq!(life.deployed().unwrap().job, deployed.job);
        upgraded(&mut life);
        assert_eq!(savepoints(&life), 1);
        life.run_for(10 * MINUTE);
        assert_eq!(deployments(&life), 2, "the cluster that was relabelled is gone");
        told(life);
    }
    running()
}

pub fn a_job_that_the_originals_status_does_not_name_is_not_started_twice() -> Life {
    let mut life = running();
    let job = life.deployed().unwrap().job;
    left_in(&mut life, "Running", json!({ "jobStatus": { "jobID": hex(JOB) } }));
    life.run_for(10 * MINUTE);
    assert_eq!(life.deployed().unwrap().job, job);
    assert_eq!(life.submissions(), 1);
    one_job_runs(&life);
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
