//! The resource (A1 to A8).

use flink_operator_core::crd::{definition, schema_of_the_resource};
use flink_operator_core::health::Health;
use flink_operator_core::phase::{Phase, PhaseName};
use flink_operator_core::snapshot::JobState;
use serde_json::json;
use strum::IntoEnumIterator as _;

use crate::plain;
use crate::stories::*;

#[test]
fn the_resource_has_the_names_of_the_original() {
    let definition = plain(&definition());
    let spec = &definition["spec"];
    let names = json!({
        "kind": "FlinkApplication", "plural": "flinkapplications", "singular": "flinkapplication",
        "shortNames": ["flinkapp"],
    });
    assert_eq!(
        (&spec["group"], &spec["scope"], &spec["names"]),
        (&json!("flink.k8s.io"), &json!("Namespaced"), &names)
    );
    assert_eq!(spec.get("conversion"), None);
    let [version] = spec["versions"].as_array().unwrap().as_slice() else { panic!("one version") };
    assert_eq!(
        (&version["name"], &version["served"], &version["storage"]),
        (&json!("v1beta1"), &json!(true), &json!(true))
    );
    assert_eq!(version["subresources"], json!({ "status": {} }));
    assert_eq!(definition["metadata"]["annotations"]["api-approved.kubernetes.io"], "unapproved");
}

#[test]
fn the_required_fields_are_those_of_the_original() {
    let schema = schema_of_the_resource();
    let mut required: Vec<&str> =
        schema["properties"]["spec"]["required"].as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
    required.sort_unstable();
    assert_eq!(required, ["entryClass", "image", "jarName", "parallelism"]);
}

#[test]
fn words_of_the_status_are_spelt_as_the_original_spells_them() {
    let phases: Vec<String> = PhaseName::iter().map(|name| name.to_string()).collect();
    let spelt = [
        "New",
        "Updating",
        "ClusterStarting",
        "Rescaling",
        "Savepointing",
        "Cancelling",
        "Recovering",
        "SubmittingJob",
        "RollingBackJob",
        "Running",
        "DualRunning",
        "DeployFailed",
        "Deleting",
    ];
    assert_eq!(phases, spelt);
    assert_eq!(Phase::default().name(), PhaseName::New);
    let healths: Vec<String> = Health::iter().map(|health| health.to_string()).collect();
    assert_eq!(healths, ["Green", "Yellow", "Red"]);
    assert_eq!([JobState::Canceled, JobState::Cancelling].map(|state| state.to_string()), ["CANCELED", "CANCELLING"]);
}

#[test]
fn the_finalizer_comes_right_before_the_first_submission() {
    let mut life = new();
    reach(&mut life, PhaseName::SubmittingJob);
    let finalizers =
        |life: &flink_operator_fixtures::door::Life| life.application().unwrap()["metadata"]["finalizers"].clone();
    assert_eq!(finalizers(&life), json!(null));
    let mut deleted = life.clone();
    deleted.delete_application();
    assert!(is_gone(&deleted), "nothing holds it before its first job");
    reach(&mut life, PhaseName::Running);
    assert_eq!(finalizers(&life), json!(["job.finalizers.flink.k8s.io"]));
}
