//! Taking over what the original operator left: the application goes on as it runs.
//!
//! The original's status does not say of what a cluster was made (its hash is not ours), so what is written
//! in the live Deployments is compared with the spec. What it left in the middle of something is in [`left`].

mod canonical;
mod content;
mod hash;
mod jobs;
mod left;

use std::collections::BTreeMap;

use crate::application::{Application, Spec};
use crate::id::RevisionId;
use crate::manifest::names;
use crate::memory::{Deployed, Memory};
use crate::phase::Phase;
use crate::rule::Rule;
use crate::snapshot::{Needs, Seen, Written};
use crate::step::Step;
use crate::view::View;

pub(crate) use jobs::unknown_plan;
pub use left::{Left, LeftIn};
pub(crate) use left::{needs as needs_of_left, step as step_of_left};

/// Adds to `needs` what the taking over of a deployed job asks for. At rest that is nothing.
pub(crate) fn ask(application: &Application, memory: &Memory, needs: &mut Needs) {
    if matches!(memory.phase, Phase::Running(_) | Phase::DeployFailed(_)) {
        needs.written = asks(application, memory);
    }
}

/// The deployed revision is the original's, and nothing says yet whether it is what the spec asks for.
fn asks(application: &Application, memory: &Memory) -> bool {
    let ledger = &memory.ledger;
    let open = ledger.deployed.as_ref().is_some_and(|deployed| deployed.revision.digest.is_none());
    let failed = ledger.failed.as_ref().and_then(|failed| failed.digest.as_ref());
    let tried = application.spec.as_ref().is_ok_and(|spec| failed == Some(spec.digest()));
    open && !tried
}

/// The deployed job is taken over as it runs, if its cluster says what the spec asks for. None: there is nothing to
/// take over, or the spec asks for something else.
pub(crate) fn deployed(view: &View<'_>) -> Option<Step> {
    let deployed = view.deployed().filter(|_| asks(view.app, view.memory))?;
    let Some(written) = view.written() else {
        return Some(view.kubernetes_awaited());
    };
    if let Some(id) = relabelled(view.app, &deployed.revision.id, written) {
        return Some(move_to(view, |deployed| deployed.revision.id = id));
    }
    let spec = view.app.spec.as_ref().ok()?;
    if difference(view, spec, deployed, written).is_some() {
        return given_up(view, spec);
    }
    Some(move_to(view, |deployed| {
        deployed.revision.digest = Some(spec.digest().clone());
        deployed.revision.generation = view.app.generation;
        deployed.revision.job = spec.job.clone();
    }))
}

/// What the original gave up is not tried again before the next edit.
fn given_up(view: &View<'_>, spec: &Spec) -> Option<Step> {
    let failed = view.ledger().failed.as_ref().filter(|failed| failed.digest.is_none())?;
    let asked = content::Asked { app: view.app, spec, policy: view.policy };
    if failed.revision != Some(hash::of(&asked)) {
        return None;
    }
    let mut memory = view.memory.clone();
    if let Some(failed) = &mut memory.ledger.failed {
        failed.digest = Some(spec.digest().clone());
        failed.generation = view.app.generation;
    }
    Some(Rule::RevisionAdopted.to(memory))
}

/// Tells beside `step` why the deployed job was not taken over, if that is why it is taken.
pub(crate) fn explained(view: &View<'_>, spec: &Spec, step: Step) -> Step {
    let deployed = view.deployed().filter(|_| asks(view.app, view.memory));
    match deployed.zip(view.written()).and_then(|(deployed, written)| difference(view, spec, deployed, written)) {
        Some(why) => step.because(format!("what the original operator deployed is not what the spec asks for: {why}")),
        None => step,
    }
}

fn difference(
    view: &View<'_>,
    spec: &Spec,
    deployed: &Deployed,
    written: &BTreeMap<RevisionId, Written>,
) -> Option<String> {
    let Some(written) = written.get(&deployed.revision.id) else {
        return Some("its Deployments do not exist".to_owned());
    };
    content::difference(&content::Asked { app: view.app, spec, policy: view.policy }, &deployed.revision, written)
}

fn move_to(view: &View<'_>, change: impl FnOnce(&mut Deployed)) -> Step {
    let mut memory = view.memory.clone();
    if let Some(deployed) = &mut memory.ledger.deployed {
        change(deployed);
    }
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

impl<'a> View<'a> {
    /// The Deployments as they are written.
    pub(crate) fn written(&self) -> Option<&'a BTreeMap<RevisionId, Written>> {
        match self.observed_written() {
            Seen::Present(written) => Some(written),
            Seen::NotAsked | Seen::Absent | Seen::Unreachable(_) => None,
        }
    }
}
