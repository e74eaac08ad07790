//! Jobs that do not start.

use flink_operator_core::phase::PhaseName;
use flink_operator_core::rule::Rule;
use flink_operator_fixtures::door::Fault;
use flink_operator_fixtures::model::flink::Ending;
use serde_json::json;

use super::given::{new, running};
use super::happenings::{ends, forgets_of, silence_of, slow_tasks};
use super::tale::Scenario;
use crate::stories::{SECOND, arguments, entry_class};

pub const ALL: &[Scenario] = &[
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
            let revision = it.life.revision_in_charge().unwrap();
            silence_of(it, revision);
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
    Scenario { row: "B-11", name: "first_tasks_that_do_not_start_in_time", given: new, when: slow_tasks },
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
            ends(it, Ending::Failed);
        },
    },
    Scenario {
        row: "B-25",
        name: "a_job_that_flink_forgets_before_its_tasks_run_is_submitted_under_another_id",
        given: running,
        when: |it| {
            it.edits(arguments("--topic returns"));
            it.fires(Rule::JobAccepted);
            let revision = it.life.revision_in_charge().unwrap();
            forgets_of(it, &revision);
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
                let revision = it.life.revision_in_charge().unwrap();
                forgets_of(it, &revision);
            }
        },
    },
];
