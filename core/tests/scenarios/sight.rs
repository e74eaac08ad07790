//! What can be seen from outside, and how an effect shows: by what is other than before.

use std::collections::BTreeMap;

use flink_operator_core::crd::FINALIZER;
use flink_operator_core::effect::EffectKind;
use flink_operator_core::manifest::names::SELECTOR;
use flink_operator_core::rule::Rule;
use flink_operator_fixtures::door::Life;
use flink_operator_fixtures::model::flink::{CheckpointKind, Job, JobId, JobState};
use flink_operator_fixtures::model::object::{self, at, integer, text};
use flink_operator_fixtures::model::{Object, Selection};

use super::words::Names;

/// Objects of Kubernetes and jobs of Flink at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sight {
    /// The revision of Kubernetes that was looked at.
    revision: u64,
    /// Kind and name, and what is looked at of each. What is being deleted is gone.
    objects: BTreeMap<(&'static str, String), String>,
    jobs: BTreeMap<JobId, Doing>,
    finalized: bool,
}

#[derive(Clone, Debug, PartialEq)]
struct Doing {
    state: JobState,
    restored: Option<String>,
    /// The newest savepoint, begun at least.
    savepoint: Option<(u64, CheckpointKind)>,
}

impl Sight {
    /// Looks again; at the objects only if something has been written since.
    pub fn look(&mut self, life: &Life) {
        self.jobs = life.flinks.jobs().map(|job| (job.id, Doing::of(job))).collect();
        if self.revision == life.world.revision() {
            return;
        }
        self.revision = life.world.revision();
        let kinds = [("apps", "deployments"), ("", "services"), ("networking.k8s.io", "ingresses")];
        let listed = kinds.into_iter().flat_map(|(group, plural)| {
            let kind = life.world.kinds().get(group, "v1", plural).unwrap();
            life.world.list(&kind, &Selection::namespace("default"))
        });
        self.objects = listed.filter(|found| !object::is_deleting(found)).map(|found| entry(&found)).collect();
        self.finalized = life.application().is_some_and(|found| object::has_finalizer(&found, FINALIZER));
    }

    /// The names of all Deployments.
    pub fn deployments(&self) -> impl Iterator<Item = &str> {
        self.objects.keys().filter(|(kind, _)| *kind == "Deployment").map(|(_, name)| name.as_str())
    }

    pub fn finalized(&self) -> bool {
        self.finalized
    }

    /// The effects of `rule` that brought this about; None where nothing shows.
    pub fn effects_since(&self, before: &Sight, rule: Rule, names: &Names) -> Option<String> {
        let mut effects: BTreeMap<EffectKind, Vec<String>> = BTreeMap::new();
        let mut add = |kind: EffectKind, what: String| effects.entry(kind).or_default().push(what);
        for ((kind, name), now) in &self.objects {
            match before.objects.get(&(*kind, name.clone())) {
                None => add(created(kind), short(name, names)),
                Some(then) if then == now => {}
                Some(_) => add(changed(kind), format!("{} to {}", short(name, names), names.of(now))),
            }
        }
        for (kind, name) in before.objects.keys().filter(|key| !self.objects.contains_key(*key)) {
            add(deleted(kind), short(name, names));
        }
        if self.finalized != before.finalized {
            add(if self.finalized { EffectKind::AddFinalizer } else { EffectKind::RemoveFinalizer }, String::new());
        }
        for (id, now) in &self.jobs {
            if let Some((kind, what)) = now.effect_since(before.jobs.get(id), &names.of(&id.to_string()), names) {
                add(kind, what);
            }
        }
        effects.retain(|kind, _| rule.edge().effects.contains(kind));
        effects.values_mut().for_each(|what| what.sort());
        let words = effects.iter().map(|(kind, what)| format!("{kind} {}", what.join(" ")).trim().to_owned());
        let words: Vec<String> = words.collect();
        (!words.is_empty()).then(|| words.join(", "))
    }
}

impl Doing {
    fn of(job: &Job) -> Self {
        let savepoints = job.checkpoints.history().filter(|it| it.kind.is_savepoint());
        Self {
            state: job.state(),
            restored: job.checkpoints.restored().map(|from| from.path.clone()),
            savepoint: savepoints.map(|it| (it.id, it.kind)).max_by_key(|(id, _)| *id),
        }
    }

    fn effect_since(&self, before: Option<&Doing>, name: &str, names: &Names) -> Option<(EffectKind, String)> {
        let Some(before) = before else {
            if self.state == JobState::Failed {
                return Some((EffectKind::SubmitJob, format!("{name}, which fails at once")));
            }
            let from =
                self.restored.as_ref().map_or("afresh".to_owned(), |path| format!("from {}", names.of_path(path)));
            return Some((EffectKind::SubmitJob, format!("{name} {from}")));
        };
        match self.savepoint.filter(|savepoint| before.savepoint != Some(*savepoint)) {
            Some((_, CheckpointKind::StopWithSavepoint)) => Some((EffectKind::StopWithSavepoint, name.to_owned())),
            Some((_, CheckpointKind::Savepoint | CheckpointKind::Periodic)) => {
                Some((EffectKind::TakeSavepoint, name.to_owned()))
            }
            None if self.state != before.state => Some((EffectKind::CancelJob, name.to_owned())),
            None => None,
        }
    }
}

fn entry(found: &Object) -> ((&'static str, String), String) {
    let name = object::name(found).to_owned();
    match text(found, &["kind"]) {
        "Deployment" => (("Deployment", name), integer(found, &["spec", "replicas"]).unwrap_or(1).to_string()),
        "Service" => {
            let selects = text(found, &["spec", "selector", SELECTOR]);
            (("Service", name), selects.to_owned())
        }
        _ => (("Ingress", name), at(found, &["spec"]).map(ToString::to_string).unwrap_or_default()),
    }
}

fn created(kind: &str) -> EffectKind {
    match kind {
        "Deployment" => EffectKind::CreateDeployment,
        "Service" => EffectKind::CreateService,
        _ => EffectKind::CreateIngress,
    }
}

fn changed(kind: &str) -> EffectKind {
    match kind {
        "Deployment" => EffectKind::ScaleDeployment,
        "Service" => EffectKind::PointService,
        _ => EffectKind::PointIngress,
    }
}

fn deleted(kind: &str) -> EffectKind {
    match kind {
        "Deployment" => EffectKind::DeleteDeployment,
        "Service" => EffectKind::DeleteService,
        _ => EffectKind::DeleteIngress,
    }
}

fn short(name: &str, names: &Names) -> String {
    let name = names.scrub(name);
    name.strip_prefix("orders-").map_or(name.clone(), str::to_owned)
}
