//! Events, metrics and log lines, all made of Rules and Notes.

use std::collections::HashMap;
use std::sync::Mutex;

use flink_operator_core::crd::FlinkApplication;
use flink_operator_core::snapshot::Report;
use flink_operator_core::step::{Note, Step};
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use kube::{Client, Resource};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

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
    transitions: Family<ByRule, Counter>,
    effects: Family<ByEffect, Counter>,
    commit_failures: Counter,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ByRule {
    rule: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ByEffect {
    effect: String,
    outcome: String,
}

impl Publisher {
    /// Registers its metrics.
    pub fn new(client: Client, registry: &mut Registry) -> Self {
        let publisher = Self {
            client,
            events: Mutex::default(),
            transitions: Family::default(),
            effects: Family::default(),
            commit_failures: Counter::default(),
        };
        registry.register("transitions", "Committed moves of the machine, by rule", publisher.transitions.clone());
        registry.register("effects", "Performed effects, by kind and outcome", publisher.effects.clone());
        registry.register("commit_failures", "Status writes that failed", publisher.commit_failures.clone());
        publisher
    }

    /// A move was committed.
    pub(crate) async fn moved(&self, resource: &FlinkApplication, step: &Step) {
        self.transitions.get_or_create(&ByRule { rule: step.rule().to_string() }).inc();
        self.say(resource, step);
        self.publish(resource, step).await;
    }

    /// Effects were performed.
    pub(crate) async fn acted(&self, resource: &FlinkApplication, step: &Step, report: &Report) {
        for effect in step.effects() {
            let kind = flink_operator_core::effect::EffectKind::from(effect).to_string();
            let outcome = if report.failed.contains_key(&effect.key()) { "failed" } else { "done" };
            self.effects.get_or_create(&ByEffect { effect: kind, outcome: outcome.to_owned() }).inc();
        }
        for (key, trouble) in &report.failed {
            tracing::warn!(rule = %step.rule(), effect = %key.0, "{}", trouble.message);
        }
        self.say(resource, step);
        if report.is_empty() {
            self.publish(resource, step).await;
        }
    }

    /// Nothing was to be done. What a rest has to tell is told again and again; the recorder folds it.
    pub(crate) async fn rested(&self, resource: &FlinkApplication, step: &Step) {
        self.publish(resource, step).await;
    }

    pub(crate) fn commit_failed(&self) {
        self.commit_failures.inc();
    }

    fn say(&self, resource: &FlinkApplication, step: &Step) {
        let meta = &resource.metadata;
        tracing::info!(
            app_name = meta.name.as_deref().unwrap_or_default(),
            ns = meta.namespace.as_deref().unwrap_or_default(),
            rule = %step.rule(),
            effects = step.effects().len(),
            "{}",
            step.why().unwrap_or(step.rule().edge().when)
        );
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
    async fn publish(&self, resource: &FlinkApplication, step: &Step) {
        for note in step.notes() {
            let event = event(note, step);
            let about = resource.object_ref(&());
            let recorder = self.recorder(&note.message);
            tokio::spawn(async move {
                if let Err(error) = recorder.publish(&event, &about).await {
                    tracing::debug!(reason = %event.reason, "the event could not be written: {error}");
                }
            });
        }
    }
}

fn event(note: &Note, step: &Step) -> Event {
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
        action: step.rule().to_string(),
        secondary: None,
    }
}
