//! Answers that need a fresh look: why an application is where it is, and what an edit would do.

use std::sync::{Arc, PoisonError};

use axum::Json;
use axum::extract::{Path, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use flink_operator_core::crd::FlinkApplication;
use flink_operator_core::record::Record;
use flink_operator_core::snapshot::Snapshot;
use serde_json::{Value, json};
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::spawn_blocking;

use super::{Console, Named};
use crate::cli::Failure;
use crate::explain::account::Account;
use crate::explain::happened;
use crate::{look, plan};

/// A manifest comes with this type. A page of another origin cannot send it without asking, and is not allowed to.
const YAML: &str = "application/yaml";

/// A request that is not answered, and why.
#[derive(Debug)]
pub struct Refusal(pub StatusCode, pub String);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.0, Json(json!({ "error": self.1 }))).into_response()
    }
}

impl Refusal {
    fn internal(error: impl std::fmt::Display) -> Self {
        Self(StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
    }

    /// Of what was sent, or of what cannot be answered as things are.
    fn of(failure: Failure) -> Self {
        match failure {
            Failure::BadInput(problem) => Self(StatusCode::BAD_REQUEST, problem),
            Failure::Failed(problem) => Self(StatusCode::CONFLICT, problem),
        }
    }
}

/// What `explain --output json` prints, and why the events are missing where they are.
pub async fn explain(
    State(console): State<Arc<Console>>,
    Path((namespace, name)): Named,
) -> Result<Json<Value>, Refusal> {
    let turn = console.turn().await?;
    let snapshot = console.look(&namespace, &name).await?;
    let (events, problem) = match happened::of(&console.client, &snapshot.application).await {
        Ok(events) => (Some(events), None),
        Err(problem) => (None, Some(problem)),
    };
    let account = move || {
        let _turn = turn;
        let record = Record::of(&snapshot, &flink_operator_core::step(&snapshot))?;
        let mut told = serde_json::to_value(Account::of(&record, events))?;
        if let Some(told) = told.as_object_mut() {
            told.insert("eventsProblem".to_owned(), problem.into());
        }
        Ok::<_, serde_json::Error>(told)
    };
    Ok(Json(spawn_blocking(account).await.map_err(Refusal::internal)?.map_err(Refusal::internal)?))
}

/// What `plan --output json` prints, and the text for people.
pub async fn plan(
    State(console): State<Arc<Console>>,
    Path((namespace, name)): Named,
    headers: HeaderMap,
    manifest: String,
) -> Result<Json<Value>, Refusal> {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if kind.split(';').next() != Some(YAML) {
        return Err(Refusal(StatusCode::UNSUPPORTED_MEDIA_TYPE, format!("send the manifest as {YAML}")));
    }
    let turn = console.turn().await?;
    let read = spawn_blocking(move || plan::read("manifest", &manifest)).await.map_err(Refusal::internal)?;
    let (new, findings) = read.map_err(Refusal::of)?;
    is_of(&new, &namespace, &name)?;
    let snapshot = console.look(&namespace, &name).await?;
    let told = move || {
        let _turn = turn;
        plan::told(&snapshot, &new, findings)
    };
    Ok(Json(spawn_blocking(told).await.map_err(Refusal::internal)?.map_err(Refusal::of)?))
}

/// A manifest of another application is a mistake.
fn is_of(new: &FlinkApplication, namespace: &str, name: &str) -> Result<(), Refusal> {
    let metadata = &new.metadata;
    let (in_namespace, called) = (metadata.namespace.as_deref(), metadata.name.as_deref().unwrap_or_default());
    if called == name && in_namespace.is_none_or(|it| it == namespace) {
        return Ok(());
    }
    let of = in_namespace.map_or(called.to_owned(), |in_namespace| format!("{in_namespace}/{called}"));
    Err(Refusal(StatusCode::BAD_REQUEST, format!("this is the manifest of {of}, and here is {namespace}/{name}")))
}

impl Console {
    /// It goes with the work: who asks and does not wait for the answer has used it all the same.
    async fn turn(&self) -> Result<OwnedSemaphorePermit, Refusal> {
        self.turns.clone().acquire_owned().await.map_err(Refusal::internal)
    }

    /// One look with the operator's own rights, at what the operator itself works on.
    async fn look(&self, namespace: &str, name: &str) -> Result<Snapshot, Refusal> {
        let policy = self.site.current.policy.read().unwrap_or_else(PoisonError::into_inner).clone();
        let found = look::take(&self.client, self.access, &policy, namespace, name).await;
        let found = found.map_err(|failure| Refusal(StatusCode::BAD_GATEWAY, failure.to_string()))?;
        let missing = || format!("there is no FlinkApplication {name} in the namespace {namespace}");
        found.ok_or_else(|| Refusal(StatusCode::NOT_FOUND, missing()))
    }
}
