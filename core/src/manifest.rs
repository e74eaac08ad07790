//! From a plan to Kubernetes objects: the cluster of one revision, and the way to it.
//!
//! Pure: the same application, policy and revision make the same objects, to the letter. So a create
//! that is repeated meets what it made itself.

mod config;
mod deployment;
mod ingress;
pub mod names;
mod service;

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::networking::v1::Ingress;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};

use crate::application::{Application, Spec};
use crate::crd::{GROUP, KIND, VERSION};
use crate::memory::Revision;
use crate::policy::Policy;
use names::Role;

pub use config::{AVAILABILITY_KEYS, operator_keys};
pub(crate) use deployment::{APPLICATION_VERSION, FLINK_PROPERTIES, OPERATOR_FLINK_CONFIG};
pub use ingress::{host, ingress};
pub use service::{Address, address, generic as generic_service, ui_port, versioned as versioned_service};

/// All objects of one revision, in the order in which they are created.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifests {
    /// The JobManager.
    pub jobmanager: Deployment,
    /// The Service of the application, which always leads to the job in charge.
    pub generic_service: Service,
    /// The Service of this revision, which the operator and the TaskManagers use.
    pub versioned_service: Service,
    /// The way in from outside, when the policy has a host for it.
    pub ingress: Option<Ingress>,
    /// The TaskManagers.
    pub taskmanager: Deployment,
}

/// The objects of one revision of an application.
pub fn render(app: &Application, spec: &Spec, policy: &Policy, revision: &Revision) -> Manifests {
    Manifests {
        jobmanager: deployment::deployment(app, spec, policy, revision, Role::JobManager),
        generic_service: service::generic(app, spec.ports, revision, None),
        versioned_service: service::versioned(app, spec.ports, revision, None),
        ingress: ingress::ingress(app, spec.ports, policy, revision.colour),
        taskmanager: deployment::deployment(app, spec, policy, revision, Role::TaskManager),
    }
}

/// Metadata of an object that the application owns and that goes with it.
fn owned(app: &Application, name: String, labels: BTreeMap<String, String>) -> ObjectMeta {
    ObjectMeta {
        name: Some(name),
        namespace: Some(app.namespace.clone()),
        labels: Some(labels),
        owner_references: Some(vec![OwnerReference {
            api_version: format!("{GROUP}/{VERSION}"),
            kind: KIND.to_owned(),
            name: app.name.clone(),
            uid: app.uid.clone(),
            controller: Some(true),
            block_owner_deletion: Some(true),
        }]),
        ..ObjectMeta::default()
    }
}

/// The user's labels and annotations go onto the objects as far as they are not ours.
///
/// One annotation stays behind: what `kubectl apply` last wrote for the application. On a Deployment
/// it would be taken for what was last applied there, and it is half the size of the object.
fn users(written: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let ours = |key: &str| names::OURS.contains(&key) || key == "kubectl.kubernetes.io/last-applied-configuration";
    written.iter().filter(|(key, _)| !ours(key)).map(|(key, value)| (key.clone(), value.clone())).collect()
}
