//! BlueGreen: two versions side by side.

use flink_operator_core::application::Colour;
use flink_operator_core::phase::{Phase, PhaseName};
use flink_operator_core::rule::Rule;
use flink_operator_fixtures::door::{Fault, Life, Moment};
use serde_json::{Value, json};

use super::*;

/// Nothing is deployed yet.
pub fn begin() -> Life {
    let mut manifest = manifest();
    manifest["spec"]["deploymentMode"] = "BlueGreen".into();
    Life::begin(manifest).unwrap()
}

/// One version that has been running for half a minute.
pub fn green() -> Life {
    let mut life = begin();
    reach(&mut life, PhaseName::Running);
    life.run_for(30 * SECOND);
    life
}

/// Two versions.
pub fn both() -> Life {
    let mut life = green();
    life.edit(arguments("--topic returns")).unwrap();
    reach(&mut life, PhaseName::DualRunning);
    life.run_for(MINUTE);
    life
}

pub fn tear_down(life: &mut Life, first: bool) {
    let ledger = life.memory().unwrap().ledger;
    let version = if first { ledger.deployed } else { ledger.second };
    life.edit(json!({ "spec": { "tearDownVersionHash": version.unwrap().revision.id } })).unwrap();
}

pub fn two_versions_run_until_one_is_torn_down() -> Life {
    let mut life = green();
    assert_eq!(life.deployed().unwrap().revision.colour, Some(Colour::Green));
    life.edit(arguments("--topic returns")).unwrap();
    fire(&mut life, Rule::SavepointTaken);
    reach(&mut life, PhaseName::DualRunning);
    life.run_for(10 * MINUTE);
    assert_eq!(life.flinks.active_jobs().count(), 2);
    life.edit(arguments("--topic later")).unwrap();
    life.run_for(10 * MINUTE);
    assert_eq!(phase_of(&life), Some(PhaseName::DualRunning), "an edit waits for the teardown");
    life.edit(arguments("--topic returns")).unwrap();
    tear_down(&mut life, true);
    fire(&mut life, Rule::TeardownCompleted);
    life.run_for(MINUTE);
    assert!(is_running(&life));
    assert_eq!(life.deployed().unwrap().revision.colour, Some(Colour::Blue));
    one_job_runs(&life);
    life.edit(arguments("--topic third")).unwrap();
    reach(&mut life, PhaseName::DualRunning);
    assert_eq!(life.memory().unwrap().ledger.second.unwrap().revision.colour, Some(Colour::Green));
    life
}

pub fn the_new_version_can_be_torn_down_and_is_not_deployed_again() -> Life {
    let mut life = both();
    let before = life.deployed().unwrap();
    tear_down(&mut life, false);
    fire(&mut life, Rule::TeardownCompleted);
    life.run_for(10 * MINUTE);
    assert_eq!(life.deployed().unwrap().job, before.job);
    assert_eq!(life.submissions(), 2);
    one_job_runs(&life);
    let status = life.application().unwrap()["status"].clone();
    assert_eq!(status["deployVersion"], "green");
    assert_eq!(status["versionStatuses"][0]["jobStatus"]["state"], "RUNNING");
    // Once more by hand: one version alone is no pair.
    life.write_status(json!({ "phase": "DualRunning", "dualRunning": { "since": "2026-03-01T12:00:00Z" } })).unwrap();
    fire(&mut life, Rule::OneVersionLeft);
    life
}

pub fn a_second_version_that_fails_leaves_the_first_alone() -> Life {
    let mut life = green();
    let before = life.deployed().unwrap();
    life.edit(entry_class("shop.Throws")).unwrap();
    reach(&mut life, PhaseName::DeployFailed);
    life.run_for(5 * MINUTE);
    assert_eq!(life.deployed().unwrap().job, before.job);
    one_job_runs(&life);
    life.edit(entry_class("shop.Mended")).unwrap();
    reach(&mut life, PhaseName::DualRunning);
    life
}

pub fn a_second_version_without_savepoint_starts_afresh() -> Life {
    let mut life = green();
    life.edit(json!({ "spec": { "programArgs": "--topic returns", "savepointDisabled": true } })).unwrap();
    fire(&mut life, Rule::SecondClusterReady);
    reach(&mut life, PhaseName::DualRunning);
    assert_eq!(life.memory().unwrap().ledger.second.unwrap().restored_from, None);
    assert_eq!(life.flinks.active_jobs().count(), 2);
    life
}

pub fn a_deletion_ends_both_versions() -> Life {
    let mut life = both();
    life.delete_application();
    fire(&mut life, Rule::JobEnded);
    assert!(life.run_until(2 * MINUTE, is_gone));
    life.run_for(MINUTE);
    assert_eq!(life.flinks.jobs().count(), 0);
    life
}

pub fn a_version_whose_job_cannot_be_cancelled_at_once_is_torn_down_later() -> Life {
    let mut life = both();
    tear_down(&mut life, true);
    fire(&mut life, Rule::TeardownBegun);
    life.faults.insert(life.deeds(), Fault::Lost(Moment::Before));
    fire(&mut life, Rule::CancelRetried);
    fire(&mut life, Rule::TornVersionRemoved);
    fire(&mut life, Rule::TeardownCompleted);
    assert_eq!(life.flinks.active_jobs().count(), 1);
    life
}

/// The API server refuses it; an object that is older than the rules is refused by the operator.
pub fn a_mode_is_not_switched_on_a_live_application() -> Life {
    let mut life = green();
    assert!(life.edit(json!({ "spec": { "deploymentMode": "Dual" } })).is_err());
    let mut deployed = serde_json::to_value(life.deployed().unwrap()).unwrap();
    deployed["revision"]["colour"] = Value::Null;
    life.write_status(json!({ "deployed": deployed })).unwrap();
    fire(&mut life, Rule::SpecRefused);
    let failed = failure(&life);
    assert!(failed.message.contains("spec.deploymentMode"), "{}", failed.message);
    assert!(matches!(life.memory().unwrap().phase, Phase::DeployFailed(_)));
    assert_eq!(life.flinks.active_jobs().count(), 1);
    life
}
