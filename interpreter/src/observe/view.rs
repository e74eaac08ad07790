//! What is watched, as it is first read. Children go without what nobody looks at: templates, specs and annotations are
//! the greater part of them, and each answer of the API server is full of them. Applications are read one by one.

use std::borrow::Cow;
use std::collections::BTreeMap;

use flink_operator_core::crd::{FlinkApplication, FlinkApplicationSpec, FlinkApplicationStatus};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ContainerStatus, Pod, Service, ServicePort};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta, OwnerReference, Time};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// An application that was not read yet. Whatever it holds, the list or the watch that it comes with goes on.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct ApplicationView {
    #[serde(default)]
    pub(crate) metadata: ObjectMeta,
    spec: Option<Box<RawValue>>,
    status: Option<Box<RawValue>>,
}

impl ApplicationView {
    /// Reads it.
    ///
    /// # Errors
    /// What makes no sense in its spec or its status.
    pub(crate) fn read(self) -> Result<FlinkApplication, serde_json::Error> {
        let spec: FlinkApplicationSpec = serde_json::from_str(self.spec.as_deref().map_or("null", RawValue::get))?;
        let status = self.status.as_deref().map(RawValue::get);
        let status: Option<FlinkApplicationStatus> = status.map(serde_json::from_str).transpose()?;
        Ok(FlinkApplication { metadata: self.metadata, spec, status })
    }
}

/// A Deployment without its template.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct DeploymentView {
    #[serde(default, deserialize_with = "metadata")]
    pub(super) metadata: ObjectMeta,
    pub(super) spec: Option<DeploymentSpecView>,
    pub(super) status: Option<DeploymentStatusView>,
}

/// What counts of a Deployment's spec.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct DeploymentSpecView {
    pub(super) replicas: Option<i32>,
    #[serde(default)]
    pub(super) selector: LabelSelector,
}

/// What counts of a Deployment's status.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DeploymentStatusView {
    pub(super) replicas: Option<i32>,
    pub(super) available_replicas: Option<i32>,
    pub(super) conditions: Option<Vec<ConditionView>>,
}

/// A condition without its times.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ConditionView {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) status: String,
    pub(super) reason: Option<String>,
    pub(super) message: Option<String>,
}

/// A Service without what the cluster makes of it.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct ServiceView {
    #[serde(default, deserialize_with = "metadata")]
    pub(super) metadata: ObjectMeta,
    pub(super) spec: Option<ServiceSpecView>,
}

/// What counts of a Service's spec.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct ServiceSpecView {
    pub(super) selector: Option<BTreeMap<String, String>>,
    #[serde(default, deserialize_with = "ports")]
    pub(super) ports: Vec<ServicePort>,
}

/// What counts of a port of a Service.
#[derive(Deserialize)]
struct PortView {
    name: Option<String>,
    port: i32,
}

fn ports<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<ServicePort>, D::Error> {
    let ports = Option::<Vec<PortView>>::deserialize(deserializer)?.unwrap_or_default();
    Ok(ports.into_iter().map(|PortView { name, port }| ServicePort { name, port, ..ServicePort::default() }).collect())
}

/// A pod without its spec.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct PodView {
    #[serde(default, deserialize_with = "metadata")]
    pub(super) metadata: ObjectMeta,
    pub(super) status: Option<PodStatusView>,
}

/// What counts of a pod's status.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PodStatusView {
    pub(super) phase: Option<String>,
    pub(super) reason: Option<String>,
    pub(super) message: Option<String>,
    #[serde(rename = "podIP")]
    pub(super) pod_ip: Option<String>,
    pub(super) conditions: Option<Vec<ConditionView>>,
    pub(super) init_container_statuses: Option<Vec<ContainerStatus>>,
    pub(super) container_statuses: Option<Vec<ContainerStatus>>,
}

/// What counts of a child's metadata.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MetadataView {
    name: Option<String>,
    namespace: Option<String>,
    uid: Option<String>,
    resource_version: Option<String>,
    deletion_timestamp: Option<Time>,
    labels: Option<BTreeMap<String, String>>,
    owner_references: Option<Vec<OwnerReference>>,
}

fn metadata<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ObjectMeta, D::Error> {
    let view = MetadataView::deserialize(deserializer)?;
    Ok(ObjectMeta {
        name: view.name,
        namespace: view.namespace,
        uid: view.uid,
        resource_version: view.resource_version,
        deletion_timestamp: view.deletion_timestamp,
        labels: view.labels,
        owner_references: view.owner_references,
        ..ObjectMeta::default()
    })
}

/// A view is asked for under the address of its kind.
macro_rules! view {
    ($view:ty, $kind:ty) => {
        impl kube::Resource for $view {
            type DynamicType = ();
            type Scope = <$kind as kube::Resource>::Scope;

            fn kind(kind: &()) -> Cow<'_, str> {
                <$kind as kube::Resource>::kind(kind)
            }

            fn group(kind: &()) -> Cow<'_, str> {
                <$kind as kube::Resource>::group(kind)
            }

            fn version(kind: &()) -> Cow<'_, str> {
                <$kind as kube::Resource>::version(kind)
            }

            fn plural(kind: &()) -> Cow<'_, str> {
                <$kind as kube::Resource>::plural(kind)
            }

            fn meta(&self) -> &ObjectMeta {
                &self.metadata
            }

            fn meta_mut(&mut self) -> &mut ObjectMeta {
                &mut self.metadata
            }
        }
    };
}

view!(ApplicationView, FlinkApplication);
view!(DeploymentView, Deployment);
view!(ServiceView, Service);
view!(PodView, Pod);
