//! What comes from outside, gone wrong: the status read back, and manifests. It is either taken or refused in words.
//!
//! The corpus is in the fixtures. For a longer run: `PROPTEST_CASES=100000 cargo test -p flink-operator-core --test fuzz`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::sync::LazyLock;

use flink_operator_core::application::Application;
use flink_operator_core::crd::{self, FlinkApplication};
use flink_operator_core::policy::Policy;
use flink_operator_core::snapshot::{Observed, Remembered, Report, Snapshot};
use flink_operator_core::{needs, status, step};
use flink_operator_fixtures::fuzz;
use flink_operator_fixtures::model::Schema;
use flink_operator_fixtures::scenarios::basics::manifest;
use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};

static SCHEMA: LazyLock<Schema> = LazyLock::new(|| {
    let definition = serde_json::to_value(crd::definition()).unwrap();
    Schema::of_crd(&definition).unwrap()
});

static STATUSES: LazyLock<Vec<Value>> = LazyLock::new(|| {
    let files = fuzz::corpus("corpus/status").unwrap();
    files.iter().map(|(_, text)| serde_json::from_str(text).unwrap()).collect()
});

static TEXTS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let mut files = fuzz::corpus("corpus/manifests").unwrap();
    files.extend(fuzz::corpus("applications").unwrap());
    files.into_iter().map(|(_, text)| text).collect()
});

static MANIFESTS: LazyLock<Vec<Value>> = LazyLock::new(|| {
    let documents = TEXTS.iter().flat_map(|text| serde_saphyr::from_multiple::<Value>(text).unwrap());
    documents.chain([serde_saphyr::from_str(include_str!("resource/full.yaml")).unwrap()]).collect()
});

/// A member of a corpus, and how it goes wrong.
fn mutated() -> impl Strategy<Value = (prop::sample::Index, Vec<u64>)> {
    (any::<prop::sample::Index>(), prop::collection::vec(any::<u64>(), 0..6))
}

#[allow(clippy::disallowed_methods, reason = "the core itself reads no environment")]
fn cases() -> ProptestConfig {
    let wanted = ProptestConfig::default();
    let is_set = std::env::var_os("PROPTEST_CASES").is_some();
    ProptestConfig { cases: if is_set { wanted.cases } else { 700 }, ..wanted }
}

fn now() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

/// As the API server stores it; None where it refuses it.
fn stored(mut resource: Value) -> Option<Value> {
    SCHEMA.prune(&mut resource);
    SCHEMA.validate(&resource, None).is_empty().then_some(resource)
}

fn with_status(status: Value) -> Value {
    let mut resource = manifest();
    resource["status"] = status;
    resource
}

/// What would be read after `memory` was written over `resource`.
fn read_back(resource: &FlinkApplication, memory: &Remembered) -> Option<Remembered> {
    let Remembered::Known(memory) = memory else { return None };
    let application = Application::parse(resource);
    let written = status::write(memory, &application, &Policy::default(), resource.status.as_ref(), now());
    let stored =
        stored(with_status(serde_json::to_value(written).unwrap())).expect("the API server refuses what is written");
    let read: FlinkApplication = serde_json::from_value(stored).unwrap();
    Some(status::read(read.status.as_ref()))
}

fn decides(resource: &FlinkApplication, memory: Remembered) {
    let application = Application::parse(resource);
    let _ = needs(&application, &memory);
    let snapshot = Snapshot {
        now: now(),
        watching_since: None,
        policy: Policy::default(),
        application,
        memory,
        observed: Observed::default(),
        report: Report::default(),
    };
    let _ = step(&snapshot);
}

proptest! {
    #![proptest_config(cases())]

    /// Otherwise the application could be neither served nor deleted.
    #[test]
    fn a_status_that_the_api_server_stores_can_be_decoded((which, moves) in mutated()) {
        if let Some(stored) = stored(with_status(fuzz::value(which.get(&STATUSES).clone(), &moves))) {
            let decoded = serde_json::from_value::<FlinkApplication>(stored.clone());
            prop_assert!(decoded.is_ok(), "{}: {}", decoded.unwrap_err(), stored["status"]);
        }
    }

    #[test]
    fn a_status_is_understood_or_refused_in_words_and_what_is_understood_is_written_back((which, moves) in mutated()) {
        let Some(resource) = stored(with_status(fuzz::value(which.get(&STATUSES).clone(), &moves))) else { return Ok(()) };
        let resource: FlinkApplication = serde_json::from_value(resource).unwrap();
        let memory = status::read(resource.status.as_ref());
        if let Remembered::Unreadable(problem) = &memory {
            prop_assert!(!problem.is_empty());
        }
        if let Some(again) = read_back(&resource, &memory) {
            prop_assert_eq!(again, memory.clone());
        }
        decides(&resource, memory);
    }

    #[test]
    fn a_manifest_is_taken_or_refused_in_words((which, moves) in mutated()) {
        let manifest = fuzz::value(which.get(&MANIFESTS).clone(), &moves);
        match crd::read(&manifest) {
            Err(refusal) => prop_assert!(!refusal.to_string().is_empty()),
            Ok(resource) => {
                if let Err(refusal) = Application::parse(&resource).spec {
                    prop_assert!(!refusal.to_string().is_empty());
                }
                decides(&resource, status::read(None));
            }
        }
    }

    /// As with the status; and what it means is judged later.
    #[test]
    fn a_manifest_that_the_api_server_stores_can_be_decoded((which, moves) in mutated()) {
        let mut wanted = fuzz::value(which.get(&MANIFESTS).clone(), &moves);
        // The API server itself reads these, before any schema.
        let ours = manifest();
        if let Some(fields) = wanted.as_object_mut() {
            fields.extend(["apiVersion", "kind", "metadata"].map(|field| (field.to_owned(), ours[field].clone())));
        }
        if let Some(stored) = stored(wanted) {
            let decoded = serde_json::from_value::<FlinkApplication>(stored.clone());
            prop_assert!(decoded.is_ok(), "{}: {}", decoded.unwrap_err(), stored);
            decides(&decoded.unwrap(), status::read(None));
        }
    }

    #[test]
    fn bytes_that_should_be_a_manifest_are_read_or_refused((which, moves) in mutated()) {
        let text: &String = which.get(&TEXTS);
        let bytes = fuzz::bytes(text, &moves);
        let text = String::from_utf8_lossy(&bytes);
        match serde_saphyr::from_multiple::<Value>(&text) {
            Err(error) => prop_assert!(!error.to_string().is_empty()),
            Ok(documents) => documents.iter().for_each(|document| drop(crd::read(document))),
        }
    }
}

#[test]
fn the_corpus_itself_is_sound() {
    for status in STATUSES.iter() {
        let stored = stored(with_status(status.clone())).unwrap_or_else(|| panic!("it cannot be stored: {status}"));
        assert_eq!(stored["status"], *status, "it is pruned");
        let resource: FlinkApplication = serde_json::from_value(stored).unwrap();
        let memory = status::read(resource.status.as_ref());
        assert!(!matches!(memory, Remembered::Unreadable(_)), "{status}");
    }
    let sound = MANIFESTS.iter().filter(|manifest| crd::read(manifest).is_ok()).count();
    assert!(sound >= 6, "{sound} of {}: {}", MANIFESTS.len(), json!(*MANIFESTS));
}
