//! A resting application costs next to nothing.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
// Counting allocations means to be the allocator, and only unsafe code can be one. It hands everything to the
// system's.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use flink_operator_core::record::Record;
use flink_operator_core::rule::Rule;
use flink_operator_core::snapshot::{Checkpoint, Checkpoints, Remembered, Seen, Snapshot};
use flink_operator_core::step;

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: all is done by the system's allocator; the count needs no allocation itself.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // A thread that is ending counts no more.
        let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
        // SAFETY: as the caller promised.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as the caller promised.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations(act: impl FnOnce()) -> usize {
    let before = ALLOCATIONS.get();
    act();
    ALLOCATIONS.get() - before
}

/// A recorded rest, a few checkpoints later: the figures in the status may be older than what is seen.
fn resting() -> Snapshot {
    let recorded = include_str!("../../fixtures/snapshots/running/job-rests.yaml");
    let mut snapshot = flink_operator_fixtures::yaml::read::<Record>(recorded).unwrap().snapshot;
    let Remembered::Known(memory) = &mut snapshot.memory else { panic!("the status was not read") };
    memory.ledger.job.as_mut().unwrap().last_checkpoint = Some("file:/checkpoints/chk-1".to_owned());
    let latest = Checkpoint { path: Some("file:/checkpoints/chk-3".to_owned()), time: snapshot.now };
    let history = Checkpoints { completed: 3, latest: Some(latest), ..Checkpoints::default() };
    snapshot.observed.flink.values_mut().for_each(|seen| seen.checkpoints = Seen::Present(history.clone()));
    snapshot
}

#[test]
fn the_count_counts() {
    assert_eq!(allocations(|| drop(std::hint::black_box(vec![1]))), 1);
}

#[test]
fn a_rest_allocates_nothing() {
    let snapshot = resting();
    let mut fired = None;
    let count = allocations(|| fired = Some(step(&snapshot)));
    assert_eq!(fired.unwrap().rule(), Rule::JobRests);
    assert_eq!(count, 0);
}
