//! The console: a page that shows the applications, each with its machine, what was decided, and what an edit would
//! do. It changes nothing.
//!
//! ```text
//! Board ──────────────┐                        one look with the operator's own client
//! Chronicler ─► History ─► api/… (JSON) ◄──────── explain, plan
//!                           ▲
//!                   page.html, .css, .js
//! ```

mod ask;
mod door;
mod facts;
mod history;
mod machine;
mod stands;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use flink_operator_interpreter::observe::ApplicationName;
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::cli::Failure;
use crate::flink::FlinkAccess;
use crate::http::Site;
use history::History;

pub use history::Chronicler;

/// The files of the page: path, type and content.
const FILES: [(&str, &str, &str); 7] = [
    ("/", "text/html; charset=utf-8", include_str!("console/page.html")),
    ("/page.css", "text/css; charset=utf-8", include_str!("console/page.css")),
    ("/page.js", JAVASCRIPT, include_str!("console/page.js")),
    ("/dom.js", JAVASCRIPT, include_str!("console/dom.js")),
    ("/machine.js", JAVASCRIPT, include_str!("console/machine.js")),
    ("/application.js", JAVASCRIPT, include_str!("console/application.js")),
    ("/icon.svg", "image/svg+xml", include_str!("console/icon.svg")),
];
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

/// A manifest is smaller: Kubernetes itself takes no resource above this.
const MANIFEST: usize = 3 << 19;
/// Looks and plans at a time. They cost requests and time that applications may need.
const AT_A_TIME: usize = 2;

/// What the page is made of.
pub struct Console {
    site: Arc<Site>,
    history: Arc<History>,
    client: kube::Client,
    access: FlinkAccess,
    turns: Arc<Semaphore>,
}

impl Console {
    /// The console of this process, which asks with this client.
    pub fn new(site: Arc<Site>, history: Arc<History>, client: kube::Client, access: FlinkAccess) -> Self {
        Self { site, history, client, access, turns: Arc::new(Semaphore::new(AT_A_TIME)) }
    }

    /// What every answer about applications begins with: which process it is, and whether it acts.
    fn head(&self) -> Map<String, Value> {
        let mut head = Map::new();
        head.insert("version".to_owned(), env!("CARGO_PKG_VERSION").into());
        head.insert("now".to_owned(), Timestamp::now().to_string().into());
        head.insert("role".to_owned(), json!(self.site.role()));
        head.insert("leader".to_owned(), self.site.leader().into());
        head.insert("complete".to_owned(), self.site.board.is_complete().into());
        head.insert("hindrances".to_owned(), self.site.hindered().into());
        head
    }
}

/// An application, as it stands in a path.
type Named = Path<(String, String)>;

/// Serves until the process ends, or cannot.
pub async fn serve(address: SocketAddr, console: Console) -> Failure {
    let unserved = |error| Failure::Failed(format!("cannot serve the console on {address}: {error}"));
    let listener = match TcpListener::bind(address).await {
        Ok(listener) => listener,
        Err(error) => return unserved(error),
    };
    let at = listener.local_addr().unwrap_or(address);
    tracing::info!(%at, "the console is served");
    if !at.ip().is_loopback() {
        tracing::warn!(%at, "the console asks nobody who they are, and can be reached from other machines");
    }
    match axum::serve(listener, routes(console, door::Host::of(at))).await {
        Ok(()) => Failure::Failed("the console ended".to_owned()),
        Err(error) => unserved(error),
    }
}

fn routes(console: Console, host: door::Host) -> Router {
    let files = FILES.into_iter().fold(Router::new(), |routes, (path, kind, text)| {
        routes.route(path, get(move || async move { ([(CONTENT_TYPE, kind)], text) }))
    });
    files
        .route("/api/applications", get(applications))
        .route("/api/machine", get(|| async { Json(machine::shape()) }))
        .route("/api/applications/{namespace}/{name}", get(application))
        .route("/api/applications/{namespace}/{name}/steps/{id}", get(step))
        .route("/api/applications/{namespace}/{name}/explain", get(ask::explain))
        .route("/api/applications/{namespace}/{name}/plan", post(ask::plan))
        .layer(DefaultBodyLimit::max(MANIFEST))
        .layer(axum::middleware::from_fn_with_state(host, door::keep))
        .with_state(Arc::new(console))
}

async fn applications(State(console): State<Arc<Console>>) -> Json<Value> {
    let mut told = console.head();
    let standings = console.site.board.standings();
    let all = standings.iter().map(|(name, standing)| stands::shown(name, standing)).collect();
    told.insert("applications".to_owned(), all);
    Json(told.into())
}

async fn application(State(console): State<Arc<Console>>, Path((namespace, name)): Named) -> Json<Value> {
    let name = ApplicationName { namespace, name };
    let mut told = console.head();
    let standing = console.site.board.standing(&name);
    told.insert("standing".to_owned(), standing.map(|standing| stands::shown(&name, &standing)).into());
    told.extend(console.history.of(&name));
    Json(told.into())
}

async fn step(
    State(console): State<Arc<Console>>,
    Path((namespace, name, id)): Path<(String, String, u64)>,
) -> Response {
    match console.history.record(&ApplicationName { namespace, name }, id) {
        Some(record) => ([(CONTENT_TYPE, "application/json")], record.to_string()).into_response(),
        None => ask::Refusal(StatusCode::NOT_FOUND, "this decision is not kept any more".to_owned()).into_response(),
    }
}
