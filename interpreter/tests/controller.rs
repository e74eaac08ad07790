//! Several applications under one controller, on the model cluster without any Flink.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock, RwLock};
use std::task::{Context as Task, Poll};
use std::time::Duration;

use axum::http::{Request, Response};
use flink_operator_core::crd::{FlinkApplication, definition};
use flink_operator_core::policy::Policy;
use flink_operator_core::rule::Rule;
use flink_operator_core::snapshot::Snapshot;
use flink_operator_core::step::Step;
use flink_operator_fixtures::http::{Cluster, NoLogs, OverHttp, Server};
use flink_operator_fixtures::model::{Kubelet, Part, Patch, World, WriteOptions};
use flink_operator_interpreter::board::Board;
use flink_operator_interpreter::controller::{self, Context, Shared};
use flink_operator_interpreter::flink::{Addresses, FlinkClient, Timeouts, Uncounted};
use flink_operator_interpreter::metrics::Metrics;
use flink_operator_interpreter::observe::Children;
use flink_operator_interpreter::publish::Publisher;
use flink_operator_interpreter::record::{NoRecord, Record};
use flink_operator_interpreter::workers::Workers;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::events::v1::Event;
use kube::api::{ListParams, PostParams};
use kube::client::ClientBuilder;
use kube::{Api, Client, Config};
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tower::{Layer, Service};

const NUMBERS: &str = include_str!("../../fixtures/applications/numbers.yaml");

/// A controller at work; it ends with this.
struct Controlled {
    api: Api<FlinkApplication>,
    board: Arc<Board>,
    metrics: Arc<Metrics>,
    stop: oneshot::Sender<()>,
    running: tokio::task::JoinHandle<()>,
    server: Server,
}

impl Controlled {
    async fn start(workers: usize, recorder: Arc<dyn Record>, parallel: &Parallel) -> Self {
        Self::start_under(serde_json::to_value(definition()).unwrap(), workers, recorder, parallel).await
    }

    /// In a cluster with this definition of the resource.
    async fn start_under(definition: Value, workers: usize, recorder: Arc<dyn Record>, parallel: &Parallel) -> Self {
        let world = World::new(1, 1_767_225_600_000, Kubelet::External);
        let server = Server::start(world, 0, Arc::new(NoLogs), Arc::new(OverHttp::default())).await.unwrap();
        server.cluster.write(|world| world.create_of(definition, &WriteOptions::by("test"))).unwrap();
        let config = || Config::new(format!("http://{}", server.address).parse().unwrap());
        let client = ClientBuilder::try_from(config()).unwrap().with_layer(parallel).build();
        let (board, metrics) = (Arc::new(Board::default()), Arc::new(Metrics::new("test", "0").unwrap()));
        let shared = Shared {
            client: client.clone(),
            policy: Arc::new(RwLock::new(Policy::default())),
            workers: Arc::new(Workers::new(workers)),
            publisher: Arc::new(Publisher::new(client, metrics.clone(), board.clone())),
            recorder,
            writer: "flinkk8soperator/model/lease".into(),
        };
        let addresses = Addresses::Fixed(BTreeMap::new());
        let flink = FlinkClient::new(addresses, Timeouts::default(), Arc::new(Uncounted)).unwrap();
        let context = Arc::new(Context::new(shared, flink, Arc::new(Children::default())));
        let (stop, stopped) = oneshot::channel();
        let running = tokio::spawn(async move {
            let stopped = async { drop(stopped.await) };
            controller::run(context, None, stopped).await;
        });
        let api = Api::default_namespaced(Client::try_from(config()).unwrap());
        Self { api, board, metrics, stop, running, server }
    }

    async fn create(&self, name: &str) {
        let mut application: FlinkApplication = flink_operator_fixtures::yaml::read(NUMBERS).unwrap();
        application.metadata.name = Some(name.to_owned());
        self.api.create(&PostParams::default(), &application).await.unwrap();
    }

    async fn first_event(&self) -> Event {
        let events: Api<Event> = Api::default_namespaced(self.api.clone().into_client());
        tokio::time::timeout(Duration::from_secs(60), async {
            loop {
                if let Some(event) = events.list(&ListParams::default()).await.unwrap().items.into_iter().next() {
                    return event;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
        .await
        .unwrap()
    }

    async fn until_starting(&self, name: &str) {
        let phase = async || self.api.get(name).await.unwrap().status.and_then(|status| status.phase);
        tokio::time::timeout(Duration::from_secs(60), async {
            while phase().await.as_deref() != Some("ClusterStarting") {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
        .await
        .unwrap_or_else(|_| panic!("{name} never starts"));
    }
}

/// A client's layer that counts the applications that are written for at the same time.
#[derive(Clone, Default)]
struct Parallel(Arc<Mutex<Seen>>);

#[derive(Default)]
struct Seen {
    now: usize,
    most: usize,
}

impl Parallel {
    fn most(&self) -> usize {
        self.0.lock().unwrap().most
    }
}

impl<S> Layer<S> for Parallel {
    type Service = Slow<S>;

    fn layer(&self, inner: S) -> Slow<S> {
        Slow { inner, parallel: self.clone() }
    }
}

#[derive(Clone)]
struct Slow<S> {
    inner: S,
    parallel: Parallel,
}

impl<S, A, B> Service<Request<A>> for Slow<S>
where
    S: Service<Request<A>, Response = Response<B>>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Task<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<A>) -> Self::Future {
        // An application makes one of these at a time. Events are told beside the work.
        let counts = request.method() != "GET" && !request.uri().path().contains("/events");
        let answer = self.inner.call(request);
        let seen = self.parallel.0.clone();
        Box::pin(async move {
            if counts {
                let mut seen = seen.lock().unwrap();
                seen.now += 1;
                seen.most = seen.most.max(seen.now);
            }
            if counts {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            let answer = answer.await;
            if counts {
                seen.lock().unwrap().now -= 1;
            }
            answer
        })
    }
}

async fn most_in_parallel(workers: usize) -> usize {
    let parallel = Parallel::default();
    let controlled = Controlled::start(workers, Arc::new(NoRecord), &parallel).await;
    let names: Vec<String> = (0..8).map(|number| format!("app-{number}")).collect();
    for name in &names {
        controlled.create(name).await;
    }
    for name in &names {
        controlled.until_starting(name).await;
    }
    parallel.most()
}

#[tokio::test]
async fn no_more_applications_than_workers_are_written_for_at_a_time() {
    assert_eq!(most_in_parallel(1).await, 1);
    assert_eq!(most_in_parallel(2).await, 2);
    assert!(most_in_parallel(8).await > 2);
}

#[tokio::test]
async fn events_name_the_component_of_the_original_and_the_application() {
    let controlled = Controlled::start(4, Arc::new(NoRecord), &Parallel::default()).await;
    controlled.create("numbers").await;
    controlled.until_starting("numbers").await;
    let event = controlled.first_event().await;
    let (reason, type_) = (event.reason.as_deref(), event.type_.as_deref());
    assert_eq!((reason, type_), (Some("CreatingCluster"), Some("Normal")));
    assert_eq!(event.reporting_controller.as_deref(), Some("flinkK8sOperator"));
    let regarding = event.regarding.unwrap();
    assert_eq!((regarding.kind.as_deref(), regarding.name.as_deref()), (Some("FlinkApplication"), Some("numbers")));
}

#[tokio::test]
async fn a_status_that_an_older_definition_refuses_is_told_as_an_event_and_nothing_is_done() {
    let mut old = serde_json::to_value(definition()).unwrap();
    let status = "/spec/versions/0/schema/openAPIV3Schema/properties/status/properties/phase";
    old.pointer_mut(status).unwrap()["enum"] = json!(["", "Running"]);
    let controlled = Controlled::start_under(old, 4, Arc::new(NoRecord), &Parallel::default()).await;
    controlled.create("numbers").await;
    let event = controlled.first_event().await;
    assert_eq!((event.reason.as_deref(), event.type_.as_deref()), (Some("HandleFailed"), Some("Warning")));
    let note = event.note.unwrap();
    assert!(note.contains("The status of numbers could not be written in New") && note.contains("phase"), "{note}");
    let deployments: Api<Deployment> = Api::default_namespaced(controlled.api.clone().into_client());
    assert_eq!(deployments.list(&ListParams::default()).await.unwrap().items.len(), 0);
}

/// A bug that only one application brings out.
struct Bug;

impl Record for Bug {
    fn record(&self, snapshot: &Snapshot, _: &Step) {
        assert_ne!(snapshot.application.name, "cursed", "a bug, for the test");
    }
}

#[tokio::test]
async fn a_bug_in_the_care_of_one_application_is_counted_and_leaves_the_others_alone() {
    let controlled = Controlled::start(4, Arc::new(Bug), &Parallel::default()).await;
    controlled.create("cursed").await;
    controlled.create("fine").await;
    controlled.until_starting("fine").await;
    let text = controlled.metrics.text(&controlled.board).unwrap();
    let bugs = text.lines().find_map(|line| line.strip_prefix("test_bugs_total ")).unwrap();
    assert!(bugs.parse::<u32>().unwrap() >= 1, "{bugs}");
    assert!(text.contains("test:reconciler:reconcile_error{app_name=\"cursed\",ns=\"default\"}"));
    assert_eq!(controlled.board.standings().len(), 2);
}

/// Another operator, which writes the status between the first decision and its commit.
#[derive(Default)]
struct Another {
    cluster: OnceLock<Cluster>,
    decided: Mutex<Vec<Rule>>,
}

impl Record for Another {
    fn record(&self, snapshot: &Snapshot, step: &Step) {
        let mut decided = self.decided.lock().unwrap();
        if decided.is_empty() {
            let (application, patch) = (&snapshot.application, Patch::Merge(json!({ "status": { "deploys": 7 } })));
            let written = self.cluster.get().unwrap().write(|world| {
                let kind = world.kinds().of_object("flink.k8s.io/v1beta1", "FlinkApplication").unwrap();
                let by = WriteOptions::by("another");
                world.patch(&kind, &application.namespace, &application.name, Part::Status, patch, &by)
            });
            written.unwrap();
        }
        decided.push(step.rule());
    }
}

#[tokio::test]
async fn what_another_operator_has_written_in_between_is_not_overwritten() {
    let another = Arc::new(Another::default());
    let controlled = Controlled::start(4, another.clone(), &Parallel::default()).await;
    another.cluster.set(controlled.server.cluster.clone()).unwrap();
    controlled.create("numbers").await;
    controlled.until_starting("numbers").await;
    let status = controlled.api.get("numbers").await.unwrap().status.unwrap();
    assert_eq!(status.deploys, Some(8));
    // The decision that was refused is taken again, and nothing was done about it before.
    let decided = another.decided.lock().unwrap().clone();
    assert_eq!(decided[..3], [Rule::DeployBegun, Rule::DeployBegun, Rule::ClusterRequested]);
}

#[tokio::test]
async fn a_controller_that_is_stopped_leaves_no_task_behind() {
    let controlled = Controlled::start(4, Arc::new(NoRecord), &Parallel::default()).await;
    controlled.create("numbers").await;
    controlled.until_starting("numbers").await;
    assert!(controlled.board.is_complete());
    let held = Arc::downgrade(&controlled.metrics);
    let (board, metrics) = (controlled.board.clone(), controlled.metrics.clone());
    controlled.stop.send(()).unwrap();
    tokio::time::timeout(Duration::from_secs(30), controlled.running).await.unwrap().unwrap();
    drop((controlled.metrics, controlled.board, metrics));
    // Tasks hold what is shared; nobody does any more but this test and events on their way.
    tokio::time::timeout(Duration::from_secs(30), async {
        while held.strong_count() > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .unwrap();
    assert_eq!(Arc::strong_count(&board), 1);
}
