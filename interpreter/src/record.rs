//! Recording snapshots, so that what was decided in a cluster can be replayed anywhere.

use flink_operator_core::snapshot::Snapshot;
use flink_operator_core::step::Step;

/// Is shown every snapshot and the decision on it.
pub trait Record: Send + Sync {
    /// Called before the step is carried out.
    fn record(&self, snapshot: &Snapshot, step: &Step);
}

/// Keeps nothing.
pub struct NoRecord;

impl Record for NoRecord {
    fn record(&self, _: &Snapshot, _: &Step) {}
}
