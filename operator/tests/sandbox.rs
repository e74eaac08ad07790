//! The sandbox as a person meets it, on the simulated Flink.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::process::Output;

use flink_operator_core::crd::FlinkApplication;
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::json;
use support::{Directory, NUMBERS, until, word};

/// Runs a sandbox to its end with this manifest.
fn run(manifest: &str, arguments: &[&str]) -> (Directory, Output) {
    let directory = Directory::new();
    let path = directory.write("application.yaml", manifest);
    let output = directory.sandbox(arguments).arg(path).output().unwrap();
    (directory, output)
}

fn code(output: &Output) -> Option<i32> {
    output.status.code()
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

const UNTIL_RUNNING: [&str; 3] = ["--simulated", "--until", "running"];

#[test]
fn an_application_runs_on_the_simulated_flink_and_it_says_so() {
    let (directory, output) = run(NUMBERS, &UNTIL_RUNNING);
    assert_eq!(code(&output), Some(0), "{}{}", stdout(&output), stderr(&output));
    let told = stdout(&output);
    assert!(told.contains("Flink is simulated"), "{told}");
    assert!(told.contains("numbers: Running") && told.contains("All tasks of the job run."), "{told}");
    assert!(!told.contains('\x1b'), "a pipe gets no colours: {told}");
    assert_eq!(directory.processes(), Vec::new());
}

#[test]
fn the_built_in_example_needs_no_file() {
    let output = Directory::new().sandbox(&UNTIL_RUNNING).arg("--example").output().unwrap();
    assert_eq!(code(&output), Some(0), "{}{}", stdout(&output), stderr(&output));
}

#[test]
fn without_java_it_says_what_to_install_and_goes_on_simulated() {
    let directory = Directory::new();
    let mut command = directory.sandbox(&["--example", "--until", "running"]);
    let output = command.env_remove("JAVA_HOME").env("PATH", &directory.0).output().unwrap();
    assert_eq!(code(&output), Some(0), "{}{}", stdout(&output), stderr(&output));
    assert!(stdout(&output).contains("Flink is simulated: no job really runs. no Java was found: install Java 17"));
}

#[test]
fn a_bad_manifest_is_refused_before_anything_starts() {
    let long = format!("name: {}", "n".repeat(80));
    let changed = [
        ("parallelism: 1", "paralelism: 1", "spec.paralelism: the resource has no such field; correct its spelling"),
        ("parallelism: 1", "parallelism: many", "spec.parallelism: it is a text; write a whole number"),
        ("parallelism: 1", "parallelism: 0", "spec.parallelism: 0 is too small; write 1 or more"),
        ("memory: 1Gi", "memory: 1Gx", "resources.requests[\"memory\"]: \"1Gx\" is not a quantity"),
        ("name: numbers", &long, "metadata.name: 80 characters"),
        ("kind: FlinkApplication", "kind: Deployment", "kind: it is \"Deployment\"; write FlinkApplication"),
        ("jarName: numbers.jar", "jarName: a/b.jar", "spec.jarName: Flink knows jars by their file name"),
    ];
    let mut cases: Vec<(String, &str)> = changed.map(|(old, new, said)| (NUMBERS.replace(old, new), said)).into();
    cases.push(("{{{".to_owned(), "this is not YAML"));
    cases.push((String::new(), "there is no FlinkApplication in it"));
    cases.push((format!("{NUMBERS}---\n{NUMBERS}"), "metadata.name: two applications are called numbers"));
    for (manifest, said) in cases {
        let (directory, output) = run(&manifest, &UNTIL_RUNNING);
        assert_eq!(code(&output), Some(2), "{said}: {}", stderr(&output));
        assert!(stderr(&output).contains(said), "{said}: {}", stderr(&output));
        assert_eq!(stdout(&output), "");
        assert!(!directory.run().exists());
    }
}

#[test]
fn what_is_not_there_is_named() {
    let nowhere = "/nowhere/at-all";
    for arguments in [vec![nowhere], vec!["--example", "--flink", nowhere], vec!["--example", "--jars", nowhere]] {
        let directory = Directory::new();
        let output = directory.sandbox(&arguments).output().unwrap();
        assert_eq!(code(&output), Some(2), "{arguments:?}: {}", stderr(&output));
        assert!(stderr(&output).contains(nowhere), "{}", stderr(&output));
        assert!(!directory.run().exists(), "{arguments:?}");
    }
}

#[test]
fn a_directory_with_other_things_in_it_is_left_alone() {
    let directory = Directory::new();
    std::fs::create_dir(directory.run()).unwrap();
    directory.write("run/mine", "");
    let output = directory.sandbox(&["--example", "--simulated"]).output().unwrap();
    assert_eq!(code(&output), Some(2));
    assert!(stderr(&output).contains("is not empty"), "{}", stderr(&output));
}

#[test]
fn a_program_that_throws_fails_the_deploy_with_its_own_words() {
    let (_, output) = run(&NUMBERS.replace("entryClass: Numbers", "entryClass: Throws"), &UNTIL_RUNNING);
    assert_eq!(code(&output), Some(1), "{}", stdout(&output));
    let said = stderr(&output);
    assert!(said.contains("the deploy of numbers failed") && said.contains("IllegalArgumentException"), "{said}");
    assert!(stdout(&output).contains("every process has ended"));
}

#[test]
fn a_jar_that_is_not_there_fails_the_deploy_and_is_named() {
    let (_, output) = run(&NUMBERS.replace("numbers.jar", "other.jar"), &UNTIL_RUNNING);
    assert_eq!(code(&output), Some(1), "{}", stdout(&output));
    assert!(stderr(&output).contains("the JobManager has no jar other.jar"), "{}", stderr(&output));
}

#[test]
fn a_wait_that_is_too_short_says_where_it_stands() {
    let (_, output) = run(NUMBERS, &["--simulated", "--until", "gone", "--timeout", "1s"]);
    assert_eq!(code(&output), Some(1), "{}", stdout(&output));
    assert!(stderr(&output).contains("not there after 1.0 s.\nnumbers is "), "{}", stderr(&output));
}

#[tokio::test]
async fn an_edit_upgrades_the_job_and_a_delete_ends_it() {
    let directory = Directory::new();
    let mut sandbox = directory.start(&["--example", "--simulated", "--until", "gone"]);
    let api: Api<FlinkApplication> = Api::default_namespaced(sandbox.client().await);
    sandbox.until_it_prints("numbers: Running", 1).await;
    let edit = json!({"spec": {"parallelism": 3, "programArgs": "--out elsewhere"}});
    api.patch("numbers", &PatchParams::default(), &Patch::Merge(edit)).await.unwrap();
    sandbox.until_it_prints("was stopped with savepoint", 1).await;
    sandbox.until_it_prints("numbers: Running", 2).await;
    let status = until("the job is seen running", || async {
        let status = api.get("numbers").await.unwrap().status?;
        (status.job_status.as_ref()?.state.as_deref()? == "RUNNING").then_some(status)
    });
    let status = status.await;
    let job = status.job_status.unwrap();
    assert_eq!((job.parallelism, job.program_args.as_deref()), (Some(3), Some("--out elsewhere")));
    assert!(status.deployed.unwrap().restored_from.is_some());
    api.delete("numbers", &DeleteParams::default()).await.unwrap();
    assert!(sandbox.ended().await.success(), "{}", sandbox.output());
    assert!(sandbox.output().contains("numbers: gone"), "{}", sandbox.output());
}

#[tokio::test]
async fn it_stays_until_it_is_interrupted_and_leaves_no_process() {
    let directory = Directory::new();
    let mut sandbox = directory.start(&["--example", "--simulated"]);
    sandbox.until_it_prints("export KUBECONFIG=", 1).await;
    sandbox.signal("INT");
    assert!(sandbox.ended().await.success(), "{}", sandbox.output());
    assert_eq!(directory.processes(), Vec::new());
}

#[tokio::test]
async fn the_operator_does_not_outlive_a_sandbox_that_is_killed() {
    let directory = Directory::new();
    let mut sandbox = directory.start(&["--simulated"]);
    sandbox.until_it_prints("the operator runs", 1).await;
    until("the operator is there", || async { (directory.processes().len() >= 2).then_some(()) }).await;
    sandbox.signal("KILL");
    sandbox.ended().await;
    directory.until_no_process_is_left().await;
}

#[tokio::test]
async fn an_operator_that_is_killed_is_started_again() {
    let directory = Directory::new();
    let mut sandbox = directory.start(&["--example", "--simulated", "--until", "running"]);
    sandbox.until_it_prints("numbers: ClusterStarting", 1).await;
    directory.kill("run --kubeconfig");
    assert!(sandbox.ended().await.success(), "{}", sandbox.output());
    assert!(sandbox.output().contains("the operator was started again"), "{}", sandbox.output());
}

#[tokio::test]
async fn without_an_operator_nothing_happens_and_the_command_is_shown() {
    let directory = Directory::new();
    let kubeconfig = directory.0.join("elsewhere");
    let mut sandbox =
        directory.start(&["--example", "--simulated", "--no-operator", "--kubeconfig-out", word(&kubeconfig)]);
    sandbox.until_it_prints("numbers: New", 1).await;
    assert!(sandbox.output().contains(&format!("run --kubeconfig {}", word(&sandbox.kubeconfig()))));
    assert_eq!(std::fs::read(kubeconfig).unwrap(), std::fs::read(sandbox.kubeconfig()).unwrap());
}
