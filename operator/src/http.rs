//! The operator's own HTTP: metrics, probes, and what the applications are doing.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use flink_operator_interpreter::board::{Board, Standing};
use flink_operator_interpreter::metrics::{Metrics, TEXT_FORMAT};
use flink_operator_interpreter::observe::ApplicationName;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::config::reload::Current;

/// An application's task, or the watches, that do not come on for so long are stuck. Every single wait of
/// theirs ends within half a minute.
const STUCK: Duration = Duration::from_secs(10 * 60);

/// What this process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[repr(u8)]
pub enum Role {
    /// It has not seen the Lease yet, or cannot.
    Blind,
    /// Another process acts.
    StandsBy,
    /// It acts.
    Leads,
}

/// What the pages are made of.
pub struct Site {
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// How the applications stand.
    pub board: Arc<Board>,
    /// The configuration.
    pub current: Current,
    role: AtomicU8,
    leader: Mutex<Option<String>>,
    hindrances: Mutex<Vec<String>>,
}

impl Site {
    /// The pages of a process that has just begun.
    pub fn new(metrics: Arc<Metrics>, board: Arc<Board>, current: Current) -> Self {
        let role = AtomicU8::new(Role::Blind as u8);
        Self { metrics, board, current, role, leader: Mutex::default(), hindrances: Mutex::default() }
    }

    /// The process does something else from now on.
    pub fn enter(&self, role: Role) {
        self.role.store(role as u8, Ordering::Relaxed);
        self.metrics.leads(role == Role::Leads);
        *self.holder() = None;
    }

    /// The process stands by from now on: this one acts.
    pub fn stand_by(&self, leader: &str) {
        self.enter(Role::StandsBy);
        *self.holder() = Some(leader.to_owned());
    }

    /// Who acts, where that is another process and it is known.
    pub fn leader(&self) -> Option<String> {
        self.holder().clone()
    }

    fn holder(&self) -> MutexGuard<'_, Option<String>> {
        self.leader.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What keeps the process from acting; nothing where the list is empty.
    pub fn hinder(&self, by: Vec<String>) {
        *self.hindrances() = by;
    }

    /// What keeps the process from acting, in words.
    pub fn hindered(&self) -> Vec<String> {
        self.hindrances().clone()
    }

    fn hindrances(&self) -> MutexGuard<'_, Vec<String>> {
        self.hindrances.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What it does now.
    pub fn role(&self) -> Role {
        [Role::Leads, Role::StandsBy]
            .into_iter()
            .find(|role| *role as u8 == self.role.load(Ordering::Relaxed))
            .unwrap_or(Role::Blind)
    }
}

/// Serves until the process ends.
pub async fn serve(listener: TcpListener, site: Arc<Site>) -> std::io::Result<()> {
    let routes = Router::new()
        .route("/", get(|| async { Html(INDEX) }))
        .route("/metrics", get(metrics))
        .route("/healthcheck", get(|| async { "ok" }))
        .route("/readyz", get(readyz))
        .route("/livez", get(livez))
        .route("/version", get(|| async { Json(json!({ "version": env!("CARGO_PKG_VERSION") })) }))
        .route("/config", get(config))
        .route("/debug/applications", get(applications))
        .with_state(site);
    axum::serve(listener, routes).await
}

const INDEX: &str = "<!doctype html><title>flinkk8soperator</title><h1>flinkk8soperator</h1><ul>\
    <li><a href=\"/metrics\">/metrics</a>: for Prometheus\
    <li><a href=\"/debug/applications\">/debug/applications</a>: every application, its phase and the last decision\
    <li><a href=\"/readyz\">/readyz</a>, <a href=\"/livez\">/livez</a>, <a href=\"/healthcheck\">/healthcheck</a>: probes\
    <li><a href=\"/config\">/config</a>: the configuration as it is now\
    <li><a href=\"/version\">/version</a></ul>\n";

async fn metrics(State(site): State<Arc<Site>>) -> Response {
    match site.metrics.text(&site.board) {
        Ok(text) => ([(CONTENT_TYPE, TEXT_FORMAT)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

/// Ready to act, or to take over.
async fn readyz(State(site): State<Arc<Site>>) -> (StatusCode, String) {
    let hindrances = site.hindrances().join("\n");
    if !hindrances.is_empty() {
        return (StatusCode::SERVICE_UNAVAILABLE, hindrances);
    }
    let (status, text) = match site.role() {
        Role::Leads if site.board.is_complete() => (StatusCode::OK, "ok: this process acts"),
        Role::Leads => (StatusCode::SERVICE_UNAVAILABLE, "the first lists of objects have not arrived"),
        Role::StandsBy => (StatusCode::OK, "ok: standing by for the lease"),
        Role::Blind => (StatusCode::SERVICE_UNAVAILABLE, "the lease cannot be looked at"),
    };
    (status, text.to_owned())
}

/// That it answers shows that the process is alive; what is stuck is named.
async fn livez(State(site): State<Arc<Site>>) -> (StatusCode, String) {
    let stuck = site.board.stuck(STUCK);
    if stuck.is_empty() {
        return (StatusCode::OK, "ok".to_owned());
    }
    (StatusCode::INTERNAL_SERVER_ERROR, format!("stuck for {} minutes: {}", STUCK.as_secs() / 60, stuck.join(", ")))
}

async fn config(State(site): State<Arc<Site>>) -> Json<Value> {
    Json(site.current.settings().shown())
}

async fn applications(State(site): State<Arc<Site>>) -> Json<Value> {
    Json(site.board.standings().iter().map(|(name, standing)| shown(name, standing)).collect())
}

fn shown(name: &ApplicationName, standing: &Standing) -> Value {
    json!({
        "namespace": name.namespace,
        "name": name.name,
        "phase": standing.phase.map(|phase| phase.to_string()),
        "rule": standing.rule,
        "why": standing.why,
        "clusterHealth": standing.cluster_health.map(|health| health.to_string()),
        "jobHealth": standing.job_health.map(|health| health.to_string()),
        "inPhaseSeconds": standing.in_phase().as_secs(),
        "lastStep": standing.last_step,
        "nextWake": standing.next_wake,
        "worksForSeconds": standing.stuck().map(|stuck| stuck.as_secs()),
    })
}
