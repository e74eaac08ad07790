//! What became of each application so far, made of what the API server told.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use flink_operator_core::crd::FlinkApplication;
use k8s_openapi::api::core::v1::{Event, Pod};

/// Namespace and name.
pub type Key = (String, String);

/// Something worth a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// Another phase, and how long the one before took.
    Phase {
        /// Which application.
        name: String,
        /// The phase.
        phase: String,
        /// The phase before, and how long it took.
        before: Option<(String, Duration)>,
        /// The rule in words.
        why: String,
        /// Whether it is a phase that nobody wishes.
        bad: bool,
    },
    /// Another rule within the phase.
    Rule {
        /// Which application.
        name: String,
        /// The rule in words.
        why: String,
    },
    /// An event.
    Event {
        /// Which application.
        name: String,
        /// One word.
        reason: String,
        /// The text.
        message: String,
        /// Whether it is a warning.
        warning: bool,
    },
    /// It is gone.
    Gone {
        /// Which application.
        name: String,
        /// How long the last phase took.
        before: (String, Duration),
    },
}

/// One application.
#[derive(Clone, Debug)]
pub struct Told {
    /// The phase; `New` before there is one.
    pub phase: String,
    since: Instant,
    why: String,
    /// The phases that are over, in order, and how long each took.
    pub past: Vec<(String, Duration)>,
    /// The resource as it was last seen.
    pub resource: FlinkApplication,
    /// Whether it has been deleted since.
    pub gone: bool,
}

/// All applications.
#[derive(Default)]
pub struct Story {
    /// By namespace and name.
    pub all: BTreeMap<Key, Told>,
    events: BTreeSet<String>,
    /// Pods by uid: whose, and whether ready.
    pods: BTreeMap<String, (Key, bool)>,
}

impl Story {
    /// An application as it is now.
    pub fn see(&mut self, resource: FlinkApplication, now: Instant) -> Option<Line> {
        let (phase, why) = (phase_of(&resource), why(&resource));
        let key = key_of(&resource.metadata);
        let name = key.1.clone();
        let known = self.all.get_mut(&key).filter(|known| !known.gone);
        let Some(known) = known else {
            let told =
                Told { phase: phase.clone(), since: now, why: why.clone(), past: Vec::new(), resource, gone: false };
            let bad = is_bad(&phase);
            self.all.insert(key, told);
            return Some(Line::Phase { name, phase, before: None, why, bad });
        };
        known.resource = resource;
        if known.phase != phase {
            let before = (std::mem::replace(&mut known.phase, phase.clone()), now.duration_since(known.since));
            known.since = now;
            known.past.push(before.clone());
            known.why.clone_from(&why);
            let bad = is_bad(&phase);
            return Some(Line::Phase { name, phase, before: Some(before), why, bad });
        }
        let news = !why.is_empty() && but_for_numbers(&known.why) != but_for_numbers(&why);
        known.why.clone_from(&why);
        news.then_some(Line::Rule { name, why })
    }

    /// An application is no longer there.
    pub fn miss(&mut self, resource: &FlinkApplication, now: Instant) -> Option<Line> {
        let key = key_of(&resource.metadata);
        let known = self.all.get_mut(&key).filter(|known| !known.gone)?;
        known.gone = true;
        let before = (known.phase.clone(), now.duration_since(known.since));
        known.past.push(before.clone());
        Some(Line::Gone { name: key.1, before })
    }

    /// An event; told once however often it came.
    pub fn hear(&mut self, event: &Event) -> Option<Line> {
        let about = &event.involved_object;
        let ours = about.kind.as_deref() == Some("FlinkApplication");
        let message = event.message.clone().unwrap_or_default();
        let id = format!("{}/{message}", event.metadata.uid.as_deref().unwrap_or_default());
        if !ours || !self.events.insert(id) {
            return None;
        }
        Some(Line::Event {
            name: about.name.clone().unwrap_or_default(),
            reason: event.reason.clone().unwrap_or_default(),
            message,
            warning: event.type_.as_deref() == Some("Warning"),
        })
    }

    /// A pod as it is now, or that it is gone.
    pub fn see_pod(&mut self, pod: &Pod, gone: bool) {
        let uid = pod.metadata.uid.clone().unwrap_or_default();
        let app = pod.metadata.labels.as_ref().and_then(|labels| labels.get("flink-app"));
        let Some(app) = app.filter(|_| !gone && pod.metadata.deletion_timestamp.is_none()) else {
            self.pods.remove(&uid);
            return;
        };
        let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
        let ready = conditions.into_iter().any(|condition| condition.type_ == "Ready" && condition.status == "True");
        let key = (pod.metadata.namespace.clone().unwrap_or_default(), app.clone());
        self.pods.insert(uid, (key, ready));
    }

    /// What is under way now, in one line; empty when everything rests.
    pub fn under_way(&self, now: Instant) -> String {
        let moving = self.all.iter().filter(|(_, told)| !told.gone && !rests(&told.phase));
        let lines = moving.map(|(key, told)| {
            let pods = || self.pods.values().filter(|(owner, _)| owner == key);
            let (ready, all) = (pods().filter(|(_, ready)| *ready).count(), pods().count());
            let since = now.duration_since(told.since).as_secs_f64();
            format!("{}: {} {since:.1} s, {ready} of {all} pods ready", key.1, told.phase)
        });
        lines.collect::<Vec<_>>().join("; ")
    }
}

impl Told {
    /// Whether the status speaks of the spec as it is now.
    pub fn is_current(&self) -> bool {
        let observed = self.resource.status.as_ref().and_then(|status| status.observed_generation);
        observed == self.resource.metadata.generation
    }

    /// The state of the job, in Flink's words; in BlueGreen that of the version in charge.
    pub fn job_state(&self) -> Option<&str> {
        let status = self.resource.status.as_ref()?;
        let first = || status.version_statuses.as_ref()?.first()?.job_status.as_ref();
        status.job_status.as_ref().or_else(first)?.state.as_deref()
    }

    /// Why the deploy failed.
    pub fn degraded(&self) -> String {
        condition(&self.resource, "Degraded")
            .map_or_else(String::new, |(reason, message)| format!("{reason}: {message}"))
    }

    /// The phases that are over and the present one, with the time each took.
    pub fn durations(&self, now: Instant) -> Vec<(String, Duration)> {
        let mut all = self.past.clone();
        if !self.gone {
            all.push((self.phase.clone(), now.duration_since(self.since)));
        }
        all
    }

    /// Where it stands, for a person who waited in vain.
    pub fn stands(&self) -> String {
        format!("{}: {}", self.phase, self.why)
    }
}

fn key_of(metadata: &k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta) -> Key {
    (metadata.namespace.clone().unwrap_or_default(), metadata.name.clone().unwrap_or_default())
}

fn phase_of(resource: &FlinkApplication) -> String {
    let phase = resource.status.as_ref().and_then(|status| status.phase.clone());
    phase.filter(|phase| !phase.is_empty()).unwrap_or_else(|| "New".to_owned())
}

/// A text without its digits: a count that goes on is no news.
fn but_for_numbers(text: &str) -> String {
    text.chars().filter(|char| !char.is_ascii_digit()).collect()
}

fn rests(phase: &str) -> bool {
    matches!(phase, "Running" | "DeployFailed")
}

fn is_bad(phase: &str) -> bool {
    phase == "DeployFailed"
}

fn why(resource: &FlinkApplication) -> String {
    condition(resource, "Progressing").map(|(_, message)| message).unwrap_or_default()
}

fn condition(resource: &FlinkApplication, kind: &str) -> Option<(String, String)> {
    let conditions = resource.status.as_ref()?.conditions.as_ref()?;
    let found = conditions.iter().find(|condition| condition.type_ == kind)?;
    Some((found.reason.clone(), found.message.clone()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;

    fn resource(phase: &str, why: &str) -> FlinkApplication {
        let condition = serde_json::json!({
            "type": "Progressing", "status": "True", "reason": "R", "message": why,
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        });
        serde_json::from_value(serde_json::json!({
            "apiVersion": "flink.k8s.io/v1beta1", "kind": "FlinkApplication",
            "metadata": {"name": "a", "namespace": "ns"},
            "spec": {"image": "i", "jarName": "j", "entryClass": "E", "parallelism": 1},
            "status": {"phase": phase, "conditions": [condition]},
        }))
        .unwrap()
    }

    #[test]
    fn a_phase_is_told_with_the_time_that_the_one_before_took() {
        let (mut story, start) = (Story::default(), Instant::now());
        story.see(resource("", ""), start);
        let took = Duration::from_secs(3);
        let Some(Line::Phase { phase, before, bad, .. }) = story.see(resource("DeployFailed", "x"), start + took)
        else {
            panic!("another phase is news");
        };
        assert_eq!((phase.as_str(), before, bad), ("DeployFailed", Some(("New".to_owned(), took)), true));
    }

    #[test]
    fn another_reason_is_news_and_a_count_that_goes_on_is_not() {
        let (mut story, now) = (Story::default(), Instant::now());
        story.see(resource("Running", "0 of 2 tasks run"), now);
        assert_eq!(story.see(resource("Running", "1 of 2 tasks run"), now), None);
        let told = Line::Rule { name: "a".to_owned(), why: "done".to_owned() };
        assert_eq!(story.see(resource("Running", "done"), now), Some(told));
        assert_eq!(story.see(resource("Running", ""), now), None);
    }

    #[test]
    fn one_that_comes_again_is_told_anew() {
        let (mut story, now) = (Story::default(), Instant::now());
        story.see(resource("Running", ""), now);
        assert!(matches!(story.miss(&resource("Deleting", ""), now), Some(Line::Gone { .. })));
        assert_eq!(story.miss(&resource("Deleting", ""), now), None);
        assert!(matches!(story.see(resource("", ""), now), Some(Line::Phase { before: None, .. })));
    }
}
