//! One application, from look to rest: observe, step, commit, perform.
//!
//! Look cheaply, act on fresh: a look at the watch caches decides whether anything is to be done. Before
//! a step that moves or acts the children are observed again, straight from the API server, and it is decided again.
//! (Flink has no caches to be wary of: what it told the cheap look a moment ago is not asked again.) A step that moves is
//! committed with the resourceVersion that the application was known by, so a stale or second operator is refused, and
//! reads it. Nothing refuses a step that acts, so before one the application is read, after all else. What only tells of
//! the job and its cluster is written upon the cheap look: it changes no phase, and the resourceVersion guards it all the
//! same.
//!
//! A step that follows a commit takes the children as they were seen right before it: in between nothing was done by us,
//! and had another operator moved the application, the commit would have been refused. So does a step that follows calls
//! to Flink, if they took no time to speak of: they changed no child. And what Flink told holds as long while only
//! Kubernetes is called.

mod look;

use std::sync::Arc;
use std::time::Duration;

use flink_operator_core::application::{Application, LastSpec};
use flink_operator_core::crd::FlinkApplication;
use flink_operator_core::effect::Effect;
use flink_operator_core::memory::Memory;
use flink_operator_core::rule::Rule;
use flink_operator_core::snapshot::{Needs, Observed, Remembered, Report, Seen, Snapshot};
use flink_operator_core::step::{Step, Wake};
use flink_operator_core::{needs, status};
use jiff::Timestamp;
use tokio::sync::Notify;
use tokio::time::Instant;

use self::look::{FlinkTold, Sight};
use crate::board::phase_of;
use crate::commit;
use crate::controller::Context;
use crate::metrics::Written;
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
    /// When Flink was asked last, if nothing was done to it since.
    asked: Option<Instant>,
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

    /// What this was decided on.
    fn known_from(Decision { resource, snapshot, .. }: &Decision) -> Self {
        let (application, memory) = (snapshot.application.clone(), snapshot.memory.clone());
        Self { resource: resource.clone(), application, memory }
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
    /// The children and the application: it is not as it was known.
    Everything,
    /// The children, and the application before anything is done.
    Children,
    /// The application before anything is done: all that was done since was to call Flink.
    Application,
    /// Nothing. This is the answer to our own commit, which is as fresh as a read, and saves one while no job runs.
    Nothing(Arc<FlinkApplication>),
}

/// Whether the application is as it was known.
enum Known {
    /// Nothing says otherwise.
    Still,
    /// It was once.
    Once,
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
            asked: None,
        }
    }

    /// Works until the application rests; returns when to look again if nothing is heard before.
    pub async fn reconcile(&mut self, cached: &Arc<FlinkApplication>) -> Option<Instant> {
        let begun = Instant::now();
        let newest = self.written.newest(cached);
        let parsed = Parsed::of(newest, &mut self.spec);
        let mut decision = self.decide(parsed, Sight::Caches, None).await;
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
        // What could only be told and was not was refused, or more follows.
        let mut ask = if decision.step.rule().only_tells() { Ask::Everything } else { Ask::Children };
        for _ in 0..STEPS {
            let begun = Instant::now();
            let observed = &mut decision.snapshot.observed;
            let seen = Sight::Seen(std::mem::replace(&mut observed.objects, Seen::NotAsked));
            let is_new = self.asked.is_some_and(|asked| asked.elapsed() < JUST_NOW);
            let told = is_new.then(|| std::mem::take(&mut observed.flink));
            let decided = match ask {
                Ask::Everything => self.decide_fresh(&decision, Sight::Server, told, Known::Once).await,
                Ask::Children => self.decide_fresh(&decision, Sight::Server, told, Known::Still).await,
                Ask::Application => self.decide_fresh(&decision, seen, told, Known::Still).await,
                Ask::Nothing(resource) => {
                    let parsed = Parsed::of(resource, &mut self.spec);
                    let needs = needs(&parsed.application, &parsed.memory);
                    let told = told.filter(|_| needs.are_met_by(&asked(&decision.snapshot)));
                    Ok(self.decide(parsed, seen, told).await)
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
            let effects = decision.step.effects();
            if !effects.iter().all(is_on_kubernetes) {
                self.asked = None;
            }
            let only_flink = !effects.iter().any(is_on_kubernetes);
            match decision.step.wake() {
                Wake::At(at) if self.report.is_empty() => Next::Wait(Some(Instant::now() + self.until(at))),
                Wake::At(_) | Wake::OnChange if only_flink && begun.elapsed() < JUST_NOW => {
                    Next::Pass(Ask::Application)
                }
                Wake::At(_) | Wake::OnChange if effects.iter().any(is_on_the_application) => {
                    Next::Pass(Ask::Everything)
                }
                Wake::At(_) | Wake::OnChange => Next::Pass(Ask::Children),
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

    /// Observes the children and decides. Before anything is done, and where the application is known to be another by now,
    /// it is read after them.
    async fn decide_fresh(
        &mut self,
        last: &Decision,
        sight: Sight,
        told: Option<FlinkTold>,
        known: Known,
    ) -> Result<Decision, Missed> {
        let (was, memory) = (&last.snapshot.application, &last.snapshot.memory);
        let observed = self.observe(was, memory, sight, told).await;
        let decision = self.step(Parsed::known_from(last), observed);
        // If the application has changed meanwhile, a write is refused, and of a rest the watch wakes us.
        if matches!(known, Known::Still) && decision.step.effects().is_empty() {
            return Ok(self.decided(decision, true));
        }
        let found = {
            let _turn = self.context.workers.turn().await;
            // In a box, as everything that asks Kubernetes: most looks are at the caches, and need not be as large.
            Box::pin(observe::kubernetes::fresh_application_again(&self.context.client, &last.resource)).await
        };
        let parsed = match found {
            Ok(Some(resource)) if Arc::ptr_eq(&resource, &last.resource) => return Ok(self.decided(decision, true)),
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
            let decision = self.step(parsed, decision.snapshot.observed);
            return Ok(self.decided(decision, true));
        }
        Ok(self.decide(parsed, Sight::Server, None).await)
    }

    async fn decide(&mut self, parsed: Parsed, sight: Sight, told: Option<FlinkTold>) -> Decision {
        let fresh = !matches!(sight, Sight::Caches);
        let observed = self.observe(&parsed.application, &parsed.memory, sight, told).await;
        let decision = self.step(parsed, observed);
        self.decided(decision, fresh)
    }

    fn step(&self, parsed: Parsed, observed: Observed) -> Decision {
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
        Decision { resource, snapshot, step }
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

/// Whether the effect changes the application itself.
fn is_on_the_application(effect: &Effect) -> bool {
    matches!(effect, Effect::AddFinalizer | Effect::RemoveFinalizer)
}

/// What is asked of whom where this was seen.
fn asked(snapshot: &Snapshot) -> Needs {
    needs(&snapshot.application, &snapshot.memory)
}
