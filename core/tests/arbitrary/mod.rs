//! Arbitrary snapshots: every value that a snapshot can hold, from pools so small that values meet.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use flink_operator_core::adopt::{Left, LeftIn, Version};
use flink_operator_core::application::{Application, Colour, DeploymentMode, JobPlan, Spec};
use flink_operator_core::crd::FlinkApplication;
use flink_operator_core::effect::EffectKey;
use flink_operator_core::health::{ClusterFigures, Health, JobFigures};
use flink_operator_core::id::{Digest, JobId, RevisionId, TriggerId};
use flink_operator_core::manifest;
use flink_operator_core::memory::{
    ClusterPlan, Deployed, Failure, JobHolder, LastError, Ledger, Memory, Revision, Stopped, Tries,
};
use flink_operator_core::phase::{
    Cancelling, ClusterStarting, Deleting, DeployFailed, DualRunning, Launch, Phase, PhaseName, Recovering, Rescaling,
    RollingBackJob, Running, Savepointing, Teardown, Updating,
};
use flink_operator_core::policy::Policy;
use flink_operator_core::snapshot::*;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use serde_json::{Value, json};
use strum::IntoEnumIterator as _;

pub const UID: &str = "0b1f8c0e-5d6f-4f0a-9c66-0d4c4a5e7f10";

/// The specs that the user may have written: three that can be deployed, one that cannot, and the first with another
/// parallelism.
pub fn manifest(spec: usize) -> Value {
    json!({
        "apiVersion": "flink.k8s.io/v1beta1",
        "kind": "FlinkApplication",
        "metadata": { "name": "orders", "namespace": "shop", "uid": UID, "generation": 3 },
        "spec": {
            "image": format!("registry.example/orders:{}", if spec == 4 { 0 } else { spec.min(2) }),
            "jarName": "orders.jar",
            "entryClass": "shop.Orders",
            "flinkVersion": "2.1",
            "parallelism": ([2, 2, 2, 0, 4][spec]),
            "taskManagerConfig": { "taskSlots": 2 },
        },
    })
}

pub fn application(manifest: Value) -> Application {
    Application::parse(&serde_json::from_value::<FlinkApplication>(manifest).unwrap())
}

static SPECS: LazyLock<Vec<Spec>> =
    LazyLock::new(|| (0..3).map(|spec| application(manifest(spec)).spec.unwrap()).collect());

static DIGESTS: LazyLock<Vec<Digest>> = LazyLock::new(|| SPECS.iter().map(|spec| spec.digest().clone()).collect());

/// The revisions that there are in the pool: four deploys of three specs.
pub fn revisions() -> Vec<RevisionId> {
    (0..4u32).map(|n| RevisionId::derive(UID, &DIGESTS[n as usize % 3], n + 1)).collect()
}

fn revision() -> BoxedStrategy<Revision> {
    (0..4u32, any::<bool>())
        .prop_map(|(n, known)| Revision {
            id: revisions()[n as usize].clone(),
            digest: known.then(|| DIGESTS[n as usize % 3].clone()),
            // The original's have no number.
            number: if known { n + 1 } else { 0 },
            generation: i64::from(n) + 1,
            job: JobPlan {
                jar_name: "orders.jar".into(),
                entry_class: "shop.Orders".into(),
                program_args: String::new(),
                parallelism: 2.try_into().unwrap(),
                allow_non_restored_state: false,
            },
            colour: None,
            cluster: known.then(|| ClusterPlan {
                digest: SPECS[n as usize % 3].cluster_digest().clone(),
                taskmanagers: 1,
                ports: SPECS[0].ports,
            }),
        })
        .boxed()
}

/// In BlueGreen every revision has a colour, and only there is there a second version: until one is torn down.
fn coloured(memory: &mut Memory, blue_green: bool) {
    let two = blue_green && matches!(memory.phase.name(), PhaseName::DualRunning | PhaseName::Deleting);
    let ledger = &mut memory.ledger;
    let first = ledger.deployed.as_ref().map(|first| first.revision.id.clone()).filter(|_| two);
    ledger.second = ledger.second.take().filter(|second| first.is_some_and(|first| first != second.revision.id));
    if ledger.second.is_none() {
        (ledger.second_cluster, ledger.second_job) = (None, None);
    }
    let (other, of_job) = (Colour::Blue, Colour::Green);
    let colour = |colour: Colour| blue_green.then_some(colour);
    ledger.deployed.iter_mut().for_each(|it| it.revision.colour = colour(of_job));
    ledger.second.iter_mut().for_each(|it| it.revision.colour = colour(other));
    let launch = match &mut memory.phase {
        Phase::Updating(Updating { target, .. })
        | Phase::Rescaling(Rescaling { target, .. })
        | Phase::ClusterStarting(ClusterStarting { target, .. })
        | Phase::Savepointing(Savepointing { target, .. })
        | Phase::Cancelling(Cancelling { target, .. })
        | Phase::Recovering(Recovering { target, .. }) => {
            target.colour = colour(other);
            None
        }
        Phase::SubmittingJob(launch) => Some(launch),
        Phase::RollingBackJob(at) => at.launch.as_mut(),
        Phase::New | Phase::Running(_) | Phase::DualRunning(_) | Phase::DeployFailed(_) | Phase::Deleting(_) => None,
    };
    launch.into_iter().for_each(|launch| launch.target.colour = colour(other));
}

/// Now, a moment ago or ahead, long ago: deadlines lie in between.
pub fn time() -> BoxedStrategy<Timestamp> {
    prop_oneof![Just(0i64), -5_000i64..5_000, Just(-200_000), Just(-400_000), Just(-4_000_000)]
        .prop_map(|ms| now().checked_add(SignedDuration::from_millis(ms)).unwrap())
        .boxed()
}

pub fn now() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

fn path() -> BoxedStrategy<String> {
    (0..3).prop_map(|n| format!("s3://state/savepoint-{n}")).boxed()
}

fn job_id() -> BoxedStrategy<JobId> {
    (0..4usize, 1..3u32).prop_map(|(revision, attempt)| JobId::derive(UID, &revisions()[revision], attempt)).boxed()
}

fn text() -> BoxedStrategy<String> {
    prop_oneof![Just(String::new()), Just("connection refused".to_owned()), "\\PC{0,12}"].boxed()
}

fn tries() -> BoxedStrategy<Tries> {
    (prop_oneof![0..3u32, 0..20u32], prop::option::of(time()))
        .prop_map(|(failed, not_before)| Tries { failed, not_before })
        .boxed()
}

fn deployed() -> BoxedStrategy<Deployed> {
    (revision(), job_id(), 1..4u32, prop::option::of(path()), 1..4u32, prop::bool::weighted(0.2))
        .prop_map(|(revision, job, next_stop, restored_from, attempt, given_up)| Deployed {
            revision,
            job,
            next_stop,
            restored_from,
            attempt,
            given_up,
        })
        .boxed()
}

fn second() -> BoxedStrategy<Timestamp> {
    time().prop_map(|time| Timestamp::from_second(time.as_second()).unwrap()).boxed()
}

fn job_figures() -> BoxedStrategy<JobFigures> {
    let counts = (0..3u32, 0..3u32, 0..3u32, 0..3u32, 0..3u32);
    let times = (prop::option::of(second()), prop::option::of(second()), prop::option::of(second()), second());
    let paths = (prop::option::of(path()), prop::option::of(path()));
    (health(), prop::option::of(job_state()), counts, times, paths)
        .prop_map(|(health, state, counts, times, paths)| JobFigures {
            health,
            state,
            start_time: times.0,
            restarts: counts.0,
            running_tasks: counts.1,
            total_tasks: counts.2,
            completed_checkpoints: counts.3,
            failed_checkpoints: counts.4,
            checkpointing: [None, Some(false), Some(true)][counts.3 as usize],
            last_checkpoint: paths.0,
            last_checkpoint_time: times.1,
            restore_path: paths.1,
            restore_time: times.2,
            last_failing: times.2,
            refreshed: times.3,
        })
        .boxed()
}

fn health() -> BoxedStrategy<Health> {
    prop_oneof![Just(Health::Green), Just(Health::Yellow), Just(Health::Red)].boxed()
}

fn ledger() -> BoxedStrategy<Ledger> {
    let failure = (prop::option::of(0..3usize), prop::option::of(0..4usize), 1..4i64, text(), time()).prop_map(
        |(digest, revision, generation, message, time)| Failure {
            digest: digest.map(|n| DIGESTS[n].clone()),
            revision: revision.map(|n| revisions()[n].clone()),
            generation,
            reason: "ClusterStartTimedOut".into(),
            message,
            time,
        },
    );
    let stopped = (prop::option::weighted(0.8, path()), job_id()).prop_map(|(state, job)| Stopped { job, state });
    let error = (text(), text(), second()).prop_map(|(method, message, time)| LastError { method, message, time });
    let cluster = (health(), 0..3u32, 0..3u32, 0..3u32, 0..3u32)
        .prop_map(|(health, a, b, c, d)| ClusterFigures {
            health,
            taskmanagers: a,
            healthy_taskmanagers: b,
            slots: c,
            free_slots: d,
        })
        .boxed();
    (
        0..5u32,
        prop::option::of(deployed()),
        prop::option::of(stopped),
        prop::option::of(failure),
        prop::option::of(error),
        prop::option::of(cluster.clone()),
        prop::option::of(job_figures()),
        (
            prop::option::of(deployed()),
            prop::option::weighted(0.3, (0..3usize).prop_map(|n| DIGESTS[n].clone())),
            prop::option::of(cluster),
            prop::option::of(job_figures()),
        ),
    )
        .prop_map(|(deploys, deployed, stopped, failed, last_error, cluster, job, more)| Ledger {
            deploys,
            deployed,
            stopped,
            second: more.0,
            torn_down: more.1,
            second_cluster: more.2,
            second_job: more.3,
            failed,
            last_error,
            cluster,
            job,
        })
        .boxed()
}

fn phase() -> BoxedStrategy<Phase> {
    prop::sample::select(PhaseName::iter().collect::<Vec<_>>()).prop_flat_map(phase_of).boxed()
}

fn phase_of(name: PhaseName) -> BoxedStrategy<Phase> {
    match name {
        PhaseName::New => Just(Phase::New).boxed(),
        PhaseName::Updating => (revision(), time(), tries())
            .prop_map(|(target, since, tries)| Phase::Updating(Updating { target, since, tries }))
            .boxed(),
        PhaseName::ClusterStarting => (revision(), time())
            .prop_map(|(target, since)| Phase::ClusterStarting(ClusterStarting { target, since }))
            .boxed(),
        PhaseName::Rescaling => {
            (revision(), time()).prop_map(|(target, since)| Phase::Rescaling(Rescaling { target, since })).boxed()
        }
        PhaseName::Savepointing => (revision(), time(), tries())
            .prop_map(|(target, since, tries)| Phase::Savepointing(Savepointing { target, since, tries }))
            .boxed(),
        PhaseName::Cancelling => (revision(), time(), tries())
            .prop_map(|(target, since, tries)| Phase::Cancelling(Cancelling { target, since, tries }))
            .boxed(),
        PhaseName::Recovering => (revision(), time(), text(), prop::option::of(time()), tries())
            .prop_map(|(target, since, cause, cancelling, tries)| {
                Phase::Recovering(Recovering { target, since, cause, cancelling, tries })
            })
            .boxed(),
        PhaseName::SubmittingJob => launch().prop_map(Phase::SubmittingJob).boxed(),
        PhaseName::RollingBackJob => (time(), prop::option::of(job_id()), prop::option::of(launch()), tries())
            .prop_map(|(since, clear, launch, tries)| {
                Phase::RollingBackJob(RollingBackJob { since, clear, launch, tries })
            })
            .boxed(),
        PhaseName::Running => time().prop_map(|since| Phase::Running(Running { since })).boxed(),
        PhaseName::DualRunning => {
            let tearing = (0..4usize, time(), tries()).prop_map(|(n, since, tries)| Teardown {
                revision: revisions()[n].clone(),
                since,
                tries,
            });
            (time(), prop::option::of(tearing))
                .prop_map(|(since, tearing)| Phase::DualRunning(DualRunning { since, tearing }))
                .boxed()
        }
        PhaseName::DeployFailed => time().prop_map(|since| Phase::DeployFailed(DeployFailed { since })).boxed(),
        PhaseName::Deleting => (time(), prop::collection::vec(holder(), 0..3), tries(), prop::option::of(text()))
            .prop_map(|(since, holders, tries, blocked)| Phase::Deleting(Deleting { since, holders, tries, blocked }))
            .boxed(),
    }
}

fn holder() -> BoxedStrategy<JobHolder> {
    (0..4usize, job_id(), 1..4u32)
        .prop_map(|(n, job, next_stop)| JobHolder { revision: revisions()[n].clone(), job, next_stop })
        .boxed()
}

fn launch() -> BoxedStrategy<Launch> {
    (revision(), time(), 1..4u32, tries(), prop::option::of(path()), prop::option::of(time()))
        .prop_map(|(target, since, attempt, tries, restore_from, accepted)| Launch {
            target,
            since,
            attempt,
            tries,
            restore_from,
            accepted,
        })
        .boxed()
}

pub fn memory() -> BoxedStrategy<Memory> {
    (phase(), ledger(), any::<bool>())
        .prop_map(|(phase, ledger, blue_green)| {
            let mut memory = Memory { phase, ledger };
            coloured(&mut memory, blue_green);
            memory
        })
        .boxed()
}

fn trouble() -> BoxedStrategy<Trouble> {
    let class = prop_oneof![Just(TroubleClass::TryAgain), Just(TroubleClass::UsersFault), Just(TroubleClass::OurBug)];
    (class, text()).prop_map(|(class, message)| Trouble { class, method: "GetJobOverview".into(), message }).boxed()
}

fn seen<T: std::fmt::Debug + Clone + 'static>(present: impl Strategy<Value = T> + 'static) -> BoxedStrategy<Seen<T>> {
    prop_oneof![
        1 => Just(Seen::NotAsked),
        2 => Just(Seen::Absent),
        1 => trouble().prop_map(Seen::Unreachable),
        5 => present.prop_map(Seen::Present),
    ]
    .boxed()
}

fn job_state() -> BoxedStrategy<JobState> {
    prop_oneof![
        4 => Just(JobState::Running),
        1 => Just(JobState::Initializing),
        1 => Just(JobState::Created),
        1 => Just(JobState::Failing),
        1 => Just(JobState::Failed),
        1 => Just(JobState::Cancelling),
        1 => Just(JobState::Canceled),
        1 => Just(JobState::Finished),
        1 => Just(JobState::Restarting),
        1 => Just(JobState::Suspended),
        1 => Just(JobState::Reconciling),
    ]
    .boxed()
}

fn job() -> BoxedStrategy<Job> {
    (job_state(), 0..3u32, 0..3u32, 0..2u32, prop::option::of(time()), prop::option::of(text()))
        .prop_map(|(state, total, running, created, start_time, failure)| Job {
            state,
            start_time,
            tasks: Tasks { total, running, finished: 0, failed: 0, created },
            restarts: None,
            failure,
        })
        .boxed()
}

fn flink() -> BoxedStrategy<FlinkSeen> {
    let overview = (0..4u32, 0..4u32, prop::collection::vec(time(), 0..3))
        .prop_map(|(slots_total, slots_available, heartbeats)| Overview { slots_total, slots_available, heartbeats });
    let savepoint = prop_oneof![
        Just(SavepointSeen::InProgress),
        path().prop_map(|path| SavepointSeen::Completed { path }),
        text().prop_map(|cause| SavepointSeen::Failed { cause }),
    ];
    let checkpoint = || (prop::option::of(path()), time()).prop_map(|(path, time)| Checkpoint { path, time });
    let checkpoints = (
        0..3u32,
        0..3u32,
        prop::option::of(checkpoint()),
        prop::option::of(checkpoint()),
        (prop::option::of(checkpoint()), prop::option::of(checkpoint())),
    )
        .prop_map(|(completed, failed, latest, restored, (savepoint, any_savepoint))| Checkpoints {
            completed,
            failed,
            latest,
            restored,
            savepoint,
            any_savepoint,
        });
    let retention = prop_oneof![Just(Retention::Retained), Just(Retention::Deleted), Just(Retention::None)];
    (seen(overview), seen(job()), seen(savepoint), seen(checkpoints), seen(retention))
        .prop_map(|(overview, job, savepoint, checkpoints, retention)| FlinkSeen {
            overview,
            job,
            savepoint,
            checkpoints,
            retention,
        })
        .boxed()
}

fn cluster(id: RevisionId) -> BoxedStrategy<ClusterObjects> {
    let deployment = |suffix: &'static str, id: RevisionId| {
        let counts = (prop_oneof![3 => Just(1u32), 1 => 0..3u32], 0..3u32, 0..3u32);
        let drawn = prop::sample::select(vec!["", "drawn"]);
        (prop::bool::weighted(0.4), counts, drawn).prop_map(
            move |(deleting, (replicas, existing, available), drawn)| DeploymentSeen {
                name: format!("orders-{id}-{suffix}"),
                uid: format!("{id}-{suffix}"),
                deleting,
                replicas,
                existing,
                available,
                selects: drawn.into(),
            },
        )
    };
    let named = id.clone();
    let service = prop::bool::weighted(0.4).prop_map(move |deleting| ServiceSeen {
        name: format!("orders-{named}"),
        uid: format!("{named}-svc"),
        deleting,
        selects: named.to_string(),
        ports: vec![6123, 6125, 6124, 8081, 50101],
    });
    let pod =
        text().prop_map(|message| PodTrouble { pod: "orders-jm-0".into(), reason: "ImagePullBackOff".into(), message });
    (
        prop::option::weighted(0.8, deployment("jm", id.clone())),
        prop::option::weighted(0.8, deployment("tm", id)),
        prop::option::weighted(0.8, service),
        prop::collection::vec(pod, 0..2),
    )
        .prop_map(|(jobmanager, taskmanager, service, pod_troubles)| ClusterObjects {
            jobmanager,
            taskmanager,
            service,
            pod_troubles,
        })
        .boxed()
}

fn objects() -> BoxedStrategy<Objects> {
    let all: Vec<_> = revisions()
        .into_iter()
        .map(|id| prop::option::of(cluster(id.clone())).prop_map(move |cluster| cluster.map(|it| (id.clone(), it))))
        .collect();
    let entrance = |name: &'static str| {
        let service = (0..4usize, prop::bool::weighted(0.1)).prop_map(move |(n, deleting)| ServiceSeen {
            name: name.into(),
            uid: format!("{name}-svc"),
            deleting,
            selects: revisions()[n].to_string(),
            ports: vec![6123, 6125, 6124, 8081, 50101],
        });
        prop::option::weighted(0.8, service).prop_map(move |seen| seen.map(|seen| (name.to_owned(), seen)))
    };
    let ingress = |name: &'static str| {
        let seen = prop::sample::select(vec![8081, 8082]).prop_map(move |port| IngressSeen {
            name: name.into(),
            uid: format!("{name}-ing"),
            host: format!("{name}.example"),
            port,
        });
        prop::option::of(seen).prop_map(move |seen| seen.map(|seen| (name.to_owned(), seen)))
    };
    let names = || ["orders", "orders-blue", "orders-green"];
    (all, names().map(entrance).to_vec(), names().map(ingress).to_vec())
        .prop_map(|(all, entrances, ingresses)| Objects {
            clusters: all.into_iter().flatten().collect(),
            entrances: entrances.into_iter().flatten().collect(),
            ingresses: ingresses.into_iter().flatten().collect(),
        })
        .boxed()
}

/// What is written of each revision: one of the specs, or the Deployment of one role alone.
fn written() -> BoxedStrategy<BTreeMap<RevisionId, Written>> {
    static WRITTEN: LazyLock<Vec<Vec<Written>>> = LazyLock::new(|| {
        let of = |revision: &RevisionId, spec: usize| {
            let (application, spec) = (application(manifest(spec)), SPECS[spec].clone());
            let revision = Revision {
                id: revision.clone(),
                digest: None,
                number: 0,
                generation: 0,
                job: spec.job.clone(),
                colour: None,
                cluster: None,
            };
            let made = manifest::render(&application, &spec, &Policy::default(), &revision);
            Written { jobmanager: Some(Box::new(made.jobmanager)), taskmanager: Some(Box::new(made.taskmanager)) }
        };
        revisions().iter().map(|revision| (0..3).map(|spec| of(revision, spec)).collect()).collect()
    });
    let of = |n: usize| {
        prop::option::weighted(0.9, (0..3usize, prop::bool::weighted(0.1))).prop_map(move |found| {
            found.map(|(spec, torn)| {
                let mut written = WRITTEN[n][spec].clone();
                written.taskmanager = written.taskmanager.filter(|_| !torn);
                (revisions()[n].clone(), written)
            })
        })
    };
    (0..4).map(of).collect::<Vec<_>>().prop_map(|all| all.into_iter().flatten().collect()).boxed()
}

fn jobs() -> BoxedStrategy<BTreeMap<RevisionId, Seen<Vec<ListedJob>>>> {
    let listed = || (job_id(), job_state()).prop_map(|(id, state)| ListedJob { id, state });
    let of = |revision: RevisionId| {
        prop::option::weighted(0.95, seen(prop::collection::vec(listed(), 0..3)))
            .prop_map(move |found| found.map(|found| (revision.clone(), found)))
    };
    let all: Vec<_> = revisions().into_iter().map(of).collect();
    all.prop_map(|all| all.into_iter().flatten().collect()).boxed()
}

/// What the original may have left.
fn left() -> BoxedStrategy<Left> {
    let phase = prop::sample::select(LeftIn::iter().collect::<Vec<_>>());
    let trigger = (job_id(), 1..3u32).prop_map(|(job, attempt)| TriggerId::derive(UID, &job, attempt));
    let status = (prop::option::of(revision()), prop::option::of(job_id()), prop::option::of(trigger));
    let version = || (revision(), prop::option::of(job_id()), prop::option::of(job_figures()));
    let known = prop::sample::select(revisions());
    let more = (prop::option::of(version()), prop::option::of(known.clone()), prop::option::of((known, time())));
    (phase, status, prop::option::of(path()), time(), prop::option::of(job_figures()), more)
        .prop_map(|(phase, (deployed, job, trigger), savepoint, since, figures, (second, torn_down, failed))| {
            let colour = |colour| second.is_some().then_some(colour);
            let originals = |revision, colour| Revision { digest: None, number: 0, colour, cluster: None, ..revision };
            let deployed = deployed.map(|revision| originals(revision, colour(Colour::Green)));
            let second = second.clone().map(|(revision, job, figures)| Version {
                revision: originals(revision, colour(Colour::Blue)),
                job,
                figures,
            });
            let failed = failed.map(|(revision, time)| Failure {
                digest: None,
                revision: Some(revision),
                generation: 0,
                reason: "DeployFailed".into(),
                message: String::new(),
                time,
            });
            // The same revision is never both.
            let second = second.filter(|it| deployed.as_ref().is_none_or(|other| other.id != it.revision.id));
            Left { phase, deployed, job, second, trigger, savepoint, torn_down, failed, since, figures }
        })
        .boxed()
}

fn observed() -> BoxedStrategy<Observed> {
    let all: Vec<_> = revisions()
        .into_iter()
        .map(|id| prop::option::weighted(0.9, flink()).prop_map(move |seen| seen.map(|it| (id.clone(), it))))
        .collect();
    (seen(objects()), seen(written()), jobs(), all)
        .prop_map(|(objects, written, jobs, all)| {
            let flink = all.into_iter().flatten().collect::<BTreeMap<_, _>>();
            Observed { objects, written, jobs, flink }
        })
        .boxed()
}

fn applications(deleted: f64) -> BoxedStrategy<Application> {
    let mode = prop_oneof![3 => Just(None), 1 => Just(Some("None")), 1 => Just(Some("ForceCancel"))];
    let switches = (prop::option::of(0..4usize), any::<[bool; 5]>());
    (
        0..5usize,
        mode,
        prop::bool::weighted(deleted),
        prop::bool::weighted(0.8),
        1..5i64,
        prop::option::of(path()),
        switches,
    )
        .prop_map(|(spec, mode, deleting, finalized, generation, savepoint, (torn, switches))| {
            let mut manifest = manifest(spec);
            let [blue_green, in_place, disabled, forced, afresh] = switches;
            if blue_green {
                manifest["spec"]["deploymentMode"] = "BlueGreen".into();
                manifest["spec"]["tearDownVersionHash"] = json!(torn.map(|n| revisions()[n].to_string()));
            } else if in_place {
                manifest["spec"]["scaleMode"] = "InPlace".into();
            }
            manifest["spec"]["savepointDisabled"] = disabled.into();
            manifest["spec"]["forceRollback"] = (forced && disabled).into();
            manifest["spec"]["fallbackWithoutState"] = afresh.into();
            manifest["metadata"]["generation"] = generation.into();
            if let Some(mode) = mode {
                manifest["spec"]["deleteMode"] = mode.into();
            }
            if let Some(path) = savepoint {
                manifest["spec"]["savepointPath"] = path.into();
            }
            if deleting {
                manifest["metadata"]["deletionTimestamp"] = now().to_string().into();
            }
            if finalized {
                manifest["metadata"]["finalizers"] = json!(["job.finalizers.flink.k8s.io"]);
            }
            application(manifest)
        })
        .boxed()
}

/// Any snapshot, every other one such that it makes sense.
pub fn snapshot() -> BoxedStrategy<Snapshot> {
    let sensible = prop::sample::select(PhaseName::iter().collect::<Vec<_>>()).prop_flat_map(snapshot_in);
    prop_oneof![snapshots(phase(), 0.3), sensible].boxed()
}

/// A snapshot of an application in the phase that the name says; its spec is wanted, and it is not deleted.
pub fn snapshot_in(name: PhaseName) -> BoxedStrategy<Snapshot> {
    (snapshots(phase_of(name), 0.0), any::<[bool; 8]>()).prop_map(|(snapshot, tweaks)| mended(snapshot, tweaks)).boxed()
}

/// A snapshot of what the original left in the middle of something.
#[allow(dead_code, reason = "of the tests that share this one, some do not need it")]
pub fn left_behind() -> BoxedStrategy<Snapshot> {
    let with = |(mut snapshot, left): (Snapshot, Left)| {
        snapshot.memory = Remembered::Left(Box::new(left));
        snapshot
    };
    (snapshots(phase(), 0.2), left()).prop_map(with).boxed()
}

/// Blind chance hardly ever makes a cluster that is ready for its own target; each tweak mends one thing.
fn mended(mut snapshot: Snapshot, tweaks: [bool; 8]) -> Snapshot {
    let [asked_for, no_tries, no_trouble, objects, ready, slots, not_stopped, nothing_else] = tweaks;
    let Remembered::Known(memory) = &mut snapshot.memory else { return snapshot };
    let digest = snapshot.application.spec.as_ref().ok().map(|spec| spec.digest().clone());
    let deployed = memory.ledger.deployed.as_ref().map(|it| it.revision.clone());
    let (mut target, mut held, mut tried) = (None, Vec::new(), None);
    // Every fourth launch is one on the deployed cluster.
    let in_place = !matches!(memory.phase.name(), PhaseName::Updating | PhaseName::ClusterStarting);
    match &mut memory.phase {
        Phase::Updating(Updating { target: revision, tries, .. })
        | Phase::Savepointing(Savepointing { target: revision, tries, .. })
        | Phase::Cancelling(Cancelling { target: revision, tries, .. })
        | Phase::Recovering(Recovering { target: revision, tries, .. })
        | Phase::SubmittingJob(Launch { target: revision, tries, .. })
        | Phase::RollingBackJob(RollingBackJob { launch: Some(Launch { target: revision, tries, .. }), .. }) => {
            (target, tried) = (Some(revision), Some(tries))
        }
        Phase::ClusterStarting(ClusterStarting { target: revision, .. })
        | Phase::Rescaling(Rescaling { target: revision, .. }) => target = Some(revision),
        Phase::Deleting(at) => {
            held.extend(at.holders.iter().map(|holder| holder.revision.clone()));
            tried = Some(&mut at.tries);
        }
        Phase::DualRunning(at) => tried = at.tearing.as_mut().map(|tearing| &mut tearing.tries),
        Phase::RollingBackJob(at) => tried = Some(&mut at.tries),
        Phase::New | Phase::Running(_) | Phase::DeployFailed(_) => {}
    }
    tried.filter(|_| no_tries).into_iter().for_each(|tries| *tries = Tries::default());
    let target = target.map(|revision| {
        revision.digest = if asked_for { digest } else { revision.digest.clone() };
        if let Some(deployed) = deployed.clone().filter(|_| nothing_else && ready && in_place) {
            *revision = deployed;
        }
        revision.id.clone()
    });
    memory.ledger.stopped = memory.ledger.stopped.take().filter(|_| !not_stopped);
    if let (true, true, Some(deployed)) = (nothing_else, not_stopped, &mut memory.ledger.deployed) {
        // The job is lost that should run: every fourth time, in a phase that watches it.
        deployed.given_up = false;
        deployed.revision.digest = snapshot.application.spec.as_ref().ok().map(|spec| spec.digest().clone());
        if let Some(job) = &mut memory.ledger.job {
            (job.state, job.checkpointing, job.refreshed) = (None, Some(true), now());
        }
        if let Seen::Present(all) = &mut snapshot.observed.objects {
            let leads = |service: &mut ServiceSeen| service.selects = deployed.revision.id.to_string();
            all.entrances.values_mut().for_each(leads);
        }
        if let Some(seen) = snapshot.observed.flink.get_mut(&deployed.revision.id) {
            seen.job = Seen::Absent;
        }
    }
    snapshot.report = if no_trouble { Report::default() } else { snapshot.report };
    let keep: Vec<_> = {
        let ledger = &memory.ledger;
        let versions = ledger.deployed.iter().chain(&ledger.second).map(|it| &it.revision.id);
        target.iter().chain(&held).chain(versions).cloned().collect()
    };
    if objects && snapshot.observed.objects.present().is_none() {
        snapshot.observed.objects = Seen::Present(Objects::default());
    }
    if let Seen::Present(all) = &mut snapshot.observed.objects {
        if nothing_else {
            all.clusters.retain(|id, _| keep.contains(id));
        }
        for id in keep.iter().filter(|_| ready) {
            all.clusters.insert(id.clone(), ready_cluster(id));
        }
    }
    for seen in snapshot.observed.flink.values_mut().filter(|_| slots) {
        seen.overview = Seen::Present(Overview { slots_total: 4, slots_available: 0, heartbeats: vec![now()] });
    }
    snapshot
}

fn ready_cluster(id: &RevisionId) -> ClusterObjects {
    let deployment = |suffix: &str| DeploymentSeen {
        name: format!("orders-{id}-{suffix}"),
        uid: format!("{id}-{suffix}"),
        deleting: false,
        replicas: 1,
        existing: 1,
        available: 1,
        selects: id.to_string(),
    };
    let name = format!("orders-{id}");
    let service = ServiceSeen {
        name,
        uid: format!("{id}-svc"),
        deleting: false,
        selects: id.to_string(),
        ports: vec![6123, 6125, 6124, 8081, 50101],
    };
    ClusterObjects {
        jobmanager: Some(deployment("jm")),
        taskmanager: Some(deployment("tm")),
        service: Some(service),
        pod_troubles: Vec::new(),
    }
}

fn snapshots(phase: BoxedStrategy<Phase>, deleted: f64) -> BoxedStrategy<Snapshot> {
    let remembered = prop_oneof![
        30 => (phase, ledger()).prop_map(|(phase, ledger)| Remembered::Known(Box::new(Memory { phase, ledger }))),
        1 => text().prop_map(Remembered::Unreadable),
        3 => left().prop_map(|left| Remembered::Left(Box::new(left))),
    ];
    let report = prop::option::weighted(0.3, trouble()).prop_map(|trouble| Report {
        failed: trouble.map(|trouble| (EffectKey("effect".into()), trouble)).into_iter().collect(),
    });
    let ingress = prop::bool::weighted(0.2).prop_map(|on| Policy {
        ingress_url_format: if on { "{{$jobCluster}}.example".into() } else { String::new() },
        ..Policy::default()
    });
    let watching = prop::option::weighted(0.2, time());
    (applications(deleted), remembered, observed(), report, ingress, watching)
        .prop_map(|(application, mut memory, observed, report, policy, watching_since)| {
            if let Remembered::Known(memory) = &mut memory {
                let mode = application.spec.as_ref().map(|spec| spec.deployment_mode);
                coloured(memory, mode == Ok(DeploymentMode::BlueGreen));
            }
            Snapshot { now: now(), watching_since, policy, application, memory, observed, report }
        })
        .boxed()
}
