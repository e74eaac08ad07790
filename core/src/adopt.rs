//! Taking over what the original operator left: the application goes on as it runs.
//!
//! The original's status does not say of what a cluster was made (its hash is not ours), so what is written
//! in the live Deployments is compared with the spec. What it left in the middle of something is in `adopt/left.rs`.

mod canonical;
mod content;
mod end;
mod hash;
mod jobs;
mod left;

use std::collections::BTreeMap;

use crate::application::{Application, Colour, JobPlan, Spec};
use crate::id::{JobId, RevisionId};
use crate::manifest::names;
use crate::memory::{Deployed, Ledger, Memory, Revision};
use crate::phase::{DualRunning, Phase};
use crate::rule::Rule;
use crate::snapshot::{ClusterObjects, Needs, Objects, Seen, Written};
use crate::step::Step;
use crate::view::View;

pub(crate) use jobs::unknown_plan;
pub use left::{Left, LeftIn, Version};
pub(crate) use left::{needs as needs_of_left, step as step_of_left};

/// Adds to `needs` what the taking over of a deployed job asks for. At rest that is nothing.
pub(crate) fn ask(application: &Application, memory: &Memory, needs: &mut Needs) {
    if matches!(memory.phase, Phase::Running(_) | Phase::DeployFailed(_)) {
        needs.written = asks(application, memory);
        needs.jobs = may_be_another(&memory.ledger).is_some();
    }
    // A version that is being torn down is not compared any more.
    if matches!(&memory.phase, Phase::DualRunning(at) if !tears(at, &memory.ledger)) {
        needs.written = application.spec.is_ok() && open_second(&memory.ledger).is_some();
    }
}

/// One of the two versions is on its way out.
fn tears(at: &DualRunning, ledger: &Ledger) -> bool {
    let mut versions = ledger.deployed.iter().chain(&ledger.second);
    at.tearing.as_ref().is_some_and(|tearing| versions.any(|version| version.revision.id == tearing.revision))
}

/// The deployed revision is the original's, and nothing says yet whether it is what the spec asks for.
fn asks(application: &Application, memory: &Memory) -> bool {
    let ledger = &memory.ledger;
    let open = ledger.deployed.as_ref().is_some_and(|deployed| deployed.revision.digest.is_none());
    let failed = ledger.failed.as_ref().and_then(|failed| failed.digest.as_ref());
    let settled = |spec: &Spec| [failed, ledger.torn_down.as_ref()].contains(&Some(spec.digest()));
    open && !application.spec.as_deref().is_ok_and(settled)
}

/// The newer version is the original's, and nothing says yet whether it is what the spec asks for.
fn open_second(ledger: &Ledger) -> Option<&Deployed> {
    ledger.second.as_ref().filter(|second| second.revision.digest.is_none())
}

/// A revision that the original deployed.
pub(crate) fn revision(id: RevisionId, job: JobPlan, colour: Option<Colour>) -> Revision {
    Revision { id, digest: None, number: 0, generation: 0, job, colour, cluster: None }
}

/// The deployed job is taken over as it runs, if its cluster says what the spec asks for. None: there is nothing to
/// take over, or the spec asks for something else.
pub(crate) fn deployed(view: &View<'_>) -> Option<Step> {
    let deployed = view.deployed().filter(|_| asks(view.app, view.memory))?;
    let Some(written) = view.written() else {
        return Some(view.kubernetes_awaited());
    };
    if let Some(id) = relabelled(view.app, &deployed.revision.id, written) {
        return Some(move_to(view, |ledger| ledger.deployed.iter_mut().for_each(|it| it.revision.id = id.clone())));
    }
    let spec = view.app.spec.as_ref().ok()?;
    if difference(view, spec, &deployed.revision, written).is_some() {
        return given_up(view, spec, &deployed.revision);
    }
    let revision = as_asked(view, spec, &deployed.revision);
    Some(move_to(view, |ledger| ledger.deployed.iter_mut().for_each(|it| it.revision = revision.clone())))
}

/// As [`deployed`], for the newer of two versions.
pub(crate) fn second(view: &View<'_>) -> Option<Step> {
    let second = open_second(view.ledger())?;
    let (spec, written) = (view.app.spec.as_ref().ok()?, view.written()?);
    if difference(view, spec, &second.revision, written).is_some() {
        return None;
    }
    let revision = as_asked(view, spec, &second.revision);
    Some(move_to(view, |ledger| ledger.second.iter_mut().for_each(|it| it.revision = revision.clone())))
}

/// The original's revision, once it is known to be made of `spec`.
fn as_asked(view: &View<'_>, spec: &Spec, of: &Revision) -> Revision {
    view.revision(of.id.clone(), of.number, of.colour, spec)
}

/// What the original gave up is not tried again before the next edit.
fn given_up(view: &View<'_>, spec: &Spec, deployed: &Revision) -> Option<Step> {
    let failed = view.ledger().failed.as_ref().filter(|failed| failed.digest.is_none())?;
    let asked = content::Asked { app: view.app, spec, policy: view.policy };
    if !failed.revision.as_ref().is_some_and(|id| hash::is_of(&asked, deployed.colour.is_some(), id)) {
        return None;
    }
    Some(move_to(view, |ledger| {
        if let Some(failed) = &mut ledger.failed {
            failed.digest = Some(spec.digest().clone());
            failed.generation = view.app.generation;
        }
    }))
}

/// Tells beside `step` why the deployed job was not taken over, if that is why it is taken.
pub(crate) fn explained(view: &View<'_>, spec: &Spec, step: Step) -> Step {
    let deployed = view.deployed().filter(|_| asks(view.app, view.memory));
    match deployed.zip(view.written()).and_then(|(it, written)| difference(view, spec, &it.revision, written)) {
        Some(why) => step.because(format!("what the original operator deployed is not what the spec asks for: {why}")),
        None => step,
    }
}

fn difference(
    view: &View<'_>,
    spec: &Spec,
    revision: &Revision,
    written: &BTreeMap<RevisionId, Written>,
) -> Option<String> {
    let Some(written) = written.get(&revision.id) else {
        return Some("its Deployments do not exist".to_owned());
    };
    content::difference(&content::Asked { app: view.app, spec, policy: view.policy }, revision, written)
}

fn move_to(view: &View<'_>, change: impl FnOnce(&mut Ledger)) -> Step {
    let mut memory = view.memory.clone();
    change(&mut memory.ledger);
    Rule::RevisionAdopted.to(memory)
}

/// Scaling in place, the original gave Deployments another label and left them their name; if that failed half-way,
/// its status still has the former one. Nothing is known by it any more, so the label is the revision.
fn relabelled(app: &Application, id: &RevisionId, written: &BTreeMap<RevisionId, Written>) -> Option<RevisionId> {
    let named = |written: &Written| {
        let jobmanager = written.jobmanager.as_ref().and_then(|it| it.metadata.name.as_deref());
        jobmanager.is_some_and(|name| is_named_by(app, id, name))
    };
    if written.get(id).is_some_and(|it| it.jobmanager.is_some()) {
        return None;
    }
    written.iter().find(|(_, written)| named(written)).map(|(label, _)| label.clone())
}

/// Whether the name of a Deployment is that of this revision, with a colour or without.
fn is_named_by(app: &Application, id: &RevisionId, name: &str) -> bool {
    name.strip_prefix(&names::versioned_service(&app.name, id)).is_some_and(|rest| rest.starts_with('-'))
}

/// Whether a cluster that is not `deployed` by its label is still a part of it, so that it must stay with it: the
/// original scales in place by giving Deployments another label, one after the other.
pub(crate) fn is_part_of(app: &Application, deployed: &Revision, objects: &Objects, cluster: &ClusterObjects) -> bool {
    if deployed.number > 0 {
        return false;
    }
    let of = |cluster: &ClusterObjects| {
        let deployments = [&cluster.jobmanager, &cluster.taskmanager];
        deployments.into_iter().flatten().map(|it| it.name.clone()).collect::<Vec<_>>()
    };
    let own = objects.clusters.get(&deployed.id).map(of).unwrap_or_default();
    let (own, other): (Vec<_>, _) = (own.iter().map(|name| without_role(name)).collect(), of(cluster));
    // Pods find their JobManager by the Service of a former revision, which has no Deployments any more.
    other.is_empty()
        || other.iter().any(|name| own.contains(&without_role(name)) || is_named_by(app, &deployed.id, name))
}

/// What the names of a JobManager's Deployment and of its TaskManagers' begin with.
fn without_role(name: &str) -> &str {
    name.rsplit_once('-').map_or(name, |(cluster, _)| cluster)
}

/// The original's job, where Flink does not know it any more. Its status may name another job than the one that runs.
fn may_be_another(ledger: &Ledger) -> Option<&Deployed> {
    let lost = ledger.job.as_ref().is_some_and(|job| job.state.is_none());
    ledger.deployed.as_ref().filter(|deployed| lost && deployed.attempt == 0 && ledger.stopped.is_none())
}

/// Whether the deployed job, which Flink does not know, may be started again.
pub(crate) enum Lost {
    /// No job runs on its cluster.
    Really,
    /// That is not known yet.
    Perhaps,
    /// Another job runs there, which the original knew by another name: it is taken for the deployed one.
    Mistaken(Box<Step>),
}

pub(crate) fn lost(view: &View<'_>, deployed: &Deployed) -> Lost {
    if may_be_another(view.ledger()).is_none() {
        return Lost::Really;
    }
    let Some(jobs) = view.jobs(&deployed.revision.id) else { return Lost::Perhaps };
    let mut active = jobs.iter().filter(|job| !job.state.has_ended()).map(|job| &job.id);
    match (active.next(), active.next()) {
        (None, _) => Lost::Really,
        (Some(job), None) if *job != deployed.job => Lost::Mistaken(Box::new(renamed(view, job))),
        (Some(_), _) => Lost::Perhaps,
    }
}

fn renamed(view: &View<'_>, job: &JobId) -> Step {
    let text = format!("job {job} runs where the original operator's status names another");
    move_to(view, |ledger| {
        ledger.deployed.iter_mut().for_each(|it| it.job = job.clone());
        ledger.job = None;
    })
    .because(text)
}

impl<'a> View<'a> {
    /// The Deployments as they are written.
    pub(crate) fn written(&self) -> Option<&'a BTreeMap<RevisionId, Written>> {
        match self.observed_written() {
            Seen::Present(written) => Some(written),
            Seen::NotAsked | Seen::Absent | Seen::Unreachable(_) => None,
        }
    }
}
