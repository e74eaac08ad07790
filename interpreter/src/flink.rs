//! The Flink REST client: typed, with short timeouts, every error classified.
//!
//! One [`FlinkClient`] serves all applications and keeps its connections; [`FlinkClient::of`] turns it
//! to the JobManager of one revision.

mod act;
mod address;
mod arguments;
pub mod cause;
mod http;
mod look;
mod version;
mod wire;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use flink_operator_core::application::Application;
use flink_operator_core::id::{RevisionId, TriggerId};

pub use address::{Addresses, UiPort};
pub use http::{Call, Calls, Outcome, Uncounted};

use crate::error::Error;

/// Until a connection stands.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// How long the client waits for an answer.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// To a question.
    pub look: Duration,
    /// To a request that changes something; a submission runs the program's main method.
    pub act: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { look: Duration::from_secs(5), act: Duration::from_secs(30) }
    }
}

/// Talks to the JobManagers of all applications.
pub struct FlinkClient {
    http: reqwest::Client,
    addresses: Addresses,
    timeouts: Timeouts,
    ui_port: UiPort,
    calls: Arc<dyn Calls>,
    /// The ids that Flink gave to savepoints whose ids we could not choose (before 1.15).
    given: Mutex<BTreeMap<TriggerId, String>>,
}

impl FlinkClient {
    /// A client that knows no Services and counts nothing.
    pub fn new(addresses: Addresses) -> Result<Self, Error> {
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .build()
            .map_err(|source| Error::Transport { asked: "set up the Flink client".to_owned(), source })?;
        let ui_port: UiPort = Arc::new(|_, _| None);
        let given = Mutex::default();
        Ok(Self { http, addresses, timeouts: Timeouts::default(), ui_port, calls: Arc::new(Uncounted), given })
    }

    /// The same client with other timeouts.
    pub fn with_timeouts(self, timeouts: Timeouts) -> Self {
        Self { timeouts, ..self }
    }

    /// The same client; it believes a known Service before the spec when it looks for a port.
    pub fn with_ui_port(self, ui_port: UiPort) -> Self {
        Self { ui_port, ..self }
    }

    /// The same client; `calls` is told of every request.
    pub fn with_calls(self, calls: Arc<dyn Calls>) -> Self {
        Self { calls, ..self }
    }

    /// The JobManager of one revision of an application.
    pub fn of(&self, application: &Application, revision: &RevisionId) -> JobManager<'_> {
        JobManager { client: self, base: self.addresses.base(application, revision, &self.ui_port) }
    }

    fn given(&self) -> std::sync::MutexGuard<'_, BTreeMap<TriggerId, String>> {
        self.given.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The JobManager of one revision.
pub struct JobManager<'a> {
    client: &'a FlinkClient,
    base: String,
}
