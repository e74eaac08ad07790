//! A status that the original operator wrote: what it remembers, or what it left to be found out.

use std::num::NonZeroU32;
use std::str::FromStr;

use jiff::Timestamp;

use crate::adopt::{self, Left, LeftIn};
use crate::application::JobPlan;
use crate::crd::{FlinkApplicationStatus, FlinkJobStatus};
use crate::id::{JobId, RevisionId, TriggerId};
use crate::memory::{Deployed, Failure, Revision};
use crate::phase::PhaseName;

/// What the original left to be found out; None where the status is ours, or says all.
pub(super) fn left(status: &FlinkApplicationStatus) -> Option<Left> {
    if !is_the_originals(status) {
        return None;
    }
    let phase = LeftIn::from_str(status.phase.as_deref()?).ok()?;
    let (revision, job) = (revision(status), job(status));
    let at_rest = matches!(phase, LeftIn::Running | LeftIn::DeployFailed);
    let says_all = at_rest && revision.is_some() && job.is_some();
    (!says_all).then(|| Left {
        phase,
        deployed: revision,
        job,
        trigger: trigger(status),
        savepoint: text(&status.savepoint_path).map(str::to_owned),
        since: since(status),
        figures: job_status(status).and_then(super::job_figures),
    })
}

/// Every status of ours counts its deploys.
fn is_the_originals(status: &FlinkApplicationStatus) -> bool {
    status.deploys.is_none()
}

/// A BlueGreen savepoint does not end the job, so nobody has to wait for it.
fn trigger(status: &FlinkApplicationStatus) -> Option<TriggerId> {
    let ends_the_job = status.deployment_mode.as_deref() != Some("BlueGreen");
    text(&status.savepoint_trigger_id).filter(|_| ends_the_job).map(TriggerId::known)
}

/// A job that the original left running.
pub(super) fn deployed(status: &FlinkApplicationStatus) -> Option<Deployed> {
    if !is_the_originals(status) {
        return None;
    }
    Some(Deployed { revision: revision(status)?, job: job(status)?, next_stop: 1, restored_from: None })
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

fn revision(status: &FlinkApplicationStatus) -> Option<Revision> {
    let id = RevisionId::known(text(&status.deploy_hash)?);
    let job = job_status(status).map_or_else(adopt::unknown_plan, plan);
    Some(Revision { id, digest: None, number: 0, generation: 0, job })
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

fn job(status: &FlinkApplicationStatus) -> Option<JobId> {
    job_status(status).and_then(|job| text(&job.job_id)).map(JobId::known)
}

/// In BlueGreen the job of each version stands beside the version; what stands at the top is the newer one's.
fn job_status(status: &FlinkApplicationStatus) -> Option<&FlinkJobStatus> {
    let hash = text(&status.deploy_hash);
    let versions = status.version_statuses.iter().flatten();
    let deployed = versions.filter(|version| hash.is_some() && text(&version.version_hash) == hash);
    let of_it = deployed.filter_map(|version| version.job_status.as_ref()).next();
    of_it.filter(|job| text(&job.job_id).is_some()).or(status.job_status.as_ref())
}

fn text(text: &Option<String>) -> Option<&str> {
    text.as_deref().filter(|text| !text.is_empty())
}
