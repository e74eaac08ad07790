//! Running: the spec is deployed. At rest this looks, and does nothing.

use crate::adopt;
use crate::effect::Effect;
use crate::manifest;
use crate::phase::{Running, monitor};
use crate::rule::Rule;
use crate::snapshot::Objects;
use crate::step::Step;
use crate::view::View;

pub(super) fn step(view: &View<'_>, _at: &Running) -> Step {
    let spec = match &view.app.spec {
        Err(refusal) => return view.refuse(refusal),
        Ok(spec) => spec,
    };
    if let Some(step) = adopt::deployed(view) {
        return step;
    }
    if !view.asks_for_deployed(spec) {
        return adopt::explained(view, spec, view.begin(Rule::SpecChanged, spec));
    }
    let Some(objects) = view.objects() else {
        return view.kubernetes_awaited();
    };
    monitor::clean_up(view, objects)
        .or_else(|| repair(view, objects))
        .or_else(|| monitor::refresh(view))
        .unwrap_or_else(|| Rule::JobRests.stay().wake_at(monitor::next_look(view)))
}

/// Objects that a third party deleted or bent. While the last try failed, the next waits for the poll.
fn repair(view: &View<'_>, objects: &Objects) -> Option<Step> {
    let (deployed, spec) = (view.deployed()?, view.app.spec.as_ref().ok()?);
    let id = &deployed.revision.id;
    let cluster = objects.clusters.get(id);
    let jobmanager = cluster.is_some_and(|it| it.jobmanager.is_some());
    let taskmanager = cluster.is_some_and(|it| it.taskmanager.is_some());
    let versioned = cluster.is_some_and(|it| it.service.is_some());
    let generic = objects.generic_service.as_ref();
    // The original drew its selectors at random: its Service leads to its pods as long as they live.
    let adopted = deployed.revision.number == 0;
    let pointed = generic.is_none_or(|service| adopted || manifest::names::selects_jobmanager(&service.selects, id));
    if (jobmanager && taskmanager && versioned && generic.is_some() && pointed) || view.trouble().is_some() {
        return None;
    }
    let made = manifest::render(view.app, spec, view.policy, id);
    if !pointed {
        return Some(Rule::ServicePointed.stay().run([Effect::PointService(Box::new(made.generic_service))]));
    }
    let mut effects = Vec::new();
    if !jobmanager {
        effects.push(Effect::CreateDeployment(Box::new(made.jobmanager)));
    }
    if generic.is_none() {
        effects.push(Effect::CreateService(Box::new(made.generic_service)));
    }
    if !versioned {
        effects.push(Effect::CreateService(Box::new(made.versioned_service)));
    }
    if !taskmanager {
        effects.push(Effect::CreateDeployment(Box::new(made.taskmanager)));
    }
    Some(Rule::ClusterRepaired.stay().run(effects))
}
