//! The end of an application.

use flink_operator_core::phase::{Phase, PhaseName};
use flink_operator_core::rule::Rule;
use flink_operator_fixtures::door::{Fault, Life, Moment};
use flink_operator_fixtures::model::flink::{SavepointFault, Throwable};
use serde_json::json;

use super::*;

pub fn a_deletion_ends_with_a_savepoint() -> Life {
    let mut life = running();
    life.faults.insert(life.deeds() + 1, Fault::Lost(Moment::Before));
    life.delete_application();
    fire(&mut life, Rule::FinalSavepointRequestRetried);
    fire(&mut life, Rule::FinalSavepointCompleted);
    let savepoint = life.memory().unwrap().ledger.stopped.unwrap();
    assert_eq!(life.flinks.storage.get(&savepoint.state.unwrap()).unwrap().progress, saved_progress(&life));
    assert!(saved_progress(&life) > 20_000);
    assert!(life.run_until(MINUTE, is_gone));
    life.run_for(MINUTE);
    assert_eq!(life.flinks.jobs().count(), 0, "the pods are gone too");
    life
}

pub fn a_deletion_by_force_cancels_the_job() -> Life {
    let mut life = new();
    life.flinks.settings.delays.cancel = 10_000;
    reach(&mut life, PhaseName::Running);
    life.run_for(30 * SECOND);
    life.edit(delete_mode("ForceCancel")).unwrap();
    life.delete_application();
    fire(&mut life, Rule::JobEndAwaited);
    assert!(!is_gone(&life), "the job still goes down");
    assert!(life.run_until(MINUTE, is_gone));
    assert!(life.rules().contains(&Rule::CancelRequested));
    assert!(!life.rules().contains(&Rule::FinalSavepointRequested));
    life
}

pub fn a_deletion_without_care_asks_nobody() -> Life {
    let mut life = running();
    life.edit(delete_mode("None")).unwrap();
    life.cut_off.extend(life.revision_in_charge());
    life.delete_application();
    assert!(life.run_until(MINUTE, is_gone));
    assert!(life.rules().contains(&Rule::FinalizerReleased));
    life
}

pub fn a_deletion_while_a_savepoint_is_taken_keeps_it() -> Life {
    let mut life = upgrading(PhaseName::Savepointing);
    fire(&mut life, Rule::SavepointRequested);
    life.delete_application();
    fire(&mut life, Rule::FinalSavepointCompleted);
    assert!(life.memory().unwrap().ledger.stopped.is_some());
    assert!(life.run_until(MINUTE, is_gone));
    assert_eq!(life.submissions(), 1);
    life
}

pub fn a_deletion_whose_savepoints_fail_is_blocked_until_the_mode_changes() -> Life {
    let mut life = running();
    for _ in 0..3 {
        let cause = Throwable::new("java.io.IOException", "No space left on device");
        life.on_next_savepoint(SavepointFault::Fails(cause));
    }
    life.delete_application();
    fire(&mut life, Rule::FinalSavepointRetried);
    fire(&mut life, Rule::DeletionBlocked);
    life.run_for(10 * MINUTE);
    one_job_runs(&life);
    let Phase::Deleting(at) = life.memory().unwrap().phase else { panic!("it is not being deleted") };
    assert!(at.blocked.unwrap().contains("No space left on device"));
    life.edit(delete_mode("ForceCancel")).unwrap();
    fire(&mut life, Rule::CancelRequested);
    assert!(life.run_until(MINUTE, is_gone));
    life
}

pub fn a_deletion_whose_savepoint_hangs_is_blocked_until_the_mode_changes() -> Life {
    let mut life = running();
    life.on_next_savepoint(SavepointFault::Hangs);
    life.delete_application();
    fire(&mut life, Rule::DeletionBlocked);
    one_job_runs(&life);
    life.edit(delete_mode("ForceCancel")).unwrap();
    assert!(life.run_until(MINUTE, is_gone));
    life
}

pub fn a_last_savepoint_that_completes_too_late_is_recorded() -> Life {
    let mut life = running();
    life.on_next_savepoint(SavepointFault::Takes(40 * 60_000));
    life.delete_application();
    fire(&mut life, Rule::DeletionBlocked);
    fire(&mut life, Rule::FinalSavepointCompleted);
    assert!(life.run_until(MINUTE, is_gone));
    life
}

pub fn a_last_savepoint_is_found_in_the_history_when_the_operator_was_away() -> Life {
    let mut life = running();
    life.delete_application();
    fire(&mut life, Rule::FinalSavepointRequested);
    life.crash(10 * MINUTE);
    fire(&mut life, Rule::FinalSavepointFoundInHistory);
    assert!(life.run_until(MINUTE, is_gone));
    life
}

pub fn a_deletion_waits_for_a_jobmanager_that_does_not_answer() -> Life {
    let mut life = running();
    life.cut_off.extend(life.revision_in_charge());
    life.delete_application();
    fire(&mut life, Rule::FlinkAwaited);
    life.run_for(60 * MINUTE);
    assert_eq!(phase_of(&life), Some(PhaseName::Deleting));
    one_job_runs(&life);
    life.cut_off.clear();
    assert!(life.run_until(MINUTE, is_gone));
    assert!(life.rules().contains(&Rule::FinalSavepointCompleted));
    life
}

pub fn a_finalizer_of_others_is_waited_for() -> Life {
    let mut life = running();
    let finalizers = json!(["job.finalizers.flink.k8s.io", "example.com/audit"]);
    life.edit(json!({ "metadata": { "finalizers": finalizers } })).unwrap();
    life.delete_application();
    fire(&mut life, Rule::DeletionRests);
    let deeds = life.deeds();
    life.run_for(10 * MINUTE);
    assert_eq!(life.deeds(), deeds);
    life.edit(json!({ "metadata": { "finalizers": null } })).unwrap();
    assert!(life.run_until(MINUTE, is_gone));
    life
}
