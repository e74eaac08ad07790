//! No savepoint: the newest checkpoint stands in for it, or nothing, or the job is cancelled on the user's word.

use flink_operator_core::phase::PhaseName;
use flink_operator_core::rule::Rule;
use flink_operator_fixtures::door::Life;
use flink_operator_fixtures::model::flink::{Ending, Retention, SavepointFault};
use serde_json::json;

use super::given::{hasty, keeping, running, running_with, stateless, stubborn};
use super::happenings::{
    a_full_disk, answers_again, ends, forgets, no_savepoint_succeeds, silence, the_savepoint, without_savepoint,
};
use super::tale::Scenario;
use crate::stories::{MINUTE, arguments};

/// Its checkpoints go with it when it is cancelled.
fn forgetful() -> Life {
    running_with(|life| life.flinks.settings.checkpointing.retention = Retention::OnFailure)
}

/// A checkpoint every ten minutes.
fn leisurely() -> Life {
    running_with(|life| life.flinks.settings.checkpointing.interval = Some(600_000))
}

fn without_savepoint_directory() -> Life {
    running_with(|life| life.flinks.settings.savepoint_directory = None)
}

pub const ALL: &[Scenario] = &[
    Scenario {
        row: "6 Recovering",
        name: "savepoints_that_fail_three_times_are_stood_in_for_by_the_newest_checkpoint",
        given: running,
        when: |it| {
            no_savepoint_succeeds(it);
            it.edits(arguments("--topic returns"));
        },
    },
    Scenario {
        row: "6 Recovering",
        name: "a_savepoint_after_which_the_job_ran_on_stands_in_where_it_is_newer_than_the_checkpoint",
        given: leisurely,
        when: |it| {
            it.waits(11 * MINUTE);
            the_savepoint(it, "is complete and its job fails", SavepointFault::StopsBadly);
            the_savepoint(it, "fails", a_full_disk());
            the_savepoint(it, "fails", a_full_disk());
            it.edits(arguments("--topic returns"));
        },
    },
    Scenario {
        row: "B-17",
        name: "a_checkpoint_that_is_too_old_does_not_stand_in_and_the_job_runs_on",
        given: running,
        when: |it| {
            no_savepoint_succeeds(it);
            it.edits(json!({ "spec": { "programArgs": "--topic returns", "maxCheckpointRestoreAgeSeconds": 1 } }));
        },
    },
    Scenario {
        row: "B-18",
        name: "after_a_recovery_that_failed_the_next_deploy_takes_a_savepoint",
        given: running,
        when: |it| {
            no_savepoint_succeeds(it);
            it.edits(json!({ "spec": { "programArgs": "--topic returns", "maxCheckpointRestoreAgeSeconds": 1 } }));
            it.reaches(PhaseName::DeployFailed);
            it.edits(json!({ "spec": { "restartNonce": "again" } }));
        },
    },
    Scenario {
        row: "6 Recovering",
        name: "without_state_if_the_spec_says_so",
        given: running,
        when: |it| {
            no_savepoint_succeeds(it);
            it.edits(json!({ "spec": {
                "programArgs": "--topic returns", "maxCheckpointRestoreAgeSeconds": 1, "fallbackWithoutState": true,
            } }));
        },
    },
    Scenario {
        row: "6 Recovering",
        name: "a_usable_checkpoint_comes_before_no_state_at_all",
        given: running,
        when: |it| {
            no_savepoint_succeeds(it);
            it.edits(json!({ "spec": { "programArgs": "--topic returns", "fallbackWithoutState": true } }));
        },
    },
    Scenario {
        row: "6 Recovering",
        name: "a_job_that_has_no_checkpoint_is_not_cancelled_for_one",
        given: stateless,
        when: |it| {
            no_savepoint_succeeds(it);
            it.edits(arguments("--topic returns"));
        },
    },
    Scenario {
        row: "B-22",
        name: "a_checkpoint_that_goes_with_its_job_does_not_stand_in",
        given: forgetful,
        when: |it| {
            no_savepoint_succeeds(it);
            it.edits(arguments("--topic returns"));
        },
    },
    Scenario {
        row: "B-22",
        name: "a_checkpoint_that_goes_with_its_job_and_a_spec_that_can_do_without",
        given: forgetful,
        when: |it| {
            no_savepoint_succeeds(it);
            it.edits(json!({ "spec": { "programArgs": "--topic returns", "fallbackWithoutState": true } }));
        },
    },
    Scenario {
        row: "6 Savepointing",
        name: "flink_without_a_directory_for_savepoints_is_not_asked_thrice",
        given: without_savepoint_directory,
        when: |it| it.edits(arguments("--topic returns")),
    },
    Scenario {
        row: "B-23",
        name: "a_job_that_finishes_before_its_savepoint_is_followed_by_a_fresh_one",
        given: running,
        when: |it| {
            it.edits(arguments("--topic returns"));
            it.reaches(PhaseName::Savepointing);
            ends(it, Ending::Finished);
        },
    },
    Scenario {
        row: "B-21",
        name: "a_job_that_fails_for_good_before_its_savepoint_is_followed_from_its_checkpoint",
        given: running,
        when: |it| {
            it.edits(arguments("--topic returns"));
            it.reaches(PhaseName::Savepointing);
            ends(it, Ending::Failed);
        },
    },
    Scenario {
        row: "B-25",
        name: "a_job_that_is_forgotten_before_its_savepoint_is_followed_from_its_checkpoint",
        given: keeping,
        when: |it| {
            it.edits(arguments("--topic returns"));
            it.reaches(PhaseName::Savepointing);
            forgets(it);
        },
    },
    Scenario {
        row: "B-25",
        name: "a_job_that_is_forgotten_while_its_savepoint_is_taken_is_followed_from_its_checkpoint",
        given: keeping,
        when: |it| {
            the_savepoint(it, "takes 10 min", SavepointFault::Takes(600_000));
            it.edits(arguments("--topic returns"));
            it.fires(Rule::SavepointRequested);
            it.waits(MINUTE);
            forgets(it);
        },
    },
    Scenario {
        row: "6 Recovering",
        name: "a_jobmanager_that_falls_silent_in_recovery_fails_the_update",
        given: hasty,
        when: |it| {
            no_savepoint_succeeds(it);
            it.edits(arguments("--topic returns"));
            it.reaches(PhaseName::Recovering);
            silence(it);
            it.reaches(PhaseName::DeployFailed);
            answers_again(it);
        },
    },
    Scenario {
        row: "B-19",
        name: "a_job_that_cannot_be_cancelled_keeps_the_next_from_starting",
        given: stubborn,
        when: |it| {
            no_savepoint_succeeds(it);
            it.edits(arguments("--topic returns"));
        },
    },
    Scenario {
        row: "R1",
        name: "cancellations_that_get_lost_are_made_again",
        given: running,
        when: |it| {
            it.loses(Rule::CancelRequested, 5);
            it.edits(without_savepoint());
        },
    },
    Scenario {
        row: "6 Cancelling",
        name: "a_job_that_does_not_end_when_it_is_cancelled_fails_the_update",
        given: stubborn,
        when: |it| it.edits(without_savepoint()),
    },
    Scenario {
        row: "6 Cancelling",
        name: "a_job_that_ends_long_after_it_was_cancelled_is_followed_at_the_next_edit",
        given: stubborn,
        when: |it| {
            it.edits(without_savepoint());
            it.reaches(PhaseName::DeployFailed);
            ends(it, Ending::Canceled);
            it.waits(5 * MINUTE);
            it.edits(arguments("--topic latest"));
        },
    },
    Scenario {
        row: "6 Cancelling",
        name: "a_silent_jobmanager_is_not_taken_for_a_job_that_has_ended",
        given: hasty,
        when: |it| {
            it.edits(without_savepoint());
            it.reaches(PhaseName::Cancelling);
            silence(it);
            it.reaches(PhaseName::DeployFailed);
            answers_again(it);
        },
    },
];
