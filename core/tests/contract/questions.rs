//! What Flink is asked and told in each phase (section 7).

use flink_operator_core::effect::EffectKind;
use flink_operator_core::needs;
use flink_operator_core::rule::Rule;
use flink_operator_core::snapshot::FlinkNeeds;
use flink_operator_core::step;
use flink_operator_fixtures::door::Life;

use crate::recorded;
use crate::stories::*;

fn words(needs: &FlinkNeeds) -> String {
    let asked = [
        (needs.overview, "overview"),
        (needs.job.is_some(), "job"),
        (needs.savepoint.is_some(), "savepoint"),
        (needs.checkpoints.is_some(), "checkpoints"),
        (needs.retention.is_some(), "retention"),
    ];
    asked.into_iter().filter(|(asked, _)| *asked).map(|(_, word)| word).collect::<Vec<_>>().join(" ")
}

/// What is asked, for each JobManager, where `rule` fires; and what is told.
fn asked(life: &Life, rule: Rule) -> (Vec<String>, Vec<EffectKind>) {
    let snapshot = recorded(life, rule);
    let needs = needs(&snapshot.application, &snapshot.memory);
    (needs.flink.values().map(words).collect(), step(&snapshot).effects().iter().map(EffectKind::from).collect())
}

fn at(life: &Life, rule: Rule, questions: &[&str], told: &[EffectKind]) {
    let (asked, effects) = asked(life, rule);
    assert_eq!(asked, questions, "{rule}");
    assert_eq!(effects, told, "{rule}");
}

#[test]
fn an_update_asks_each_cluster_no_more_than_its_phase_must_know() {
    let life = upgrading::an_upgrade_goes_through_a_savepoint();
    at(&life, Rule::DeployBegun, &[], &[]);
    at(&life, Rule::ClusterCreated, &[], &[]);
    at(&life, Rule::ClusterAwaited, &["overview"], &[]);
    at(&life, Rule::SavepointRequested, &["job savepoint checkpoints"], &[EffectKind::StopWithSavepoint]);
    at(&life, Rule::SubmissionRequested, &["overview job"], &[EffectKind::SubmitJob]);
    at(&life, Rule::JobStarted, &["job"], &[]);
    at(&life, Rule::JobRests, &["overview job checkpoints"], &[]);
}

#[test]
fn an_update_without_savepoint_patches_the_job() {
    let life = rolling_back::an_update_without_savepoint_cancels_the_job();
    at(&life, Rule::CancelRequested, &["job checkpoints retention"], &[EffectKind::CancelJob]);
}

#[test]
fn a_recovery_looks_at_the_checkpoints() {
    let life = upgrading::a_savepoint_that_fails_three_times_falls_back_to_the_checkpoint();
    at(&life, Rule::CheckpointRestored, &["job checkpoints retention"], &[]);
}

#[test]
fn a_rollback_asks_the_old_cluster() {
    let life = refusals::a_bad_program_is_rolled_back_and_the_root_cause_is_told();
    at(&life, Rule::FailedDeployCleared, &[], &[]);
    at(&life, Rule::RollbackSucceeded, &["job"], &[]);
}

#[test]
fn a_scaling_in_place_asks_for_slots() {
    let life = scaling::more_parallelism_in_place_keeps_the_cluster();
    at(&life, Rule::TaskManagersAwaited, &["overview"], &[]);
}

#[test]
fn two_versions_are_both_asked_and_the_torn_one_is_cancelled() {
    let life = blue_green::two_versions_run_until_one_is_torn_down();
    at(&life, Rule::BothVersionsRest, &["overview job checkpoints", "overview job checkpoints"], &[]);
    at(&life, Rule::SavepointRequested, &["job savepoint checkpoints"], &[EffectKind::TakeSavepoint]);
    let (_, told) = asked(&life, Rule::CancelRequested);
    assert_eq!(told, [EffectKind::CancelJob]);
}

#[test]
fn a_deletion_asks_for_job_and_savepoint() {
    let life = deleting::a_deletion_ends_with_a_savepoint();
    at(&life, Rule::FinalSavepointRequested, &["job savepoint checkpoints"], &[EffectKind::StopWithSavepoint]);
    let life = deleting::a_deletion_by_force_cancels_the_job();
    at(&life, Rule::CancelRequested, &["job savepoint checkpoints"], &[EffectKind::CancelJob]);
}
