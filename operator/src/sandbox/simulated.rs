//! Simulated pods: the model's Flink behind each JobManager that the model's kubelet pretends to run.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use flink_operator_fixtures::http::{Backend, Cluster, FromPod, Logs, ToPod};
use flink_operator_fixtures::model::flink::{self, Settings, Storage};
use flink_operator_fixtures::model::object::{is_deleting, list, name, namespace, text, uid};
use flink_operator_fixtures::model::{Object, Selection, World};
use flink_operator_fixtures::process::config::FlinkConfig;
use futures::future::BoxFuture;
use serde_json::Value;

/// All simulated Flink clusters, and the storage that outlives them. Clones are the same.
#[derive(Clone)]
pub struct Simulated(Arc<Mutex<State>>);

struct State {
    settings: Settings,
    storage: Storage,
    /// By the uid of the JobManager's pod.
    clusters: BTreeMap<String, flink::Cluster>,
    /// The TaskManagers (by uid of the pod) that are registered, and where.
    registered: BTreeMap<String, String>,
}

impl Simulated {
    /// Clusters that know these jars.
    pub fn new(jars: BTreeSet<String>, version: flink::Version) -> Self {
        let settings = Settings { jars, version, ..Settings::default() };
        let state =
            State { settings, storage: Storage::default(), clusters: BTreeMap::new(), registered: BTreeMap::new() };
        Self(Arc::new(Mutex::new(state)))
    }

    /// Follows the pods of a cluster until it is dropped.
    pub async fn follow(self, cluster: Cluster) {
        let mut changes = cluster.changes();
        loop {
            changes.mark_unchanged();
            let pods = cluster.read(ready_pods);
            self.with(|state| state.follow(&pods, now()));
            changes.changed().await;
        }
    }

    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A ready pod of a Flink cluster.
struct FlinkPod {
    uid: String,
    /// What it is called to find its JobManager: namespace and `jobmanager.rpc.address`.
    cluster: (String, String),
    /// How many slots it offers; a JobManager has none.
    slots: Option<u32>,
}

impl State {
    fn follow(&mut self, pods: &[FlinkPod], now: flink::Millis) {
        let jobmanagers = || pods.iter().filter(|pod| pod.slots.is_none());
        self.clusters.retain(|uid, _| jobmanagers().any(|pod| pod.uid == *uid));
        for pod in jobmanagers() {
            self.clusters.entry(pod.uid.clone()).or_insert_with(|| flink::Cluster::new(self.settings.clone()));
        }
        self.unregister(pods, now);
        for pod in pods {
            let Some(slots) = pod.slots.filter(|_| !self.registered.contains_key(&pod.uid)) else { continue };
            let Some(jobmanager) = jobmanagers().find(|it| it.cluster == pod.cluster) else { continue };
            if let Some(cluster) = self.clusters.get_mut(&jobmanager.uid) {
                cluster.add_task_manager(&mut self.storage, now, pod.uid.clone(), slots);
                self.registered.insert(pod.uid.clone(), jobmanager.uid.clone());
            }
        }
    }

    fn unregister(&mut self, pods: &[FlinkPod], now: flink::Millis) {
        let gone = |pod: &str, jobmanager: &str, clusters: &BTreeMap<String, flink::Cluster>| {
            !pods.iter().any(|it| it.uid == pod) || !clusters.contains_key(jobmanager)
        };
        let lost: Vec<(String, String)> = self
            .registered
            .iter()
            .filter(|(pod, jobmanager)| gone(pod, jobmanager, &self.clusters))
            .map(|(pod, jobmanager)| (pod.clone(), jobmanager.clone()))
            .collect();
        for (pod, jobmanager) in lost {
            self.registered.remove(&pod);
            if let Some(cluster) = self.clusters.get_mut(&jobmanager) {
                cluster.remove_task_manager(&mut self.storage, now, &pod);
            }
        }
    }

    fn answer(&mut self, request: &ToPod) -> Result<FromPod, String> {
        let refused = || format!("dial tcp {}:{}: connect: connection refused", name(&request.pod), request.port);
        let cluster = self.clusters.get_mut(uid(&request.pod)).ok_or_else(refused)?;
        let answer = cluster
            .rest(&mut self.storage, now(), request.method.as_str(), &request.path, &request.body)
            .map_err(|_| refused())?;
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=UTF-8"));
        let status = StatusCode::from_u16(answer.status).map_err(|error| error.to_string())?;
        Ok(FromPod { status, headers, body: Bytes::from(answer.json.to_string()) })
    }
}

impl Backend for Simulated {
    fn call(&self, request: ToPod) -> BoxFuture<'static, Result<FromPod, String>> {
        let answer = self.with(|state| state.answer(&request));
        Box::pin(async { answer })
    }
}

/// Says why there is nothing to read.
pub struct SimulatedLogs;

impl Logs for SimulatedLogs {
    fn read(&self, _pod: &Value, _container: &str, from: u64) -> Result<Vec<u8>, String> {
        let text = "This pod is simulated: it has no process that could print anything.\n";
        Ok(text.as_bytes().get(usize::try_from(from).unwrap_or(usize::MAX)..).unwrap_or_default().to_vec())
    }
}

fn ready_pods(world: &World) -> Vec<FlinkPod> {
    let Ok(kind) = world.kinds().get("", "v1", "pods") else { return Vec::new() };
    let pods = world.list(&kind, &Selection::default());
    pods.iter()
        .filter(|pod| text(pod, &["status", "phase"]) == "Running" && !is_deleting(pod))
        .filter_map(flink_pod)
        .collect()
}

fn flink_pod(pod: &Object) -> Option<FlinkPod> {
    let container = list(pod, &["spec", "containers"]).first()?;
    let properties = list(container, &["env"]).iter().find(|variable| text(variable, &["name"]) == "FLINK_PROPERTIES");
    let config = FlinkConfig::parse(properties.map_or("", |variable| text(variable, &["value"])));
    let slots = match list(container, &["args"]).first()?.as_str()? {
        "jobmanager" => None,
        "taskmanager" => Some(config.get("taskmanager.numberOfTaskSlots")?.parse().ok()?),
        _ => return None,
    };
    // With high availability a JobManager goes by its own address, and its cluster by an id.
    let id = config.get("kubernetes.cluster-id").or_else(|| config.get("jobmanager.rpc.address"))?;
    Some(FlinkPod { uid: uid(pod).to_owned(), cluster: (namespace(pod).to_owned(), id.to_owned()), slots })
}

fn now() -> flink::Millis {
    u64::try_from(jiff::Timestamp::now().as_millisecond()).unwrap_or_default()
}
