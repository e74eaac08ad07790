//! The status write. A write that carries memory is guarded by the resourceVersion of the look that
//! the decision was taken on.

use std::borrow::Cow;
use std::sync::Arc;

use flink_operator_core::crd::{FlinkApplication, FlinkApplicationSpec, FlinkApplicationStatus};
use flink_operator_core::memory::Memory;
use flink_operator_core::snapshot::{Remembered, Report, Snapshot};
use flink_operator_core::step::Step;
use flink_operator_core::{conditions, status};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource as _;
use kube::api::PostParams;
use kube::core::Request;
use serde::{Deserialize, Serialize};

use crate::controller::Context;
use crate::error::Error;
use crate::metrics::Written;
use crate::observe::ApplicationName;
use crate::observe::kubernetes::answer;
use crate::reconcile::Decision;

/// Commits what the step wants remembered, with the conditions of the rest that follows if one does; returns the resource
/// as it is then, if it was written.
pub(crate) async fn memory(
    context: &Context,
    decision: &Decision,
    memory: &Memory,
    rest: Option<&Step>,
) -> (Written, Option<Arc<FlinkApplication>>) {
    let Decision { resource, snapshot, step } = decision;
    let now = context.clock.now();
    let application = &snapshot.application;
    let mut new = status::write(memory, application, &context.policy(), resource.status.as_ref(), now);
    conditions::set(&mut new, memory, application, rest.unwrap_or(step), now);
    Box::pin(write(context, decision, new)).await
}

/// What is decided next, and on what, where a phase only remembers something else from now on, and rests. The conditions
/// of that are those that stay: they are written at once, and not once more a moment later.
pub(crate) fn rest_in_phase(snapshot: &Snapshot, memory: &Memory) -> Option<(Snapshot, Step)> {
    let Remembered::Known(before) = &snapshot.memory else { return None };
    if before.phase.name() != memory.phase.name() {
        return None;
    }
    let memory = Remembered::Known(Box::new(memory.clone()));
    let next = Snapshot { memory, report: Report::default(), ..snapshot.clone() };
    let step = flink_operator_core::step(&next);
    step.rests().then_some((next, step))
}

/// Brings the conditions up to date with a step that rests; None if they say so already. Returns what became of the write,
/// and the resource as it is then, if it was written.
pub(crate) async fn conditions(
    context: &Context,
    decision: &Decision,
) -> Option<(Written, Option<Arc<FlinkApplication>>)> {
    let Decision { resource, snapshot, step } = decision;
    let Remembered::Known(memory) = &snapshot.memory else { return None };
    let application = &snapshot.application;
    let now = context.clock.now();
    let before = resource.status.as_ref();
    let told = before.and_then(|status| status.conditions.as_deref()).unwrap_or_default();
    let conditions = conditions::of(told, memory, application, step, now);
    let observed_generation = Some(application.generation);
    if told == conditions && before.and_then(|status| status.observed_generation) == observed_generation {
        return None;
    }
    let mut new = before.cloned().unwrap_or_default();
    (new.conditions, new.observed_generation) = (Some(conditions), observed_generation);
    new.last_updated_at = status::write(memory, application, &context.policy(), None, now).last_updated_at;
    // Where it failed, what it tells is told again at the next rest.
    Some(Box::pin(write(context, decision, new)).await)
}

/// What is sent: the whole object, as for any status.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StatusWrite<'a> {
    api_version: Cow<'static, str>,
    kind: Cow<'static, str>,
    metadata: &'a ObjectMeta,
    spec: &'a FlinkApplicationSpec,
    status: &'a FlinkApplicationStatus,
}

/// What is new in the answer.
#[derive(Clone, Debug, Deserialize)]
struct StatusAnswer {
    metadata: ObjectMeta,
    status: Option<FlinkApplicationStatus>,
}

async fn replaced(context: &Context, name: &ApplicationName, new: &StatusWrite<'_>) -> kube::Result<StatusAnswer> {
    let params = PostParams { field_manager: Some(context.writer.to_string()), ..PostParams::default() };
    let body = serde_json::to_vec(new).map_err(kube::Error::SerdeError)?;
    let request = Request::new(FlinkApplication::url_path(&(), Some(&name.namespace)));
    let request = request.replace_subresource("status", &name.name, &params, body);
    context.client.request(request.map_err(kube::Error::BuildRequest)?).await
}

/// To be put in a box: most looks write nothing, and need not be as large as this.
async fn write(
    context: &Context,
    decision: &Decision,
    new: FlinkApplicationStatus,
) -> (Written, Option<Arc<FlinkApplication>>) {
    let name = decision.name();
    let FlinkApplication { metadata, spec, .. } = &*decision.resource;
    let asked = format!("write the status of FlinkApplication {}/{}", name.namespace, name.name);
    let answer = {
        let _turn = context.workers.turn().await;
        let (api_version, kind) = (FlinkApplication::api_version(&()), FlinkApplication::kind(&()));
        let sent = StatusWrite { api_version, kind, metadata, spec, status: &new };
        answer(asked, replaced(context, &name, &sent)).await
    };
    let (written, resource) = match answer {
        Ok(StatusAnswer { mut metadata, status }) => {
            // As the watches keep it.
            metadata.managed_fields = None;
            // It was taken, so the spec is still the one that was looked at.
            let resource = FlinkApplication { metadata, spec: spec.clone(), status };
            (Written::Done, Some(Arc::new(resource)))
        }
        Err(error) => (failed(context, decision, &error), None),
    };
    context.publisher.written(&name, written);
    (written, resource)
}

fn failed(context: &Context, decision: &Decision, error: &Error) -> Written {
    let written = match error.status() {
        Some(409) => return Written::Conflict,
        Some(404) => return Written::Gone,
        Some(422) => Written::Invalid,
        Some(_) | None => Written::Failed,
    };
    let name = decision.name();
    tracing::warn!(ns = %name.namespace, app_name = %name.name, rule = %decision.step.rule(), "{error}");
    context.publisher.unwritten(decision, error);
    written
}
