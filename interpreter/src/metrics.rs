//! What the operator counts and measures, in the text format of Prometheus.
//!
//! The crate is `prometheus` and not `prometheus-client`: that one writes OpenMetrics, which appends `_total`
//! to every counter and has no summaries, and the original's names have neither rule nor exception.

mod families;
pub mod original;
pub mod own;
mod requests;

use std::time::Duration;

use flink_operator_core::effect::{Effect, EffectKind};
use flink_operator_core::phase::PhaseName;
use flink_operator_core::rule::Rule;
use flink_operator_core::snapshot::Report;
use prometheus::{HistogramVec, IntCounterVec, IntGauge, Registry, TextEncoder};
use strum::IntoEnumIterator as _;

use crate::board::Board;
use crate::flink::{Call, Calls, Outcome};

pub use prometheus::{Error, IntCounter, TEXT_FORMAT};
pub use requests::{Timed, Timing};

/// What became of a status write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display, strum::EnumIter)]
#[strum(serialize_all = "snake_case")]
pub enum Written {
    /// It is written.
    Done,
    /// Somebody else wrote in between.
    Conflict,
    /// The application is gone.
    Gone,
    /// The API server finds it invalid.
    Invalid,
    /// The API server refuses or does not answer.
    Failed,
}

/// The operator's own metrics, and the way to the text of all.
pub struct Metrics {
    prefix: String,
    registry: Registry,
    /// The process itself; these names have no prefix anywhere.
    process: Registry,
    transitions: IntCounterVec,
    effects: IntCounterVec,
    commits: IntCounterVec,
    flink: HistogramVec,
    kubernetes: HistogramVec,
    in_phase: HistogramVec,
    leader: IntGauge,
    bugs: IntCounter,
    reloads: IntCounterVec,
    dropped: IntCounter,
}

impl Metrics {
    /// Registers everything under the prefix, at zero where the labels are known beforehand.
    ///
    /// # Errors
    /// When the prefix cannot be part of a metric's name.
    pub fn new(prefix: &str, version: &str) -> Result<Self, Error> {
        let registry = Registry::new_custom(Some(prefix.to_owned()), None)?;
        own::BUILD_INFO.gauge(&registry)?.with_label_values(&[version]).set(1);
        let process = Registry::new();
        #[cfg(target_os = "linux")]
        process.register(Box::new(prometheus::process_collector::ProcessCollector::for_self()))?;
        let metrics = Self {
            prefix: prefix.to_owned(),
            transitions: own::TRANSITIONS.counters(&registry)?,
            effects: own::EFFECTS.counters(&registry)?,
            commits: own::COMMITS.counters(&registry)?,
            flink: own::FLINK.histogram(&registry)?,
            kubernetes: own::KUBERNETES.histogram(&registry)?,
            in_phase: own::IN_PHASE.histogram(&registry)?,
            leader: own::LEADER.gauge(&registry)?.with_label_values::<&str>(&[]),
            bugs: own::BUGS.counters(&registry)?.with_label_values::<&str>(&[]),
            reloads: own::RELOADS.counters(&registry)?,
            dropped: own::DROPPED.counters(&registry)?.with_label_values::<&str>(&[]),
            registry,
            process,
        };
        metrics.begin_at_zero();
        Ok(metrics)
    }

    /// A counter that appears with its first event hides that event from `increase()`.
    fn begin_at_zero(&self) {
        for rule in Rule::iter() {
            self.transitions.with_label_values(&[&rule.to_string()]);
        }
        for effect in EffectKind::iter() {
            for outcome in [DONE, FAILED] {
                self.effects.with_label_values(&[effect.to_string().as_str(), outcome]);
            }
        }
        for written in Written::iter() {
            self.commits.with_label_values(&[&written.to_string()]);
        }
        for outcome in [APPLIED, REFUSED] {
            self.reloads.with_label_values(&[outcome]);
        }
    }

    /// A move was committed.
    pub(crate) fn moved(&self, rule: Rule) {
        self.transitions.with_label_values(&[&rule.to_string()]).inc();
    }

    /// An application left a phase in which this process saw it arrive.
    pub(crate) fn left(&self, phase: PhaseName, after: Duration) {
        self.in_phase.with_label_values(&[&phase.to_string()]).observe(after.as_secs_f64());
    }

    /// Effects were performed.
    pub(crate) fn performed(&self, effects: &[Effect], report: &Report) {
        for (effect, done) in outcomes(effects, report) {
            let kind = EffectKind::from(effect).to_string();
            self.effects.with_label_values(&[kind.as_str(), if done { DONE } else { FAILED }]).inc();
        }
    }

    /// A status write ended.
    pub(crate) fn written(&self, written: Written) {
        self.commits.with_label_values(&[&written.to_string()]).inc();
    }

    /// An application's task met a bug of ours.
    pub(crate) fn bug(&self) {
        self.bugs.inc();
    }

    /// Whether this process holds the Lease.
    pub fn leads(&self, leads: bool) {
        self.leader.set(leads.into());
    }

    /// The configuration file changed and was taken over, or was refused.
    pub fn reloaded(&self, applied: bool) {
        self.reloads.with_label_values(&[if applied { APPLIED } else { REFUSED }]).inc();
    }

    /// Counts decisions that could not be recorded.
    pub fn dropped_records(&self) -> IntCounter {
        self.dropped.clone()
    }

    /// Times the requests of a Kubernetes client that this layer is put into.
    pub fn timing(&self) -> Timing {
        Timing::new(self.kubernetes.clone())
    }

    /// Everything, with what the board knows of each application.
    ///
    /// # Errors
    /// A bug: a metric that is not well formed.
    pub fn text(&self, board: &Board) -> Result<String, Error> {
        let mut all = self.registry.gather();
        all.extend(families::all(&self.prefix, board));
        all.extend(self.process.gather());
        TextEncoder::new().encode_to_string(&all)
    }
}

impl Calls for Metrics {
    fn finished(&self, call: Call, outcome: Outcome, took: Duration) {
        let outcome = match outcome {
            Outcome::Answered(status) => status.to_string(),
            Outcome::TimedOut => "timeout".to_owned(),
            Outcome::Unreachable => "unreachable".to_owned(),
        };
        self.flink.with_label_values(&[call.method(), &outcome]).observe(took.as_secs_f64());
    }
}

const DONE: &str = "done";
const FAILED: &str = "failed";
const APPLIED: &str = "applied";
const REFUSED: &str = "refused";

/// The effects that were tried, and whether each succeeded: after one that failed no other is.
fn outcomes<'a>(effects: &'a [Effect], report: &'a Report) -> impl Iterator<Item = (&'a Effect, bool)> {
    let failed = effects.iter().position(|effect| report.failed.contains_key(&effect.key()));
    let tried = failed.map_or(effects.len(), |failed| failed + 1);
    effects.iter().take(tried).enumerate().map(move |(at, effect)| (effect, Some(at) != failed))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests;
