//! Objects, configuration and connectivity (B-27 to B-46, B-66).

use flink_operator_core::application::{Application, HighAvailability};
use flink_operator_core::crd::FlinkApplication;
use flink_operator_core::manifest;
use flink_operator_core::phase::PhaseName;
use flink_operator_core::policy::Policy;
use flink_operator_core::rule::Rule;
use flink_operator_fixtures::door::Life;
use serde_json::{Value, json};

use crate::stories::recovering::keeping;
use crate::stories::*;
use crate::{names, objects, status};

fn with(spec: &[(&str, Value)]) -> Value {
    let mut manifest = manifest();
    spec.iter().for_each(|(field, value)| manifest["spec"][field] = value.clone());
    manifest
}

#[test]
fn a_configuration_that_cannot_be_printed_starts_no_pod() {
    let heap = json!({ "offHeapMemoryFraction": 0.3 });
    let mut life = Life::begin(with(&[("jobManagerConfig", heap)])).unwrap();
    fire(&mut life, Rule::SpecRefused);
    life.run_for(10 * MINUTE);
    let said = failure(&life).message;
    assert!(said.contains("spec.jobManagerConfig.offHeapMemoryFraction"), "{said}");
    assert_eq!(names(&objects(&life, "apps", "deployments")), Vec::<String>::new());
}

#[test]
fn high_availability_that_is_no_text_is_read_and_no_crash() {
    for value in [json!(true), json!(1), json!(1.5)] {
        let mut life = Life::begin(with(&[("flinkConfig", json!({ "high-availability": value }))])).unwrap();
        reach(&mut life, PhaseName::Running);
        let resource: FlinkApplication = life.application().unwrap().read().unwrap();
        let spec = Application::parse(&resource).spec.unwrap();
        assert_eq!(spec.high_availability, HighAvailability::Other(value.to_string()));
    }
    for value in [json!([]), json!({}), Value::Null] {
        let written = with(&[("flinkConfig", json!({ "high-availability": value }))]);
        let resource: FlinkApplication = serde_json::from_value(written).unwrap();
        assert!(Application::parse(&resource).spec.unwrap_err().to_string().contains("high-availability"));
    }
}

#[test]
fn a_jobmanager_that_is_made_anew_is_found_by_the_services_that_are_there() {
    let mut life = keeping();
    let revision = life.revision_in_charge().unwrap();
    let jobmanager = format!("orders-{revision}-jm");
    life.delete_deployment(&jobmanager);
    fire(&mut life, Rule::ClusterRepaired);
    life.run_for(2 * MINUTE);
    for service in ["orders".to_owned(), format!("orders-{revision}")] {
        let found = life.world.endpoints("default", &service);
        assert_eq!(found.len(), 1, "{service}");
        assert!(names(&found)[0].starts_with(&jobmanager), "{service}");
    }
    assert!(is_running(&life));
    one_job_runs(&life);
}

#[test]
fn another_ui_port_reaches_the_service_and_the_ingress() {
    let mut life = new();
    life.policy.ingress_url_format = "{{$jobCluster}}.example".to_owned();
    reach(&mut life, PhaseName::Running);
    life.edit(json!({ "spec": { "uiPort": 9081 } })).unwrap();
    reach(&mut life, PhaseName::SubmittingJob);
    reach(&mut life, PhaseName::Running);
    life.run_for(2 * MINUTE);
    let services = objects(&life, "", "services");
    let entrance = services.iter().find(|service| service["metadata"]["name"] == "orders").unwrap();
    let ports = entrance["spec"]["ports"].as_array().unwrap();
    assert_eq!(ports.iter().find(|port| port["name"] == "ui").unwrap()["port"], 9081);
    let ingresses = objects(&life, "networking.k8s.io", "ingresses");
    let port = "/spec/rules/0/http/paths/0/backend/service/port/number";
    assert_eq!(ingresses[0].to_value().pointer(port), Some(&json!(9081)));
}

#[test]
fn the_status_says_where_flink_is_reached_from_outside() {
    let mut life = new();
    life.policy.ingress_url_format = "{{$jobCluster}}.%s.example".to_owned();
    reach(&mut life, PhaseName::Running);
    life.run_for(2 * MINUTE);
    let job = life.deployed().unwrap().job;
    assert_eq!(status(&life)["clusterStatus"]["clusterOverviewURL"], "orders.%s.example/#/overview");
    assert_eq!(status(&life)["jobStatus"]["jobOverviewURL"], format!("orders.%s.example/#/jobs/{job}"));
    life.policy.kubectl_proxy = Some(8001);
    life.run_for(2 * MINUTE);
    let proxied = "http://localhost:8001/api/v1/namespaces/default/services/orders:8081/proxy/#/overview";
    assert_eq!(status(&life)["clusterStatus"]["clusterOverviewURL"], proxied);
}

#[test]
fn the_same_revision_is_made_of_the_same_objects_every_time() {
    let life = running();
    let resource: FlinkApplication = life.application().unwrap().read().unwrap();
    let app = Application::parse(&resource);
    let (spec, revision) = (app.spec.clone().unwrap(), life.deployed().unwrap().revision);
    let made = || manifest::render(&app, &spec, &Policy::default(), &revision);
    assert_eq!(made(), made());
    let there = names(&objects(&life, "apps", "deployments"));
    for deployment in [made().jobmanager, made().taskmanager] {
        assert!(there.contains(&deployment.metadata.name.unwrap()));
    }
}
