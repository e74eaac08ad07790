//! Which of the original's jobs runs: every JobManager of the application is asked what it knows.

use std::num::NonZeroU32;

use super::left::{Left, LeftIn, Version};
use crate::application::{Colour, JobPlan};
use crate::id::{JobId, RevisionId};
use crate::manifest::names;
use crate::memory::Revision;
use crate::snapshot::{ClusterObjects, JobState, ListedJob, Objects, Seen, Snapshot, Written};

/// A job, and the revision on whose cluster it is.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub revision: Revision,
    pub job: JobId,
}

/// The older version and the newer one.
pub(super) type Pair = (Found, Found);

/// What the JobManagers say.
pub(super) enum Jobs {
    /// Not all of them have answered, or there are more jobs than the original can have meant.
    Unknown(String),
    /// This one runs, or has come to a good end after it was submitted last.
    One(Found),
    /// Two versions have been started (BlueGreen): the deployed one, and the newer one.
    Both(Box<Pair>),
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
        Ok(all) => match (&left.deployed, &left.second) {
            (Some(first), Some(second)) => versions(snapshot, left, (first, second), &all),
            (Some(_) | None, _) => choose(snapshot, left, &all),
        },
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
                    "the JobManager of {revision} may run a job and does not answer ({}); mend it, or delete its \
                     Deployment if nobody needs it",
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
            return Jobs::Unknown(several(&active));
        }
    };
    let (id, job) = found;
    Jobs::One(Found { revision: revision(snapshot, left, id), job: job.id.clone() })
}

fn several(active: &[Listed<'_>]) -> String {
    let ids: Vec<_> = active.iter().map(|(revision, job)| format!("{} on {revision}", job.id)).collect();
    format!("several jobs run ({}): cancel all that are not wanted", ids.join(", "))
}

/// Each version has its own job. The newer one counts from its submission, whatever became of the older one.
fn versions(snapshot: &Snapshot, left: &Left, (first, second): (&Revision, &Version), all: &[Listed<'_>]) -> Jobs {
    let active: Vec<_> = all.iter().copied().filter(|(_, job)| !job.state.has_ended()).collect();
    let on = |id: &RevisionId, named: Option<&JobId>| {
        let here: Vec<_> = active.iter().filter(|(revision, _)| *revision == id).map(|(_, job)| &job.id).collect();
        match (here.iter().find(|job| Some(**job) == named), here.as_slice()) {
            (Some(job), _) => Ok(Some((*job).clone())),
            (None, []) => Ok(None),
            (None, [job]) => Ok(Some((*job).clone())),
            (None, _) => Err(several(&active)),
        }
    };
    if active.iter().any(|(revision, _)| **revision != first.id && **revision != second.revision.id) {
        return Jobs::Unknown(several(&active));
    }
    let (old, new) = match (on(&first.id, left.job.as_ref()), on(&second.revision.id, second.job.as_ref())) {
        (Ok(old), Ok(new)) => (old, new),
        (Err(why), _) | (_, Err(why)) => return Jobs::Unknown(why),
    };
    let found = |revision: &Revision, job: JobId| Found { revision: revision.clone(), job };
    let new = new.or_else(|| second.job.clone().filter(|job| has_finished(job, all)));
    let objects = snapshot.observed.objects.present();
    let stands = objects.and_then(|all| all.clusters.get(&first.id)).is_some_and(|it| it.jobmanager.is_some());
    match (old.clone().or_else(|| left.job.clone()).filter(|_| stands), new, old) {
        (Some(old), Some(new), _) => Jobs::Both(Box::new((found(first, old), found(&second.revision, new)))),
        (None, Some(new), _) => Jobs::One(found(&second.revision, new)),
        (_, None, Some(old)) => Jobs::One(found(first, old)),
        (_, None, None) => Jobs::None { last: left.job.clone().or_else(|| last(left, all)) },
    }
}

fn has_finished(id: &JobId, all: &[Listed<'_>]) -> bool {
    all.iter().any(|(_, job)| job.id == *id && job.state == JobState::Finished)
}

/// The job that was submitted last has already come to its own end.
fn ended_well<'a>(left: &Left, all: &[Listed<'a>]) -> Option<Listed<'a>> {
    let named = [left.job.as_ref(), left.second.as_ref().and_then(|second| second.job.as_ref())];
    all.iter().copied().find(|(_, job)| named.contains(&Some(&job.id)) && job.state == JobState::Finished)
}

/// The deployed job, which has ended.
fn last(left: &Left, all: &[Listed<'_>]) -> Option<JobId> {
    let deployed = &left.deployed.as_ref()?.id;
    let mut on_it = all.iter().filter(|(revision, _)| *revision == deployed);
    on_it.next_back().map(|(_, job)| job.id.clone())
}

fn revision(snapshot: &Snapshot, left: &Left, id: &RevisionId) -> Revision {
    let told = left.deployed.iter().chain(left.second.iter().map(|second| &second.revision));
    if let Some(told) = told.into_iter().find(|told| told.id == *id) {
        return told.clone();
    }
    let written = snapshot.observed.written.present().and_then(|written| written.get(id));
    let job = written.and_then(plan).unwrap_or_else(|| no_plan(left));
    super::revision(id.clone(), job, written.and_then(colour))
}

fn colour(written: &Written) -> Option<Colour> {
    written.jobmanager.as_ref()?.metadata.labels.as_ref()?.get(names::COLOUR)?.parse().ok()
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
