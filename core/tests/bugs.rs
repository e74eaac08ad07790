//! The original's bugs, each as the behaviour that it spoilt. `docs/compatibility.md` says which test is whose.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[allow(dead_code, unused_macros, reason = "the stories are told elsewhere; here they lend their beginnings")]
mod stories;

mod bugs {
    mod blue_green;
    mod first_deploys;
    mod looks;
    mod objects;
    mod retries;
    mod savepoints;
    mod scaling;
}

use flink_operator_core::rule::Rule;
use flink_operator_core::snapshot::{Job, Remembered, Snapshot};
use flink_operator_core::{memory::Memory, snapshot::Seen};
use flink_operator_fixtures::door::{Fault, Life, Moment};
use flink_operator_fixtures::model::flink::{SavedKind, SavepointFault, Throwable};
use flink_operator_fixtures::model::{Object, Selection};
use serde_json::Value;

fn status(life: &Life) -> Value {
    life.application().unwrap()["status"].clone()
}

/// What a condition of the status says.
fn condition(life: &Life, kind: &str) -> (String, String) {
    let all = status(life)["conditions"].as_array().cloned().unwrap();
    let found = all.into_iter().find(|condition| condition["type"] == kind).unwrap();
    (found["status"].as_str().unwrap().to_owned(), found["message"].as_str().unwrap().to_owned())
}

/// How often a rule fired, repetitions in a row left out.
fn times(life: &Life, rule: Rule) -> usize {
    life.rules().iter().filter(|fired| **fired == rule).count()
}

/// Every other deed is lost, from the `first` one on. (What comes between is the commit that remembers the loss.)
fn lose_every_other_deed(life: &mut Life, first: usize, count: usize) {
    let begin = life.deeds() + first;
    life.faults.extend((0..count).map(|deed| (begin + 2 * deed, Fault::Lost(Moment::Before))));
}

fn objects(life: &Life, group: &str, plural: &str) -> Vec<Object> {
    let kind = life.world.kinds().get(group, "v1", plural).unwrap();
    life.world.list(&kind, &Selection::namespace("default"))
}

fn names(objects: &[Object]) -> Vec<String> {
    objects.iter().map(|object| object["metadata"]["name"].as_str().unwrap().to_owned()).collect()
}

fn savepoint_fails() -> SavepointFault {
    SavepointFault::Fails(Throwable::new("java.io.IOException", "No space left on device"))
}

fn savepoints(life: &Life) -> usize {
    life.flinks.storage.iter().filter(|(_, saved)| saved.kind == SavedKind::Savepoint).count()
}

/// The first snapshot on which a rule fired.
fn recorded(life: &Life, rule: Rule) -> Snapshot {
    life.recorded().get(&rule).unwrap_or_else(|| panic!("no {rule}: {:?}", life.rules())).clone()
}

/// The job that a snapshot shows.
fn job_of(snapshot: &mut Snapshot) -> &mut Job {
    let seen = snapshot.observed.flink.values_mut().find_map(|flink| match &mut flink.job {
        Seen::Present(job) => Some(job),
        Seen::NotAsked | Seen::Absent | Seen::Unreachable(_) => None,
    });
    seen.unwrap()
}

fn memory_of(snapshot: &mut Snapshot) -> &mut Memory {
    match &mut snapshot.memory {
        Remembered::Known(memory) => memory,
        Remembered::Left(left) => panic!("{left:?}"),
        Remembered::Unreadable(problem) => panic!("{problem}"),
    }
}
