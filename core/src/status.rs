//! The wire status: Memory to status and back, and the conditions.
//!
//! The original's fields keep their names and meaning; each phase that must remember more has one
//! optional object. What this version does not know in a status is left as it was found.

mod original;

use std::str::FromStr;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use crate::application::{Application, Colour, DeploymentMode};
use crate::crd::{
    FlinkApplicationError, FlinkApplicationStatus, FlinkApplicationVersionStatus, FlinkClusterStatus, FlinkJobStatus,
};
use crate::health::{ClusterFigures, Health, JobFigures, whole_second};
use crate::manifest;
use crate::memory::{Deployed, LastError, Ledger, Memory};
use crate::phase::{DeployFailed, DualRunning, Phase, PhaseName, Running};
use crate::policy::Policy;
use crate::snapshot::{JobState, Remembered};

/// Reads the memory back. A status that makes no sense is told apart from an empty one.
pub fn read(status: Option<&FlinkApplicationStatus>) -> Remembered {
    let Some(status) = status else {
        return Remembered::Known(Box::default());
    };
    match original::left(status) {
        Ok(Some(left)) => return Remembered::Left(Box::new(left)),
        Err(problem) => return Remembered::Unreadable(problem),
        Ok(None) => {}
    }
    let ledger = ledger(status);
    match versions_make_sense(&ledger).and_then(|()| phase(status)) {
        Ok(phase) => Remembered::Known(Box::new(Memory { phase, ledger })),
        Err(problem) => Remembered::Unreadable(problem),
    }
}

/// A second version stands beside a deployed one, in another colour.
fn versions_make_sense(ledger: &Ledger) -> Result<(), String> {
    let Some(second) = &ledger.second else { return Ok(()) };
    let Some(deployed) = &ledger.deployed else {
        return Err("there is a second version and no deployed one".to_owned());
    };
    match (deployed.revision.colour, second.revision.colour) {
        (Some(one), Some(other)) if one != other => Ok(()),
        (Some(_) | None, Some(_) | None) => Err("two versions need a colour each".to_owned()),
    }
}

fn phase(status: &FlinkApplicationStatus) -> Result<Phase, String> {
    let word = status.phase.as_deref().unwrap_or("");
    if word.is_empty() {
        return Ok(Phase::New);
    }
    let name = PhaseName::from_str(word).map_err(|_| format!("phase {word:?} is not one of this version's"))?;
    // The original kept no object beside these two, and they can be taken over without one.
    let since = || original::since(status);
    let missing = || format!("phase {word} needs the object beside it that says what is being deployed");
    match name {
        PhaseName::New => Ok(Phase::New),
        PhaseName::Updating => status.updating.clone().map(Phase::Updating).ok_or_else(missing),
        PhaseName::ClusterStarting => status.cluster_starting.clone().map(Phase::ClusterStarting).ok_or_else(missing),
        PhaseName::Rescaling => status.rescaling.clone().map(Phase::Rescaling).ok_or_else(missing),
        PhaseName::Savepointing => status.savepointing.clone().map(Phase::Savepointing).ok_or_else(missing),
        PhaseName::Cancelling => status.cancelling.clone().map(Phase::Cancelling).ok_or_else(missing),
        PhaseName::Recovering => status.recovering.clone().map(Phase::Recovering).ok_or_else(missing),
        PhaseName::SubmittingJob => status.submitting_job.clone().map(Phase::SubmittingJob).ok_or_else(missing),
        PhaseName::RollingBackJob => status.rolling_back_job.clone().map(Phase::RollingBackJob).ok_or_else(missing),
        PhaseName::DualRunning => status.dual_running.clone().map(Phase::DualRunning).ok_or_else(missing),
        PhaseName::Running => Ok(Phase::Running(status.running.clone().unwrap_or_else(|| Running { since: since() }))),
        PhaseName::DeployFailed => {
            Ok(Phase::DeployFailed(status.deploy_failed.clone().unwrap_or_else(|| DeployFailed { since: since() })))
        }
        PhaseName::Deleting => status.deleting.clone().map(Phase::Deleting).ok_or_else(missing),
    }
}

fn ledger(status: &FlinkApplicationStatus) -> Ledger {
    Ledger {
        deploys: status.deploys.unwrap_or(0),
        deployed: status.deployed.clone().or_else(|| original::deployed(status)),
        stopped: status.stopped.clone(),
        second: status.second.clone(),
        torn_down: status.torn_down.clone(),
        failed: status.failed.clone().or_else(|| original::failed(status)),
        last_error: status.last_seen_error.as_ref().and_then(last_error),
        cluster: version(status, 0).0,
        job: version(status, 0).1,
        second_cluster: version(status, 1).0,
        second_job: version(status, 1).1,
    }
}

/// The figures of the deployed version and of the second one: at the top in Dual, listed in BlueGreen.
fn version(status: &FlinkApplicationStatus, index: usize) -> (Option<ClusterFigures>, Option<JobFigures>) {
    let (cluster, job) = match &status.version_statuses {
        Some(versions) => match versions.get(index) {
            Some(version) => (version.cluster_status.as_ref(), version.job_status.as_ref()),
            None => (None, None),
        },
        None if index == 0 => (status.cluster_status.as_ref(), status.job_status.as_ref()),
        None => (None, None),
    };
    (cluster.and_then(cluster_figures), job.and_then(job_figures))
}

/// Writes the memory into a status, beginning with what was there.
pub fn write(
    memory: &Memory,
    application: &Application,
    policy: &Policy,
    previous: Option<&FlinkApplicationStatus>,
    now: Timestamp,
) -> FlinkApplicationStatus {
    let mut status = previous.cloned().unwrap_or_default();
    let ledger = &memory.ledger;
    status.last_updated_at = Some(seconds(now));
    status.observed_generation = Some(application.generation);
    status.deployment_mode = Some(mode(memory, application).to_string());
    status.deploys = Some(ledger.deploys);
    status.deploy_hash = ledger.deployed.as_ref().map(|deployed| deployed.revision.id.to_string());
    status.deployed.clone_from(&ledger.deployed);
    status.stopped.clone_from(&ledger.stopped);
    status.second.clone_from(&ledger.second);
    status.torn_down.clone_from(&ledger.torn_down);
    status.failed_deploy_hash =
        ledger.failed.as_ref().and_then(|failed| failed.revision.as_ref()).map(ToString::to_string);
    status.rollback_hash = status.failed_deploy_hash.as_ref().and(status.deploy_hash.clone());
    status.failed.clone_from(&ledger.failed);
    status.last_seen_error = ledger.last_error.as_ref().map(error_on_the_wire);
    write_versions(memory, application, policy, &mut status);
    write_phase(&memory.phase, ledger, application, &mut status);
    status
}

/// The mode that the application lives in; before its first deploy the one that it asks for.
fn mode(memory: &Memory, application: &Application) -> DeploymentMode {
    let deployed = memory.ledger.deployed.as_ref().map(|deployed| &deployed.revision);
    match deployed.or_else(|| memory.phase.target()) {
        Some(revision) if revision.colour.is_some() => DeploymentMode::BlueGreen,
        Some(_) => DeploymentMode::Dual,
        None => application.spec.as_ref().map(|spec| spec.deployment_mode).unwrap_or_default(),
    }
}

/// In Dual the figures stand at the top, in BlueGreen in the list of the two versions.
fn write_versions(memory: &Memory, application: &Application, policy: &Policy, status: &mut FlinkApplicationStatus) {
    let ledger = &memory.ledger;
    let version = |deployed: Option<&Deployed>, cluster: Option<&ClusterFigures>, job: Option<&JobFigures>| {
        let colour = deployed.and_then(|deployed| deployed.revision.colour);
        let running =
            deployed.is_some_and(|deployed| ledger.stopped.as_ref().is_none_or(|stopped| stopped.job != deployed.job));
        FlinkApplicationVersionStatus {
            app_version: colour.map(|colour| colour.to_string()),
            version_hash: deployed.map(|deployed| deployed.revision.id.to_string()),
            cluster_status: cluster.map(|figures| cluster_on_the_wire(figures, application, policy, colour)),
            job_status: job_on_the_wire(deployed, running, job, application, policy),
        }
    };
    let first = version(ledger.deployed.as_ref(), ledger.cluster.as_ref(), ledger.job.as_ref());
    let second = version(ledger.second.as_ref(), ledger.second_cluster.as_ref(), ledger.second_job.as_ref());
    match mode(memory, application) {
        DeploymentMode::Dual => {
            (status.cluster_status, status.job_status) = (first.cluster_status, first.job_status);
            (status.version_statuses, status.deploy_version, status.updating_version) = (None, None, None);
            (status.updating_hash, status.teardown_hash) = (None, None);
        }
        DeploymentMode::BlueGreen => {
            (status.cluster_status, status.job_status) = (None, None);
            let coming = memory.phase.target().or(ledger.second.as_ref().map(|second| &second.revision));
            // As the original numbers them: before the first deploy blue counts as deployed, so green is first.
            status.deploy_version = Some(first.app_version.clone().unwrap_or_else(|| Colour::Blue.to_string()));
            status.updating_version = coming.and_then(|revision| revision.colour).map(|colour| colour.to_string());
            let has_cluster = !matches!(memory.phase, Phase::Updating(_) | Phase::ClusterStarting(_));
            status.updating_hash = coming.filter(|_| has_cluster).map(|revision| revision.id.to_string());
            status.teardown_hash = ledger.torn_down.as_ref().and(status.teardown_hash.take()).or_else(|| {
                let torn = |at: &DualRunning| at.tearing.as_ref().map(|tearing| tearing.revision.to_string());
                if let Phase::DualRunning(at) = &memory.phase { torn(at) } else { None }
            });
            status.version_statuses = Some(vec![first, second]);
        }
    }
}

fn write_phase(phase: &Phase, ledger: &Ledger, application: &Application, status: &mut FlinkApplicationStatus) {
    status.phase = Some(if *phase == Phase::New { String::new() } else { phase.name().to_string() });
    (status.updating, status.cluster_starting, status.savepointing, status.submitting_job) = (None, None, None, None);
    (status.rescaling, status.cancelling, status.recovering, status.rolling_back_job) = (None, None, None, None);
    (status.running, status.dual_running, status.deploy_failed, status.deleting) = (None, None, None, None);
    status.savepoint_trigger_id = None;
    status.savepoint_path = ledger.stopped.as_ref().and_then(|stopped| stopped.state.clone());
    status.retry_count = Some(0);
    let retries = |failed: u32| Some(i64::from(failed));
    match phase {
        Phase::New => {}
        Phase::Updating(at) => {
            status.retry_count = retries(at.tries.failed);
            status.updating = Some(at.clone());
        }
        Phase::ClusterStarting(at) => status.cluster_starting = Some(at.clone()),
        Phase::Savepointing(at) => {
            let trigger = ledger.deployed.as_ref().map(|deployed| at.trigger(&application.uid, deployed));
            status.savepoint_trigger_id = trigger.map(|trigger| trigger.to_string());
            status.retry_count = retries(at.tries.failed);
            status.savepointing = Some(at.clone());
        }
        Phase::SubmittingJob(at) => {
            status.savepoint_path.clone_from(&at.restore_from);
            status.retry_count = retries(at.tries.failed);
            status.submitting_job = Some(at.clone());
        }
        Phase::Rescaling(at) => status.rescaling = Some(at.clone()),
        Phase::Cancelling(at) => {
            status.retry_count = retries(at.tries.failed);
            status.cancelling = Some(at.clone());
        }
        Phase::Recovering(at) => {
            status.retry_count = retries(at.tries.failed);
            status.recovering = Some(at.clone());
        }
        Phase::RollingBackJob(at) => {
            status.retry_count = retries(at.launch.as_ref().map_or(at.tries, |launch| launch.tries).failed);
            status.rolling_back_job = Some(at.clone());
        }
        Phase::Running(at) => status.running = Some(at.clone()),
        Phase::DualRunning(at) => status.dual_running = Some(at.clone()),
        Phase::DeployFailed(at) => status.deploy_failed = Some(at.clone()),
        Phase::Deleting(at) => {
            let trigger = at.holders.first().map(|holder| holder.trigger(&application.uid));
            status.savepoint_trigger_id = trigger.map(|trigger| trigger.to_string());
            status.retry_count = retries(at.tries.failed);
            status.deleting = Some(at.clone());
        }
    }
}

fn error_on_the_wire(error: &LastError) -> FlinkApplicationError {
    FlinkApplicationError {
        app_error: Some(error.message.clone()),
        method: Some(error.method.clone()),
        error_code: Some("FAILED".to_owned()),
        is_retryable: Some(true),
        is_fail_fast: Some(false),
        max_retries: None,
        last_error_update_time: Some(Time(error.time)),
    }
}

fn last_error(error: &FlinkApplicationError) -> Option<LastError> {
    Some(LastError {
        method: error.method.clone().unwrap_or_default(),
        message: error.app_error.clone().unwrap_or_default(),
        time: error.last_error_update_time.as_ref()?.0,
    })
}

fn cluster_on_the_wire(
    figures: &ClusterFigures,
    application: &Application,
    policy: &Policy,
    colour: Option<Colour>,
) -> FlinkClusterStatus {
    FlinkClusterStatus {
        cluster_overview_url: external_url(application, policy, colour).map(|url| format!("{url}/#/overview")),
        health: Some(figures.health.to_string()),
        number_of_task_managers: Some(i64::from(figures.taskmanagers)),
        healthy_task_managers: Some(i64::from(figures.healthy_taskmanagers)),
        number_of_task_slots: Some(i64::from(figures.slots)),
        available_task_slots: Some(i64::from(figures.free_slots)),
    }
}

/// How a person reaches Flink's web page from outside; None without an Ingress or a proxy.
pub fn external_url(application: &Application, policy: &Policy, colour: Option<Colour>) -> Option<String> {
    let (namespace, name) = (&application.namespace, manifest::names::entrance(&application.name, colour));
    match policy.kubectl_proxy {
        Some(port) => Some(format!("http://localhost:{port}/api/v1/namespaces/{namespace}/services/{name}:8081/proxy")),
        None => manifest::host(policy, &application.name, colour),
    }
}

fn cluster_figures(status: &FlinkClusterStatus) -> Option<ClusterFigures> {
    Some(ClusterFigures {
        health: Health::from_str(status.health.as_deref()?).ok()?,
        taskmanagers: count(status.number_of_task_managers),
        healthy_taskmanagers: count(status.healthy_task_managers),
        slots: count(status.number_of_task_slots),
        free_slots: count(status.available_task_slots),
    })
}

fn job_on_the_wire(
    deployed: Option<&Deployed>,
    running: bool,
    figures: Option<&JobFigures>,
    application: &Application,
    policy: &Policy,
) -> Option<FlinkJobStatus> {
    if deployed.is_none() && figures.is_none() {
        return None;
    }
    let mut status = FlinkJobStatus::default();
    if let Some(Deployed { revision, job, .. }) = deployed {
        let url = external_url(application, policy, revision.colour);
        if running {
            status.job_overview_url = url.map(|url| format!("{url}/#/jobs/{job}"));
            status.job_id = Some(job.to_string());
        }
        status.jar_name = Some(revision.job.jar_name.clone());
        status.entry_class = Some(revision.job.entry_class.clone());
        status.program_args = Some(revision.job.program_args.clone());
        status.parallelism = Some(i64::from(revision.job.parallelism.get()));
        status.allow_non_restored_state = Some(revision.job.allow_non_restored_state);
    }
    if let Some(figures) = figures {
        status.health = Some(figures.health.to_string());
        status.state = figures.state.map(|state| state.to_string());
        status.start_time = figures.start_time.map(Time);
        status.job_restart_count = Some(i64::from(figures.restarts));
        status.completed_checkpoint_count = Some(i64::from(figures.completed_checkpoints));
        status.failed_checkpoint_count = Some(i64::from(figures.failed_checkpoints));
        status.checkpointing = figures.checkpointing;
        status.restore_path.clone_from(&figures.restore_path);
        status.restore_time = figures.restore_time.map(Time);
        status.last_failing_time = figures.last_failing.map(Time);
        status.last_checkpoint_path.clone_from(&figures.last_checkpoint);
        status.last_checkpoint_time = figures.last_checkpoint_time.map(Time);
        status.running_tasks = Some(i64::from(figures.running_tasks));
        status.total_tasks = Some(i64::from(figures.total_tasks));
        status.refresh_time = Some(Time(figures.refreshed));
    }
    Some(status)
}

fn job_figures(status: &FlinkJobStatus) -> Option<JobFigures> {
    let time = |time: &Option<Time>| time.as_ref().map(|time| whole_second(time.0));
    Some(JobFigures {
        health: Health::from_str(status.health.as_deref()?).ok()?,
        state: status.state.as_deref().and_then(|state| JobState::from_str(state).ok()),
        start_time: time(&status.start_time),
        restarts: count(status.job_restart_count),
        running_tasks: count(status.running_tasks),
        total_tasks: count(status.total_tasks),
        completed_checkpoints: count(status.completed_checkpoint_count),
        failed_checkpoints: count(status.failed_checkpoint_count),
        checkpointing: status.checkpointing,
        last_checkpoint: status.last_checkpoint_path.clone(),
        last_checkpoint_time: time(&status.last_checkpoint_time),
        restore_path: status.restore_path.clone(),
        restore_time: time(&status.restore_time),
        last_failing: time(&status.last_failing_time),
        refreshed: time(&status.refresh_time).unwrap_or(Timestamp::UNIX_EPOCH),
    })
}

fn count(number: Option<i64>) -> u32 {
    number.and_then(|number| u32::try_from(number).ok()).unwrap_or(0)
}

/// The original wrote whole seconds.
fn seconds(time: Timestamp) -> Time {
    Time(Timestamp::from_second(time.as_second()).unwrap_or(time))
}
