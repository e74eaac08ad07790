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
