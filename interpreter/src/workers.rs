//! How many applications are worked on in parallel.

use tokio::sync::{Semaphore, SemaphorePermit};

/// Permits for work at the API server (`workers`). Nobody holds one while waiting for Flink, so a JobManager
/// that never answers delays its own application and no other.
#[derive(Debug)]
pub struct Workers(Semaphore);

impl Workers {
    /// So many at a time, at least one.
    pub fn new(number: usize) -> Self {
        Self(Semaphore::new(number.clamp(1, Semaphore::MAX_PERMITS)))
    }

    /// Waits for a turn, which lasts as long as the permit is kept.
    pub(crate) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        // It is never closed, so there always is one.
        self.0.acquire().await.ok()
    }
}
