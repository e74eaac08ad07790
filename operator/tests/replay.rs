//! Recordings as a person makes and replays them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use flink_operator_core::crd::FlinkApplication;
use flink_operator_core::record::Record;
use flink_operator_fixtures::yaml;
use kube::Api;
use kube::api::PostParams;
use serde_json::{Value, json};
use support::real::{manifest, until_running};
use support::{Directory, PROGRAM, Sandbox, until, word};

const SNAPSHOTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/snapshots");
const COMPLETED: &str = include_str!("../../fixtures/snapshots/savepointing/savepoint-completed.yaml");
const SECRET: &str = "hunter-2";

fn replay(arguments: &[&str]) -> Output {
    Command::new(PROGRAM).arg("replay").args(arguments).stdin(Stdio::null()).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// One record as a line of JSON.
fn line(record: &Record) -> String {
    serde_json::to_string(record).unwrap() + "\n"
}

fn completed() -> Record {
    yaml::read(COMPLETED).unwrap()
}

/// A record of a version that decided otherwise.
fn otherwise() -> Record {
    let mut record = completed();
    let step = record.step.as_mut().unwrap();
    step.rule = "SavepointBelieved".to_owned();
    step.next.as_mut().unwrap()["phase"]["submittingJob"]["attempt"] = 7.into();
    record.version = "0.0.9".to_owned();
    record
}

#[test]
fn the_recordings_of_this_repository_are_decided_as_they_were_recorded() {
    let output = replay(&[SNAPSHOTS]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let told = stdout(&output);
    assert!(told.contains("default/orders in Savepointing at 2026-03-01T12:00:"), "{told}");
    assert!(told.contains("rule    SavepointCompleted: The savepoint is complete"), "{told}");
    assert!(told.contains("moves   to SubmittingJob"), "{told}");
    assert!(told.trim_end().ends_with("decided as recorded"), "{told}");
    let quiet = stdout(&replay(&["--quiet", SNAPSHOTS]));
    assert_eq!(quiet.lines().count(), 1, "{quiet}");
}

#[test]
fn a_core_that_decides_otherwise_is_told_apart_field_by_field() {
    let directory = Directory::new();
    let file = directory.write("shop.orders.jsonl", &(line(&completed()) + &line(&otherwise())));
    let output = replay(&["--quiet", word(&file)]);
    assert_eq!(output.status.code(), Some(1));
    let told = stdout(&output);
    assert!(told.starts_with(&format!("{}:2\n", file.display())), "{told}");
    for part in [
        "OTHERWISE than version 0.0.9 decided",
        "- rule: SavepointBelieved",
        "+ rule: SavepointCompleted",
        "- next.phase.submittingJob.attempt: 7",
        "+ next.phase.submittingJob.attempt: 1",
        "2 records: 1 decided as recorded, 1 OTHERWISE",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert!(stderr(&output).contains("1 record would be decided otherwise"), "{}", stderr(&output));
}

#[test]
fn programs_get_one_line_of_json_a_record() {
    let directory = Directory::new();
    directory.write("a.jsonl", &(line(&completed()) + &line(&otherwise())));
    let output = replay(&["--output", "json", word(&directory.0)]);
    assert_eq!(output.status.code(), Some(1));
    let told: Vec<Value> = stdout(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(told.iter().map(|it| &it["same"]).collect::<Vec<_>>(), [true, false]);
    assert_eq!(told[1]["recorded"]["rule"], "SavepointBelieved");
    assert_eq!(told[1]["decided"]["rule"], "SavepointCompleted");
    assert_eq!(told[1]["differences"].as_array().unwrap().len(), 2);
}

#[test]
fn a_snapshot_without_a_decision_is_decided_and_has_nothing_to_compare_with() {
    let directory = Directory::new();
    let bare = yaml::write(&completed().snapshot).unwrap();
    let file = directory.write("old.yaml", &bare);
    let output = replay(&[word(&file)]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let told = stdout(&output);
    assert!(told.contains("SavepointCompleted") && told.contains("nothing was recorded to compare with"), "{told}");
    let json: Value = serde_json::from_slice(&replay(&["--output", "json", word(&file)]).stdout).unwrap();
    assert_eq!((&json["recorded"], &json["same"]), (&Value::Null, &Value::Null));
}

#[test]
fn a_bad_record_is_named_by_file_line_and_field_and_the_others_are_replayed() {
    let directory = Directory::new();
    let mut wrong = serde_json::to_value(completed()).unwrap();
    wrong["snapshot"]["observed"]["flink"]["7e0e2575"]["savepoint"]["present"] = "DREAMING".into();
    let broken = line(&completed()).split_at(500).0.to_owned();
    let lines = format!("{}{wrong}\n{broken}\n{}", line(&completed()), line(&completed()));
    let file = directory.write("shop.orders.jsonl", &lines);
    let output = replay(&[word(&file)]);
    assert_eq!(output.status.code(), Some(2));
    let (told, problems) = (stdout(&output), stderr(&output));
    let field = format!("{}:2: snapshot.observed.flink.7e0e2575.savepoint", file.display());
    assert!(problems.contains(&field) && problems.contains("DREAMING"), "{problems}");
    assert!(problems.contains(&format!("{}:3: ", file.display())), "{problems}");
    assert!(told.contains("4 records: 2 decided as recorded, 2 not readable"), "{told}");
}

#[test]
fn a_bad_document_of_yaml_is_named_by_file_line_and_field() {
    let directory = Directory::new();
    let file =
        directory.write("two.yaml", &format!("{COMPLETED}---\n{}", COMPLETED.replace("nextStop: 1", "nextStop: x")));
    let output = replay(&[word(&file)]);
    assert_eq!(output.status.code(), Some(2));
    let place = format!("{}:{}: snapshot.memory", file.display(), COMPLETED.lines().count() + 2);
    assert!(stderr(&output).contains(&place), "{place}: {}", stderr(&output));
    assert!(stdout(&output).contains("2 records: 1 decided as recorded, 1 not readable"), "{}", stdout(&output));
}

#[test]
fn what_holds_no_record_is_refused() {
    let directory = Directory::new();
    for path in [word(&directory.0), "/nowhere/at-all"] {
        let output = replay(&[path]);
        assert_eq!(output.status.code(), Some(2), "{path}: {}", stderr(&output));
    }
}

#[test]
fn standard_input_is_replayed_in_either_form() {
    for text in [COMPLETED.to_owned(), line(&completed())] {
        assert_eq!(replay_from_stdin(&text).status.code(), Some(0));
    }
}

fn replay_from_stdin(text: &str) -> Output {
    let mut command = Command::new(PROGRAM);
    command.args(["replay", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

#[test]
fn an_application_must_be_named_with_its_namespace() {
    let output = Command::new(PROGRAM).args(["record", "orders"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("default/orders"), "{}", stderr(&output));
}

/// An operator that records; it ends when its standard input does.
struct Recording(Child);

impl Recording {
    fn start(sandbox: &Sandbox, directory: &Path) -> Self {
        let port = sandbox.port().to_string();
        let child = Command::new(PROGRAM)
            .args(["run", "--kubeconfig", word(&sandbox.kubeconfig()), "--kubectl-proxy", &port])
            .args(["--listen", "127.0.0.1:0", "--log-level", "error", "--with-parent", "--record", word(directory)])
            .stdin(Stdio::piped())
            .spawn();
        Self(child.unwrap())
    }

    fn end(mut self) {
        drop(self.0.stdin.take());
        assert!(self.0.wait().unwrap().success());
    }
}

/// A look with `record`.
fn look(sandbox: &Sandbox, name: &str, form: &str) -> Output {
    let port = sandbox.port().to_string();
    let mut command = Command::new(PROGRAM);
    command.args(["record", name, "--kubeconfig", word(&sandbox.kubeconfig()), "--kubectl-proxy", &port]);
    command.args(["--output", form]).output().unwrap()
}

#[tokio::test]
async fn what_is_recorded_of_a_live_application_replays_and_holds_no_secret() {
    let directory = Directory::new();
    let sandbox = directory.start(&["--simulated", "--no-operator"]);
    let client = sandbox.client().await;
    let recordings = directory.0.join("recordings");
    let operator = Recording::start(&sandbox, &recordings);
    let api: Api<FlinkApplication> = Api::default_namespaced(client);
    let mut application = manifest("numbers", "first");
    application.spec.program_args = Some(format!("--out data/numbers --password {SECRET}"));
    application.spec.flink_config = Some([("s3.secret-key".to_owned(), json!(SECRET))].into());
    api.create(&PostParams::default(), &application).await.unwrap();
    until_running(&api, "numbers", 1).await;

    until("the rest is recorded", || async { recorded(&recordings).contains("JobRests").then_some(()) }).await;
    operator.end();
    let text = recorded(&recordings);
    assert!(!text.contains(SECRET));
    let rules: Vec<String> =
        text.lines().map(|line| serde_json::from_str::<Record>(line).unwrap().step.unwrap().rule).collect();
    for rule in ["DeployBegun", "ClusterRequested", "ClusterCreated", "SubmissionRequested", "JobStarted", "JobRests"] {
        assert!(rules.iter().any(|it| it == rule), "{rule} in {rules:?}");
    }
    let replayed = replay(&[word(&recordings)]);
    assert_eq!(replayed.status.code(), Some(0), "{}{}", stdout(&replayed), stderr(&replayed));

    let before = api.get("numbers").await.unwrap();
    let (yaml, json) = (look(&sandbox, "default/numbers", "yaml"), look(&sandbox, "default/numbers", "json"));
    for output in [&yaml, &json] {
        assert_eq!(output.status.code(), Some(0), "{}", stderr(output));
        assert_eq!(stderr(output), "");
        assert!(!stdout(output).contains(SECRET), "{}", stdout(output));
        let replayed = replay_from_stdin(&stdout(output));
        assert_eq!(replayed.status.code(), Some(0), "{}{}", stdout(&replayed), stderr(&replayed));
        assert!(stdout(&replayed).contains("1 record: 1 decided as recorded"), "{}", stdout(&replayed));
    }
    // The decision on a look of nobody who was there before.
    let record: Record = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(record.step.unwrap().rule, "JobRests");
    let seen = record.snapshot.observed.flink.values().next().unwrap();
    assert!(seen.job.present().is_some() && seen.overview.present().is_some(), "{seen:?}");
    assert_eq!(api.get("numbers").await.unwrap(), before, "a look changes nothing");
    let missing = look(&sandbox, "default/letters", "yaml");
    assert_eq!(missing.status.code(), Some(1));
    assert!(stderr(&missing).contains("there is no FlinkApplication letters"), "{}", stderr(&missing));
}

/// All that was recorded of the application.
fn recorded(directory: &Path) -> String {
    std::fs::read_to_string(directory.join("default.numbers.decisions.jsonl")).unwrap_or_default()
}
