//! Keeping the objects of deployed revisions as they should be: what a third party deleted or bent, and what the
//! operator's own configuration asks of them now.
//!
//! The Service that leads to a JobManager is made again in every phase that asks it; the rest waits until the application
//! rests. Services, Ingresses and counts follow from what is pinned; Deployments can be made again only while the spec is
//! the one that they were made of.

use crate::application::Ports;
use crate::effect::{Effect, Target};
use crate::manifest::{self, names};
use crate::memory::Revision;
use crate::rule::Rule;
use crate::snapshot::{IngressSeen, Objects, ServiceSeen};
use crate::step::Step;
use crate::view::View;

/// The next thing to mend at what is deployed. While the last try failed, the next waits for the poll.
pub(super) fn deployed(view: &View<'_>, objects: &Objects) -> Option<Step> {
    if view.trouble().is_some() {
        return None;
    }
    let first = view.deployed().filter(|_| view.ledger().stopped.is_none());
    first.into_iter().chain(&view.ledger().second).find_map(|deployed| step(view, objects, &deployed.revision))
}

fn step(view: &View<'_>, objects: &Objects, revision: &Revision) -> Option<Step> {
    pointing(view, objects, revision)
        .or_else(|| scaling(objects, revision))
        .or_else(|| missing(view, objects, revision))
        .or_else(|| ingress(view, objects, revision))
}

/// The Service of the application (or of the version's colour) leads to this revision's JobManager.
pub(super) fn pointing(view: &View<'_>, objects: &Objects, revision: &Revision) -> Option<Step> {
    let entrance = entrance(view, objects, revision)?;
    let ports = revision.cluster.as_ref().map(|plan| plan.ports);
    let drawn = drawn(objects, revision);
    let points = match drawn {
        Some(drawn) => entrance.selects == drawn,
        // Without its own Service nothing tells what the original drew.
        None if revision.number == 0 => true,
        None => names::selects_jobmanager(&entrance.selects, &revision.id),
    };
    let serves = ports.is_none_or(|ports| numbers(ports) == entrance.ports.as_slice());
    if points && serves {
        return None;
    }
    let ports = ports.or_else(|| read(&entrance.ports))?;
    let wanted = manifest::generic_service(view.app, ports, revision, drawn);
    Some(Rule::ServicePointed.stay().run([Effect::PointService(Box::new(wanted))]))
}

/// The revision has as many TaskManagers as it was planned with.
pub(super) fn scaling(objects: &Objects, revision: &Revision) -> Option<Step> {
    let replicas = revision.cluster.as_ref()?.taskmanagers;
    let seen = objects.clusters.get(&revision.id)?.taskmanager.as_ref().filter(|it| !it.deleting)?;
    if seen.replicas == replicas {
        return None;
    }
    let target = Target { name: seen.name.clone(), uid: seen.uid.clone(), revision: revision.id.clone() };
    Some(Rule::TaskManagersScaled.stay().run([Effect::ScaleDeployment { target, replicas }]))
}

fn missing(view: &View<'_>, objects: &Objects, revision: &Revision) -> Option<Step> {
    let cluster = objects.clusters.get(&revision.id);
    let jobmanager = cluster.is_some_and(|it| it.jobmanager.is_some());
    let taskmanager = cluster.is_some_and(|it| it.taskmanager.is_some());
    let versioned = cluster.is_some_and(|it| it.service.is_some());
    let generic = entrance(view, objects, revision).is_some();
    if jobmanager && taskmanager && versioned && generic {
        return None;
    }
    let spec = view.spec().ok().filter(|spec| revision.digest.as_ref() == Some(spec.digest()));
    let ports = revision.cluster.as_ref().map(|plan| plan.ports).or_else(|| spec.map(|spec| spec.ports));
    // As long as the pods of the original are not made anew, Services lead to them by what it drew.
    let drawn = drawn(objects, revision).filter(|_| jobmanager);
    let known = revision.number > 0 || !jobmanager || drawn.is_some();
    let made = spec.map(|spec| manifest::render(view.app, spec, view.policy, revision));
    let mut effects = Vec::new();
    if let Some(made) = made.as_ref().filter(|_| !jobmanager) {
        effects.push(Effect::CreateDeployment(Box::new(made.jobmanager.clone())));
        // The new pods have the selector that is derived; what the original drew goes with its pods.
        effects.extend(
            self::drawn(objects, revision).map(|_| Effect::PointService(Box::new(made.versioned_service.clone()))),
        );
    }
    if let Some(ports) = ports.filter(|_| !generic && known) {
        let service = manifest::generic_service(view.app, ports, revision, drawn);
        effects.push(Effect::CreateService(Box::new(service)));
    }
    if let Some(ports) = ports.filter(|_| !versioned && known) {
        let service = manifest::versioned_service(view.app, ports, revision, drawn);
        effects.push(Effect::CreateService(Box::new(service)));
    }
    if let Some(made) = made.filter(|_| !taskmanager) {
        effects.push(Effect::CreateDeployment(Box::new(made.taskmanager)));
    }
    (!effects.is_empty()).then(|| Rule::ClusterRepaired.stay().run(effects))
}

/// The way in from outside is as the operator's configuration says now.
fn ingress(view: &View<'_>, objects: &Objects, revision: &Revision) -> Option<Step> {
    let seen = objects.ingresses.get(names::entrance(&view.app.name, revision.colour).as_ref());
    let ports = revision.cluster.as_ref()?.ports;
    if seen.is_none() && view.policy.ingress_url_format.is_empty()
        || seen.is_some_and(|seen| leads(view, revision, seen))
    {
        return None;
    }
    let wanted = manifest::ingress(view.app, ports, view.policy, revision.colour);
    let effect = match (seen, wanted) {
        (None, None) => return None,
        (None, Some(wanted)) => Effect::CreateIngress(Box::new(wanted)),
        (Some(_), Some(wanted)) => Effect::PointIngress(Box::new(wanted)),
        (Some(seen), None) => Effect::DeleteIngress(Target {
            name: seen.name.clone(),
            uid: seen.uid.clone(),
            revision: revision.id.clone(),
        }),
    };
    Some(Rule::IngressMended.stay().run([effect]))
}

fn leads(view: &View<'_>, revision: &Revision, seen: &IngressSeen) -> bool {
    let host = manifest::host(view.policy, &view.app.name, revision.colour);
    let port = revision.cluster.as_ref().map(|plan| plan.ports.ui.get());
    host.as_deref() == Some(seen.host.as_str()) && port.is_none_or(|port| port == seen.port)
}

fn entrance<'a>(view: &View<'_>, objects: &'a Objects, revision: &Revision) -> Option<&'a ServiceSeen> {
    objects.entrances.get(names::entrance(&view.app.name, revision.colour).as_ref())
}

/// What the original drew for the JobManager's pods of this revision: the Deployment tells, or the Service that leads
/// to them.
fn drawn<'a>(objects: &'a Objects, revision: &Revision) -> Option<&'a str> {
    let cluster = objects.clusters.get(&revision.id).filter(|_| revision.number == 0)?;
    let jobmanager = cluster.jobmanager.as_ref().map(|it| it.selects.as_str()).filter(|drawn| !drawn.is_empty());
    let service = || cluster.service.as_ref().map(|it| it.selects.as_str());
    jobmanager.or_else(service).filter(|drawn| !drawn.is_empty())
}

/// The Service by which the operator reaches a cluster of the original. A scaling in place that the original did not
/// end leaves a cluster without one, and a JobManager that it made anew is not led to by any.
pub(super) fn way_to_the_originals(view: &View<'_>) -> Option<Step> {
    let objects = view.objects().filter(|_| view.trouble().is_none())?;
    let revision = view.deployed().map(|deployed| &deployed.revision).filter(|revision| revision.number == 0)?;
    let cluster = objects.clusters.get(&revision.id)?;
    let drawn = Some(cluster.jobmanager.as_ref()?.selects.as_str()).filter(|drawn| !drawn.is_empty())?;
    let ports = ports(view, objects, revision)?;
    let wanted = || Box::new(manifest::versioned_service(view.app, ports, revision, Some(drawn)));
    match &cluster.service {
        None => Some(Rule::ClusterRepaired.stay().run([Effect::CreateService(wanted())])),
        Some(service) if service.selects != drawn => {
            Some(Rule::ServicePointed.stay().run([Effect::PointService(wanted())]))
        }
        Some(_) => None,
    }
}

/// The Service by which the operator reaches a JobManager that is there and does not answer, if somebody deleted it.
pub(super) fn way(view: &View<'_>) -> Option<Step> {
    let objects = view.objects().filter(|_| view.trouble().is_none())?;
    // What is let go is not mended any more.
    if view.app.deletion.is_some() && !view.app.finalized {
        return None;
    }
    let asked = |revision: &Revision| super::needs(&view.app.uid, view.memory).flink.contains_key(&revision.id);
    view.unanswered().filter(|revision| asked(revision)).find_map(|revision| {
        let cluster = objects.clusters.get(&revision.id).filter(|cluster| cluster.service.is_none())?;
        cluster.jobmanager.as_ref().filter(|jobmanager| !jobmanager.deleting)?;
        let drawn = drawn(objects, revision);
        let ports = ports(view, objects, revision).filter(|_| revision.number > 0 || drawn.is_some())?;
        let service = manifest::versioned_service(view.app, ports, revision, drawn);
        Some(Rule::ClusterRepaired.stay().run([Effect::CreateService(Box::new(service))]))
    })
}

/// The ports of a revision's pods: as they are pinned, or else as the Services of the application have them.
fn ports(view: &View<'_>, objects: &Objects, revision: &Revision) -> Option<Ports> {
    let pinned = revision.cluster.as_ref().map(|plan| plan.ports);
    pinned.or_else(|| read(&entrance(view, objects, revision)?.ports))
}

fn numbers(ports: Ports) -> [u16; 5] {
    ports.named().map(|(_, port)| port.get())
}

fn read(ports: &[u16]) -> Option<Ports> {
    let [rpc, blob, query, ui, metrics] = ports else { return None };
    let port = |number: &u16| std::num::NonZeroU16::new(*number);
    Some(Ports { rpc: port(rpc)?, blob: port(blob)?, query: port(query)?, ui: port(ui)?, metrics: port(metrics)? })
}
