//! The status write. A write that carries memory is guarded by the resourceVersion of the look that
//! the decision was taken on.

use std::sync::Arc;

use flink_operator_core::crd::{FlinkApplication, FlinkApplicationStatus};
use flink_operator_core::memory::Memory;
use flink_operator_core::snapshot::{Remembered, Report, Snapshot};
use flink_operator_core::step::Step;
use flink_operator_core::{conditions, status};
use kube::Api;
use kube::api::PostParams;

use crate::controller::Context;
use crate::error::Error;
use crate::metrics::Written;
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
    write(context, decision, new).await
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
    let before = resource.status.clone().unwrap_or_default();
    let mut new = before.clone();
    conditions::set(&mut new, memory, application, step, now);
    new.observed_generation = Some(application.generation);
    if new == before {
        return None;
    }
    new.last_updated_at = status::write(memory, application, &context.policy(), None, now).last_updated_at;
    // Where it failed, what it tells is told again at the next rest.
    Some(write(context, decision, new).await)
}

async fn write(
    context: &Context,
    decision: &Decision,
    new: FlinkApplicationStatus,
) -> (Written, Option<Arc<FlinkApplication>>) {
    let name = decision.name();
    let api: Api<FlinkApplication> = Api::namespaced(context.client.clone(), &name.namespace);
    let mut object = FlinkApplication::clone(&decision.resource);
    object.status = Some(new);
    let asked = format!("write the status of FlinkApplication {}/{}", name.namespace, name.name);
    let answer = {
        let _turn = context.workers.turn().await;
        let params = PostParams { field_manager: Some(context.writer.to_string()), ..PostParams::default() };
        // In a box: most looks write nothing, and need not be as large as this.
        Box::pin(answer(asked, api.replace_status(&name.name, &params, &object))).await
    };
    let (written, resource) = match answer {
        Ok(mut resource) => {
            // As the watches keep it.
            resource.metadata.managed_fields = None;
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
