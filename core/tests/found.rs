//! What searches found in our own code, each as the behaviour that it spoilt.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[allow(dead_code, unused_macros, reason = "the stories are told elsewhere; here they lend their beginnings")]
mod stories;

use flink_operator_core::phase::PhaseName;
use flink_operator_core::rule::Rule;
use flink_operator_core::snapshot::Remembered;
use flink_operator_fixtures::door::Life;
use flink_operator_fixtures::model::flink::SavepointFault;
use flink_operator_fixtures::model::{DeleteOptions, Propagation, Selection};
use stories::*;

/// It was told created and lost in turns, thousands of times, until it was gone.
#[test]
fn a_jobmanager_that_is_being_deleted_is_awaited_before_it_is_made_again() {
    let mut life = upgrading(PhaseName::ClusterStarting);
    life.set_pod_times(2 * SECOND, 10 * SECOND);
    let revision = life.revision_in_charge().unwrap();
    let deployments = life.world.kinds().get("apps", "v1", "deployments").unwrap();
    let options = DeleteOptions { propagation: Propagation::Foreground, ..DeleteOptions::default() };
    life.world.delete(&deployments, "default", &format!("orders-{revision}-jm"), &options).unwrap();
    let before = life.deeds();
    reach(&mut life, PhaseName::Running);
    assert!(life.rules().contains(&Rule::ClusterCreationRetried), "{:?}", life.rules());
    assert!(life.deeds() - before < 60, "{:?}", life.rules());
    one_job_runs(&life);
}

/// Deletes the Services of all revisions, and expects that what is under way goes on within the time of its retries.
fn lose_the_way(mut life: Life, ends_in: Option<PhaseName>) {
    let phase = phase_of(&life);
    let services = names(&life).into_iter().filter(|name| name != "orders");
    services.collect::<Vec<_>>().iter().for_each(|name| life.delete_service(name));
    let before = life.rules().len();
    assert!(life.run_until(2 * MINUTE, |life| phase_of(life) == ends_in), "{phase:?}: {:?}", &life.rules()[before..]);
    assert!(life.rules()[before..].contains(&Rule::ClusterRepaired), "{phase:?}: {:?}", &life.rules()[before..]);
    assert!(life.violations().is_empty(), "{phase:?}: {:?}", life.violations());
}

fn names(life: &Life) -> Vec<String> {
    let services = life.world.kinds().get("", "v1", "services").unwrap();
    let listed = life.world.list(&services, &Selection::namespace("default"));
    listed.iter().map(|service| service["metadata"]["name"].as_str().unwrap().to_owned()).collect()
}

/// The operator waited for a JobManager to which nothing led, until a deadline or for ever.
#[test]
fn a_service_that_is_deleted_in_mid_deploy_is_made_again_at_once() {
    let running = Some(PhaseName::Running);
    for phase in [PhaseName::Savepointing, PhaseName::SubmittingJob] {
        lose_the_way(upgrading(phase), running);
    }
    let mut cancelling = stories::running();
    cancelling.edit(rolling_back::without_savepoint("--topic returns")).unwrap();
    reach(&mut cancelling, PhaseName::Cancelling);
    lose_the_way(cancelling, running);
    let mut recovering = recovering::keeping();
    recovering::lose(&mut recovering);
    reach(&mut recovering, PhaseName::Recovering);
    lose_the_way(recovering, running);
    let mut rescaling = stories::running();
    rescaling.edit(scaling::parallelism(4)).unwrap();
    reach(&mut rescaling, PhaseName::Rescaling);
    lose_the_way(rescaling, running);
    let mut back = stories::running();
    back.edit(entry_class("shop.Throws")).unwrap();
    reach(&mut back, PhaseName::RollingBackJob);
    lose_the_way(back, Some(PhaseName::DeployFailed));
}

#[test]
fn a_service_that_is_deleted_while_its_application_is_deleted_is_made_again_for_the_savepoint() {
    let mut life = running();
    life.delete_application();
    reach(&mut life, PhaseName::Deleting);
    lose_the_way(life, None);
    let mut launched = upgrading(PhaseName::SubmittingJob);
    fire(&mut launched, Rule::JobAccepted);
    launched.delete_application();
    reach(&mut launched, PhaseName::Deleting);
    lose_the_way(launched, None);
}

/// The deploy was given up, the spec went back to what ran, and only then the savepoint was complete: the job had stopped,
/// and was taken for one that had come to its own end.
#[test]
fn a_job_that_stops_after_its_deploy_was_taken_back_is_started_again() {
    let mut life = upgrading::given_up_before_its_savepoint();
    life.edit(arguments("--topic orders")).unwrap();
    reach(&mut life, PhaseName::Running);
    fire(&mut life, Rule::StoppedJobResumed);
    reach(&mut life, PhaseName::Running);
    assert_eq!(restored_progress(&life), Some(saved_progress(&life)));
    one_job_runs(&life);
}

/// Its savepoint was taken for the last one, and the application was let go while the job ran.
#[test]
fn a_savepoint_of_a_version_that_runs_on_is_not_taken_for_its_last() {
    let mut life = blue_green::green();
    life.edit(arguments("--topic returns")).unwrap();
    life.on_next_savepoint(SavepointFault::Takes(60_000));
    fire(&mut life, Rule::SavepointRequested);
    life.delete_application();
    fire(&mut life, Rule::FinalSavepointCompleted);
    assert_eq!((life.savepoints(), life.flinks.active_jobs().count()), (2, 0), "{:?}", life.rules());
    assert!(life.run_until(10 * MINUTE, is_gone), "{:?}", life.rules());
    assert!(life.violations().is_empty(), "{:?}", life.violations());
}

/// It was cancelled at every look, ten times a second, for as long as Flink showed that it ran.
#[test]
fn a_version_that_is_torn_down_is_cancelled_no_more_than_once_a_second() {
    let mut life = blue_green::begin();
    life.flinks.settings.delays.cancel = 20 * SECOND as u64;
    reach(&mut life, PhaseName::Running);
    life.edit(arguments("--topic returns")).unwrap();
    reach(&mut life, PhaseName::DualRunning);
    life.run_for(MINUTE);
    blue_green::tear_down(&mut life, true);
    fire(&mut life, Rule::CancelRequested);
    let (before, began) = (life.deeds(), life.now());
    fire(&mut life, Rule::TornVersionRemoved);
    assert!(life.now() - began >= 20 * SECOND, "the job took its time to end");
    assert!(life.deeds() - before < 10, "{} deeds", life.deeds() - before);
}

/// Its history showed the savepoint that it had started from, and it was started from it for ever.
#[test]
fn a_job_that_shows_what_it_started_from_is_not_started_again() {
    let mut life = upgrading::given_up_before_its_savepoint();
    fire(&mut life, Rule::StoppedJobResumed);
    let mut snapshot = life.recorded()[&Rule::StoppedJobResumed].clone();
    assert_eq!(flink_operator_core::step(&snapshot).rule(), Rule::StoppedJobResumed);
    let history = snapshot.observed.flink.values().find_map(|flink| flink.checkpoints.present()).unwrap();
    let path = history.savepoint.clone().unwrap().path;
    let Remembered::Known(memory) = &mut snapshot.memory else { panic!("it is known") };
    memory.ledger.deployed.as_mut().unwrap().restored_from = path;
    assert_ne!(flink_operator_core::step(&snapshot).rule(), Rule::StoppedJobResumed);
}
