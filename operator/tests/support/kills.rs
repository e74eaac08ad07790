//! Processes that die, and the numbers that tell whether anything was lost or came again.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::process::Command;
use std::time::{Duration, Instant};

use flink_operator_core::crd::FlinkApplicationStatus;
use flink_operator_fixtures::process::numbers::{self, Numbers};
use serde_json::{Value, json};

use super::real::{Operator, arguments, until_parts};
use super::stage::Stage;
use super::until;
use super::zookeeper::ZooKeeper;

/// The operator looks often and tells at once what it sees: a checkpoint that it has not told of is not known
/// once a JobManager without high availability is gone.
const WATCHFUL: [&str; 4] = ["--operator.resyncPeriod", "100ms", "--operator.statusRefreshPeriod", "0s"];

/// How long a phase may take to come.
const PATIENCE: Duration = Duration::from_secs(120);

/// Who is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Victim {
    Operator,
    TaskManager,
    JobManager,
    OperatorAndJobManager,
}

impl Victim {
    pub const ALL: [Self; 4] = [Self::Operator, Self::TaskManager, Self::JobManager, Self::OperatorAndJobManager];

    const fn operator_dies(self) -> bool {
        matches!(self, Self::Operator | Self::OperatorAndJobManager)
    }

    /// The main class of the pod's process that dies, if one does.
    const fn main_class(self) -> Option<&'static str> {
        match self {
            Self::Operator => None,
            Self::TaskManager => Some("TaskManagerRunner"),
            Self::JobManager | Self::OperatorAndJobManager => Some("StandaloneSessionClusterEntrypoint"),
        }
    }
}

impl fmt::Display for Victim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Operator => "operator",
            Self::TaskManager => "TaskManager",
            Self::JobManager => "JobManager",
            Self::OperatorAndJobManager => "operator+JobManager",
        })
    }
}

/// What the numbers of one directory say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    pub lost: u64,
    pub repeated: u64,
    pub last: u64,
}

impl Figures {
    fn of(numbers: &Numbers) -> Self {
        let count = |ranges: &[(u64, u64)]| ranges.iter().map(|(from, to)| to - from + 1).sum();
        Self { lost: count(&numbers.gaps), repeated: count(&numbers.repeats), last: numbers.last.unwrap_or(0) }
    }
}

fn spec() -> Value {
    json!({ "flinkConfig": {
        "web.refresh-interval": "50",
        "state.checkpoints.num-retained": "1000",
        "execution.checkpointing.externalized-checkpoint-retention": "RETAIN_ON_CANCELLATION",
        "heartbeat.interval": "1000",
        "heartbeat.timeout": "15000",
    }})
}

/// An application whose processes are killed. In the order in which they go: ZooKeeper's files are in the stage's
/// directory.
pub struct Trial {
    zookeeper: Option<ZooKeeper>,
    pub stage: Stage,
    /// The directory of the numbers, under `data`.
    pub out: String,
    /// Who writes them.
    pub label: String,
}

impl Trial {
    pub async fn start() -> Self {
        let (stage, out, label) = (Stage::start().await, "numbers".to_owned(), "deploy-1".to_owned());
        let mut trial = Self { zookeeper: None, stage, out, label };
        trial.revive();
        trial
    }

    /// The JobManagers of applications that are created from now on keep their state in a ZooKeeper.
    pub async fn keep_state(&mut self) {
        self.zookeeper = Some(ZooKeeper::start(&self.stage.directory.run().join("zookeeper")).await);
    }

    /// They keep it nowhere.
    pub fn keep_no_state(&mut self) {
        self.zookeeper = None;
    }

    /// Spec of a job whose JobManager shows what it knows at once, and whose checkpoints stay.
    pub fn spec(&self) -> Value {
        let mut spec = spec();
        if let Some(zookeeper) = &self.zookeeper {
            let keys = zookeeper.keys(&self.stage.directory.run().join("data/available"));
            spec["flinkConfig"].as_object_mut().unwrap().extend(keys.as_object().unwrap().clone());
        }
        spec
    }

    /// A cluster with this application, whose job writes numbers.
    pub async fn running(more: Value) -> Self {
        let mut trial = Self::start().await;
        trial.create("numbers", more).await;
        trial.runs().await;
        trial
    }

    /// Creates the application anew; its job counts from 1 into a directory of its own.
    pub async fn create(&mut self, out: &str, more: Value) {
        (self.out, self.stage.generation) = (out.to_owned(), 1);
        self.label = self.stage.label();
        let mut written = self.spec();
        written["programArgs"] = arguments(out, &self.label).into();
        written.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.stage.create(written).await;
    }

    /// The application goes.
    pub async fn is_gone(&self) {
        let began = Instant::now();
        while let Some(resource) = self.stage.api.get_opt("numbers").await.unwrap() {
            assert!(began.elapsed() < PATIENCE, "it does not go: {:#?}", resource.status);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The newest spec runs and its job has written. Where nobody but the status knows of its checkpoints, it does.
    pub async fn runs(&self) {
        self.stage.until_running().await;
        until_parts(&self.directory(), &self.label, 2).await;
        if self.zookeeper.is_none() {
            let told = async || self.stage.status().await.job_status?.last_checkpoint_path;
            until("a checkpoint is told of", told).await;
        }
    }

    /// Edits the spec; the arguments change with it, so that the numbers tell who wrote them.
    pub async fn edit(&mut self, mut spec: Value) {
        self.label = format!("deploy-{}", self.stage.generation + 1);
        spec["programArgs"] = arguments(&self.out, &self.label).into();
        self.stage.patch(spec).await;
    }

    /// Starts an operator in the place of the one there was.
    pub fn revive(&mut self) {
        self.stage.operator = Operator::start_with(&self.stage.sandbox, &WATCHFUL);
    }

    /// Kills a process of the cluster that the phase works on as soon as the phase shows; a dead operator is
    /// replaced. Whether it died in that phase: a phase may be over before the kill is.
    pub async fn kill_in(&mut self, phase: &str, victim: Victim) -> bool {
        let began = Instant::now();
        let mut found = None;
        loop {
            let Some(resource) = self.stage.api.get_opt("numbers").await.unwrap() else { return false };
            let status = resource.status.unwrap_or_default();
            let now = status.phase.as_deref().unwrap_or_default();
            if found.is_none_or(|process| !lives(process)) {
                found = self.process(phase, victim, &status);
            }
            if now == phase && (found.is_some() || victim.main_class().is_none()) {
                break;
            }
            if now != phase && phase != "Deleting" && self.rests(&status) {
                return false;
            }
            assert!(began.elapsed() < PATIENCE, "{phase} never comes with a {victim}: {status:#?}");
            tokio::time::sleep(Duration::from_millis(3)).await;
        }
        if victim.operator_dies() {
            self.stage.operator.kill();
        }
        let died = found.is_none_or(kill);
        let hit = died && self.stage.phase().await.as_deref() == Some(phase);
        if victim.operator_dies() {
            self.revive();
        }
        hit
    }

    /// The newest spec is deployed or has failed.
    fn rests(&self, status: &FlinkApplicationStatus) -> bool {
        let newest = status.deployed.as_ref().is_some_and(|it| it.revision.generation == self.stage.generation);
        let failed = status.observed_generation == Some(self.stage.generation);
        match status.phase.as_deref() {
            Some("Running") => newest,
            Some("DeployFailed") => failed,
            _ => false,
        }
    }

    /// The process that dies.
    fn process(&self, phase: &str, victim: Victim, status: &FlinkApplicationStatus) -> Option<u32> {
        let class = victim.main_class()?;
        let id = cluster(phase, status)?;
        let lines = self.stage.directory.processes();
        let pod = |line: &str| line.contains(class) && line.contains(&format!("-{id}-"));
        lines.into_iter().find(|(_, line)| pod(line)).map(|(process, _)| process)
    }

    /// Kills whichever of the processes of this kind there are the number names, and replaces a dead operator. Whether
    /// there was any.
    pub fn kill_one(&mut self, victim: Victim, which: usize) -> bool {
        if victim.operator_dies() {
            self.stage.operator.kill();
        }
        let died = victim.main_class().is_none_or(|class| {
            let mut processes = self.stage.directory.processes();
            processes.retain(|(_, line)| line.contains(class));
            !processes.is_empty() && kill(processes[which % processes.len()].0)
        });
        if victim.operator_dies() {
            self.revive();
        }
        died || victim.operator_dies()
    }

    pub fn directory(&self) -> std::path::PathBuf {
        self.stage.directory.run().join("data").join(&self.out)
    }

    /// What the numbers say now.
    pub async fn figures(&self) -> Figures {
        figures(&self.directory()).await
    }

    /// The job with this label goes on beyond every number that there is, and no other job runs.
    pub async fn one_job_goes_on(&self, label: &str) {
        let (directory, reached) = (self.directory(), self.figures().await.last);
        until("the job goes on", || async {
            let parts = numbers::check(&directory).unwrap().parts;
            (parts.iter().filter(|part| part.label == label && part.from > reached).count() >= 3).then_some(())
        })
        .await;
        until("one job runs", || async { (self.stage.running_jobs().await == 1).then_some(()) }).await;
    }
}

/// The revision whose cluster a phase works on.
fn cluster(phase: &str, status: &FlinkApplicationStatus) -> Option<String> {
    let deployed = || status.deployed.as_ref().map(|it| it.revision.id.to_string());
    let coming = || {
        let of_updating = status.updating.as_ref().map(|at| &at.target);
        let of_starting = status.cluster_starting.as_ref().map(|at| &at.target);
        let of_submitting = status.submitting_job.as_ref().map(|at| &at.target);
        of_updating.or(of_starting).or(of_submitting).map(|target| target.id.to_string())
    };
    match phase {
        "ClusterStarting" | "SubmittingJob" => coming(),
        "DualRunning" => status.second.as_ref().map(|it| it.revision.id.to_string()),
        _ => deployed(),
    }
}

/// Numbers as they are, also while a job writes: a file may appear while its directory is read.
pub async fn figures(directory: &std::path::Path) -> Figures {
    let first = Figures::of(&numbers::check(directory).unwrap());
    if first.lost == 0 {
        return first;
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    Figures::of(&numbers::check(directory).unwrap())
}

/// Whether there is still such a process.
fn lives(process: u32) -> bool {
    std::fs::read(format!("/proc/{process}/cmdline")).is_ok_and(|line| !line.is_empty())
}

/// SIGKILL. Whether the process was there.
pub fn kill(process: u32) -> bool {
    Command::new("kill").arg("-9").arg(process.to_string()).status().unwrap().success()
}

/// Who keeps the state of a JobManager that dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeper {
    ZooKeeper,
    Nobody,
}

/// All kills, with what came of them.
pub struct Table {
    keeper: Keeper,
    kills: BTreeMap<(&'static str, Victim), u32>,
    lost: u64,
    repeated: u64,
}

impl Table {
    pub fn new(keeper: Keeper) -> Self {
        Self { keeper, kills: BTreeMap::new(), lost: 0, repeated: 0 }
    }

    /// Of kills after which the application came to rest, by the numbers before and after them.
    pub fn judge(&mut self, kills: &[(&'static str, Victim)], before: Figures, after: Figures, rest: &str) {
        let (lost, repeated) = (after.lost - before.lost, after.repeated - before.repeated);
        for (phase, victim) in kills {
            *self.kills.entry((phase, *victim)).or_default() += 1;
            eprintln!("{phase:<16} {victim:<20} {rest}, lost {lost}, repeated {repeated}");
        }
        self.lost += lost;
        self.repeated += repeated;
        assert_eq!(lost, 0, "{kills:?}");
        assert!(self.keeper == Keeper::Nobody || repeated == 0, "{kills:?}: {repeated} numbers came again");
    }

    /// The whole, a row for a phase.
    pub fn print(&self, phases: &[&'static str]) {
        eprintln!("{:<16} {}", "phase", Victim::ALL.map(|victim| format!("{victim:<20}")).join(" "));
        for phase in phases {
            let cells = Victim::ALL.map(|victim| match self.kills.get(&(*phase, victim)) {
                Some(count) => format!("{:<20}", format!("{count} killed")),
                // In New there is no cluster whose processes could die.
                None if *phase == "New" && victim != Victim::Operator => format!("{:<20}", "does not apply"),
                None => format!("{:<20}", "not run"),
            });
            eprintln!("{phase:<16} {}", cells.join(" "));
        }
        let hit: BTreeSet<_> = self.kills.keys().map(|(phase, _)| phase).collect();
        eprintln!(
            "kills {} high availability: {} phases, {} kills, lost {}, repeated {}",
            if self.keeper == Keeper::Nobody { "without" } else { "with" },
            hit.len(),
            self.kills.values().sum::<u32>(),
            self.lost,
            self.repeated,
        );
    }
}
