//! `flinkk8soperator plan`, as a person calls it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Instant;

use flink_operator_core::crd::FlinkApplication;
use kube::Api;
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use support::real::{Operator, manifest, until_running};
use support::{Directory, PROGRAM, until, word};

fn run(arguments: &[&str]) -> Output {
    Command::new(PROGRAM).args(arguments).stdin(Stdio::null()).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn recorded() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/snapshots/running/job-rests.yaml")
}

/// The manifest of docs/plan.md, changed in its text.
fn edited(directory: &Directory, name: &str, from: &str, to: &str) -> PathBuf {
    let text = include_str!("../../docs/examples/orders-2.yaml");
    assert!(text.contains(from));
    directory.write(name, &text.replace(from, to))
}

fn plan(file: &Path) -> Output {
    run(&["plan", "-f", word(file), "--from", word(&recorded())])
}

#[test]
fn an_edit_is_planned() {
    let directory = Directory::new();
    let output = plan(&edited(&directory, "new.yaml", "", ""));
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
}

#[test]
fn the_same_spec_is_nothing_to_do() {
    let directory = Directory::new();
    let output = plan(&edited(&directory, "same.yaml", "orders:2", "orders:1"));
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
    assert!(stdout(&output).contains("Nothing in the resource."));
}

#[test]
fn a_program_reads_what_the_job_starts_from() {
    let directory = Directory::new();
    let file = edited(&directory, "new.yaml", "programArgs: --topic orders", "savepointDisabled: true");
    let output = run(&["plan", "--to", word(&file), "--from", word(&recorded()), "--output", "json"]);
    let plan: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(plan["startsFrom"], json!({ "kind": "empty" }));
    assert_eq!(plan["jobRestarts"], json!(true));
    assert_eq!(plan["downtime"], json!("notKnown"));
    assert_eq!(plan["peakExtra"]["pods"], json!(2));
}

#[test]
fn two_manifests_need_no_cluster() {
    let directory = Directory::new();
    let old = edited(&directory, "old.yaml", "orders:2", "orders:1");
    let new = edited(&directory, "new.yaml", "", "");
    let output = run(&["plan", "--from", word(&old), "--to", word(&new)]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(stdout(&output).contains("It starts from a savepoint that is taken on the way.\n"), "{}", stdout(&output));
    let output = run(&["plan", "--from", word(&new), "--to", word(&new)]);
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
}

#[test]
fn a_secret_is_not_shown() {
    let directory = Directory::new();
    let file = edited(&directory, "new.yaml", "--topic orders", "--topic orders --password hunter22");
    let output = plan(&file);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stdout(&output).contains("spec.programArgs") && !stdout(&output).contains("hunter22"),
        "{}",
        stdout(&output)
    );
}

#[test]
fn what_cannot_be_planned_is_refused_with_1_and_says_why() {
    let directory = Directory::new();
    let end = "programArgs: --topic orders\n";
    for (from, to, expected) in [
        ("metadata:\n", "\tmetadata:\n", "found a tab"),
        ("taskSlots: 2", "taskSlots: 0", "spec.taskManagerConfig.taskSlots"),
        ("kind: FlinkApplication", "kind: Deployment", "error: kind: "),
        ("name: orders", "name: letters", "there is no record of letters"),
        (end, "deploymentMode: BlueGreen\n", "does not change between BlueGreen and the other modes"),
    ] {
        let output = plan(&edited(&directory, "new.yaml", from, to));
        assert_eq!(output.status.code(), Some(1), "{to}: {}", stdout(&output));
        let said = stdout(&output) + &stderr(&output);
        assert!(said.contains(expected), "{to}: {said}");
    }
    let file = edited(&directory, "new.yaml", "", "");
    let half = std::fs::read_to_string(recorded()).unwrap();
    let half = directory.write("half.yaml", half.split_at(half.len() / 2).0);
    let nobody = "apiVersion: v1\nkind: Config\ncurrent-context: a\ncontexts: [{name: a, context: {cluster: a, user: a}}]\n\
                  users: [{name: a, user: {}}]\nclusters: [{name: a, cluster: {server: \"http://127.0.0.1:9\"}}]\n";
    let nobody = directory.write("kubeconfig", nobody);
    for arguments in [
        &["plan"][..],
        &["plan", "-f", word(&file), "--from", word(&half)],
        &["plan", "-f", "nowhere.yaml"],
        &["plan", "-f", word(&file), "--kubeconfig", word(&nobody)],
    ] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {}", stderr(&output));
        assert!(stderr(&output).starts_with("error: "), "{}", stderr(&output));
        assert_eq!(stdout(&output), "");
    }
    let text = std::fs::read_to_string(&file).unwrap();
    let output = plan(&directory.write("twice.yaml", &format!("{text}---\n{text}")));
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("more than one FlinkApplication"), "{}", stderr(&output));
}

#[test]
fn every_recording_can_be_planned_from_or_says_why_not() {
    let directory = Directory::new();
    let file = edited(&directory, "new.yaml", "", "");
    let entries = |path: &Path| std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    let all = entries(recorded().parent().unwrap().parent().unwrap());
    for record in all.iter().flat_map(|phase| entries(phase)) {
        let output = run(&["plan", "-f", word(&file), "--from", word(&record)]);
        match output.status.code() {
            Some(0 | 2) => assert!(stdout(&output).starts_with("Plan for "), "{record:?}"),
            Some(1) => assert!(
                stderr(&output).starts_with("error: ") || stdout(&output).contains("\nRefused\n"),
                "{record:?}: {}",
                stderr(&output)
            ),
            code => panic!("{record:?}: {code:?} {}", stderr(&output)),
        }
    }
}

#[tokio::test]
async fn a_live_application_is_planned_and_nothing_is_changed() {
    let directory = Directory::new();
    let sandbox = directory.start(&["--simulated", "--no-operator"]);
    let client = sandbox.client().await;
    let operator = Operator::start(&sandbox);
    let api: Api<FlinkApplication> = Api::default_namespaced(client);
    api.create(&PostParams::default(), &manifest("numbers", "first")).await.unwrap();
    until_running(&api, "numbers", 1).await;

    let mut edited = manifest("numbers", "first");
    edited.spec.parallelism = 3;
    let file = directory.write("new.yaml", &serde_json::to_string(&edited).unwrap());
    let before = api.get("numbers").await.unwrap();
    let (port, kubeconfig) = (sandbox.port().to_string(), sandbox.kubeconfig());
    let begin = Instant::now();
    let output = run(&["plan", "-f", word(&file), "--kubeconfig", word(&kubeconfig), "--kubectl-proxy", &port]);
    let took = begin.elapsed();
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(stdout(&output).contains("The running job is stopped, and a new one is started."), "{}", stdout(&output));
    assert!(stdout(&output).contains("It rests in Running; a job runs."), "{}", stdout(&output));
    println!("planned in {} ms", took.as_millis());
    assert_eq!(api.get("numbers").await.unwrap().spec, before.spec, "a plan writes nothing");

    // The next plan tells how long this edit took. The model knows neither quotas nor nodes.
    let edit = json!({ "spec": { "parallelism": 3 } });
    api.patch("numbers", &PatchParams::default(), &Patch::Merge(edit)).await.unwrap();
    until_running(&api, "numbers", 2).await;
    edited.spec.parallelism = 4;
    let file = directory.write("newer.yaml", &serde_json::to_string(&edited).unwrap());
    let told = until("the last update is told of", || async {
        let words = ["plan", "-f", word(&file), "--kubeconfig", word(&kubeconfig), "--kubectl-proxy", &port];
        let plan: Value = serde_json::from_slice(&run(&[&words[..], &["--output", "json"]].concat()).stdout).unwrap();
        plan["lastDowntime"].is_object().then_some(plan)
    })
    .await;
    assert!(told["lastDowntime"]["seconds"].as_f64().unwrap() > 0.0, "{told}");
    assert_eq!(told["room"]["lacks"], json!([]));
    assert_eq!(told["room"]["notLookedAt"].as_array().unwrap().len(), 2, "{told}");
    drop(operator);
}
