//! The roles in `deploy/` grant each request that the operator makes, and none that it does not make.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "deploy/rendered.rs"]
mod rendered;
mod support;

use std::collections::BTreeSet;
use std::fs;

use k8s_openapi::api::networking::v1::Ingress;
use k8s_openapi::api::rbac::v1::PolicyRule;
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

/// The roles that the operator's account is bound to.
const ROLES: [&str; 2] = ["flinkoperator", "flinkoperator-lease"];

/// What these objects grant to the operator.
fn grants(objects: &[Value]) -> BTreeSet<Grant> {
    let roles = objects.iter().filter(|object| ROLES.iter().any(|role| object["metadata"]["name"] == *role));
    let mut all = BTreeSet::new();
    for rules in roles.map(|role| role["rules"].clone()).filter(|rules| !rules.is_null()) {
        for rule in serde_json::from_value::<Vec<PolicyRule>>(rules).unwrap() {
            for group in rule.api_groups.iter().flatten() {
                for resource in rule.resources.iter().flatten() {
                    all.extend(rule.verbs.iter().map(|verb| (group.clone(), resource.clone(), verb.clone())));
                }
            }
        }
    }
    all
}

fn granted() -> BTreeSet<Grant> {
    let files = ["deploy/base/role.yaml", "deploy/base/lease-role.yaml"].map(rendered::text);
    let objects = files.iter().flat_map(|file| serde_saphyr::from_multiple::<Value>(file).unwrap());
    grants(&objects.collect::<Vec<_>>())
}

#[test]
fn every_way_to_install_grants_the_same() {
    let all = [
        rendered::kustomize("cluster"),
        rendered::kustomize("namespaced"),
        rendered::kustomize("ha"),
        rendered::chart(&[]),
        rendered::chart(&["rbac.scope=namespaced"]),
    ];
    for objects in all.into_iter().flatten() {
        assert_eq!(grants(&objects), granted());
        for role in ROLES {
            let bound = objects.iter().filter(|object| object["roleRef"]["name"] == role);
            let [binding] = bound.collect::<Vec<_>>()[..] else { panic!("{role} is not bound once") };
            let subject = json!([{ "kind": "ServiceAccount", "name": "flinkoperator", "namespace": "flink-operator" }]);
            assert_eq!(binding["subjects"], subject);
            let kind = binding["roleRef"]["kind"].as_str().unwrap();
            assert_eq!(binding["kind"], format!("{kind}Binding"));
            rendered::the(&objects, kind, role);
        }
    }
}

/// The rule names the Lease, so the operator must not ask for another one.
#[test]
fn the_lease_that_is_granted_is_the_one_that_is_asked_for() {
    let role: Vec<Value> = serde_saphyr::from_multiple(&rendered::text("deploy/base/lease-role.yaml")).unwrap();
    let named = &role[0]["rules"][0]["resourceNames"][0];
    let flags = rendered::text("docs/configuration.md");
    let line = flags.lines().find(|line| line.contains("`--lease-name NAME`")).unwrap();
    assert!(line.contains(&format!("Default: `{}`", named.as_str().unwrap())), "{line}");
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

    let (mut asked, granted) = (wire.asked(), granted());
    // Whoever is known to the API server may ask what he may do.
    asked.retain(|(group, ..)| group != "authorization.k8s.io");
    let rare = |grant: &Grant| RARE.contains(&(&grant.0, &grant.1, &grant.2));
    assert_eq!(asked.difference(&granted).collect::<Vec<_>>(), Vec::<&Grant>::new(), "asked and not granted");
    let idle: Vec<_> = granted.difference(&asked).filter(|grant| !rare(grant)).collect();
    assert_eq!(idle, Vec::<&Grant>::new(), "granted and never asked");
}

/// Explain and plan look as the operator does. Only the events are beyond it, and the page says so.
#[tokio::test]
async fn the_console_asks_for_nothing_that_is_not_granted_but_for_events() {
    let cluster = Cluster::start().await;
    let wire = Overheard::to(&cluster.sandbox).await;
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let _operator = cluster.operator(&["--console", &address]).api_server_at(wire.port).start();
    cluster.create("numbers").await;
    until_running(&cluster.applications(), "numbers", 1).await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let of = format!("http://{address}/api/applications/default/numbers");
    let edited = support::NUMBERS.replace("parallelism: 1", "parallelism: 2");
    let plan = client.post(format!("{of}/plan")).header("content-type", "application/yaml").body(edited);
    for request in [client.get(format!("{of}/explain")), plan] {
        assert_eq!(request.send().await.unwrap().status(), 200);
    }
    let (mut asked, granted) = (wire.asked(), granted());
    asked.retain(|(group, ..)| group != "authorization.k8s.io");
    let more: Vec<_> = asked.difference(&granted).cloned().collect();
    assert_eq!(more, [("".to_owned(), "events".to_owned(), "list".to_owned())]);
}
