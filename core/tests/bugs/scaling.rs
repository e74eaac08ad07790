//! Scaling in place (B-43, B-47 to B-50).

use flink_operator_core::phase::PhaseName;
use flink_operator_core::rule::Rule;
use flink_operator_core::step;
use flink_operator_fixtures::door::{Fault, Moment};

use crate::stories::scaling::{parallelism, taskmanagers};
use crate::stories::*;
use crate::{names, objects, recorded, times};

#[test]
fn a_scaling_that_the_api_server_did_not_hear_is_told_of_and_made_again() {
    let mut life = running();
    life.edit(parallelism(4)).unwrap();
    reach(&mut life, PhaseName::Rescaling);
    life.faults.extend((life.deeds()..life.deeds() + 3).map(|deed| (deed, Fault::Lost(Moment::Before))));
    fire(&mut life, Rule::TaskManagersAwaited);
    let waits = step(&recorded(&life, Rule::TaskManagersAwaited));
    assert!(waits.why().unwrap().contains("connection reset"), "{:?}", waits.why());
    reach(&mut life, PhaseName::Running);
    assert_eq!(taskmanagers(&life), 2);
    one_job_runs(&life);
}

#[test]
fn a_scaling_that_failed_is_over_and_can_be_taken_back() {
    let mut life = running();
    let before = life.deployed().unwrap();
    life.set_pod_times(60 * MINUTE, SECOND);
    life.edit(parallelism(4)).unwrap();
    fire(&mut life, Rule::RescalingTimedOut);
    let rules = life.rules().len();
    life.run_for(30 * MINUTE);
    assert_eq!(times(&life, Rule::RescalingBegun), 1);
    assert!(life.rules()[rules..].contains(&Rule::FiguresRefreshed), "the job is still watched");
    life.edit(parallelism(2)).unwrap();
    fire(&mut life, Rule::TargetReverted);
    life.run_for(MINUTE);
    assert!(is_running(&life));
    assert_eq!(life.deployed().unwrap().job, before.job);
    one_job_runs(&life);
}

#[test]
fn a_scaled_cluster_keeps_its_services_and_they_are_headless() {
    let mut life = running();
    let before = names(&objects(&life, "", "services"));
    for wanted in [4, 8] {
        life.edit(parallelism(wanted)).unwrap();
        reach(&mut life, PhaseName::SubmittingJob);
        reach(&mut life, PhaseName::Running);
        life.run_for(2 * MINUTE);
        let services = objects(&life, "", "services");
        assert_eq!(names(&services), before);
        assert!(services.iter().all(|service| service["spec"]["clusterIP"] == "None"));
    }
}
