//! What searches found in our own code, each as the behaviour that it spoilt.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[allow(dead_code, unused_macros, reason = "the stories are told elsewhere; here they lend their beginnings")]
mod stories;

use flink_operator_core::phase::PhaseName;
use flink_operator_core::rule::Rule;
use flink_operator_fixtures::model::{DeleteOptions, Propagation};
use stories::*;

/// It was told created and lost in turns, thousands of times, until it was gone.
#[test]
fn a_jobmanager_that_is_being_deleted_is_awaited_before_it_is_made_again() {
    let mut life = upgrading(PhaseName::ClusterStarting);
    life.set_pod_times(2 * SECOND, 10 * SECOND);
    let revision = life.revision_in_charge().unwrap();
    let deployments = life.world.kinds().get("apps", "v1", "deployments").unwrap();
    let options = DeleteOptions { propagation: Propagation::Foreground, ..DeleteOptions::default() };
    life.world.delete(&deployments, "default", &format!("orders-{revision}-jm"), &options).unwrap();
    let before = life.deeds();
    reach(&mut life, PhaseName::Running);
    assert!(life.rules().contains(&Rule::ClusterCreationRetried), "{:?}", life.rules());
    assert!(life.deeds() - before < 60, "{:?}", life.rules());
    one_job_runs(&life);
}
