//! One application, `numbers`, on a real Flink, under an operator that the test owns.

use std::path::PathBuf;
use std::time::Duration;

use flink_operator_core::crd::{FlinkApplication, FlinkApplicationStatus};
use flink_operator_fixtures::process::numbers::{self, Numbers};
use k8s_openapi::api::core::v1::{Pod, Service};
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::{Api, Client};
use serde_json::{Value, json};

use super::real::{Flink, Operator, arguments, manifest, until_parts, until_running};
use super::{Directory, Sandbox, until};

/// In the order in which they go: the directory waits for the processes in it.
pub struct Stage {
    pub operator: Operator,
    pub sandbox: Sandbox,
    pub directory: Directory,
    pub client: Client,
    pub api: Api<FlinkApplication>,
    /// Of the newest spec.
    pub generation: i64,
}

impl Stage {
    /// A cluster with an operator and nothing else.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    async fn start_with(words: &[&str]) -> Self {
        let directory = Directory::new();
        let sandbox = directory.start(&[&["--no-operator"], words].concat());
        let client = sandbox.client().await;
        let api = Api::default_namespaced(client.clone());
        Self { operator: Operator::start(&sandbox), sandbox, directory, client, api, generation: 1 }
    }

    /// The application runs, with this in its spec.
    pub async fn running(spec: Value) -> Self {
        Self::start().await.and_running(spec).await
    }

    /// The same on this version of Flink.
    pub async fn running_on(version: &str, spec: Value) -> Self {
        Self::start_with(&["--flink-version", version]).await.and_running(spec).await
    }

    async fn and_running(self, spec: Value) -> Self {
        self.create(spec).await;
        self.until_running().await;
        until_parts(&self.out(), &self.label(), 2).await;
        self
    }

    pub async fn create(&self, spec: Value) {
        let mut written = serde_json::to_value(manifest("numbers", &self.label())).unwrap();
        written["spec"].as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
        self.api.create(&PostParams::default(), &serde_json::from_value(written).unwrap()).await.unwrap();
    }

    /// The label of the numbers that the job of this generation writes.
    pub fn label(&self) -> String {
        format!("deploy-{}", self.generation)
    }

    /// Where the numbers are.
    pub fn out(&self) -> PathBuf {
        self.directory.run().join("data/numbers")
    }

    pub fn numbers(&self) -> Numbers {
        numbers::check(&self.out()).unwrap()
    }

    /// Edits the spec; the arguments change with it, so that the numbers tell who wrote them.
    pub async fn edit(&mut self, mut spec: Value) {
        spec["programArgs"] = arguments("numbers", &format!("deploy-{}", self.generation + 1)).into();
        self.patch(spec).await;
    }

    /// Edits the spec.
    pub async fn patch(&mut self, spec: Value) {
        self.generation += 1;
        let patch = Patch::Merge(json!({ "spec": spec }));
        let edited = self.api.patch("numbers", &PatchParams::default(), &patch).await.unwrap();
        assert_eq!(edited.metadata.generation, Some(self.generation));
    }

    pub async fn status(&self) -> FlinkApplicationStatus {
        self.api.get("numbers").await.unwrap().status.unwrap_or_default()
    }

    pub async fn phase(&self) -> Option<String> {
        self.api.get_opt("numbers").await.unwrap()?.status?.phase
    }

    pub async fn until_running(&self) -> FlinkApplication {
        until_running(&self.api, "numbers", self.generation).await
    }

    /// Looks every few milliseconds, for phases that are short.
    pub async fn until_phase(&self, phase: &str) {
        let began = std::time::Instant::now();
        while self.phase().await.as_deref() != Some(phase) {
            assert!(began.elapsed() < Duration::from_secs(120), "{phase} never comes: {:?}", self.status().await);
            tokio::time::sleep(Duration::from_millis(3)).await;
        }
    }

    /// The job of this label goes on writing.
    pub async fn goes_on(&self, label: &str) {
        let written = self.numbers().parts.iter().filter(|part| part.label == label).count();
        until_parts(&self.out(), label, written + 2).await;
    }

    pub async fn delete(&self) {
        self.api.delete("numbers", &DeleteParams::default()).await.unwrap();
        until("it is gone", || async { self.api.get_opt("numbers").await.unwrap().is_none().then_some(()) }).await;
    }

    /// Waits until Kubernetes has collected what belonged to the application.
    pub async fn until_nothing_is_left(&self) {
        let pods: Api<Pod> = Api::default_namespaced(self.client.clone());
        let none = || async { pods.list(&ListParams::default()).await.unwrap().items.is_empty().then_some(()) };
        until("its pods are gone", none).await;
    }

    /// The names of the Services of this application.
    pub async fn services(&self) -> Vec<String> {
        let services: Api<Service> = Api::default_namespaced(self.client.clone());
        let all = services.list(&ListParams::default().labels("flink-app=numbers")).await.unwrap();
        all.into_iter().filter_map(|service| service.metadata.name).collect()
    }

    /// Jobs that run, on all clusters of the application, by Flink's own word.
    pub async fn running_jobs(&self) -> usize {
        let services: Api<Service> = Api::default_namespaced(self.client.clone());
        let mut running = 0;
        for service in services.list(&ListParams::default().labels("flink-app-hash")).await.unwrap() {
            let flink = Flink::of(&self.client, service.metadata.name.as_deref().unwrap());
            // `/jobs` does not come from the cache that `/jobs/overview` comes from.
            let Some(answer) = flink.get("/jobs".to_owned()).await else { continue };
            let states = answer["jobs"].as_array().unwrap().iter().map(|job| job["status"].as_str().unwrap());
            running += states.filter(|state| !["FINISHED", "CANCELED", "FAILED"].contains(state)).count();
        }
        running
    }

    /// Ends the sandbox as a person does, with ^C.
    pub async fn end(mut self) {
        self.sandbox.signal("INT");
        assert!(self.sandbox.ended().await.success());
    }
}
