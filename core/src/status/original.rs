//! A status that the original operator wrote: what it remembers, or what it left to be found out.

use std::num::NonZeroU32;
use std::str::FromStr;

use jiff::Timestamp;

use crate::adopt::{self, Left, LeftIn, Version};
use crate::application::{Colour, JobPlan};
use crate::crd::{FlinkApplicationStatus, FlinkApplicationVersionStatus, FlinkJobStatus};
use crate::id::{JobId, RevisionId, TriggerId};
use crate::memory::{Deployed, Failure};
use crate::phase::PhaseName;

/// What the original left to be found out; None where the status is ours, or says all.
///
/// # Errors
/// It cannot be understood: the problem, in a sentence.
pub(super) fn left(status: &FlinkApplicationStatus) -> Result<Option<Left>, String> {
    let phase = status.phase.as_deref().and_then(|word| LeftIn::from_str(word).ok());
    let Some(phase) = phase.filter(|_| is_the_originals(status)) else { return Ok(None) };
    let (deployed, second) = (deployed_version(status)?, second_version(status)?);
    let torn_down = text(&status.teardown_hash)
        .filter(|_| is_blue_green(status) && phase == LeftIn::Running)
        .map(RevisionId::known);
    let at_rest = matches!(phase, LeftIn::Running | LeftIn::DeployFailed);
    let is_known = deployed.as_ref().is_some_and(|deployed| deployed.job.is_some());
    if at_rest && is_known && second.is_none() && torn_down.is_none() {
        return Ok(None);
    }
    let top = status.job_status.as_ref().filter(|_| !is_blue_green(status));
    Ok(Some(Left {
        phase,
        job: deployed.as_ref().map_or_else(|| top.and_then(job), |deployed| deployed.job.clone()),
        figures: deployed.as_ref().and_then(|deployed| deployed.figures.clone()),
        deployed: deployed.map(|deployed| deployed.revision),
        second,
        trigger: trigger(status, phase),
        savepoint: text(&status.savepoint_path).map(str::to_owned),
        torn_down,
        failed: failed(status),
        since: since(status),
    }))
}

/// Every status of ours counts its deploys.
fn is_the_originals(status: &FlinkApplicationStatus) -> bool {
    status.deploys.is_none()
}

fn is_blue_green(status: &FlinkApplicationStatus) -> bool {
    status.deployment_mode.as_deref() == Some("BlueGreen")
}

/// A BlueGreen savepoint does not end the job, so nobody has to wait for it; but for the last one.
fn trigger(status: &FlinkApplicationStatus, phase: LeftIn) -> Option<TriggerId> {
    let ends_the_job = !is_blue_green(status) || phase == LeftIn::Deleting;
    text(&status.savepoint_trigger_id).filter(|_| ends_the_job).map(TriggerId::known)
}

/// A job that the original left running.
pub(super) fn deployed(status: &FlinkApplicationStatus) -> Option<Deployed> {
    if !is_the_originals(status) {
        return None;
    }
    let Version { revision, job, .. } = deployed_version(status).ok()??;
    Some(Deployed {
        revision,
        job: job?,
        next_stop: 1,
        restored_from: None,
        attempt: 0,
        given_up: false,
        stop_asked: false,
    })
}

/// The deploy that the original gave up. It said no more of it than its hash.
pub(super) fn failed(status: &FlinkApplicationStatus) -> Option<Failure> {
    let is_failed = status.phase == Some(PhaseName::DeployFailed.to_string()) && is_the_originals(status);
    let hash = text(&status.failed_deploy_hash).filter(|_| is_failed)?;
    Some(Failure {
        digest: None,
        revision: Some(RevisionId::known(hash)),
        generation: 0,
        reason: "DeployFailed".to_owned(),
        message: format!("The original operator gave up the deploy of {hash}; its events may say why."),
        time: since(status),
    })
}

pub(super) fn since(status: &FlinkApplicationStatus) -> Timestamp {
    status.last_updated_at.as_ref().map_or(Timestamp::UNIX_EPOCH, |time| time.0)
}

/// `deployHash`. In BlueGreen the job of each version stands beside the version; what stands at the top may be the
/// other one's.
fn deployed_version(status: &FlinkApplicationStatus) -> Result<Option<Version>, String> {
    let Some(hash) = text(&status.deploy_hash) else { return Ok(None) };
    if !is_blue_green(status) {
        return Ok(Some(version(hash, None, status.job_status.as_ref())));
    }
    let found = versions(status).find(|version| text(&version.version_hash) == Some(hash));
    let named = found.and_then(|version| text(&version.app_version)).or(text(&status.deploy_version));
    let job = found.and_then(|version| version.job_status.as_ref());
    Ok(Some(version(hash, Some(colour(hash, named)?), job)))
}

/// The version that is not, or not yet, the deployed one (BlueGreen).
fn second_version(status: &FlinkApplicationStatus) -> Result<Option<Version>, String> {
    let other = |version: &&FlinkApplicationVersionStatus| {
        let hash = text(&version.version_hash);
        hash.is_some() && hash != text(&status.deploy_hash)
    };
    let Some(found) = versions(status).find(other).filter(|_| is_blue_green(status)) else { return Ok(None) };
    let hash = text(&found.version_hash).unwrap_or_default();
    let named = text(&found.app_version).or(text(&status.updating_version));
    Ok(Some(version(hash, Some(colour(hash, named)?), found.job_status.as_ref())))
}

fn versions(status: &FlinkApplicationStatus) -> impl Iterator<Item = &FlinkApplicationVersionStatus> {
    status.version_statuses.iter().flatten()
}

fn colour(hash: &str, named: Option<&str>) -> Result<Colour, String> {
    let colour = named.and_then(|name| Colour::from_str(name).ok());
    colour.ok_or_else(|| format!("it does not say whether version {hash} is blue or green"))
}

fn version(hash: &str, colour: Option<Colour>, status: Option<&FlinkJobStatus>) -> Version {
    let plan = status.map_or_else(adopt::unknown_plan, plan);
    Version {
        revision: adopt::revision(RevisionId::known(hash), plan, colour),
        job: status.and_then(job),
        figures: status.and_then(super::job_figures),
    }
}

fn plan(job: &FlinkJobStatus) -> JobPlan {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let parallelism = job.parallelism.and_then(|parallelism| u32::try_from(parallelism).ok());
    JobPlan {
        jar_name: text(&job.jar_name),
        entry_class: text(&job.entry_class),
        program_args: text(&job.program_args),
        parallelism: parallelism.and_then(NonZeroU32::new).unwrap_or(NonZeroU32::MIN),
        allow_non_restored_state: job.allow_non_restored_state.unwrap_or(false),
    }
}

fn job(status: &FlinkJobStatus) -> Option<JobId> {
    text(&status.job_id).map(JobId::known)
}

fn text(text: &Option<String>) -> Option<&str> {
    text.as_deref().filter(|text| !text.is_empty())
}
