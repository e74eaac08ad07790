//! The role in `deploy/` grants each request that the operator makes, and none that it does not make.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::collections::BTreeSet;
use std::fs;

use k8s_openapi::api::networking::v1::Ingress;
use k8s_openapi::api::rbac::v1::ClusterRole;
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::{Value, json};
use support::overheard::{Grant, Overheard};
use support::process::Cluster;
use support::real::until_running;
use support::until;

/// Granted for what does not happen here.
const RARE: [(&str, &str, &str); 3] = [
    // Where an admission plugin checks who may write owner references that block a deletion.
    ("flink.k8s.io", "flinkapplications/finalizers", "update"),
    // When a Deployment is there already: whose is it?
    ("apps", "deployments", "get"),
    // When the same event comes again.
    ("events.k8s.io", "events", "patch"),
];

fn granted() -> BTreeSet<Grant> {
    let role: ClusterRole = serde_saphyr::from_str(include_str!("../../deploy/role.yaml")).unwrap();
    let mut all = BTreeSet::new();
    for rule in role.rules.unwrap() {
        for group in rule.api_groups.iter().flatten() {
            for resource in rule.resources.iter().flatten() {
                all.extend(rule.verbs.iter().map(|verb| (group.clone(), resource.clone(), verb.clone())));
            }
        }
    }
    all
}

/// Everything that makes another kind of request: an Ingress that comes, changes and goes, an update on a new cluster,
/// one in place, a deploy that is told again, and a deletion.
#[tokio::test]
async fn the_role_grants_what_the_operator_asks_for_ingresses_included() {
    let cluster = Cluster::start().await;
    let wire = Overheard::to(&cluster.sandbox).await;
    let config = |format: &str| format!("operator: {{ingressUrlFormat: \"{format}\", statusRefreshPeriod: 1s}}");
    let file = cluster.directory.write("config.yaml", &config("{{$jobCluster}}.one"));
    let _operator = cluster.operator(&["--config", support::word(&file)]).api_server_at(wire.port).start();
    cluster.create("numbers").await;
    let api = cluster.applications();
    until_running(&api, "numbers", 1).await;

    let ingresses: Api<Ingress> = Api::default_namespaced(cluster.client.clone());
    let host = || async { ingresses.get_opt("numbers").await.unwrap()?.spec?.rules?.remove(0).host };
    assert_eq!(host().await.as_deref(), Some("numbers.one"));
    fs::write(&file, config("{{$jobCluster}}.two")).unwrap();
    until("the host follows", || async { (host().await? == "numbers.two").then_some(()) }).await;
    fs::write(&file, config("")).unwrap();
    until("the Ingress goes", || async { host().await.is_none().then_some(()) }).await;

    let edit = async |spec: Value| {
        api.patch("numbers", &PatchParams::default(), &Patch::Merge(json!({ "spec": spec }))).await.unwrap();
    };
    edit(json!({ "programArgs": "--out data/other" })).await;
    until_running(&api, "numbers", 2).await;
    edit(json!({ "parallelism": 2, "scaleMode": "InPlace" })).await;
    until_running(&api, "numbers", 3).await;
    api.delete("numbers", &DeleteParams::default()).await.unwrap();
    until("it is gone", || async { api.get_opt("numbers").await.unwrap().is_none().then_some(()) }).await;

    let (asked, granted) = (wire.asked(), granted());
    let rare = |grant: &Grant| RARE.contains(&(&grant.0, &grant.1, &grant.2));
    assert_eq!(asked.difference(&granted).collect::<Vec<_>>(), Vec::<&Grant>::new(), "asked and not granted");
    let idle: Vec<_> = granted.difference(&asked).filter(|grant| !rare(grant)).collect();
    assert_eq!(idle, Vec::<&Grant>::new(), "granted and never asked");
}
