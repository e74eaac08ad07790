//! What tests on a real Flink share.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use flink_operator_core::crd::FlinkApplication;
use flink_operator_fixtures::process::distribution::{Distribution, Wanted};
use flink_operator_fixtures::process::java::Java;
use flink_operator_fixtures::process::numbers;
use kube::{Api, Client};
use serde_json::Value;

use super::{NUMBERS, PROGRAM, Sandbox, until, word};

/// Whether a real Flink is wanted and there is one; else a word why not.
pub fn real_flink() -> bool {
    there_is(&Wanted::default())
}

/// The same for one version.
pub fn real_flink_of(version: &str) -> bool {
    there_is(&Wanted { version: version.to_owned(), ..Wanted::default() })
}

fn there_is(wanted: &Wanted) -> bool {
    let missing = if std::env::var_os("SANDBOX_REAL_FLINK").is_none() {
        "SANDBOX_REAL_FLINK is not set".to_owned()
    } else if let Err(error) = Java::find().and_then(|java| java.tool("javac")) {
        error.to_string()
    } else if Distribution::find(wanted).unwrap().is_none() {
        format!("there is no Flink {} in FLINK_HOME or the cache", wanted.version)
    } else {
        return true;
    };
    eprintln!("not tested on a real Flink: {missing}");
    false
}

/// Waits until an application is Running with a job of this generation.
pub async fn until_running(api: &Api<FlinkApplication>, name: &str, generation: i64) -> FlinkApplication {
    until("the application runs", || async {
        let resource = api.get(name).await.unwrap();
        let status = resource.status.clone()?;
        let failed = status.phase.as_deref() == Some("DeployFailed") && status.observed_generation == Some(generation);
        assert!(!failed, "{:?}", status.conditions);
        // In BlueGreen the figures are those of versions.
        let versions = status.version_statuses.unwrap_or_default().into_iter().filter_map(|version| version.job_status);
        let runs = status.job_status.into_iter().chain(versions).any(|job| job.state.as_deref() == Some("RUNNING"));
        let there =
            status.phase.as_deref() == Some("Running") && status.deployed?.revision.generation == generation && runs;
        there.then_some(resource)
    })
    .await
}

/// Waits until a job with this label has left so many files.
pub async fn until_parts(out: &Path, label: &str, count: usize) {
    until("the job leaves numbers", || async {
        let parts = numbers::check(out).unwrap().parts;
        (parts.iter().filter(|part| part.label == label).count() >= count).then_some(())
    })
    .await;
}

pub fn arguments(out: &str, label: &str) -> String {
    format!("--out data/{out} --checkpoint-interval 200 --label {label}")
}

pub fn manifest(name: &str, label: &str) -> FlinkApplication {
    let mut application: FlinkApplication = flink_operator_fixtures::yaml::read(NUMBERS).unwrap();
    application.metadata.name = Some(name.to_owned());
    application.spec.program_args = Some(arguments(name, label));
    application
}

/// An operator that the test owns.
pub struct Operator(Child);

impl Operator {
    pub fn start(sandbox: &Sandbox) -> Self {
        Self::start_with(sandbox, &[])
    }

    /// One that also has these arguments.
    pub fn start_with(sandbox: &Sandbox, words: &[&str]) -> Self {
        let port = sandbox.port().to_string();
        let child = Command::new(PROGRAM)
            .args(["run", "--kubeconfig", word(&sandbox.kubeconfig()), "--kubectl-proxy", &port])
            .args([
                "--listen",
                "127.0.0.1:0",
                "--log-format",
                "text",
                "--log-level",
                "error",
                "--with-parent",
                "--no-leader-election",
            ])
            .args(words)
            .stdin(Stdio::piped())
            .spawn();
        Self(child.unwrap())
    }

    pub fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A JobManager behind the proxy of the API server.
pub struct Flink {
    client: Client,
    base: String,
}

impl Flink {
    pub fn of(client: &Client, service: &str) -> Self {
        Self::in_namespace(client, "default", service)
    }

    pub fn in_namespace(client: &Client, namespace: &str, service: &str) -> Self {
        let base = format!("/api/v1/namespaces/{namespace}/services/{service}:8081/proxy");
        Self { client: client.clone(), base }
    }

    pub fn get(&self, path: String) -> impl Future<Output = Option<Value>> + use<> {
        let (client, url) = (self.client.clone(), format!("{}{path}", self.base));
        async move {
            let request = axum::http::Request::get(url).body(Vec::new()).unwrap();
            serde_json::from_str(&client.request_text(request).await.ok()?).ok()
        }
    }

    pub async fn post(&self, path: &str, body: &Value) {
        let request =
            axum::http::Request::post(format!("{}{path}", self.base)).header("content-type", "application/json");
        let request = request.body(serde_json::to_vec(body).unwrap()).unwrap();
        self.client.request_text(request).await.unwrap();
    }
}
