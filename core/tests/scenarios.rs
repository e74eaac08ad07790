//! Scenarios: what the operator does in each situation that the original's contract speaks of, told in a few lines
//! each. The tables are under `fixtures/src/scenarios/`, and beside each is a text file with what happens, made to be read.
//!
//! A text file that does not say what happens today fails its test. If the change is meant, write them anew with
//! `cargo test -p flink-operator-core --test scenarios -- --ignored write`, and read the difference.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::disallowed_methods, reason = "the told scenarios are files; the core itself reads none")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use flink_operator_core::rule::Rule;
use flink_operator_core::step;
use flink_operator_core::step::EventReason;
use flink_operator_fixtures::scenarios::{GROUPS, Group, Told};
use strum::IntoEnumIterator as _;

/// All groups, each told once.
static TOLD: [OnceLock<Vec<Told>>; GROUPS.len()] = [const { OnceLock::new() }; GROUPS.len()];

fn told(name: &str) -> &'static [Told] {
    let at = GROUPS.iter().position(|group| group.name == name).unwrap();
    // How a deploy begins is told at length where that is the theme.
    let brief = name != "deploying";
    TOLD[at].get_or_init(|| GROUPS[at].scenarios.iter().map(|scenario| scenario.tell(brief)).collect())
}

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../fixtures/src/scenarios/{name}.txt"))
}

fn text_of(group: &Group) -> String {
    let mut text =
        format!("{}. Written by the test `scenarios`; r2.1 is the first job of the second revision.\n", group.about);
    for told in told(group.name) {
        write!(text, "\n{}", told.text).unwrap();
    }
    text
}

/// Which rules tell which event: over the first time that each rule fired in each scenario.
fn events() -> String {
    let mut rules: BTreeMap<EventReason, BTreeSet<Rule>> =
        EventReason::iter().map(|it| (it, BTreeSet::new())).collect();
    let snapshots = GROUPS.iter().flat_map(|group| told(group.name)).flat_map(|told| &told.recorded);
    for snapshot in snapshots {
        let step = step(snapshot);
        for note in step.notes() {
            rules.entry(note.reason).or_default().insert(step.rule());
        }
    }
    let mut text = "Events, and the rules that tell them. Written by the test `scenarios`.\n\n".to_owned();
    for (reason, rules) in rules {
        let kind = if reason.is_warning() { "Warning" } else { "Normal" };
        let rules: Vec<String> = rules.iter().map(Rule::to_string).collect();
        let rules = if rules.is_empty() { "no scenario tells it".to_owned() } else { rules.join(", ") };
        writeln!(text, "{reason} ({kind}): {rules}").unwrap();
    }
    text
}

fn compare(name: &str, today: &str) {
    let written = fs::read_to_string(file(name)).unwrap_or_default();
    let both = today.lines().zip(written.lines().chain(std::iter::repeat("(nothing)"))).enumerate();
    let differs = both.into_iter().find(|(_, (today, written))| today != written);
    if let Some((at, (today, written))) = differs {
        panic!("{name}.txt, line {}:\n  written {written}\n  today   {today}\nsee scenarios.rs", at + 1);
    }
    assert_eq!(today.lines().count(), written.lines().count(), "{name}.txt has lines too many; see scenarios.rs");
}

fn check(name: &str) {
    let group = GROUPS.iter().find(|group| group.name == name).unwrap();
    compare(name, &text_of(group));
    let broken: Vec<String> = told(name).iter().flat_map(|told| told.broken.clone()).collect();
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn deploying() {
    check("deploying");
}

#[test]
fn savepoints() {
    check("savepoints");
}

#[test]
fn recoveries() {
    check("recoveries");
}

#[test]
fn starts() {
    check("starts");
}

#[test]
fn rollbacks() {
    check("rollbacks");
}

#[test]
fn edits() {
    check("edits");
}

#[test]
fn switches() {
    check("switches");
}

#[test]
fn two_versions() {
    check("two_versions");
}

#[test]
fn accidents() {
    check("accidents");
}

#[test]
fn deleting() {
    check("deleting");
}

#[test]
fn endings() {
    check("endings");
}

#[test]
fn every_event_is_told_by_the_rules_that_it_is_written_with() {
    compare("events", &events());
}

#[test]
fn no_two_scenarios_have_one_name() {
    let mut names = BTreeSet::new();
    for scenario in GROUPS.iter().flat_map(|group| group.scenarios) {
        assert!(names.insert(scenario.name), "{} is told twice", scenario.name);
    }
}

/// Writes what is told today.
#[test]
#[ignore = "it writes files"]
fn write() {
    for group in GROUPS {
        fs::write(file(group.name), text_of(group)).unwrap();
    }
    fs::write(file("events"), events()).unwrap();
}
