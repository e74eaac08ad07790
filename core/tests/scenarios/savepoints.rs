//! Savepoints of the running job: that fail, hang or come late.

use flink_operator_core::phase::PhaseName;
use flink_operator_core::rule::Rule;
use flink_operator_fixtures::door::Life;
use flink_operator_fixtures::model::flink::SavepointFault;

use super::given::{hasty, highly_available, in_place, running, running_with};
use super::happenings::{a_full_disk, answers_again, silence, the_operator_dies, the_savepoint};
use super::tale::Scenario;
use crate::stories::{MINUTE, arguments};

fn slow_to_restart() -> Life {
    running_with(|life| life.flinks.settings.delays.restart = 20_000)
}

pub const ALL: &[Scenario] = &[
    Scenario {
        row: "R1",
        name: "a_savepoint_that_fails_once_is_tried_again_under_another_id",
        given: running,
        when: |it| {
            the_savepoint(it, "fails", a_full_disk());
            it.edits(arguments("--topic returns"));
        },
    },
    Scenario {
        row: "6 Savepointing",
        name: "a_savepoint_that_is_complete_while_its_job_restarts_instead_of_stopping",
        given: running,
        when: |it| {
            the_savepoint(it, "is complete and its job fails", SavepointFault::StopsBadly);
            it.edits(arguments("--topic returns"));
        },
    },
    Scenario {
        row: "B-07",
        name: "a_savepoint_of_more_than_five_minutes_is_awaited",
        given: running,
        when: |it| {
            the_savepoint(it, "takes 6 min", SavepointFault::Takes(360_000));
            it.edits(arguments("--topic returns"));
        },
    },
    Scenario {
        row: "R7",
        name: "a_savepoint_that_never_ends_fails_the_update_and_the_job_runs_on",
        given: hasty,
        when: |it| {
            the_savepoint(it, "never ends", SavepointFault::Hangs);
            it.edits(arguments("--topic returns"));
        },
    },
    Scenario {
        row: "R7",
        name: "after_a_savepoint_that_never_ends_an_edit_tries_another_deploy",
        given: hasty,
        when: |it| {
            the_savepoint(it, "never ends", SavepointFault::Hangs);
            it.edits(arguments("--topic returns"));
            it.reaches(PhaseName::DeployFailed);
            it.edits(arguments("--topic latest"));
        },
    },
    Scenario {
        row: "B-07",
        name: "a_job_that_a_late_savepoint_stopped_is_updated_by_the_next_edit",
        given: hasty,
        when: |it| {
            the_savepoint(it, "takes 3 min", SavepointFault::Takes(180_000));
            it.edits(arguments("--topic returns"));
            it.reaches(PhaseName::DeployFailed);
            it.waits(5 * MINUTE);
            it.edits(arguments("--topic latest"));
        },
    },
    Scenario {
        row: "B-07",
        name: "a_savepoint_that_is_complete_after_the_update_was_given_up_starts_the_job_again",
        given: hasty,
        when: |it| {
            the_savepoint(it, "takes 3 min", SavepointFault::Takes(180_000));
            it.edits(arguments("--topic returns"));
            it.reaches(PhaseName::DeployFailed);
            it.waits(5 * MINUTE);
        },
    },
    Scenario {
        row: "B-07",
        name: "a_job_that_a_late_savepoint_stopped_serves_a_revert",
        given: hasty,
        when: |it| {
            the_savepoint(it, "takes 3 min", SavepointFault::Takes(180_000));
            it.edits(arguments("--topic returns"));
            it.reaches(PhaseName::DeployFailed);
            it.waits(5 * MINUTE);
            it.edits(arguments("--topic orders"));
        },
    },
    Scenario {
        row: "R1",
        name: "requests_for_the_savepoint_that_get_lost_are_made_again_under_the_same_id",
        given: running,
        when: |it| {
            it.loses(Rule::SavepointRequested, 8);
            it.edits(arguments("--topic returns"));
        },
    },
    Scenario {
        row: "R7",
        name: "a_jobmanager_that_is_silent_for_a_minute_is_awaited",
        given: running,
        when: |it| {
            it.edits(arguments("--topic returns"));
            it.reaches(PhaseName::Savepointing);
            silence(it);
            it.waits(MINUTE);
            answers_again(it);
        },
    },
    Scenario {
        row: "R7",
        name: "a_jobmanager_that_stays_silent_fails_the_update",
        given: hasty,
        when: |it| {
            it.edits(arguments("--topic returns"));
            it.reaches(PhaseName::Savepointing);
            silence(it);
        },
    },
    Scenario {
        row: "B-20",
        name: "a_savepoint_that_was_asked_for_before_the_operator_died_is_taken_once",
        given: running,
        when: |it| {
            it.edits(arguments("--topic returns"));
            it.reaches(PhaseName::Savepointing);
            it.fires(Rule::SavepointRequested);
            the_operator_dies(it);
        },
    },
    Scenario {
        row: "6 Savepointing",
        name: "a_job_that_restarts_is_awaited_before_its_savepoint",
        given: slow_to_restart,
        when: |it| {
            it.edits(arguments("--topic returns"));
            it.reaches(PhaseName::ClusterStarting);
            it.suffers("a task fails", Life::fail_job);
        },
    },
    Scenario {
        row: "6 Savepointing",
        name: "a_savepoint_that_never_ends_fails_a_scaling_in_place",
        given: hasty,
        when: |it| {
            the_savepoint(it, "never ends", SavepointFault::Hangs);
            it.edits(in_place(4));
        },
    },
    Scenario {
        row: "6 Savepointing",
        name: "an_update_with_high_availability",
        given: highly_available,
        when: |it| it.edits(arguments("--topic returns")),
    },
];
