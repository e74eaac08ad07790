//! Lines of the original's contract that no other test holds. `docs/compatibility.md` says which test is whose.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[allow(dead_code, unused_macros, reason = "the stories are told elsewhere; here they lend their lives")]
mod stories;

mod contract {
    mod configuration;
    mod events;
    mod objects;
    mod questions;
    mod resource;
    mod status;
    mod updates;
}

use flink_operator_core::application::{Application, Colour};
use flink_operator_core::crd::FlinkApplication;
use flink_operator_core::id::RevisionId;
use flink_operator_core::manifest::{self, Manifests};
use flink_operator_core::memory::Revision;
use flink_operator_core::policy::Policy;
use flink_operator_core::rule::Rule;
use flink_operator_core::snapshot::Snapshot;
use flink_operator_fixtures::door::Life;
use serde::Serialize;
use serde_json::{Value, json};

fn plain(object: &impl Serialize) -> Value {
    serde_json::to_value(object).unwrap()
}

/// An application with these fields of the spec.
fn application(spec: Value) -> Application {
    let mut manifest = json!({
        "apiVersion": "flink.k8s.io/v1beta1",
        "kind": "FlinkApplication",
        "metadata": {
            "name": "app", "namespace": "ns", "uid": "uid-1",
            "labels": { "team": "a" }, "annotations": { "note": "b" },
        },
        "spec": {
            "image": "repo/img:1", "flinkVersion": "1.16", "jarName": "a.jar", "parallelism": 5,
            "entryClass": "com.x.Main",
        },
    });
    manifest["spec"].as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
    Application::parse(&serde_json::from_value::<FlinkApplication>(manifest).unwrap())
}

/// The objects of its revision `0a1b2c3d`.
fn made(spec: Value, colour: Option<Colour>) -> Manifests {
    let app = application(spec);
    let spec = app.spec.clone().unwrap();
    let revision = Revision {
        id: RevisionId::known("0a1b2c3d"),
        digest: Some(spec.digest().clone()),
        number: 1,
        generation: 1,
        job: spec.job.clone(),
        colour,
        cluster: None,
    };
    let policy = Policy { ingress_url_format: "{{$jobCluster}}.example".to_owned(), ..Policy::default() };
    manifest::render(&app, &spec, &policy, &revision)
}

fn status(life: &Life) -> Value {
    life.application().unwrap()["status"].clone()
}

/// The first snapshot on which a rule fired.
fn recorded(life: &Life, rule: Rule) -> Snapshot {
    life.recorded().get(&rule).unwrap_or_else(|| panic!("no {rule}: {:?}", life.rules())).clone()
}
