//! Recording decisions, so that what was decided in a cluster can be replayed anywhere.

use std::sync::Arc;

use flink_operator_core::application::Application;
use flink_operator_core::effect::{Effect, EffectKey};
use flink_operator_core::policy::Policy;
use flink_operator_core::rule::Rule;
use flink_operator_core::snapshot::{Needs, Observed, Report, Seen, Snapshot, Trouble};
use flink_operator_core::step::Step;
use flink_operator_core::{needs, status};
use jiff::Timestamp;
use kube::Client;

use crate::flink::FlinkClient;
use crate::observe;

/// Looks of [`look`] at an application whose status moves on meanwhile.
const LOOKS: usize = 5;

/// Is shown decisions and what led to them.
pub trait Record: Send + Sync {
    /// Called before the step is carried out, which waits for it: it must not take long, and cannot fail.
    fn record(&self, snapshot: &Snapshot, step: &Step);
}

/// Keeps nothing.
pub struct NoRecord;

impl Record for NoRecord {
    fn record(&self, _: &Snapshot, _: &Step) {}
}

/// Shows everything to two.
pub struct Both(pub Arc<dyn Record>, pub Arc<dyn Record>);

impl Record for Both {
    fn record(&self, snapshot: &Snapshot, step: &Step) {
        self.0.record(snapshot, step);
        self.1.record(snapshot, step);
    }
}

/// The decisions on one application: tells a new one from the same once more.
///
/// A step that moves is new. One that stays is new if it cites another rule, gives another reason or asks for other
/// effects than the one before: an application that rests decides to rest at every look.
#[derive(Default)]
pub struct Decisions {
    last: Option<(Rule, Option<String>, Vec<EffectKey>)>,
}

impl Decisions {
    /// Shows a new decision to the recorder.
    pub fn taken(&mut self, recorder: &dyn Record, snapshot: &Snapshot, step: &Step) {
        if step.next().is_none() && self.was_the_last(step) {
            return;
        }
        recorder.record(snapshot, step);
        let keys = step.effects().iter().map(Effect::key).collect();
        self.last = Some((step.rule(), step.why().map(str::to_owned), keys));
    }

    fn was_the_last(&self, step: &Step) -> bool {
        self.last.as_ref().is_some_and(|(rule, why, keys)| {
            *rule == step.rule()
                && why.as_deref() == step.why()
                && step.effects().iter().map(Effect::key).eq(keys.iter().cloned())
        })
    }
}

/// One look at an application, as it is taken before a step that moves or acts: everything fresh, the application
/// last. None when there is no such application. Nothing is changed.
///
/// # Errors
/// When the API server does not answer. An answer that is missing otherwise is part of the snapshot.
pub async fn look(
    client: &Client,
    flink: &FlinkClient,
    policy: &Policy,
    namespace: &str,
    name: &str,
) -> Result<Option<Snapshot>, Trouble> {
    let fresh = || observe::kubernetes::fresh_application(client, namespace, name);
    let Some(mut resource) = fresh().await? else { return Ok(None) };
    let mut looks = 1;
    loop {
        let asked = Application::parse(&resource);
        let memory = status::read(resource.status.as_ref());
        let observed = observe_all(client, flink, &asked, &needs(&asked, &memory)).await;
        let Some(now) = fresh().await? else { return Ok(None) };
        let same = now.metadata.uid == resource.metadata.uid && status::read(now.status.as_ref()) == memory;
        // What was asked followed from the memory; if that has moved meanwhile, the answers are to other questions.
        if same || looks == LOOKS {
            return Ok(Some(Snapshot {
                now: Timestamp::now(),
                watching_since: None,
                policy: policy.clone(),
                application: Application::parse(&now),
                memory: status::read(now.status.as_ref()),
                observed,
                report: Report::default(),
            }));
        }
        looks += 1;
        resource = now;
    }
}

async fn observe_all(client: &Client, flink: &FlinkClient, application: &Application, needs: &Needs) -> Observed {
    let objects = async {
        if !needs.objects {
            return Seen::NotAsked;
        }
        observe::kubernetes::all_objects(client, application).await
    };
    let written = async {
        if !needs.written {
            return Seen::NotAsked;
        }
        observe::kubernetes::fresh_written(client, application).await
    };
    let (objects, written, seen) =
        futures::join!(objects, written, observe::flink::look(flink, application, &needs.flink));
    let jobs = observe::flink::jobs(flink, application, needs, &objects).await;
    Observed { objects, written, jobs, flink: seen }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use std::sync::Mutex;

    use serde_json::json;

    use super::*;

    #[derive(Default)]
    struct Told(Mutex<Vec<Rule>>);

    impl Record for Told {
        fn record(&self, _: &Snapshot, step: &Step) {
            self.0.lock().unwrap().push(step.rule());
        }
    }

    fn remembering(memory: serde_json::Value) -> Snapshot {
        let manifest = json!({
            "apiVersion": "flink.k8s.io/v1beta1",
            "kind": "FlinkApplication",
            "metadata": {"name": "orders", "namespace": "shop", "uid": "u", "generation": 1},
            "spec": {"image": "i", "jarName": "j", "entryClass": "E", "parallelism": 1, "flinkVersion": "2.1"},
        });
        let snapshot = json!({"now": "2026-03-01T12:00:00Z", "application": manifest, "memory": memory});
        serde_json::from_value(snapshot).unwrap()
    }

    #[test]
    fn a_rest_is_recorded_when_it_says_something_new_and_a_move_every_time() {
        let begun = remembering(json!({"known": {"phase": "new"}}));
        let unreadable = remembering(json!({"unreadable": "phase Dreaming"}));
        let otherwise = remembering(json!({"unreadable": "phase Sleeping"}));
        let (told, mut decisions) = (Told::default(), Decisions::default());
        for snapshot in [&begun, &begun, &unreadable, &unreadable, &otherwise, &otherwise, &begun, &otherwise] {
            decisions.taken(&told, snapshot, &flink_operator_core::step(snapshot));
        }
        let (moves, rests) = (Rule::DeployBegun, Rule::StatusUnreadable);
        assert_eq!(*told.0.lock().unwrap(), [moves, moves, rests, rests, moves, rests]);
    }
}
