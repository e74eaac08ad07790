//! The operator dies by SIGKILL in every phase, on a real Flink: no number is lost or repeated, and at the
//! end one job runs.
//!
//! Takes minutes, so it runs only when SANDBOX_REAL_FLINK is set; without Flink or a JDK it says so.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::time::Duration;

use flink_operator_core::crd::FlinkApplication;
use flink_operator_fixtures::process::numbers;
use k8s_openapi::api::core::v1::Service;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::{Api, Client};
use serde_json::{Value, json};
use support::real::{Flink, Operator, arguments, manifest, real_flink, until_parts, until_running};
use support::{Directory, Sandbox, until};

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
    let directory = Directory::new();
    let mut sandbox = directory.start(&["--no-operator"]);
    let mut test = Test::start(&sandbox).await;
    let out = directory.run().join("data/numbers");

    // New: nothing was decided yet when the operator dies.
    test.operator.kill();
    test.api.create(&PostParams::default(), &manifest("numbers", "deploy-1")).await.unwrap();
    test.operator = Operator::start(&sandbox);
    test.operator.kill();
    eprintln!("killed in New ({:?})", test.phase().await);
    test.operator = Operator::start(&sandbox);
    test.generation = until_running(&test.api, "numbers", 1).await.metadata.generation.unwrap();
    until_parts(&out, "deploy-1", 2).await;

    for phase in OF_AN_UPGRADE {
        let mut tries = 0;
        while !test.upgrade_and_kill_in(phase, &sandbox).await {
            tries += 1;
            assert!(tries < TRIES, "{phase} was over before the kill {TRIES} times");
        }
        eprintln!("killed in {phase}, then upgraded");
        until_parts(&out, &test.label(), 2).await;
        assert_eq!(test.running_jobs().await, 1, "after a kill in {phase}");
    }

    // DeployFailed: the new program cannot run, the old job was stopped; the mended one goes on from its savepoint.
    test.edit(json!({"entryClass": "NoSuchClass"})).await;
    assert!(test.kill_in("DeployFailed", &sandbox).await);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(test.running_jobs().await, 0, "nothing runs after a deploy that failed");
    test.edit(json!({"entryClass": "Numbers"})).await;
    until_running(&test.api, "numbers", test.generation).await;
    until_parts(&out, &test.label(), 2).await;
    eprintln!("killed in DeployFailed, then mended");

    test.api.delete("numbers", &DeleteParams::default()).await.unwrap();
    assert!(test.kill_in("Deleting", &sandbox).await, "it was gone before the kill");
    until("it is gone", || async { test.api.get_opt("numbers").await.unwrap().is_none().then_some(()) }).await;
    eprintln!("killed in Deleting, then gone");

    let found = numbers::check(&out).unwrap();
    assert!(found.exactly_once(), "{found:#?}");
    eprintln!("{} numbers in {} files, no gap, no repeat", found.last.unwrap(), found.parts.len());
    sandbox.signal("INT");
    assert!(sandbox.ended().await.success());
}

#[tokio::test]
async fn an_operator_that_is_killed_again_and_again_still_upgrades() {
    if !real_flink() {
        return;
    }
    let directory = Directory::new();
    let mut sandbox = directory.start(&["--no-operator"]);
    let mut test = Test::start(&sandbox).await;
    let out = directory.run().join("data/numbers");
    test.api.create(&PostParams::default(), &manifest("numbers", &test.label())).await.unwrap();
    until_running(&test.api, "numbers", 1).await;
    for parallelism in [2, 1] {
        test.edit(json!({ "parallelism": parallelism })).await;
        for pause in PAUSES.iter().cycle().take(24) {
            tokio::time::sleep(Duration::from_millis(*pause)).await;
            test.operator.kill();
            test.operator = Operator::start(&sandbox);
        }
        until_running(&test.api, "numbers", test.generation).await;
        until_parts(&out, &test.label(), 2).await;
        assert_eq!(test.running_jobs().await, 1);
    }
    let found = numbers::check(&out).unwrap();
    assert!(found.exactly_once(), "{found:#?}");
    sandbox.signal("INT");
    assert!(sandbox.ended().await.success());
}

struct Test {
    client: Client,
    api: Api<FlinkApplication>,
    operator: Operator,
    generation: i64,
}

impl Test {
    async fn start(sandbox: &Sandbox) -> Self {
        let client = sandbox.client().await;
        let api = Api::default_namespaced(client.clone());
        Self { client, api, operator: Operator::start(sandbox), generation: 1 }
    }

    /// The label of the numbers that the job of this generation writes.
    fn label(&self) -> String {
        format!("deploy-{}", self.generation)
    }

    async fn phase(&self) -> Option<String> {
        self.api.get_opt("numbers").await.unwrap()?.status?.phase
    }

    /// The newest spec is deployed.
    async fn upgraded(&self) -> bool {
        let status = self.api.get("numbers").await.unwrap().status.unwrap_or_default();
        let newest = status.deployed.is_some_and(|deployed| deployed.revision.generation == self.generation);
        newest && status.phase.as_deref() == Some("Running")
    }

    /// Edits the spec; the arguments change with it, so that the numbers tell who wrote them.
    async fn edit(&mut self, mut spec: Value) {
        self.generation += 1;
        spec["programArgs"] = arguments("numbers", &self.label()).into();
        let patch = Patch::Merge(json!({ "spec": spec }));
        let edited = self.api.patch("numbers", &PatchParams::default(), &patch).await.unwrap();
        assert_eq!(edited.metadata.generation, Some(self.generation));
    }

    /// Begins an upgrade, kills the operator in the phase, starts another and waits for the end of the upgrade.
    async fn upgrade_and_kill_in(&mut self, phase: &str, sandbox: &Sandbox) -> bool {
        let parallelism = 1 + self.generation % 2;
        self.edit(json!({ "parallelism": parallelism })).await;
        if phase == "Running" {
            until_running(&self.api, "numbers", self.generation).await;
        }
        let hit = self.kill_in(phase, sandbox).await;
        until_running(&self.api, "numbers", self.generation).await;
        hit
    }

    /// Kills the operator as soon as the phase shows, and starts another. Whether it died in that phase.
    async fn kill_in(&mut self, phase: &str, sandbox: &Sandbox) -> bool {
        let began = std::time::Instant::now();
        while self.phase().await.is_some_and(|now| now != phase) {
            if phase != "Deleting" && self.upgraded().await {
                return false;
            }
            assert!(began.elapsed() < Duration::from_secs(120), "{phase} never comes");
            tokio::time::sleep(Duration::from_millis(3)).await;
        }
        self.operator.kill();
        let hit = self.phase().await.as_deref() == Some(phase);
        self.operator = Operator::start(sandbox);
        hit
    }

    /// Jobs that run, on all clusters of the application, by Flink's own word.
    async fn running_jobs(&self) -> usize {
        let services: Api<Service> = Api::default_namespaced(self.client.clone());
        let mut running = 0;
        for service in services.list(&ListParams::default().labels("flink-app-hash")).await.unwrap() {
            let flink = Flink::of(&self.client, service.metadata.name.as_deref().unwrap());
            // `/jobs` does not come from the cache that `/jobs/overview` comes from.
            let Some(answer) = flink.get("/jobs".to_owned()).await else { continue };
            let states = answer["jobs"].as_array().unwrap().iter().map(|job| job["status"].as_str().unwrap());
            running += states.filter(|state| !["FINISHED", "CANCELED", "FAILED"].contains(state)).count();
        }
        running
    }
}
