//! SIGKILL of the operator, a TaskManager, the JobManager, and of operator and JobManager at once, in every phase,
//! on a real Flink with high availability: the application comes to rest, one job runs, no number is lost and none
//! comes again. Without high availability none is lost either, but a JobManager that dies forgets its job: that goes
//! back to the last checkpoint that the status told of, and the numbers that were committed since come again.
//!
//! Takes minutes, so it runs only when SANDBOX_REAL_FLINK is set; without Flink or a JDK it says so. KILLS names
//! the parts to run, where not all are wanted.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::path::Path;

use kube::api::DeleteParams;
use serde_json::json;
use support::kills::{Figures, Keeper, Table, Trial, Victim, figures};
use support::real::{arguments, real_flink, until_parts};
use support::until;

const PHASES: [&str; 13] = [
    "New",
    "Updating",
    "Rescaling",
    "ClusterStarting",
    "Savepointing",
    "Cancelling",
    "SubmittingJob",
    "Recovering",
    "RollingBackJob",
    "DualRunning",
    "Running",
    "DeployFailed",
    "Deleting",
];

/// Those of an upgrade.
const UPGRADE: [&str; 5] = ["Updating", "ClusterStarting", "Savepointing", "SubmittingJob", "Running"];

/// A phase may be over before the kill is; then the next one of its kind tries again.
const TRIES: u32 = 8;

#[tokio::test]
async fn whoever_dies_in_whatever_phase_nothing_is_lost() {
    if !real_flink() {
        return;
    }
    let wanted = std::env::var("KILLS").ok();
    let wanted = |part: &str| wanted.as_ref().is_none_or(|wanted| wanted.split(',').any(|word| word == part));
    let mut table = Table::new(Keeper::ZooKeeper);
    let mut trial = Trial::start().await;
    trial.keep_state().await;
    begin(&mut trial, &mut table).await;
    if wanted("upgrade") {
        upgrades(&mut trial, &mut table).await;
    }
    if wanted("rollback") {
        rollbacks(&mut trial, &mut table).await;
    }
    if wanted("recovery") {
        recoveries(&mut trial, &mut table).await;
    }
    if wanted("rescaling") {
        rescalings(&mut trial, &mut table).await;
    }
    if wanted("cancelling") {
        cancellations(&mut trial, &mut table).await;
    }
    if wanted("deletion") {
        deletions(&mut trial, &mut table).await;
    }
    if wanted("dual") {
        two_versions(&mut trial, &mut table).await;
    }
    table.print(&PHASES);
    if wanted("forgetful") {
        without_high_availability(&mut trial).await;
    }
    trial.stage.end().await;
}

/// New: nothing was decided yet when the operator dies.
async fn begin(trial: &mut Trial, table: &mut Table) {
    trial.stage.operator.kill();
    trial.create("numbers", json!({})).await;
    trial.revive();
    trial.stage.operator.kill();
    let hit = trial.stage.phase().await.is_none_or(|phase| phase.is_empty());
    trial.revive();
    trial.runs().await;
    assert!(hit, "an operator decided in no time");
    table.judge(&[("New", Victim::Operator)], Figures::default(), trial.figures().await, "Running");
}

async fn upgrades(trial: &mut Trial, table: &mut Table) {
    for victim in Victim::ALL {
        in_upgrades(trial, table, victim, &UPGRADE).await;
    }
}

/// A JobManager that forgets its job dies in each phase of an upgrade, one in each upgrade: what it costs is told.
async fn without_high_availability(trial: &mut Trial) {
    let mut table = Table::new(Keeper::Nobody);
    trial.stage.delete().await;
    trial.stage.until_nothing_is_left().await;
    trial.keep_no_state();
    trial.create("forgetful", json!({})).await;
    trial.runs().await;
    for phase in UPGRADE {
        in_upgrades(trial, &mut table, Victim::JobManager, &[phase]).await;
    }
    table.print(&UPGRADE);
}

/// Upgrades until a victim died in each of the phases.
async fn in_upgrades(trial: &mut Trial, table: &mut Table, victim: Victim, phases: &[&'static str]) {
    let mut phases = phases.to_vec();
    for turn in 0.. {
        assert!(turn < TRIES, "{phases:?} were over before the kill of {victim}");
        phases = upgrade(trial, table, victim, &phases).await;
        if phases.is_empty() {
            break;
        }
    }
}

/// Kills in the phases of one upgrade, and returns those that were over too soon.
async fn upgrade(trial: &mut Trial, table: &mut Table, victim: Victim, phases: &[&'static str]) -> Vec<&'static str> {
    let (before, mut killed, mut missed) = (trial.figures().await, Vec::new(), Vec::new());
    trial.edit(json!({})).await;
    for phase in phases {
        if *phase == "Running" {
            trial.runs().await;
        }
        match trial.kill_in(phase, victim).await {
            true => killed.push((*phase, victim)),
            false => missed.push(*phase),
        }
    }
    trial.runs().await;
    trial.one_job_goes_on(&trial.label).await;
    table.judge(&killed, before, trial.figures().await, "upgraded, Running");
    missed
}

/// The new program cannot run, so the old job is started again from the savepoint that it left.
async fn rollbacks(trial: &mut Trial, table: &mut Table) {
    for victim in Victim::ALL {
        let mut phases = vec!["RollingBackJob", "DeployFailed"];
        for turn in 0.. {
            assert!(turn < TRIES, "{phases:?} were over before the kill of {victim}");
            let (before, old, mut killed) = (trial.figures().await, trial.label.clone(), Vec::new());
            trial.edit(json!({"entryClass": "NoSuchClass"})).await;
            let mut missed = Vec::new();
            for phase in phases {
                match trial.kill_in(phase, victim).await {
                    true => killed.push((phase, victim)),
                    false => missed.push(phase),
                }
            }
            trial.one_job_goes_on(&old).await;
            trial.stage.until_phase("DeployFailed").await;
            table.judge(&killed, before, trial.figures().await, "old job runs, DeployFailed");
            trial.edit(json!({"entryClass": "Numbers"})).await;
            trial.runs().await;
            phases = missed;
            if phases.is_empty() {
                break;
            }
        }
    }
}

/// No savepoint can be written, so the newest checkpoint of the job, which is cancelled, stands in for it.
async fn recoveries(trial: &mut Trial, table: &mut Table) {
    let mut barred = trial.spec();
    barred["flinkConfig"]["state.savepoints.dir"] = "file:///proc/barred".into();
    trial.edit(barred).await;
    trial.runs().await;
    one_in_each(trial, table, "Recovering", &|_| json!({})).await;
}

/// A cluster grows in place.
async fn rescalings(trial: &mut Trial, table: &mut Table) {
    let mut plain = trial.spec();
    plain["flinkConfig"]["state.savepoints.dir"] = serde_json::Value::Null;
    plain["scaleMode"] = "InPlace".into();
    trial.edit(plain).await;
    trial.runs().await;
    one_in_each(trial, table, "Rescaling", &|turn| json!({"parallelism": 2 + turn})).await;
    trial.edit(json!({"scaleMode": "NewCluster", "parallelism": 1})).await;
    trial.runs().await;
}

/// Upgrades with one kill each, until every victim died in this phase.
async fn one_in_each(
    trial: &mut Trial,
    table: &mut Table,
    phase: &'static str,
    edit: &dyn Fn(u32) -> serde_json::Value,
) {
    let mut turns = 0;
    for victim in Victim::ALL {
        loop {
            let before = trial.figures().await;
            // Only a change of nothing but the parallelism is done in place; then the arguments stay.
            match phase {
                "Rescaling" => trial.stage.patch(edit(turns)).await,
                _ => trial.edit(edit(turns)).await,
            }
            turns += 1;
            let hit = trial.kill_in(phase, victim).await;
            trial.runs().await;
            trial.one_job_goes_on(&trial.label).await;
            let killed: &[_] = if hit { &[(phase, victim)] } else { &[] };
            table.judge(killed, before, trial.figures().await, "upgraded, Running");
            if hit {
                break;
            }
            assert!(turns < TRIES, "{phase} was over before the kill of {victim}");
        }
    }
}

/// The spec wants no savepoint: every job begins anew, in a directory of its own.
async fn cancellations(trial: &mut Trial, table: &mut Table) {
    let mut turns = 0;
    for victim in Victim::ALL {
        loop {
            turns += 1;
            assert!(turns < 2 * TRIES, "Cancelling was over before the kill of {victim}");
            let old = trial.directory();
            trial.out = format!("afresh-{turns}");
            let before = figures(&old).await;
            trial.edit(json!({"savepointDisabled": true})).await;
            let hit = trial.kill_in("Cancelling", victim).await;
            trial.runs().await;
            trial.one_job_goes_on(&trial.label).await;
            let (after, new) = (figures(&old).await, trial.figures().await);
            let both = Figures { lost: after.lost + new.lost, repeated: after.repeated + new.repeated, ..new };
            if hit {
                table.judge(&[("Cancelling", victim)], before, both, "the next job runs from 1, Running");
                break;
            }
        }
    }
}

/// The application goes, and is created anew.
async fn deletions(trial: &mut Trial, table: &mut Table) {
    let mut turns = 0;
    for victim in Victim::ALL {
        loop {
            turns += 1;
            assert!(turns < 2 * TRIES, "it was gone before the kill of {victim}");
            let before = trial.figures().await;
            trial.stage.api.delete("numbers", &DeleteParams::default()).await.unwrap();
            let hit = trial.kill_in("Deleting", victim).await;
            trial.is_gone().await;
            trial.stage.until_nothing_is_left().await;
            if hit {
                table.judge(&[("Deleting", victim)], before, trial.figures().await, "gone");
            }
            trial.create(&format!("created-{turns}"), json!({})).await;
            trial.runs().await;
            if hit {
                break;
            }
        }
    }
}

/// Two versions, each with numbers of its own; the newer one's processes die.
async fn two_versions(trial: &mut Trial, table: &mut Table) {
    trial.stage.delete().await;
    trial.stage.until_nothing_is_left().await;
    trial.create("green", json!({"deploymentMode": "BlueGreen"})).await;
    trial.runs().await;
    let old = trial.directory();
    "blue".clone_into(&mut trial.out);
    "blue".clone_into(&mut trial.label);
    trial.stage.patch(json!({ "programArgs": arguments("blue", "blue") })).await;
    trial.stage.until_phase("DualRunning").await;
    until_parts(&trial.directory(), "blue", 2).await;
    for victim in Victim::ALL {
        let (old_before, before) = (figures(&old).await, trial.figures().await);
        assert!(trial.kill_in("DualRunning", victim).await);
        goes_on(&old, 1).await;
        goes_on(&trial.directory(), 3).await;
        assert_eq!(trial.stage.running_jobs().await, 2);
        let old_after = figures(&old).await;
        assert_eq!((old_after.lost, old_after.repeated), (old_before.lost, old_before.repeated));
        table.judge(&[("DualRunning", victim)], before, trial.figures().await, "both run, DualRunning");
    }
}

/// Numbers are written beyond those that there are, for so many seconds of them.
async fn goes_on(directory: &Path, seconds: u64) {
    let beyond = figures(directory).await.last + 1000 * seconds;
    until("the job goes on", || async { (figures(directory).await.last > beyond).then_some(()) }).await;
}
