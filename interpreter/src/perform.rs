//! Performing: the effects of a step, carried out in order.

mod flink;
mod kubernetes;

use std::sync::Arc;

use flink_operator_core::application::Application;
use flink_operator_core::effect::{Effect, EffectKind};
use flink_operator_core::snapshot::{Report, Trouble};

use crate::error::Error;
use crate::flink::{Call, FlinkClient};
use crate::workers::Workers;

/// The field manager of everything that the operator writes.
pub const FIELD_MANAGER: &str = "flinkk8soperator";

/// Carries effects out.
#[derive(Clone)]
pub struct Performer {
    kubernetes: kube::Client,
    flink: Arc<FlinkClient>,
    workers: Arc<Workers>,
}

impl Performer {
    /// One that talks through these clients, to Kubernetes only when it is its turn.
    pub fn new(kubernetes: kube::Client, flink: Arc<FlinkClient>, workers: Arc<Workers>) -> Self {
        Self { kubernetes, flink, workers }
    }

    /// Performs effects in their order and stops at the first that fails.
    pub async fn perform_all(&self, application: &Application, effects: &[Effect]) -> Report {
        let mut report = Report::default();
        for effect in effects {
            if let Err(trouble) = self.perform(application, effect).await {
                report.failed.insert(effect.key(), trouble);
                break;
            }
        }
        report
    }

    /// Performs one effect. One that finds itself done has succeeded.
    pub async fn perform(&self, application: &Application, effect: &Effect) -> Result<(), Trouble> {
        let _turn = match call(effect) {
            Some(_) => None,
            None => self.workers.turn().await,
        };
        self.try_perform(application, effect).await.map_err(|error| error.trouble(&method(effect)))
    }

    async fn try_perform(&self, application: &Application, effect: &Effect) -> Result<(), Error> {
        match effect {
            Effect::CreateDeployment(deployment) => self.create(application, deployment.as_ref()).await,
            Effect::CreateService(service) => self.create(application, service.as_ref()).await,
            Effect::CreateIngress(ingress) => self.create(application, ingress.as_ref()).await,
            Effect::PointService(service) => self.point(application, service).await,
            Effect::PointIngress(ingress) => self.point_ingress(application, ingress).await,
            Effect::ScaleDeployment { target, replicas } => self.scale(application, target, *replicas).await,
            Effect::DeleteIngress(target) => self.delete_ingress(application, target).await,
            Effect::DeleteDeployment(target) => self.delete_deployment(application, target).await,
            Effect::DeleteService(target) => self.delete_service(application, target).await,
            Effect::AddFinalizer => self.add_finalizer(application).await,
            Effect::RemoveFinalizer => self.remove_finalizer(application).await,
            Effect::SubmitJob(submission) => self.submit(application, submission).await,
            Effect::StopWithSavepoint { revision, job, trigger } => {
                self.stop(application, revision, job, trigger).await
            }
            Effect::TakeSavepoint { revision, job, trigger } => {
                self.take_savepoint(application, revision, job, trigger).await
            }
            Effect::CancelJob { revision, job } => self.cancel(application, revision, job).await,
        }
    }
}

/// The name of the call in `status.lastSeenError.method`: the original's for calls to Flink.
fn method(effect: &Effect) -> String {
    call(effect).map_or_else(|| EffectKind::from(effect).to_string(), |call| call.method().to_owned())
}

/// Whether an effect changes something in Kubernetes.
pub(crate) fn is_on_kubernetes(effect: &Effect) -> bool {
    call(effect).is_none()
}

/// The call to Flink that an effect is; None for one on Kubernetes.
fn call(effect: &Effect) -> Option<Call> {
    match effect {
        Effect::SubmitJob(_) => Some(Call::Submit),
        Effect::StopWithSavepoint { .. } => Some(Call::Stop),
        Effect::TakeSavepoint { .. } => Some(Call::TakeSavepoint),
        Effect::CancelJob { .. } => Some(Call::Cancel),
        Effect::CreateDeployment(_)
        | Effect::CreateService(_)
        | Effect::CreateIngress(_)
        | Effect::PointService(_)
        | Effect::PointIngress(_)
        | Effect::ScaleDeployment { .. }
        | Effect::DeleteIngress(_)
        | Effect::DeleteDeployment(_)
        | Effect::DeleteService(_)
        | Effect::AddFinalizer
        | Effect::RemoveFinalizer => None,
    }
}
