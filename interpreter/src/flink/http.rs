//! One request, one answer: addressed, sent, timed, counted.

use std::fmt;
use std::time::Duration;

use http::{Method, header};
use reqwest::Url;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::{Instant, timeout};

use flink_operator_core::snapshot::TroubleClass;

use super::transport::{LONGEST_ANSWER, NoAnswer};
use super::wire::Refusal;
use super::{JobManager, cause};
use crate::error::{Error, one_line};

/// The requests that are made of Flink.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Call {
    /// `GET /overview`
    Overview,
    /// `GET /taskmanagers`
    TaskManagers,
    /// `GET /jobs`
    Jobs,
    /// `GET /jobs/:id`
    Job,
    /// `GET /jobs/:id/metrics`
    JobMetrics,
    /// `GET /jobs/:id/exceptions`
    Exceptions,
    /// `GET /jobs/:id/savepoints/:trigger`
    Savepoint,
    /// `GET /jobs/:id/checkpoints`
    Checkpoints,
    /// `GET /jobs/:id/checkpoints/config`
    CheckpointConfig,
    /// `POST /jars/:jar/run`
    Submit,
    /// `POST /jobs/:id/stop`
    Stop,
    /// `POST /jobs/:id/savepoints`
    TakeSavepoint,
    /// `PATCH /jobs/:id`
    Cancel,
}

impl Call {
    /// The name of the call in `status.lastSeenError.method` and in metrics; the original's where it
    /// made the same call.
    pub const fn method(self) -> &'static str {
        match self {
            Self::Overview => "GetClusterOverview",
            Self::TaskManagers => "GetTaskManagers",
            Self::Jobs => "GetJobs",
            Self::Job => "GetJobOverview",
            Self::JobMetrics => "GetJobMetrics",
            Self::Exceptions => "GetJobExceptions",
            Self::Savepoint => "CheckSavepointStatus",
            Self::Checkpoints => "GetLatestCheckpoint",
            Self::CheckpointConfig => "GetCheckpointConfig",
            Self::Submit => "SubmitJob",
            Self::Stop => "CancelJobWithSavepoint",
            Self::TakeSavepoint => "SavepointJob",
            Self::Cancel => "ForceCancelJob",
        }
    }
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// With an answer of this HTTP status.
    Answered(u16),
    /// Without one in time.
    TimedOut,
    /// Without a connection, or with one that broke.
    Unreachable,
}

/// Is told of every request, for metrics.
pub trait Calls: Send + Sync {
    /// A request ended.
    fn finished(&self, call: Call, outcome: Outcome, took: Duration);
}

/// Counts nothing.
pub struct Uncounted;

impl Calls for Uncounted {
    fn finished(&self, _: Call, _: Outcome, _: Duration) {}
}

/// A request to be made; parts of the path are encoded when it is sent.
pub(super) struct Request<'a> {
    pub call: Call,
    pub method: Method,
    pub path: &'a [&'a str],
    pub query: &'a [(&'a str, &'a str)],
}

impl<'a> Request<'a> {
    pub fn get(call: Call, path: &'a [&'a str]) -> Self {
        Self { call, method: Method::GET, path, query: &[] }
    }

    pub fn post(call: Call, path: &'a [&'a str]) -> Self {
        Self { call, method: Method::POST, path, query: &[] }
    }

    pub fn patch(call: Call, path: &'a [&'a str]) -> Self {
        Self { call, method: Method::PATCH, path, query: &[] }
    }

    pub fn query(mut self, query: &'a [(&'a str, &'a str)]) -> Self {
        self.query = query;
        self
    }
}

/// An answer of whatever status.
pub(super) struct Answer {
    pub asked: String,
    pub status: u16,
    body: Vec<u8>,
}

impl JobManager<'_> {
    /// Sends a question and reads the answer; None where Flink itself answers that it does not know
    /// the thing. (A proxy that does not know the JobManager answers 404 too.)
    pub(super) async fn get<T: DeserializeOwned>(&self, request: Request<'_>) -> Result<Option<T>, Error> {
        let answer = self.send(request, None::<&()>).await?;
        match answer.status {
            200..=299 => answer.read().map(Some),
            404 if answer.flink_does_not_know_it() => Ok(None),
            400 => Err(answer.refused(TroubleClass::OurBug)),
            _ => Err(answer.refused(TroubleClass::TryAgain)),
        }
    }

    /// Sends a request and waits for the answer, whatever its status.
    pub(super) async fn send(&self, request: Request<'_>, body: Option<&impl Serialize>) -> Result<Answer, Error> {
        let asked = format!("{} /{} at {}", request.method, request.path.join("/"), self.base);
        let Some(url) = self.url(&request) else {
            return Err(Error::refused(asked, TroubleClass::TryAgain, "this JobManager has no address"));
        };
        let after = if request.method == Method::GET { self.client.timeouts.look } else { self.client.timeouts.act };
        let sent = match written(&request, &url, body) {
            Ok(sent) => sent,
            Err(source) => return Err(Error::Transport { asked, source }),
        };
        let begun = Instant::now();
        let answer = timeout(after, self.client.transport.send(sent)).await;
        let outcome = match &answer {
            Ok(Ok(answer)) => Outcome::Answered(answer.status().as_u16()),
            Err(_) | Ok(Err(NoAnswer::NotConnected)) => Outcome::TimedOut,
            Ok(Err(NoAnswer::Unmade(_) | NoAnswer::Broken(_))) => Outcome::Unreachable,
        };
        self.client.calls.finished(request.call, outcome, begun.elapsed());
        match answer {
            Ok(Ok(answer)) if answer.body().len() > LONGEST_ANSWER => {
                let detail = format!("it is longer than {} MiB", LONGEST_ANSWER >> 20);
                Err(Error::Garbled { asked, detail })
            }
            Ok(Ok(answer)) => Ok(Answer { asked, status: answer.status().as_u16(), body: answer.into_body() }),
            Ok(Err(source)) => Err(Error::Transport { asked, source }),
            Err(_) => Err(Error::TimedOut { asked, after }),
        }
    }

    fn url(&self, request: &Request<'_>) -> Option<Url> {
        let mut url = self.url.clone()?;
        url.path_segments_mut().ok()?.pop_if_empty().extend(request.path);
        if !request.query.is_empty() {
            url.query_pairs_mut().extend_pairs(request.query);
        }
        Some(url)
    }
}

/// The request as it goes out.
fn written(
    request: &Request<'_>,
    url: &Url,
    body: Option<&impl Serialize>,
) -> Result<http::Request<Vec<u8>>, NoAnswer> {
    let unmade = |error: &dyn fmt::Display| NoAnswer::Unmade(error.to_string());
    let mut sent = http::Request::builder().method(&request.method).uri(url.as_str());
    let body = match body {
        Some(body) => {
            sent = sent.header(header::CONTENT_TYPE, "application/json");
            serde_json::to_vec(body).map_err(|error| unmade(&error))?
        }
        None => Vec::new(),
    };
    sent.body(body).map_err(|error| unmade(&error))
}

impl Answer {
    /// The body as what it should be. Anything else is an error, never a default (B-41).
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_slice(&self.body).map_err(|error| self.garbled(&error))
    }

    pub fn garbled(&self, detail: &dyn fmt::Display) -> Error {
        Error::Garbled { asked: self.asked.clone(), detail: detail.to_string() }
    }

    /// The errors that Flink tells, as one text of sentences and stack traces; None where the answer
    /// is not Flink's.
    pub fn errors(&self) -> Option<String> {
        serde_json::from_slice::<Refusal>(&self.body).ok().map(|refusal| refusal.errors.join("\n"))
    }

    /// The root cause in one line.
    pub fn cause(&self) -> String {
        match self.errors() {
            Some(errors) => cause::root_cause(without_preface(&errors)),
            None => one_line(&String::from_utf8_lossy(&self.body)),
        }
    }

    /// A 404 of Flink's own that means a thing and not a path.
    pub fn flink_does_not_know_it(&self) -> bool {
        let no_such_path =
            |errors: &str| errors.starts_with("Not found") || errors.contains("Unable to load requested file");
        self.status == 404 && self.errors().is_some_and(|errors| !no_such_path(&errors))
    }

    /// This answer as an error that tells the root cause.
    pub fn refused(&self, class: TroubleClass) -> Error {
        Error::refused(&self.asked, class, format!("{} (status {})", self.cause(), self.status))
    }
}

/// Flink puts a sentence that says nothing before the stack trace.
fn without_preface(errors: &str) -> &str {
    errors.strip_prefix("Internal server error.").unwrap_or(errors).trim_start()
}
