//! The application as the core sees it: parsed once, and either valid or refused with reasons.
//!
//! `step()` never sees a raw spec. Parsing never fails: an application whose spec makes no sense still
//! has a name, a uid and perhaps a running job, so the refusal is a value inside.

mod digest;
mod parse;
mod quantity;
mod refusal;
mod spec;
mod version;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::crd::{FINALIZER, FlinkApplication};
use crate::id::Digest;

pub use quantity::{NotAQuantity, Quantity};
pub use refusal::{Problem, Refusal};
pub use spec::{
    Colour, DeleteMode, DeploymentMode, HighAvailability, JobManager, JobPlan, MemoryOption, PodPlan, Ports, Spec,
    TaskManager,
};
pub use version::{Ability, FlinkVersion};

/// A FlinkApplication, parsed. Its serialized form is the manifest that it was parsed from, without
/// the status.
#[derive(Clone, Debug)]
pub struct Application {
    /// The namespace of the application and of all its objects.
    pub namespace: String,
    /// The name, which is part of every object's name.
    pub name: String,
    /// The uid: it tells this application from an earlier one of the same name.
    pub uid: String,
    /// The generation of the spec; 0 when there is none.
    pub generation: i64,
    /// When the deletion was asked for.
    pub deletion: Option<Timestamp>,
    /// Whether our finalizer is present.
    pub finalized: bool,
    /// What becomes of the job when the application is deleted; heard even if the rest of the spec is refused.
    pub delete_mode: DeleteMode,
    /// The labels, as the user wrote them.
    pub labels: BTreeMap<String, String>,
    /// The annotations, as the user wrote them.
    pub annotations: BTreeMap<String, String>,
    /// What the spec asks for, or why it cannot be served.
    pub spec: Result<Arc<Spec>, Refusal>,
    /// What it was parsed from. Shared: it is larger than all the rest.
    resource: Arc<FlinkApplication>,
}

impl Application {
    /// Reads an application. A spec that cannot be served is a [`Refusal`] inside.
    pub fn parse(resource: &FlinkApplication) -> Self {
        Self::with_spec(Arc::new(manifest(resource)), parsed(resource))
    }

    /// The same, without the work where the spec is that of the last time.
    pub fn parse_again(resource: &Arc<FlinkApplication>, last: &mut LastSpec) -> Self {
        let spec = match (Generation::of(resource), &last.0) {
            (Some(now), Some((then, spec))) if now == *then => spec.clone(),
            (now, _) => {
                let spec = parsed(resource);
                last.0 = now.map(|now| (now, spec.clone()));
                spec
            }
        };
        Self::with_spec(resource.clone(), spec)
    }

    fn with_spec(resource: Arc<FlinkApplication>, spec: Result<Arc<Spec>, Refusal>) -> Self {
        let metadata = &resource.metadata;
        let finalizers = metadata.finalizers.as_deref().unwrap_or_default();
        Self {
            namespace: metadata.namespace.clone().unwrap_or_default(),
            name: metadata.name.clone().unwrap_or_default(),
            uid: metadata.uid.clone().unwrap_or_default(),
            generation: metadata.generation.unwrap_or_default(),
            deletion: metadata.deletion_timestamp.as_ref().map(|time| time.0),
            finalized: finalizers.iter().any(|finalizer| finalizer == FINALIZER),
            delete_mode: DeleteMode::read(resource.spec.delete_mode.as_deref()),
            labels: metadata.labels.clone().unwrap_or_default(),
            annotations: metadata.annotations.clone().unwrap_or_default(),
            spec,
            resource,
        }
    }

    /// The same application with digests that its spec had before its secrets were taken out: of all, of the cluster.
    pub(crate) fn with_digests(mut self, spec_digest: Option<&Digest>, cluster_digest: Option<&Digest>) -> Self {
        if let Ok(spec) = &mut self.spec {
            let spec = Arc::make_mut(spec);
            spec_digest.into_iter().for_each(|digest| spec.digest = digest.clone());
            cluster_digest.into_iter().for_each(|digest| spec.cluster_digest = digest.clone());
        }
        self
    }

    /// A copy of the resource that this application was parsed from, without its status.
    pub fn manifest(&self) -> FlinkApplication {
        manifest(&self.resource)
    }
}

/// A resource without its status, and without who owns which field.
fn manifest(resource: &FlinkApplication) -> FlinkApplication {
    let FlinkApplication { metadata, spec, status: _ } = resource;
    let metadata = ObjectMeta { managed_fields: None, ..metadata.clone() };
    FlinkApplication { metadata, spec: spec.clone(), status: None }
}

/// The spec of an application as it was parsed the last time.
#[derive(Clone, Debug, Default)]
pub struct LastSpec(Option<(Generation, Result<Arc<Spec>, Refusal>)>);

fn parsed(resource: &FlinkApplication) -> Result<Arc<Spec>, Refusal> {
    parse::spec(resource).map(Arc::new)
}

/// What tells one spec from another: the API server counts the generation up with every change of a spec.
/// <https://kubernetes.io/docs/reference/using-api/api-concepts/>
#[derive(Clone, Debug, PartialEq, Eq)]
struct Generation {
    uid: String,
    number: i64,
}

impl Generation {
    /// None where the resource does not come from an API server.
    fn of(resource: &FlinkApplication) -> Option<Self> {
        let ObjectMeta { uid, generation, .. } = &resource.metadata;
        Some(Self { uid: uid.clone()?, number: (*generation)? })
    }
}

impl PartialEq for Application {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.resource, &other.resource) || self.manifest() == other.manifest()
    }
}

impl Serialize for Application {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.manifest().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Application {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        FlinkApplication::deserialize(deserializer).map(|resource| Self::parse(&resource))
    }
}
