//! Events, metrics and log lines, all made of Rules and Notes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use flink_operator_core::crd::FlinkApplication;
use flink_operator_core::phase::PhaseName;
use flink_operator_core::snapshot::Report;
use flink_operator_core::step::{EventReason, Note, Step};
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use kube::{Client, Resource};

use crate::board::{Board, phase_of};
use crate::error::Error;
use crate::metrics::{Metrics, Written};
use crate::observe::{ApplicationName, ApplicationView};
use crate::reconcile::Decision;

/// The component that events name, as the original spelled it.
const COMPONENT: &str = "flinkK8sOperator";
/// Texts of events that are remembered, so that the same event is counted and not written anew.
const TEXTS: usize = 512;
/// The API server's limit of an event's text in bytes.
const NOTE_BYTES: usize = 1_024;

/// Tells the world what was decided.
pub struct Publisher {
    client: Client,
    /// By text: a recorder folds events that differ in nothing but their text, and then tells the first one's.
    events: Mutex<HashMap<String, Recorder>>,
    metrics: Arc<Metrics>,
    board: Arc<Board>,
}

impl Publisher {
    /// One that tells events to the API server, and the rest to metrics and board.
    pub fn new(client: Client, metrics: Arc<Metrics>, board: Arc<Board>) -> Self {
        Self { client, events: Mutex::default(), metrics, board }
    }

    /// How every application stands.
    pub(crate) fn board(&self) -> &Board {
        &self.board
    }

    /// A task met a bug of ours.
    pub(crate) fn bug(&self) {
        self.metrics.bug();
    }

    /// A decision was taken.
    pub(crate) fn decided(&self, decision: &Decision, fresh: bool) {
        self.board.decided(&decision.name(), &decision.snapshot, &decision.step, fresh);
    }

    /// A move was committed; `resource` is as it is now.
    pub(crate) fn moved(&self, decision: &Decision, resource: &FlinkApplication, to: PhaseName) {
        self.metrics.moved(decision.step.rule());
        if let Some((phase, after)) = self.board.moved(&decision.name(), to) {
            self.metrics.left(phase, after);
        }
        say(decision);
        self.publish(resource, &decision.step);
    }

    /// Effects were performed.
    pub(crate) fn acted(&self, decision: &Decision, report: &Report) {
        let Decision { resource, step, .. } = decision;
        let name = decision.name();
        self.metrics.performed(step.effects(), report);
        self.board.performed(&name, step.effects(), report);
        for (key, trouble) in &report.failed {
            let (ns, app_name) = (&name.namespace, &name.name);
            tracing::warn!(%ns, %app_name, rule = %step.rule(), effect = %key.0, "{}", trouble.message);
        }
        say(decision);
        if report.is_empty() {
            self.publish(resource, step);
        }
    }

    /// Nothing was to be done. What a rest has to tell is told again and again; the recorder folds it.
    pub(crate) fn rested(&self, decision: &Decision) {
        self.publish(&decision.resource, &decision.step);
    }

    /// The status could not be written. The event may still be told: a definition that is older than this operator
    /// refuses the status, and takes events.
    pub(crate) fn unwritten(&self, decision: &Decision, error: &Error) {
        let phase = phase_of(&decision.snapshot.memory).map_or_else(String::new, |phase| format!(" in {phase}"));
        let message = format!(
            "The status of {} could not be written{phase}, so nothing is done until it can be: {error}",
            decision.snapshot.application.name
        );
        let rule = decision.step.rule();
        self.tell(&*decision.resource, event(&Note { reason: EventReason::HandleFailed, message }, &rule.to_string()));
    }

    /// Another installation acts on the application too.
    pub(crate) fn rivalled(&self, resource: &ApplicationView, rival: &str) {
        let metadata = &resource.metadata;
        let message = format!(
            "Another operator, {rival}, acts on this application too: two installations watch its namespace. Neither \
             harms, but remove one of them, or let each watch namespaces of its own (limitNamespace)."
        );
        tracing::error!(ns = metadata.namespace, app_name = metadata.name, "{message}");
        self.tell(resource, event(&Note { reason: EventReason::AnotherOperator, message }, "AnotherOperator"));
    }

    /// A status write ended.
    pub(crate) fn written(&self, name: &ApplicationName, written: Written) {
        self.metrics.written(written);
        self.board.written(name, written);
    }

    fn recorder(&self, text: &str) -> Recorder {
        let new = || Recorder::new(self.client.clone(), Reporter { controller: COMPONENT.into(), instance: None });
        let Ok(mut known) = self.events.lock() else { return new() };
        if known.len() >= TEXTS && !known.contains_key(text) {
            known.clear();
        }
        known.entry(text.to_owned()).or_insert_with(new).clone()
    }

    /// Events are told in the background: no job waits for one.
    fn publish(&self, resource: &FlinkApplication, step: &Step) {
        step.notes().iter().for_each(|note| self.tell(resource, event(note, &step.rule().to_string())));
    }

    fn tell(&self, resource: &impl Resource<DynamicType = ()>, event: Event) {
        let about = resource.object_ref(&());
        let recorder = self.recorder(event.note.as_deref().unwrap_or_default());
        tokio::spawn(async move {
            if let Err(error) = recorder.publish(&event, &about).await {
                tracing::debug!(reason = %event.reason, "the event could not be written: {error}");
            }
        });
    }
}

fn say(decision: &Decision) {
    let Decision { snapshot, step, .. } = decision;
    let phase = phase_of(&snapshot.memory).map_or_else(|| "Unreadable".to_owned(), |phase| phase.to_string());
    tracing::info!(
        app_name = %snapshot.application.name,
        ns = %snapshot.application.namespace,
        %phase,
        rule = %step.rule(),
        effects = step.effects().len(),
        "{}",
        step.why().unwrap_or(step.rule().edge().when)
    );
}

fn event(note: &Note, action: &str) -> Event {
    let mut text = note.message.clone();
    if text.len() > NOTE_BYTES {
        let end = (0..=NOTE_BYTES - 3).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        text.truncate(end);
        text.push('…');
    }
    Event {
        type_: if note.reason.is_warning() { EventType::Warning } else { EventType::Normal },
        reason: note.reason.to_string(),
        note: Some(text),
        action: action.to_owned(),
        secondary: None,
    }
}
