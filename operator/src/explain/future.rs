//! What happens if nothing but the time changes. The core is asked, again and again, with later times: it is a
//! function of what was seen, so nobody needs to know its deadlines.

use flink_operator_core::backoff;
use flink_operator_core::record::Record;
use flink_operator_core::snapshot::Remembered;
use flink_operator_core::step::{Step, Wake};
use jiff::Timestamp;

/// How often the core is asked at most.
const LOOKS: usize = 200_000;
/// Beyond the longest time that the configuration knows.
const MARGIN_MS: u32 = 60_000;

/// What time alone brings about.
pub enum Future {
    /// The next move or effect.
    Turn(Turn),
    /// Nothing, for longer than any wait that the configuration knows.
    Rest,
    /// It is too far away to be found.
    Unknown,
}

/// Something that the operator does by itself.
pub struct Turn {
    /// When.
    pub at: Timestamp,
    /// What it decides then.
    pub step: Step,
}

/// What comes of a record and the decision on it if nothing but the time changes.
pub fn of(record: &Record, first: &Step) -> Future {
    let horizon = backoff::after(record.snapshot.now, longest(record));
    let mut later = record.clone();
    let mut step = first.clone();
    for _ in 0..LOOKS {
        if !step.rests() && !step.rule().only_tells() {
            return Future::Turn(Turn { at: later.snapshot.now, step });
        }
        match step.next() {
            // Told, and then it goes on waiting.
            Some(memory) => later.snapshot.memory = Remembered::Known(Box::new(memory.clone())),
            None => match step.wake() {
                Wake::OnChange => return Future::Rest,
                Wake::At(at) => later.snapshot.now = at.max(backoff::after(later.snapshot.now, 1)),
            },
        }
        if later.snapshot.now > horizon {
            return Future::Rest;
        }
        // The effects that failed before this look say nothing of later ones.
        later.snapshot.report.failed.clear();
        step = later.decide();
    }
    Future::Unknown
}

fn longest(record: &Record) -> u32 {
    let policy = &record.snapshot.policy;
    let waits = [policy.cluster_start_timeout_ms, policy.job_start_timeout_ms, policy.savepoint_timeout_ms];
    waits.into_iter().max().unwrap_or_default().saturating_add(MARGIN_MS)
}
