//! ^C and SIGTERM.

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::cli::Failure;

/// What asks the sandbox to end.
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Listens from now on.
    pub fn new() -> Result<Self, Failure> {
        let interrupt = signal(SignalKind::interrupt()).map_err(Failure::failed)?;
        let terminate = signal(SignalKind::terminate()).map_err(Failure::failed)?;
        Ok(Self { interrupt, terminate })
    }

    /// Waits for one.
    pub async fn heard(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }

    /// Who asks twice does not want to wait; what still runs ends with this process.
    pub fn exit_at_the_next_one(mut self) {
        tokio::spawn(async move {
            self.heard().await;
            std::process::exit(130);
        });
    }
}
