//! `flinkk8soperator run`: the operator process.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use flink_operator_core::snapshot::Snapshot;
use flink_operator_core::step::Step;
use flink_operator_interpreter::controller::{self, Context};
use flink_operator_interpreter::flink::{Addresses, FlinkClient};
use flink_operator_interpreter::record::{NoRecord, Record};
use kube::config::{KubeConfigOptions, Kubeconfig};
use prometheus_client::registry::Registry;
use tokio::io::AsyncReadExt as _;
use tokio::signal::unix::{SignalKind, signal};

use crate::cli::Failure;
use crate::config::{self, RunArgs};
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
    let client = client(&args).await?;
    let addresses = match config.kubectl_proxy {
        Some(port) => Addresses::KubectlProxy { port },
        None => Addresses::InCluster,
    };
    let mut registry = Registry::with_prefix("flinkk8soperator");
    let flink = FlinkClient::new(addresses).map_err(Failure::failed)?;
    let recorder: Box<dyn Record> = match &args.record {
        None => Box::new(NoRecord),
        Some(directory) => Box::new(Directory(directory.clone())),
    };
    let context = Arc::new(Context::new(client, flink, config.policy.clone(), recorder, &mut registry));
    let address = args.listen.unwrap_or(SocketAddr::from((Ipv4Addr::UNSPECIFIED, config.port)));
    let registry = Arc::new(registry);
    let server = tokio::spawn(async move { http::serve(address, registry).await });
    tracing::info!(version = env!("CARGO_PKG_VERSION"), %address, namespaces = ?config.namespaces, "the operator starts");
    let with_parent = args.with_parent;
    let stop = async move {
        tokio::select! {
            () = signalled() => {}
            () = parent_gone(), if with_parent => {}
            ended = server => tracing::error!("cannot serve on {address}: {ended:?}"),
        }
    };
    controller::run(context, &config.namespaces, stop).await;
    tracing::info!("the operator ends");
    Ok(())
}

async fn client(args: &RunArgs) -> Result<kube::Client, Failure> {
    let config = match &args.kubeconfig {
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

/// Writes each snapshot that led to a move or an effect as one YAML file, named by time and rule.
struct Directory(PathBuf);

impl Record for Directory {
    fn record(&self, snapshot: &Snapshot, step: &Step) {
        if step.rests() {
            return;
        }
        let file = self.0.join(format!("{:.3}-{}-{}.yaml", snapshot.now, snapshot.application.name, step.rule()));
        let written = serde_saphyr::to_string(snapshot)
            .map_err(|error| error.to_string())
            .and_then(|text| std::fs::write(&file, text).map_err(|error| error.to_string()));
        if let Err(error) = written {
            tracing::warn!("cannot record to {}: {error}", file.display());
        }
    }
}
