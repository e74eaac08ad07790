//! A snapshot as a phase reads it: shorthands for what several phases ask of it.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::adopt;
use crate::application::{Application, Colour, DeploymentMode, Problem, Refusal, Spec};
use crate::backoff;
use crate::effect::{Effect, Target};
use crate::health::whole_second;
use crate::id::RevisionId;
use crate::memory::{ClusterPlan, Deployed, Failure, LastError, Ledger, Memory, Revision, Tries};
use crate::phase::{DeployFailed, Phase, Running, Updating};
use crate::policy::Policy;
use crate::rule::Rule;
use crate::snapshot::{ClusterObjects, FlinkSeen, ListedJob, Objects, Seen, Snapshot, Trouble, Written};
use crate::step::{EventReason, Step};

/// How long a job that is not known must stay unknown where a JobManager with high availability may bring it back.
const BROUGHT_BACK_MS: u32 = 30_000;

/// Borrowed access to one snapshot.
pub(crate) struct View<'a> {
    pub now: Timestamp,
    pub policy: &'a Policy,
    pub app: &'a Application,
    pub memory: &'a Memory,
    snapshot: &'a Snapshot,
    /// The spec is valid, but not for this application as it lives.
    switched: Option<Refusal>,
}

/// What the spec asks for, compared with a pinned target.
pub(crate) enum Wish<'a> {
    /// The same as the target.
    Target(&'a Spec),
    /// What is deployed; its job was never stopped, so nothing needs to be done for it.
    Deployed,
    /// Something else.
    Other(&'a Spec),
    /// Nothing that can be deployed.
    Refused(&'a Refusal),
}

/// What no JobManager answered, because it was not asked.
static NOTHING: FlinkSeen = FlinkSeen {
    overview: crate::snapshot::Seen::NotAsked,
    job: crate::snapshot::Seen::NotAsked,
    savepoint: crate::snapshot::Seen::NotAsked,
    checkpoints: crate::snapshot::Seen::NotAsked,
    retention: crate::snapshot::Seen::NotAsked,
};

impl<'a> View<'a> {
    pub fn new(snapshot: &'a Snapshot, memory: &'a Memory) -> Self {
        let (policy, app) = (&snapshot.policy, &snapshot.application);
        Self { now: snapshot.now, policy, app, memory, snapshot, switched: switched(app, memory) }
    }

    /// What the spec asks for, or why it cannot be served.
    pub fn spec(&self) -> Result<&'a Spec, &Refusal> {
        match (&self.switched, &self.app.spec) {
            (Some(refusal), _) => Err(refusal),
            (None, spec) => spec.as_deref(),
        }
    }

    /// What the running job is replaced with is given up on the user's word.
    pub fn rollback_forced(&self) -> bool {
        self.spec().is_ok_and(|spec| spec.force_rollback)
    }

    pub fn ledger(&self) -> &'a Ledger {
        &self.memory.ledger
    }

    pub fn deployed(&self) -> Option<&'a Deployed> {
        self.memory.ledger.deployed.as_ref()
    }

    pub fn objects(&self) -> Option<&'a Objects> {
        self.snapshot.observed.objects.present()
    }

    /// The jobs that this revision's JobManager lists, if it was asked and answered.
    pub fn jobs(&self, revision: &RevisionId) -> Option<&'a Vec<ListedJob>> {
        self.snapshot.observed.jobs.get(revision).and_then(Seen::present)
    }

    pub fn observed_written(&self) -> &'a Seen<BTreeMap<RevisionId, Written>> {
        &self.snapshot.observed.written
    }

    pub fn flink(&self, revision: &RevisionId) -> &'a FlinkSeen {
        self.snapshot.observed.flink.get(revision).unwrap_or(&NOTHING)
    }

    /// The revisions whose JobManagers were asked in vain.
    pub fn unanswered(&self) -> impl Iterator<Item = &'a Revision> {
        let Memory { phase, ledger } = self.memory;
        let versions = ledger.deployed.iter().chain(&ledger.second).map(|version| &version.revision);
        let revisions = versions.chain(phase.target());
        revisions.filter(|revision| self.flink(&revision.id).is_unreachable())
    }

    /// The trouble of the effects of the step before.
    pub fn trouble(&self) -> Option<&'a Trouble> {
        self.snapshot.report.worst()
    }

    /// The job that is deployed was never stopped by us, so it may be taken as it is.
    pub fn deployed_job_untouched(&self) -> bool {
        self.ledger().stopped.is_none() && self.deployed().is_some_and(|deployed| !deployed.given_up)
    }

    /// One of the deployed versions (two in BlueGreen) has this revision's cluster.
    pub fn is_deployed(&self, revision: &RevisionId) -> bool {
        self.deployed().into_iter().chain(&self.ledger().second).any(|version| version.revision.id == *revision)
    }

    /// The revision has the deployed one's cluster: it is that one, or the same scaled in place.
    pub fn on_deployed_cluster(&self, revision: &Revision) -> bool {
        self.deployed().is_some_and(|deployed| deployed.revision.id == revision.id)
    }

    /// What becomes of the clusters when a deploy of `target` is given up before the deployed job has stopped.
    pub fn what_stays(&self, target: &Revision) -> &'static str {
        match self.on_deployed_cluster(target) {
            false => "The new cluster is deleted, the deployed one is left alone",
            true => "The cluster gets its former count of TaskManagers back, its job is left alone",
        }
    }

    /// The number of the next submission of a revision.
    pub fn next_attempt(&self, revision: &Revision) -> u32 {
        let before = self.deployed().filter(|deployed| deployed.revision.id == revision.id);
        before.map_or(1, |deployed| deployed.attempt.saturating_add(1))
    }

    pub fn wish(&self, target: &Revision) -> Wish<'_> {
        match self.spec() {
            Err(refusal) => Wish::Refused(refusal),
            Ok(spec) if target.digest.as_ref() == Some(spec.digest()) || self.has_failed(spec) => Wish::Target(spec),
            Ok(spec) if self.asks_for_deployed(spec) && self.deployed_job_untouched() => Wish::Deployed,
            Ok(spec) => Wish::Other(spec),
        }
    }

    /// The spec asks for what failed last; that is not tried again. Where nothing was ever deployed, any edit is a
    /// reason to try: what mends a first deploy (`savepointPath`) need not be part of the digest.
    pub fn has_failed(&self, spec: &Spec) -> bool {
        let failed = self.ledger().failed.as_ref();
        let untouched = |generation| self.deployed().is_some() || generation == self.app.generation;
        failed.is_some_and(|it| it.digest.as_ref() == Some(spec.digest()) && untouched(it.generation))
    }

    pub fn asks_for_deployed(&self, spec: &Spec) -> bool {
        self.deployed().is_some_and(|deployed| deployed.revision.digest.as_ref() == Some(spec.digest()))
    }

    /// The ledger with the given phase.
    pub fn with(&self, phase: Phase) -> Memory {
        Memory { phase, ledger: self.ledger().clone() }
    }

    /// A deploy of `spec` begins: its revision is pinned.
    pub fn begin(&self, rule: Rule, spec: &Spec) -> Step {
        let mut ledger = self.ledger().clone();
        ledger.deploys = ledger.deploys.saturating_add(1);
        ledger.last_error = None;
        ledger.failed = None;
        ledger.torn_down = None;
        let number = ledger.deploys;
        let id = RevisionId::derive(&self.app.uid, spec.digest(), number);
        let colour = (spec.deployment_mode == DeploymentMode::BlueGreen).then(|| {
            let deployed = self.deployed().and_then(|deployed| deployed.revision.colour);
            deployed.map_or(Colour::Green, Colour::other)
        });
        let target = self.revision(id, number, colour, spec);
        let phase = Phase::Updating(Updating { target, since: self.now, tries: Tries::default() });
        warned(rule.to(Memory { phase, ledger }), spec)
    }

    pub fn revision(&self, id: RevisionId, number: u32, colour: Option<Colour>, spec: &Spec) -> Revision {
        Revision {
            id,
            digest: Some(spec.digest().clone()),
            number,
            generation: self.app.generation,
            job: spec.job.clone(),
            colour,
            cluster: Some(ClusterPlan {
                digest: spec.cluster_digest().clone(),
                taskmanagers: spec.taskmanager.replicas.get(),
                ports: spec.ports,
            }),
        }
    }

    /// Back to what is deployed.
    pub fn revert(&self) -> Step {
        let mut memory = self.with(Phase::Running(Running { since: self.now }));
        memory.ledger.failed = None;
        memory.ledger.last_error = None;
        Rule::TargetReverted.to(memory)
    }

    /// A deploy is given up. What runs is left alone.
    pub fn fail(&self, rule: Rule, target: Option<&Revision>, reason: EventReason, message: String) -> Step {
        self.fail_with(self.ledger().clone(), rule, target, reason, message)
    }

    pub fn fail_with(
        &self,
        mut ledger: Ledger,
        rule: Rule,
        target: Option<&Revision>,
        reason: EventReason,
        message: String,
    ) -> Step {
        ledger.last_error = None;
        ledger.failed = Some(self.failure(rule, target, &message));
        let phase = Phase::DeployFailed(DeployFailed { since: self.now });
        let step = rule.to(Memory { phase, ledger }).note(reason, message.clone());
        if reason == EventReason::DeployFailed { step } else { step.note(EventReason::DeployFailed, message) }
    }

    pub fn failure(&self, rule: Rule, target: Option<&Revision>, message: &str) -> Failure {
        Failure {
            digest: target.and_then(|target| target.digest.clone()),
            revision: target.map(|target| target.id.clone()),
            generation: target.map_or(self.app.generation, |target| target.generation),
            reason: rule.to_string(),
            message: message.to_owned(),
            time: self.now,
        }
    }

    /// The spec cannot be deployed.
    pub fn refuse(&self, refusal: &Refusal) -> Step {
        let reason = match &self.switched {
            Some(_) => EventReason::UnsupportedChange,
            None if refusal.names("spec.scaleMode") => EventReason::NotScalingInPlace,
            None => EventReason::SpecRefused,
        };
        self.fail(Rule::SpecRefused, None, reason, refusal.to_string())
    }

    /// The deploy is given up because the spec says so.
    pub fn force_back(&self, target: &Revision) -> Step {
        let text = format!(
            "spec.forceRollback gives the deploy of revision {} up; what runs was left alone. Take it out of the spec \
             and change restartNonce to deploy again.",
            target.id
        );
        self.fail(Rule::RollbackForced, Some(target), EventReason::DeployFailed, text)
    }

    /// The same phase, one failed try later.
    pub fn tried(&self, rule: Rule, tries: Tries, trouble: &Trouble, again: impl FnOnce(Tries) -> Phase) -> Step {
        let next = backoff::failed_once_more(tries, self.now, self.policy, &self.app.uid);
        let mut memory = self.with(again(next));
        memory.ledger.last_error = Some(self.error(trouble));
        rule.to(memory)
    }

    pub fn error(&self, trouble: &Trouble) -> LastError {
        LastError { method: trouble.method.clone(), message: trouble.message.clone(), time: whole_second(self.now) }
    }

    /// The watches fill their caches when the operator starts, which is heard of; that an API server answers again is not.
    pub fn kubernetes_awaited(&self) -> Step {
        Rule::KubernetesAwaited.stay().wake_at(backoff::after(self.now, 1_000))
    }

    /// The next try must still wait.
    pub fn backing_off(&self, tries: Tries) -> Option<Step> {
        let at = tries.not_before.filter(|at| *at > self.now)?;
        let mut step = Rule::BackoffAwaited.stay().wake_at(at);
        if let Some(error) = &self.ledger().last_error {
            step = step.because(format!("{} failed: {}", error.method, error.message));
        }
        Some(step)
    }

    /// When a wait that began at `since` has lasted too long. Time in which no operator was there does not count.
    pub fn deadline(&self, since: Timestamp, limit_ms: u32) -> Timestamp {
        let watched = self.snapshot.watching_since.map_or(since, |watching| watching.max(since));
        backoff::after(watched, limit_ms)
    }

    pub fn passed(&self, since: Timestamp, limit_ms: u32) -> bool {
        self.now >= self.deadline(since, limit_ms)
    }

    /// A job that is not known may still be brought back by a JobManager with high availability: until this time, where
    /// it was missed since `since`.
    pub fn may_come_back(&self, since: Timestamp) -> Option<Timestamp> {
        let until = backoff::after(since, BROUGHT_BACK_MS);
        let is_on = self.spec().map_or(true, |spec| spec.high_availability.is_on());
        (is_on && self.now < until).then_some(until)
    }

    /// Deletes of all that belongs neither to a deployed version nor to `target`, and whether anything is left of it.
    pub fn leftovers(&self, objects: &Objects, target: Option<&RevisionId>) -> (Vec<Effect>, bool) {
        let mut effects = Vec::new();
        let mut left = false;
        let versions = || self.deployed().into_iter().chain(&self.ledger().second);
        for (revision, cluster) in &objects.clusters {
            let part = || versions().any(|it| adopt::is_part_of(self.app, &it.revision, objects, cluster));
            if !self.is_deployed(revision) && target != Some(revision) && !part() {
                left |= cluster.jobmanager.is_some() || cluster.taskmanager.is_some();
                effects.extend(removal(revision, cluster));
            }
        }
        (effects, left)
    }
}

/// A cause as part of a sentence of ours, which has a full stop of its own.
pub(crate) fn clause(cause: &str) -> &str {
    cause.trim_end_matches('.')
}

/// Tells what in the spec is hardly meant.
pub fn warned(step: Step, spec: &Spec) -> Step {
    spec.warnings.iter().fold(step, |step, warning| step.note(EventReason::SpecWarning, warning.to_string()))
}

/// An application lives in one mode: its objects are named by it.
fn switched(app: &Application, memory: &Memory) -> Option<Refusal> {
    let spec = app.spec.as_ref().ok()?;
    let before = match memory.ledger.deployed.as_ref()?.revision.colour {
        Some(_) => DeploymentMode::BlueGreen,
        None => DeploymentMode::Dual,
    };
    let problem = || {
        let text = format!("the application lives in the mode {before} and cannot change to {}", spec.deployment_mode);
        Problem::new("spec.deploymentMode", text, "write the former mode back, or delete it and create it anew")
    };
    if before == spec.deployment_mode { None } else { Refusal::of(vec![problem()]) }
}

/// Deletes of those objects of a cluster that are not going already.
pub(crate) fn removal(revision: &RevisionId, cluster: &ClusterObjects) -> Vec<Effect> {
    let deployments = [&cluster.taskmanager, &cluster.jobmanager];
    let deployments = deployments.into_iter().flatten().filter(|it| !it.deleting).map(|it| {
        Effect::DeleteDeployment(Target { name: it.name.clone(), uid: it.uid.clone(), revision: revision.clone() })
    });
    let services = cluster.service.iter().filter(|it| !it.deleting).map(|it| {
        Effect::DeleteService(Target { name: it.name.clone(), uid: it.uid.clone(), revision: revision.clone() })
    });
    deployments.chain(services).collect()
}
