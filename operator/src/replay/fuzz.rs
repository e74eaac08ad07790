//! Records that went wrong are read or refused in words; what is read is decided and shown.
//!
//! For a longer run: `PROPTEST_CASES=100000 cargo test -p flinkk8soperator --bin flinkk8soperator fuzz`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::sync::LazyLock;

use flink_operator_core::record::Record;
use flink_operator_fixtures::fuzz;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::Value;

use super::read::{Found, in_text};
use super::{Replayed, show};

/// The recordings of this repository, as they are: YAML.
static TEXTS: LazyLock<Vec<String>> =
    LazyLock::new(|| fuzz::corpus("snapshots").unwrap().into_iter().map(|(_, text)| text).collect());

fn mutated() -> impl Strategy<Value = (Index, Vec<u64>)> {
    (any::<Index>(), prop::collection::vec(any::<u64>(), 0..6))
}

fn cases() -> ProptestConfig {
    let wanted = ProptestConfig::default();
    let is_set = std::env::var_os("PROPTEST_CASES").is_some();
    ProptestConfig { cases: if is_set { wanted.cases } else { 150 }, ..wanted }
}

fn is_served(found: Vec<Found>) -> Result<(), TestCaseError> {
    for Found { place, record } in found {
        prop_assert!(place.starts_with("file:"), "{place}");
        match record {
            Err(problem) => prop_assert!(!problem.trim().is_empty(), "{place}"),
            Ok(record) => {
                let replayed = Replayed::of(place, *record).map_err(|error| TestCaseError::fail(error.to_string()))?;
                prop_assert!(!show::text(&replayed).is_empty());
                prop_assert!(show::json(&replayed).is_ok());
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn bytes_that_should_be_a_record_are_read_or_refused_in_words((which, moves) in mutated()) {
        let text: &String = which.get(&TEXTS);
        is_served(in_text("file", &String::from_utf8_lossy(&fuzz::bytes(text, &moves))))?;
    }

    #[test]
    fn lines_that_should_be_records_are_read_or_refused_in_words((which, moves) in mutated(), lines in 1..4usize) {
        let text: &String = which.get(&TEXTS);
        let line = serde_saphyr::from_str::<Value>(text).unwrap().to_string() + "\n";
        is_served(in_text("file", &String::from_utf8_lossy(&fuzz::bytes(&line.repeat(lines), &moves))))?;
    }

    #[test]
    fn a_record_with_odd_values_is_decided_or_refused_in_words((which, moves) in mutated()) {
        let text: &String = which.get(&TEXTS);
        let record = fuzz::value(serde_saphyr::from_str(text).unwrap(), &moves);
        let found = in_text("file", &record.to_string());
        let read = found.iter().filter_map(|found| found.record.as_ref().ok()).map(|record| record.as_ref().clone());
        for record in read.collect::<Vec<Record>>() {
            // What was read is written as it can be read again.
            let again = serde_json::from_str::<Record>(&serde_json::to_string(&record).unwrap());
            prop_assert_eq!(again.map_err(|error| error.to_string()), Ok(record));
        }
        is_served(found)?;
    }

    #[test]
    fn bytes_that_should_be_manifests_are_read_or_refused_in_words((which, moves) in mutated()) {
        static MANIFESTS: LazyLock<Vec<(String, String)>> = LazyLock::new(|| {
            let files = ["corpus/manifests", "applications"].map(|folder| fuzz::corpus(folder).unwrap());
            files.concat()
        });
        let (_, text) = which.get(&MANIFESTS);
        if let Err(problem) = crate::manifest::parse(&String::from_utf8_lossy(&fuzz::bytes(text, &moves))) {
            prop_assert!(!problem.trim().is_empty());
        }
    }
}
