//! The status write. A write that carries memory is guarded by the resourceVersion of the look that
//! the decision was taken on.

use std::sync::Arc;

use flink_operator_core::application::Application;
use flink_operator_core::crd::{FlinkApplication, FlinkApplicationStatus};
use flink_operator_core::memory::Memory;
use flink_operator_core::snapshot::Remembered;
use flink_operator_core::step::Step;
use flink_operator_core::{conditions, status};
use jiff::Timestamp;
use kube::Api;
use kube::api::PostParams;

use crate::controller::Context;

/// What became of a commit.
pub(crate) enum Commit {
    /// It is written; here is the resource as it is now.
    Done(Arc<FlinkApplication>),
    /// The resource has changed since the look: look again.
    Conflict,
    /// The resource does not exist any more.
    Gone,
    /// The API server refuses or does not answer.
    Failed,
}

/// Commits what the step wants remembered.
pub(crate) async fn memory(
    context: &Context,
    resource: &Arc<FlinkApplication>,
    memory: &Memory,
    step: &Step,
) -> Commit {
    let application = Application::parse(resource);
    let now = Timestamp::now();
    let mut new = status::write(memory, &application, &context.policy(), resource.status.as_ref(), now);
    conditions::set(&mut new, memory, &application, step, now);
    write(context, resource, new).await
}

/// Brings the conditions up to date with a step that rests, if they say something else.
pub(crate) async fn conditions(context: &Context, resource: &Arc<FlinkApplication>, step: &Step) {
    let Remembered::Known(memory) = status::read(resource.status.as_ref()) else {
        return;
    };
    let application = Application::parse(resource);
    let now = Timestamp::now();
    let before = resource.status.clone().unwrap_or_default();
    let mut new = before.clone();
    conditions::set(&mut new, &memory, &application, step, now);
    new.observed_generation = Some(application.generation);
    if new == before {
        return;
    }
    new.last_updated_at = status::write(&memory, &application, &context.policy(), None, now).last_updated_at;
    let _ = write(context, resource, new).await;
}

async fn write(context: &Context, resource: &Arc<FlinkApplication>, new: FlinkApplicationStatus) -> Commit {
    let (Some(namespace), Some(name)) = (&resource.metadata.namespace, &resource.metadata.name) else {
        return Commit::Gone;
    };
    let api: Api<FlinkApplication> = Api::namespaced(context.client.clone(), namespace);
    let mut object = FlinkApplication::clone(resource);
    object.status = Some(new);
    match api.replace_status(name, &PostParams::default(), &object).await {
        Ok(written) => Commit::Done(Arc::new(written)),
        Err(kube::Error::Api(answer)) if answer.code == 409 => Commit::Conflict,
        Err(kube::Error::Api(answer)) if answer.code == 404 => Commit::Gone,
        Err(error) => {
            tracing::warn!(%namespace, %name, "the status could not be written: {error}");
            context.publisher.commit_failed();
            Commit::Failed
        }
    }
}
