//! Arbitrary memories.

use super::seen::job_state;
use super::*;

pub(super) fn revision() -> BoxedStrategy<Revision> {
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
pub(super) fn coloured(memory: &mut Memory, blue_green: bool) {
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

pub(super) fn tries() -> BoxedStrategy<Tries> {
    (prop_oneof![0..3u32, 0..20u32], prop::option::of(time()))
        .prop_map(|(failed, not_before)| Tries { failed, not_before })
        .boxed()
}

fn deployed() -> BoxedStrategy<Deployed> {
    let (given_up, stop_asked) = (prop::bool::weighted(0.2), any::<bool>());
    (revision(), job_id(), 1..4u32, prop::option::of(path()), 1..4u32, given_up, stop_asked)
        .prop_map(|(revision, job, next_stop, restored_from, attempt, given_up, stop_asked)| Deployed {
            revision,
            job,
            next_stop,
            restored_from,
            attempt,
            given_up,
            stop_asked,
        })
        .boxed()
}

fn second() -> BoxedStrategy<Timestamp> {
    time().prop_map(|time| Timestamp::from_second(time.as_second()).unwrap()).boxed()
}

pub(super) fn job_figures() -> BoxedStrategy<JobFigures> {
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

pub(super) fn health() -> BoxedStrategy<Health> {
    prop_oneof![Just(Health::Green), Just(Health::Yellow), Just(Health::Red)].boxed()
}

pub(super) fn ledger() -> BoxedStrategy<Ledger> {
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

pub(super) fn phase() -> BoxedStrategy<Phase> {
    prop::sample::select(PhaseName::iter().collect::<Vec<_>>()).prop_flat_map(phase_of).boxed()
}

pub(super) fn phase_of(name: PhaseName) -> BoxedStrategy<Phase> {
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
        PhaseName::Deleting => {
            let target = prop::option::of(revision());
            (time(), prop::collection::vec(holder(), 0..3), target, tries(), prop::option::of(text()))
                .prop_map(|(since, holders, target, tries, blocked)| {
                    Phase::Deleting(Deleting { since, holders, target, tries, blocked })
                })
                .boxed()
        }
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
