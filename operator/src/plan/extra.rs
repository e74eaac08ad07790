//! What is needed beside what runs, while both clusters exist.

use std::collections::BTreeMap;

use flink_operator_core::application::{Application, Quantity};
use flink_operator_core::effect::Effect;
use flink_operator_core::manifest;
use flink_operator_core::policy::Policy;
use flink_operator_core::snapshot::Snapshot;
use k8s_openapi::api::apps::v1::Deployment;
use serde::Serialize;

use super::forecast::Turn;
use crate::explain::memory;

const NANOS: f64 = 1e9;
const MEBI: i128 = 1024 * 1024;

/// Pods, and what they request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Extra {
    /// How many.
    pub pods: i128,
    /// Cores.
    pub cores: f64,
    /// Memory, in MiB.
    pub memory_mi_b: i128,
    #[serde(skip)]
    nano_cores: i128,
    #[serde(skip)]
    bytes: i128,
}

impl Extra {
    /// So many pods of a Deployment.
    fn of(deployment: &Deployment, pods: i128) -> Self {
        let spec = deployment.spec.as_ref().and_then(|spec| spec.template.spec.as_ref());
        let containers = spec.into_iter().flat_map(|spec| &spec.containers);
        let resources: Vec<_> = containers.filter_map(|container| container.resources.as_ref()).collect();
        let sum = |resource: &str| -> i128 {
            let amounts = resources.iter().filter_map(|of| {
                let named = |list: &Option<BTreeMap<String, _>>| list.as_ref()?.get(resource).cloned();
                named(&of.requests).or_else(|| named(&of.limits))
            });
            amounts.filter_map(|amount| Some(Quantity::parse(&amount.0).ok()?.nanos())).sum()
        };
        let (nano_cores, bytes) = (pods * sum("cpu"), pods * sum("memory") / 1_000_000_000);
        Self { pods, nano_cores, bytes, ..Self::default() }
    }

    fn plus(self, other: Self) -> Self {
        Self {
            pods: self.pods + other.pods,
            nano_cores: self.nano_cores + other.nano_cores,
            bytes: self.bytes + other.bytes,
            ..Self::default()
        }
    }

    fn told(self) -> Self {
        // A sum of requests is far below what a float counts exactly.
        #[allow(clippy::cast_precision_loss, reason = "it is shown with three digits")]
        let cores = (self.nano_cores as f64 / NANOS * 1_000.0).round() / 1_000.0;
        Self { cores, memory_mi_b: self.bytes / MEBI, ..self }
    }
}

/// The most that is needed at once beside what runs now. What is deleted of that is not set off: it goes late.
pub fn peak(snapshot: &Snapshot, new: &Application, policy: &Policy, turns: &[Turn]) -> Extra {
    let mut created: BTreeMap<String, Extra> = BTreeMap::new();
    let mut peak = Extra::default();
    for effect in turns.iter().flat_map(|turn| &turn.effects) {
        match effect {
            Effect::CreateDeployment(made) => {
                let pods = made.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
                let name = made.metadata.name.clone().unwrap_or_default();
                created.insert(name, Extra::of(made, pods.into()));
            }
            Effect::ScaleDeployment { target, replicas } => {
                let more = i128::from(*replicas) - i128::from(running(snapshot, &target.uid));
                if let Some(made) = taskmanager(snapshot, new, policy) {
                    created.insert(target.name.clone(), Extra::of(&made, more.max(0)));
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
        let sum = created.values().copied().fold(Extra::default(), Extra::plus);
        if sum.pods > peak.pods {
            peak = sum;
        }
    }
    peak.told()
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
