//! The machine as the page draws it: every phase with its place, every move with its rules.

use flink_operator_core::diagram;
use flink_operator_core::phase::PhaseName;
use flink_operator_core::rule::Rule;
use serde_json::{Value, json};
use strum::IntoEnumIterator as _;

/// A rule that fires in more phases than this is heard everywhere: an edit, a deletion, a forced rollback.
const EVERYWHERE: usize = 3;

/// Where the middle of a phase is drawn: the main road from left to right, what may happen beside it above and below.
const fn place(phase: PhaseName) -> (u16, u16) {
    match phase {
        PhaseName::New => (85, 160),
        PhaseName::Updating => (265, 160),
        PhaseName::ClusterStarting => (455, 160),
        PhaseName::Savepointing => (655, 160),
        PhaseName::SubmittingJob => (850, 160),
        PhaseName::Running => (1035, 160),
        PhaseName::Rescaling => (840, 92),
        PhaseName::DualRunning => (945, 250),
        PhaseName::Cancelling => (555, 245),
        PhaseName::Recovering => (695, 300),
        PhaseName::RollingBackJob => (850, 350),
        PhaseName::DeployFailed => (1035, 350),
        PhaseName::Deleting => (85, 350),
    }
}

/// Whether an application may stay in it for ever.
const fn rests(phase: PhaseName) -> bool {
    match phase {
        PhaseName::Running | PhaseName::DualRunning | PhaseName::DeployFailed => true,
        PhaseName::New
        | PhaseName::Updating
        | PhaseName::ClusterStarting
        | PhaseName::Rescaling
        | PhaseName::Savepointing
        | PhaseName::Cancelling
        | PhaseName::Recovering
        | PhaseName::SubmittingJob
        | PhaseName::RollingBackJob
        | PhaseName::Deleting => false,
    }
}

/// Phases, and moves from one to another.
pub fn shape() -> Value {
    let phases = PhaseName::iter().map(|phase| {
        let (x, y) = place(phase);
        json!({ "name": phase.to_string(), "x": x, "y": y, "rests": rests(phase) })
    });
    let moves = diagram::arrows().into_iter().map(|((from, to), rules)| {
        let usual = is_usual(from, to, &rules);
        let rules = rules.iter().map(|rule| json!({ "name": rule.to_string(), "when": rule.edge().when }));
        json!({ "from": from.to_string(), "to": to.to_string(), "usual": usual, "rules": rules.collect::<Value>() })
    });
    json!({ "phases": phases.collect::<Value>(), "moves": moves.collect::<Value>() })
}

/// Whether a move is drawn also where nobody goes: one line each for what is heard everywhere, and for every way to
/// fail, would hide the others. The page shows those where they were gone, or start from the chosen phase.
fn is_usual(from: PhaseName, to: PhaseName, rules: &[Rule]) -> bool {
    let particular = rules.iter().any(|rule| rule.edge().from.len() <= EVERYWHERE);
    let fails = to == PhaseName::DeployFailed && from != PhaseName::RollingBackJob;
    let again = from == PhaseName::DeployFailed && to != PhaseName::Updating;
    particular && !fails && !again
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;

    #[test]
    fn every_phase_has_a_place_of_its_own() {
        let all: Vec<_> = PhaseName::iter().map(place).collect();
        for (at, one) in all.iter().enumerate() {
            for other in &all[at + 1..] {
                let apart = one.0.abs_diff(other.0) >= 150 || one.1.abs_diff(other.1) >= 50;
                assert!(apart, "{one:?} is on {other:?}");
            }
        }
    }

    #[test]
    fn every_move_of_the_documented_machine_is_there() {
        let shape = shape();
        let there = |from: &str, to: &str, rule: &str| {
            let mut moves = shape["moves"].as_array().unwrap().iter();
            moves.any(|it| {
                it["from"] == from && it["to"] == to && it["rules"].to_string().contains(&format!("\"{rule}\""))
            })
        };
        assert!(there("New", "Updating", "DeployBegun"));
        assert!(there("SubmittingJob", "RollingBackJob", "JobFailedToStart"));
        assert!(there("Running", "Deleting", "DeletionHeard"));
        let usual = shape["moves"].as_array().unwrap().iter().filter(|it| it["usual"] == true).count();
        assert!((12..30).contains(&usual), "{usual} lines");
    }
}
