//! One application, from look to rest: observe, step, commit, perform.
//!
//! Look cheaply, act on fresh: a look at the watch caches decides whether anything is to be done. Before
//! a step that moves or acts everything in Kubernetes is observed again, the children first and the application last
//! and straight from the API server, and decided again. (Flink has no caches to be wary of: what it told the cheap look
//! a moment ago is not asked again.) A step that moves is committed with the
//! resourceVersion of that very look, so a stale or second operator is refused. What only tells of the job and its
//! cluster is written upon the cheap look: it changes no phase, and the resourceVersion guards it all the same.
//!
//! A step that follows a commit takes the children as they were seen right before it: in between nothing was done by us,
//! and had another operator moved the application, the commit would have been refused. So does a step that follows calls
//! to Flink, if they took no time to speak of: they changed no child, and the application itself is read again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use flink_operator_core::application::{Application, LastSpec};
use flink_operator_core::crd::FlinkApplication;
use flink_operator_core::id::RevisionId;
use flink_operator_core::memory::Memory;
use flink_operator_core::rule::Rule;
use flink_operator_core::snapshot::{FlinkSeen, Needs, Objects, Observed, Remembered, Report, Seen, Snapshot};
use flink_operator_core::step::{Step, Wake};
use flink_operator_core::{needs, status};
use futures::FutureExt as _;
use jiff::Timestamp;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::board::phase_of;
use crate::commit;
use crate::controller::Context;
use crate::metrics::Written;
use crate::observe::kubernetes::Ingresses;
use crate::observe::{self, ApplicationName};
use crate::perform::is_on_kubernetes;
use crate::record::Decisions;
use crate::repeat::Repeated;
use crate::written::OwnWrites;

/// Steps of one reconcile before other work is let in.
const STEPS: usize = 64;
/// What was seen or told is as good as new for so long.
const JUST_NOW: Duration = Duration::from_secs(1);
/// The pause after an API server's refusal or silence.
const PAUSE: Duration = Duration::from_secs(1);

/// Drives one application. It holds nothing that a restart may not lose.
pub struct Reconciler {
    context: Arc<Context>,
    /// Tells that children have changed.
    wake: Arc<Notify>,
    since: Timestamp,
    report: Report,
    repeated: Repeated,
    written: OwnWrites,
    decisions: Decisions,
    spec: LastSpec,
}

/// A resource, and what it says.
struct Parsed {
    resource: Arc<FlinkApplication>,
    application: Application,
    memory: Remembered,
}

impl Parsed {
    fn of(resource: Arc<FlinkApplication>, last: &mut LastSpec) -> Self {
        let application = Application::parse_again(&resource, last);
        let memory = status::read(resource.status.as_ref());
        Self { resource, application, memory }
    }
}

/// A decision, and all that it was taken on.
pub(crate) struct Decision {
    /// The resource as it was looked at.
    pub resource: Arc<FlinkApplication>,
    /// What it says, and what was seen beside it.
    pub snapshot: Snapshot,
    /// What to do.
    pub step: Step,
}

impl Decision {
    /// The application's name.
    pub fn name(&self) -> ApplicationName {
        ApplicationName::of(&self.snapshot.application)
    }
}

/// What comes after one pass.
enum Next {
    /// Another pass.
    Pass(Ask),
    /// Nothing before this time or a change.
    Wait(Option<Instant>),
    /// Nothing at once: the API server failed.
    Pause,
}

/// What is asked of Kubernetes before the next pass.
enum Ask {
    /// The children and the application.
    Everything,
    /// The application: all that was done since was to call Flink.
    Application,
    /// Nothing. This is the answer to our own commit, which is as fresh as a read, and saves one while no job runs.
    Nothing(Arc<FlinkApplication>),
}

/// What every JobManager told that was asked.
type FlinkTold = BTreeMap<RevisionId, FlinkSeen>;

/// Where the children are looked at.
enum Sight {
    /// In the watch caches.
    Caches,
    /// At the API server.
    Server,
    /// Nowhere: they were seen right before our own commit, or before our calls to Flink.
    Seen(Seen<Objects>),
}

/// Why there is no fresh look.
enum Missed {
    /// The application is gone, perhaps replaced by another of its name; the watch tells in a moment.
    Gone,
    /// The API server failed.
    Unread,
}

impl Reconciler {
    /// A reconciler that knows nothing yet. `wake` is notified when children have changed; what it writes itself it tells
    /// `written`.
    pub(crate) fn new(context: Arc<Context>, wake: Arc<Notify>, written: OwnWrites) -> Self {
        Self {
            since: context.clock.now(),
            context,
            wake,
            report: Report::default(),
            repeated: Repeated::default(),
            written,
            decisions: Decisions::default(),
            spec: LastSpec::default(),
        }
    }

    /// Works until the application rests; returns when to look again if nothing is heard before.
    pub async fn reconcile(&mut self, cached: &Arc<FlinkApplication>) -> Option<Instant> {
        let begun = Instant::now();
        let newest = self.written.newest(cached);
        let parsed = Parsed::of(newest, &mut self.spec);
        let mut decision = self.decide(parsed, Sight::Caches).await;
        if let Some(told) = self.tell(&decision).await {
            decision = told;
        }
        if decision.step.rests() {
            let wake = self.rest(&decision).await;
            self.passed(&decision, begun, true);
            return wake;
        }
        // What is not to be done yet need not be looked at freshly either.
        if let Some(again) = self.repeated.too_soon(&decision.step) {
            self.passed(&decision, begun, true);
            return Some(again);
        }
        let mut told = (begun.elapsed() < JUST_NOW).then(|| decision.snapshot.observed.flink.clone());
        let mut ask = Ask::Everything;
        for _ in 0..STEPS {
            let begun = Instant::now();
            let seen = Sight::Seen(std::mem::replace(&mut decision.snapshot.observed.objects, Seen::NotAsked));
            let decided = match ask {
                Ask::Everything => self.decide_fresh(&decision, Sight::Server, told.take()).await,
                Ask::Application => self.decide_fresh(&decision, seen, None).await,
                Ask::Nothing(resource) => {
                    let parsed = Parsed::of(resource, &mut self.spec);
                    Ok(self.decide(parsed, seen).await)
                }
            };
            decision = match decided {
                Ok(decided) => decided,
                Err(Missed::Gone) => return Some(Instant::now() + PAUSE),
                Err(Missed::Unread) => return self.broke_off(&decision),
            };
            let next = self.carry_out(&decision).await;
            self.passed(&decision, begun, self.report.is_empty() && !matches!(next, Next::Pause));
            match next {
                Next::Pass(next) => ask = next,
                Next::Wait(until) => return until,
                Next::Pause => return self.broke_off(&decision),
            }
        }
        tracing::warn!(rule = "none", "no rest after {STEPS} steps; going on after a pause");
        // What was just written wakes whoever waits for a change.
        tokio::time::sleep(PAUSE).await;
        Some(Instant::now())
    }

    async fn carry_out(&mut self, decision: &Decision) -> Next {
        if let Some(memory) = decision.step.next() {
            self.commit(decision, memory).await
        } else if decision.step.effects().is_empty() {
            Next::Wait(self.rest(decision).await)
        } else if let Some(again) = self.repeated.too_soon(&decision.step) {
            Next::Wait(Some(again))
        } else {
            let begun = Instant::now();
            self.act(decision).await;
            let only_flink = !decision.step.effects().iter().any(is_on_kubernetes);
            match decision.step.wake() {
                Wake::At(at) if self.report.is_empty() => Next::Wait(Some(Instant::now() + self.until(at))),
                Wake::At(_) | Wake::OnChange if only_flink && begun.elapsed() < JUST_NOW => {
                    Next::Pass(Ask::Application)
                }
                Wake::At(_) | Wake::OnChange => Next::Pass(Ask::Everything),
            }
        }
    }

    /// What only tells needs no fresh look: it is Flink's own and just came in, and the write is refused if the watch
    /// lags. What is decided once it is written, if that is to rest.
    async fn tell(&mut self, decision: &Decision) -> Option<Decision> {
        let memory = decision.step.next().filter(|_| decision.step.rule().only_tells())?;
        let (snapshot, step) = commit::rest_in_phase(&decision.snapshot, memory)?;
        let (_, written) = self.remember(decision, memory, Some(&step)).await;
        Some(Decision { resource: written?, snapshot, step })
    }

    async fn commit(&mut self, decision: &Decision, memory: &Memory) -> Next {
        self.report = Report::default();
        let rest = commit::rest_in_phase(&decision.snapshot, memory);
        match self.remember(decision, memory, rest.as_ref().map(|(_, step)| step)).await {
            (Written::Done, Some(resource)) => {
                // Flink would answer what it answered a moment ago, unless it is asked for more.
                match rest.filter(|(snapshot, _)| asked(snapshot).are_met_by(&asked(&decision.snapshot))) {
                    Some((snapshot, step)) => {
                        let decision = self.decided(Decision { resource, snapshot, step }, true);
                        Next::Wait(self.rest(&decision).await)
                    }
                    None => Next::Pass(Ask::Nothing(resource)),
                }
            }
            (Written::Done | Written::Conflict, _) => Next::Pass(Ask::Everything),
            (Written::Gone, _) => Next::Wait(None),
            (Written::Invalid | Written::Failed, _) => Next::Pause,
        }
    }

    /// Writes the memory, with the conditions of the rest that follows if one does, and tells of it if it was written.
    async fn remember(
        &self,
        decision: &Decision,
        memory: &Memory,
        rest: Option<&Step>,
    ) -> (Written, Option<Arc<FlinkApplication>>) {
        let written = commit::memory(&self.context, decision, memory, rest).await;
        if let (_, Some(resource)) = &written {
            self.written.wrote(&decision.resource, resource);
            self.context.publisher.moved(decision, resource, memory.phase.name());
        }
        written
    }

    /// Observes the children, then the application, and decides.
    async fn decide_fresh(
        &mut self,
        last: &Decision,
        sight: Sight,
        told: Option<FlinkTold>,
    ) -> Result<Decision, Missed> {
        let (was, memory) = (&last.snapshot.application, &last.snapshot.memory);
        let observed = self.observe(was, memory, sight, told).await;
        let found = {
            let _turn = self.context.workers.turn().await;
            // In a box, as everything that asks Kubernetes: most looks are at the caches, and need not be as large.
            Box::pin(observe::kubernetes::fresh_application_again(&self.context.client, &last.resource)).await
        };
        let parsed = match found {
            Ok(Some(resource)) if Arc::ptr_eq(&resource, &last.resource) => {
                Parsed { resource, application: was.clone(), memory: memory.clone() }
            }
            Ok(Some(resource)) if resource.metadata.uid.as_ref() == Some(&was.uid) => {
                Parsed::of(resource, &mut self.spec)
            }
            Ok(_) => return Err(Missed::Gone),
            Err(trouble) => {
                let ApplicationName { namespace, name } = last.name();
                tracing::warn!(ns = %namespace, app_name = %name, "cannot read the application: {}", trouble.message);
                return Err(Missed::Unread);
            }
        };
        // What was asked followed from the memory; if that has moved meanwhile, the answers are to other questions.
        if parsed.memory == *memory {
            return Ok(self.step(parsed, observed, true));
        }
        Ok(self.decide(parsed, Sight::Server).await)
    }

    async fn decide(&mut self, parsed: Parsed, sight: Sight) -> Decision {
        let fresh = !matches!(sight, Sight::Caches);
        let observed = self.observe(&parsed.application, &parsed.memory, sight, None).await;
        self.step(parsed, observed, fresh)
    }

    fn step(&mut self, parsed: Parsed, observed: Observed, fresh: bool) -> Decision {
        let Parsed { resource, application, memory } = parsed;
        let snapshot = Snapshot {
            now: self.context.clock.now(),
            watching_since: Some(self.since),
            policy: self.context.policy(),
            application,
            memory,
            observed,
            report: self.report.clone(),
        };
        let step = flink_operator_core::step(&snapshot);
        self.decided(Decision { resource, snapshot, step }, fresh)
    }

    /// Tells of a decision.
    fn decided(&mut self, decision: Decision, fresh: bool) -> Decision {
        let Decision { snapshot, step, .. } = &decision;
        // A cheap look that leads to more is followed by a fresh one, which decides.
        if fresh || step.rests() || step.rule().only_tells() {
            self.decisions.taken(self.context.recorder.as_ref(), snapshot, step);
        }
        self.context.publisher.decided(&decision, fresh);
        decision
    }

    /// What the core asks to see: the children where `sight` says, and Flink's answers: those that it `told` a moment ago,
    /// or new ones.
    async fn observe(
        &self,
        application: &Application,
        memory: &Remembered,
        sight: Sight,
        told: Option<FlinkTold>,
    ) -> Observed {
        let needs = needs(application, memory);
        let objects = async {
            match sight {
                _ if !needs.objects => Seen::NotAsked,
                Sight::Seen(objects @ Seen::Present(_)) => objects,
                Sight::Seen(Seen::NotAsked | Seen::Absent | Seen::Unreachable(_)) | Sight::Server => {
                    self.has_heard();
                    let _turn = self.context.workers.turn().await;
                    let (ingresses, pods) = (self.ingresses(application), self.context.children.pods(application));
                    observe::kubernetes::fresh_objects(&self.context.client, application, ingresses, pods).await
                }
                Sight::Caches => {
                    self.has_heard();
                    self.context.children.look(application)
                }
            }
        };
        // Asked only while an application is taken over from the original operator.
        let written = async {
            if !needs.written {
                return Seen::NotAsked;
            }
            let _turn = self.context.workers.turn().await;
            Box::pin(observe::kubernetes::fresh_written(&self.context.client, application)).await
        };
        let client = &self.context.flink;
        let flink = async {
            match told {
                Some(told) => told,
                None => observe::flink::look(client, application, &needs.flink).await,
            }
        };
        let (objects, written, flink) = futures::join!(objects, written, flink);
        let jobs = observe::flink::jobs(client, application, &needs, &objects).await;
        Observed { objects, written, jobs, flink }
    }

    /// Ingresses are asked for where this operator makes any, or one is known.
    fn ingresses(&self, application: &Application) -> Ingresses {
        let makes_none = self.context.policy().ingress_url_format.is_empty();
        if makes_none && !self.context.children.has_ingress(application) {
            Ingresses::LeftOut
        } else {
            Ingresses::Listed
        }
    }

    /// What was told of children up to now is seen by the look that follows: it is no reason for another one.
    fn has_heard(&self) {
        if self.context.children.is_complete() {
            let _ = self.wake.notified().now_or_never();
        }
    }

    async fn act(&mut self, decision: &Decision) {
        let Decision { snapshot, step, .. } = decision;
        // In a box: most looks act on nothing, and need not be as large as this.
        let performed = Box::pin(self.context.performer.perform_all(&snapshot.application, step.effects()));
        self.report = performed.await;
        self.context.publisher.acted(decision, &self.report);
        self.repeated.performed(step, &self.report);
    }

    async fn rest(&mut self, decision: &Decision) -> Option<Instant> {
        self.report = Report::default();
        self.context.publisher.rested(decision);
        let wake = match decision.step.wake() {
            Wake::OnChange => None,
            Wake::At(at) => Some(Instant::now() + self.until(at)),
        };
        // While a wait is polled in steps below a second, the status is not bothered with its particulars. Nor is an API
        // server that could not be asked told so: a new operator would tell of every application that it starts.
        let is_short = wake.is_some_and(|at| at <= Instant::now() + Duration::from_millis(400));
        if is_short || decision.step.rule() == Rule::KubernetesAwaited {
            return wake;
        }
        match commit::conditions(&self.context, decision).await {
            Some((_, Some(resource))) => self.written.wrote(&decision.resource, &resource),
            // What was looked at is not what there is, and the watch may have told of that before.
            Some((Written::Conflict, None)) => {
                let again = Instant::now() + PAUSE;
                return Some(wake.map_or(again, |wake| wake.min(again)));
            }
            Some((_, None)) | None => {}
        }
        wake
    }

    fn until(&self, at: Timestamp) -> Duration {
        Duration::try_from(at.duration_since(self.context.clock.now())).unwrap_or_default()
    }

    fn passed(&self, decision: &Decision, begun: Instant, succeeded: bool) {
        let phase = phase_of(&decision.snapshot.memory);
        self.context.publisher.board().handled(&decision.name(), phase, begun.elapsed(), succeeded);
    }

    fn broke_off(&self, last: &Decision) -> Option<Instant> {
        self.context.publisher.board().broke_off(&last.name());
        Some(Instant::now() + PAUSE)
    }
}

/// What is asked of whom where this was seen.
fn asked(snapshot: &Snapshot) -> Needs {
    needs(&snapshot.application, &snapshot.memory)
}
