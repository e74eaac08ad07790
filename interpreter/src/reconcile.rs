//! One application, from look to rest: observe, step, commit, perform.
//!
//! Look cheaply, act on fresh: a look at the watch caches decides whether anything is to be done. Before
//! a step that moves or acts everything is observed again, the children first and the application last
//! and straight from the API server, and decided again. A step that moves is committed with the
//! resourceVersion of that very look, so a stale or second operator is refused.

use std::sync::Arc;
use std::time::{Duration, Instant};

use flink_operator_core::application::Application;
use flink_operator_core::crd::FlinkApplication;
use flink_operator_core::effect::EffectKey;
use flink_operator_core::snapshot::{Observed, Report, Seen, Snapshot};
use flink_operator_core::step::{Step, Wake};
use flink_operator_core::{needs, status};
use jiff::Timestamp;

use crate::commit::{self, Commit};
use crate::controller::Context;
use crate::observe;

/// Steps of one reconcile before other work is let in.
const STEPS: usize = 64;
/// The pause after an API server's refusal or silence.
const PAUSE: Duration = Duration::from_secs(1);

/// Drives one application. It holds nothing that a restart may not lose.
pub struct Reconciler {
    context: Arc<Context>,
    since: Timestamp,
    report: Report,
    repeated: Repeated,
}

impl Reconciler {
    /// A reconciler that knows nothing yet.
    pub fn new(context: Arc<Context>) -> Self {
        Self { context, since: Timestamp::now(), report: Report::default(), repeated: Repeated::default() }
    }

    /// Works until the application rests; returns when to look again if nothing is heard before.
    pub async fn reconcile(&mut self, cached: &Arc<FlinkApplication>) -> Option<Instant> {
        let first = self.decide(cached, false).await;
        if first.rests() {
            return self.rest(cached, &first).await;
        }
        // The commit's answer is as fresh as a read, and saves one while no job runs.
        let mut fresh: Option<Arc<FlinkApplication>> = None;
        for _ in 0..STEPS {
            let (resource, step) = match fresh.take() {
                Some(resource) => {
                    let step = self.decide(&resource, true).await;
                    (resource, step)
                }
                None => match self.decide_fresh(cached).await {
                    Some(decided) => decided,
                    None => return Some(Instant::now() + PAUSE),
                },
            };
            if let Some(memory) = step.next() {
                self.report = Report::default();
                match commit::memory(&self.context, &resource, memory, &step).await {
                    Commit::Done(written) => {
                        self.context.publisher.moved(&written, &step).await;
                        fresh = Some(written);
                    }
                    Commit::Conflict => {}
                    Commit::Gone => return None,
                    Commit::Failed => return Some(Instant::now() + PAUSE),
                }
            } else if step.effects().is_empty() {
                return self.rest(&resource, &step).await;
            } else if let Some(again) = self.repeated.too_soon(&step) {
                return Some(again);
            } else {
                self.act(&resource, &step).await;
            }
        }
        tracing::warn!(rule = "none", "no rest after {STEPS} steps; going on after a pause");
        Some(Instant::now() + PAUSE)
    }

    /// Observes the children, then the application, and decides.
    async fn decide_fresh(&self, cached: &Arc<FlinkApplication>) -> Option<(Arc<FlinkApplication>, Step)> {
        let observed = self.observe(cached, true).await;
        let name = cached.metadata.name.as_deref()?;
        let namespace = cached.metadata.namespace.as_deref()?;
        let found = observe::kubernetes::fresh_application(&self.context.client, namespace, name).await;
        let resource = match found {
            Ok(Some(resource)) if resource.metadata.uid == cached.metadata.uid => Arc::new(resource),
            Ok(_) => return None,
            Err(trouble) => {
                tracing::warn!(%namespace, %name, "cannot read the application: {}", trouble.message);
                return None;
            }
        };
        // What was asked followed from the memory; if that has moved meanwhile, the answers are to other questions.
        if status::read(resource.status.as_ref()) == status::read(cached.status.as_ref()) {
            let step = self.step(&resource, observed);
            return Some((resource, step));
        }
        let step = self.decide(&resource, true).await;
        Some((resource, step))
    }

    async fn decide(&self, resource: &Arc<FlinkApplication>, fresh: bool) -> Step {
        let observed = self.observe(resource, fresh).await;
        self.step(resource, observed)
    }

    fn step(&self, resource: &FlinkApplication, observed: Observed) -> Step {
        let snapshot = Snapshot {
            now: Timestamp::now(),
            watching_since: Some(self.since),
            policy: self.context.policy(),
            application: Application::parse(resource),
            memory: status::read(resource.status.as_ref()),
            observed,
            report: self.report.clone(),
        };
        let step = flink_operator_core::step(&snapshot);
        self.context.recorder.record(&snapshot, &step);
        step
    }

    /// Kubernetes' answers come from the caches, or fresh from the API server; Flink's are always fresh.
    async fn observe(&self, resource: &FlinkApplication, fresh: bool) -> Observed {
        let application = Application::parse(resource);
        let needs = needs(&application, &status::read(resource.status.as_ref()));
        let objects = async {
            match (needs.objects, fresh) {
                (false, _) => Seen::NotAsked,
                (true, true) => observe::kubernetes::fresh_objects(&self.context.client, &application).await,
                (true, false) => self.context.children.look(&application),
            }
        };
        // Asked only while an application is taken over from the original operator.
        let written = async {
            match needs.written {
                false => Seen::NotAsked,
                true => observe::kubernetes::fresh_written(&self.context.client, &application).await,
            }
        };
        let client = &self.context.flink;
        let (objects, written, flink) =
            futures::join!(objects, written, observe::flink::look(client, &application, &needs.flink));
        let clusters = objects.present().filter(|_| needs.jobs).map(|objects| &objects.clusters);
        let jobmanagers = clusters.into_iter().flatten().filter(|(_, cluster)| cluster.jobmanager.is_some());
        let jobs = observe::flink::jobs(client, &application, jobmanagers.map(|(revision, _)| revision)).await;
        Observed { objects, written, jobs, flink }
    }

    async fn act(&mut self, resource: &Arc<FlinkApplication>, step: &Step) {
        let application = Application::parse(resource);
        self.report = self.context.performer.perform_all(&application, step.effects()).await;
        self.context.publisher.acted(resource, step, &self.report).await;
        self.repeated.performed(step, &self.report);
    }

    async fn rest(&mut self, resource: &Arc<FlinkApplication>, step: &Step) -> Option<Instant> {
        self.report = Report::default();
        self.context.publisher.rested(resource, step).await;
        let wake = match step.wake() {
            Wake::OnChange => None,
            Wake::At(at) => Some(Instant::now() + until(at)),
        };
        // While a wait is polled in steps below a second, the status is not bothered with its particulars.
        if wake.is_none_or(|at| at > Instant::now() + Duration::from_millis(400)) {
            commit::conditions(&self.context, resource, step).await;
        }
        wake
    }
}

fn until(at: Timestamp) -> Duration {
    Duration::try_from(at.duration_since(Timestamp::now())).unwrap_or_default()
}

/// Effects that are asked for again although they just succeeded: what they brought about does not show
/// yet (Flink answers from a cache of seconds), so the same request waits a little longer each time.
#[derive(Default)]
struct Repeated {
    keys: Vec<EffectKey>,
    times: u32,
    next: Option<Instant>,
}

impl Repeated {
    fn too_soon(&self, step: &Step) -> Option<Instant> {
        let next = self.next.filter(|next| *next > Instant::now())?;
        let same = step.effects().iter().map(|effect| effect.key()).eq(self.keys.iter().cloned());
        same.then_some(next)
    }

    fn performed(&mut self, step: &Step, report: &Report) {
        let keys: Vec<EffectKey> = step.effects().iter().map(|effect| effect.key()).collect();
        if !report.is_empty() {
            *self = Self::default();
            return;
        }
        self.times = if keys == self.keys { self.times.saturating_add(1) } else { 0 };
        self.keys = keys;
        self.next = Some(Instant::now() + Duration::from_millis(50 << self.times.min(6)));
    }
}
