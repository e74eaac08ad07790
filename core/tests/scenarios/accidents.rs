//! Jobs that end by themselves, and what others break.

use flink_operator_core::phase::PhaseName;
use flink_operator_core::rule::Rule;
use flink_operator_fixtures::door::{Fault, Life, Moment};
use flink_operator_fixtures::model::flink::{CheckpointOutcome, Ending, Submission};
use serde_json::json;

use super::given::{highly_available, keeping, new, running, stateless};
use super::happenings::{answers_again, ends, fails_to_update, forgets, silence, the_operator_dies, without_savepoint};
use super::tale::{Scenario, Tale};
use crate::stories::{MINUTE, SECOND, arguments};

/// The deployed job's JobManager restarts, and brings the job back after `ms` milliseconds.
fn brings_back(it: &mut Tale, ms: i64) {
    let job = it.life.flinks.active_jobs().next().unwrap().clone();
    let state = job.checkpoints.latest().cloned();
    forgets(it);
    it.waits(ms);
    let revision = it.deployed().revision.id;
    it.suffers("it brings its job back from the newest checkpoint", |life| {
        let path = state.and_then(|state| match state.outcome {
            CheckpointOutcome::Completed { path, .. } => Some(path),
            CheckpointOutcome::InProgress | CheckpointOutcome::Failed { .. } => None,
        });
        let now = u64::try_from(life.now()).unwrap();
        let (cluster, storage) = life.flinks.of(&revision).unwrap();
        let submission = Submission {
            job_id: Some(job.id),
            jar: job.jar,
            entry_class: job.entry_class,
            args: job.args,
            parallelism: Some(job.parallelism),
            savepoint_path: path,
            allow_non_restored_state: false,
        };
        cluster.submit(storage, now, submission).unwrap();
    });
}

fn deletes(it: &mut Tale, suffix: &str) {
    let revision = it.deployed().revision.id;
    it.suffers(&format!("somebody deletes Deployment {revision}-{suffix}"), |life| {
        life.delete_deployment(&format!("orders-{revision}-{suffix}"));
    });
}

pub const ALL: &[Scenario] = &[
    // A job that ends
    Scenario {
        row: "B-23",
        name: "a_job_that_finishes_stays_so",
        given: running,
        when: |it| ends(it, Ending::Finished),
    },
    Scenario {
        row: "B-25",
        name: "a_job_that_fails_for_good_stays_so",
        given: running,
        when: |it| ends(it, Ending::Failed),
    },
    Scenario {
        row: "B-25",
        name: "a_job_that_is_cancelled_by_hand_stays_so",
        given: running,
        when: |it| ends(it, Ending::Canceled),
    },
    Scenario {
        row: "B-25",
        name: "a_job_that_is_suspended_stays_so",
        given: running,
        when: |it| ends(it, Ending::Suspended),
    },
    Scenario {
        row: "B-23",
        name: "an_update_of_a_job_that_has_finished_starts_afresh",
        given: running,
        when: |it| {
            ends(it, Ending::Finished);
            it.waits(MINUTE);
            it.edits(arguments("--topic returns"));
        },
    },
    Scenario {
        row: "B-21",
        name: "an_update_of_a_job_that_has_failed_starts_from_its_checkpoint",
        given: running,
        when: |it| {
            ends(it, Ending::Failed);
            it.waits(MINUTE);
            it.edits(arguments("--topic returns"));
        },
    },
    Scenario {
        row: "B-21",
        name: "an_update_of_a_job_that_was_cancelled_by_hand_starts_from_its_checkpoint",
        given: running,
        when: |it| {
            ends(it, Ending::Canceled);
            it.waits(MINUTE);
            it.edits(arguments("--topic returns"));
        },
    },
    Scenario {
        row: "B-21",
        name: "an_update_of_a_job_that_was_suspended_starts_from_its_checkpoint",
        given: running,
        when: |it| {
            ends(it, Ending::Suspended);
            it.waits(MINUTE);
            it.edits(arguments("--topic returns"));
        },
    },
    Scenario {
        row: "B-21",
        name: "an_update_with_savepoints_disabled_of_a_job_that_has_failed_starts_afresh",
        given: running,
        when: |it| {
            ends(it, Ending::Failed);
            it.waits(MINUTE);
            it.edits(without_savepoint());
        },
    },
    Scenario {
        row: "B-23",
        name: "a_job_that_is_done_at_once_counts_as_deployed",
        given: new,
        when: |it| {
            it.fires(Rule::SubmissionRequested);
            ends(it, Ending::Finished);
        },
    },
    Scenario {
        row: "B-25",
        name: "a_job_that_fails_for_good_while_no_operator_is_there_is_told_of",
        given: new,
        when: |it| {
            it.fires(Rule::JobStarted);
            the_operator_dies(it);
            ends(it, Ending::Failed);
        },
    },
    Scenario {
        row: "P3",
        name: "a_job_that_finishes_behind_a_failed_deploy_stays_so",
        given: running,
        when: |it| {
            fails_to_update(it);
            ends(it, Ending::Finished);
        },
    },
    Scenario {
        row: "section 4",
        name: "a_task_that_fails_is_flinks_own_affair",
        given: running,
        when: |it| {
            it.suffers("a task fails", Life::fail_job);
        },
    },
    // A job that is lost
    Scenario {
        row: "B-25",
        name: "a_job_that_is_lost_is_started_again_from_the_checkpoint_in_the_status",
        given: keeping,
        when: forgets,
    },
    Scenario {
        row: "B-25",
        name: "a_job_that_kept_one_checkpoint_only_is_not_found_again_by_the_status",
        given: running,
        when: |it| {
            it.waits(MINUTE);
            forgets(it);
        },
    },
    Scenario {
        row: "B-25",
        name: "after_a_recovery_that_failed_savepoint_disabled_is_the_way_out",
        given: running,
        when: |it| {
            it.waits(MINUTE);
            forgets(it);
            it.reaches(PhaseName::DeployFailed);
            it.edits(json!({ "spec": { "savepointDisabled": true, "restartNonce": "again" } }));
        },
    },
    Scenario {
        row: "B-25",
        name: "a_lost_job_that_takes_no_checkpoints_starts_afresh",
        given: stateless,
        when: forgets,
    },
    Scenario {
        row: "B-25",
        name: "a_lost_job_whose_checkpoint_is_too_old_is_not_started",
        given: keeping,
        when: |it| {
            it.edits(json!({ "spec": { "maxCheckpointRestoreAgeSeconds": 10 } }));
            forgets(it);
        },
    },
    Scenario {
        row: "B-25",
        name: "a_lost_job_whose_checkpoint_is_too_old_starts_afresh_if_the_spec_says_so",
        given: keeping,
        when: |it| {
            it.edits(json!({ "spec": { "maxCheckpointRestoreAgeSeconds": 10, "fallbackWithoutState": true } }));
            forgets(it);
        },
    },
    Scenario {
        row: "B-25",
        name: "a_job_that_is_lost_behind_a_failed_deploy_is_started_again",
        given: keeping,
        when: |it| {
            fails_to_update(it);
            forgets(it);
        },
    },
    Scenario {
        row: "B-25",
        name: "a_job_that_is_lost_twice_is_started_twice",
        given: keeping,
        when: |it| {
            forgets(it);
            it.fires(Rule::JobStarted);
            it.waits(3 * MINUTE);
            forgets(it);
        },
    },
    Scenario {
        row: "B-25",
        name: "with_high_availability_a_job_that_is_lost_comes_back_by_itself",
        given: highly_available,
        when: |it| brings_back(it, 10 * SECOND),
    },
    Scenario {
        row: "B-25",
        name: "with_high_availability_a_job_that_does_not_come_back_is_started_again",
        given: highly_available,
        when: forgets,
    },
    Scenario {
        row: "B-25",
        name: "an_update_while_a_job_comes_back_by_itself",
        given: highly_available,
        when: |it| {
            it.edits(arguments("--topic returns"));
            it.reaches(PhaseName::ClusterStarting);
            brings_back(it, SECOND);
        },
    },
    Scenario {
        row: "B-36",
        name: "a_jobmanager_that_somebody_deletes_is_made_again_and_its_job_started",
        given: keeping,
        when: |it| deletes(it, "jm"),
    },
    Scenario {
        row: "B-36",
        name: "taskmanagers_that_somebody_deletes_are_made_again",
        given: running,
        when: |it| deletes(it, "tm"),
    },
    Scenario {
        row: "B-36",
        name: "services_that_somebody_deletes_are_made_again",
        given: running,
        when: |it| {
            let revision = it.deployed().revision.id;
            it.suffers("somebody deletes both Services", |life| {
                life.delete_service("orders");
                life.delete_service(&format!("orders-{revision}"));
            });
        },
    },
    // Silence
    Scenario {
        row: "B-34",
        name: "a_running_jobmanager_that_is_silent_for_ten_minutes_is_left_alone",
        given: running,
        when: |it| {
            silence(it);
            it.waits(10 * MINUTE);
            answers_again(it);
        },
    },
    Scenario {
        row: "law 6",
        name: "an_api_server_that_is_silent_changes_nothing",
        given: running,
        when: |it| {
            it.suffers("the API server does not answer", |life| {
                life.kubernetes_silent = true;
                life.touch();
            });
            it.waits(MINUTE);
            it.suffers("it answers again", |life| {
                life.kubernetes_silent = false;
                life.touch();
            });
        },
    },
    Scenario {
        row: "B-07",
        name: "an_operator_that_was_away_for_ten_minutes_goes_on_where_it_was",
        given: running,
        when: |it| {
            it.edits(arguments("--topic returns"));
            it.reaches(PhaseName::ClusterStarting);
            the_operator_dies(it);
        },
    },
    Scenario {
        row: "law 9",
        name: "requests_that_arrive_twice_do_no_harm",
        given: running,
        when: |it| {
            it.suffers("every request arrives twice", |life| {
                life.faults = (0..300).map(|deed| (life.deeds() + deed, Fault::Twice)).collect();
            });
            it.edits(arguments("--topic returns"));
        },
    },
    Scenario {
        row: "law 9",
        name: "answers_that_get_lost_do_no_harm",
        given: running,
        when: |it| {
            it.suffers("every fourth answer gets lost", |life| {
                let lost = (0..75).map(|deed| (life.deeds() + 4 * deed, Fault::Lost(Moment::After)));
                life.faults = lost.collect();
            });
            it.edits(arguments("--topic returns"));
        },
    },
    // What is written in the status
    Scenario {
        row: "6",
        name: "a_phase_that_nobody_knows_is_left_alone",
        given: running,
        when: |it| {
            it.suffers("the status says Dancing", |life| life.write_status(json!({ "phase": "Dancing" })).unwrap());
        },
    },
];
