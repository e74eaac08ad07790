//! Manifests that went wrong are checked to their end: every finding has a place in the file, and words.
//!
//! For a longer run: `PROPTEST_CASES=100000 cargo test -p flinkk8soperator --bin flinkk8soperator fuzz`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::sync::LazyLock;

use flink_operator_fixtures::fuzz;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::Value;

use super::{Report, sarif, show};

/// The manifests of this repository.
static TEXTS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let files = ["corpus/manifests", "applications"].map(|folder| fuzz::corpus(folder).unwrap());
    files.concat().into_iter().map(|(_, text)| text).collect()
});

fn mutated() -> impl Strategy<Value = (Index, Vec<u64>)> {
    (any::<Index>(), prop::collection::vec(any::<u64>(), 0..6))
}

fn cases() -> ProptestConfig {
    let wanted = ProptestConfig::default();
    let is_set = std::env::var_os("PROPTEST_CASES").is_some();
    ProptestConfig { cases: if is_set { wanted.cases } else { 150 }, ..wanted }
}

fn is_checked(bytes: &[u8]) -> Result<(), TestCaseError> {
    let mut report = Report::default();
    report.file("file.yaml", bytes);
    let lines = bytes.split(|byte| *byte == b'\n').count();
    for finding in &report.findings {
        prop_assert!((1..=lines + 1).contains(&finding.line) && finding.column > 0, "{finding:?}");
        prop_assert!(!finding.problem.trim().is_empty() && !finding.advice.trim().is_empty(), "{finding:?}");
    }
    // A line each, and the one that sums up.
    prop_assert_eq!(show::github(&report).lines().count(), report.findings.len() + 1);
    prop_assert_eq!(show::text(&report).lines().count(), report.findings.len() + 1);
    prop_assert_eq!(sarif::log(&report)["runs"][0]["results"].as_array().unwrap().len(), report.findings.len());
    Ok(())
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn bytes_that_should_be_manifests_are_checked_to_their_end((which, moves) in mutated()) {
        let text: &String = which.get(&TEXTS);
        is_checked(&fuzz::bytes(text, &moves))?;
    }

    #[test]
    fn manifests_with_odd_values_are_checked_to_their_end((which, moves) in mutated()) {
        let text: &String = which.get(&TEXTS);
        let documents: Vec<Value> = serde_saphyr::from_multiple(text).unwrap();
        for document in documents {
            is_checked(fuzz::value(document, &moves).to_string().as_bytes())?;
        }
    }
}
