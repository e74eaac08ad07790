//! Arbitrary snapshots: every value that a snapshot can hold, from pools so small that values meet.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use flink_operator_core::adopt::{Left, LeftIn};
use flink_operator_core::application::{Application, JobPlan};
use flink_operator_core::crd::FlinkApplication;
use flink_operator_core::effect::EffectKey;
use flink_operator_core::health::{ClusterFigures, Health, JobFigures};
use flink_operator_core::id::{Digest, JobId, RevisionId, TriggerId};
use flink_operator_core::manifest;
use flink_operator_core::memory::{
    Deployed, Failure, JobHolder, LastError, Ledger, Memory, Revision, Savepoint, Tries,
};
use flink_operator_core::phase::{
    ClusterStarting, Deleting, DeployFailed, Phase, PhaseName, Running, Savepointing, SubmittingJob, Updating,
};
use flink_operator_core::policy::Policy;
use flink_operator_core::snapshot::*;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use serde_json::{Value, json};
use strum::IntoEnumIterator as _;

pub const UID: &str = "0b1f8c0e-5d6f-4f0a-9c66-0d4c4a5e7f10";

/// The specs that the user may have written: three that can be deployed, one that cannot.
pub fn manifest(spec: usize) -> Value {
    json!({
        "apiVersion": "flink.k8s.io/v1beta1",
        "kind": "FlinkApplication",
        "metadata": { "name": "orders", "namespace": "shop", "uid": UID, "generation": 3 },
        "spec": {
            "image": format!("registry.example/orders:{}", spec.min(2)),
            "jarName": "orders.jar",
            "entryClass": "shop.Orders",
            "flinkVersion": "2.1",
            "parallelism": if spec == 3 { 0 } else { 2 },
        },
    })
}

pub fn application(manifest: Value) -> Application {
    Application::parse(&serde_json::from_value::<FlinkApplication>(manifest).unwrap())
}

static DIGESTS: LazyLock<Vec<Digest>> =
    LazyLock::new(|| (0..3).map(|spec| application(manifest(spec)).spec.unwrap().digest().clone()).collect());

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
        })
        .boxed()
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
    (revision(), job_id(), 1..4u32, prop::option::of(path()))
        .prop_map(|(revision, job, next_stop, restored_from)| Deployed { revision, job, next_stop, restored_from })
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
    let savepoint = (path(), job_id()).prop_map(|(path, job)| Savepoint { path, job });
    let error = (text(), text(), second()).prop_map(|(method, message, time)| LastError { method, message, time });
    let cluster = (health(), 0..3u32, 0..3u32, 0..3u32, 0..3u32).prop_map(|(health, a, b, c, d)| ClusterFigures {
        health,
        taskmanagers: a,
        healthy_taskmanagers: b,
        slots: c,
        free_slots: d,
    });
    (
        0..5u32,
        prop::option::of(deployed()),
        prop::option::of(savepoint),
        prop::option::of(failure),
        prop::option::of(error),
        prop::option::of(cluster),
        prop::option::of(job_figures()),
    )
        .prop_map(|(deploys, deployed, savepoint, failed, last_error, cluster, job)| Ledger {
            deploys,
            deployed,
            savepoint,
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
        PhaseName::Savepointing => (revision(), time(), tries())
            .prop_map(|(target, since, tries)| Phase::Savepointing(Savepointing { target, since, tries }))
            .boxed(),
        PhaseName::SubmittingJob => submitting(),
        PhaseName::Running => time().prop_map(|since| Phase::Running(Running { since })).boxed(),
        PhaseName::DeployFailed => time().prop_map(|since| Phase::DeployFailed(DeployFailed { since })).boxed(),
        PhaseName::Deleting => (time(), prop::option::of(holder()), tries(), prop::option::of(text()))
            .prop_map(|(since, holder, tries, blocked)| Phase::Deleting(Deleting { since, holder, tries, blocked }))
            .boxed(),
    }
}

fn holder() -> BoxedStrategy<JobHolder> {
    (0..4usize, job_id(), 1..4u32)
        .prop_map(|(n, job, next_stop)| JobHolder { revision: revisions()[n].clone(), job, next_stop })
        .boxed()
}

fn submitting() -> BoxedStrategy<Phase> {
    (revision(), time(), 1..4u32, tries(), prop::option::of(path()), prop::option::of(time()))
        .prop_map(|(target, since, attempt, tries, restore_from, accepted)| {
            Phase::SubmittingJob(SubmittingJob { target, since, attempt, tries, restore_from, accepted })
        })
        .boxed()
}

pub fn memory() -> BoxedStrategy<Memory> {
    (phase(), ledger()).prop_map(|(phase, ledger)| Memory { phase, ledger }).boxed()
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
    (seen(overview), seen(job()), seen(savepoint), seen(checkpoints))
        .prop_map(|(overview, job, savepoint, checkpoints)| FlinkSeen { overview, job, savepoint, checkpoints })
        .boxed()
}

fn cluster(id: RevisionId) -> BoxedStrategy<ClusterObjects> {
    let deployment = |suffix: &'static str, id: RevisionId| {
        (prop::bool::weighted(0.4), 0..3u32, 0..3u32).prop_map(move |(deleting, existing, available)| DeploymentSeen {
            name: format!("orders-{id}-{suffix}"),
            uid: format!("{id}-{suffix}"),
            deleting,
            replicas: 1,
            existing,
            available,
        })
    };
    let named = id.clone();
    let service = prop::bool::weighted(0.4).prop_map(move |deleting| ServiceSeen {
        name: format!("orders-{named}"),
        uid: format!("{named}-svc"),
        deleting,
        selects: named.to_string(),
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
    let generic = (0..4usize, prop::bool::weighted(0.1)).prop_map(|(n, deleting)| ServiceSeen {
        name: "orders".into(),
        uid: "svc".into(),
        deleting,
        selects: revisions()[n].to_string(),
    });
    let ingress = Just(IngressSeen { name: "orders".into(), uid: "ing".into() });
    (all, prop::option::weighted(0.8, generic), prop::option::of(ingress))
        .prop_map(|(all, generic_service, ingress)| Objects {
            clusters: all.into_iter().flatten().collect(),
            generic_service,
            ingress,
        })
        .boxed()
}

/// What is written of each revision: one of the specs, or the Deployment of one role alone.
fn written() -> BoxedStrategy<BTreeMap<RevisionId, Written>> {
    static WRITTEN: LazyLock<Vec<Vec<Written>>> = LazyLock::new(|| {
        let of = |revision: &RevisionId, spec: usize| {
            let application = application(manifest(spec));
            let made = manifest::render(&application, &application.spec.clone().unwrap(), &Policy::default(), revision);
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
    (phase, status, prop::option::of(path()), time(), prop::option::of(job_figures()))
        .prop_map(|(phase, (deployed, job, trigger), savepoint, since, figures)| {
            let deployed = deployed.map(|revision| Revision { digest: None, number: 0, ..revision });
            Left { phase, deployed, job, trigger, savepoint, since, figures }
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
    (0..4usize, mode, prop::bool::weighted(deleted), prop::bool::weighted(0.8), 1..5i64, prop::option::of(path()))
        .prop_map(|(spec, mode, deleting, finalized, generation, savepoint)| {
            let mut manifest = manifest(spec);
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
pub fn left_behind() -> BoxedStrategy<Snapshot> {
    let with = |(mut snapshot, left): (Snapshot, Left)| {
        snapshot.memory = Remembered::Left(Box::new(left));
        snapshot
    };
    (snapshots(phase(), 0.2), left()).prop_map(with).boxed()
}

/// Blind chance hardly ever makes a cluster that is ready for its own target; each tweak mends one thing.
fn mended(mut snapshot: Snapshot, tweaks: [bool; 8]) -> Snapshot {
    let [asked_for, no_tries, no_trouble, objects, ready, slots, no_savepoint, nothing_else] = tweaks;
    let Remembered::Known(memory) = &mut snapshot.memory else { return snapshot };
    let digest = snapshot.application.spec.as_ref().ok().map(|spec| spec.digest().clone());
    let (mut target, mut held) = (None, None);
    match &mut memory.phase {
        Phase::Updating(Updating { target: revision, tries, .. })
        | Phase::Savepointing(Savepointing { target: revision, tries, .. })
        | Phase::SubmittingJob(SubmittingJob { target: revision, tries, .. }) => {
            *tries = if no_tries { Tries::default() } else { *tries };
            target = Some(revision);
        }
        Phase::ClusterStarting(ClusterStarting { target: revision, .. }) => target = Some(revision),
        Phase::Deleting(at) => {
            at.tries = if no_tries { Tries::default() } else { at.tries };
            held = at.holder.as_ref().map(|holder| holder.revision.clone());
        }
        Phase::New | Phase::Running(_) | Phase::DeployFailed(_) => {}
    }
    let target = target.map(|revision| {
        revision.digest = if asked_for { digest } else { revision.digest.clone() };
        revision.id.clone()
    });
    memory.ledger.savepoint = memory.ledger.savepoint.take().filter(|_| !no_savepoint);
    snapshot.report = if no_trouble { Report::default() } else { snapshot.report };
    let keep: Vec<_> =
        target.iter().chain(&held).chain(memory.ledger.deployed.as_ref().map(|it| &it.revision.id)).cloned().collect();
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
    };
    let name = format!("orders-{id}");
    let service = ServiceSeen { name, uid: format!("{id}-svc"), deleting: false, selects: id.to_string() };
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
        .prop_map(|(application, memory, observed, report, policy, watching_since)| Snapshot {
            now: now(),
            watching_since,
            policy,
            application,
            memory,
            observed,
            report,
        })
        .boxed()
}
