//! Creation and update (K1, K2, K16, P1, P2, P4).

use flink_operator_core::effect::{Effect, EffectKind};
use flink_operator_core::phase::PhaseName;
use flink_operator_core::rule::Rule;
use flink_operator_core::step;
use flink_operator_fixtures::door::Life;
use flink_operator_fixtures::model::Selection;

use crate::recorded;
use crate::stories::*;

/// The pod behind the application's own Service.
fn entrance(life: &Life) -> String {
    let pods = life.world.endpoints("default", "orders");
    assert_eq!(pods.len(), 1);
    pods[0]["metadata"]["name"].as_str().unwrap().to_owned()
}

#[test]
fn objects_are_asked_for_in_the_originals_order_and_told_of_once_they_exist() {
    let mut life = new();
    life.policy.ingress_url_format = "{{$jobCluster}}.example".to_owned();
    reach(&mut life, PhaseName::ClusterStarting);
    let asked = [Rule::ClusterRequested, Rule::TaskManagersRequested].map(|rule| step(&recorded(&life, rule)));
    let effects: Vec<_> = asked.iter().flat_map(|step| step.effects()).collect();
    let order = [
        EffectKind::CreateDeployment,
        EffectKind::CreateService,
        EffectKind::CreateService,
        EffectKind::CreateIngress,
        EffectKind::CreateDeployment,
    ];
    assert_eq!(effects.iter().copied().map(EffectKind::from).collect::<Vec<_>>(), order);
    let [Effect::CreateDeployment(first), Effect::CreateService(second), .., Effect::CreateDeployment(last)] =
        effects[..]
    else {
        panic!("{effects:?}")
    };
    assert!(first.metadata.name.as_ref().unwrap().ends_with("-jm"));
    assert_eq!(second.metadata.name.as_deref(), Some("orders"));
    assert!(last.metadata.name.as_ref().unwrap().ends_with("-tm"));
    assert!(asked.iter().all(|step| step.notes().is_empty()));
    assert_eq!(step(&recorded(&life, Rule::ClusterCreated)).notes()[0].reason.to_string(), "CreatingCluster");
}

#[test]
fn the_entrance_leads_to_the_old_job_until_the_new_one_runs() {
    let mut life = running();
    let old = life.deployed().unwrap().revision.id;
    life.flinks.settings.delays.deploy = 60_000;
    life.edit(arguments("--topic returns")).unwrap();
    fire(&mut life, Rule::JobStartAwaited);
    let new = life.revision_in_charge().unwrap();
    life.run_for(30 * SECOND);
    assert!(entrance(&life).contains(old.as_str()));
    reach(&mut life, PhaseName::Running);
    assert!(entrance(&life).contains(new.as_str()));
}

#[test]
fn the_old_job_runs_until_the_new_cluster_is_ready() {
    let mut life = running();
    life.set_pod_times(60 * SECOND, SECOND);
    life.edit(arguments("--topic returns")).unwrap();
    reach(&mut life, PhaseName::ClusterStarting);
    life.run_for(30 * SECOND);
    one_job_runs(&life);
    fire(&mut life, Rule::ClusterReady);
    one_job_runs(&life);
    let stops = life.now();
    fire(&mut life, Rule::JobStarted);
    assert!(life.now() - stops < 5 * SECOND, "only the savepoint and the start of the new job are downtime");
}

#[test]
fn a_deploy_that_fails_before_the_savepoint_leaves_nothing_behind_and_is_not_tried_again() {
    let mut life = upgrading(PhaseName::ClusterStarting);
    let deployed = life.deployed().unwrap();
    life.lose_image();
    reach(&mut life, PhaseName::DeployFailed);
    life.set_pod_times(2 * SECOND, SECOND);
    life.run_for(30 * MINUTE);
    one_job_runs(&life);
    assert_eq!(life.deployed().unwrap(), deployed);
    let kind = life.world.kinds().get("apps", "v1", "deployments").unwrap();
    let left = life.world.list(&kind, &Selection::namespace("default"));
    assert_eq!(left.len(), 2);
    assert!(left.iter().all(|it| it["metadata"]["labels"]["flink-app-hash"] == deployed.revision.id.as_str()));
    assert_eq!(life.rules().last(), Some(&Rule::FailureRests));
    assert_eq!(life.memory().unwrap().ledger.deploys, 2);
    life.edit(serde_json::json!({ "spec": { "restartNonce": "again" } })).unwrap();
    reach(&mut life, PhaseName::Running);
    assert_eq!(life.memory().unwrap().ledger.deploys, 3);
}

#[test]
fn the_first_deploy_starts_from_the_savepoint_of_the_spec_and_later_ones_do_not() {
    let mut life = upgrading(PhaseName::SubmittingJob);
    let Some(taken) = life.memory().unwrap().ledger.stopped.unwrap().state else { panic!("no savepoint") };
    life.delete_application();
    assert!(life.run_until(5 * MINUTE, is_gone));
    let mut again = manifest();
    again["spec"]["savepointPath"] = taken.clone().into();
    let storage = life.flinks.storage.clone();
    let mut life = Life::begin(again).unwrap();
    life.flinks.storage = storage;
    reach(&mut life, PhaseName::Running);
    assert_eq!(life.deployed().unwrap().restored_from.as_deref(), Some(taken.as_str()));
    life.run_for(MINUTE);
    life.edit(arguments("--topic returns")).unwrap();
    reach(&mut life, PhaseName::SubmittingJob);
    reach(&mut life, PhaseName::Running);
    assert_ne!(life.deployed().unwrap().restored_from.as_deref(), Some(taken.as_str()));
}
