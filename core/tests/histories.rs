//! Random histories: edits, deletions, crashes and accidents at random moments of an application's life.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod stories;

use std::sync::LazyLock;

use flink_operator_core::phase::PhaseName;
use flink_operator_core::rule::Rule;
use flink_operator_fixtures::door::{Fault, Life, Moment};
use flink_operator_fixtures::model::flink::{Ending, SavepointFault, Throwable};
use proptest::prelude::*;
use serde_json::{Value, json};
use stories::*;

/// What can happen to an application.
#[derive(Clone, Debug)]
enum Event {
    Edit(Value),
    Delete(&'static str),
    /// What goes wrong with one of the operator's next deeds.
    Fault(usize, Fault),
    Savepoint(SavepointFault),
    JobManagerIsSilent(i64),
    KubernetesIsSilent(i64),
    TaskFails,
    JobEnds(Ending),
    JobManagerRestarts,
    ServiceIsDeleted,
    TaskManagersAreDeleted,
    JobManagerIsDeleted,
}

impl Event {
    /// The job's newest state may go with it.
    fn loses_the_job(&self) -> bool {
        match self {
            Event::JobEnds(_) | Event::JobManagerRestarts | Event::JobManagerIsDeleted => true,
            Event::Edit(_)
            | Event::Delete(_)
            | Event::Fault(..)
            | Event::Savepoint(_)
            | Event::JobManagerIsSilent(_)
            | Event::KubernetesIsSilent(_)
            | Event::TaskFails
            | Event::ServiceIsDeleted
            | Event::TaskManagersAreDeleted => false,
        }
    }

    fn happen(self, life: &mut Life) {
        let revision = life.revision_in_charge();
        let of_cluster = |suffix: &str| revision.as_ref().map(|id| format!("orders-{id}{suffix}")).unwrap_or_default();
        match self {
            Event::Edit(patch) => {
                // It may be gone, or refused by the API server.
                let _ = life.edit(patch);
            }
            Event::Delete(mode) => {
                let _ = life.edit(delete_mode(mode));
                life.delete_application();
            }
            Event::Fault(from_now, fault) => {
                life.faults.insert(life.deeds() + from_now, fault);
            }
            Event::Savepoint(fault) => life.on_next_savepoint(fault),
            Event::JobManagerIsSilent(ms) => {
                life.cut_off.extend(revision);
                life.run_for(ms);
                life.cut_off.clear();
            }
            Event::KubernetesIsSilent(ms) => {
                life.kubernetes_silent = true;
                life.run_for(ms);
                life.kubernetes_silent = false;
            }
            Event::TaskFails => life.fail_job(),
            Event::JobEnds(ending) => life.end_job(ending),
            Event::JobManagerRestarts => revision.iter().for_each(|revision| life.restart_jobmanager(revision)),
            Event::ServiceIsDeleted => life.delete_service(&of_cluster("")),
            Event::TaskManagersAreDeleted => life.delete_deployment(&of_cluster("-tm")),
            Event::JobManagerIsDeleted => life.delete_deployment(&of_cluster("-jm")),
        }
    }
}

fn edits() -> BoxedStrategy<Value> {
    prop_oneof![
        6 => (0..4).prop_map(|n| arguments(&format!("--topic {n}"))),
        2 => (1..4).prop_map(|n| json!({ "spec": { "parallelism": n } })),
        1 => Just(entry_class("shop.Throws")),
        1 => Just(entry_class("shop.DropsState")),
        2 => Just(entry_class("shop.Orders")),
        1 => Just(json!({ "spec": { "rpcPort": 8081 } })),
        2 => Just(json!({ "spec": { "rpcPort": null } })),
        1 => Just(json!({ "metadata": { "labels": { "team": "payments" } } })),
    ]
    .boxed()
}

fn faults() -> BoxedStrategy<Fault> {
    let moment = prop_oneof![Just(Moment::Before), Just(Moment::After)];
    let away = prop_oneof![3 => Just(0), 2 => Just(2 * SECOND), 1 => Just(10 * MINUTE)];
    prop_oneof![
        4 => (moment.clone(), away).prop_map(|(moment, away_ms)| Fault::Crash { moment, away_ms }),
        2 => moment.prop_map(Fault::Lost),
        2 => prop_oneof![Just(300), Just(5 * SECOND)].prop_map(|after_ms| Fault::Late { after_ms }),
        1 => Just(Fault::Twice),
        1 => Just(Fault::Touched),
    ]
    .boxed()
}

fn events(losses: u32) -> BoxedStrategy<Event> {
    let fails = SavepointFault::Fails(Throwable::new("java.io.IOException", "No space left on device"));
    let savepoint = prop_oneof![
        Just(fails),
        Just(SavepointFault::Takes(5_000)),
        Just(SavepointFault::Hangs),
        Just(SavepointFault::StopsBadly),
    ];
    let silence = prop_oneof![Just(500), Just(10 * SECOND), Just(4 * MINUTE)];
    let mode = prop_oneof![4 => Just("Savepoint"), 1 => Just("ForceCancel"), 1 => Just("None")];
    let ending = prop_oneof![Just(Ending::Finished), Just(Ending::Failed), Just(Ending::Canceled)];
    let harmless = prop_oneof![
        12 => edits().prop_map(Event::Edit),
        1 => mode.prop_map(Event::Delete),
        12 => (0..8usize, faults()).prop_map(|(from_now, fault)| Event::Fault(from_now, fault)),
        3 => savepoint.prop_map(Event::Savepoint),
        2 => silence.clone().prop_map(Event::JobManagerIsSilent),
        1 => silence.prop_map(Event::KubernetesIsSilent),
        2 => Just(Event::TaskFails),
        1 => Just(Event::ServiceIsDeleted),
        1 => Just(Event::TaskManagersAreDeleted),
    ];
    let loss = prop_oneof![
        ending.prop_map(Event::JobEnds),
        Just(Event::JobManagerRestarts),
        Just(Event::JobManagerIsDeleted),
    ];
    prop_oneof![20 => harmless, losses => loss].boxed()
}

/// Pauses that end in the middle of things: the phases of a deploy take milliseconds to seconds.
fn pauses() -> BoxedStrategy<i64> {
    prop_oneof![4 => 0..300i64, 4 => 300..6_000i64, 2 => Just(20 * SECOND), 1 => Just(2 * MINUTE)].boxed()
}

fn history(losses: u32) -> BoxedStrategy<Vec<(i64, Event)>> {
    prop::collection::vec((pauses(), events(losses)), 1..14).boxed()
}

static NEW: LazyLock<Life> = LazyLock::new(new);
static RUNNING: LazyLock<Life> = LazyLock::new(running);

/// No rule was broken so far.
fn sound(life: &Life) -> Result<(), TestCaseError> {
    let violations = life.violations();
    prop_assert!(violations.is_empty(), "{violations:#?}\n{:?}", tail(life));
    Ok(())
}

fn tail(life: &Life) -> &[Rule] {
    &life.rules()[life.rules().len().saturating_sub(60)..]
}

/// Law 12. Once faults stop, the application comes to rest within two hours; then nothing has an effect.
///
/// A deletion may wait for a JobManager to which no way leads any more; it says so, and what to do.
fn comes_to_rest(life: &mut Life) -> Result<(), TestCaseError> {
    life.heal();
    life.run_for(MINUTE);
    let at_rest = |life: &Life| {
        let rests = [Rule::JobRests, Rule::FailureRests, Rule::DeletionBlocked];
        let last = life.rules().last();
        let waits = last == Some(&Rule::FlinkAwaited) && phase_of(life) == Some(PhaseName::Deleting);
        is_gone(life) || life.rests() && (waits || last.is_some_and(|rule| rests.contains(rule)))
    };
    prop_assert!(life.run_until(120 * MINUTE, at_rest), "no rest: {:?}", tail(life));
    // What was told last may still be the view of a cache.
    life.run_for(MINUTE);
    let told = life.rules().len();
    life.run_for(5 * MINUTE);
    let quiet =
        [Rule::JobRests, Rule::FailureRests, Rule::DeletionBlocked, Rule::FiguresRefreshed, Rule::HealthChanged];
    let phase = phase_of(life);
    let waits = |rule: &Rule| *rule == Rule::FlinkAwaited && phase == Some(PhaseName::Deleting);
    let later = &life.rules()[told..];
    prop_assert!(later.iter().all(|rule| quiet.contains(rule) || waits(rule)), "it does not rest: {later:?}");
    let rests = matches!(phase, None | Some(PhaseName::Running | PhaseName::DeployFailed | PhaseName::Deleting));
    prop_assert!(rests, "{phase:?} is no rest");
    Ok(())
}

fn live(mut life: Life, history: Vec<(i64, Event)>) -> Result<(), TestCaseError> {
    let loses_the_job = history.iter().any(|(_, event)| event.loses_the_job());
    for (pause, event) in history {
        life.run_for(pause);
        event.happen(&mut life);
        sound(&life)?;
    }
    comes_to_rest(&mut life)?;
    sound(&life)?;
    if phase_of(&life) == Some(PhaseName::Running) && !loses_the_job {
        let state = life.state_of_deployed_job().map(|state| state.as_str());
        prop_assert_eq!(state, Some("RUNNING"), "{:?}", tail(&life));
    }
    Ok(())
}

/// A history takes a fifth of a second; whoever has time for more says so with `PROPTEST_CASES`.
#[allow(clippy::disallowed_methods, reason = "the core itself reads no environment")]
fn cases() -> u32 {
    if std::env::var_os("PROPTEST_CASES").is_some() { ProptestConfig::default().cases } else { 48 }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), max_shrink_iters: 400, ..ProptestConfig::default() })]

    /// Without accidents that take the job away, an application that runs has its job.
    #[test]
    fn a_job_survives_faults_edits_and_crashes(history in history(0)) {
        live(RUNNING.clone(), history)?;
    }

    #[test]
    fn a_new_application_survives_faults_edits_and_crashes(history in history(0)) {
        live(NEW.clone(), history)?;
    }

    #[test]
    fn whatever_happens_it_comes_to_rest(history in history(5)) {
        live(RUNNING.clone(), history)?;
    }
}
