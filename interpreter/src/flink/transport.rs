//! What carries a request to a JobManager and brings its answer back.

use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use http::{Request, Response};
use kube::client::Body;

use super::Timeouts;
use crate::error::innermost;

/// The longest answer that is read, in bytes. A job of thousands of vertices tells a few MiB.
pub(super) const LONGEST_ANSWER: usize = 32 << 20;

/// Connections to one JobManager that are kept for the next request, which costs some 30 KiB each.
const IDLE: usize = 2;
/// How long they are kept: while a job is stopped and started it is asked more often, at rest once a minute.
const IDLE_FOR: Duration = Duration::from_secs(3);

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
            .pool_max_idle_per_host(IDLE)
            .pool_idle_timeout(IDLE_FOR)
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

/// Carries requests through the API server's proxy, with its client's rights: for an operator outside the cluster.
pub(super) struct ThroughApiServer(pub kube::Client);

impl Transport for ThroughApiServer {
    fn send(&self, request: Request<Vec<u8>>) -> BoxFuture<'static, Result<Response<Vec<u8>>, NoAnswer>> {
        let client = self.0.clone();
        async move {
            let broken = |error: &kube::Error| NoAnswer::Broken(innermost(error));
            let (parts, body) = request.into_parts();
            // The client knows where its API server is.
            let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
            let mut sent = Request::builder().method(parts.method).uri(path);
            sent.headers_mut().into_iter().for_each(|headers| headers.clone_from(&parts.headers));
            let sent = sent.body(Body::from(body)).map_err(|error| NoAnswer::Unmade(error.to_string()))?;
            let (parts, body) = client.send(sent).await.map_err(|error| broken(&error))?.into_parts();
            let read = body.collect_bytes().await.map_err(|error| broken(&error))?;
            Ok(Response::from_parts(parts, read.to_vec()))
        }
        .boxed()
    }
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
