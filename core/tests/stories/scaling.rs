//! Scaling in place: the same cluster with another count of TaskManagers.

use flink_operator_core::phase::PhaseName;
use flink_operator_core::rule::Rule;
use flink_operator_fixtures::door::Life;
use flink_operator_fixtures::model::flink::Ending;
use serde_json::{Value, json};

use super::*;

pub fn parallelism(parallelism: u32) -> Value {
    json!({ "spec": { "parallelism": parallelism, "scaleMode": "InPlace" } })
}

pub fn taskmanagers(life: &Life) -> i64 {
    let name = format!("orders-{}-tm", life.deployed().unwrap().revision.id);
    let kind = life.world.kinds().get("apps", "v1", "deployments").unwrap();
    life.world.get(&kind, "default", &name).unwrap()["spec"]["replicas"].as_i64().unwrap()
}

pub fn more_parallelism_in_place_keeps_the_cluster() -> Life {
    let mut life = running();
    let before = life.deployed().unwrap();
    for wanted in [4, 8] {
        life.edit(parallelism(wanted)).unwrap();
        fire(&mut life, Rule::ClusterRescaled);
        reach(&mut life, PhaseName::Running);
        let after = life.deployed().unwrap();
        assert_eq!(after.revision.id, before.revision.id, "the address of the pods stays");
        assert_eq!(after.revision.job.parallelism.get(), wanted);
        assert_eq!(taskmanagers(&life), i64::from(wanted / 2));
        assert_eq!(restored_progress(&life), Some(saved_progress(&life)));
        life.run_for(2 * MINUTE);
        one_job_runs(&life);
    }
    assert_eq!(life.submissions(), 3);
    life
}

pub fn less_parallelism_in_place_removes_taskmanagers_while_no_job_runs() -> Life {
    let mut life = running();
    life.edit(parallelism(4)).unwrap();
    reach(&mut life, PhaseName::SubmittingJob);
    reach(&mut life, PhaseName::Running);
    life.run_for(MINUTE);
    life.set_pod_times(2 * SECOND, 10 * SECOND);
    life.edit(parallelism(2)).unwrap();
    fire(&mut life, Rule::SurplusAwaited);
    reach(&mut life, PhaseName::Running);
    life.run_for(MINUTE);
    assert_eq!(taskmanagers(&life), 1);
    assert_eq!(restored_progress(&life), Some(saved_progress(&life)));
    one_job_runs(&life);
    life
}

pub fn a_scale_up_without_room_leaves_the_job_alone() -> Life {
    let mut life = running();
    life.set_pod_times(60 * MINUTE, SECOND);
    life.edit(parallelism(4)).unwrap();
    fire(&mut life, Rule::TaskManagersAwaited);
    fire(&mut life, Rule::RescalingTimedOut);
    life.run_for(2 * MINUTE);
    assert_eq!(taskmanagers(&life), 1, "what was not to be had is not waited for");
    one_job_runs(&life);
    assert_eq!(life.submissions(), 1);
    life
}

pub fn a_scaled_job_that_does_not_start_rolls_back_on_the_same_cluster() -> Life {
    let mut life = running();
    let before = life.deployed().unwrap();
    life.edit(parallelism(4)).unwrap();
    fire(&mut life, Rule::JobAccepted);
    life.end_job(Ending::Failed);
    fire(&mut life, Rule::RollbackSucceeded);
    life.run_for(2 * MINUTE);
    let after = life.deployed().unwrap();
    assert_eq!((&after.revision, after.attempt), (&before.revision, 3));
    assert_eq!(taskmanagers(&life), 1);
    assert_eq!(restored_progress(&life), Some(saved_progress(&life)));
    one_job_runs(&life);
    life
}

pub fn an_in_place_scaling_without_savepoint_cancels_the_job() -> Life {
    let mut life = running();
    life.edit(json!({ "spec": { "parallelism": 4, "scaleMode": "InPlace", "savepointDisabled": true } })).unwrap();
    fire(&mut life, Rule::ClusterRescaledToCancel);
    reach(&mut life, PhaseName::Running);
    assert_eq!(restored_progress(&life), None);
    one_job_runs(&life);
    life
}
