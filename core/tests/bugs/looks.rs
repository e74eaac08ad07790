//! What the status says of cluster and job (B-33 to B-35).

use flink_operator_core::phase::PhaseName;
use flink_operator_core::rule::Rule;
use flink_operator_fixtures::door::Life;
use flink_operator_fixtures::model::flink::Ending;

use crate::status;
use crate::stories::*;

#[test]
fn a_job_whose_checkpoints_stay_away_is_yellow() {
    let mut life = new();
    life.flinks.settings.checkpointing.interval = Some(25 * 60_000);
    reach(&mut life, PhaseName::Running);
    let health = |life: &Life| status(life)["jobStatus"]["health"].clone();
    life.run_for(30 * MINUTE);
    assert_eq!(health(&life), "Green");
    life.run_for(10 * MINUTE);
    assert_eq!(health(&life), "Yellow", "the newest checkpoint is a quarter of an hour old");
    life.run_for(12 * MINUTE);
    assert_eq!(health(&life), "Green");
}

#[test]
fn a_jobmanager_that_does_not_answer_is_red() {
    let mut life = running();
    life.run_for(MINUTE);
    assert_eq!(status(&life)["clusterStatus"]["health"], "Green");
    life.cut_off.extend(life.revision_in_charge());
    life.run_for(MINUTE);
    assert_eq!(status(&life)["clusterStatus"]["health"], "Red");
    life.cut_off.clear();
    life.run_for(MINUTE);
    assert_eq!(status(&life)["clusterStatus"]["health"], "Green");
}

#[test]
fn a_job_that_failed_is_red_and_one_that_finished_is_green() {
    for (ending, colour) in [(Ending::Failed, "Red"), (Ending::Canceled, "Red"), (Ending::Finished, "Green")] {
        let mut life = running();
        life.end_job(ending);
        life.run_for(2 * MINUTE);
        assert_eq!(status(&life)["jobStatus"]["health"], colour);
    }
}

#[test]
fn restarts_are_counted_and_not_restored_checkpoints() {
    let mut life = running();
    for _ in 0..2 {
        life.fail_job();
        life.run_for(MINUTE);
    }
    life.run_for(2 * MINUTE);
    assert_eq!(status(&life)["jobStatus"]["jobRestartCount"], 2);
    life.edit(arguments("--topic returns")).unwrap();
    fire(&mut life, Rule::JobStarted);
    life.run_for(2 * MINUTE);
    assert!(status(&life)["jobStatus"]["restorePath"].is_string());
    assert_eq!(status(&life)["jobStatus"]["jobRestartCount"], 0);
}
