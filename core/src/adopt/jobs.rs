//! Which of the original's jobs runs: every JobManager of the application is asked what it knows.

use std::num::NonZeroU32;

use super::left::{Left, LeftIn};
use crate::application::JobPlan;
use crate::id::{JobId, RevisionId};
use crate::manifest::names;
use crate::memory::Revision;
use crate::snapshot::{ClusterObjects, JobState, ListedJob, Objects, Seen, Snapshot, Written};

/// What the JobManagers say.
pub(super) enum Jobs {
    /// Not all of them have answered, or there are more jobs than the original can have meant.
    Unknown(String),
    /// This one runs, or has come to a good end after it was submitted last.
    One { revision: Revision, job: JobId },
    /// None does. `last` is the deployed revision's.
    None { last: Option<JobId> },
}

pub(super) fn find(snapshot: &Snapshot, left: &Left) -> Jobs {
    let objects = match &snapshot.observed.objects {
        Seen::Present(objects) => objects,
        Seen::NotAsked | Seen::Absent => return Jobs::Unknown("the application's objects were not seen yet".into()),
        Seen::Unreachable(trouble) => return Jobs::Unknown(trouble.message.clone()),
    };
    match listed(snapshot, objects) {
        Ok(all) => choose(snapshot, left, &all),
        Err(why) => Jobs::Unknown(why),
    }
}

type Listed<'a> = (&'a RevisionId, &'a ListedJob);

fn listed<'a>(snapshot: &'a Snapshot, objects: &'a Objects) -> Result<Vec<Listed<'a>>, String> {
    let mut all = Vec::new();
    for revision in objects.clusters.iter().filter(|(_, cluster)| has_pods(cluster)).map(|(revision, _)| revision) {
        match snapshot.observed.jobs.get(revision) {
            Some(Seen::Present(jobs)) => all.extend(jobs.iter().map(|job| (revision, job))),
            Some(Seen::Unreachable(trouble)) => {
                return Err(format!(
                    "the JobManager of {revision} may run a job and does not answer ({})",
                    trouble.message
                ));
            }
            Some(Seen::Absent | Seen::NotAsked) | None => {
                return Err(format!("the JobManager of {revision} was not asked for its jobs yet"));
            }
        }
    }
    Ok(all)
}

/// Without pods nobody runs a job.
fn has_pods(cluster: &ClusterObjects) -> bool {
    cluster.jobmanager.as_ref().is_some_and(|jobmanager| jobmanager.existing > 0)
}

fn choose(snapshot: &Snapshot, left: &Left, all: &[Listed<'_>]) -> Jobs {
    let deployed = left.deployed.as_ref().map(|revision| &revision.id);
    let on = |revision: &RevisionId| Some(revision) == deployed;
    let active: Vec<_> = all.iter().copied().filter(|(_, job)| !job.state.has_ended()).collect();
    let named = active.iter().copied().find(|(_, job)| Some(&job.id) == left.job.as_ref());
    let (old, new): (Vec<_>, Vec<_>) = active.iter().copied().partition(|(revision, _)| on(revision));
    let found = match (named, old.as_slice(), new.as_slice()) {
        (Some(named), _, _) => named,
        // The original started the one although the other still ran. It went on with the new one, except backwards.
        (None, [old], [new]) => {
            if left.phase == LeftIn::SubmittingJob {
                *new
            } else {
                *old
            }
        }
        (None, [one], []) | (None, [], [one]) => *one,
        (None, [], []) => match ended_well(left, all) {
            Some(found) => found,
            None => return Jobs::None { last: last(left, all) },
        },
        (None, _, _) => {
            let ids: Vec<_> = active.iter().map(|(revision, job)| format!("{} on {revision}", job.id)).collect();
            return Jobs::Unknown(format!("several jobs run ({}): cancel all but one", ids.join(", ")));
        }
    };
    let (id, job) = found;
    Jobs::One { revision: revision(snapshot, left, id), job: job.id.clone() }
}

/// The job that was submitted last has already come to its own end.
fn ended_well<'a>(left: &Left, all: &[Listed<'a>]) -> Option<Listed<'a>> {
    let is_it = |job: &ListedJob| Some(&job.id) == left.job.as_ref() && job.state == JobState::Finished;
    all.iter().copied().find(|(_, job)| is_it(job))
}

/// The deployed job, which has ended.
fn last(left: &Left, all: &[Listed<'_>]) -> Option<JobId> {
    let deployed = &left.deployed.as_ref()?.id;
    let mut on_it = all.iter().filter(|(revision, _)| *revision == deployed);
    on_it.next_back().map(|(_, job)| job.id.clone())
}

fn revision(snapshot: &Snapshot, left: &Left, id: &RevisionId) -> Revision {
    if let Some(deployed) = left.deployed.as_ref().filter(|deployed| deployed.id == *id) {
        return deployed.clone();
    }
    let written = snapshot.observed.written.present().and_then(|written| written.get(id));
    let job = written.and_then(plan).unwrap_or_else(|| no_plan(left));
    Revision { id: id.clone(), digest: None, number: 0, generation: 0, job }
}

fn no_plan(left: &Left) -> JobPlan {
    left.deployed.as_ref().map_or_else(unknown_plan, |deployed| deployed.job.clone())
}

/// Stands where the original did not say; it is replaced by the spec's when the revision is taken over.
pub(crate) fn unknown_plan() -> JobPlan {
    JobPlan {
        jar_name: String::new(),
        entry_class: String::new(),
        program_args: String::new(),
        parallelism: NonZeroU32::MIN,
        allow_non_restored_state: false,
    }
}

/// The job as the annotation of a Deployment tells it.
fn plan(written: &Written) -> Option<JobPlan> {
    let annotations = written.jobmanager.as_ref()?.metadata.annotations.as_ref()?;
    let rest = annotations.get(names::JOB_PROPERTIES)?.strip_prefix("jarName: ")?;
    let (jar_name, rest) = rest.split_once("\nparallelism: ")?;
    let (parallelism, rest) = rest.split_once("\nentryClass:")?;
    let (entry_class, rest) = rest.split_once("\nprogramArgs:\"")?;
    Some(JobPlan {
        jar_name: jar_name.to_owned(),
        entry_class: entry_class.to_owned(),
        program_args: rest.strip_suffix('"')?.to_owned(),
        parallelism: parallelism.parse().ok()?,
        allow_non_restored_state: false,
    })
}
