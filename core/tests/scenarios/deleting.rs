//! The end of an application, in each deleteMode.

use flink_operator_core::rule::Rule;
use flink_operator_fixtures::model::flink::{Ending, SavepointFault};

use super::given::{hasty, keeping, running, stubborn};
use super::happenings::{deletes_by, ends, forgets, no_savepoint_succeeds, silence, the_operator_dies, the_savepoint};
use super::tale::{Scenario, Tale};
use crate::stories::{MINUTE, delete_mode};

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
            ends(it, Ending::Canceled);
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
            ends(it, Ending::Finished);
            it.waits(MINUTE);
            it.deletes();
        },
    },
    Scenario {
        row: "B-23",
        name: "a_job_that_has_failed_needs_no_savepoint",
        given: running,
        when: |it| {
            ends(it, Ending::Failed);
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
            forgets(it);
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
            the_operator_dies(it);
        },
    },
];
