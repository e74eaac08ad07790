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
mod transport;
mod version;
mod wire;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use flink_operator_core::application::Application;
use flink_operator_core::id::{RevisionId, TriggerId};
use reqwest::Url;

pub use address::{Addresses, Proxy, UiPort};
pub use http::{Call, Calls, Outcome, Uncounted};
pub use transport::{NoAnswer, Transport};

use crate::error::Error;
use transport::{OverHttp, ThroughApiServer};

/// How long the client waits for whom.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// Until a connection stands.
    pub connect: Duration,
    /// Until a question is answered.
    pub look: Duration,
    /// Until a request is answered that changes something; a submission runs the program's main method.
    pub act: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect: Duration::from_secs(2), look: Duration::from_secs(5), act: Duration::from_secs(30) }
    }
}

/// Talks to the JobManagers of all applications.
pub struct FlinkClient {
    transport: Arc<dyn Transport>,
    timeouts: Timeouts,
    addresses: Addresses,
    calls: Arc<dyn Calls>,
    /// The ids that Flink gave to savepoints whose ids we could not choose (before 1.15).
    given: Mutex<BTreeMap<TriggerId, String>>,
}

impl FlinkClient {
    /// A client over real connections; every call is told to `calls`.
    pub fn new(addresses: Addresses, timeouts: Timeouts, calls: Arc<dyn Calls>) -> Result<Self, Error> {
        let asked = "set up the Flink client".to_owned();
        let transport = OverHttp::new(timeouts).map_err(|source| Error::Transport { asked, source })?;
        Ok(Self::over(Arc::new(transport), addresses, timeouts, calls))
    }

    /// A client through the proxy of the API server, for [`Addresses::ApiServer`]. The user of `client` needs the
    /// right to `get`, `create` and `patch` `services/proxy`.
    pub fn through(client: kube::Client, addresses: Addresses, timeouts: Timeouts, calls: Arc<dyn Calls>) -> Self {
        Self::over(Arc::new(ThroughApiServer(client)), addresses, timeouts, calls)
    }

    /// A client whose requests are carried by `transport`.
    pub fn over(
        transport: Arc<dyn Transport>,
        addresses: Addresses,
        timeouts: Timeouts,
        calls: Arc<dyn Calls>,
    ) -> Self {
        Self { transport, timeouts, addresses, calls, given: Mutex::default() }
    }

    /// The JobManager of one revision of an application.
    pub fn of(&self, application: &Application, revision: &RevisionId) -> JobManager<'_> {
        let base = self.addresses.base(application, revision);
        JobManager { client: self, url: Url::parse(&base).ok(), base }
    }

    fn given(&self) -> std::sync::MutexGuard<'_, BTreeMap<TriggerId, String>> {
        self.given.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The JobManager of one revision.
pub struct JobManager<'a> {
    client: &'a FlinkClient,
    base: String,
    /// The same, read; None where there is no address.
    url: Option<Url>,
}
