//! The part of the spec that shapes the pods of one role.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Affinity, EnvVar, ResourceRequirements, Toleration};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as WrittenQuantity;

use super::Problems;
use crate::application::quantity::Quantity;
use crate::application::spec::{MemoryOption, PodPlan};
use crate::application::version::FlinkVersion;
use crate::crd::{EnvironmentConfig, JobManagerConfig, TaskManagerConfig};

/// What the configurations of both roles have in common, and where it stands.
pub(super) struct WrittenPod {
    field: &'static str,
    default_cpu: &'static str,
    default_memory: &'static str,
    resources: Option<ResourceRequirements>,
    env_config: Option<EnvironmentConfig>,
    off_heap_fraction: Option<f64>,
    system_fraction: Option<f64>,
    node_selector: Option<BTreeMap<String, String>>,
    tolerations: Option<Vec<Toleration>>,
    affinity: Option<Affinity>,
}

/// Both configurations spell the common fields alike.
macro_rules! written_pod {
    ($config:ty, $field:literal, $cpu:literal, $memory:literal) => {
        impl From<$config> for WrittenPod {
            fn from(config: $config) -> Self {
                Self {
                    field: $field,
                    default_cpu: $cpu,
                    default_memory: $memory,
                    resources: config.resources,
                    env_config: config.env_config,
                    off_heap_fraction: config.off_heap_memory_fraction,
                    system_fraction: config.system_memory_fraction,
                    node_selector: config.node_selector,
                    tolerations: config.tolerations,
                    affinity: config.affinity,
                }
            }
        }
    };
}
written_pod!(JobManagerConfig, "spec.jobManagerConfig", "4", "3072Mi");
written_pod!(TaskManagerConfig, "spec.taskManagerConfig", "2", "1024Mi");

type Amounts = BTreeMap<String, WrittenQuantity>;

impl Problems {
    pub(super) fn pod(&mut self, written: WrittenPod, memory: MemoryOption, version: Option<FlinkVersion>) -> PodPlan {
        let fraction = self.memory_fraction(&written, memory, version);
        let resources = match &written.resources {
            Some(resources) => self.resources(written.field, resources),
            None => default_resources(written.default_cpu, written.default_memory),
        };
        let memory = self.memory(written.field, &resources);
        let env_config = written.env_config.unwrap_or_default();
        PodPlan {
            resources,
            // Rounded twice, as the original does: to bytes, then down to KiB.
            flink_memory_kib: ((memory as f64 * (1.0 - fraction)).round() as u64) / 1024,
            env: env_config.env.unwrap_or_default().into_iter().map(without_empty_value).collect(),
            env_from: env_config.env_from.unwrap_or_default(),
            node_selector: written.node_selector.unwrap_or_default(),
            tolerations: written.tolerations.unwrap_or_default(),
            affinity: written.affinity.filter(|affinity| *affinity != Affinity::default()),
        }
    }

    /// The part of the container's memory that Flink is not told of.
    fn memory_fraction(&mut self, written: &WrittenPod, memory: MemoryOption, version: Option<FlinkVersion>) -> f64 {
        let off_heap = ("offHeapMemoryFraction", written.off_heap_fraction);
        let system = ("systemMemoryFraction", written.system_fraction);
        let ((field, fraction), (other_field, other), default, versions) = match memory {
            MemoryOption::Heap => (off_heap, system, 0.5, "1.11 and later"),
            MemoryOption::Process => (system, off_heap, 0.2, "versions below 1.11"),
        };
        if other.is_some() {
            let version = version.map_or("not a known version".to_owned(), |version| version.to_string());
            self.note(
                format!("{}.{other_field}", written.field),
                format!("the field belongs to Flink {versions}, and spec.flinkVersion is {version}"),
                format!("write {field} instead, or correct spec.flinkVersion"),
            );
        }
        let fraction = fraction.unwrap_or(default);
        if !(0.0..=1.0).contains(&fraction) {
            self.note(
                format!("{}.{field}", written.field),
                format!("{fraction} is no fraction"),
                "write a number from 0 to 1",
            );
        }
        fraction
    }

    fn resources(&mut self, field: &str, written: &ResourceRequirements) -> ResourceRequirements {
        let limits = self.amounts(&format!("{field}.resources.limits"), &written.limits);
        let requests = self.amounts(&format!("{field}.resources.requests"), &written.requests);
        for (resource, request) in &requests {
            if let Some(limit) = limits.get(resource)
                && request.nanos() > limit.nanos()
            {
                self.note(
                    format!("{field}.resources.requests[{resource:?}]"),
                    format!("the request {request} is more than the limit {limit}"),
                    "lower the request or raise the limit",
                );
            }
        }
        ResourceRequirements {
            claims: written.claims.clone(),
            limits: written.limits.as_ref().map(|_| canonical(&limits)),
            requests: written.requests.as_ref().map(|_| canonical(&requests)),
        }
    }

    fn amounts(&mut self, field: &str, written: &Option<Amounts>) -> BTreeMap<String, Quantity> {
        let mut amounts = BTreeMap::new();
        for (resource, WrittenQuantity(text)) in written.iter().flatten() {
            let advice = "write a positive amount such as 500m, 2 or 1Gi";
            match Quantity::parse(text) {
                Ok(amount) if amount.nanos() < 0 => {
                    self.note(format!("{field}[{resource:?}]"), format!("{text} is negative"), advice);
                }
                Ok(amount) => {
                    amounts.insert(resource.clone(), amount);
                }
                Err(error) => self.note(format!("{field}[{resource:?}]"), format!("{text:?} is {error}"), advice),
            }
        }
        amounts
    }

    /// The container's memory in bytes: its request, or else its limit, which is then its request.
    fn memory(&mut self, field: &str, resources: &ResourceRequirements) -> u64 {
        let named = [&resources.requests, &resources.limits].into_iter().flatten();
        let memory = named.filter_map(|amounts| amounts.get("memory")).next();
        let bytes = memory.and_then(|written| Quantity::parse(&written.0).ok()).map_or(0, |memory| memory.units());
        // A quantity that cannot be read was noted when it was read.
        if bytes == 0 && !self.found.iter().any(|problem| problem.field.starts_with(field)) {
            self.note(
                format!("{field}.resources"),
                "neither the requests nor the limits name any memory, and Flink must be told its size",
                "write requests.memory, or leave resources out for the defaults",
            );
        }
        u64::try_from(bytes).unwrap_or(u64::MAX)
    }
}

fn default_resources(cpu: &str, memory: &str) -> ResourceRequirements {
    let amounts = [("cpu", cpu), ("memory", memory)].into_iter();
    let amounts = amounts.filter_map(|(resource, text)| Some((resource.to_owned(), Quantity::parse(text).ok()?)));
    let amounts = canonical(&amounts.collect());
    ResourceRequirements { claims: None, limits: Some(amounts.clone()), requests: Some(amounts) }
}

fn canonical(amounts: &BTreeMap<String, Quantity>) -> Amounts {
    amounts.iter().map(|(resource, amount)| (resource.clone(), WrittenQuantity(amount.to_string()))).collect()
}

/// An empty value is no value, in Kubernetes too.
fn without_empty_value(mut variable: EnvVar) -> EnvVar {
    variable.value = variable.value.filter(|value| !value.is_empty());
    variable
}
