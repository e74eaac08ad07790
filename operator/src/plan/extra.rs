//! What is needed beside what runs, while both clusters exist.

use std::collections::BTreeMap;

use flink_operator_core::application::{Application, Quantity};
use flink_operator_core::effect::Effect;
use flink_operator_core::manifest;
use flink_operator_core::policy::Policy;
use flink_operator_core::snapshot::Snapshot;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::PodSpec;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as K8sQuantity;
use serde::Serialize;

use super::forecast::Turn;
use crate::explain::memory;

const NANOS: i128 = 1_000_000_000;
const MEBI: i128 = 1024 * 1024;

/// Pods, and what they request.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Extra {
    /// How many.
    pub pods: usize,
    /// Cores.
    pub cores: f64,
    /// Memory, in MiB.
    pub memory_mi_b: i128,
    /// What each of them asks for.
    #[serde(skip)]
    pub each: Vec<Asks>,
}

/// What a pod asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asks {
    /// What it is promised; a limit without a request is a request too.
    pub requests: Amounts,
    /// What it may use at most.
    pub limits: Amounts,
}

/// An amount of each resource.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amounts {
    /// Billionths of a core.
    pub nano_cores: i128,
    /// Bytes of memory.
    pub bytes: i128,
}

impl Asks {
    /// All containers of a pod together.
    pub fn of(pod: &PodSpec) -> Self {
        let resources: Vec<_> = pod.containers.iter().filter_map(|container| container.resources.as_ref()).collect();
        let named = |list: &Option<BTreeMap<String, K8sQuantity>>, resource: &str| amount(list.as_ref()?, resource);
        let limits = |resource: &str| resources.iter().filter_map(|of| named(&of.limits, resource)).sum();
        let requests = |resource: &str| {
            resources
                .iter()
                .filter_map(|of| named(&of.requests, resource).or_else(|| named(&of.limits, resource)))
                .sum()
        };
        Self { requests: Amounts::each(requests), limits: Amounts::each(limits) }
    }
}

impl Amounts {
    /// Of each resource the amount in billionths.
    pub fn each(amount: impl Fn(&str) -> i128) -> Self {
        Self { nano_cores: amount("cpu"), bytes: amount("memory") / NANOS }
    }

    /// Both together.
    pub fn plus(self, other: Self) -> Self {
        Self { nano_cores: self.nano_cores + other.nano_cores, bytes: self.bytes + other.bytes }
    }

    /// Cores, with three digits.
    pub fn cores(self) -> f64 {
        // A sum of requests is far below what a float counts exactly.
        #[allow(clippy::cast_precision_loss, reason = "it is shown with three digits")]
        let cores = (self.nano_cores / (NANOS / 1_000)) as f64 / 1_000.0;
        cores
    }

    /// Memory, in MiB.
    pub fn mebibytes(self) -> i128 {
        self.bytes / MEBI
    }
}

/// The amount of a resource in a list, in billionths.
pub fn amount(list: &BTreeMap<String, K8sQuantity>, resource: &str) -> Option<i128> {
    Some(Quantity::parse(&list.get(resource)?.0).ok()?.nanos())
}

impl Extra {
    /// These pods.
    pub fn of(each: Vec<Asks>) -> Self {
        let sum = each.iter().fold(Amounts::default(), |sum, asks| sum.plus(asks.requests));
        Self { pods: each.len(), cores: sum.cores(), memory_mi_b: sum.mebibytes(), each }
    }
}

/// So many pods of a Deployment.
fn pods_of(deployment: &Deployment, number: u32) -> Vec<Asks> {
    let pod = deployment.spec.as_ref().and_then(|spec| spec.template.spec.as_ref());
    let asks = pod.map(Asks::of).unwrap_or_default();
    (0..number).map(|_| asks).collect()
}

/// The most that is needed at once beside what runs now. What is deleted of that is not set off: it goes late.
pub fn peak(snapshot: &Snapshot, new: &Application, policy: &Policy, turns: &[Turn]) -> Extra {
    let mut created: BTreeMap<String, Vec<Asks>> = BTreeMap::new();
    let mut peak = Vec::new();
    for effect in turns.iter().flat_map(|turn| &turn.effects) {
        match effect {
            Effect::CreateDeployment(made) => {
                let pods = made.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
                let name = made.metadata.name.clone().unwrap_or_default();
                created.insert(name, pods_of(made, pods.try_into().unwrap_or_default()));
            }
            Effect::ScaleDeployment { target, replicas } => {
                let more = replicas.saturating_sub(running(snapshot, &target.uid));
                if let Some(made) = taskmanager(snapshot, new, policy) {
                    created.insert(target.name.clone(), pods_of(&made, more));
                }
            }
            Effect::DeleteDeployment(target) => drop(created.remove(&target.name)),
            Effect::CreateService(_)
            | Effect::CreateIngress(_)
            | Effect::PointService(_)
            | Effect::PointIngress(_)
            | Effect::DeleteIngress(_)
            | Effect::DeleteService(_)
            | Effect::AddFinalizer
            | Effect::RemoveFinalizer
            | Effect::SubmitJob(_)
            | Effect::TakeSavepoint { .. }
            | Effect::StopWithSavepoint { .. }
            | Effect::CancelJob { .. } => {}
        }
        let now: Vec<Asks> = created.values().flatten().copied().collect();
        if now.len() > peak.len() {
            peak = now;
        }
    }
    Extra::of(peak)
}

/// The pods of a Deployment that is there.
fn running(snapshot: &Snapshot, uid: &str) -> u32 {
    let clusters = snapshot.observed.objects.present().into_iter().flat_map(|objects| objects.clusters.values());
    let mut found = clusters.flat_map(|cluster| [&cluster.jobmanager, &cluster.taskmanager]).flatten();
    found.find(|deployment| deployment.uid == uid).map_or(0, |deployment| deployment.replicas)
}

/// The TaskManagers as they are written now: a cluster that is scaled is made of the same.
fn taskmanager(snapshot: &Snapshot, new: &Application, policy: &Policy) -> Option<Deployment> {
    let deployed = memory(snapshot)?.ledger.deployed.as_ref()?;
    let spec = new.spec.as_ref().ok()?;
    Some(manifest::render(new, spec, policy, &deployed.revision).taskmanager)
}
