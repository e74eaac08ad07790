//! Recordings: each replays to the decision in it and to the rule that its file is named after, and every rule has
//! one.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::disallowed_methods, reason = "recordings are files; the core itself reads none")]

mod stories;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use flink_operator_core::record::{Decision, Record};
use flink_operator_core::rule::Rule;
use flink_operator_core::snapshot::{Remembered, Snapshot};
use flink_operator_core::step;
use flink_operator_fixtures::yaml;
use strum::IntoEnumIterator as _;

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/snapshots")
}

/// `SpecChanged` is `spec-changed`.
fn kebab(name: &str) -> String {
    let dashed = name.chars().flat_map(|char| {
        let dash = char.is_ascii_uppercase().then_some('-');
        dash.into_iter().chain([char.to_ascii_lowercase()])
    });
    dashed.collect::<String>().trim_start_matches('-').to_owned()
}

/// Where the recording of `rule` on `snapshot` belongs.
fn place(rule: Rule, snapshot: &Snapshot) -> PathBuf {
    let phase = match &snapshot.memory {
        Remembered::Known(memory) => kebab(&memory.phase.name().to_string()),
        Remembered::Left(_) => "original".to_owned(),
        Remembered::Unreadable(_) => "unreadable".to_owned(),
    };
    directory().join(phase).join(format!("{}.yaml", kebab(&rule.to_string())))
}

fn recordings() -> BTreeMap<PathBuf, String> {
    let phases = fs::read_dir(directory()).unwrap().map(|entry| entry.unwrap().path());
    let files = phases.flat_map(|phase| fs::read_dir(phase).unwrap().map(|entry| entry.unwrap().path()));
    files.map(|file| (file.clone(), fs::read_to_string(file).unwrap())).collect()
}

fn record_of(file: &Path, text: &str) -> Record {
    yaml::read(text).unwrap_or_else(|e| panic!("{}: {e}", file.display()))
}

#[test]
fn every_recording_replays_to_the_rule_in_its_name() {
    for (file, text) in recordings() {
        let record = record_of(&file, &text);
        assert_eq!(place(record.decide().rule(), &record.snapshot), file);
    }
}

#[test]
fn every_recording_replays_to_the_decision_in_it() {
    for (file, text) in recordings() {
        let record = record_of(&file, &text);
        let today = Decision::of(&record.decide()).unwrap();
        let differences = record.step.unwrap().differences(&today).unwrap();
        assert!(differences.is_empty(), "{}, if this is meant, record anew: {differences:#?}", file.display());
    }
}

#[test]
fn every_rule_has_a_recording() {
    let names: BTreeSet<String> =
        recordings().keys().map(|file| file.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    let missing: Vec<Rule> = Rule::iter().filter(|rule| !names.contains(&kebab(&rule.to_string()))).collect();
    assert!(missing.is_empty(), "no recording of {missing:?}");
}

#[test]
fn recordings_read_back_as_they_were_written() {
    for (file, text) in recordings() {
        let written = yaml::write(&record_of(&file, &text)).unwrap();
        assert_eq!(written, text, "{} was not written by `record`", file.display());
    }
}

/// Writes the directory anew: `cargo test -p flink-operator-core --test replay -- --ignored record`.
///
/// Of every rule the first decision of the first story that reaches it, without the manifests that it asks for.
#[test]
#[ignore = "it writes files"]
fn record() {
    let mut recorded: BTreeMap<Rule, Snapshot> = BTreeMap::new();
    for (_, story) in stories::ALL {
        for (rule, snapshot) in story().recorded() {
            recorded.entry(*rule).or_insert_with(|| snapshot.clone());
        }
    }
    let missing: Vec<Rule> = Rule::iter().filter(|rule| !recorded.contains_key(rule)).collect();
    assert!(missing.is_empty(), "no story reaches {missing:?}");
    if directory().exists() {
        fs::remove_dir_all(directory()).unwrap();
    }
    for (rule, snapshot) in recorded {
        let file = place(rule, &snapshot);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        let record = Record::of(&snapshot, &step(&snapshot)).unwrap().brief();
        fs::write(file, yaml::write(&record).unwrap()).unwrap();
    }
}
