//! From the first process to the end of the last one.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use flink_operator_core::crd::FlinkApplication;
use flink_operator_fixtures::http::OverHttp;
use flink_operator_fixtures::model::Kubelet;
use flink_operator_fixtures::model::flink::Version;
use flink_operator_fixtures::process::kubelet::Settings;
use futures::StreamExt as _;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::SandboxArgs;
use super::child::{Operator, Start};
use super::cluster::{ApiServer, namespace_of};
use super::goal::{Until, Verdict};
use super::node::{LogFiles, Node};
use super::screen::{Ink, Screen, seconds};
use super::simulated::{Simulated, SimulatedLogs};
use super::stopwatch::{Stopwatch, Switch};
use super::story::{Key, Line, Story};
use super::supply::{self, Supply};
use super::usage::Usage;
use super::watch::{self, Heard};
use crate::cli::Failure;

/// How long a simulated pod takes to be ready, and to go, in milliseconds.
const SIMULATED: Kubelet = Kubelet::Simulated { ready_after_ms: 500, gone_after_ms: 200 };
/// How long a process may take to end when it is asked to.
const GRACE: Duration = Duration::from_secs(2);
/// Ends of the operator in a row, each soon after its start, before the sandbox gives up.
const OPERATOR_TRIES: u32 = 3;

/// Plays the applications in `directory`.
pub async fn play(args: &SandboxArgs, applications: &[FlinkApplication], directory: &Path) -> Result<(), Failure> {
    let mut signals = Signals::new()?;
    let mut screen = Screen::new();
    let stage = tokio::select! {
        stage = Stage::set(args, directory, &mut screen) => stage?,
        () = signals.heard() => return Err(Failure::Failed("interrupted before anything was started".to_owned())),
    };
    let mut play = Play { args, stage, screen, story: Story::default(), given: keys(applications), told: false };
    let outcome = tokio::select! {
        outcome = play.perform(applications) => outcome,
        () = signals.heard() => play.interrupted(),
    };
    signals.exit_at_the_next_one();
    play.end().await;
    outcome
}

fn keys(applications: &[FlinkApplication]) -> BTreeSet<Key> {
    let name = |application: &FlinkApplication| application.metadata.name.clone().unwrap_or_default();
    applications.iter().map(|application| (namespace_of(application).to_owned(), name(application))).collect()
}

/// All that runs.
struct Stage {
    api: ApiServer,
    pods: Pods,
    start: Start,
    operator: Option<Operator>,
    usage: Usage,
    switches: mpsc::UnboundedReceiver<Switch>,
}

/// Who runs the pods.
enum Pods {
    Real(Node),
    Simulated(JoinHandle<()>),
}

impl Stage {
    async fn set(args: &SandboxArgs, directory: &Path, screen: &mut Screen) -> Result<Self, Failure> {
        let supply = supply::obtain(&args.wanted(), args.simulated, args.jars.as_deref(), screen).await?;
        let directory = &super::make(directory)?;
        let (sender, switches) = mpsc::unbounded_channel();
        let simulated = matches!(supply, Supply::Simulated { .. });
        let (api, pods) = match supply {
            Supply::Real { flink, java, jars } => {
                screen.tell(format_args!(
                    "Flink {} in {}, on Java {}",
                    flink.version,
                    flink.home.display(),
                    java.version
                ));
                let mut settings = Settings::new(flink, java, directory.to_owned());
                settings.jars = jars;
                settings.grace = GRACE;
                for (key, name) in [("state.savepoints.dir", "savepoints"), ("state.checkpoints.dir", "checkpoints")] {
                    settings.defaults.set(key, format!("file://{}", directory.join(name).display()));
                }
                let logs = Arc::new(LogFiles(settings.logs.clone()));
                let backend = Arc::new(Stopwatch::new(OverHttp::default(), sender));
                let api = ApiServer::start(Kubelet::External, args.port, logs, backend, directory).await?;
                let node = Node::start(settings, api.cluster().clone())?;
                (api, Pods::Real(node))
            }
            Supply::Simulated { why, jars } => {
                let reason = screen.ink(Ink::Warning, "Flink is simulated");
                screen.tell(format_args!("{reason}: no job really runs. {why}"));
                let flink = Simulated::new(jars, version(&args.flink_version));
                let backend = Arc::new(flink.clone());
                let api = ApiServer::start(SIMULATED, args.port, Arc::new(SimulatedLogs), backend, directory).await?;
                let task = tokio::spawn(flink.follow(api.cluster().clone()));
                (api, Pods::Simulated(task))
            }
        };
        if let Some(path) = &args.kubeconfig_out {
            api.copy_kubeconfig(path)?;
        }
        screen.tell(format_args!("Kubernetes (a model of it) on http://127.0.0.1:{}", api.port()));
        let start = Start::of(&api.kubeconfig, api.port(), directory.join("operator.log")).map_err(Failure::failed)?;
        let usage = Usage::new(&api, directory, simulated);
        Ok(Self { api, pods, start, operator: None, usage, switches })
    }

    async fn end(self) {
        if let Some(operator) = self.operator {
            operator.stop().await;
        }
        match self.pods {
            Pods::Real(node) => node.stop().await,
            Pods::Simulated(task) => task.abort(),
        }
        self.api.stop().await;
    }
}

/// `2.1.3` or `2.1` as the simulated Flink knows it.
fn version(text: &str) -> Version {
    let mut numbers = text.split('.').map(|number| number.parse().ok());
    match (numbers.next().flatten(), numbers.next().flatten()) {
        (Some(major), Some(minor)) => Version(major, minor),
        _ => Version(2, 1),
    }
}

struct Play<'a> {
    args: &'a SandboxArgs,
    stage: Stage,
    screen: Screen,
    story: Story,
    given: BTreeSet<Key>,
    /// Whether it was told how to go on by hand.
    told: bool,
}

impl Play<'_> {
    async fn perform(&mut self, applications: &[FlinkApplication]) -> Result<(), Failure> {
        if self.args.no_operator {
            self.screen.tell(format_args!("no operator is started; this command starts one:\n{}", self.stage.start.shown()));
        } else {
            self.stage.operator = Some(self.stage.start.start().map_err(Failure::failed)?);
            self.screen.tell(format_args!("the operator runs, and logs to {}", self.stage.start.log.display()));
        }
        let mut watches = watch::watch(&self.stage.api.client);
        for application in applications {
            self.stage.api.create(application).await?;
        }
        if applications.is_empty() {
            self.tell_usage();
        }
        let deadline = Instant::now() + self.args.timeout;
        let mut tick = tokio::time::interval(Duration::from_millis(200));
        let mut starts = Starts::default();
        loop {
            tokio::select! {
                heard = watches.next() => match heard {
                    Some(heard) => self.hear(heard),
                    None => return Err(Failure::Failed("the API server's watches ended".to_owned())),
                },
                status = ended(&mut self.stage.operator) => {
                    self.stage.operator = None;
                    self.screen.tell(format_args!("{} {status}", self.screen.ink(Ink::Bad, "the operator ended:")));
                    starts.again(&self.stage.start).await?;
                    self.stage.operator = Some(self.stage.start.start().map_err(Failure::failed)?);
                    self.screen.tell("the operator was started again");
                }
                Some(switch) = self.stage.switches.recv() => self.tell_switch(&switch),
                _ = tick.tick() => {
                    self.screen.under_way(&self.story.under_way(Instant::now()));
                    continue;
                }
                () = tokio::time::sleep_until(deadline.into()), if self.args.until.is_some() => return Err(self.too_late()),
            }
            match self.judge() {
                Verdict::Open => {}
                Verdict::Reached => return Ok(()),
                Verdict::Failed(why) => return Err(Failure::Failed(why)),
            }
        }
    }

    fn judge(&mut self) -> Verdict {
        if let Some(until) = self.args.until {
            return until.judge(&self.given, &self.story);
        }
        if !self.told && Until::Running.judge(&self.given, &self.story) == Verdict::Reached {
            self.tell_usage();
        }
        Verdict::Open
    }

    fn tell_usage(&mut self) {
        self.told = true;
        self.screen.under_way("");
        for line in self.stage.usage.lines(&self.given, &self.screen) {
            self.screen.print(&line);
        }
    }

    fn hear(&mut self, heard: Heard) {
        let now = Instant::now();
        let line = match heard {
            Heard::Application(resource) => self.story.see(*resource, now),
            Heard::ApplicationGone(resource) => self.story.miss(&resource, now),
            Heard::Event(event) => self.story.hear(&event),
            Heard::Pod(pod) => {
                self.story.see_pod(&pod, false);
                None
            }
            Heard::PodGone(pod) => {
                self.story.see_pod(&pod, true);
                None
            }
        };
        if let Some(line) = line {
            self.tell(line);
        }
    }

    fn tell(&self, line: Line) {
        let screen = &self.screen;
        match line {
            Line::Phase { name, phase, before, why, bad } => {
                let phase = screen.ink(if bad { Ink::Bad } else { Ink::Bold }, phase);
                let took = before.map(|(before, took)| format!(" ({before} took {})", seconds(took))).unwrap_or_default();
                screen.tell(format_args!("{name}: {phase}{}", screen.ink(Ink::Dim, took)));
                self.tell_below(Ink::Dim, &why);
            }
            Line::Rule { name: _, why } => self.tell_below(Ink::Dim, &why),
            Line::Event { name, reason, message, warning } => {
                let reason = screen.ink(if warning { Ink::Warning } else { Ink::Good }, reason);
                screen.tell(format_args!("{name}: {reason}: {message}"));
            }
            Line::Gone { name, before: (before, took) } => {
                let took = format!(" ({before} took {})", seconds(took));
                screen.tell(format_args!("{name}: {}{}", screen.ink(Ink::Bold, "gone"), screen.ink(Ink::Dim, took)));
            }
        }
    }

    fn tell_switch(&self, switch: &Switch) {
        let (stop, start) = (switch.stop.as_millis(), switch.start.as_millis());
        self.screen.tell(format_args!(
            "{}: switched in {} ms: {stop} ms to stop with a savepoint, {start} ms until all new tasks ran",
            switch.application.1,
            stop + start,
        ));
    }

    fn tell_below(&self, ink: Ink, text: &str) {
        if !text.is_empty() {
            self.screen.tell(format_args!("    {}", self.screen.ink(ink, text)));
        }
    }

    fn too_late(&self) -> Failure {
        let stands = self.given.iter().map(|key| match self.story.all.get(key) {
            Some(told) => format!("{} is {}", key.1, told.stands()),
            None => format!("{} was not seen", key.1),
        });
        let stands = stands.collect::<Vec<_>>().join("\n");
        Failure::Failed(format!("not there after {}.\n{stands}", seconds(self.args.timeout)))
    }

    fn interrupted(&self) -> Result<(), Failure> {
        match self.args.until {
            None => Ok(()),
            Some(_) => Err(Failure::Failed("interrupted".to_owned())),
        }
    }

    async fn end(self) {
        self.screen.under_way("");
        if self.args.until.is_some() {
            for (key, told) in &self.story.all {
                let phases = told.durations(Instant::now()).into_iter().map(|(phase, took)| format!("{phase} {}", seconds(took)));
                self.screen.tell(format_args!("{}: {}", key.1, phases.collect::<Vec<_>>().join(", ")));
            }
        }
        self.screen.tell("ending every process");
        self.stage.end().await;
        self.screen.tell("every process has ended");
    }
}

async fn ended(operator: &mut Option<Operator>) -> String {
    match operator {
        None => std::future::pending().await,
        Some(operator) => operator.ended().await.map_or_else(|error| error.to_string(), |status| status.to_string()),
    }
}

/// Starts of the operator in a row.
#[derive(Default)]
struct Starts {
    last: Option<Instant>,
    soon: u32,
}

impl Starts {
    /// Waits before the next start, or gives up.
    async fn again(&mut self, start: &Start) -> Result<(), Failure> {
        let soon = self.last.replace(Instant::now()).is_some_and(|last| last.elapsed() < Duration::from_secs(10));
        self.soon = if soon { self.soon + 1 } else { 1 };
        if self.soon > OPERATOR_TRIES {
            let log = std::fs::read_to_string(&start.log).unwrap_or_default();
            let last: Vec<&str> = log.lines().rev().take(5).collect();
            let last: Vec<&str> = last.into_iter().rev().collect();
            return Err(Failure::Failed(format!("the operator ends again and again:\n{}", last.join("\n"))));
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
        Ok(())
    }
}

/// ^C and SIGTERM.
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    fn new() -> Result<Self, Failure> {
        let interrupt = signal(SignalKind::interrupt()).map_err(Failure::failed)?;
        let terminate = signal(SignalKind::terminate()).map_err(Failure::failed)?;
        Ok(Self { interrupt, terminate })
    }

    async fn heard(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }

    /// Who asks twice does not want to wait; what still runs ends with this process.
    fn exit_at_the_next_one(mut self) {
        tokio::spawn(async move {
            self.heard().await;
            std::process::exit(130);
        });
    }
}
