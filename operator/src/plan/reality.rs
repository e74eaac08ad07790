//! What is planned is what happens: over the scenarios of the contract that are one edit of a running application.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeSet;

use flink_operator_core::phase::PhaseName;
use flink_operator_fixtures::door::Life;
use flink_operator_fixtures::scenarios::{GROUPS, Scenario};
use serde_json::Value;

use super::forecast::{self, Fault, Forecast};

/// Programs of the model that fail by their name: nobody can tell that from a manifest.
const ILL: [&str; 3] = ["Throws", "Missing", "DropsState"];

/// What no look shows beforehand, so that it cannot be planned: why.
const UNSEEN: [(&str, &str); 3] = [
    ("flink_without_a_directory_for_savepoints_is_not_asked_thrice", "the image's own configuration"),
    ("a_job_that_does_not_end_when_it_is_cancelled_fails_the_update", "how long a job takes to be cancelled"),
    ("a_jar_that_is_not_in_the_image", "what is in the image"),
];

/// The rules, in which phase, where they lead, and what they do.
fn told(forecast: &Forecast) -> Vec<String> {
    let turns = forecast.turns.iter();
    turns.map(|turn| format!("{} {} {:?} {:?}", turn.phase, turn.rule, turn.moves_to, turn.does)).collect()
}

/// What is planned from a snapshot of this life, and what then happens in it.
fn both(mut life: Life, patch: Value) -> (Forecast, Forecast) {
    let snapshot = life.snapshot().unwrap();
    life.edit(patch).unwrap();
    let new = life.application().unwrap().read().unwrap();
    let planned = forecast::from(&snapshot, &new, Fault::None).unwrap();
    (planned, forecast::of(&mut life, Fault::None))
}

fn is_at_rest(life: &Life) -> bool {
    let rests = [PhaseName::Running, PhaseName::DualRunning, PhaseName::DeployFailed];
    life.memory().is_some_and(|memory| rests.contains(&memory.phase.name()))
}

#[test]
fn what_is_planned_is_what_happens() {
    let (mut compared, mut unseen, mut wrong) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
    let all: Vec<&Scenario> = GROUPS.iter().flat_map(|group| group.scenarios).collect();
    for scenario in &all {
        let Some((life, patch)) = scenario.one_edit().filter(|(life, _)| is_at_rest(life)) else { continue };
        if ILL.iter().any(|word| patch.to_string().contains(word)) {
            continue;
        }
        let (planned, real) = both(life, patch);
        let same = told(&planned) == told(&real);
        if !same && UNSEEN.iter().any(|(name, _)| *name == scenario.name) {
            unseen.insert(scenario.name);
            continue;
        }
        compared.insert(scenario.name);
        if !same || planned.rests_in != real.rests_in || planned.job_runs != real.job_runs {
            wrong.push(format!("{}:\n planned {:#?}\n real    {:#?}", scenario.name, told(&planned), told(&real)));
        }
    }
    println!("{} of {} scenarios: {compared:#?}", compared.len(), all.len());
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), compared.len(), wrong.join("\n"));
    assert!(compared.len() >= 20, "{compared:?}");
    assert_eq!(unseen.len(), UNSEEN.len(), "{unseen:?}: what is planned well is no exception");
}

/// What the rules of the way back do.
fn way_back(forecast: &Forecast) -> Vec<String> {
    let back = forecast.turns.iter().filter(|turn| turn.phase == PhaseName::RollingBackJob.to_string());
    back.map(|turn| format!("{} {:?} {:?}", turn.rule, turn.moves_to, turn.does)).collect()
}

#[test]
fn the_way_back_that_is_planned_is_the_one_that_is_gone() {
    let mut compared = 0;
    for scenario in GROUPS.iter().flat_map(|group| group.scenarios) {
        let Some((mut life, patch)) = scenario.one_edit().filter(|(life, _)| is_at_rest(life)) else { continue };
        if !patch.to_string().contains("Throws") {
            continue;
        }
        let snapshot = life.snapshot().unwrap();
        life.edit(patch).unwrap();
        let new = life.application().unwrap().read().unwrap();
        let planned = forecast::from(&snapshot, &new, Fault::JobDoesNotStart).unwrap();
        let real = forecast::of(&mut life, Fault::None);
        if way_back(&real).is_empty() {
            continue;
        }
        println!("{}", scenario.name);
        assert_eq!(way_back(&planned), way_back(&real), "{}", scenario.name);
        assert_eq!((&planned.rests_in, planned.job_runs), (&real.rests_in, real.job_runs), "{}", scenario.name);
        compared += 1;
    }
    assert!(compared > 0);
}
