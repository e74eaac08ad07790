//! First deploys, and edits in mid-flight (B-11 to B-15).

use flink_operator_core::phase::PhaseName;
use flink_operator_core::rule::Rule;
use serde_json::json;

use crate::stories::*;
use crate::times;

#[test]
fn a_spec_that_failed_is_tried_again_after_another_one_ran() {
    let mut life = upgrading(PhaseName::ClusterStarting);
    life.lose_image();
    reach(&mut life, PhaseName::DeployFailed);
    life.set_pod_times(2 * SECOND, SECOND);
    life.edit(arguments("--topic third")).unwrap();
    reach(&mut life, PhaseName::Running);
    life.run_for(MINUTE);
    life.edit(arguments("--topic returns")).unwrap();
    reach(&mut life, PhaseName::SubmittingJob);
    reach(&mut life, PhaseName::Running);
    assert_eq!(life.deployed().unwrap().revision.job.program_args, "--topic returns");
    one_job_runs(&life);
}

#[test]
fn a_first_deploy_without_an_image_is_mended_by_an_edit_of_the_image() {
    let mut life = new();
    reach(&mut life, PhaseName::ClusterStarting);
    life.lose_image();
    life.run_for(MINUTE);
    life.set_pod_times(2 * SECOND, SECOND);
    life.edit(json!({ "spec": { "image": "registry.example/orders:2" } })).unwrap();
    fire(&mut life, Rule::TargetReplaced);
    reach(&mut life, PhaseName::Running);
    assert_eq!(life.deployed().unwrap().revision.number, 2);
    one_job_runs(&life);
}

#[test]
fn what_kubectl_apply_notes_in_an_annotation_deploys_nothing() {
    let mut life = running();
    let before = life.deployed().unwrap();
    let applied = json!({ "kubectl.kubernetes.io/last-applied-configuration": "{\"spec\":{}}" });
    life.edit(json!({ "metadata": { "annotations": applied }, "spec": { "deleteMode": "ForceCancel" } })).unwrap();
    life.run_for(10 * MINUTE);
    assert_eq!(life.deployed().unwrap(), before);
    assert_eq!((times(&life, Rule::SpecChanged), life.submissions()), (0, 1));
}
