//! Stories from the life of an application, and laws that only a whole life shows.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod stories;

use flink_operator_core::phase::PhaseName;
use flink_operator_core::rule::Rule;
use flink_operator_fixtures::door::{Fault, Life, Moment};
use stories::*;

tests_of_all_stories!();

/// A life at every moment from now on until it `is_there`.
fn every_moment(mut life: Life, is_there: impl Fn(&Life) -> bool) -> Vec<Life> {
    let mut moments = Vec::new();
    let arrived = life.run_until(30 * MINUTE, |life| {
        moments.push(life.clone());
        is_there(life)
    });
    assert!(arrived, "{:?}", life.rules());
    moments
}

/// The job runs that was last asked for, with the state of the one before it, and everything else is gone.
fn is_deployed(life: &Life, arguments: &str) -> bool {
    let deployed = life.deployed().is_some_and(|deployed| deployed.revision.job.program_args == arguments);
    deployed && is_running(life) && life.rests() && life.rules().last() == Some(&Rule::JobRests)
}

fn assert_deployed(mut life: Life, arguments: &str) -> Life {
    assert!(life.run_until(30 * MINUTE, |life| is_deployed(life, arguments)), "{:?}", life.rules());
    life.run_for(MINUTE);
    one_job_runs(&life);
    told(life.clone());
    life
}

/// The operator dies before or after its k-th deed, for every k: the end is the same.
fn every_crash(begin: &Life, deeds: usize, mut check: impl FnMut(Life)) {
    for deed in begin.deeds()..begin.deeds() + deeds {
        for (moment, away_ms) in [(Moment::Before, 0), (Moment::After, 0), (Moment::After, 10 * MINUTE)] {
            let mut life = begin.clone();
            life.faults.insert(deed, Fault::Crash { moment, away_ms });
            check(life);
        }
    }
}

#[test]
fn an_operator_that_dies_at_any_moment_of_a_first_deploy_deploys_once() {
    let reference = assert_deployed(new(), "--topic orders");
    every_crash(&new(), reference.deeds(), |life| {
        let life = assert_deployed(life, "--topic orders");
        assert_eq!(life.submissions(), 1);
        assert_eq!(restored_progress(&life), None);
    });
}

#[test]
fn an_operator_that_dies_at_any_moment_of_an_upgrade_upgrades_once() {
    let begin = edited();
    let reference = assert_deployed(begin.clone(), "--topic returns");
    every_crash(&begin, reference.deeds() - begin.deeds(), |life| {
        let life = assert_deployed(life, "--topic returns");
        assert_eq!(life.submissions(), reference.submissions());
        assert_eq!(restored_progress(&life), Some(saved_progress(&life)));
        let savepoints =
            |life: &Life| life.flinks.storage.iter().filter(|(path, _)| path.contains("savepoint")).count();
        assert_eq!(savepoints(&life), savepoints(&reference));
    });
}

#[test]
fn an_operator_that_dies_at_any_moment_of_a_deletion_takes_one_savepoint() {
    let mut begin = running();
    begin.delete_application();
    let mut reference = begin.clone();
    assert!(reference.run_until(MINUTE, is_gone));
    every_crash(&begin, reference.deeds() - begin.deeds(), |mut life| {
        assert!(life.run_until(30 * MINUTE, is_gone), "{:?}", life.rules());
        let savepoints = life.flinks.storage.iter().filter(|(path, _)| path.contains("savepoint")).count();
        assert_eq!(savepoints, 1);
        told(life);
    });
}

#[test]
fn an_edit_at_any_moment_of_an_upgrade_is_heard_and_keeps_the_state() {
    let upgraded = |life: &Life| is_deployed(life, "--topic returns");
    for mut life in every_moment(edited(), upgraded) {
        life.edit(arguments("--topic latest")).unwrap();
        let life = assert_deployed(life, "--topic latest");
        assert_eq!(restored_progress(&life), Some(saved_progress(&life)));
    }
}

#[test]
fn a_revert_at_any_moment_of_an_upgrade_is_heard_and_keeps_the_state() {
    let upgraded = |life: &Life| is_deployed(life, "--topic returns");
    for mut life in every_moment(edited(), upgraded) {
        life.edit(arguments("--topic orders")).unwrap();
        let life = assert_deployed(life, "--topic orders");
        if life.submissions() > 1 {
            assert_eq!(restored_progress(&life), Some(saved_progress(&life)));
        }
    }
}

#[test]
fn a_bad_program_at_any_moment_of_an_upgrade_fails_and_the_next_edit_keeps_the_state() {
    let upgraded = |life: &Life| is_deployed(life, "--topic returns");
    for mut life in every_moment(edited(), upgraded) {
        life.edit(entry_class("shop.Throws")).unwrap();
        reach(&mut life, PhaseName::DeployFailed);
        life.edit(serde_json::json!({ "spec": { "entryClass": "shop.Orders", "programArgs": "--topic mended" } }))
            .unwrap();
        let life = assert_deployed(life, "--topic mended");
        assert_eq!(restored_progress(&life), Some(saved_progress(&life)));
    }
}

fn deleted_at_any_moment(begin: Life, arguments: &str, mode: &str) {
    for mut life in every_moment(begin, |life| is_deployed(life, arguments)) {
        life.edit(delete_mode(mode)).unwrap();
        life.delete_application();
        assert!(life.run_until(30 * MINUTE, is_gone), "{:?}", life.rules());
        life.run_for(MINUTE);
        assert_eq!(life.flinks.jobs().count(), 0);
        told(life);
    }
}

#[test]
fn a_deletion_at_any_moment_of_a_first_deploy_ends() {
    for mode in ["Savepoint", "ForceCancel", "None"] {
        deleted_at_any_moment(new(), "--topic orders", mode);
    }
}

#[test]
fn a_deletion_at_any_moment_of_an_upgrade_ends() {
    for mode in ["Savepoint", "ForceCancel", "None"] {
        deleted_at_any_moment(edited(), "--topic returns", mode);
    }
}
