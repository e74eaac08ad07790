//! BlueGreen: two versions, one colour each.

use flink_operator_core::memory::Deployed;
use flink_operator_core::phase::PhaseName;
use flink_operator_core::rule::Rule;
use flink_operator_fixtures::door::Life;
use flink_operator_fixtures::model::flink::{Ending, SavepointFault};
use serde_json::{Value, json};

use super::given::{green, green_and_blue, new_green, running};
use super::happenings::{
    ends, finds_no_image, finds_the_image, forgets, no_savepoint_succeeds, silence, slow_tasks, the_savepoint,
    without_savepoint,
};
use super::tale::{Scenario, Tale};
use crate::stories::{MINUTE, SECOND, arguments, entry_class, reach};

/// Its job keeps more than the newest checkpoint.
fn keeping_green() -> Life {
    let mut life = new_green();
    life.flinks.settings.checkpointing.retained = 20;
    reach(&mut life, PhaseName::Running);
    life.run_for(MINUTE);
    life
}

fn tears_down(it: &mut Tale, version: &Deployed) {
    it.edits(json!({ "spec": { "tearDownVersionHash": version.revision.id } }));
}

fn second(it: &Tale) -> Deployed {
    it.life.memory().unwrap().ledger.second.unwrap()
}

fn force() -> Value {
    json!({ "spec": { "forceRollback": true } })
}

pub const ALL: &[Scenario] = &[
    Scenario { row: "6 BG", name: "a_first_version_is_green", given: new_green, when: |_| {} },
    Scenario {
        row: "6 BG",
        name: "a_second_version_is_blue_and_starts_from_a_savepoint_of_the_first",
        given: green,
        when: |it| it.edits(arguments("--topic returns")),
    },
    Scenario {
        row: "6 BG",
        name: "a_second_version_with_savepoints_disabled_starts_afresh",
        given: green,
        when: |it| it.edits(without_savepoint()),
    },
    Scenario {
        row: "6 DualRunning",
        name: "the_older_version_is_torn_down_by_its_hash",
        given: green_and_blue,
        when: |it| {
            let version = it.deployed();
            tears_down(it, &version);
        },
    },
    Scenario {
        row: "6 DualRunning",
        name: "the_newer_version_is_torn_down_by_its_hash_and_stays_away",
        given: green_and_blue,
        when: |it| {
            let version = second(it);
            tears_down(it, &version);
            it.reaches(PhaseName::Running);
            it.waits(5 * MINUTE);
        },
    },
    Scenario {
        row: "6 DualRunning",
        name: "a_version_that_was_torn_down_is_deployed_again_after_an_edit",
        given: green_and_blue,
        when: |it| {
            let version = second(it);
            tears_down(it, &version);
            it.reaches(PhaseName::Running);
            it.edits(json!({ "spec": { "restartNonce": "again" } }));
        },
    },
    Scenario {
        row: "6 DualRunning",
        name: "a_third_version_is_green_again",
        given: green_and_blue,
        when: |it| {
            let version = it.deployed();
            tears_down(it, &version);
            it.reaches(PhaseName::Running);
            it.edits(arguments("--topic third"));
        },
    },
    Scenario {
        row: "6 DualRunning",
        name: "a_hash_that_is_not_known_tears_nothing_down",
        given: green_and_blue,
        when: |it| it.edits(json!({ "spec": { "tearDownVersionHash": "00000000" } })),
    },
    Scenario {
        row: "6 Running",
        name: "the_hash_of_the_only_version_tears_nothing_down",
        given: green,
        when: |it| {
            let version = it.deployed();
            tears_down(it, &version);
        },
    },
    Scenario {
        row: "6 DualRunning",
        name: "the_hash_of_the_version_that_stays_does_not_keep_the_next_from_starting",
        given: green,
        when: |it| {
            let version = it.deployed();
            tears_down(it, &version);
            it.edits(arguments("--topic returns"));
        },
    },
    Scenario {
        row: "6 DualRunning",
        name: "an_edit_waits_for_the_teardown",
        given: green_and_blue,
        when: |it| it.edits(arguments("--topic third")),
    },
    Scenario {
        row: "6 DualRunning",
        name: "an_edit_that_came_with_the_teardown_is_deployed_after_it",
        given: green_and_blue,
        when: |it| {
            let version = it.deployed().revision.id;
            it.edits(json!({ "spec": { "programArgs": "--topic third", "tearDownVersionHash": version } }));
        },
    },
    Scenario {
        row: "6 DualRunning",
        name: "force_rollback_is_not_heard_while_two_versions_run",
        given: green_and_blue,
        when: |it| it.edits(force()),
    },
    Scenario {
        row: "B-51",
        name: "a_version_whose_job_has_finished_is_torn_down",
        given: green_and_blue,
        when: |it| {
            it.suffers("the job of one version finishes", |life| life.end_job(Ending::Finished));
            let ended = it.life.flinks.jobs().find(|job| job.has_ended()).unwrap().id.to_string();
            let version = [it.deployed(), second(it)].into_iter().find(|version| version.job.as_str() == ended);
            tears_down(it, &version.unwrap());
        },
    },
    Scenario {
        row: "B-51",
        name: "a_version_whose_jobmanager_is_silent_is_not_torn_down_unasked",
        given: green_and_blue,
        when: |it| {
            silence(it);
            let version = it.deployed();
            tears_down(it, &version);
            it.fires(Rule::FlinkAwaited);
            it.waits(2 * MINUTE);
            it.suffers("somebody deletes its Deployment, as the condition says", |life| {
                let (id, colour) = (&version.revision.id, version.revision.colour.unwrap());
                life.delete_deployment(&format!("orders-{id}-{colour}-jm"));
            });
        },
    },
    Scenario {
        row: "R1",
        name: "a_cancellation_that_gets_lost_is_made_again_by_the_teardown",
        given: green_and_blue,
        when: |it| {
            it.loses(Rule::CancelRequested, 3);
            let version = it.deployed();
            tears_down(it, &version);
        },
    },
    Scenario {
        row: "P2",
        name: "a_second_cluster_that_does_not_start_leaves_the_first_version_alone",
        given: green,
        when: |it| {
            it.edits(arguments("--topic returns"));
            it.reaches(PhaseName::ClusterStarting);
            finds_no_image(it);
        },
    },
    Scenario {
        row: "B-70",
        name: "a_first_cluster_that_does_not_start_keeps_its_colour_at_the_next_try",
        given: new_green,
        when: |it| {
            it.reaches(PhaseName::ClusterStarting);
            finds_no_image(it);
            it.reaches(PhaseName::DeployFailed);
            finds_the_image(it);
            it.edits(json!({ "spec": { "restartNonce": "again" } }));
        },
    },
    Scenario {
        row: "6 RollingBackJob",
        name: "a_second_job_that_is_refused_leaves_the_first_alone",
        given: green,
        when: |it| it.edits(entry_class("shop.Throws")),
    },
    Scenario {
        row: "6 RollingBackJob",
        name: "second_tasks_that_do_not_start_leave_the_first_alone",
        given: green,
        when: |it| {
            slow_tasks(it);
            it.edits(arguments("--topic returns"));
        },
    },
    Scenario {
        row: "B-56",
        name: "after_a_second_version_that_failed_the_mended_one_runs_beside_the_first",
        given: green,
        when: |it| {
            it.edits(entry_class("shop.Throws"));
            it.reaches(PhaseName::DeployFailed);
            it.waits(MINUTE);
            it.edits(entry_class("shop.Mended"));
        },
    },
    Scenario {
        row: "B-14",
        name: "a_revert_of_a_failed_second_version_leads_back_to_running",
        given: green,
        when: |it| {
            it.edits(entry_class("shop.Throws"));
            it.reaches(PhaseName::DeployFailed);
            it.waits(MINUTE);
            it.edits(entry_class("shop.Orders"));
        },
    },
    Scenario {
        row: "6 give-up 1",
        name: "force_rollback_of_a_second_version_that_is_starting",
        given: green,
        when: |it| {
            it.edits(arguments("--topic returns"));
            it.fires(Rule::JobAccepted);
            it.edits(force());
        },
    },
    Scenario {
        row: "law 10",
        name: "an_edit_of_a_second_version_that_is_starting",
        given: green,
        when: |it| {
            it.edits(arguments("--topic returns"));
            it.fires(Rule::JobAccepted);
            it.edits(arguments("--topic latest"));
        },
    },
    Scenario {
        row: "B-55",
        name: "savepoints_of_the_first_version_that_fail_are_stood_in_for_by_its_checkpoint",
        given: green,
        when: |it| {
            no_savepoint_succeeds(it);
            it.edits(arguments("--topic returns"));
        },
    },
    Scenario {
        row: "B-55",
        name: "without_a_usable_checkpoint_the_first_version_runs_on_alone",
        given: green,
        when: |it| {
            no_savepoint_succeeds(it);
            it.edits(json!({ "spec": { "programArgs": "--topic returns", "maxCheckpointRestoreAgeSeconds": 1 } }));
        },
    },
    Scenario {
        row: "R7",
        name: "a_savepoint_of_the_first_version_that_never_ends_fails_the_second",
        given: green,
        when: |it| {
            it.life.policy.savepoint_timeout_ms = 120_000;
            the_savepoint(it, "never ends", SavepointFault::Hangs);
            it.edits(arguments("--topic returns"));
        },
    },
    Scenario {
        row: "6 BG",
        name: "a_first_version_whose_job_has_finished_is_followed_by_a_second_one",
        given: green,
        when: |it| {
            ends(it, Ending::Finished);
            it.waits(10 * SECOND);
            it.edits(arguments("--topic returns"));
        },
    },
    Scenario {
        row: "B-25",
        name: "a_first_version_whose_job_was_forgotten_is_started_again",
        given: keeping_green,
        when: forgets,
    },
    Scenario {
        row: "B-25",
        name: "a_job_that_is_forgotten_while_two_versions_run_is_told_of",
        given: green_and_blue,
        when: forgets,
    },
    Scenario {
        row: "A4",
        name: "in_place_means_nothing_to_two_versions_and_is_denied",
        given: green,
        when: |it| it.is_denied(json!({ "spec": { "parallelism": 4, "scaleMode": "InPlace" } })),
    },
    Scenario {
        row: "section 5",
        name: "an_older_object_in_another_mode_than_it_lives_in_is_refused",
        given: running,
        when: |it| {
            it.suffers("the status says that the job is green", |life| {
                let mut deployed = serde_json::to_value(life.deployed().unwrap()).unwrap();
                deployed["revision"]["colour"] = "green".into();
                life.write_status(json!({ "deployed": deployed })).unwrap();
            });
            it.fires(Rule::SpecRefused);
            it.suffers("the status says that it is not", |life| {
                let mut deployed = serde_json::to_value(life.deployed().unwrap()).unwrap();
                deployed["revision"]["colour"] = Value::Null;
                life.write_status(json!({ "deployed": deployed })).unwrap();
            });
        },
    },
];
