//! Stories from the life of an application, on the model cluster. Each asserts what it tells and hands its [`Life`]
//! over, from which the snapshots under `fixtures/snapshots` are recorded.

pub mod accidents;
pub mod blue_green;
pub mod deleting;
pub mod deploying;
pub mod recovering;
pub mod refusals;
pub mod rolling_back;
pub mod scaling;
pub mod taking_over;
pub mod upgrading;

use flink_operator_core::memory::Failure;
use flink_operator_core::phase::{Phase, PhaseName};
use flink_operator_fixtures::door::Life;
use flink_operator_fixtures::model::flink;
pub use flink_operator_fixtures::scenarios::basics::*;

/// All stories, to make tests and recordings of.
macro_rules! stories {
    ($($module:ident { $($story:ident),+ $(,)? })+) => {
        /// Every story by name.
        #[allow(dead_code, reason = "one of the tests that share this file tells them one by one")]
        pub const ALL: &[(&str, fn() -> Life)] = &[$($((stringify!($story), $module::$story)),+),+];

        /// One test a story.
        #[allow(unused_macros, reason = "one of the tests that share this file records them all at once")]
        macro_rules! tests_of_all_stories {
            () => {
                $(mod $module {
                    $(#[test]
                    fn $story() {
                        crate::stories::told(crate::stories::$module::$story());
                    })+
                })+
            };
        }
        #[allow(unused_imports, reason = "as above")]
        pub(crate) use tests_of_all_stories;
    };
}

stories! {
    deploying {
        a_first_deploy_reaches_running,
        a_cluster_that_does_not_start_fails_the_deploy,
        an_edit_during_the_first_deploy_is_heard,
        taskmanagers_wait_five_seconds_for_the_address_of_their_jobmanager,
        a_pod_of_an_abandoned_deploy_is_awaited_before_the_job_is_submitted,
        a_foreign_service_of_that_name_fails_the_deploy,
        an_object_that_disappears_while_the_cluster_starts_is_created_again,
        lost_requests_are_made_again,
        a_submission_that_arrives_late_is_the_one_that_was_made_again,
        a_submission_that_never_arrives_is_given_up,
        a_job_that_flink_forgets_is_submitted_under_another_id,
        a_job_that_flink_forgets_every_time_is_given_up,
        a_jobmanager_that_does_not_answer_fails_the_deploy,
        a_job_without_slots_fails_the_deploy,
        a_job_that_fails_while_it_starts_fails_the_deploy,
        a_job_that_is_done_at_once_counts_as_deployed,
    }
    upgrading {
        an_upgrade_goes_through_a_savepoint,
        a_savepoint_that_fails_three_times_falls_back_to_the_checkpoint,
        a_savepoint_that_fails_once_is_tried_again,
        a_savepoint_that_hangs_fails_the_upgrade,
        a_savepoint_that_completes_too_late_starts_the_job_again,
        after_a_savepoint_that_completed_too_late_going_back_restarts_nothing,
        a_savepoint_is_found_in_the_history_when_the_operator_was_away,
        a_job_that_restarts_is_awaited_before_its_savepoint,
        a_job_that_restarts_for_a_moment_does_not_fail_the_upgrade,
        a_job_that_came_to_its_end_is_followed_by_a_fresh_one,
        a_job_that_was_cancelled_by_hand_is_followed_from_its_checkpoint,
        a_job_that_is_forgotten_in_mid_upgrade_is_followed_from_its_checkpoint,
        a_revert_before_the_savepoint_changes_nothing,
        an_edit_after_the_savepoint_starts_from_it,
        a_lost_stop_request_is_made_again,
        a_jobmanager_that_is_silent_during_the_savepoint_is_awaited,
        edits_that_do_not_shape_the_job_change_nothing,
    }
    refusals {
        a_bad_program_is_rolled_back_and_the_root_cause_is_told,
        a_job_that_cannot_restore_its_state_is_rolled_back,
        a_spec_that_is_refused_leaves_the_job_alone_and_can_be_mended,
        a_first_spec_that_is_refused_can_be_mended,
        going_back_to_what_is_deployed_ends_a_failed_deploy,
        a_status_that_makes_no_sense_is_left_alone,
        a_status_that_makes_no_sense_does_not_keep_a_deletion_without_care,
        what_the_original_deployed_is_taken_over,
    }
    rolling_back {
        a_forced_rollback_brings_the_old_job_back_with_its_state,
        a_forced_rollback_before_the_savepoint_touches_nothing,
        a_first_deploy_that_fails_has_nothing_to_roll_back_to,
        a_rollback_that_fails_says_that_no_job_runs_and_a_new_spec_gets_a_try,
        a_rollback_waits_for_the_failed_cluster_and_not_for_ever,
        a_new_spec_is_heard_before_the_rollback_has_begun,
        an_update_without_savepoint_cancels_the_job,
        a_job_that_cannot_be_cancelled_keeps_running,
        an_update_without_savepoint_that_fails_rolls_back_to_the_checkpoint,
    }
    recovering {
        a_job_that_its_jobmanager_forgot_is_started_again_from_its_checkpoint,
        a_job_without_state_that_was_forgotten_is_started_afresh,
        a_lost_job_is_recovered_behind_a_failed_deploy,
        a_lost_job_whose_checkpoint_is_gone_too_is_given_up_until_the_next_edit,
        a_lost_job_without_slots_is_watched_as_it_comes_up,
        a_lost_job_that_is_there_again_is_left_alone,
        a_checkpoint_that_is_too_old_is_not_restored,
        a_job_may_start_without_state_where_the_user_says_so,
    }
    scaling {
        more_parallelism_in_place_keeps_the_cluster,
        less_parallelism_in_place_removes_taskmanagers_while_no_job_runs,
        a_scale_up_without_room_leaves_the_job_alone,
        a_scaled_job_that_does_not_start_rolls_back_on_the_same_cluster,
        an_in_place_scaling_without_savepoint_cancels_the_job,
    }
    blue_green {
        two_versions_run_until_one_is_torn_down,
        the_new_version_can_be_torn_down_and_is_not_deployed_again,
        a_second_version_that_fails_leaves_the_first_alone,
        a_second_version_without_savepoint_starts_afresh,
        a_deletion_ends_both_versions,
        a_version_whose_job_cannot_be_cancelled_at_once_is_torn_down_later,
        a_mode_is_not_switched_on_a_live_application,
    }
    taking_over {
        an_update_that_the_original_began_begins_anew,
        a_first_deploy_that_the_original_began_begins_anew,
        a_savepoint_that_the_original_asked_for_is_awaited,
        a_savepoint_of_the_original_is_found_when_flink_has_forgotten_the_request,
        a_savepoint_of_the_original_that_fails_leaves_the_job_as_it_is,
        a_savepoint_of_the_original_that_hangs_is_not_awaited_for_ever,
        a_job_that_the_original_submitted_is_the_deployed_one,
        a_job_that_the_original_did_not_submit_is_started_from_its_savepoint,
        a_rollback_of_the_original_that_started_the_former_job_is_taken_over,
        a_rollback_of_the_original_that_had_started_nothing_goes_on,
        two_versions_of_the_original_are_both_taken_over,
        a_newer_version_that_the_original_had_just_submitted_is_taken_over_beside_the_older,
        a_deletion_ends_both_versions_of_the_original,
        a_cluster_that_the_original_was_scaling_in_place_stays_until_its_job_has_gone_on,
        a_job_that_the_originals_status_does_not_name_is_not_started_twice,
        nothing_is_submitted_while_a_jobmanager_of_the_original_does_not_answer,
        a_deletion_that_the_original_began_goes_on,
        a_deletion_that_the_original_heard_and_did_not_begin_takes_the_savepoint,
        an_application_whose_rollback_failed_starts_from_what_is_known,
    }
    accidents {
        an_ingress_follows_the_operators_configuration,
        figures_are_refreshed_once_a_minute,
        a_failing_job_is_told_of,
        deleted_objects_are_created_again,
        an_api_server_that_is_silent_changes_nothing,
        a_write_in_between_is_noticed,
        requests_that_arrive_twice_do_no_harm,
    }
    deleting {
        a_deletion_ends_with_a_savepoint,
        a_deletion_by_force_cancels_the_job,
        a_deletion_without_care_asks_nobody,
        a_deletion_while_a_savepoint_is_taken_keeps_it,
        a_deletion_whose_savepoints_fail_is_blocked_until_the_mode_changes,
        a_deletion_whose_savepoint_hangs_is_blocked_until_the_mode_changes,
        a_last_savepoint_that_completes_too_late_is_recorded,
        a_last_savepoint_is_found_in_the_history_when_the_operator_was_away,
        a_deletion_waits_for_a_jobmanager_that_does_not_answer,
        a_finalizer_of_others_is_waited_for,
    }
}

/// What every story ends with: no law was broken on the way.
#[allow(dead_code, reason = "recording does not need it")]
pub fn told(life: Life) {
    let violations = life.violations();
    assert!(violations.is_empty(), "{violations:#?}\n{:?}", life.rules());
}

/// An application whose program arguments were just edited.
pub fn edited() -> Life {
    let mut life = running();
    life.edit(arguments("--topic returns")).unwrap();
    life
}

/// A running application of which an upgrade has just reached `phase`.
pub fn upgrading(phase: PhaseName) -> Life {
    let mut life = edited();
    reach(&mut life, phase);
    life
}

pub fn failure(life: &Life) -> Failure {
    let memory = life.memory().unwrap();
    assert!(matches!(memory.phase, Phase::DeployFailed(_)), "it is in {}", memory.phase.name());
    memory.ledger.failed.unwrap()
}

/// The progress of the newest savepoint.
pub fn saved_progress(life: &Life) -> u64 {
    let savepoints = life.flinks.storage.iter().filter(|(_, saved)| saved.kind == flink::SavedKind::Savepoint);
    savepoints.max_by_key(|(_, saved)| saved.at).map(|(_, saved)| saved.progress).unwrap()
}

/// What the one active job started from.
pub fn restored_progress(life: &Life) -> Option<u64> {
    let jobs: Vec<_> = life.flinks.active_jobs().collect();
    assert_eq!(jobs.len(), 1, "{jobs:#?}");
    jobs[0].checkpoints.restored().map(|restored| restored.progress)
}
