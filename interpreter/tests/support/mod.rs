//! A scripted HTTP server, and an application to ask for.
#![allow(dead_code, reason = "every test binary uses its part")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode};
use flink_operator_core::application::Application;
use flink_operator_core::crd::FlinkApplication;
use flink_operator_core::id::{JobId, RevisionId, TriggerId};
use flink_operator_core::snapshot::{FlinkNeeds, SavepointNeed};
use serde_json::{Value, json};

pub const UID: &str = "0b1c2d3e-0000-4000-8000-000000000001";
pub const JOB: &str = "11112222333344445555666677778888";
pub const TRIGGER: &str = "aaaabbbbccccddddeeeeffff00001111";

/// What was asked: method and path with query, and the body.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    pub line: String,
    pub body: Value,
}

type Answers = BTreeMap<String, VecDeque<(u16, String)>>;

/// Answers requests as it was told to; the last answer to a request is repeated.
#[derive(Clone, Default)]
pub struct Server {
    answers: Arc<Mutex<Answers>>,
    asked: Arc<Mutex<Vec<Asked>>>,
    pub url: String,
}

impl Server {
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self { url: format!("http://{}", listener.local_addr().unwrap()), ..Self::default() };
        let service = axum::Router::new().fallback(answer).with_state(server.clone());
        tokio::spawn(async move { axum::serve(listener, service).await });
        server
    }

    pub fn on(&self, line: &str, status: u16, body: Value) -> &Self {
        self.on_text(line, status, &body.to_string())
    }

    pub fn on_text(&self, line: &str, status: u16, body: &str) -> &Self {
        self.answers.lock().unwrap().entry(line.to_owned()).or_default().push_back((status, body.to_owned()));
        self
    }

    /// A client that takes this server for the API server.
    pub fn kubernetes(&self) -> kube::Client {
        let mut config = kube::Config::new(self.url.parse().unwrap());
        config.default_retry = false;
        kube::Client::try_from(config).unwrap()
    }

    /// All requests so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    pub fn lines(&self) -> Vec<String> {
        self.asked().into_iter().map(|asked| asked.line).collect()
    }

    /// The body of the only request of this line.
    pub fn body_of(&self, line: &str) -> Value {
        let bodies: Vec<_> = self.asked().into_iter().filter(|asked| asked.line == line).map(|it| it.body).collect();
        assert_eq!(bodies.len(), 1, "{line}");
        bodies[0].clone()
    }
}

async fn answer(State(server): State<Server>, request: Request) -> Response<Body> {
    let line = format!("{} {}", request.method(), request.uri().path_and_query().unwrap());
    let body = to_bytes(request.into_body(), usize::MAX).await.unwrap();
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    server.asked.lock().unwrap().push(Asked { line: line.clone(), body });
    let mut answers = server.answers.lock().unwrap();
    let (status, body) = match answers.get_mut(&line) {
        Some(queue) if queue.len() > 1 => queue.pop_front().unwrap(),
        Some(queue) => queue[0].clone(),
        None => (501, format!("not scripted: {line}")),
    };
    Response::builder()
        .status(StatusCode::from_u16(status).unwrap())
        .header("content-type", "application/json")
        .body(Body::from(body))
        .unwrap()
}

/// An application named `orders` in namespace `shop`.
pub fn application() -> Application {
    application_with(json!({}))
}

pub fn application_with(extra: Value) -> Application {
    let mut spec = json!({
        "image": "registry.example/orders:1", "jarName": "orders.jar", "entryClass": "shop.Orders", "parallelism": 2,
        "flinkVersion": "1.20",
    });
    spec.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    let resource = json!({
        "apiVersion": "flink.k8s.io/v1beta1", "kind": "FlinkApplication",
        "metadata": { "namespace": "shop", "name": "orders", "uid": UID, "resourceVersion": "7" },
        "spec": spec,
    });
    Application::parse(&serde_json::from_value::<FlinkApplication>(resource).unwrap())
}

pub fn revision() -> RevisionId {
    RevisionId::known("0a1b2c3d")
}

pub fn job() -> JobId {
    JobId::known(JOB)
}

pub fn trigger() -> TriggerId {
    TriggerId::known(TRIGGER)
}

pub fn the_savepoint(says_all: bool) -> SavepointNeed {
    SavepointNeed { job: job(), trigger: trigger(), says_all }
}

/// All that can be looked at in a JobManager.
pub fn everything() -> BTreeMap<RevisionId, FlinkNeeds> {
    let needs = FlinkNeeds {
        overview: true,
        job: Some(job()),
        restarts: true,
        savepoint: Some(the_savepoint(false)),
        checkpoints: Some(job()),
        retention: Some(job()),
    };
    BTreeMap::from([(revision(), needs)])
}

/// Flink's way to say no.
pub fn errors(trace: &str) -> Value {
    json!({ "errors": [trace] })
}

/// Flink's way to say no to what it did not expect.
pub fn server_side(trace: &str) -> Value {
    json!({ "errors": [
        "Internal server error.",
        format!("<Exception on server side:\n{trace}\nEnd of exception on server side>"),
    ] })
}
