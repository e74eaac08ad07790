//! The operator as a pod, installed from `deploy/` as a person installs it.

use std::time::{Duration, Instant};

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::{DeleteParams, ListParams};
use serde_json::{Value, json};

use crate::rendered;
use crate::support::site::{Site, told, until};

/// Where `deploy/` puts the operator.
pub const NAMESPACE: &str = "flink-operator";
/// The image that `deploy/` names.
const IMAGE: &str = "flinkk8soperator:0.1.0";

/// An installed operator.
pub struct Installed {
    objects: Vec<Value>,
}

impl Installed {
    /// Applies what was rendered and waits until all replicas are ready; none, and a word why, where there is nothing
    /// to install.
    pub async fn new(site: &Site, rendered: Option<Vec<Value>>) -> Option<Self> {
        let Some(image) = told("E2E_OPERATOR_IMAGE") else {
            eprintln!("not tested: E2E_OPERATOR_IMAGE is not set");
            return None;
        };
        // Helm takes a namespace that is there.
        let namespace = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": NAMESPACE } });
        let mut objects = rendered?;
        if objects.iter().all(|object| object["kind"] != "Namespace") {
            objects.insert(0, namespace);
        }
        let text = Value::Array(objects).to_string().replace(IMAGE, &image);
        let objects = serde_json::from_str(&text).unwrap();
        let installed = Self { objects };
        installed.remove(site);
        installed.apply(site);
        installed.until_ready(site).await;
        Some(installed)
    }

    fn apply(&self, site: &Site) {
        let words = ["apply", "--namespace", NAMESPACE, "--server-side", "--force-conflicts", "-f", "-"];
        site.kubectl(&words, &self.list(|_| true));
    }

    async fn until_ready(&self, site: &Site) {
        let deployments: Api<Deployment> = Api::namespaced(site.client.clone(), NAMESPACE);
        let ready = || async {
            let deployment = deployments.get("flinkoperator").await.unwrap();
            let wanted = deployment.spec.unwrap().replicas;
            (deployment.status?.ready_replicas == wanted).then_some(())
        };
        until("the operator is ready", ready).await;
    }

    /// All objects go, except for the definition of the resource: every application would go with it.
    pub fn remove(&self, site: &Site) {
        let list = self.list(|object| object["kind"] != "CustomResourceDefinition");
        site.kubectl(
            &["delete", "--namespace", NAMESPACE, "--ignore-not-found", "--wait", "--timeout=120s", "-f", "-"],
            &list,
        );
    }

    fn list(&self, wanted: impl Fn(&Value) -> bool) -> String {
        let items: Vec<&Value> = self.objects.iter().filter(|object| wanted(object)).collect();
        json!({ "apiVersion": "v1", "kind": "List", "items": items }).to_string()
    }
}

/// The pods of the operator.
pub async fn pods(site: &Site) -> Vec<Pod> {
    let pods: Api<Pod> = Api::namespaced(site.client.clone(), NAMESPACE);
    pods.list(&ListParams::default().labels("app.kubernetes.io/name=flinkoperator")).await.unwrap().items
}

/// How often the containers of the operator were started again.
pub async fn starts_again(site: &Site) -> i32 {
    let pods = pods(site).await;
    let statuses = pods.into_iter().filter_map(|pod| pod.status?.container_statuses);
    statuses.flatten().map(|status| status.restart_count).sum()
}

/// The pod that acts.
pub async fn leader(site: &Site) -> String {
    let leases: Api<Lease> = Api::namespaced(site.client.clone(), NAMESPACE);
    let holder = || async {
        let holder = leases.get_opt("flinkk8soperator").await.unwrap()?.spec?.holder_identity?;
        holder.rsplit_once('_').map(|(pod, _)| pod.to_owned())
    };
    until("somebody acts", holder).await
}

/// A page of the pod that acts.
pub async fn page(site: &Site, path: &str) -> String {
    let pod = leader(site).await;
    let path = format!("/api/v1/namespaces/{NAMESPACE}/pods/{pod}:10254/proxy{path}");
    site.kubectl(&["get", "--raw", &path], "")
}

/// The sum of a metric over the series whose labels contain all these texts.
pub async fn metric(site: &Site, name: &str, labels: &[&str]) -> f64 {
    let text = page(site, "/metrics").await;
    let lines = text.lines().filter(|line| line.starts_with(name) && labels.iter().all(|label| line.contains(label)));
    lines.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok()).sum()
}

/// An application is deployed, upgraded and deleted.
pub async fn works(site: &Site) {
    site.create("stateful", json!({})).await;
    site.until_running("stateful").await;
    site.patch("stateful", json!({ "programArgs": "--pause 11" })).await;
    let second = site.until_running("stateful").await;
    assert!(second.status.clone().unwrap().deployed.unwrap().restored_from.is_some());
    assert_eq!(site.restarts(&second).await, 0, "nothing was lost or came twice");
    site.applications().delete("stateful", &DeleteParams::default()).await.unwrap();
    site.until_gone("stateful").await;
    assert!(site.told_at("CanceledJob").await.is_some(), "the last savepoint is told of");
    assert_eq!(starts_again(site).await, 0);
}

#[tokio::test]
async fn installed_with_kustomize_it_looks_after_all_namespaces() {
    let Some(site) = Site::new("e2e-kustomize").await else { return };
    let Some(installed) = Installed::new(&site, rendered::kustomize("cluster")).await else { return };
    works(&site).await;
    installed.remove(&site);
    site.clean_up().await;
}

#[tokio::test]
async fn installed_from_the_chart_it_looks_after_all_namespaces() {
    let Some(site) = Site::new("e2e-chart").await else { return };
    let Some(installed) = Installed::new(&site, rendered::chart(&[])).await else { return };
    works(&site).await;
    installed.remove(&site);
    site.clean_up().await;
}

#[tokio::test]
async fn installed_for_one_namespace_it_needs_no_right_outside_of_it() {
    // Its own namespace is the one that it looks after.
    let Some(site) = Site::new(NAMESPACE).await else { return };
    let Some(installed) = Installed::new(&site, rendered::kustomize("namespaced")).await else { return };
    site.prepare().await;
    let account = format!("system:serviceaccount:{NAMESPACE}:flinkoperator");
    let may = |words: &[&str]| site.try_kubectl(&[&["auth", "can-i", "--as", &account], words].concat(), "").0;
    assert!(may(&["list", "flinkapplications"]));
    for resource in ["flinkapplications", "deployments", "pods", "services", "secrets"] {
        assert!(!may(&["list", resource, "--all-namespaces"]), "{resource}");
    }
    works(&site).await;
    installed.remove(&site);
    site.clean_up().await;
}

/// Takes the rule about a resource out of the operator's role.
fn without(objects: &[Value], resource: &str) -> Vec<Value> {
    let mut objects = objects.to_vec();
    let roles = objects.iter_mut().filter(|object| object["metadata"]["name"] == "flinkoperator");
    for rules in roles.filter_map(|role| role.get_mut("rules")?.as_array_mut()) {
        rules.retain(|rule| rule["resources"] != json!([resource]));
    }
    objects
}

#[tokio::test]
async fn a_right_that_is_missing_is_named_and_acted_on_as_soon_as_it_is_there() {
    let Some(site) = Site::new(NAMESPACE).await else { return };
    let Some(whole) = Installed::new(&site, rendered::kustomize("namespaced")).await else { return };
    let lacking = Installed { objects: without(&whole.objects, "pods") };
    lacking.apply(&site);
    let pods: Api<Pod> = Api::namespaced(site.client.clone(), NAMESPACE);
    pods.delete(&leader(&site).await, &DeleteParams::default()).await.unwrap();
    let words = ["logs", "--namespace", NAMESPACE, "deployment/flinkoperator"];
    let named = || async {
        let (_, log) = site.try_kubectl(&words, "");
        log.contains("the right to list pods in namespace flink-operator is missing").then_some(())
    };
    until("the missing right is named", named).await;
    assert_eq!(starts_again(&site).await, 0, "it waits, and does not crash");
    whole.apply(&site);
    whole.until_ready(&site).await;
    whole.remove(&site);
    site.clean_up().await;
}

#[tokio::test]
async fn the_second_replica_goes_on_where_the_first_was_killed_in_mid_upgrade() {
    let Some(site) = Site::new("e2e-replicas").await else { return };
    let Some(installed) = Installed::new(&site, rendered::kustomize("ha")).await else { return };
    site.create("stateful", json!({})).await;
    let first = site.until_running("stateful").await;
    for phase in ["ClusterStarting", "SubmittingJob"] {
        let pause = if phase == "ClusterStarting" { 11 } else { 12 };
        site.patch("stateful", json!({ "programArgs": format!("--pause {pause}") })).await;
        site.until_phase("stateful", phase).await;
        let killed = leader(&site).await;
        let pods: Api<Pod> = Api::namespaced(site.client.clone(), NAMESPACE);
        pods.delete(&killed, &DeleteParams::default().grace_period(0)).await.unwrap();
        let after = site.until_running("stateful").await;
        assert_ne!(leader(&site).await, killed);
        assert_eq!(site.restarts(&after).await, 0, "nothing was lost or came twice");
        assert_eq!(site.running_jobs("stateful").await, 1);
        eprintln!("the leader was killed in {phase}: the other one brought the update to its end");
    }
    drop(first);
    site.applications().delete("stateful", &DeleteParams::default()).await.unwrap();
    site.until_gone("stateful").await;
    installed.remove(&site);
    site.clean_up().await;
}

/// Requests that change something, the Lease of the operator aside.
async fn writes(site: &Site) -> f64 {
    let mut writes = 0.0;
    for verb in ["create", "update", "patch", "delete"] {
        let verb = format!("verb=\"{verb}\"");
        let name = "flinkk8soperator_kubernetes_request_seconds_count";
        writes += metric(site, name, &[&verb]).await - metric(site, name, &[&verb, "resource=\"leases\""]).await;
    }
    writes
}

#[tokio::test]
async fn applications_at_rest_are_not_written_but_for_their_figures_once_a_minute() {
    let Some(site) = Site::new("e2e-rest").await else { return };
    let Some(installed) = Installed::new(&site, rendered::kustomize("cluster")).await else { return };
    let size =
        |memory: &str| json!({ "taskSlots": 1, "resources": { "requests": { "cpu": "20m", "memory": memory } } });
    let names: Vec<String> = (0..10).map(|number| format!("resting-{number}")).collect();
    for name in &names {
        let mut spec = json!({
            "parallelism": 1,
            "deleteMode": "None",
            "programArgs": "--pause 200",
            "jobManagerConfig": size("700Mi"),
            "taskManagerConfig": size("800Mi"),
        });
        let small = [
            ("jobmanager.memory.jvm-metaspace.size", "96m"),
            ("jobmanager.memory.jvm-overhead.min", "64m"),
            ("jobmanager.memory.off-heap.size", "64m"),
            ("taskmanager.memory.jvm-metaspace.size", "96m"),
            ("taskmanager.memory.jvm-overhead.min", "64m"),
            ("taskmanager.memory.managed.size", "0m"),
        ];
        let mut settings = site.manifest(name, &json!({})).spec.flink_config.unwrap_or_default();
        settings.extend(small.map(|(key, value)| (key.to_owned(), json!(value))));
        spec["flinkConfig"] = json!(settings);
        site.create(name, spec).await;
    }
    for name in &names {
        site.until_running(name).await;
    }
    // The first checkpoint is told of as soon as it is there, and then it is quiet.
    for name in &names {
        let known = || async { site.applications().get(name).await.unwrap().status?.job_status?.last_checkpoint_path };
        until("the first checkpoint is known", known).await;
    }
    let seconds: u64 = told("E2E_REST_SECONDS").map_or(60, |text| text.parse().unwrap());
    let effects = metric(&site, "flinkk8soperator_effects_total", &[]).await;
    let (before, begun) = (writes(&site).await, Instant::now());
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    let (written, passed) = (writes(&site).await - before, begun.elapsed().as_secs());
    let resident = metric(&site, "process_resident_memory_bytes", &[]).await;
    eprintln!(
        "10 applications at rest: {written} writes in {passed} s, all of them figures; the operator has {:.1} MiB",
        resident / f64::from(1 << 20)
    );
    let minutes = passed.div_ceil(60) + 1;
    assert!(written <= (10 * minutes) as f64, "{written} writes in {passed} s");
    assert_eq!(metric(&site, "flinkk8soperator_effects_total", &[]).await, effects, "nothing was done");
    for name in &names {
        site.applications().delete(name, &DeleteParams::default()).await.unwrap();
    }
    for name in &names {
        site.until_gone(name).await;
    }
    installed.remove(&site);
    site.clean_up().await;
}
