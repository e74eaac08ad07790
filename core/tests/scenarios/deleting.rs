//! The end of an application, in each deleteMode and from each phase.

use flink_operator_core::phase::PhaseName;
use flink_operator_core::rule::Rule;
use flink_operator_fixtures::door::Life;
use flink_operator_fixtures::model::flink::{Ending, SavepointFault};
use serde_json::json;

use super::given::{green, green_and_blue, in_place, keeping, new, running};
use super::savepoints::{answers_again, hasty, no_savepoint_succeeds, silence, the_savepoint};
use super::tale::{Scenario, Tale};
use crate::stories::{MINUTE, arguments, delete_mode, entry_class};

fn deletes_by(it: &mut Tale, mode: &str) {
    it.edits(delete_mode(mode));
    it.deletes();
}

/// A job that takes an hour to be cancelled.
fn stubborn() -> Life {
    let mut life = running();
    let revision = life.deployed().unwrap().revision.id;
    life.flinks.of(&revision).unwrap().0.settings.delays.cancel = 3_600_000;
    life
}

/// A rollback that failed: no job runs.
fn rolls_back_in_vain(it: &mut Tale) {
    it.edits(entry_class("shop.Throws"));
    it.reaches(PhaseName::RollingBackJob);
    silence(it);
    it.reaches(PhaseName::DeployFailed);
    answers_again(it);
}

pub const ALL: &[Scenario] = &[
    // The modes
    Scenario { row: "6 Deleting", name: "with_a_savepoint", given: running, when: Tale::deletes },
    Scenario { row: "6 Deleting", name: "by_force", given: running, when: |it| deletes_by(it, "ForceCancel") },
    Scenario { row: "6 Deleting", name: "without_care", given: running, when: |it| deletes_by(it, "None") },
    Scenario {
        row: "6 Deleting",
        name: "by_force_it_waits_until_the_job_is_gone",
        given: running,
        when: |it| {
            it.suffers("jobs take 20 s to be cancelled", |life| {
                let revision = life.deployed().unwrap().revision.id;
                life.flinks.of(&revision).unwrap().0.settings.delays.cancel = 20_000;
            });
            deletes_by(it, "ForceCancel");
        },
    },
    // Changed while it is deleted
    Scenario {
        row: "P5",
        name: "a_savepoint_that_hangs_is_overruled_by_force",
        given: running,
        when: |it| {
            the_savepoint(it, "never ends", SavepointFault::Hangs);
            it.deletes();
            it.waits(MINUTE);
            it.edits(delete_mode("ForceCancel"));
        },
    },
    Scenario {
        row: "P5",
        name: "a_savepoint_that_hangs_is_overruled_by_no_care",
        given: running,
        when: |it| {
            the_savepoint(it, "never ends", SavepointFault::Hangs);
            it.deletes();
            it.waits(MINUTE);
            it.edits(delete_mode("None"));
        },
    },
    Scenario {
        row: "P5",
        name: "a_cancellation_that_does_not_end_is_overruled_by_no_care",
        given: stubborn,
        when: |it| {
            deletes_by(it, "ForceCancel");
            it.waits(MINUTE);
            it.edits(delete_mode("None"));
        },
    },
    Scenario {
        row: "P5",
        name: "second_thoughts_after_a_cancellation_are_too_late",
        given: stubborn,
        when: |it| {
            deletes_by(it, "ForceCancel");
            it.waits(MINUTE);
            it.edits(delete_mode("Savepoint"));
            it.waits(MINUTE);
            it.suffers("the job is gone at last", |life| life.end_job(Ending::Canceled));
        },
    },
    Scenario {
        row: "B-04",
        name: "savepoints_that_fail_block_it",
        given: running,
        when: |it| {
            no_savepoint_succeeds(it);
            it.deletes();
        },
    },
    Scenario {
        row: "B-04 P5",
        name: "savepoints_that_fail_block_it_until_the_mode_changes",
        given: running,
        when: |it| {
            no_savepoint_succeeds(it);
            it.deletes();
            it.fires(Rule::DeletionBlocked);
            it.edits(delete_mode("ForceCancel"));
        },
    },
    Scenario {
        row: "B-04",
        name: "a_savepoint_that_never_ends_blocks_it",
        given: hasty,
        when: |it| {
            the_savepoint(it, "never ends", SavepointFault::Hangs);
            it.deletes();
        },
    },
    Scenario {
        row: "B-07",
        name: "a_savepoint_that_is_complete_after_it_was_given_up_counts",
        given: hasty,
        when: |it| {
            the_savepoint(it, "takes 3 min", SavepointFault::Takes(180_000));
            it.deletes();
        },
    },
    Scenario {
        row: "R1",
        name: "requests_for_the_last_savepoint_that_get_lost_are_made_again",
        given: running,
        when: |it| {
            it.loses(Rule::FinalSavepointRequested, 3);
            it.deletes();
        },
    },
    // Jobs that have ended, JobManagers that are gone
    Scenario {
        row: "B-23",
        name: "a_job_that_has_finished_needs_no_savepoint",
        given: running,
        when: |it| {
            it.suffers("the job finishes", |life| life.end_job(Ending::Finished));
            it.waits(MINUTE);
            it.deletes();
        },
    },
    Scenario {
        row: "B-23",
        name: "a_job_that_has_failed_needs_no_savepoint",
        given: running,
        when: |it| {
            it.suffers("the job fails for good", |life| life.end_job(Ending::Failed));
            it.waits(MINUTE);
            it.deletes();
        },
    },
    Scenario {
        row: "B-25",
        name: "a_job_that_flink_has_forgotten_needs_no_savepoint",
        given: keeping,
        when: |it| {
            it.deletes();
            let revision = it.deployed().revision.id;
            it.suffers("its JobManager restarts and knows nothing", |life| life.restart_jobmanager(&revision));
        },
    },
    Scenario {
        row: "B-25",
        name: "a_jobmanager_that_somebody_deleted_is_not_asked",
        given: running,
        when: |it| {
            it.deletes();
            let revision = it.deployed().revision.id;
            it.suffers("somebody deletes the JobManager's Deployment", |life| {
                life.delete_deployment(&format!("orders-{revision}-jm"));
            });
        },
    },
    Scenario {
        row: "law 6",
        name: "a_jobmanager_that_is_silent_is_awaited",
        given: running,
        when: |it| {
            silence(it);
            it.deletes();
        },
    },
    Scenario {
        row: "P5",
        name: "a_jobmanager_that_is_silent_is_awaited_by_force_too",
        given: running,
        when: |it| {
            silence(it);
            deletes_by(it, "ForceCancel");
        },
    },
    Scenario {
        row: "P5",
        name: "a_jobmanager_that_is_silent_is_not_asked_without_care",
        given: running,
        when: |it| {
            silence(it);
            it.deletes();
            it.waits(MINUTE);
            it.edits(delete_mode("None"));
        },
    },
    Scenario {
        row: "B-20",
        name: "a_last_savepoint_is_found_by_an_operator_that_was_away",
        given: running,
        when: |it| {
            it.deletes();
            it.fires(Rule::FinalSavepointRequested);
            it.suffers("the operator dies and comes back in 10 min", |life| life.crash(10 * MINUTE));
        },
    },
    // In each phase
    Scenario {
        row: "A7",
        name: "in_cluster_starting_of_a_first_deploy_nothing_holds_it",
        given: new,
        when: |it| {
            it.reaches(PhaseName::ClusterStarting);
            it.deletes();
        },
    },
    Scenario {
        row: "6 Deleting",
        name: "in_submitting_job_of_a_first_deploy_with_a_job",
        given: new,
        when: |it| {
            it.fires(Rule::JobAccepted);
            it.deletes();
        },
    },
    Scenario {
        row: "6 Deleting",
        name: "in_submitting_job_of_a_first_deploy_before_the_job",
        given: new,
        when: |it| {
            it.fires(Rule::FinalizerRequested);
            it.deletes();
        },
    },
    Scenario {
        row: "6 Deleting",
        name: "in_cluster_starting_of_an_update",
        given: running,
        when: |it| {
            it.edits(arguments("--topic returns"));
            it.reaches(PhaseName::ClusterStarting);
            it.deletes();
        },
    },
    Scenario {
        row: "6 Deleting",
        name: "in_rescaling",
        given: running,
        when: |it| {
            it.edits(in_place(4));
            it.fires(Rule::TaskManagersScaled);
            it.deletes();
        },
    },
    Scenario {
        row: "6 Deleting",
        name: "while_a_savepoint_is_taken_that_one_is_the_last",
        given: running,
        when: |it| {
            the_savepoint(it, "takes 20 s", SavepointFault::Takes(20_000));
            it.edits(arguments("--topic returns"));
            it.fires(Rule::SavepointRequested);
            it.deletes();
        },
    },
    Scenario {
        row: "6 Deleting",
        name: "while_the_job_is_cancelled",
        given: running,
        when: |it| {
            it.edits(json!({ "spec": { "programArgs": "--topic returns", "savepointDisabled": true } }));
            it.fires(Rule::CancelRequested);
            it.deletes();
        },
    },
    Scenario {
        row: "6 Deleting",
        name: "in_recovering",
        given: running,
        when: |it| {
            no_savepoint_succeeds(it);
            it.edits(arguments("--topic returns"));
            it.reaches(PhaseName::Recovering);
            it.deletes();
        },
    },
    Scenario {
        row: "6 Deleting",
        name: "after_the_savepoint_of_an_update_there_is_nothing_left_to_stop",
        given: running,
        when: |it| {
            it.edits(arguments("--topic returns"));
            it.reaches(PhaseName::SubmittingJob);
            it.deletes();
        },
    },
    Scenario {
        row: "B-24",
        name: "in_submitting_job_the_new_job_is_stopped_on_its_own_cluster",
        given: running,
        when: |it| {
            it.edits(arguments("--topic returns"));
            it.fires(Rule::JobAccepted);
            it.deletes();
        },
    },
    Scenario {
        row: "6 Deleting",
        name: "in_a_rollback_before_the_old_job_is_back",
        given: running,
        when: |it| {
            it.edits(entry_class("shop.Throws"));
            it.reaches(PhaseName::RollingBackJob);
            it.deletes();
        },
    },
    Scenario {
        row: "6 Deleting",
        name: "in_a_rollback_the_old_job_that_is_back_is_stopped",
        given: running,
        when: |it| {
            it.edits(entry_class("shop.Throws"));
            it.reaches(PhaseName::RollingBackJob);
            it.fires(Rule::JobAccepted);
            it.deletes();
        },
    },
    Scenario {
        row: "P3",
        name: "in_deploy_failed_the_job_before_the_deploy_is_stopped",
        given: running,
        when: |it| {
            it.edits(entry_class("shop.Throws"));
            it.reaches(PhaseName::DeployFailed);
            it.waits(MINUTE);
            it.deletes();
        },
    },
    Scenario {
        row: "B-71",
        name: "in_deploy_failed_without_a_job",
        given: running,
        when: |it| {
            rolls_back_in_vain(it);
            it.deletes();
        },
    },
    Scenario {
        row: "6 Deleting",
        name: "in_deploy_failed_of_a_first_deploy",
        given: new,
        when: |it| {
            it.edits(entry_class("shop.Throws"));
            it.reaches(PhaseName::DeployFailed);
            it.deletes();
        },
    },
    // Two versions
    Scenario {
        row: "B-53",
        name: "two_versions_are_stopped_one_after_the_other",
        given: green_and_blue,
        when: Tale::deletes,
    },
    Scenario {
        row: "B-52",
        name: "two_versions_are_cancelled_one_after_the_other",
        given: green_and_blue,
        when: |it| deletes_by(it, "ForceCancel"),
    },
    Scenario {
        row: "6 Deleting",
        name: "two_versions_without_care",
        given: green_and_blue,
        when: |it| deletes_by(it, "None"),
    },
    Scenario {
        row: "B-53",
        name: "one_of_two_versions_whose_savepoints_fail_blocks_it_until_the_mode_changes",
        given: green_and_blue,
        when: |it| {
            no_savepoint_succeeds(it);
            it.deletes();
            it.fires(Rule::DeletionBlocked);
            it.edits(delete_mode("ForceCancel"));
        },
    },
    Scenario {
        row: "B-53",
        name: "while_a_second_version_is_starting_both_are_stopped",
        given: green,
        when: |it| {
            it.edits(arguments("--topic returns"));
            it.fires(Rule::JobAccepted);
            it.deletes();
        },
    },
    Scenario {
        row: "6 Deleting",
        name: "while_a_version_is_torn_down",
        given: green_and_blue,
        when: |it| {
            let version = it.deployed().revision.id;
            it.edits(json!({ "spec": { "tearDownVersionHash": version } }));
            it.fires(Rule::CancelRequested);
            it.deletes();
        },
    },
    // What stands in the way
    Scenario {
        row: "section 5",
        name: "a_spec_that_is_refused_does_not_keep_it",
        given: running,
        when: |it| {
            let resources = json!({ "requests": { "memory": "2Gi" }, "limits": { "memory": "1Gi" } });
            it.edits(json!({ "spec": { "jobManagerConfig": { "resources": resources } } }));
            it.deletes();
        },
    },
    Scenario {
        row: "6",
        name: "a_status_that_cannot_be_read_keeps_it_until_nobody_cares",
        given: running,
        when: |it| {
            it.suffers("the status says Dancing", |life| life.write_status(json!({ "phase": "Dancing" })).unwrap());
            it.deletes();
            it.waits(MINUTE);
            it.edits(delete_mode("None"));
        },
    },
    Scenario {
        row: "6 Deleting",
        name: "a_finalizer_of_others_is_awaited",
        given: running,
        when: |it| {
            it.edits(json!({ "metadata": { "finalizers": ["job.finalizers.flink.k8s.io", "example.com/audit"] } }));
            it.deletes();
        },
    },
];
