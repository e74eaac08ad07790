//! What is watched, as it is first read. Deployments and pods go without what nobody looks at: templates and specs are
//! the greater part of them, and each answer of the API server is full of them. Applications are read one by one.

use std::borrow::Cow;

use flink_operator_core::crd::{FlinkApplication, FlinkApplicationSpec, FlinkApplicationStatus};
use k8s_openapi::api::apps::v1::{Deployment, DeploymentStatus};
use k8s_openapi::api::core::v1::{Pod, PodStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use serde::Deserialize;
use serde_json::Value;

/// An application that was not read yet. Whatever it holds, the list or the watch that it comes with goes on.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct ApplicationView {
    #[serde(default)]
    pub(crate) metadata: ObjectMeta,
    #[serde(default)]
    spec: Value,
    status: Option<Value>,
}

impl ApplicationView {
    /// Reads it.
    ///
    /// # Errors
    /// What makes no sense in its spec or its status.
    pub(crate) fn read(self) -> Result<FlinkApplication, serde_json::Error> {
        let spec = FlinkApplicationSpec::deserialize(self.spec)?;
        let status = self.status.map(FlinkApplicationStatus::deserialize).transpose()?;
        Ok(FlinkApplication { metadata: self.metadata, spec, status })
    }
}

/// A Deployment without its template.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct DeploymentView {
    #[serde(default)]
    pub(super) metadata: ObjectMeta,
    pub(super) spec: Option<DeploymentSpecView>,
    pub(super) status: Option<DeploymentStatus>,
}

/// What counts of a Deployment's spec.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct DeploymentSpecView {
    pub(super) replicas: Option<i32>,
    #[serde(default)]
    pub(super) selector: LabelSelector,
}

/// A pod without its spec.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct PodView {
    #[serde(default)]
    pub(super) metadata: ObjectMeta,
    pub(super) status: Option<PodStatus>,
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
view!(PodView, Pod);
