//! Requests to Flink as a metric: how many, how they ended, how long they took.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::http::{Call, Calls, Outcome};

/// Upper bounds in seconds: from an answer out of a cache to a submission that runs a long main method.
const SECONDS: [f64; 9] = [0.005, 0.02, 0.05, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0];

/// A histogram by call and outcome.
pub struct Counted {
    took: Family<Labels, Histogram>,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Labels {
    call: &'static str,
    outcome: String,
}

impl Counted {
    /// Registers the metric.
    pub fn new(registry: &mut Registry) -> Self {
        let took = Family::new_with_constructor((|| Histogram::new(SECONDS)) as fn() -> Histogram);
        registry.register("flink_request_seconds", "Requests to JobManagers by call and outcome", took.clone());
        Self { took }
    }
}

impl Calls for Counted {
    fn finished(&self, call: Call, outcome: Outcome, took: Duration) {
        let outcome = match outcome {
            Outcome::Answered(status) => status.to_string(),
            Outcome::TimedOut => "timeout".to_owned(),
            Outcome::Unreachable => "unreachable".to_owned(),
        };
        self.took.get_or_create(&Labels { call: call.method(), outcome }).observe(took.as_secs_f64());
    }
}
