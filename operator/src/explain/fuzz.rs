//! Records with odd values are explained, or refused when they are read.
//!
//! For a longer run: `PROPTEST_CASES=100000 cargo test -p flinkk8soperator --bin flinkk8soperator fuzz`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::sync::LazyLock;

use flink_operator_core::record::Record;
use flink_operator_fixtures::fuzz;
use proptest::prelude::*;
use proptest::sample::Index;
use serde::Deserialize as _;
use serde_json::Value;

use super::account::Account;
use super::show;
use crate::savepoints::next;

/// The recordings of this repository.
static RECORDS: LazyLock<Vec<Value>> = LazyLock::new(|| {
    let texts = fuzz::corpus("snapshots").unwrap().into_iter();
    texts.map(|(_, text)| serde_saphyr::from_str(&text).unwrap()).collect()
});

fn cases() -> ProptestConfig {
    let wanted = ProptestConfig::default();
    let is_set = std::env::var_os("PROPTEST_CASES").is_some();
    ProptestConfig { cases: if is_set { wanted.cases } else { 100 }, ..wanted }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn a_record_with_odd_values_is_explained(which in any::<Index>(), moves in prop::collection::vec(any::<u64>(), 0..4)) {
        let record: &Value = which.get(&RECORDS);
        if let Ok(record) = Record::deserialize(fuzz::value(record.clone(), &moves)) {
            let account = Account::of(&record, Some(Vec::new()));
            prop_assert!(show::text(&account).contains("\nWhat stands in the way\n  "));
            prop_assert!(serde_json::to_string(&account).is_ok());
            prop_assert!(!next::start(&record).is_empty());
        }
    }
}
