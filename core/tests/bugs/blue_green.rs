//! BlueGreen (B-14, B-51 to B-60, B-70).

use flink_operator_core::application::Colour;
use flink_operator_core::memory::Deployed;
use flink_operator_core::phase::PhaseName;
use flink_operator_core::rule::Rule;
use flink_operator_core::step;
use flink_operator_fixtures::door::Life;
use flink_operator_fixtures::model::flink::{Ending, JobId};
use serde_json::json;

use crate::stories::blue_green::{both, green, tear_down};
use crate::stories::recovering::savepoints_fail;
use crate::stories::*;
use crate::{lose_every_other_deed, names, objects, recorded, savepoint_fails, savepoints, status, times};

fn second(life: &Life) -> Deployed {
    life.memory().unwrap().ledger.second.unwrap()
}

#[test]
fn going_back_ends_a_failed_second_version_without_a_deploy() {
    let mut life = green();
    let before = life.deployed().unwrap();
    life.edit(arguments("--topic returns")).unwrap();
    reach(&mut life, PhaseName::ClusterStarting);
    life.lose_image();
    reach(&mut life, PhaseName::DeployFailed);
    life.set_pod_times(2 * SECOND, SECOND);
    life.edit(arguments("--topic orders")).unwrap();
    fire(&mut life, Rule::TargetReverted);
    life.run_for(10 * MINUTE);
    assert!(is_running(&life));
    assert_eq!(life.deployed().unwrap().job, before.job);
    assert_eq!(life.submissions(), 1);
}

#[test]
fn a_version_whose_job_is_over_is_torn_down_and_the_other_lives() {
    let mut life = both();
    let (first, survivor) = (life.deployed().unwrap(), second(&life));
    let now = u64::try_from(life.now()).unwrap();
    let id: JobId = first.job.as_str().parse().unwrap();
    let (cluster, storage) = life.flinks.of(&first.revision.id).unwrap();
    cluster.end_job(storage, now, id, Ending::Finished);
    tear_down(&mut life, true);
    fire(&mut life, Rule::TeardownCompleted);
    life.run_for(30 * MINUTE);
    assert!(is_running(&life));
    assert_eq!(life.deployed().unwrap().job, survivor.job);
    one_job_runs(&life);
}

#[test]
fn a_version_without_a_jobmanager_is_torn_down_and_the_other_lives() {
    let mut life = both();
    let (first, survivor) = (life.deployed().unwrap(), second(&life));
    life.delete_deployment(&format!("orders-{}-green-jm", first.revision.id));
    tear_down(&mut life, true);
    fire(&mut life, Rule::TeardownCompleted);
    life.run_for(30 * MINUTE);
    assert_eq!(life.deployed().unwrap().job, survivor.job);
    one_job_runs(&life);
}

#[test]
fn a_forced_deletion_cancels_the_job_of_every_version() {
    for (mut life, jobs) in [(green(), 1), (both(), 2)] {
        life.edit(delete_mode("ForceCancel")).unwrap();
        life.delete_application();
        assert!(life.run_until(MINUTE, is_gone), "{:?}", life.rules());
        assert_eq!(times(&life, Rule::CancelRequested), jobs);
        assert_eq!(times(&life, Rule::FinalSavepointRequested), 0);
    }
}

#[test]
fn failing_savepoints_of_two_versions_block_the_deletion_and_are_told() {
    let mut life = both();
    for version in [life.deployed().unwrap(), second(&life)] {
        let (cluster, _) = life.flinks.of(&version.revision.id).unwrap();
        (0..100).for_each(|_| cluster.on_next_savepoint(savepoint_fails()));
    }
    life.delete_application();
    fire(&mut life, Rule::DeletionBlocked);
    life.run_for(60 * MINUTE);
    assert_eq!(times(&life, Rule::FinalSavepointRequested), 3);
    let given_up = step(&recorded(&life, Rule::FinalSavepointGivenUp));
    assert!(given_up.notes()[0].message.contains("No space left on device"), "{:?}", given_up.notes());
    assert_eq!(life.flinks.active_jobs().count(), 2);
    life.edit(delete_mode("ForceCancel")).unwrap();
    assert!(life.run_until(MINUTE, is_gone), "{:?}", life.rules());
}

#[test]
fn a_deletion_takes_one_savepoint_of_each_version() {
    let mut life = both();
    let before = savepoints(&life);
    life.delete_application();
    assert!(life.run_until(2 * MINUTE, is_gone), "{:?}", life.rules());
    assert_eq!(savepoints(&life) - before, 2);
    assert_eq!(times(&life, Rule::FinalSavepointRequested), 2);
}

#[test]
fn a_second_version_starts_from_a_checkpoint_of_the_version_that_runs() {
    let mut life = green();
    life.edit(arguments("--topic returns")).unwrap();
    savepoints_fail(&mut life);
    fire(&mut life, Rule::CheckpointRestored);
    reach(&mut life, PhaseName::DualRunning);
    assert!(second(&life).restored_from.unwrap().contains("/chk-"));
    assert_eq!(life.flinks.active_jobs().count(), 2);
}

#[test]
fn a_second_version_that_failed_does_not_freeze_the_figures_of_the_first() {
    let mut life = green();
    life.edit(entry_class("shop.Throws")).unwrap();
    reach(&mut life, PhaseName::DeployFailed);
    let checkpoints = |life: &Life| {
        status(life)["versionStatuses"][0]["jobStatus"]["completedCheckpointCount"].as_u64().unwrap_or_default()
    };
    let before = checkpoints(&life);
    life.run_for(5 * MINUTE);
    assert!(checkpoints(&life) > before + 10, "{before}, then {}", checkpoints(&life));
    assert_eq!(status(&life)["versionStatuses"][0]["jobStatus"]["state"], "RUNNING");
}

#[test]
fn each_version_counts_its_own_taskmanagers() {
    let mut life = green();
    life.edit(json!({ "spec": { "parallelism": 6 } })).unwrap();
    reach(&mut life, PhaseName::DualRunning);
    life.run_for(3 * MINUTE);
    let versions = &status(&life)["versionStatuses"];
    for (index, count) in [(0, 1), (1, 3)] {
        let cluster = &versions[index]["clusterStatus"];
        assert_eq!((&cluster["numberOfTaskManagers"], &cluster["health"]), (&json!(count), &json!("Green")));
    }
}

#[test]
fn no_mode_and_dual_are_the_same_and_neither_becomes_blue_green() {
    let mut life = running();
    let mode = |mode: serde_json::Value| json!({ "spec": { "deploymentMode": mode } });
    for same in [json!("Dual"), json!(null), json!("Single")] {
        assert!(life.edit(mode(json!("BlueGreen"))).is_err());
        life.edit(mode(same)).unwrap();
        life.run_for(2 * MINUTE);
        assert!(is_running(&life));
    }
    assert_eq!(life.submissions(), 1);
    one_job_runs(&life);
}

#[test]
fn a_version_that_was_torn_down_leaves_no_service_and_no_ingress() {
    let mut life = both();
    life.policy.ingress_url_format = "{{$jobCluster}}.example".to_owned();
    life.run_for(2 * MINUTE);
    let left =
        |life: &Life| (names(&objects(life, "", "services")), names(&objects(life, "networking.k8s.io", "ingresses")));
    assert_eq!((left(&life).0.len(), left(&life).1.len()), (4, 2));
    let survivor = second(&life).revision.id;
    tear_down(&mut life, true);
    fire(&mut life, Rule::TeardownCompleted);
    life.run_for(MINUTE);
    assert_eq!(left(&life), (vec!["orders-blue".into(), format!("orders-{survivor}")], vec!["orders-blue".into()]));
}

#[test]
fn a_first_version_keeps_its_colour_however_often_its_creation_fails() {
    let mut manifest = manifest();
    manifest["spec"]["deploymentMode"] = "BlueGreen".into();
    let mut life = Life::begin(manifest).unwrap();
    reach(&mut life, PhaseName::Updating);
    lose_every_other_deed(&mut life, 0, 5);
    reach(&mut life, PhaseName::Running);
    assert!(times(&life, Rule::ClusterCreationRetried) >= 5);
    let revision = life.deployed().unwrap().revision;
    assert_eq!((revision.colour, revision.number), (Some(Colour::Green), 1));
    assert_eq!(objects(&life, "apps", "deployments").len(), 2);
}

#[test]
fn the_job_of_a_version_stands_with_its_version_alone_and_a_teardown_is_no_warning() {
    let life = crate::stories::blue_green::two_versions_run_until_one_is_torn_down();
    let mut status = status(&life);
    assert_eq!(status["jobStatus"].take(), serde_json::Value::Null);
    assert!(status["versionStatuses"][1]["jobStatus"]["jobID"].is_string());
    let reasons = |rule: Rule| {
        let notes = step(&recorded(&life, rule)).notes().to_vec();
        notes.into_iter().map(|note| (note.reason.to_string(), note.reason.is_warning())).collect::<Vec<_>>()
    };
    assert_eq!(reasons(Rule::TeardownBegun), [("TeardownInitated".to_owned(), false)]);
    assert_eq!(reasons(Rule::TeardownCompleted), [("TeardownCompleted".to_owned(), false)]);
}
