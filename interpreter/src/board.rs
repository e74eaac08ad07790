//! How every application stands: what the metrics, the probes and `/debug/applications` tell.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use flink_operator_core::effect::Effect;
use flink_operator_core::health::Health;
use flink_operator_core::phase::PhaseName;
use flink_operator_core::snapshot::{Remembered, Report, Snapshot};
use flink_operator_core::step::Step;
use jiff::Timestamp;

use crate::metrics::Written;
use crate::metrics::original::{Count, Deed, Occasion, Tally};
use crate::observe::ApplicationName;

/// What is known of the applications and of the watches. It tells; nothing is decided by it.
#[derive(Default)]
pub struct Board {
    applications: Mutex<BTreeMap<ApplicationName, Standing>>,
    watches: Mutex<BTreeMap<Option<String>, Watch>>,
}

/// How one application stands.
#[derive(Clone, Debug)]
pub struct Standing {
    /// Whether it was looked at since this process met it.
    pub seen: bool,
    /// Its phase; None if its status cannot be understood.
    pub phase: Option<PhaseName>,
    /// When it entered its phase, as its status says.
    pub entered: Option<Timestamp>,
    /// The rule of the last decision.
    pub rule: String,
    /// The particulars of that decision.
    pub why: Option<String>,
    /// The colour of its cluster, if it was looked at.
    pub cluster_health: Option<Health>,
    /// The colour of its job, if it was looked at.
    pub job_health: Option<Health>,
    /// When the last decision was taken.
    pub last_step: Option<Timestamp>,
    /// When it is looked at again if nothing is heard before; None while it is worked on, or if only a change matters.
    pub next_wake: Option<Timestamp>,
    /// What was counted.
    pub tally: Tally,
    /// Since when this process has seen it in its phase, and whether it saw the beginning.
    since: (Instant, bool),
    /// While its task works: when that last came on.
    working: Option<Instant>,
}

#[derive(Clone, Copy, Debug)]
struct Watch {
    complete: bool,
    beat: Instant,
}

impl Standing {
    fn new() -> Self {
        Self {
            seen: false,
            phase: None,
            entered: None,
            rule: String::new(),
            why: None,
            cluster_health: None,
            job_health: None,
            last_step: None,
            next_wake: None,
            tally: Tally::default(),
            since: (Instant::now(), false),
            working: None,
        }
    }

    /// How long this process has seen the application in its phase.
    pub fn in_phase(&self) -> Duration {
        self.since.0.elapsed()
    }

    /// How long its task has worked without coming on; None while it rests.
    pub fn stuck(&self) -> Option<Duration> {
        self.working.map(|at| at.elapsed())
    }

    fn enter(&mut self, phase: Option<PhaseName>, begins: bool) {
        if !self.seen || self.phase != phase {
            self.since = (Instant::now(), begins);
            self.phase = phase;
            self.seen = true;
        }
    }
}

/// The phase that a memory is in; None where it is the original's, or cannot be understood.
pub(crate) fn phase_of(memory: &Remembered) -> Option<PhaseName> {
    match memory {
        Remembered::Known(memory) => Some(memory.phase.name()),
        Remembered::Left(_) | Remembered::Unreadable(_) => None,
    }
}

impl Board {
    /// A copy of all that is known.
    pub fn standings(&self) -> BTreeMap<ApplicationName, Standing> {
        self.applications().clone()
    }

    /// How many applications there are.
    pub(crate) fn number(&self) -> usize {
        self.applications().len()
    }

    /// How one application stands; None where this process does not work on it.
    pub fn standing(&self, name: &ApplicationName) -> Option<Standing> {
        self.applications().get(name).cloned()
    }

    /// Whether this process works on an application.
    pub fn knows(&self, name: &ApplicationName) -> bool {
        self.applications().contains_key(name)
    }

    /// An application has a task from now on.
    pub fn meet(&self, name: &ApplicationName) {
        self.applications().insert(name.clone(), Standing::new());
    }

    /// An application is gone, and all that was counted of it.
    pub fn forget(&self, name: &ApplicationName) {
        self.applications().remove(name);
    }

    /// Nobody is worked on any more, and nothing is watched.
    pub fn clear(&self) {
        self.applications().clear();
        self.watches().clear();
    }

    /// Its task begins to work.
    pub(crate) fn begun(&self, name: &ApplicationName) {
        self.change(name, |it| {
            it.working = Some(Instant::now());
            it.next_wake = None;
            it.tally.count(Count::Once(Occasion::CacheHit));
        });
    }

    /// A decision was taken; `fresh` tells whether Kubernetes was asked for the objects and not the cache.
    pub(crate) fn decided(&self, name: &ApplicationName, snapshot: &Snapshot, step: &Step, fresh: bool) {
        self.change(name, |it| {
            it.enter(phase_of(&snapshot.memory), false);
            it.rule = step.rule().to_string();
            it.why = step.why().map(str::to_owned);
            it.last_step = Some(snapshot.now);
            it.working = it.working.map(|_| Instant::now());
            if let Remembered::Known(memory) = &snapshot.memory {
                it.entered = memory.phase.since();
                it.cluster_health = memory.ledger.cluster.as_ref().map(|cluster| cluster.health);
                it.job_health = memory.ledger.job.as_ref().map(|job| job.health);
            }
            it.tally.observed(&snapshot.observed, fresh);
        });
    }

    /// A move was committed. Returns the phase that was left and how long it took, if its beginning was seen.
    pub(crate) fn moved(&self, name: &ApplicationName, to: PhaseName) -> Option<(PhaseName, Duration)> {
        self.change(name, |it| {
            let left = it.phase.filter(|phase| *phase != to).map(|phase| (phase, it.in_phase()));
            if left.is_some() && to == PhaseName::Updating {
                it.tally.count(Count::Once(Occasion::AppChanged));
            }
            let left = left.filter(|_| it.since.1);
            it.enter(Some(to), true);
            it.entered = Some(Timestamp::now());
            left
        })
        .flatten()
    }

    /// Effects were performed.
    pub(crate) fn performed(&self, name: &ApplicationName, effects: &[Effect], report: &Report) {
        self.change(name, |it| {
            it.working = it.working.map(|_| Instant::now());
            it.tally.performed(effects, report);
        });
    }

    /// A status write ended.
    pub(crate) fn written(&self, name: &ApplicationName, written: Written) {
        let count = match written {
            Written::Done => Count::Done(Deed::Update),
            Written::Conflict => Count::Once(Occasion::UpdateConflict),
            Written::Invalid => Count::Once(Occasion::UpdateInvalid),
            Written::Gone | Written::Failed => Count::Failed(Deed::Update),
        };
        self.change(name, |it| it.tally.count(count));
    }

    /// One pass over the application ended.
    pub(crate) fn handled(&self, name: &ApplicationName, phase: Option<PhaseName>, took: Duration, succeeded: bool) {
        if let Some(phase) = phase {
            self.change(name, |it| it.tally.handled(phase, took, succeeded));
        }
    }

    /// A look ended without a decision that could be carried out.
    pub(crate) fn broke_off(&self, name: &ApplicationName) {
        self.change(name, |it| it.tally.count(Count::Once(Occasion::ReconcileError)));
    }

    /// Its task waits until this time, or for a change.
    pub(crate) fn waits(&self, name: &ApplicationName, until: Option<Duration>) {
        self.change(name, |it| {
            it.working = None;
            it.next_wake = until.and_then(|until| Timestamp::now().checked_add(until).ok());
        });
    }

    /// A namespace, or all, is watched and heard; `complete` once everything was listed.
    pub(crate) fn heard(&self, namespace: Option<&str>, complete: bool) {
        let watch = Watch { complete, beat: Instant::now() };
        self.watches().insert(namespace.map(str::to_owned), watch);
    }

    /// Everything that is watched was listed, and something is.
    pub fn is_complete(&self) -> bool {
        let watches = self.watches();
        !watches.is_empty() && watches.values().all(|watch| watch.complete)
    }

    /// What has not come on for this long: watches and applications, in words.
    pub fn stuck(&self, limit: Duration) -> Vec<String> {
        let quiet = |watch: &&Watch| watch.beat.elapsed() > limit;
        let watches =
            self.watches().values().filter(quiet).map(|_| "the watches of a namespace".to_owned()).collect::<Vec<_>>();
        let applications = self.applications();
        let stuck = applications.iter().filter(|(_, it)| it.stuck().is_some_and(|stuck| stuck > limit));
        let stuck = stuck.map(|(name, it)| format!("{}/{} ({})", name.namespace, name.name, it.rule));
        watches.into_iter().chain(stuck).collect()
    }

    #[cfg(test)]
    pub(crate) fn fill(&self, name: &ApplicationName, fill: impl FnOnce(&mut Tally)) {
        self.change(name, |it| fill(&mut it.tally));
    }

    /// Only who was met is changed: a task that was just ended must not bring its application back.
    fn change<T>(&self, name: &ApplicationName, change: impl FnOnce(&mut Standing) -> T) -> Option<T> {
        self.applications().get_mut(name).map(change)
    }

    fn applications(&self) -> MutexGuard<'_, BTreeMap<ApplicationName, Standing>> {
        self.applications.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn watches(&self) -> MutexGuard<'_, BTreeMap<Option<String>, Watch>> {
        self.watches.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
