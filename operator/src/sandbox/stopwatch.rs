//! How long no job runs in an update: from the stop request to the last task of the new job running.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use axum::http::{HeaderMap, Method};
use flink_operator_fixtures::http::{Backend, FromPod, ToPod};
use flink_operator_fixtures::model::object::{namespace, text};
use flink_operator_fixtures::process::tasks;
use futures::future::BoxFuture;
use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::mpsc::UnboundedSender;

use super::story::Key;

/// How often and how many times the new job is looked at.
const LOOK: Duration = Duration::from_millis(500);
const LOOKS: u32 = 120;

/// An update that was watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Switch {
    /// Which application.
    pub application: Key,
    /// From the stop request until Flink was asked to run the new job.
    pub stop: Duration,
    /// From then until its last task was running.
    pub start: Duration,
}

/// Passes requests on to pods and notes when jobs are stopped and started.
pub struct Stopwatch<B> {
    inner: Arc<B>,
    /// When the job of an application was first asked to stop, in milliseconds since 1970.
    stopped: Arc<Mutex<BTreeMap<Key, i64>>>,
    switches: UnboundedSender<Switch>,
}

impl<B: Backend> Stopwatch<B> {
    /// Tells every switch to `switches`.
    pub fn new(inner: B, switches: UnboundedSender<Switch>) -> Self {
        Self { inner: Arc::new(inner), stopped: Arc::default(), switches }
    }
}

impl<B: Backend> Backend for Stopwatch<B> {
    fn call(&self, request: ToPod) -> BoxFuture<'static, Result<FromPod, String>> {
        let key =
            (namespace(&request.pod).to_owned(), text(&request.pod, &["metadata", "labels", "flink-app"]).to_owned());
        let now = Timestamp::now().as_millisecond();
        let mut stopped = self.stopped.lock().unwrap_or_else(PoisonError::into_inner);
        if is_stop(&request) {
            stopped.entry(key).or_insert(now);
            return self.inner.call(request);
        }
        if !(request.method == Method::POST && request.path.ends_with("/run")) {
            return self.inner.call(request);
        }
        let Some(began) = stopped.get(&key).copied() else { return self.inner.call(request) };
        let (inner, all, switches) = (self.inner.clone(), self.stopped.clone(), self.switches.clone());
        Box::pin(async move {
            let pod = request.clone();
            let answer = inner.call(request).await?;
            let job = serde_json::from_slice::<Value>(&answer.body).unwrap_or_default();
            if let Some(job) = job.get("jobid").and_then(Value::as_str) {
                all.lock().unwrap_or_else(PoisonError::into_inner).remove(&key);
                tokio::spawn(measure(inner, pod, job.to_owned(), (key, began, now), switches));
            }
            Ok(answer)
        })
    }
}

fn is_stop(request: &ToPod) -> bool {
    request.method == Method::POST && (request.path.ends_with("/stop") || request.path.ends_with("/savepoints"))
}

async fn measure<B: Backend>(
    inner: Arc<B>,
    pod: ToPod,
    job: String,
    (application, began, asked): (Key, i64, i64),
    switches: UnboundedSender<Switch>,
) {
    let get = |path: String| {
        let request = ToPod { method: Method::GET, path, body: Bytes::new(), headers: HeaderMap::new(), ..pod.clone() };
        let answer = inner.call(request);
        async move { serde_json::from_slice(&answer.await.ok()?.body).ok() }
    };
    for _ in 0..LOOKS {
        tokio::time::sleep(LOOK).await;
        if let Some(running) = tasks::running_since(&job, get).await {
            let (stop, start) = (between(began, asked), between(asked, running));
            // Nobody may be listening any more.
            let _ = switches.send(Switch { application, stop, start });
            return;
        }
    }
}

fn between(from: i64, to: i64) -> Duration {
    Duration::from_millis(u64::try_from(to.saturating_sub(from)).unwrap_or_default())
}
