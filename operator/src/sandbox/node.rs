//! Real pods: a kubelet that runs the model's pods as processes.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::Duration;

use flink_operator_fixtures::http::{Cluster, Logs};
use flink_operator_fixtures::model::{Object, Selection, World, object};
use flink_operator_fixtures::process::hosts::Hosts;
use flink_operator_fixtures::process::kubelet::{Kubelet, PodReport, Settings};
use k8s_openapi::api::core::v1::{Pod, PodStatus, Service};
use serde::de::DeserializeOwned;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::cli::Failure;

/// How often processes are looked at when nothing changes in the cluster.
const LOOK: Duration = Duration::from_millis(100);

/// The one node of the cluster.
pub struct Node {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Node {
    /// Runs the pods of a cluster from now on.
    pub fn start(settings: Settings, cluster: Cluster) -> Result<Self, Failure> {
        let kubelet = Kubelet::new(settings).map_err(|error| Failure::Failed(format!("cannot run pods: {error}")))?;
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(run(kubelet, cluster, stopped));
        Ok(Self { stop, task })
    }

    /// Ends every process and waits for that.
    pub async fn stop(self) {
        let _ = self.stop.send(());
        let _ = self.task.await;
    }
}

async fn run(mut kubelet: Kubelet, cluster: Cluster, mut stopped: oneshot::Receiver<()>) {
    let mut told = BTreeMap::new();
    let mut changes = cluster.changes();
    loop {
        changes.mark_unchanged();
        pass(&mut kubelet, &cluster, &mut told);
        tokio::select! {
            _ = &mut stopped => break,
            _ = timeout(LOOK, changes.changed()) => {}
        }
        // Changes come in crowds.
        sleep(Duration::from_millis(5)).await;
    }
    kubelet.stop_all().await;
}

fn pass(kubelet: &mut Kubelet, cluster: &Cluster, told: &mut BTreeMap<String, PodStatus>) {
    let (pods, services) = cluster.read(|world| (all::<Pod>(world, "pods"), all::<Service>(world, "services")));
    let reports = match kubelet.sync(&pods, &hosts(&pods, &services)) {
        Ok(reports) => reports,
        Err(error) => {
            tracing::warn!("the pods' host names cannot be written: {error}");
            return;
        }
    };
    let news: Vec<&PodReport> =
        reports.iter().filter(|report| report.gone || told.get(&report.uid) != Some(&report.status)).collect();
    if news.is_empty() {
        return;
    }
    cluster.write(|world| {
        for report in news {
            // A pod that is no longer there needs no report.
            if report.gone {
                let _ = world.pod_gone(&report.uid);
                told.remove(&report.uid);
            } else if let Ok(status) = serde_json::to_value(&report.status) {
                let _ = world.report_pod(&report.uid, status);
                told.insert(report.uid.clone(), report.status.clone());
            }
        }
    });
}

/// All objects of a core type.
fn all<T: DeserializeOwned>(world: &World, plural: &str) -> Vec<T> {
    let Ok(kind) = world.kinds().get("", "v1", plural) else { return Vec::new() };
    let objects = world.list(&kind, &Selection::default());
    objects.iter().filter_map(|object| object.read().ok()).collect()
}

/// Every Service's name leads to a pod that it selects, ready or not: a JobManager must find itself
/// before it can be ready.
fn hosts(pods: &[Pod], services: &[Service]) -> Hosts {
    let mut hosts = Hosts::default();
    for service in services {
        let metadata = &service.metadata;
        let selector = service.spec.as_ref().and_then(|spec| spec.selector.as_ref()).filter(|it| !it.is_empty());
        let (Some(name), Some(namespace), Some(selector)) = (&metadata.name, &metadata.namespace, selector) else {
            continue;
        };
        let selected = |pod: &&Pod| {
            let labels = pod.metadata.labels.as_ref();
            pod.metadata.namespace.as_ref() == Some(namespace)
                && pod.metadata.deletion_timestamp.is_none()
                && selector.iter().all(|(key, value)| labels.and_then(|labels| labels.get(key)) == Some(value))
        };
        if let Some(address) = pods.iter().filter(selected).find_map(address) {
            hosts.insert_service(namespace, name, address);
        }
    }
    hosts
}

fn address(pod: &Pod) -> Option<Ipv4Addr> {
    pod.status.as_ref()?.pod_ip.as_deref()?.parse().ok()
}

/// The files that the kubelet keeps of what its pods print.
pub struct LogFiles(pub PathBuf);

impl Logs for LogFiles {
    fn read(&self, pod: &Object, _container: &str, from: u64) -> Result<Vec<u8>, String> {
        use std::io::{Read as _, Seek as _, SeekFrom};
        let path = self.0.join(format!("{}.log", object::name(pod)));
        let read = || {
            let mut file = std::fs::File::open(&path)?;
            file.seek(SeekFrom::Start(from))?;
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes)?;
            Ok::<_, std::io::Error>(bytes)
        };
        read().map_err(|error| format!("{}: {error}", path.display()))
    }
}
