//! The way back from a deploy that failed to the job before it.

use flink_operator_core::phase::PhaseName;
use flink_operator_core::rule::Rule;
use flink_operator_fixtures::model::flink::Ending;
use serde_json::json;

use super::given::{in_place, keeping, running, slow_pods};
use super::happenings::{ends, rolls_back_in_vain, slow_tasks, the_operator_dies};
use super::tale::{Scenario, Tale};
use crate::stories::{MINUTE, arguments, entry_class};

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
    it.suffers("neither may take longer than 30 s", |life| {
        life.policy.job_start_timeout_ms = 30_000;
        life.policy.cluster_start_timeout_ms = 30_000;
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

pub const ALL: &[Scenario] = &[
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
            rolls_back_in_vain(it);
            it.waits(5 * MINUTE);
        },
    },
    Scenario {
        row: "B-71",
        name: "after_a_rollback_that_failed_an_edit_starts_from_the_state",
        given: running,
        when: |it| {
            rolls_back_in_vain(it);
            it.edits(entry_class("shop.Mended"));
        },
    },
    Scenario {
        row: "B-71",
        name: "after_a_rollback_that_failed_a_revert_starts_from_the_state",
        given: running,
        when: |it| {
            rolls_back_in_vain(it);
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
            it.reaches(PhaseName::DeployFailed);
            it.waits(2 * MINUTE);
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
            ends(it, Ending::Failed);
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
            ends(it, Ending::Canceled);
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
            the_operator_dies(it);
        },
    },
];
