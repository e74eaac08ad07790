//! How an application stands, at a glance.

use std::str::FromStr as _;
use std::time::Duration;

use flink_operator_core::health::Health;
use flink_operator_core::phase::PhaseName;
use flink_operator_core::rule::Rule;
use flink_operator_interpreter::board::Standing;
use flink_operator_interpreter::observe::ApplicationName;
use serde::Serialize;
use serde_json::{Value, json};

/// A task that works so long without coming on is stuck, as the probes see it.
const STUCK: Duration = Duration::from_secs(10 * 60);

/// One word for all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
enum Glance {
    /// Somebody must do something.
    Trouble,
    /// It works, but not with all its parts.
    Impaired,
    /// The operator is at it.
    UnderWay,
    /// It was not looked at yet.
    Unknown,
    /// All is as it should be.
    Well,
}

/// As JSON.
pub fn shown(name: &ApplicationName, standing: &Standing) -> Value {
    let rule = Rule::from_str(&standing.rule).ok();
    json!({
        "namespace": name.namespace,
        "name": name.name,
        "glance": glance(standing, rule),
        "phase": standing.phase.map(|phase| phase.to_string()),
        "since": standing.entered,
        "rule": standing.rule,
        "when": rule.map(|rule| rule.edge().when),
        "why": standing.why,
        "clusterHealth": standing.cluster_health.map(|health| health.to_string()),
        "jobHealth": standing.job_health.map(|health| health.to_string()),
        "lastStep": standing.last_step,
        "nextWake": standing.next_wake,
    })
}

fn glance(standing: &Standing, rule: Option<Rule>) -> Glance {
    let needs_help = matches!(rule, Some(Rule::StatusUnreadable | Rule::DeletionBlocked));
    if needs_help || standing.stuck().is_some_and(|stuck| stuck > STUCK) {
        return Glance::Trouble;
    }
    match standing.phase {
        _ if !standing.seen => Glance::Unknown,
        Some(PhaseName::DeployFailed) => Glance::Trouble,
        Some(PhaseName::Running | PhaseName::DualRunning) => match worst(standing) {
            Some(Health::Red) => Glance::Trouble,
            Some(Health::Yellow) => Glance::Impaired,
            Some(Health::Green) | None => Glance::Well,
        },
        None
        | Some(
            PhaseName::New
            | PhaseName::Updating
            | PhaseName::ClusterStarting
            | PhaseName::Rescaling
            | PhaseName::Savepointing
            | PhaseName::Cancelling
            | PhaseName::Recovering
            | PhaseName::SubmittingJob
            | PhaseName::RollingBackJob
            | PhaseName::Deleting,
        ) => Glance::UnderWay,
    }
}

fn worst(standing: &Standing) -> Option<Health> {
    let badness = |health: &Health| match health {
        Health::Green => 0,
        Health::Yellow => 1,
        Health::Red => 2,
    };
    [standing.cluster_health, standing.job_health].into_iter().flatten().max_by_key(badness)
}
