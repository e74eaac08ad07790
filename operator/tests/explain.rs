//! `flinkk8soperator explain`, `savepoint list` and the plugin of kubectl, as a person calls them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use flink_operator_core::crd::FlinkApplication;
use kube::Api;
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use support::real::{Operator, manifest, until_running};
use support::{Directory, PROGRAM, Sandbox, until, word};

const SNAPSHOTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/snapshots");

fn run(arguments: &[&str]) -> Output {
    Command::new(PROGRAM).args(arguments).stdin(Stdio::null()).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn snapshot(name: &str) -> PathBuf {
    Path::new(SNAPSHOTS).join(name)
}

/// The account of a recording.
fn told(name: &str) -> String {
    let output = run(&["explain", "--from", word(&snapshot(name))]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    stdout(&output)
}

/// The account of a recording, changed in its text, as an object.
fn account(name: &str, change: impl Fn(String) -> String) -> Value {
    let directory = Directory::new();
    let file = directory.write("record.yaml", &change(std::fs::read_to_string(snapshot(name)).unwrap()));
    let output = run(&["explain", "--from", word(&file), "--output", "json"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn recordings() -> Vec<PathBuf> {
    let entries = |path: &Path| std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    entries(Path::new(SNAPSHOTS)).iter().flat_map(|phase| entries(phase)).collect()
}

#[test]
fn every_recording_is_explained_by_the_rule_in_it() {
    let all = recordings();
    assert!(all.len() > 80);
    for path in all {
        let record: Value = serde_saphyr::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let output = run(&["explain", "--from", word(&path), "--output", "json"]);
        assert_eq!(output.status.code(), Some(0), "{}: {}", path.display(), stderr(&output));
        let account: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(account["decision"]["rule"], record["step"]["rule"], "{}", path.display());
        let list = run(&["savepoint", "list", "--from", word(&path)]);
        assert!(
            stdout(&list).contains("\nnext start: ") || stdout(&list).starts_with("next start: "),
            "{}",
            path.display()
        );
    }
}

#[test]
fn what_happens_if_nothing_changes_follows_the_configuration() {
    let name = "cluster-starting/cluster-awaited.yaml";
    for (ms, at) in [
        (300_000, "2026-03-01T12:05:00Z"),
        (60_000, "2026-03-01T12:01:00Z"),
        // A day, second by second.
        (86_400_000, "2026-03-02T12:00:00Z"),
    ] {
        let timeout = format!("clusterStartTimeoutMs: {ms}");
        let account = account(name, |text| text.replace("clusterStartTimeoutMs: 300000", &timeout));
        assert_eq!(account["then"]["at"], at);
        assert_eq!(account["then"]["decision"]["rule"], "ClusterStartTimedOut");
        assert_eq!(account["then"]["decision"]["movesTo"], "DeployFailed");
    }
    let rests = account("running/job-rests.yaml", |text| text);
    assert_eq!(rests["then"], json!({"kind": "rest"}));
    let done_now = account("running/spec-refused.yaml", |text| text);
    assert_eq!(done_now["then"], Value::Null);
    assert_eq!(rests["hindrances"], json!([]));
}

#[test]
fn a_delay_before_the_next_try_ends_in_that_try() {
    let account = account("updating/backoff-awaited.yaml", |text| text);
    assert_eq!(account["decision"]["rule"], "BackoffAwaited");
    assert_eq!(account["then"]["decision"]["rule"], "ClusterRequested");
    assert_eq!(account["then"]["at"], account["looksAgain"]);
    let hindrances = account["hindrances"].to_string();
    assert!(hindrances.contains("connection reset"), "{hindrances}");
}

#[test]
fn what_stands_in_the_way_is_named_with_what_to_do() {
    let text = told("cluster-starting/cluster-start-timed-out.yaml");
    assert!(text.contains("ImagePullBackOff"), "{text}");
    assert!(text.contains("-> correct spec.image or spec.imagePullSecrets"), "{text}");
    let text = told("running/spec-refused.yaml");
    assert!(
        text.contains("What stands in the way\n  spec.jobManagerConfig.resources.requests[\"memory\"]: "),
        "{text}"
    );
    assert!(text.contains("-> lower the request or raise the limit"), "{text}");
    let text = told("deleting/deletion-blocked.yaml");
    assert!(text.contains("-> set spec.deleteMode to ForceCancel or None"), "{text}");
}

#[test]
fn the_next_start_is_the_one_that_the_core_decides() {
    let next = |name: &str| {
        let list = run(&["savepoint", "list", "--output", "json", "--from", word(&snapshot(name))]);
        let list: Value = serde_json::from_slice(&list.stdout).unwrap();
        list["nextStart"].as_str().unwrap().to_owned()
    };
    let savepoint = "file:/savepoints/savepoint-baae2a-000000000001";
    assert_eq!(next("savepointing/savepoint-completed.yaml"), format!("from {savepoint}, at once"));
    // The newer checkpoint is not it: the savepoint is what the job ended with.
    assert!(next("recovering/job-end-awaited.yaml").starts_with(&format!("from {savepoint}, at 2026")));
    assert_eq!(next("rolling-back-job/rollback-blocked.yaml"), format!("from {savepoint}"));
    assert!(next("running/job-rests.yaml").starts_with("an update takes a new savepoint"));
    assert!(next("deleting/deletion-rests.yaml").starts_with("none"));
}

#[test]
fn a_record_that_cannot_be_used_is_refused_with_its_place() {
    let directory = Directory::new();
    let whole = std::fs::read_to_string(snapshot("running/job-rests.yaml")).unwrap();
    let (half, _) = whole.split_at(whole.len() / 2);
    let truncated = directory.write("half.yaml", half);
    let empty = directory.write("empty.yaml", "");
    let sound = directory.write("sound.yaml", &whole);
    let missing = directory.0.join("missing.yaml");
    for (arguments, expected) in [
        (vec![word(&truncated)], "half.yaml:"),
        (vec![word(&empty)], "there is no record in"),
        (vec![word(&missing)], "cannot read"),
        (vec![word(&sound), "letters"], "there is no record of letters in"),
        (vec![word(&sound), "shop/orders"], "there is no record of orders in"),
    ] {
        let output = run(&[&["explain", "--from"], arguments.as_slice()].concat());
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(stderr(&output).contains(expected), "{}", stderr(&output));
        assert_eq!(stdout(&output), "");
    }
    assert_eq!(run(&["explain", "default/orders", "--from", word(&sound)]).status.code(), Some(0));
}

#[test]
fn a_record_of_a_newer_version_is_explained_with_a_note() {
    let directory = Directory::new();
    let text = std::fs::read_to_string(snapshot("running/job-rests.yaml")).unwrap();
    let file = directory.write("newer.yaml", &text.replacen("0.1.0", "9.0.0", 1));
    let output = run(&["explain", "--from", word(&file)]);
    assert_eq!(output.status.code(), Some(0));
    assert!(stderr(&output).contains("was recorded by version 9.0.0"), "{}", stderr(&output));
}

#[test]
fn an_application_needs_a_namespace_and_only_one() {
    for (arguments, expected) in [
        (["orders", "--output", "text"], "default/orders"),
        (["shop/orders", "-n", "default"], "in shop or in default"),
        (["shop/", "-n", "default"], "like default/orders"),
    ] {
        let output = run(&[&["explain"], arguments.as_slice()].concat());
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(stderr(&output).contains(expected), "{}", stderr(&output));
    }
}

#[test]
fn a_cluster_that_does_not_answer_is_an_error() {
    let directory = Directory::new();
    let nobody = "apiVersion: v1\nkind: Config\ncurrent-context: a\ncontexts: [{name: a, context: {cluster: a, user: a}}]\n\
                  users: [{name: a, user: {}}]\nclusters: [{name: a, cluster: {server: \"http://127.0.0.1:9\"}}]\n";
    let file = directory.write("kubeconfig", nobody);
    for command in [&["explain"][..], &["savepoint", "list"], &["record"]] {
        let output = run(&[command, &["default/orders", "--kubeconfig", word(&file)]].concat());
        assert_eq!(output.status.code(), Some(1), "{command:?}: {}", stderr(&output));
        assert!(stderr(&output).starts_with("error: "), "{}", stderr(&output));
    }
    let missing = directory.0.join("nowhere");
    let output = run(&["explain", "default/orders", "--kubeconfig", word(&missing)]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
}

#[test]
fn every_shell_gets_a_script() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = run(&["completion", shell]);
        assert_eq!(output.status.code(), Some(0), "{shell}");
        assert!(stdout(&output).contains("explain"), "{shell}");
    }
}

/// The program under the name that kubectl looks for.
fn plugin(directory: &Directory) -> PathBuf {
    let path = directory.0.join("kubectl-flinkapp");
    std::os::unix::fs::symlink(PROGRAM, &path).unwrap();
    path
}

/// A look with a command at the application of the sandbox.
fn look(program: &Path, sandbox: &Sandbox, words: &[&str]) -> Output {
    let port = sandbox.port().to_string();
    let mut command = Command::new(program);
    command.args(words).args(["--kubeconfig", word(&sandbox.kubeconfig()), "--kubectl-proxy", &port]);
    command.stdin(Stdio::null()).output().unwrap()
}

#[tokio::test]
async fn a_live_application_is_explained_and_nothing_is_changed() {
    let directory = Directory::new();
    let sandbox = directory.start(&["--simulated", "--no-operator"]);
    let client = sandbox.client().await;
    let operator = Operator::start(&sandbox);
    let api: Api<FlinkApplication> = Api::default_namespaced(client);
    api.create(&PostParams::default(), &manifest("numbers", "first")).await.unwrap();
    until_running(&api, "numbers", 1).await;
    let program = Path::new(PROGRAM);

    // An event may come a moment after what it tells of.
    let text = until("the events are told", || async {
        let output = look(program, &sandbox, &["explain", "default/numbers"]);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        assert_eq!(stderr(&output), "");
        stdout(&output).contains("JobSubmitted").then(|| stdout(&output))
    })
    .await;
    for expected in [
        "default/numbers is in Running for ",
        "JobRests: The spec is deployed; there is nothing to do.",
        "If nothing changes, it stays as it is.",
        "numbers.jar, parallelism 1",
        ": RUNNING, Green, ",
        "Nothing that can be seen.",
        "CreatingCluster: ",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    let (created, submitted) = (text.find("CreatingCluster").unwrap(), text.find("JobSubmitted").unwrap());
    assert!(created < submitted, "the newest is last: {text}");

    // The plugin takes the namespace of the kubeconfig.
    let plugin = plugin(&directory);
    let output = look(&plugin, &sandbox, &["explain", "numbers", "--output", "json"]);
    let account: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(account["application"], "default/numbers");
    assert_eq!(account["deployed"][0]["state"], "RUNNING");
    let list = look(&plugin, &sandbox, &["savepoint", "list", "numbers", "-n", "default"]);
    assert!(stdout(&list).contains("next start: an update takes a new savepoint"), "{}", stdout(&list));
    let record = look(&plugin, &sandbox, &["record", "numbers", "--output", "json"]);
    assert_eq!(serde_json::from_slice::<Value>(&record.stdout).unwrap()["step"]["rule"], "JobRests");
    let missing = look(program, &sandbox, &["explain", "default/letters"]);
    assert_eq!(missing.status.code(), Some(1));
    assert!(stderr(&missing).contains("there is no FlinkApplication letters in the namespace default"));

    let before = api.get("numbers").await.unwrap();
    look(program, &sandbox, &["explain", "default/numbers"]);
    assert_eq!(api.get("numbers").await.unwrap().metadata, before.metadata, "a look changes nothing");

    // Of a deploy that was refused, what to write is told.
    let refused = json!({"spec": {"taskManagerConfig": {"resources": {"requests": {"memory": "9Gi"}}}}});
    api.patch("numbers", &PatchParams::default(), &Patch::Merge(&refused)).await.unwrap();
    let text = until("the refusal is told", || async {
        let text = stdout(&look(program, &sandbox, &["explain", "default/numbers"]));
        (text.contains("is in DeployFailed") && text.contains("! SpecRefused")).then_some(text)
    })
    .await;
    assert!(text.contains("-> lower the request or raise the limit"), "{text}");
    assert!(text.contains(": RUNNING, Green, "), "what runs is left alone: {text}");
    drop(operator);
}

#[test]
fn standard_input_is_explained() {
    let mut command = Command::new(PROGRAM);
    command.args(["explain", "--from", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let text = std::fs::read(snapshot("running/job-rests.yaml")).unwrap();
    child.stdin.take().unwrap().write_all(&text).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(stdout(&output).starts_with("default/orders is in Running"), "{}", stdout(&output));
}
