//! A real Kubernetes cluster, given by its kubeconfig: one test has one namespace of it.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use flink_operator_core::crd::FlinkApplication;
use flink_operator_fixtures::process::tasks;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Namespace, Pod, Service};
use k8s_openapi::api::events::v1::Event;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config, ResourceExt as _};
use serde_json::{Value, json};

use super::real::Flink;
use super::{Directory, PROGRAM, word};

/// The example for a real cluster.
const STATEFUL: &str = include_str!("../../../fixtures/applications/cluster/stateful.yaml");
/// The definition of the resource.
const CRD: &str = include_str!("../../../deploy/crd.yaml");
/// How long anything may take: images may have to be pulled.
const PATIENCE: Duration = Duration::from_secs(300);

/// One namespace of a real cluster.
pub struct Site {
    pub client: Client,
    pub namespace: String,
    pub kubeconfig: PathBuf,
    pub directory: Directory,
    /// The image of Flink, with the layout of docs/images.md and StatefulExample.jar.
    image: String,
}

/// A variable that says something about the cluster.
pub fn told(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

impl Site {
    /// A new namespace; none, and a word why, where no cluster is given.
    pub async fn new(namespace: &str) -> Option<Self> {
        let Some(kubeconfig) = told("E2E_KUBECONFIG").map(PathBuf::from) else {
            eprintln!("not tested on a real Kubernetes: E2E_KUBECONFIG is not set");
            return None;
        };
        let file = Kubeconfig::read_from(&kubeconfig).unwrap();
        let config = Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await.unwrap();
        let client = Client::try_from(config).unwrap();
        let image = told("E2E_FLINK_IMAGE").unwrap_or_else(|| "flink:2.1".to_owned());
        let directory = Directory::new();
        let site = Self { client, namespace: namespace.to_owned(), kubeconfig, directory, image };
        site.kubectl(&["apply", "--server-side", "--force-conflicts", "-f", "-"], CRD);
        site.clean_up().await;
        if namespace.starts_with("e2e-") {
            site.prepare().await;
        }
        Some(site)
    }

    /// The namespace is there, and its jobs can write their state. (One that an installation brings along is prepared
    /// after that.)
    pub async fn prepare(&self) {
        let named = json!({ "metadata": { "name": self.namespace } });
        let namespaces: Api<Namespace> = Api::all(self.client.clone());
        if namespaces.get_opt(&self.namespace).await.unwrap().is_none() {
            namespaces.create(&PostParams::default(), &serde_json::from_value(named).unwrap()).await.unwrap();
        }
        self.open_the_directory_of_the_state().await;
    }

    /// What an earlier run left goes, and what is there now.
    pub async fn clean_up(&self) {
        let api = self.applications();
        for application in api.list(&ListParams::default()).await.map(|list| list.items).unwrap_or_default() {
            let released = json!({ "metadata": { "finalizers": null } });
            let _ = api.patch(&application.name_any(), &PatchParams::default(), &Patch::Merge(released)).await;
        }
        let namespaces: Api<Namespace> = Api::all(self.client.clone());
        let _ = namespaces.delete(&self.namespace, &DeleteParams::default().grace_period(0)).await;
        let gone = || async { namespaces.get_opt(&self.namespace).await.unwrap().is_none().then_some(()) };
        until("the namespace is gone", gone).await;
    }

    /// On a node of its own volumes anybody may write to the state.
    async fn open_the_directory_of_the_state(&self) {
        let pod = json!({
            "metadata": { "name": "state" },
            "spec": {
                "restartPolicy": "Never",
                "terminationGracePeriodSeconds": 0,
                "volumes": [self.volume()],
                "containers": [{
                    "name": "state", "image": self.image, "command": ["chmod", "777", "/state"],
                    "securityContext": { "runAsUser": 0 },
                    "volumeMounts": [{ "name": "state", "mountPath": "/state" }],
                }],
            },
        });
        let pods: Api<Pod> = self.api();
        pods.create(&PostParams::default(), &serde_json::from_value(pod).unwrap()).await.unwrap();
        let done = || async {
            let pod = pods.get("state").await.unwrap();
            (pod.status?.phase? == "Succeeded").then_some(())
        };
        until("the directory of the state is open", done).await;
        pods.delete("state", &DeleteParams::default()).await.unwrap();
    }

    /// Where the state lies: a directory of the node, or what E2E_STATE_VOLUME says (the JSON of a volume).
    fn volume(&self) -> Value {
        let on_node = || json!({ "hostPath": { "path": "/tmp/flink-e2e", "type": "DirectoryOrCreate" } });
        let mut volume = told("E2E_STATE_VOLUME").map_or_else(on_node, |text| serde_json::from_str(&text).unwrap());
        volume["name"] = "state".into();
        volume
    }

    /// Objects of this namespace.
    pub fn api<K>(&self) -> Api<K>
    where
        K: kube::Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope>,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    pub fn applications(&self) -> Api<FlinkApplication> {
        self.api()
    }

    /// The manifest of an application with this beside its spec.
    pub fn manifest(&self, name: &str, spec: &Value) -> FlinkApplication {
        let mut manifest: Value = serde_saphyr::from_str(STATEFUL).unwrap();
        manifest["metadata"]["name"] = name.into();
        manifest["spec"]["image"] = self.image.clone().into();
        manifest["spec"]["volumes"] = json!([self.volume()]);
        manifest["spec"].as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
        serde_json::from_value(manifest).unwrap()
    }

    pub async fn create(&self, name: &str, spec: Value) {
        self.applications().create(&PostParams::default(), &self.manifest(name, &spec)).await.unwrap();
    }

    pub async fn patch(&self, name: &str, spec: Value) -> FlinkApplication {
        let patch = Patch::Merge(json!({ "spec": spec }));
        self.applications().patch(name, &PatchParams::default(), &patch).await.unwrap()
    }

    /// Waits until an application is in this phase with the newest of its specs.
    pub async fn until_phase(&self, name: &str, phase: &str) -> FlinkApplication {
        let reached = || async {
            let application = self.applications().get(name).await.unwrap();
            let status = application.status.as_ref()?;
            let newest = status.observed_generation == application.metadata.generation;
            (newest && status.phase.as_deref() == Some(phase)).then_some(application)
        };
        until(&format!("{name} is {phase}"), reached).await
    }

    /// Waits until the job of the newest spec runs with all its tasks.
    pub async fn until_running(&self, name: &str) -> FlinkApplication {
        let running = || async {
            let application = self.applications().get(name).await.unwrap();
            let status = application.status.as_ref()?;
            let newest = status.deployed.as_ref()?.revision.generation == application.metadata.generation?;
            let runs = status.job_status.as_ref()?.state.as_deref() == Some("RUNNING");
            (newest && runs && status.phase.as_deref() == Some("Running")).then_some(application)
        };
        until(&format!("{name} runs"), running).await
    }

    pub async fn until_gone(&self, name: &str) {
        let gone = || async { self.applications().get_opt(name).await.unwrap().is_none().then_some(()) };
        until(&format!("{name} is gone"), gone).await;
    }

    /// Waits until no pod of Flink is left.
    pub async fn until_no_pod_is_left(&self) {
        let pods: Api<Pod> = self.api();
        let params = ListParams::default().labels("flink-app");
        let none = || async { pods.list(&params).await.unwrap().items.is_empty().then_some(()) };
        until("no pod of Flink is left", none).await;
    }

    /// The message of a condition.
    pub async fn condition(&self, name: &str, type_: &str) -> String {
        let application = self.applications().get(name).await.unwrap();
        let conditions = application.status.and_then(|status| status.conditions).unwrap_or_default();
        conditions.iter().find(|it| it.type_ == type_).map(|it| it.message.clone()).unwrap_or_default()
    }

    /// When an event of this reason was told last, in milliseconds since 1970.
    pub async fn told_at(&self, reason: &str) -> Option<i64> {
        let events: Api<Event> = self.api();
        let events = events.list(&ListParams::default()).await.unwrap().items;
        let times = events.into_iter().filter(|event| event.reason.as_deref() == Some(reason));
        times.filter_map(|event| Some(event.event_time?.0.as_millisecond())).max()
    }

    /// The JobManager of what is deployed, behind the API server's proxy.
    pub fn flink(&self, service: &str) -> Flink {
        Flink::in_namespace(&self.client, &self.namespace, service)
    }

    /// When the last task of the deployed job began to run, by Flink's own timestamps.
    pub async fn tasks_run_since(&self, application: &FlinkApplication) -> i64 {
        let deployed = application.status.clone().unwrap().deployed.unwrap();
        let flink = self.flink(&format!("{}-{}", application.name_any(), deployed.revision.id));
        let job = deployed.job.to_string();
        until("the tasks run", || tasks::running_since(&job, |path| flink.get(path))).await
    }

    /// How long the pods of what is deployed took to become ready, in seconds, as whole as Kubernetes tells them.
    pub async fn pods_took(&self, application: &FlinkApplication) -> i64 {
        let revision = application.status.clone().unwrap().deployed.unwrap().revision.id;
        let pods: Api<Pod> = self.api();
        let pods = pods.list(&ListParams::default().labels("flink-app")).await.unwrap().items;
        let of_it = pods.iter().filter(|pod| pod.name_any().contains(revision.as_str()));
        let times = of_it.filter_map(|pod| {
            let conditions = pod.status.as_ref()?.conditions.as_ref()?;
            let ready = conditions.iter().find(|it| it.type_ == "Ready" && it.status == "True")?;
            let made = pod.metadata.creation_timestamp.as_ref()?.0.as_second();
            Some((made, ready.last_transition_time.as_ref()?.0.as_second()))
        });
        let (made, ready): (Vec<_>, Vec<_>) = times.unzip();
        ready.into_iter().max().unwrap() - made.into_iter().min().unwrap()
    }

    /// How many jobs of an application run, on all of its clusters.
    pub async fn running_jobs(&self, name: &str) -> usize {
        let services: Api<Service> = self.api();
        let params = ListParams::default().labels(&format!("flink-app={name},flink-app-hash"));
        let mut running = 0;
        for service in services.list(&params).await.unwrap() {
            let flink = self.flink(&service.name_any());
            let jobs = flink.get("/jobs".to_owned()).await.unwrap_or_default();
            running += jobs["jobs"].as_array().into_iter().flatten().filter(|job| job["status"] == "RUNNING").count();
        }
        running
    }

    /// How often Flink restarted the deployed job: it does when a number is lost or comes twice.
    pub async fn restarts(&self, application: &FlinkApplication) -> i64 {
        let deployed = application.status.clone().unwrap().deployed.unwrap();
        let flink = self.flink(&format!("{}-{}", application.name_any(), deployed.revision.id));
        let path = format!("/jobs/{}/metrics?get=numRestarts", deployed.job);
        let answer = until("the metric is there", || flink.get(path.clone())).await;
        answer[0]["value"].as_str().and_then(|value| value.parse().ok()).unwrap_or(0)
    }

    /// Runs `kubectl` in the namespace with this as its standard input; returns what it prints.
    pub fn kubectl(&self, words: &[&str], input: &str) -> String {
        let (status, output) = self.try_kubectl(words, input);
        assert!(status, "kubectl {words:?}: {output}");
        output
    }

    /// The same; whether it succeeded, and what it printed on both ways.
    pub fn try_kubectl(&self, words: &[&str], input: &str) -> (bool, String) {
        let file = self.directory.write("input", input);
        let program = told("KUBECTL").unwrap_or_else(|| "kubectl".to_owned());
        let output = Command::new(program)
            .args(["--kubeconfig", word(&self.kubeconfig), "--namespace", &self.namespace])
            .args(words)
            .stdin(std::fs::File::open(file).unwrap())
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        (output.status.success(), text)
    }

    /// The operator as a process outside of the cluster, for this namespace.
    pub fn operator(&self) -> Outside {
        self.operator_with(&[])
    }

    /// The same with more arguments.
    pub fn operator_with(&self, words: &[&str]) -> Outside {
        self.operator_by(&self.kubeconfig, words)
    }

    /// The same by another kubeconfig.
    pub fn operator_by(&self, kubeconfig: &Path, words: &[&str]) -> Outside {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let path = self.directory.0.join(format!("operator-{}", NEXT.fetch_add(1, Ordering::Relaxed)));
        let log = std::fs::File::create(&path).unwrap();
        let child = Command::new(PROGRAM)
            .args(["run", "--kubeconfig", word(kubeconfig), "--namespaces", &self.namespace])
            .args(["--lease-namespace", &self.namespace, "--listen", "127.0.0.1:0"])
            .args(["--log-format", "text", "--with-parent"])
            .args(words)
            .stdin(Stdio::piped())
            .stderr(log)
            .spawn();
        Outside { child: child.unwrap(), log: path }
    }
}

/// An operator outside of the cluster; it ends with this.
pub struct Outside {
    child: Child,
    log: PathBuf,
}

impl Outside {
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// It has not ended.
    pub fn runs(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// When it last logged that it had acted by this rule, in milliseconds since 1970.
    pub fn acted_at(&self, rule: &str) -> i64 {
        let log = std::fs::read_to_string(&self.log).unwrap();
        let words = format!("rule={rule} ");
        let line = log.lines().rfind(|line| line.contains(&words)).unwrap_or_else(|| panic!("no {rule} in:\n{log}"));
        line.split_whitespace().next().unwrap().parse::<Timestamp>().unwrap().as_millisecond()
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Now, in milliseconds since 1970.
pub fn now() -> i64 {
    Timestamp::now().as_millisecond()
}

/// Looks again and again until there is something.
pub async fn until<T, F: Future<Output = Option<T>>>(what: &str, look: impl Fn() -> F) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "in vain: {what}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
