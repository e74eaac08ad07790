//! What the interpreter can be told to do. An effect may be performed any number of times: its key
//! names the thing that it brings about, and doing it again finds it done.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::networking::v1::Ingress;
use serde::{Deserialize, Serialize};

use crate::application::JobPlan;
use crate::id::{JobId, RevisionId, TriggerId};

/// One request to Kubernetes or Flink.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, strum::EnumDiscriminants)]
#[strum_discriminants(name(EffectKind), derive(strum::Display, strum::EnumIter, Hash, PartialOrd, Ord))]
#[serde(rename_all = "camelCase")]
pub enum Effect {
    /// Create the Deployment; one of that name which this application owns is as good.
    CreateDeployment(Box<Deployment>),
    /// Create the Service, likewise.
    CreateService(Box<Service>),
    /// Create the Ingress, likewise.
    CreateIngress(Box<Ingress>),
    /// Make the ports and the selector of this Service those given here.
    PointService(Box<Service>),
    /// Make host and backend of this Ingress those given here.
    PointIngress(Box<Ingress>),
    /// Give the Deployment this count of pods.
    ScaleDeployment {
        /// The Deployment.
        target: Target,
        /// How many pods.
        replicas: u32,
    },
    /// Delete the Ingress.
    DeleteIngress(Target),
    /// Delete the Deployment in the foreground, so that it is gone only when its pods are.
    DeleteDeployment(Target),
    /// Delete the Service.
    DeleteService(Target),
    /// Put our finalizer on the application.
    AddFinalizer,
    /// Take our finalizer off: Kubernetes may collect everything.
    RemoveFinalizer,
    /// `POST /jars/:jar/run` with our job id.
    SubmitJob(Box<Submission>),
    /// `POST /jobs/:id/savepoints` with our trigger id: the job runs on (BlueGreen).
    TakeSavepoint {
        /// Whose JobManager.
        revision: RevisionId,
        /// The job.
        job: JobId,
        /// The id under which the savepoint can be asked for.
        trigger: TriggerId,
    },
    /// `POST /jobs/:id/stop` with our trigger id.
    StopWithSavepoint {
        /// Whose JobManager.
        revision: RevisionId,
        /// The job to stop.
        job: JobId,
        /// The id under which the savepoint can be asked for.
        trigger: TriggerId,
    },
    /// `PATCH /jobs/:id?mode=cancel`.
    CancelJob {
        /// Whose JobManager.
        revision: RevisionId,
        /// The job to cancel.
        job: JobId,
    },
}

/// An object to delete; the uid is a precondition, so a newer object of that name is safe.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Target {
    /// metadata.name
    pub name: String,
    /// metadata.uid
    pub uid: String,
    /// The revision that it belongs to.
    pub revision: RevisionId,
}

/// A job to start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Submission {
    /// Whose JobManager.
    pub revision: RevisionId,
    /// The id that we chose.
    pub job: JobId,
    /// Jar, entry class, arguments, parallelism.
    pub plan: JobPlan,
    /// The savepoint or checkpoint to start from; None starts with empty state.
    pub restore_from: Option<String>,
}

/// Names what an effect brings about; equal keys mean the same thing done once.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EffectKey(pub String);

impl Effect {
    /// The idempotency key.
    pub fn key(&self) -> EffectKey {
        let name = |name: &Option<String>| name.clone().unwrap_or_default();
        EffectKey(match self {
            Effect::CreateDeployment(object) => format!("create/deployment/{}", name(&object.metadata.name)),
            Effect::CreateService(object) => format!("create/service/{}", name(&object.metadata.name)),
            Effect::CreateIngress(object) => format!("create/ingress/{}", name(&object.metadata.name)),
            Effect::PointService(object) => format!("point/service/{}", name(&object.metadata.name)),
            Effect::PointIngress(object) => format!("point/ingress/{}", name(&object.metadata.name)),
            Effect::ScaleDeployment { target, replicas } => format!("scale/deployment/{}/{replicas}", target.uid),
            Effect::DeleteIngress(target) => format!("delete/ingress/{}", target.uid),
            Effect::DeleteDeployment(target) => format!("delete/deployment/{}", target.uid),
            Effect::DeleteService(target) => format!("delete/service/{}", target.uid),
            Effect::AddFinalizer => "finalizer/add".to_owned(),
            Effect::RemoveFinalizer => "finalizer/remove".to_owned(),
            Effect::SubmitJob(submission) => format!("submit/{}", submission.job),
            Effect::TakeSavepoint { job, trigger, .. } => format!("savepoint/{job}/{trigger}"),
            Effect::StopWithSavepoint { job, trigger, .. } => format!("stop/{job}/{trigger}"),
            Effect::CancelJob { job, .. } => format!("cancel/{job}"),
        })
    }
}
