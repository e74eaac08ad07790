//! Watches, and one small task an application: one application's trouble never delays another's.

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use flink_operator_core::crd::FlinkApplication;
use flink_operator_core::phase::PhaseName;
use flink_operator_core::policy::Policy;
use futures::FutureExt as _;
use futures::stream::{self, BoxStream, SelectAll, StreamExt as _};
use jiff::Timestamp;
use k8s_openapi::api::networking::v1::Ingress;
use kube::runtime::watcher::{self, Event};
use kube::runtime::{WatchStreamExt as _, watcher as watch_stream};
use kube::{Api, Client, Resource};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::Instant;

use crate::clock::Clock;
use crate::flink::FlinkClient;
use crate::observe::{ApplicationName, ApplicationView, Children, DeploymentView, PodView, ServiceView};
use crate::perform::Performer;
use crate::publish::Publisher;
use crate::reconcile::Reconciler;
use crate::record::Record;
use crate::rival;
use crate::workers::Workers;
use crate::written::{OwnWrites, Shown};

/// The label that every child of an application carries.
const CHILD_LABEL: &str = "flink-app";
/// How often the loop over the watches shows that it is alive.
const BEAT: Duration = Duration::from_secs(5);
/// How long an application whose task met a bug of ours is left alone.
const AFTER_A_BUG: Duration = Duration::from_secs(30);

/// Looks at resting applications, of all together. Beyond 750 of them each is looked at more rarely than
/// configured, so that a crowd at rest costs no more than this many looks.
const LOOKS_A_SECOND: u32 = 25;

/// What two looks at applications that rest are apart, where the crowd is so large that they go on without a pause.
const PACE_MS: u32 = 1_000 / LOOKS_A_SECOND;

/// First looks at applications that rest, at a time: all at once they would need the memory of as many looks, and be
/// answered too late.
const FIRST_LOOKS: usize = 32;

/// The same configuration for so many applications. Figures are written when they are looked at, so that they are not
/// written more often either.
fn paced(policy: Policy, applications: usize) -> Policy {
    let applications = u32::try_from(applications).unwrap_or(u32::MAX);
    let turn_ms = applications.saturating_mul(PACE_MS);
    Policy { poll_interval_ms: policy.poll_interval_ms.max(turn_ms), ..policy }
}

/// How an application that rests already when the operator starts comes to its looks.
struct Queued {
    /// The first one waits for its turn.
    turns: Arc<Semaphore>,
    /// How many such applications came before.
    place: u32,
}

impl Queued {
    /// Waits for a turn; None where there is news first, which nobody is kept waiting for.
    async fn turn(self, latest: &mut watch::Receiver<Arc<FlinkApplication>>) -> Option<OwnedSemaphorePermit> {
        tokio::select! {
            biased;
            turn = self.turns.acquire_owned() => turn.ok(),
            _ = latest.changed() => None,
        }
    }

    /// How much sooner the second look that nothing but time asks for comes. First looks come in a quick row; without this all later ones would come
    /// in that same row, with nothing to do between one row and the next.
    fn sooner(&self) -> Duration {
        Duration::from_millis(PACE_MS.into()) * self.place
    }
}

/// What all reconcilers of a process share.
#[derive(Clone)]
pub struct Shared {
    /// Kubernetes.
    pub client: Client,
    /// The configuration, which may change at any time.
    pub policy: Arc<RwLock<Policy>>,
    /// How many applications are worked on in parallel.
    pub workers: Arc<Workers>,
    /// Events, metrics, logs.
    pub publisher: Arc<Publisher>,
    /// Where snapshots are recorded, if they are.
    pub recorder: Arc<dyn Record>,
    /// The name under which this installation writes; see [`crate::rival`].
    pub writer: Arc<str>,
}

/// What all reconcilers of one watch share.
pub struct Context {
    /// Kubernetes.
    pub client: Client,
    /// Flink.
    pub flink: Arc<FlinkClient>,
    /// What carries effects out.
    pub performer: Performer,
    /// The watched children.
    pub children: Arc<Children>,
    /// Whose turn it is at the API server.
    pub workers: Arc<Workers>,
    /// Events, metrics, logs.
    pub publisher: Arc<Publisher>,
    /// Where snapshots are recorded, if they are.
    pub recorder: Arc<dyn Record>,
    /// The name under which this installation writes.
    pub writer: Arc<str>,
    /// The time of day.
    pub clock: Clock,
    policy: Arc<RwLock<Policy>>,
}

impl Context {
    /// Everything that a reconciler needs.
    pub fn new(shared: Shared, flink: FlinkClient, children: Arc<Children>) -> Self {
        let flink = Arc::new(flink);
        let Shared { client, policy, workers, publisher, recorder, writer } = shared;
        let performer = Performer::new(client.clone(), flink.clone(), workers.clone());
        let clock = Clock::default();
        Self { client, flink, performer, children, workers, publisher, recorder, writer, clock, policy }
    }

    /// The same with another clock than the machine's.
    pub fn with_clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// The configuration as it is now, with rests as long as so many applications need.
    pub fn policy(&self) -> Policy {
        let policy = self.policy.read().unwrap_or_else(PoisonError::into_inner).clone();
        paced(policy, self.publisher.board().number())
    }
}

/// Watches one namespace, or all, until `stop` resolves. No task of an application is left when it returns:
/// what was under way is dropped, and whoever comes next asks for it again.
pub async fn run(context: Arc<Context>, namespace: Option<&str>, stop: impl Future<Output = ()>) {
    let mut watches: SelectAll<_> = watches_of(&context.client, namespace).into_iter().collect();
    let since = context.clock.now();
    let rivals = HashSet::new();
    let first_looks = Arc::new(Semaphore::new(FIRST_LOOKS));
    let mut actors =
        Actors { context, all: HashMap::new(), tasks: JoinSet::new(), listed: false, since, first_looks, rivals };
    let mut beat = tokio::time::interval(BEAT);
    let mut stop = std::pin::pin!(stop);
    loop {
        // In this order: what is done must not depend on chance.
        tokio::select! {
            biased;
            () = &mut stop => break,
            heard = watches.next() => match heard {
                None => break,
                Some(heard) => actors.hear(heard),
            },
            // Nothing is to be done about a task that has ended but to let its remains go.
            Some(_) = actors.tasks.join_next() => continue,
            _ = beat.tick() => {}
        }
        actors.context.publisher.board().heard(namespace, actors.is_complete());
    }
    actors.tasks.shutdown().await;
}

/// One event of one of the watches.
#[allow(clippy::large_enum_variant, reason = "it is moved once, from the stream to its handler")]
enum Heard {
    Application(Event<ApplicationView>),
    Deployment(Event<DeploymentView>),
    Service(Event<ServiceView>),
    Ingress(Event<Ingress>),
    Pod(Event<PodView>),
}

fn watches_of(client: &Client, namespace: Option<&str>) -> Vec<BoxStream<'static, Heard>> {
    vec![
        watched(all(client, namespace), watcher::Config::default(), Heard::Application),
        watched(all(client, namespace), child_config(), Heard::Deployment),
        watched(all(client, namespace), child_config(), Heard::Service),
        watched(all(client, namespace), child_config(), Heard::Ingress),
        watched(all(client, namespace), child_config(), Heard::Pod),
    ]
}

fn all<K>(client: &Client, namespace: Option<&str>) -> Api<K>
where
    K: Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope>,
{
    match namespace {
        None => Api::all(client.clone()),
        Some(namespace) => Api::namespaced(client.clone(), namespace),
    }
}

fn child_config() -> watcher::Config {
    watcher::Config::default().labels(CHILD_LABEL)
}

fn watched<K>(api: Api<K>, config: watcher::Config, wrap: fn(Event<K>) -> Heard) -> BoxStream<'static, Heard>
where
    K: Resource + Clone + std::fmt::Debug + Send + serde::de::DeserializeOwned + 'static,
{
    watch_stream(api, config)
        .default_backoff()
        .flat_map(move |event| match event {
            Ok(event) => stream::iter(Some(wrap(event))),
            Err(error) => {
                tracing::warn!("a watch broke and is begun again: {error}");
                stream::iter(None)
            }
        })
        .boxed()
}

/// One task an application.
struct Actors {
    context: Arc<Context>,
    all: HashMap<ApplicationName, Actor>,
    /// Dropped with this, so that no task outlives it.
    tasks: JoinSet<()>,
    /// Whether all applications were listed once.
    listed: bool,
    /// When the watches began.
    since: Timestamp,
    /// Turns at first looks.
    first_looks: Arc<Semaphore>,
    /// Other installations that were told of.
    rivals: HashSet<(ApplicationName, String)>,
}

struct Actor {
    latest: watch::Sender<Arc<FlinkApplication>>,
    /// What its task has written.
    written: OwnWrites,
    wake: Arc<Notify>,
    task: AbortHandle,
    listed: bool,
}

impl Actor {
    /// The watch shows what its task has written itself, or what was there before: that is not even read.
    fn knows(&mut self, object: &ApplicationView) -> bool {
        match self.written.shown(&object.metadata) {
            Shown::News => return false,
            Shown::Superseded | Shown::Newest(None) => {}
            Shown::Newest(Some(resource)) => {
                self.latest.send_if_modified(|latest| {
                    *latest = resource;
                    // It wakes nobody.
                    false
                });
            }
        }
        self.listed = true;
        true
    }
}

impl Actors {
    fn is_complete(&self) -> bool {
        self.listed && self.context.children.is_complete()
    }

    fn hear(&mut self, heard: Heard) {
        let was_complete = self.context.children.is_complete();
        let touched = match heard {
            Heard::Application(event) => return self.hear_application(event),
            Heard::Deployment(event) => self.context.children.hear(&event),
            Heard::Service(event) => self.context.children.hear(&event),
            Heard::Ingress(event) => self.context.children.hear(&event),
            Heard::Pod(event) => self.context.children.hear(&event),
        };
        for actor in touched.iter().filter_map(|key| self.all.get(key)) {
            actor.wake.notify_one();
        }
        if !was_complete && self.context.children.is_complete() {
            self.all.values().for_each(|actor| actor.wake.notify_one());
        }
    }

    fn hear_application(&mut self, event: Event<ApplicationView>) {
        match event {
            Event::Init => self.all.values_mut().for_each(|actor| actor.listed = false),
            Event::InitApply(object) | Event::Apply(object) => self.seen(object),
            Event::InitDone => {
                self.listed = true;
                let gone: Vec<ApplicationName> =
                    self.all.iter().filter(|(_, actor)| !actor.listed).map(|(key, _)| key.clone()).collect();
                gone.iter().for_each(|key| self.gone(key));
            }
            Event::Delete(object) => self.gone(&key_of(&object)),
        }
    }

    fn seen(&mut self, object: ApplicationView) {
        let key = key_of(&object);
        if let Some(rival) = rival::seen(&object.metadata, &self.context.writer, self.since)
            && self.rivals.insert((key.clone(), rival.to_owned()))
        {
            self.context.publisher.rivalled(&object, rival);
        }
        if let Some(actor) = self.all.get_mut(&key)
            && actor.knows(&object)
        {
            return;
        }
        let mut resource = match object.read() {
            Ok(resource) => resource,
            Err(error) => {
                tracing::error!(ns = %key.namespace, app_name = %key.name, "this application cannot be read and is left alone: {error}");
                return;
            }
        };
        // Nobody else asks for them, and they are half of what would be kept.
        resource.metadata.managed_fields = None;
        let resource = Arc::new(resource);
        if let Some(actor) = self.all.get_mut(&key) {
            actor.listed = true;
            actor.latest.send_replace(resource);
            return;
        }
        let queued = (!self.listed && rests(&resource)).then(|| Queued {
            turns: self.first_looks.clone(),
            place: u32::try_from(self.all.len()).unwrap_or(u32::MAX),
        });
        let (latest, receiver) = watch::channel(resource);
        let wake = Arc::new(Notify::new());
        let written = OwnWrites::default();
        self.context.publisher.board().meet(&key);
        let life =
            Life { context: self.context.clone(), name: key.clone(), wake: wake.clone(), written: written.clone() };
        let task = self.tasks.spawn(live(life, receiver, queued));
        self.all.insert(key, Actor { latest, written, wake, task, listed: true });
    }

    fn gone(&mut self, key: &ApplicationName) {
        if let Some(actor) = self.all.remove(key) {
            actor.task.abort();
            self.context.publisher.board().forget(key);
        }
    }
}

/// Its job runs and its spec is deployed, by its status: it can wait a moment for its first look.
fn rests(resource: &FlinkApplication) -> bool {
    let status = resource.status.as_ref();
    let phase = status.and_then(|status| status.phase.as_deref());
    let heard = status.and_then(|status| status.observed_generation) == resource.metadata.generation;
    phase.and_then(|phase| phase.parse().ok()) == Some(PhaseName::Running)
        && heard
        && resource.metadata.deletion_timestamp.is_none()
}

fn key_of(object: &ApplicationView) -> ApplicationName {
    let metadata = &object.metadata;
    ApplicationName {
        namespace: metadata.namespace.clone().unwrap_or_default(),
        name: metadata.name.clone().unwrap_or_default(),
    }
}

/// Waits until the application is shown as this process does not know it: what it has written itself may be shown before
/// it is answered.
async fn news(
    latest: &mut watch::Receiver<Arc<FlinkApplication>>,
    written: &OwnWrites,
) -> Result<(), watch::error::RecvError> {
    loop {
        latest.changed().await?;
        if written.shown(&latest.borrow().metadata) == Shown::News {
            return Ok(());
        }
    }
}

/// What the task of an application is made of.
struct Life {
    context: Arc<Context>,
    name: ApplicationName,
    wake: Arc<Notify>,
    written: OwnWrites,
}

/// The life of one application's task: reconcile, then wait for a change or for the time.
async fn live(life: Life, mut latest: watch::Receiver<Arc<FlinkApplication>>, queued: Option<Queued>) {
    let Life { context, name, wake, written } = life;
    let mut reconciler = Reconciler::new(context.clone(), wake.clone(), written.clone());
    let mut sooner = queued.as_ref().map(Queued::sooner).unwrap_or_default();
    let mut turn = match queued {
        Some(queued) => queued.turn(&mut latest).await,
        None => None,
    };
    loop {
        let resource = latest.borrow_and_update().clone();
        let board = context.publisher.board();
        board.begun(&name);
        // A bug that one application brings out must not end its care, nor anybody else's.
        // In a box, which is gone while the application rests: a task that waits is small.
        let work = Box::pin(reconciler.reconcile(&resource));
        let next = match AssertUnwindSafe(work).catch_unwind().await {
            Ok(next) => next,
            Err(_) => {
                tracing::error!(ns = %name.namespace, app_name = %name.name, "a bug of the operator; please report it");
                context.publisher.bug();
                board.broke_off(&name);
                reconciler = Reconciler::new(context.clone(), wake.clone(), written.clone());
                Some(Instant::now() + AFTER_A_BUG)
            }
        };
        drop(resource);
        drop(turn.take());
        let next = next.map(|at| at.checked_sub(sooner).unwrap_or(at));
        board.waits(&name, next.map(|at| at.saturating_duration_since(Instant::now())));
        let sleep = async {
            match next {
                None => std::future::pending().await,
                Some(at) => tokio::time::sleep_until(at).await,
            }
        };
        tokio::select! {
            biased;
            () = sleep => sooner = Duration::ZERO,
            () = wake.notified() => {}
            changed = news(&mut latest, &written) => if changed.is_err() { return },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_crowd_is_looked_at_more_rarely_than_configured() {
        let configured = Policy::default();
        assert_eq!(paced(configured.clone(), 750), configured);
        assert_eq!(paced(configured.clone(), 10_000).poll_interval_ms, 400_000);
        assert_eq!(paced(configured, usize::MAX).poll_interval_ms, u32::MAX);
    }

    #[tokio::test]
    async fn who_is_edited_does_not_wait_for_a_turn() {
        let (edit, mut latest) = watch::channel(Arc::new(FlinkApplication::new("orders", Default::default())));
        let turns = Arc::new(Semaphore::new(1));
        let queued = || Queued { turns: turns.clone(), place: 0 };
        let first = queued().turn(&mut latest).await;
        assert!(first.is_some());
        assert!(queued().turn(&mut latest).now_or_never().is_none(), "the only turn is taken");
        edit.send_replace(Arc::new(FlinkApplication::new("orders", Default::default())));
        assert!(queued().turn(&mut latest).await.is_none());
        drop(first);
        assert!(queued().turn(&mut latest).await.is_some());
    }

    #[test]
    fn from_the_second_look_on_a_crowd_is_spread_over_the_whole_turn() {
        let turn = Duration::from_millis(paced(Policy::default(), 10_000).poll_interval_ms.into());
        let second = |place| turn - Queued { turns: Arc::new(Semaphore::new(1)), place }.sooner();
        let pace = Duration::from_millis(PACE_MS.into());
        assert_eq!(second(0), turn);
        assert_eq!(second(4_999) - second(5_000), pace);
        assert_eq!(second(9_999), pace);
    }
}
