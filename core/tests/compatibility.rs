//! `docs/compatibility.md` says something about every line of the original's contract and every bug of it, and names
//! only rules and tests that exist.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::disallowed_methods, reason = "the page and the tests are files; the core itself reads none")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use flink_operator_core::phase::PhaseName;
use flink_operator_core::rule::Rule;
use strum::IntoEnumIterator as _;

const VERDICTS: [&str; 4] = ["kept", "mended", "deliberately different", "falls short"];

/// Rows that say plainly that something is not there yet. Whoever serves one takes it out of here.
const FALL_SHORT: [&str; 0] = [];

/// Events of the original, beside their source.
const EVENTS: [&str; 29] = [
    "HandleFailed",
    "CreatingCluster",
    "CreateClusterFailed",
    "ClusterCreationFailed",
    "ClusterScaleUp",
    "ClusterScaleUpFailed",
    "SavepointingJob",
    "CancellingJob",
    "SavepointCompleted",
    "CanceledJob",
    "SavepointFailed",
    "CancelFailed",
    "RecoveryFailed",
    "RestoringExternalizedCheckpoint",
    "RestoringWithoutExternalizedCheckpoint",
    "JobSubmitted",
    "JobSubmissionFailed",
    "JobMonitoringFailed",
    "JobFinished",
    "DeployFailed",
    "RollbackSucceeded",
    "RollbackFailed",
    "UnsupportedChange",
    "NotScalingInPlace",
    "TeardownInitated",
    "ForceCanceling",
    "TeardownFailed",
    "TeardownCompleted",
    "ToreDownCluster",
];

const KEYS: [&str; 18] = [
    "resyncPeriod",
    "limitNamespace",
    "metricsPrefix",
    "profilerPort",
    "ingressUrlFormat",
    "useKubectlProxy",
    "proxyPort",
    "containerNameFormat",
    "workers",
    "baseBackoffDuration",
    "maxBackoffDuration",
    "maxErrDuration",
    "flinkJobVertexTimeout",
    "schedulerName",
    "show-source",
    "mute",
    "level",
    "formatter.type",
];

const METRICS: [&str; 8] = [
    "names",
    "reconciler",
    "state_machine",
    "flink_controller",
    "job_manager_controller",
    "task_manager_controller",
    "k8_cluster",
    "flink_jm_client",
];

/// Rows without a number.
const NAMED: [&str; 8] =
    ["owners", "names", "environment", "triggers", "giving up", "event source", "REST timeouts", "REST submit body"];

/// Every line of the contract.
fn expected() -> BTreeSet<String> {
    let ranges: [(&str, RangeInclusive<u32>); 8] = [
        ("A", 1..=9),
        ("K", 1..=22),
        ("E", 1..=10),
        ("H", 1..=8),
        ("S", 1..=29),
        ("P", 1..=7),
        ("R", 1..=10),
        ("O", 1..=6),
    ];
    let numbered = ranges.into_iter().flat_map(|(letter, range)| range.map(move |number| format!("{letter}{number}")));
    let prefixed =
        |prefix: &'static str, words: &[&str]| words.iter().map(|word| format!("{prefix} {word}")).collect::<Vec<_>>();
    let phases = PhaseName::iter().flat_map(|phase| [format!("phase {phase}"), format!("REST {phase}")]);
    numbered
        .chain((1..=71).map(|number| format!("B-{number:02}")))
        .chain(prefixed("event", &EVENTS))
        .chain(prefixed("key", &KEYS))
        .chain(prefixed("metrics", &METRICS))
        .chain(phases)
        .chain(NAMED.map(str::to_owned))
        .collect()
}

struct Row {
    id: String,
    verdict: String,
    what: String,
    rules: Vec<String>,
    proof: Vec<String>,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The words in backticks.
fn quoted(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn rows() -> Vec<Row> {
    let page = fs::read_to_string(root().join("docs/compatibility.md")).unwrap();
    let lines = page.lines().filter(|line| line.starts_with('|'));
    let rows = lines.filter(|line| !line.starts_with("|---") && !line.starts_with("| Id |"));
    rows.map(|line| {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [id, verdict, what, rule, proof] = cells.as_slice() else { panic!("not five cells: {line}") };
        // A row of the status has its fields beside its id.
        let first = id.split_once(' ').map_or(*id, |(first, _)| first);
        let is_of_the_status = first.starts_with('S') && first.chars().skip(1).all(|c| c.is_ascii_digit());
        let id = if is_of_the_status { first } else { id };
        Row {
            id: id.to_owned(),
            verdict: (*verdict).to_owned(),
            what: (*what).to_owned(),
            rules: quoted(rule),
            proof: quoted(proof),
        }
    })
    .collect()
}

/// The names of all test functions of the workspace.
fn tests() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for package in ["core", "interpreter", "operator", "fixtures"] {
        for file in rust_files(&root().join(package)) {
            collect_tests(&fs::read_to_string(file).unwrap(), &mut found);
        }
    }
    found
}

fn rust_files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let files = entries.flat_map(|path| match path.is_dir() {
        true if path.ends_with("target") => Vec::new(),
        true => rust_files(&path),
        false => vec![path],
    });
    files.filter(|path| path.extension().is_some_and(|it| it == "rs")).collect()
}

/// Functions below a test attribute, ignored ones left out, and stories, of which a macro makes tests.
fn collect_tests(text: &str, found: &mut BTreeSet<String>) {
    let mut attributed = false;
    let mut stories = false;
    for line in text.lines().map(str::trim) {
        stories = line == "stories! {" || stories && !line.starts_with("/// What every story");
        if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
            attributed = true;
        } else if line.starts_with("#[ignore") {
            attributed = false;
        } else if let Some(name) = function(line) {
            if attributed {
                found.insert(name.to_owned());
            }
            attributed = false;
        } else if stories && line.ends_with(',') {
            found.insert(line.trim_end_matches(',').to_owned());
        }
    }
}

/// `foo` of `async fn foo() {`; none of other lines.
fn function(line: &str) -> Option<&str> {
    let line = line.strip_prefix("pub ").unwrap_or(line);
    let line = line.strip_prefix("async ").unwrap_or(line);
    line.strip_prefix("fn ")?.split(['(', '<']).next()
}

#[test]
fn every_line_of_the_contract_and_every_bug_has_one_row() {
    let mut seen = BTreeMap::<String, u32>::new();
    rows().into_iter().for_each(|row| *seen.entry(row.id).or_default() += 1);
    let missing: Vec<_> = expected().into_iter().filter(|id| !seen.contains_key(id)).collect();
    assert_eq!(missing, Vec::<String>::new());
    let twice: Vec<_> = seen.iter().filter(|(_, times)| **times > 1).collect();
    assert!(twice.is_empty(), "{twice:?}");
    let is_ours = |id: &str| id.strip_prefix('N').is_some_and(|number| number.parse::<u32>().is_ok());
    let unknown: Vec<_> = seen.keys().filter(|id| !expected().contains(*id) && !is_ours(id)).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

#[test]
fn every_row_has_a_verdict_and_says_why() {
    for row in rows() {
        assert!(VERDICTS.contains(&row.verdict.as_str()), "{}: {:?}", row.id, row.verdict);
        assert!(row.what.ends_with('.'), "{}: no sentence: {:?}", row.id, row.what);
    }
    let short: BTreeSet<String> =
        rows().into_iter().filter(|row| row.verdict == "falls short").map(|row| row.id).collect();
    assert_eq!(short, FALL_SHORT.map(str::to_owned).into());
    for row in rows().iter().filter(|row| row.verdict == "falls short") {
        assert!(row.what.contains("Not yet"), "{}: {}", row.id, row.what);
    }
}

#[test]
fn every_rule_that_a_row_names_exists() {
    let known: BTreeSet<String> = Rule::iter().map(|rule| rule.to_string()).collect();
    for row in rows() {
        let unknown: Vec<_> = row.rules.iter().filter(|rule| !known.contains(*rule)).collect();
        assert!(unknown.is_empty(), "{}: {unknown:?}", row.id);
    }
}

#[test]
fn every_row_is_proved_by_tests_that_exist() {
    let tests = tests();
    for row in rows() {
        let unknown: Vec<_> = row.proof.iter().filter(|name| !tests.contains(*name)).collect();
        assert!(unknown.is_empty(), "{}: no test is called {unknown:?}", row.id);
        let needs_one = row.verdict != "falls short" || row.id.starts_with("B-");
        assert!(!row.proof.is_empty() || !needs_one, "{}: no test", row.id);
    }
}

/// `docs/found.md`: each bug that a search found is named with a test that stands against it.
#[test]
fn what_the_checks_found_is_held_by_tests_that_exist() {
    let page = fs::read_to_string(root().join("docs/found.md")).unwrap();
    let tests = tests();
    let scenarios = rust_files(&root().join("fixtures/src/scenarios")).into_iter();
    let scenarios: String = scenarios.map(|file| fs::read_to_string(file).unwrap()).collect();
    let rows: Vec<&str> = page.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| What")).collect();
    assert!(rows.len() > 10, "{rows:?}");
    for row in rows {
        let proof = row.trim_matches('|').rsplit('|').next().map(quoted).unwrap();
        let is_scenario = |name: &str| scenarios.contains(&format!("name: \"{name}\""));
        let stands = |name: &String| tests.contains(name) || is_scenario(name) || root().join(name).is_file();
        assert!(!proof.is_empty() && proof.iter().all(stands), "no test stands against: {row}");
    }
}

#[test]
fn tests_are_told_from_other_functions() {
    let text = "
        fn helper() {}
        #[test]
        fn a_test() {
        #[tokio::test(start_paused = true)]
        async fn an_asynchronous_test() {}
        proptest! {
            #[test]
            fn a_property(snapshot in snapshot()) {
        fn another_helper() {}
        #[test]
        #[ignore = \"slow\"]
        fn an_ignored_test() {}
        stories! {
            deploying {
                a_story,
            }
        }
        /// What every story ends with
            no_story,
    ";
    let mut found = BTreeSet::new();
    collect_tests(text, &mut found);
    let expected = ["a_test", "an_asynchronous_test", "a_property", "a_story"];
    assert_eq!(found, expected.map(str::to_owned).into());
}
