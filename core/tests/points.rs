//! Crash points: a few of the points of a few scenarios. All of them are run by the proof of the fixtures.

use flink_operator_fixtures::points::{Extent, Report, run_some};

fn holds(report: &Report) {
    assert!(report.points() > 30, "{report}");
    assert!(report.violations.is_empty(), "{report}\n{}", report.violations.join("\n"));
}

#[test]
fn a_crash_before_or_after_any_deed_changes_nothing_in_the_end() {
    holds(&run_some(2, Extent { scenarios: 20, points: 6, ..Extent::ALL }));
}

#[test]
fn no_law_is_broken_by_an_operator_that_is_away_after_any_deed() {
    holds(&run_some(2, Extent { scenarios: 23, points: 9, away_ms: 15_000, ..Extent::ALL }));
}
