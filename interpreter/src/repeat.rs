//! Effects that are asked for again although they just succeeded.

use std::time::Duration;

use flink_operator_core::effect::EffectKey;
use flink_operator_core::snapshot::Report;
use flink_operator_core::step::Step;
use tokio::time::Instant;

/// What they brought about does not show yet (Flink answers from a cache of seconds), so the same request
/// waits a little longer each time.
#[derive(Default)]
pub(crate) struct Repeated {
    keys: Vec<EffectKey>,
    times: u32,
    next: Option<Instant>,
}

impl Repeated {
    /// When the step's effects may be performed, if that is not now.
    pub fn too_soon(&self, step: &Step) -> Option<Instant> {
        let next = self.next.filter(|next| *next > Instant::now())?;
        let same = step.effects().iter().map(|effect| effect.key()).eq(self.keys.iter().cloned());
        same.then_some(next)
    }

    /// The step's effects were performed.
    pub fn performed(&mut self, step: &Step, report: &Report) {
        let keys: Vec<EffectKey> = step.effects().iter().map(|effect| effect.key()).collect();
        if !report.is_empty() {
            *self = Self::default();
            return;
        }
        self.times = if keys == self.keys { self.times.saturating_add(1) } else { 0 };
        self.keys = keys;
        self.next = Some(Instant::now() + Duration::from_millis(50 << self.times.min(6)));
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use flink_operator_core::application::Application;
    use flink_operator_core::crd;
    use flink_operator_core::snapshot::{Objects, Observed, Remembered, Seen, Snapshot, Trouble, TroubleClass};
    use serde_json::json;

    use super::*;

    /// A step that creates the objects of an application, and one that creates those of another.
    fn steps() -> (Step, Step) {
        let acts = |name: &str| {
            let application = crd::read(&json!({
                "apiVersion": "flink.k8s.io/v1beta1",
                "kind": "FlinkApplication",
                "metadata": { "name": name, "namespace": "shop", "uid": name },
                "spec": { "image": "i:1", "jarName": "a.jar", "entryClass": "A", "parallelism": 1, "flinkVersion": "2.1" },
            }));
            let mut snapshot = Snapshot {
                now: jiff::Timestamp::UNIX_EPOCH,
                watching_since: None,
                policy: Default::default(),
                application: Application::parse(&application.unwrap()),
                memory: Remembered::Known(Box::default()),
                observed: Observed { objects: Seen::Present(Objects::default()), ..Observed::default() },
                report: Report::default(),
            };
            let begun = flink_operator_core::step(&snapshot);
            snapshot.memory = Remembered::Known(Box::new(begun.next().unwrap().clone()));
            flink_operator_core::step(&snapshot)
        };
        (acts("orders"), acts("returns"))
    }

    #[test]
    fn what_was_just_done_and_is_asked_for_again_waits() {
        let (step, other) = steps();
        assert!(!step.effects().is_empty());
        let mut repeated = Repeated::default();
        assert!(repeated.too_soon(&step).is_none());
        for _ in 0..8 {
            repeated.performed(&step, &Report::default());
        }
        assert!(repeated.too_soon(&step).is_some());
        assert!(repeated.too_soon(&other).is_none());
    }

    #[test]
    fn what_failed_does_not_wait_here() {
        let (step, _) = steps();
        let mut repeated = Repeated::default();
        let trouble = Trouble { class: TroubleClass::TryAgain, method: String::new(), message: String::new() };
        let failed = step.effects().first().map(|effect| (effect.key(), trouble));
        let mut report = Report::default();
        report.failed.extend(failed);
        for _ in 0..8 {
            repeated.performed(&step, &Report::default());
        }
        repeated.performed(&step, &report);
        assert!(repeated.too_soon(&step).is_none());
    }
}
