//! The operator is killed (SIGKILL) in every phase of a real upgrade and started again: one job runs, no state is lost.
//!
//! Takes some minutes, so it runs only when SANDBOX_REAL_FLINK is set; without Flink or a JDK it says so.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::print_stderr)]

mod support;

use std::time::Duration;

use flink_operator_core::crd::FlinkApplication;
use flink_operator_fixtures::process::numbers;
use k8s_openapi::api::core::v1::{Pod, Service};
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::{Api, Client};
use serde_json::{Value, json};
use support::real::{Flink, Operator, arguments, manifest, real_flink, until_parts, until_running};
use support::{Directory, Sandbox, until};

/// How many upgrades are made to find the operator in a short phase.
const TRIES: u32 = 5;
/// Pauses between kills, in milliseconds: from within a phase to across several.
const PAUSES: [u64; 8] = [90, 310, 170, 530, 70, 900, 230, 1400];

struct Play {
    operator: Operator,
    sandbox: Sandbox,
    client: Client,
    api: Api<FlinkApplication>,
    generation: i64,
    /// The last one to be dropped.
    directory: Directory,
}

impl Play {
    async fn begin() -> Self {
        let directory = Directory::new();
        let sandbox = directory.start(&["--no-operator"]);
        let client = sandbox.client().await;
        let api = Api::default_namespaced(client.clone());
        let operator = Operator::start(&sandbox);
        Self { directory, sandbox, client, api, operator, generation: 1 }
    }

    fn restart_the_operator(&mut self) {
        self.operator.kill();
        self.operator = Operator::start(&self.sandbox);
    }

    async fn phase(&self) -> String {
        let Some(resource) = self.api.get_opt("numbers").await.unwrap() else { return "gone".to_owned() };
        resource.status.and_then(|status| status.phase).filter(|phase| !phase.is_empty()).unwrap_or("New".to_owned())
    }

    /// Waits for a phase and kills the operator; whether it was still that phase.
    async fn kill_in(&mut self, wanted: &str) -> bool {
        let mut phase = self.phase().await;
        let passed = ["Running", "DeployFailed", "gone"];
        let before = phase.clone();
        while phase != wanted && (phase == before || !passed.contains(&phase.as_str())) {
            tokio::time::sleep(Duration::from_millis(1)).await;
            phase = self.phase().await;
        }
        self.operator.kill();
        let killed_in = self.phase().await;
        self.operator = Operator::start(&self.sandbox);
        killed_in == wanted
    }

    async fn edit(&mut self, spec: Value) {
        self.api.patch("numbers", &PatchParams::default(), &Patch::Merge(json!({"spec": spec}))).await.unwrap();
        self.generation += 1;
    }

    /// An edit that makes another revision, with another parallelism each time.
    async fn edit_arguments(&mut self) {
        let label = format!("g{}", self.generation + 1);
        let spec = json!({"programArgs": arguments("numbers", &label), "parallelism": 1 + self.generation % 2});
        self.edit(spec).await;
    }

    /// Waits until the newest generation runs, alone, and has left numbers.
    async fn comes_to_rest(&self) {
        until_running(&self.api, "numbers", self.generation).await;
        until("one cluster is left", || async { (self.jobmanagers().await.len() == 1).then_some(()) }).await;
        let out = self.directory.run().join("data/numbers");
        until_parts(&out, &format!("g{}", self.generation), 2).await;
        assert_eq!(self.jobs_that_have_not_ended().await, 1);
    }

    /// The Services of revisions whose JobManager has a pod.
    async fn jobmanagers(&self) -> Vec<String> {
        let services: Api<Service> = Api::default_namespaced(self.client.clone());
        let labelled = ListParams::default().labels("flink-app-hash");
        let names = services.list(&labelled).await.unwrap().items.into_iter().filter_map(|it| it.metadata.name);
        let pods: Api<Pod> = Api::default_namespaced(self.client.clone());
        let pods = pods.list(&ListParams::default()).await.unwrap().items;
        let has_pods = |service: &String| {
            pods.iter()
                .any(|pod| pod.metadata.name.as_ref().is_some_and(|name| name.starts_with(&format!("{service}-jm"))))
        };
        names.filter(has_pods).collect()
    }

    async fn jobs_that_have_not_ended(&self) -> usize {
        let mut count = 0;
        for service in self.jobmanagers().await {
            let overview = Flink::of(&self.client, &service).get("/jobs/overview".to_owned()).await.unwrap();
            let ended = ["FINISHED", "FAILED", "CANCELED"];
            let jobs = overview["jobs"].as_array().unwrap();
            count += jobs.iter().filter(|job| !ended.contains(&job["state"].as_str().unwrap())).count();
        }
        count
    }

    /// Ends everything, and looks for what is left.
    async fn end(mut self) {
        self.operator.kill();
        self.sandbox.signal("INT");
        assert!(self.sandbox.ended().await.success());
        assert_eq!(self.directory.processes(), Vec::new());
    }

    fn no_number_is_lost_or_repeated(&self) {
        let found = numbers::check(&self.directory.run().join("data/numbers")).unwrap();
        assert!(found.exactly_once(), "{found:#?}\n{}", self.sandbox.output());
        eprintln!("{} numbers in {} files, no gap, no repeat", found.last.unwrap(), found.parts.len());
    }
}

#[tokio::test]
async fn an_operator_killed_in_any_phase_goes_on_where_it_was() {
    if !real_flink() {
        return;
    }
    let mut play = Play::begin().await;
    play.api.create(&PostParams::default(), &manifest("numbers", "g1")).await.unwrap();
    for wanted in ["ClusterStarting", "SubmittingJob"] {
        assert!(play.kill_in(wanted).await, "{wanted} of the first deploy");
    }
    play.comes_to_rest().await;

    for wanted in ["Updating", "ClusterStarting", "Savepointing", "SubmittingJob", "Running"] {
        let mut hit = false;
        for _ in 0..TRIES {
            play.edit_arguments().await;
            hit = play.kill_in(wanted).await;
            play.comes_to_rest().await;
            if hit {
                break;
            }
        }
        assert!(hit, "{wanted} was never met");
        eprintln!("killed in {wanted}, generation {} runs", play.generation);
    }

    play.edit(json!({"entryClass": "Nope"})).await;
    assert!(play.kill_in("DeployFailed").await);
    play.edit(
        json!({"entryClass": "Numbers", "programArgs": arguments("numbers", &format!("g{}", play.generation + 1))}),
    )
    .await;
    play.comes_to_rest().await;
    eprintln!("killed in DeployFailed, generation {} runs", play.generation);

    play.api.delete("numbers", &DeleteParams::default()).await.unwrap();
    let hit = play.kill_in("Deleting").await;
    until("it is gone", || async { (play.phase().await == "gone").then_some(()) }).await;
    eprintln!("killed in Deleting: {hit}");
    play.no_number_is_lost_or_repeated();
    play.end().await;
}

#[tokio::test]
async fn an_operator_that_is_killed_again_and_again_still_upgrades() {
    if !real_flink() {
        return;
    }
    let mut play = Play::begin().await;
    play.api.create(&PostParams::default(), &manifest("numbers", "g1")).await.unwrap();
    play.comes_to_rest().await;
    for _ in 0..2 {
        play.edit_arguments().await;
        for pause in PAUSES.iter().cycle().take(24) {
            tokio::time::sleep(Duration::from_millis(*pause)).await;
            play.restart_the_operator();
        }
        play.comes_to_rest().await;
    }
    play.no_number_is_lost_or_repeated();
    play.end().await;
}
