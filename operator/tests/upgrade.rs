//! The main job on a real Flink: from manifest to upgrade to deletion, what was planned of it, and how long no job ran.
//!
//! Takes a minute, so it runs only when SANDBOX_REAL_FLINK is set; without Flink or a JDK it says so.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use flink_operator_core::crd::FlinkApplication;
use flink_operator_fixtures::process::{jobs, numbers};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::{Api, Client};
use serde_json::{Value, json};
use support::hand;
use support::real::{Operator, arguments, manifest, real_flink, until_parts, until_running};
use support::{Directory, PROGRAM, Sandbox, until, word};

#[tokio::test]
async fn the_main_job_is_deployed_upgraded_and_deleted_and_no_number_is_lost_or_repeated() {
    if !real_flink() {
        return;
    }
    let directory = Directory::new();
    let mut sandbox = directory.start(&["--no-operator"]);
    let client = sandbox.client().await;
    let record = directory.0.join("decisions");
    let mut operator = Operator::start_with(&sandbox, &["--record", word(&record)]);
    let api: Api<FlinkApplication> = Api::default_namespaced(client.clone());
    let out = directory.run().join("data/numbers");

    api.create(&PostParams::default(), &manifest("numbers", "first")).await.unwrap();
    until_running(&api, "numbers", 1).await;
    until_parts(&out, "first", 3).await;
    let edits = [
        ("second", json!({"parallelism": 2, "programArgs": arguments("numbers", "second")})),
        ("third", json!({"programArgs": arguments("numbers", "third")})),
    ];
    for (generation, (label, spec)) in (2..).zip(edits) {
        let planned = planned(&directory, &sandbox, &api.get("numbers").await.unwrap(), &spec);
        let before = decided(&record).len();
        api.patch("numbers", &PatchParams::default(), &Patch::Merge(json!({"spec": spec}))).await.unwrap();
        let status = until_running(&api, "numbers", generation).await.status.unwrap();
        let from = status.deployed.unwrap().restored_from.unwrap();
        assert!(from.starts_with("file:") && from.contains("/savepoints/savepoint-"), "{from}");
        until_parts(&out, label, 3).await;
        let all = || async { Some(decided(&record).split_off(before)).filter(|all| all.len() >= planned.len()) };
        assert_eq!(until("all is done that was planned", all).await, planned);
    }
    api.delete("numbers", &DeleteParams::default()).await.unwrap();
    until("it is gone", || async { api.get_opt("numbers").await.unwrap().is_none().then_some(()) }).await;
    let pods: Api<Pod> = Api::default_namespaced(client.clone());
    let none = || async { pods.list(&ListParams::default()).await.unwrap().items.is_empty().then_some(()) };
    until("its pods are gone", none).await;
    assert_eq!(std::fs::read_dir(directory.run().join("savepoints")).unwrap().count(), 3);
    let found = numbers::check(&out).unwrap();
    assert!(found.exactly_once(), "{found:#?}");
    eprintln!("{} numbers in {} files, no gap, no repeat", found.last.unwrap(), found.parts.len());

    sandbox.until_it_prints("numbers: switched in", 2).await;
    let output = sandbox.output();
    for line in output.lines().filter(|line| line.contains("switched in")) {
        eprintln!("by the operator: {}", line.trim());
    }
    by_hand(&client, &api, &mut operator).await;
    sandbox.signal("INT");
    assert!(sandbox.ended().await.success());
    drop(operator);
    assert_eq!(directory.processes(), Vec::new());
}

/// The rules that `plan` says will move or act if this is edited.
fn planned(directory: &Directory, sandbox: &Sandbox, before: &FlinkApplication, spec: &Value) -> Vec<String> {
    let mut new = serde_json::to_value(before).unwrap();
    new["spec"].as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
    let file = directory.write("new.json", &new.to_string());
    let (port, kubeconfig) = (sandbox.port().to_string(), sandbox.kubeconfig());
    let program = std::env::var("PLAN_PROGRAM").unwrap_or_else(|_| PROGRAM.to_owned());
    let begun = Instant::now();
    let output = Command::new(program)
        .args(["plan", "-f", word(&file), "--kubeconfig", word(&kubeconfig), "--kubectl-proxy", &port])
        .args(["--output", "json"])
        .output()
        .unwrap();
    eprintln!("planned in {} ms", begun.elapsed().as_millis());
    let plan: Value = serde_json::from_slice(&output.stdout).unwrap();
    let turns = plan["forecast"]["turns"].as_array().unwrap().iter();
    once(turns.map(|turn| turn["rule"].as_str().unwrap().to_owned()).collect())
}

/// The rules that moved or acted, but for those that only tell.
fn decided(record: &Path) -> Vec<String> {
    let files = std::fs::read_dir(record).unwrap().map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap());
    let text = files.collect::<String>();
    let steps = text.lines().filter_map(|line| Some(serde_json::from_str::<Value>(line).ok()?["step"].take()));
    let does = |step: &Value| step["next"].is_object() || step["effects"].as_array().is_some_and(|all| !all.is_empty());
    let rules = steps.filter(does).map(|step| step["rule"].as_str().unwrap().to_owned());
    once(rules.filter(|rule| !["FiguresRefreshed", "HealthChanged"].contains(&rule.as_str())).collect())
}

/// What is tried again counts once.
fn once(mut rules: Vec<String>) -> Vec<String> {
    rules.dedup();
    rules
}

/// The same calls as in an update, made one after the other on a second cluster like the first.
async fn by_hand(client: &Client, api: &Api<FlinkApplication>, operator: &mut Operator) {
    let name = "hand";
    api.create(&PostParams::default(), &manifest(name, "first")).await.unwrap();
    let status = until_running(api, name, 1).await.status.unwrap();
    operator.kill();
    let deployed = status.deployed.unwrap();
    let job = hand::Job {
        client,
        namespace: "default",
        application: name,
        revision: deployed.revision.id.to_string(),
        id: deployed.job.to_string(),
        jar: jobs::JAR,
        entry_class: jobs::ENTRY_CLASS,
        arguments: arguments(name, "second"),
        parallelism: 1,
    };
    job.moves_by_hand().await;
}
