//! `flinkk8soperator run`: the operator process.
//!
//! It stands by until it holds the Lease, then it acts. Where the Lease is lost it stops acting and stands by
//! again: all that it knew is in the resources, so a new start would bring nothing but a crash loop while the
//! API server is away. SIGTERM and ^C end it: what is under way is dropped, the Lease is given back.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use flink_operator_interpreter::board::Board;
use flink_operator_interpreter::controller::{self, Context, Shared};
use flink_operator_interpreter::flink::{Calls, Proxy, UiPort};
use flink_operator_interpreter::metrics::{Metrics, Timing};
use flink_operator_interpreter::observe::Children;
use flink_operator_interpreter::observe::kubernetes::patience;
use flink_operator_interpreter::publish::Publisher;
use flink_operator_interpreter::record::{Both, NoRecord, Record};
use flink_operator_interpreter::rival;
use flink_operator_interpreter::workers::Workers;
use futures::future::join_all;
use kube::client::ClientBuilder;
use kube::config::{KubeConfigOptions, Kubeconfig};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use crate::cli::Failure;
use crate::config::reload::{self, Current};
use crate::config::{self, Config, Election, RunArgs};
use crate::console::{self, Chronicler, Console};
use crate::flink::FlinkAccess;
use crate::http::{self, Role, Site};
use crate::lease::{Elector, Looked};
use crate::log;
use crate::preflight::{self, Findings};
use crate::record::Recorder;

/// How often is looked whether what hindered the start still does.
const LOOK_AGAIN: Duration = Duration::from_secs(2);
/// How long applications' tasks may take to be dropped.
const PATIENCE: Duration = Duration::from_secs(3);

/// Runs until SIGTERM or ^C.
pub fn run(args: RunArgs) -> Result<(), Failure> {
    let loaded = config::load(&args)?;
    log::init(loaded.config.logger);
    loaded.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().map_err(Failure::failed)?;
    let outcome = runtime.block_on(Process::start(args, loaded));
    if outcome.is_ok() {
        tracing::info!("the operator ends");
    }
    // An event that is still being told must not hold up the end.
    runtime.shutdown_background();
    outcome
}

/// All that a process has, whether it acts or stands by.
struct Process {
    config: Config,
    client: kube::Client,
    calls: Arc<dyn Calls>,
    access: FlinkAccess,
    shared: Shared,
    site: Arc<Site>,
}

impl Process {
    async fn start(args: RunArgs, loaded: config::Loaded) -> Result<(), Failure> {
        let stopped = stopped(args.with_parent);
        let config = loaded.config.clone();
        let metrics = Metrics::new(&config.metrics_prefix, env!("CARGO_PKG_VERSION")).map_err(Failure::failed)?;
        let metrics = Arc::new(metrics);
        let client = client(args.kubeconfig.as_deref(), Some(metrics.timing())).await?;
        let board = Arc::new(Board::default());
        let current = Current::new(&loaded);
        let recorder = recorder(&args, &metrics)?;
        let history = config
            .console
            .map(|_| Chronicler::start(board.clone()).map(Arc::new))
            .transpose()
            .map_err(Failure::failed)?;
        let recorder: Arc<dyn Record> = match &history {
            None => recorder,
            Some(history) => Arc::new(Both(recorder, history.clone())),
        };
        let lease_namespace = args.election.lease_namespace.as_deref().unwrap_or(client.default_namespace()).to_owned();
        let shared = Shared {
            client: client.clone(),
            policy: current.policy.clone(),
            workers: Arc::new(Workers::new(config.workers)),
            publisher: Arc::new(Publisher::new(client.clone(), metrics.clone(), board.clone())),
            recorder,
            writer: rival::writer(&lease_namespace, &args.election.lease_name).into(),
        };
        let address = args.listen.unwrap_or(SocketAddr::from((Ipv4Addr::UNSPECIFIED, config.port)));
        let unserved = |error: &dyn std::fmt::Display| Failure::Failed(format!("cannot serve on {address}: {error}"));
        let listener = TcpListener::bind(address).await.map_err(|error| unserved(&error))?;
        let address = listener.local_addr().map_err(|error| unserved(&error))?;
        let site = Arc::new(Site::new(metrics.clone(), board, current.clone()));
        let server = http::serve(listener, site.clone());
        let version = env!("CARGO_PKG_VERSION");
        tracing::info!(version, %address, namespaces = ?config.namespaces, "the operator starts");
        let access = FlinkAccess::or_usual(args.flink_access, args.kubeconfig.as_deref());
        let console = async {
            let (Some(address), Some(history)) = (config.console, history) else { return std::future::pending().await };
            let console = Console::new(site.clone(), history.history(), client.clone(), access);
            console::serve(address, console).await
        };
        let process = Self {
            config: config.clone(),
            client: client.clone(),
            calls: metrics.clone(),
            access,
            shared,
            site: site.clone(),
        };
        tokio::select! {
            outcome = process.live(&args, stopped) => outcome,
            ended = server => Err(unserved(&format!("{ended:?}"))),
            failure = console => Err(failure),
            () = reload::watch(&args, &current, &metrics) => Ok(()),
        }
    }

    /// Stands by, acts, stands by again, until it is told to end.
    async fn live(&self, args: &RunArgs, mut stopped: watch::Receiver<bool>) -> Result<(), Failure> {
        let election = &args.election;
        tokio::select! {
            () = self.prepare(election) => {}
            _ = stopped.wait_for(|stopped| *stopped) => return Ok(()),
        }
        let mut elector = (!election.no_leader_election).then(|| Elector::new(self.client.clone(), election));
        loop {
            if let Some(elector) = &mut elector {
                let told = |looked: Looked<'_>| match looked {
                    Looked::NotSeen => self.site.enter(Role::Blind),
                    Looked::Free => self.site.enter(Role::StandsBy),
                    Looked::Held(by) => self.site.stand_by(by),
                };
                tokio::select! {
                    () = elector.acquire(told) => {}
                    _ = stopped.wait_for(|stopped| *stopped) => return Ok(()),
                }
            }
            let ends = self.lead(elector.as_mut(), &mut stopped).await?;
            if ends {
                if let Some(elector) = &mut elector {
                    elector.release().await;
                }
                return Ok(());
            }
        }
    }

    /// Waits until nothing hinders this process from acting. It does not end where something does: a message that
    /// stands in the log and at /readyz says more than a container that starts again and again.
    async fn prepare(&self, election: &Election) {
        let lease_in = election.lease_namespace.as_deref().unwrap_or(self.client.default_namespace());
        let lease = (!election.no_leader_election).then_some((lease_in, election.lease_name.as_str()));
        let scope = preflight::Scope { namespaces: &self.config.namespaces, lease };
        let mut told = Findings::default();
        loop {
            let found = preflight::look(&self.client, &scope).await;
            let found = found.unwrap_or_else(|silence| Findings { hindrances: vec![silence], ..Findings::default() });
            if found != told {
                found.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
                found.hindrances.iter().for_each(|hindrance| tracing::error!("not acting: {hindrance}"));
            }
            self.site.hinder(found.hindrances.clone());
            if found.hindrances.is_empty() {
                return;
            }
            told = found;
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Acts until the Lease is lost, or the process is to end, which is true then. No application's task is
    /// left when it returns.
    async fn lead(&self, elector: Option<&mut Elector>, stopped: &mut watch::Receiver<bool>) -> Result<bool, Failure> {
        self.site.enter(Role::Leads);
        let (stop, stopping) = watch::channel(false);
        let work = tokio::spawn(join_all(self.controllers(&stopping)?));
        let mut work = std::pin::pin!(work);
        let lost = async {
            match elector {
                Some(elector) => elector.keep().await,
                None => std::future::pending().await,
            }
        };
        let ends = tokio::select! {
            _ = stopped.wait_for(|stopped| *stopped) => true,
            () = lost => false,
            _ = &mut work => return Err(Failure::Failed("the watches ended".to_owned())),
        };
        stop.send_replace(true);
        if tokio::time::timeout(PATIENCE, &mut work).await.is_err() {
            tracing::error!("an application's task does not let itself be dropped");
            return Err(Failure::Failed("a task does not end".to_owned()));
        }
        self.site.enter(Role::StandsBy);
        self.site.board.clear();
        Ok(ends)
    }

    /// One controller a watched namespace; each has its own view of its children.
    fn controllers(
        &self,
        stopping: &watch::Receiver<bool>,
    ) -> Result<Vec<impl Future<Output = ()> + Send + use<>>, Failure> {
        let all: Vec<Option<String>> = match self.config.namespaces.as_slice() {
            [] => vec![None],
            some => some.iter().cloned().map(Some).collect(),
        };
        let controllers = all.into_iter().map(|namespace| {
            let context = self.context()?;
            let mut stopping = stopping.clone();
            Ok(async move {
                let stop = async {
                    // An error means that nobody is left who could say stop.
                    let _ = stopping.wait_for(|stop| *stop).await;
                };
                controller::run(context, namespace.as_deref(), stop).await;
            })
        });
        controllers.collect()
    }

    fn context(&self) -> Result<Arc<Context>, Failure> {
        let children = Arc::new(Children::default());
        let known = children.clone();
        let ui_port: UiPort = Arc::new(move |namespace, service| known.ui_port(namespace, service));
        let policy = self.shared.policy.clone();
        let proxy: Proxy = Arc::new(move || policy.read().ok().and_then(|policy| policy.kubectl_proxy));
        let flink = self.access.client(self.client.clone(), proxy, ui_port, self.calls.clone())?;
        Ok(Arc::new(Context::new(self.shared.clone(), flink, children)))
    }
}

/// What writes decisions to files, where that is asked for.
fn recorder(args: &RunArgs, metrics: &Metrics) -> Result<Arc<dyn Record>, Failure> {
    let Some(directory) = &args.record else { return Ok(Arc::new(NoRecord)) };
    let started = Recorder::start(directory, args.record_max_bytes, metrics.dropped_records());
    let cannot = |error| Failure::BadInput(format!("cannot record to {}: {error}", directory.display()));
    Ok(Arc::new(started.map_err(cannot)?))
}

/// A client of the cluster of this kubeconfig, or of the one that the process runs in; its requests may be timed.
pub async fn client(kubeconfig: Option<&Path>, timing: Option<Timing>) -> Result<kube::Client, Failure> {
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
    let builder = ClientBuilder::try_from(config).map_err(Failure::failed)?.with_layer(&patience());
    Ok(match timing {
        None => builder.build(),
        Some(timing) => builder.with_layer(&timing).build(),
    })
}

/// Becomes true when the process is to end. Signals are heard from now on, whatever is done meanwhile.
fn stopped(with_parent: bool) -> watch::Receiver<bool> {
    let (stop, stopped) = watch::channel(false);
    let signals = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()));
    tokio::spawn(async move {
        tokio::select! {
            () = signalled(signals) => {}
            () = parent_gone(), if with_parent => {}
        }
        stop.send_replace(true);
    });
    stopped
}

type Signals = (std::io::Result<Signal>, std::io::Result<Signal>);

async fn signalled(signals: Signals) {
    match signals {
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
