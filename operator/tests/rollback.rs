//! `flinkk8soperator rollback`, as a person calls it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::process::{Command, Output, Stdio};

use flink_operator_core::application::Application;
use flink_operator_core::crd::FlinkApplication;
use flink_operator_core::record::Record;
use flink_operator_core::snapshot::Remembered;
use flink_operator_core::status;
use kube::Api;
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::json;
use support::real::manifest;
use support::{Directory, PROGRAM, Sandbox, word};

const SNAPSHOTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/snapshots");

fn rollback(sandbox: &Sandbox, name: &str) -> Output {
    let (port, kubeconfig) = (sandbox.port().to_string(), sandbox.kubeconfig());
    Command::new(PROGRAM)
        .args(["rollback", name, "--kubeconfig", word(&kubeconfig), "--kubectl-proxy", &port])
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// An application, without an operator, that is where the one of a recording was.
async fn stands_as(api: &Api<FlinkApplication>, name: &str, recording: &str) {
    let created = api.create(&PostParams::default(), &manifest(name, "first")).await.unwrap();
    let record: Record =
        serde_saphyr::from_str(&std::fs::read_to_string(format!("{SNAPSHOTS}/{recording}")).unwrap()).unwrap();
    let Remembered::Known(memory) = record.snapshot.memory else { panic!("{recording} has no memory") };
    let now = record.snapshot.now;
    let status = status::write(&memory, &Application::parse(&created), &record.snapshot.policy, None, now);
    let patch = Patch::Merge(json!({ "status": status }));
    api.patch_status(name, &PatchParams::default(), &patch).await.unwrap();
}

#[tokio::test]
async fn a_deploy_that_is_under_way_is_given_up_and_nothing_else_is() {
    let directory = Directory::new();
    let sandbox = directory.start(&["--simulated", "--no-operator"]);
    let api: Api<FlinkApplication> = Api::default_namespaced(sandbox.client().await);
    stands_as(&api, "deploying", "cluster-starting/cluster-awaited.yaml").await;
    stands_as(&api, "resting", "running/job-rests.yaml").await;

    let output = rollback(&sandbox, "default/deploying");
    let told = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(told.starts_with("default/deploying: spec.forceRollback is true now"), "{told}");
    assert_eq!(api.get("deploying").await.unwrap().spec.force_rollback, Some(true));

    for (name, why) in
        [("default/resting", "Running: nothing is being deployed"), ("default/nobody", "no FlinkApplication")]
    {
        let output = rollback(&sandbox, name);
        let problem = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{problem}");
        assert!(problem.contains(why), "{problem}");
    }
    assert_eq!(api.get("resting").await.unwrap().spec.force_rollback, None);
}
