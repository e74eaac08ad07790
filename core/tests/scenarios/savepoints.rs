//! The state of the running job: savepoints that fail, hang or come late, and what stands in for them.

use flink_operator_core::phase::PhaseName;
use flink_operator_core::rule::Rule;
use flink_operator_fixtures::door::Life;
use flink_operator_fixtures::model::flink::{Ending, Retention, SavepointFault, Throwable};
use serde_json::json;

use super::given::{highly_available, in_place, keeping, new, running, stateless};
use super::tale::{Scenario, Tale};
use crate::stories::{MINUTE, SECOND, arguments, reach};

/// Three are tried in one deploy.
pub(super) fn no_savepoint_succeeds(it: &mut Tale) {
    it.suffers("the next three savepoints fail", |life| {
        for _ in 0..3 {
            let cause = Throwable::new("java.io.IOException", "No space left on device");
            life.on_next_savepoint(SavepointFault::Fails(cause));
        }
    });
}

pub(super) fn the_savepoint(it: &mut Tale, what: &str, fault: SavepointFault) {
    it.suffers(&format!("the next savepoint {what}"), |life| life.on_next_savepoint(fault));
}

/// The JobManager of the deployed job does not answer.
pub(super) fn silence(it: &mut Tale) {
    let revision = it.deployed().revision.id;
    it.suffers(&format!("the JobManager of {revision} does not answer any more"), |life| {
        life.cut_off.insert(revision);
    });
}

pub(super) fn answers_again(it: &mut Tale) {
    it.suffers("it answers again", |life| life.cut_off.clear());
}

/// A running job of which `settings` is not as by default.
fn running_with(settings: impl FnOnce(&mut Life)) -> Life {
    let mut life = new();
    settings(&mut life);
    reach(&mut life, PhaseName::Running);
    life.run_for(30 * SECOND);
    life
}

/// Its savepoints may take two minutes and not thirty (`savepointTimeout`).
pub(super) fn hasty() -> Life {
    let mut life = running();
    life.policy.savepoint_timeout_ms = 120_000;
    life
}

/// Its checkpoints go with it when it is cancelled.
fn forgetful() -> Life {
    running_with(|life| life.flinks.settings.checkpointing.retention = Retention::OnFailure)
}

fn without_savepoint_directory() -> Life {
    running_with(|life| life.flinks.settings.savepoint_directory = None)
}

/// Its tasks take a day to be cancelled.
fn stubborn() -> Life {
    running_with(|life| {
        life.flinks.settings.delays.cancel = 24 * 3_600_000;
        life.policy.savepoint_timeout_ms = 120_000;
    })
}

fn slow_to_restart() -> Life {
    running_with(|life| life.flinks.settings.delays.restart = 20_000)
}

fn disabled() -> serde_json::Value {
    json!({ "spec": { "programArgs": "--topic returns", "savepointDisabled": true } })
}

pub const ALL: &[Scenario] = &[
    Scenario {
        row: "R1",
        name: "a_savepoint_that_fails_once_is_tried_again_under_another_id",
        given: running,
        when: |it| {
            let cause = Throwable::new("java.io.IOException", "No space left on device");
            the_savepoint(it, "fails", SavepointFault::Fails(cause));
            it.edits(arguments("--topic returns"));
        },
    },
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
        name: "a_savepoint_of_ten_minutes_is_awaited",
        given: running,
        when: |it| {
            the_savepoint(it, "takes 10 min", SavepointFault::Takes(600_000));
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
        name: "a_savepoint_that_is_complete_after_the_update_was_given_up_is_used_by_the_next",
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
        name: "a_savepoint_that_is_complete_after_the_update_was_given_up_stops_the_job",
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
        name: "a_savepoint_that_is_complete_after_the_update_was_given_up_serves_a_revert",
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
            it.suffers("the operator dies and comes back in 10 min", |life| life.crash(10 * MINUTE));
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
        row: "B-23",
        name: "a_job_that_finishes_before_its_savepoint_is_followed_by_a_fresh_one",
        given: running,
        when: |it| {
            it.edits(arguments("--topic returns"));
            it.reaches(PhaseName::Savepointing);
            it.suffers("the job finishes", |life| life.end_job(Ending::Finished));
        },
    },
    Scenario {
        row: "B-21",
        name: "a_job_that_fails_for_good_before_its_savepoint_is_followed_from_its_checkpoint",
        given: running,
        when: |it| {
            it.edits(arguments("--topic returns"));
            it.reaches(PhaseName::Savepointing);
            it.suffers("the job fails for good", |life| life.end_job(Ending::Failed));
        },
    },
    Scenario {
        row: "B-25",
        name: "a_job_that_is_forgotten_before_its_savepoint_is_followed_from_its_checkpoint",
        given: keeping,
        when: |it| {
            it.edits(arguments("--topic returns"));
            it.reaches(PhaseName::Savepointing);
            let revision = it.deployed().revision.id;
            it.suffers("its JobManager restarts and knows nothing", |life| life.restart_jobmanager(&revision));
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
            let revision = it.deployed().revision.id;
            it.suffers("its JobManager restarts and knows nothing", |life| life.restart_jobmanager(&revision));
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
            it.edits(disabled());
        },
    },
    Scenario {
        row: "6 Cancelling",
        name: "a_job_that_does_not_end_when_it_is_cancelled_fails_the_update",
        given: stubborn,
        when: |it| it.edits(disabled()),
    },
    Scenario {
        row: "6 Cancelling",
        name: "a_job_that_ends_long_after_it_was_cancelled_is_followed_at_the_next_edit",
        given: stubborn,
        when: |it| {
            it.edits(disabled());
            it.reaches(PhaseName::DeployFailed);
            it.suffers("the job is gone at last", |life| life.end_job(Ending::Canceled));
            it.waits(5 * MINUTE);
            it.edits(arguments("--topic latest"));
        },
    },
    Scenario {
        row: "6 Cancelling",
        name: "a_silent_jobmanager_is_not_taken_for_a_job_that_has_ended",
        given: hasty,
        when: |it| {
            it.edits(disabled());
            it.reaches(PhaseName::Cancelling);
            silence(it);
            it.reaches(PhaseName::DeployFailed);
            answers_again(it);
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
