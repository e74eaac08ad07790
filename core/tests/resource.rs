//! The resource: its definition, and what the API server's schema keeps of what is written.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::path::Path;

use flink_operator_core::crd::{self, FlinkApplication, FlinkApplicationStatus};
use serde_json::{Value, json};

const GENERATED: &str =
    "# Generated from core/src/crd; do not edit. `UPDATE_GENERATED=1 cargo test -p flink-operator-core` writes it.\n";

#[test]
fn the_definition_in_deploy_is_the_generated_one() {
    let generated = GENERATED.to_owned() + &serde_saphyr::to_string(&crd::definition()).unwrap();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/crd.yaml");
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        std::fs::write(&path, &generated).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == generated, "deploy/crd.yaml is stale: run the tests with UPDATE_GENERATED=1");
    let reread: Value = serde_saphyr::from_str(&committed).unwrap();
    assert_eq!(reread, serde_json::to_value(crd::definition()).unwrap());
}
