//! `flinkk8soperator run`: the operator process.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, RwLock};

use flink_operator_core::policy::Policy;
use flink_operator_interpreter::controller::{self, Context};
use flink_operator_interpreter::flink::{Addresses, Calls, Counted, FlinkClient, Timeouts, UiPort};
use flink_operator_interpreter::observe::Children;
use flink_operator_interpreter::publish::Publisher;
use flink_operator_interpreter::record::{NoRecord, Record};
use futures::future::join_all;
use kube::config::{KubeConfigOptions, Kubeconfig};
use prometheus_client::registry::Registry;
use tokio::io::AsyncReadExt as _;
use tokio::signal::unix::{SignalKind, signal};

use crate::cli::Failure;
use crate::config::{self, Config, RunArgs};
use crate::record::Recorder;
use crate::{http, log};

/// Runs until SIGTERM or ^C.
pub fn run(args: RunArgs) -> Result<(), Failure> {
    log::init(&args.log_level, args.log_format);
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().map_err(Failure::failed)?;
    runtime.block_on(operate(args))
}

async fn operate(args: RunArgs) -> Result<(), Failure> {
    let config = config::load(&args)?;
    let client = client(args.kubeconfig.as_deref()).await?;
    let mut registry = Registry::with_prefix("flinkk8soperator");
    let publisher = Arc::new(Publisher::new(client.clone(), &mut registry));
    let calls: Arc<dyn Calls> = Arc::new(Counted::new(&mut registry));
    let recorder: Arc<dyn Record> = match &args.record {
        None => Arc::new(NoRecord),
        Some(directory) => {
            let started = Recorder::start(directory, args.record_max_bytes, &mut registry);
            let cannot = |error| Failure::BadInput(format!("cannot record to {}: {error}", directory.display()));
            Arc::new(started.map_err(cannot)?)
        }
    };
    let address = args.listen.unwrap_or(SocketAddr::from((Ipv4Addr::UNSPECIFIED, config.port)));
    let registry = Arc::new(registry);
    let server = tokio::spawn(async move { http::serve(address, registry).await });
    tracing::info!(version = env!("CARGO_PKG_VERSION"), %address, namespaces = ?config.namespaces, "the operator starts");
    let policy = Arc::new(RwLock::new(config.policy.clone()));
    let all: Vec<Option<&str>> = match config.namespaces.as_slice() {
        [] => vec![None],
        some => some.iter().map(|namespace| Some(namespace.as_str())).collect(),
    };
    let mut watched = Vec::new();
    for namespace in all {
        let context = context(&client, &config, &policy, &publisher, &recorder, &calls)?;
        watched.push(controller::run(context, namespace, std::future::pending()));
    }
    tokio::select! {
        _ = join_all(watched) => {}
        () = signalled() => {}
        () = parent_gone(), if args.with_parent => {}
        ended = server => return Err(Failure::Failed(format!("cannot serve on {address}: {ended:?}"))),
    }
    tracing::info!("the operator ends");
    Ok(())
}

/// Each watched namespace has its own view of its children.
fn context(
    client: &kube::Client,
    config: &Config,
    policy: &Arc<RwLock<Policy>>,
    publisher: &Arc<Publisher>,
    recorder: &Arc<dyn Record>,
    calls: &Arc<dyn Calls>,
) -> Result<Arc<Context>, Failure> {
    let children = Arc::new(Children::default());
    let known = children.clone();
    let ui_port: UiPort = Arc::new(move |namespace, service| known.ui_port(namespace, service));
    let addresses = match config.policy.kubectl_proxy {
        Some(port) => Addresses::KubectlProxy { port, ui_port },
        None => Addresses::InCluster { ui_port },
    };
    let flink = FlinkClient::new(addresses, Timeouts::default(), calls.clone()).map_err(Failure::failed)?;
    let context = Context::new(client.clone(), flink, children, policy.clone(), publisher.clone(), recorder.clone());
    Ok(Arc::new(context))
}

/// A client of the cluster of this kubeconfig, or of the one that the process runs in.
pub async fn client(kubeconfig: Option<&Path>) -> Result<kube::Client, Failure> {
    let mut config = match kubeconfig {
        None => kube::Config::infer().await.map_err(|error| {
            Failure::BadInput(format!("no cluster to work on: {error}. Set KUBECONFIG or give --kubeconfig FILE."))
        })?,
        Some(path) => {
            let wrong = |error: &dyn std::fmt::Display| Failure::BadInput(format!("{}: {error}", path.display()));
            let file = Kubeconfig::read_from(path).map_err(|error| wrong(&error))?;
            let options = KubeConfigOptions::default();
            kube::Config::from_custom_kubeconfig(file, &options).await.map_err(|error| wrong(&error))?
        }
    };
    // The core knows how often and when to try again; a client that does so by itself holds an effect up.
    config.default_retry = false;
    kube::Client::try_from(config).map_err(Failure::failed)
}

async fn signalled() {
    match (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) {
        (Ok(mut terminate), Ok(mut interrupt)) => {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        }
        (Err(error), _) | (_, Err(error)) => {
            tracing::error!("signals cannot be heard: {error}");
            std::future::pending().await
        }
    }
}

async fn parent_gone() {
    let mut byte = [0];
    while tokio::io::stdin().read(&mut byte).await.is_ok_and(|read| read > 0) {}
}
