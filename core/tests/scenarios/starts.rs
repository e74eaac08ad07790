//! Jobs that do not start, and the way back to the job before them.

use flink_operator_core::phase::PhaseName;
use flink_operator_core::rule::Rule;
use flink_operator_fixtures::door::{Fault, Life};
use flink_operator_fixtures::model::flink::Ending;
use serde_json::json;

use super::given::{in_place, keeping, new, running};
use super::savepoints::{answers_again, silence};
use super::tale::{Scenario, Tale};
use crate::stories::{MINUTE, SECOND, arguments, entry_class};

/// The JobManager of the revision that is being deployed does not answer.
fn silence_the_new_one(it: &mut Tale) {
    let revision = it.life.revision_in_charge().unwrap();
    it.suffers(&format!("the JobManager of {revision} does not answer any more"), |life| {
        life.cut_off.insert(revision);
    });
}

/// Tasks of jobs on clusters that start from now on take an hour to start.
fn slow_tasks(it: &mut Tale) {
    it.suffers("tasks take an hour to start from now on", |life| life.flinks.settings.delays.deploy = 3_600_000);
}

/// A task of the job that is starting fails, and Flink does not restart it.
fn fails_for_good(it: &mut Tale) {
    it.suffers("the job fails for good", |life| life.end_job(Ending::Failed));
}

fn forgets(it: &mut Tale) {
    let revision = it.life.revision_in_charge().unwrap();
    it.suffers(&format!("the JobManager of {revision} restarts and knows nothing"), |life| {
        life.restart_jobmanager(&revision);
    });
}

/// The failed cluster takes longer to go than it may.
fn blocked(it: &mut Tale) {
    it.edits(entry_class("shop.Throws"));
    it.reaches(PhaseName::RollingBackJob);
    it.suffers("pods may take no longer than 5 s to go", |life| life.policy.cluster_start_timeout_ms = 5_000);
    it.reaches(PhaseName::DeployFailed);
    it.suffers("pods may take 5 min again", |life| life.policy.cluster_start_timeout_ms = 300_000);
}

fn scaled_and_stuck(it: &mut Tale) {
    it.suffers("tasks take an hour to start, and jobs a day to be cancelled", |life| {
        let revision = life.deployed().unwrap().revision.id;
        let delays = &mut life.flinks.of(&revision).unwrap().0.settings.delays;
        (delays.deploy, delays.cancel) = (3_600_000, 24 * 3_600_000);
    });
    it.edits(in_place(4));
}

fn the_savepoint_vanishes(it: &mut Tale) {
    it.edits(entry_class("shop.Throws"));
    it.reaches(PhaseName::RollingBackJob);
    it.suffers("somebody deletes the savepoint", |life| {
        let state = life.memory().unwrap().ledger.stopped.unwrap().state.unwrap();
        life.flinks.storage.delete(&state).unwrap();
    });
}

/// Pods take a quarter of a minute to go.
fn slow_pods() -> Life {
    let mut life = running();
    life.set_pod_times(2 * SECOND, 15 * SECOND);
    life
}

pub const ALL: &[Scenario] = &[
    // What keeps a job from starting
    Scenario {
        row: "R3",
        name: "a_program_that_throws_is_refused_at_once_and_rolled_back",
        given: running,
        when: |it| it.edits(entry_class("shop.Throws")),
    },
    Scenario {
        row: "B-05",
        name: "a_first_program_that_throws_is_refused_at_once",
        given: new,
        when: |it| it.edits(entry_class("shop.Throws")),
    },
    Scenario {
        row: "R3",
        name: "a_class_that_is_not_in_the_jar",
        given: running,
        when: |it| it.edits(entry_class("shop.Missing")),
    },
    Scenario {
        row: "R3",
        name: "a_jar_that_is_not_in_the_image",
        given: running,
        when: |it| it.edits(json!({ "spec": { "jarName": "other.jar" } })),
    },
    Scenario {
        row: "R3",
        name: "a_program_that_cannot_take_the_state_over",
        given: running,
        when: |it| it.edits(entry_class("shop.DropsState")),
    },
    Scenario {
        row: "A4",
        name: "a_program_that_may_leave_state_behind",
        given: running,
        when: |it| it.edits(json!({ "spec": { "entryClass": "shop.DropsState", "allowNonRestoredState": true } })),
    },
    Scenario {
        row: "R1 R6",
        name: "submissions_that_get_lost_are_given_up_after_the_job_start_timeout",
        given: running,
        when: |it| {
            it.loses(Rule::SubmissionRequested, 13);
            it.edits(arguments("--topic returns"));
        },
    },
    Scenario {
        row: "R1",
        name: "a_submission_that_gets_lost_twice_is_made_again_under_the_same_id",
        given: running,
        when: |it| {
            it.loses(Rule::SubmissionRequested, 2);
            it.edits(arguments("--topic returns"));
        },
    },
    Scenario {
        row: "R3",
        name: "a_submission_that_arrives_late_is_the_one_that_was_made_again",
        given: new,
        when: |it| {
            it.fires(Rule::FinalizerRequested);
            it.suffers("the next request arrives 5 s late", |life| {
                life.faults.insert(life.deeds(), Fault::Late { after_ms: 5 * SECOND });
            });
            it.reaches(PhaseName::Running);
            assert_eq!(it.life.submissions(), 1);
        },
    },
    Scenario {
        row: "R7",
        name: "a_new_jobmanager_that_falls_silent",
        given: running,
        when: |it| {
            it.edits(arguments("--topic returns"));
            it.reaches(PhaseName::SubmittingJob);
            silence_the_new_one(it);
        },
    },
    Scenario {
        row: "R7",
        name: "tasks_that_do_not_start_in_time",
        given: running,
        when: |it| {
            slow_tasks(it);
            it.edits(arguments("--topic returns"));
        },
    },
    Scenario {
        row: "B-11",
        name: "first_tasks_that_do_not_start_in_time",
        given: new,
        when: slow_tasks,
    },
    Scenario {
        row: "B-26",
        name: "tasks_without_slots",
        given: running,
        when: |it| {
            it.edits(arguments("--topic returns"));
            it.reaches(PhaseName::SubmittingJob);
            let revision = it.life.revision_in_charge().unwrap();
            it.suffers("somebody deletes the new TaskManagers' Deployment", |life| {
                life.delete_deployment(&format!("orders-{revision}-tm"));
            });
            it.waits(2 * SECOND);
        },
    },
    Scenario {
        row: "6 SubmittingJob",
        name: "a_job_that_fails_for_good_before_its_tasks_run",
        given: running,
        when: |it| {
            it.edits(arguments("--topic returns"));
            it.fires(Rule::JobAccepted);
            fails_for_good(it);
        },
    },
    Scenario {
        row: "B-25",
        name: "a_job_that_flink_forgets_before_its_tasks_run_is_submitted_under_another_id",
        given: running,
        when: |it| {
            it.edits(arguments("--topic returns"));
            it.fires(Rule::JobAccepted);
            forgets(it);
        },
    },
    Scenario {
        row: "B-25",
        name: "a_job_that_flink_forgets_three_times_is_rolled_back",
        given: running,
        when: |it| {
            it.edits(arguments("--topic returns"));
            for _ in 0..3 {
                it.fires(Rule::JobAccepted);
                forgets(it);
            }
        },
    },
    // The way back
    Scenario {
        row: "P4",
        name: "after_a_rollback_the_mended_spec_starts_from_the_newest_state",
        given: running,
        when: |it| {
            it.edits(entry_class("shop.Throws"));
            it.reaches(PhaseName::DeployFailed);
            it.waits(MINUTE);
            it.edits(entry_class("shop.Mended"));
        },
    },
    Scenario {
        row: "B-14",
        name: "after_a_rollback_a_revert_leads_back_to_running_and_restarts_nothing",
        given: running,
        when: |it| {
            it.edits(entry_class("shop.Throws"));
            it.reaches(PhaseName::DeployFailed);
            it.waits(MINUTE);
            it.edits(entry_class("shop.Orders"));
        },
    },
    Scenario {
        row: "B-16",
        name: "a_failed_update_that_raised_the_parallelism_is_rolled_back",
        given: running,
        when: |it| it.edits(json!({ "spec": { "parallelism": 8, "entryClass": "shop.Throws" } })),
    },
    Scenario {
        row: "B-19",
        name: "the_old_job_waits_until_the_failed_cluster_is_gone",
        given: slow_pods,
        when: |it| {
            slow_tasks(it);
            it.edits(arguments("--topic returns"));
        },
    },
    Scenario {
        row: "6 RollingBackJob",
        name: "a_failed_cluster_that_does_not_go_blocks_the_rollback",
        given: slow_pods,
        when: |it| {
            blocked(it);
            it.waits(5 * MINUTE);
        },
    },
    Scenario {
        row: "6 RollingBackJob",
        name: "after_a_blocked_rollback_an_edit_starts_from_the_state",
        given: slow_pods,
        when: |it| {
            blocked(it);
            it.edits(entry_class("shop.Mended"));
        },
    },
    Scenario {
        row: "B-71",
        name: "a_rollback_to_a_jobmanager_that_is_silent_fails_and_says_that_no_job_runs",
        given: running,
        when: |it| {
            it.edits(entry_class("shop.Throws"));
            it.reaches(PhaseName::RollingBackJob);
            silence(it);
            it.reaches(PhaseName::DeployFailed);
            answers_again(it);
            it.waits(5 * MINUTE);
        },
    },
    Scenario {
        row: "B-71",
        name: "after_a_rollback_that_failed_an_edit_starts_from_the_state",
        given: running,
        when: |it| {
            it.edits(entry_class("shop.Throws"));
            it.reaches(PhaseName::RollingBackJob);
            silence(it);
            it.reaches(PhaseName::DeployFailed);
            answers_again(it);
            it.edits(entry_class("shop.Mended"));
        },
    },
    Scenario {
        row: "B-71",
        name: "after_a_rollback_that_failed_a_revert_starts_from_the_state",
        given: running,
        when: |it| {
            it.edits(entry_class("shop.Throws"));
            it.reaches(PhaseName::RollingBackJob);
            silence(it);
            it.reaches(PhaseName::DeployFailed);
            answers_again(it);
            it.edits(entry_class("shop.Orders"));
        },
    },
    Scenario {
        row: "6 RollingBackJob",
        name: "a_rollback_whose_savepoint_somebody_deleted_fails",
        given: keeping,
        when: the_savepoint_vanishes,
    },
    Scenario {
        row: "6 RollingBackJob",
        name: "after_a_savepoint_was_deleted_savepoint_disabled_is_the_way_out",
        given: keeping,
        when: |it| {
            the_savepoint_vanishes(it);
            it.reaches(PhaseName::DeployFailed);
            it.edits(json!({ "spec": { "entryClass": "shop.Mended", "savepointDisabled": true } }));
        },
    },
    Scenario {
        row: "6 RollingBackJob",
        name: "an_old_job_whose_tasks_start_slowly_counts_as_back",
        given: running,
        when: |it| {
            it.edits(entry_class("shop.Throws"));
            it.reaches(PhaseName::RollingBackJob);
            it.suffers("tasks on the old cluster take 4 min to start", |life| {
                let revision = life.deployed().unwrap().revision.id;
                life.flinks.of(&revision).unwrap().0.settings.delays.deploy = 240_000;
            });
        },
    },
    Scenario {
        row: "6 RollingBackJob",
        name: "an_update_without_savepoint_that_fails_goes_back_to_the_newest_checkpoint",
        given: running,
        when: |it| it.edits(json!({ "spec": { "entryClass": "shop.Throws", "savepointDisabled": true } })),
    },
    Scenario {
        row: "B-49",
        name: "a_job_scaled_in_place_that_fails_goes_back_on_the_same_cluster",
        given: running,
        when: |it| {
            it.edits(in_place(4));
            it.fires(Rule::JobAccepted);
            fails_for_good(it);
        },
    },
    Scenario {
        row: "B-49",
        name: "a_job_scaled_in_place_that_does_not_end_blocks_the_rollback",
        given: running,
        when: scaled_and_stuck,
    },
    Scenario {
        row: "B-49",
        name: "after_a_blocked_rollback_in_place_an_edit_starts_from_the_state",
        given: running,
        when: |it| {
            scaled_and_stuck(it);
            it.reaches(PhaseName::DeployFailed);
            it.suffers("the job is gone at last", |life| life.end_job(Ending::Canceled));
            it.waits(MINUTE);
            it.edits(arguments("--topic latest"));
        },
    },
    Scenario {
        row: "6 RollingBackJob",
        name: "a_rollback_is_not_disturbed_by_an_operator_that_dies",
        given: running,
        when: |it| {
            it.edits(entry_class("shop.Throws"));
            it.reaches(PhaseName::RollingBackJob);
            it.fires(Rule::SubmissionRequested);
            it.suffers("the operator dies and comes back in 10 min", |life| life.crash(10 * MINUTE));
        },
    },
];
