//! Arbitrary looks at Kubernetes, at Flink and at what the original left.

use super::memory::{job_figures, revision};
use super::*;

pub(super) fn trouble() -> BoxedStrategy<Trouble> {
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

pub(super) fn job_state() -> BoxedStrategy<JobState> {
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

pub(super) fn flink() -> BoxedStrategy<FlinkSeen> {
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

pub(super) fn cluster(id: RevisionId) -> BoxedStrategy<ClusterObjects> {
    let deployment = |suffix: &'static str, id: RevisionId| {
        let counts = (prop_oneof![3 => Just(1u32), 1 => 0..3u32], 0..3u32, 0..3u32, 0..2u32);
        let drawn = prop::sample::select(vec!["", "drawn"]);
        (prop::bool::weighted(0.4), counts, drawn).prop_map(
            move |(deleting, (replicas, existing, available, addressed), drawn)| DeploymentSeen {
                name: format!("orders-{id}-{suffix}"),
                uid: format!("{id}-{suffix}"),
                deleting,
                replicas,
                existing,
                available,
                addressed,
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

pub(super) fn objects() -> BoxedStrategy<Objects> {
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
pub(super) fn written() -> BoxedStrategy<BTreeMap<RevisionId, Written>> {
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

pub(super) fn jobs() -> BoxedStrategy<BTreeMap<RevisionId, Seen<Vec<ListedJob>>>> {
    let listed = || (job_id(), job_state()).prop_map(|(id, state)| ListedJob { id, state });
    let of = |revision: RevisionId| {
        prop::option::weighted(0.95, seen(prop::collection::vec(listed(), 0..3)))
            .prop_map(move |found| found.map(|found| (revision.clone(), found)))
    };
    let all: Vec<_> = revisions().into_iter().map(of).collect();
    all.prop_map(|all| all.into_iter().flatten().collect()).boxed()
}

/// What the original may have left.
pub(super) fn left() -> BoxedStrategy<Left> {
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

pub(super) fn observed() -> BoxedStrategy<Observed> {
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
