//! Writes decisions to files, beside the work: an application never waits for a disk.

use std::io;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use flink_operator_core::record::Record as Written;
use flink_operator_core::snapshot::Snapshot;
use flink_operator_core::step::Step;
use flink_operator_interpreter::metrics::IntCounter;
use flink_operator_interpreter::record::Record;

use super::files::Files;

/// Decisions that wait for the disk. One more is dropped.
const WAITING: usize = 256;
/// How often drops are told of.
const TELLS: Duration = Duration::from_secs(60);

type Decided = (Snapshot, Step);

/// Records every decision that it is shown, as one line of JSON in the file of its application.
pub struct Recorder {
    waiting: Option<SyncSender<Decided>>,
    writer: Option<JoinHandle<()>>,
    dropped: IntCounter,
}

impl Recorder {
    /// Starts to write into this directory, at most so many bytes, and counts what cannot be written.
    pub fn start(directory: &Path, most: u64, dropped: IntCounter) -> io::Result<Self> {
        let files = Files::open(directory, most)?;
        let (waiting, receiver) = sync_channel(WAITING);
        let writer = Writer { files, dropped: dropped.clone(), told: 0, last_told: None, cause: None };
        let writer = std::thread::Builder::new().name("recorder".to_owned()).spawn(move || writer.run(&receiver))?;
        Ok(Self { waiting: Some(waiting), writer: Some(writer), dropped })
    }
}

impl Record for Recorder {
    fn record(&self, snapshot: &Snapshot, step: &Step) {
        let taken = self.waiting.as_ref().is_some_and(|it| it.try_send((snapshot.clone(), step.clone())).is_ok());
        if !taken {
            self.dropped.inc();
        }
    }
}

impl Drop for Recorder {
    /// Writes what waits.
    fn drop(&mut self) {
        drop(self.waiting.take());
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

struct Writer {
    files: Files,
    dropped: IntCounter,
    /// Drops that were told of.
    told: u64,
    last_told: Option<Instant>,
    cause: Option<String>,
}

impl Writer {
    fn run(mut self, decided: &Receiver<Decided>) {
        loop {
            match decided.recv_timeout(TELLS) {
                Ok((snapshot, step)) => {
                    if let Err(error) = self.write(&snapshot, &step) {
                        self.dropped.inc();
                        self.cause = Some(error.to_string());
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if self.last_told.is_none_or(|last| last.elapsed() >= TELLS) {
                self.tell();
            }
        }
        self.tell();
    }

    fn write(&mut self, snapshot: &Snapshot, step: &Step) -> io::Result<()> {
        let record = Written::of(snapshot, step)?;
        let app = &record.snapshot.application;
        if record.step.is_none() {
            let (ns, app_name) = (&app.namespace, &app.name);
            tracing::warn!(%ns, %app_name, rule = %step.rule(), "without its secrets the application is decided on otherwise; the decision is not recorded");
        }
        self.files.append(&format!("{}.{}", app.namespace, app.name), &serde_json::to_string(&record)?)
    }

    fn tell(&mut self) {
        let dropped = self.dropped.get();
        if dropped > self.told {
            let cause = self.cause.take().unwrap_or_else(|| "they came faster than the disk takes them".to_owned());
            tracing::warn!(dropped, "{} decisions could not be recorded: {cause}", dropped - self.told);
            self.told = dropped;
            self.last_told = Some(Instant::now());
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use flink_operator_interpreter::metrics::Metrics;

    use super::*;

    fn counter() -> IntCounter {
        Metrics::new("test", "1.2.3").unwrap().dropped_records()
    }

    fn decided() -> Decided {
        let recorded = include_str!("../../../fixtures/snapshots/running/job-rests.yaml");
        let snapshot = flink_operator_fixtures::yaml::read::<Written>(recorded).unwrap().snapshot;
        let step = flink_operator_core::step(&snapshot);
        (snapshot, step)
    }

    #[test]
    fn a_disk_that_does_not_keep_up_holds_nothing_up_and_the_drops_are_counted() {
        let (snapshot, step) = decided();
        let (waiting, disk) = sync_channel(2);
        let recorder = Recorder { waiting: Some(waiting), writer: None, dropped: counter() };
        for _ in 0..5 {
            recorder.record(&snapshot, &step);
        }
        assert_eq!(recorder.dropped.get(), 3);
        assert_eq!(disk.try_iter().count(), 2);
    }

    #[test]
    fn decisions_that_cannot_be_written_are_counted() {
        let (snapshot, step) = decided();
        let directory = std::env::temp_dir().join(format!("recorder-{}", std::process::id()));
        let recorder = Recorder::start(&directory, 1 << 20, counter()).unwrap();
        let dropped = recorder.dropped.clone();
        std::fs::remove_dir_all(&directory).unwrap();
        recorder.record(&snapshot, &step);
        drop(recorder);
        assert_eq!(dropped.get(), 1);
    }
}
