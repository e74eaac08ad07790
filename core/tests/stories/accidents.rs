//! What happens to an application that runs, and to requests on their way.

use flink_operator_core::phase::PhaseName;
use flink_operator_core::rule::Rule;
use flink_operator_fixtures::door::{Fault, Life};

use super::*;

pub fn figures_are_refreshed_once_a_minute() -> Life {
    let mut life = running();
    let version = |life: &Life| life.application().unwrap()["metadata"]["resourceVersion"].clone();
    fire(&mut life, Rule::FiguresRefreshed);
    let written = version(&life);
    life.run_for(50 * SECOND);
    assert_eq!(version(&life), written, "figures that only tell can wait");
    life.run_for(MINUTE);
    assert_ne!(version(&life), written);
    life
}

pub fn a_failing_job_is_told_of() -> Life {
    let mut life = running();
    life.run_for(MINUTE);
    let before = life.rules().len();
    life.fail_job();
    life.run_until(40 * SECOND, |life| life.rules()[before..].contains(&Rule::HealthChanged));
    life.run_for(2 * MINUTE);
    one_job_runs(&life);
    assert!(is_running(&life));
    life
}

pub fn deleted_objects_are_created_again() -> Life {
    let mut life = running();
    let revision = life.revision_in_charge().unwrap();
    life.delete_service("orders");
    life.delete_service(&format!("orders-{revision}"));
    life.delete_deployment(&format!("orders-{revision}-tm"));
    life.run_for(2 * MINUTE);
    assert!(life.rules().contains(&Rule::ClusterRepaired));
    one_job_runs(&life);
    life
}

pub fn an_ingress_follows_the_operators_configuration() -> Life {
    let mut life = running();
    let host = |life: &Life| {
        let kind = life.world.kinds().get("networking.k8s.io", "v1", "ingresses").unwrap();
        let found = life.world.get(&kind, "default", "orders").ok()?;
        Some(found["spec"]["rules"][0]["host"].as_str()?.to_owned())
    };
    for wanted in [Some("orders.first.example"), Some("orders.second.example"), None] {
        life.policy.ingress_url_format = wanted.unwrap_or_default().replace("orders", "{{$jobCluster}}");
        life.run_for(MINUTE);
        assert_eq!(host(&life).as_deref(), wanted);
    }
    assert!(life.rules().contains(&Rule::IngressMended));
    one_job_runs(&life);
    life
}

pub fn an_api_server_that_is_silent_changes_nothing() -> Life {
    let mut life = running();
    life.kubernetes_silent = true;
    let deeds = life.deeds();
    life.touch();
    fire(&mut life, Rule::KubernetesAwaited);
    life.run_for(5 * MINUTE);
    assert_eq!(life.deeds(), deeds);
    life.kubernetes_silent = false;
    life.touch();
    life.run_for(MINUTE);
    assert_eq!(life.rules().last(), Some(&Rule::JobRests));
    life
}

pub fn a_write_in_between_is_noticed() -> Life {
    let mut life = edited();
    life.faults = (life.deeds()..life.deeds() + 60).map(|deed| (deed, Fault::Touched)).collect();
    for deed in (life.deeds() + 1..life.deeds() + 60).step_by(2) {
        life.faults.remove(&deed);
    }
    reach(&mut life, PhaseName::Savepointing);
    reach(&mut life, PhaseName::Running);
    one_job_runs(&life);
    life
}

pub fn requests_that_arrive_twice_do_no_harm() -> Life {
    let mut life = new();
    life.faults = (0..500).map(|deed| (deed, Fault::Twice)).collect();
    reach(&mut life, PhaseName::Running);
    life.run_for(MINUTE);
    life.edit(arguments("--topic returns")).unwrap();
    fire(&mut life, Rule::JobStarted);
    life.run_for(MINUTE);
    one_job_runs(&life);
    assert_eq!(life.submissions(), 2);
    life.delete_application();
    assert!(life.run_until(MINUTE, is_gone));
    life
}
