//! Every interleaving of small scopes. (All of them, with more faults: the `proof` of fixtures.)
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeSet;

use flink_operator_core::rule::Rule;
use flink_operator_fixtures::explore::{Limits, Scope, explore, scopes};

/// Two threads, and no more states than take a few seconds without optimization.
const LIMITS: Limits = Limits { states: 12_000, threads: 2 };

fn scope(name: &str) -> Scope {
    let found = scopes(0).into_iter().find(|scope| scope.name == name);
    found.unwrap_or_else(|| panic!("there is no scope {name}"))
}

fn holds(scope: &Scope) -> Vec<Rule> {
    let found = explore(scope, LIMITS);
    assert!(found.broken.is_empty(), "{}", found.broken.first().unwrap());
    assert!(found.complete || found.states >= LIMITS.states, "{found:?}");
    assert!(found.states > 1_000 && found.steps_to_rest <= 40, "{found:?}");
    found.rules
}

#[test]
fn an_upgrade_survives_one_of_each_fault_at_any_moment() {
    holds(&scope("an upgrade").with_faults(1));
}

#[test]
fn scaling_in_place_survives_one_of_each_fault_at_any_moment() {
    let rules: BTreeSet<_> = holds(&scope("scaling in place").with_faults(1)).into_iter().collect();
    assert!(rules.contains(&Rule::RescalingBegun) && rules.contains(&Rule::TaskManagersScaled), "{rules:?}");
}

#[test]
fn two_versions_survive_one_of_each_fault_at_any_moment() {
    let rules = holds(&scope("two versions").with_faults(1));
    assert!(rules.contains(&Rule::SecondJobStarted), "{rules:?}");
}

#[test]
fn a_deletion_ends_or_names_its_blocker_whatever_happens() {
    let rules = holds(&scope("deletion with a savepoint"));
    assert!(rules.contains(&Rule::DeletionHeard), "{rules:?}");
}

#[test]
fn an_exploration_is_the_same_every_time() {
    let figures = |threads| {
        let found = explore(&scope("scaling in place").with_faults(1), Limits { threads, ..LIMITS });
        (found.states, found.transitions, found.at_rest, found.depth)
    };
    assert_eq!(figures(1), figures(2));
}
