//! Operators that a test starts and ends, and what stands between them and the rest of the world.

use std::fs::File;
use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::Response;
use flink_operator_core::crd::FlinkApplication;
use k8s_openapi::api::coordination::v1::Lease;
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, Client};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::{Directory, NUMBERS, PROGRAM, Sandbox, until, word};

/// A cluster without an operator. In the order in which they go: the directory waits for the processes in it.
pub struct Cluster {
    pub sandbox: Sandbox,
    pub directory: Directory,
    pub client: Client,
}

impl Cluster {
    pub async fn start() -> Self {
        let directory = Directory::new();
        let sandbox = directory.start(&["--simulated", "--no-operator"]);
        let client = sandbox.client().await;
        Self { directory, sandbox, client }
    }

    pub fn operator(&self, words: &[&str]) -> Start<'_> {
        Start::of(&self.directory, &self.sandbox).with(words)
    }

    pub fn applications(&self) -> Api<FlinkApplication> {
        self.applications_of("default")
    }

    pub fn applications_of(&self, namespace: &str) -> Api<FlinkApplication> {
        Api::namespaced(self.client.clone(), namespace)
    }

    pub async fn create(&self, name: &str) {
        self.create_in("default", name).await;
    }

    pub async fn create_in(&self, namespace: &str, name: &str) {
        let mut application: FlinkApplication = flink_operator_fixtures::yaml::read(NUMBERS).unwrap();
        application.metadata.name = Some(name.to_owned());
        application.metadata.namespace = Some(namespace.to_owned());
        self.applications_of(namespace).create(&PostParams::default(), &application).await.unwrap();
    }

    pub async fn edit(&self, name: &str, arguments: &str) {
        let edit = Patch::Merge(json!({"spec": {"programArgs": arguments}}));
        self.applications().patch(name, &PatchParams::default(), &edit).await.unwrap();
    }

    /// Who holds the Lease; empty when it was given back.
    pub async fn holder(&self) -> String {
        let leases: Api<Lease> = Api::default_namespaced(self.client.clone());
        leases.get("flinkk8soperator").await.unwrap().spec.unwrap().holder_identity.unwrap()
    }
}

/// An operator as an administrator starts one.
pub struct Operator {
    child: Child,
    url: String,
    log: PathBuf,
}

/// How it is started.
pub struct Start<'a> {
    directory: &'a Directory,
    program: PathBuf,
    kubeconfig: PathBuf,
    proxy: Option<u16>,
    words: Vec<String>,
    variables: Vec<(String, String)>,
}

impl<'a> Start<'a> {
    pub fn of(directory: &'a Directory, sandbox: &Sandbox) -> Self {
        Self {
            directory,
            program: PROGRAM.into(),
            kubeconfig: sandbox.kubeconfig(),
            proxy: Some(sandbox.port()),
            words: Vec::new(),
            variables: Vec::new(),
        }
    }

    pub fn with(mut self, words: &[&str]) -> Self {
        self.words.extend(words.iter().map(|word| (*word).to_owned()));
        self
    }

    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// JobManagers are asked through this port.
    pub fn jobmanagers_at(mut self, port: u16) -> Self {
        self.proxy = Some(port);
        self
    }

    /// JobManagers are asked where the configuration says.
    pub fn without_a_proxy(mut self) -> Self {
        self.proxy = None;
        self
    }

    /// The API server is asked through this port.
    pub fn api_server_at(mut self, port: u16) -> Self {
        let text = std::fs::read_to_string(&self.kubeconfig).unwrap();
        let (before, behind) = text.split_once("http://127.0.0.1:").unwrap();
        let behind = behind.split_once('\n').unwrap().1;
        let text = format!("{before}http://127.0.0.1:{port}\n{behind}");
        self.kubeconfig = self.directory.write(&format!("kubeconfig-{port}"), &text);
        self
    }

    /// By the name of the original's binary, which knows no commands.
    pub fn called_as_the_original(mut self) -> Self {
        self.program = self.directory.0.join("flinkoperator");
        std::os::unix::fs::symlink(PROGRAM, &self.program).unwrap();
        self
    }

    pub fn start(self) -> Operator {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let own = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let log = self.directory.0.join(format!("operator-{}.log", NEXT.fetch_add(1, Ordering::Relaxed)));
        let mut command = Command::new(&self.program);
        if self.program == Path::new(PROGRAM) {
            command.arg("run");
        }
        if let Some(proxy) = self.proxy {
            command.args(["--kubectl-proxy", &proxy.to_string()]);
        }
        command
            .args(["--kubeconfig", word(&self.kubeconfig), "--listen", &own.to_string()])
            .args(["--with-parent"])
            .args(&self.words)
            .envs(self.variables)
            .env_remove("RUST_LOG")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(File::create(&log).unwrap())
            .process_group(0);
        Operator { child: command.spawn().unwrap(), url: format!("http://{own}"), log }
    }
}

impl Operator {
    /// The status and the text of one of its pages; None while it does not answer.
    pub async fn page(&self, path: &str) -> Option<(u16, String)> {
        let answer = reqwest::Client::builder().no_proxy().build().unwrap().get(format!("{}{path}", self.url));
        let answer = answer.send().await.ok()?;
        Some((answer.status().as_u16(), answer.text().await.ok()?))
    }

    pub async fn json(&self, path: &str) -> Option<Value> {
        serde_json::from_str(&self.page(path).await?.1).ok()
    }

    /// The value of a series as it is written in the text format.
    pub async fn metric(&self, series: &str) -> Option<f64> {
        let (_, text) = self.page("/metrics").await?;
        text.lines().find_map(|line| line.strip_prefix(series)?.trim().parse().ok())
    }

    /// Waits until a series has a value.
    pub async fn until_metric(&self, series: &str, value: f64) {
        until(series, || async { (self.metric(series).await? == value).then_some(()) }).await;
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    pub async fn until_it_logs(&self, text: &str) {
        until(text, || async { self.log().contains(text).then_some(()) }).await;
    }

    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status();
        assert!(status.unwrap().success());
    }

    pub async fn ended(&mut self) -> ExitStatus {
        super::ended(&mut self.child, &self.log).await
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A proxy before all JobManagers: those whose names begin with `hung` take every request and never answer.
pub struct Hanging {
    pub port: u16,
    asked: Arc<AtomicUsize>,
}

#[derive(Clone)]
struct Behind {
    url: String,
    client: reqwest::Client,
    asked: Arc<AtomicUsize>,
}

impl Hanging {
    pub async fn before(sandbox: &Sandbox) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::new(AtomicUsize::new(0));
        let behind = Behind {
            url: format!("http://127.0.0.1:{}", sandbox.port()),
            client: reqwest::Client::builder().no_proxy().build().unwrap(),
            asked: asked.clone(),
        };
        let service = axum::Router::new().fallback(forward).with_state(behind);
        tokio::spawn(async move { axum::serve(listener, service).await });
        Self { port, asked }
    }

    /// How many requests are or were left without an answer.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

async fn forward(State(behind): State<Behind>, request: Request) -> Response<Body> {
    let path = request.uri().path_and_query().unwrap().as_str().to_owned();
    if path.contains("/services/hung") {
        behind.asked.fetch_add(1, Ordering::Relaxed);
        return std::future::pending().await;
    }
    let asked = behind.client.request(request.method().clone(), format!("{}{path}", behind.url));
    let asked =
        asked.header("content-type", "application/json").body(to_bytes(request.into_body(), 1 << 20).await.unwrap());
    let answer = asked.send().await.unwrap();
    let response = Response::builder().status(answer.status()).header("content-type", "application/json");
    response.body(Body::from(answer.bytes().await.unwrap())).unwrap()
}

/// A wire to the API server that can be cut.
pub struct Wire {
    pub port: u16,
    cut: watch::Sender<bool>,
}

impl Wire {
    pub async fn to(sandbox: &Sandbox) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (cut, is_cut) = watch::channel(false);
        let behind = sandbox.port();
        tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let mut is_cut = is_cut.clone();
                tokio::spawn(async move {
                    let whole = async {
                        if *is_cut.borrow() {
                            return;
                        }
                        let mut far = TcpStream::connect(("127.0.0.1", behind)).await.unwrap();
                        tokio::select! {
                            _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
                            _ = is_cut.wait_for(|cut| *cut) => {}
                        }
                    };
                    whole.await;
                });
            }
        });
        Self { port, cut }
    }

    pub fn cut(&self) {
        self.cut.send_replace(true);
    }

    pub fn mend(&self) {
        self.cut.send_replace(false);
    }
}

/// A wire to the API server on which the events cannot be listed: it says that it is not allowed.
pub struct Forbidding {
    pub port: u16,
}

impl Forbidding {
    pub async fn to(sandbox: &Sandbox) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (port, behind) = (listener.local_addr().unwrap().port(), sandbox.port());
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                tokio::spawn(forbid(near, behind));
            }
        });
        Self { port }
    }
}

async fn forbid(mut near: TcpStream, behind: u16) {
    let refusal = json!({"kind": "Status", "status": "Failure", "code": 403, "message": "events is forbidden"});
    let (body, head) = (refusal.to_string(), "HTTP/1.1 403 Forbidden\r\ncontent-type: application/json");
    let refusal = format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    let mut far = TcpStream::connect(("127.0.0.1", behind)).await.unwrap();
    let (mut there, mut back) = ([0; 16 * 1024], [0; 16 * 1024]);
    loop {
        // One request at a time comes on a connection, and its first line comes at once.
        let written = tokio::select! {
            read = near.read(&mut there) => match read {
                Ok(1..) if there.starts_with(b"GET /api/v1/namespaces/default/events") => {
                    near.write_all(refusal.as_bytes()).await
                }
                Ok(count @ 1..) => far.write_all(&there[..count]).await,
                Ok(0) | Err(_) => return,
            },
            read = far.read(&mut back) => match read {
                Ok(count @ 1..) => near.write_all(&back[..count]).await,
                Ok(0) | Err(_) => return,
            },
        };
        if written.is_err() {
            return;
        }
    }
}
