//! How long a decision takes. A resting application decides all the time, so that is what counts.
#![allow(clippy::unwrap_used)]
#![allow(missing_docs, reason = "the macros make functions without them")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use flink_operator_core::record::Record;
use flink_operator_core::snapshot::Snapshot;
use flink_operator_core::step;

fn snapshot(text: &str) -> Snapshot {
    flink_operator_fixtures::yaml::read::<Record>(text).unwrap().snapshot
}

fn steps(criterion: &mut Criterion) {
    let rests = snapshot(include_str!("../../fixtures/snapshots/running/job-rests.yaml"));
    let creates = snapshot(include_str!("../../fixtures/snapshots/updating/cluster-requested.yaml"));
    let mut group = criterion.benchmark_group("step");
    // One element is one step, so that `elem/s` are steps a second.
    group.throughput(Throughput::Elements(1));
    group.bench_function("at rest", |bencher| bencher.iter(|| step(black_box(&rests))));
    group.bench_function("creating a cluster", |bencher| bencher.iter(|| step(black_box(&creates))));
    group.finish();
}

criterion_group!(benches, steps);
criterion_main!(benches);
