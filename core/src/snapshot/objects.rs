//! The owned Kubernetes objects, as far as they count.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::Deployment;
use serde::{Deserialize, Serialize};

use crate::id::RevisionId;
use crate::manifest::names::Role;

/// The owned Kubernetes objects, sorted by the revision that their labels name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Objects {
    /// Every cluster of this application of which anything is left.
    pub clusters: BTreeMap<RevisionId, ClusterObjects>,
    /// The Services that belong to no revision, by name: the application's, or one a colour (BlueGreen).
    pub entrances: BTreeMap<String, ServiceSeen>,
    /// The Ingresses, by name.
    pub ingresses: BTreeMap<String, IngressSeen>,
}

/// The objects of one revision.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ClusterObjects {
    /// The JobManager's Deployment.
    pub jobmanager: Option<DeploymentSeen>,
    /// The TaskManagers' Deployment.
    pub taskmanager: Option<DeploymentSeen>,
    /// The Service named by the revision.
    pub service: Option<ServiceSeen>,
    /// Pods that cannot run, each with the reason that Kubernetes gives.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pod_troubles: Vec<PodTrouble>,
}

impl ClusterObjects {
    /// The place of the Deployment of this role.
    pub fn deployment_mut(&mut self, role: Role) -> &mut Option<DeploymentSeen> {
        match role {
            Role::JobManager => &mut self.jobmanager,
            Role::TaskManager => &mut self.taskmanager,
        }
    }
}

/// What counts of a Deployment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DeploymentSeen {
    /// metadata.name
    pub name: String,
    /// metadata.uid
    pub uid: String,
    /// metadata.deletionTimestamp is set: it goes when its pods are gone.
    pub deleting: bool,
    /// spec.replicas
    pub replicas: u32,
    /// status.replicas: pods that exist.
    pub existing: u32,
    /// status.availableReplicas
    pub available: u32,
    /// Pods that have an address: a Service can lead to them, ready or not.
    pub addressed: u32,
    /// The value of `pod-deployment-selector` in spec.selector: the original drew it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub selects: String,
}

/// What counts of a Service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ServiceSeen {
    /// metadata.name
    pub name: String,
    /// metadata.uid
    pub uid: String,
    /// metadata.deletionTimestamp is set.
    pub deleting: bool,
    /// The value of `pod-deployment-selector` in spec.selector.
    pub selects: String,
    /// The numbers of spec.ports, in their order.
    pub ports: Vec<u16>,
}

/// What counts of an Ingress.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct IngressSeen {
    /// metadata.name
    pub name: String,
    /// metadata.uid
    pub uid: String,
    /// The host of its one rule.
    pub host: String,
    /// The port of the Service behind it.
    pub port: u16,
}

/// A pod that cannot run, in Kubernetes' own words.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PodTrouble {
    /// metadata.name; that of the Deployment where the API server takes none of its pods.
    pub pod: String,
    /// `ImagePullBackOff`, `CrashLoopBackOff`, `Unschedulable`, ...
    pub reason: String,
    /// The longer text beside the reason.
    pub message: String,
}

/// The Deployments of one revision, whole.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Written {
    /// The JobManager's.
    pub jobmanager: Option<Box<Deployment>>,
    /// The TaskManagers'.
    pub taskmanager: Option<Box<Deployment>>,
}
