//! What carries a request to a JobManager and brings its answer back.

use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use http::{Request, Response};

use super::Timeouts;
use crate::error::innermost;

/// The longest answer that is read, in bytes. A job of thousands of vertices tells a few MiB.
pub(super) const LONGEST_ANSWER: usize = 32 << 20;

/// Carries requests to JobManagers. How long an answer may take is its user's business.
pub trait Transport: Send + Sync {
    /// Sends a request, whose URI is absolute, and waits for the whole answer, whatever its status.
    fn send(&self, request: Request<Vec<u8>>) -> BoxFuture<'static, Result<Response<Vec<u8>>, NoAnswer>>;
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    /// The request cannot be made.
    #[error("{0}")]
    Unmade(String),
    /// Nobody took the connection for as long as was waited for it.
    #[error("no connection in time")]
    NotConnected,
    /// There was no connection, or it broke.
    #[error("{0}")]
    Broken(String),
}

/// Carries requests over real connections, which it keeps for the next ones.
pub(super) struct OverHttp(reqwest::Client);

impl OverHttp {
    pub(super) fn new(timeouts: Timeouts) -> Result<Self, NoAnswer> {
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(timeouts.connect)
            .pool_idle_timeout(Duration::from_secs(90))
            .build();
        client.map(Self).map_err(|error| NoAnswer::from(&error))
    }
}

impl Transport for OverHttp {
    fn send(&self, request: Request<Vec<u8>>) -> BoxFuture<'static, Result<Response<Vec<u8>>, NoAnswer>> {
        let client = self.0.clone();
        async move { carry(client, request).await.map_err(|error| NoAnswer::from(&error)) }.boxed()
    }
}

/// An answer that is too long is cut somewhere behind the longest.
async fn carry(client: reqwest::Client, request: Request<Vec<u8>>) -> reqwest::Result<Response<Vec<u8>>> {
    let mut answer = client.execute(request.try_into()?).await?;
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        body.extend_from_slice(&chunk);
        if body.len() > LONGEST_ANSWER {
            break;
        }
    }
    let mut read = Response::new(body);
    *read.status_mut() = answer.status();
    Ok(read)
}

impl From<&reqwest::Error> for NoAnswer {
    fn from(error: &reqwest::Error) -> Self {
        if error.is_builder() {
            Self::Unmade(innermost(error))
        } else if error.is_timeout() {
            Self::NotConnected
        } else {
            Self::Broken(innermost(error))
        }
    }
}
