//! The operator dies by SIGKILL in every phase, on a real Flink: no number is lost or repeated, and at the
//! end one job runs.
//!
//! Takes minutes, so it runs only when SANDBOX_REAL_FLINK is set; without Flink or a JDK it says so.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::time::Duration;

use kube::api::DeleteParams;
use serde_json::json;
use support::real::{Operator, real_flink, until_parts};
use support::stage::Stage;
use support::until;

/// The phases of an upgrade, in which the operator is killed one after the other.
const OF_AN_UPGRADE: [&str; 5] = ["Updating", "ClusterStarting", "Savepointing", "SubmittingJob", "Running"];
/// A phase may be over before the kill is; then the next upgrade tries again.
const TRIES: u32 = 6;
/// Pauses between kills, in milliseconds: from within a phase to across several.
const PAUSES: [u64; 8] = [90, 310, 170, 530, 70, 900, 230, 1400];

#[tokio::test]
async fn an_operator_that_is_killed_in_any_phase_loses_nothing_and_starts_nothing_twice() {
    if !real_flink() {
        return;
    }
    let mut stage = Stage::start().await;

    // New: nothing was decided yet when the operator dies.
    stage.operator.kill();
    stage.create(json!({})).await;
    stage.operator = Operator::start(&stage.sandbox);
    stage.operator.kill();
    eprintln!("killed in New ({:?})", stage.phase().await);
    stage.operator = Operator::start(&stage.sandbox);
    stage.until_running().await;
    until_parts(&stage.out(), "deploy-1", 2).await;

    for phase in OF_AN_UPGRADE {
        let mut tries = 0;
        while !upgrade_and_kill_in(&mut stage, phase).await {
            tries += 1;
            assert!(tries < TRIES, "{phase} was over before the kill {TRIES} times");
        }
        eprintln!("killed in {phase}, then upgraded");
        until_parts(&stage.out(), &stage.label(), 2).await;
        assert_eq!(stage.running_jobs().await, 1, "after a kill in {phase}");
    }

    // RollingBackJob: the new program cannot run, so the old job is started again from the savepoint that it left.
    let before = stage.label();
    stage.edit(json!({"entryClass": "NoSuchClass"})).await;
    assert!(kill_in(&mut stage, "RollingBackJob").await, "it was rolled back before the kill");
    assert!(kill_in(&mut stage, "DeployFailed").await);
    stage.goes_on(&before).await;
    assert_eq!(stage.running_jobs().await, 1, "the old job runs again");
    eprintln!("killed in RollingBackJob and in DeployFailed, and the old job runs");
    stage.edit(json!({"entryClass": "Numbers"})).await;
    stage.until_running().await;
    until_parts(&stage.out(), &stage.label(), 2).await;

    stage.api.delete("numbers", &DeleteParams::default()).await.unwrap();
    assert!(kill_in(&mut stage, "Deleting").await, "it was gone before the kill");
    until("it is gone", || async { stage.api.get_opt("numbers").await.unwrap().is_none().then_some(()) }).await;
    eprintln!("killed in Deleting, then gone");

    let found = stage.numbers();
    assert!(found.exactly_once(), "{found:#?}");
    eprintln!("{} numbers in {} files, no gap, no repeat", found.last.unwrap(), found.parts.len());
    stage.end().await;
}

#[tokio::test]
async fn an_operator_that_is_killed_again_and_again_still_upgrades() {
    if !real_flink() {
        return;
    }
    let mut stage = Stage::running(json!({})).await;
    for parallelism in [2, 1] {
        stage.edit(json!({ "parallelism": parallelism })).await;
        for pause in PAUSES.iter().cycle().take(24) {
            tokio::time::sleep(Duration::from_millis(*pause)).await;
            stage.operator.kill();
            stage.operator = Operator::start(&stage.sandbox);
        }
        stage.until_running().await;
        until_parts(&stage.out(), &stage.label(), 2).await;
        assert_eq!(stage.running_jobs().await, 1);
    }
    let found = stage.numbers();
    assert!(found.exactly_once(), "{found:#?}");
    stage.end().await;
}

/// Begins an upgrade, kills the operator in the phase, starts another and waits for the end of the upgrade.
async fn upgrade_and_kill_in(stage: &mut Stage, phase: &str) -> bool {
    let parallelism = 1 + stage.generation % 2;
    stage.edit(json!({ "parallelism": parallelism })).await;
    if phase == "Running" {
        stage.until_running().await;
    }
    let hit = kill_in(stage, phase).await;
    stage.until_running().await;
    hit
}

/// Kills the operator as soon as the phase shows, and starts another. Whether it died in that phase.
async fn kill_in(stage: &mut Stage, phase: &str) -> bool {
    let began = std::time::Instant::now();
    while stage.phase().await.is_some_and(|now| now != phase) {
        if phase != "Deleting" && upgraded(stage).await {
            return false;
        }
        assert!(began.elapsed() < Duration::from_secs(120), "{phase} never comes");
        tokio::time::sleep(Duration::from_millis(3)).await;
    }
    stage.operator.kill();
    let hit = stage.phase().await.as_deref() == Some(phase);
    stage.operator = Operator::start(&stage.sandbox);
    hit
}

/// The newest spec is deployed.
async fn upgraded(stage: &Stage) -> bool {
    let status = stage.status().await;
    let newest = status.deployed.is_some_and(|deployed| deployed.revision.generation == stage.generation);
    newest && status.phase.as_deref() == Some("Running")
}
