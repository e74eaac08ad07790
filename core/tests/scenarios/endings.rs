//! The end of an application, from each phase.

use flink_operator_core::phase::PhaseName;
use flink_operator_core::rule::Rule;
use flink_operator_fixtures::model::flink::SavepointFault;
use serde_json::json;

use super::given::{green, green_and_blue, in_place, new, running};
use super::happenings::{
    deletes_by, no_savepoint_succeeds, refused, rolls_back_in_vain, the_savepoint, without_savepoint,
};
use super::tale::{Scenario, Tale};
use crate::stories::{MINUTE, arguments, delete_mode, entry_class};

pub const ALL: &[Scenario] = &[
    // In each phase
    Scenario {
        row: "A7",
        name: "in_cluster_starting_of_a_first_deploy_nothing_holds_it",
        given: new,
        when: |it| {
            it.reaches(PhaseName::ClusterStarting);
            it.deletes();
        },
    },
    Scenario {
        row: "6 Deleting",
        name: "in_submitting_job_of_a_first_deploy_with_a_job",
        given: new,
        when: |it| {
            it.fires(Rule::JobAccepted);
            it.deletes();
        },
    },
    Scenario {
        row: "6 Deleting",
        name: "in_submitting_job_of_a_first_deploy_before_the_job",
        given: new,
        when: |it| {
            it.fires(Rule::FinalizerRequested);
            it.deletes();
        },
    },
    Scenario {
        row: "6 Deleting",
        name: "in_cluster_starting_of_an_update",
        given: running,
        when: |it| {
            it.edits(arguments("--topic returns"));
            it.reaches(PhaseName::ClusterStarting);
            it.deletes();
        },
    },
    Scenario {
        row: "6 Deleting",
        name: "in_rescaling",
        given: running,
        when: |it| {
            it.edits(in_place(4));
            it.fires(Rule::TaskManagersScaled);
            it.deletes();
        },
    },
    Scenario {
        row: "6 Deleting",
        name: "while_a_savepoint_is_taken_that_one_is_the_last",
        given: running,
        when: |it| {
            the_savepoint(it, "takes 20 s", SavepointFault::Takes(20_000));
            it.edits(arguments("--topic returns"));
            it.fires(Rule::SavepointRequested);
            it.deletes();
        },
    },
    Scenario {
        row: "6 Deleting",
        name: "while_the_job_is_cancelled",
        given: running,
        when: |it| {
            it.edits(without_savepoint());
            it.fires(Rule::CancelRequested);
            it.deletes();
        },
    },
    Scenario {
        row: "6 Deleting",
        name: "in_recovering",
        given: running,
        when: |it| {
            no_savepoint_succeeds(it);
            it.edits(arguments("--topic returns"));
            it.reaches(PhaseName::Recovering);
            it.deletes();
        },
    },
    Scenario {
        row: "6 Deleting",
        name: "after_the_savepoint_of_an_update_there_is_nothing_left_to_stop",
        given: running,
        when: |it| {
            it.edits(arguments("--topic returns"));
            it.reaches(PhaseName::SubmittingJob);
            it.deletes();
        },
    },
    Scenario {
        row: "B-24",
        name: "in_submitting_job_the_new_job_is_stopped_on_its_own_cluster",
        given: running,
        when: |it| {
            it.edits(arguments("--topic returns"));
            it.fires(Rule::JobAccepted);
            it.deletes();
        },
    },
    Scenario {
        row: "6 Deleting",
        name: "in_a_rollback_before_the_old_job_is_back",
        given: running,
        when: |it| {
            it.edits(entry_class("shop.Throws"));
            it.reaches(PhaseName::RollingBackJob);
            it.deletes();
        },
    },
    Scenario {
        row: "6 Deleting",
        name: "in_a_rollback_the_old_job_that_is_back_is_stopped",
        given: running,
        when: |it| {
            it.edits(entry_class("shop.Throws"));
            it.reaches(PhaseName::RollingBackJob);
            it.fires(Rule::JobAccepted);
            it.deletes();
        },
    },
    Scenario {
        row: "P3",
        name: "in_deploy_failed_the_job_before_the_deploy_is_stopped",
        given: running,
        when: |it| {
            it.edits(entry_class("shop.Throws"));
            it.reaches(PhaseName::DeployFailed);
            it.waits(MINUTE);
            it.deletes();
        },
    },
    Scenario {
        row: "B-71",
        name: "in_deploy_failed_without_a_job",
        given: running,
        when: |it| {
            rolls_back_in_vain(it);
            it.deletes();
        },
    },
    Scenario {
        row: "6 Deleting",
        name: "in_deploy_failed_of_a_first_deploy",
        given: new,
        when: |it| {
            it.edits(entry_class("shop.Throws"));
            it.reaches(PhaseName::DeployFailed);
            it.deletes();
        },
    },
    // Two versions
    Scenario {
        row: "B-53",
        name: "two_versions_are_stopped_one_after_the_other",
        given: green_and_blue,
        when: Tale::deletes,
    },
    Scenario {
        row: "B-52",
        name: "two_versions_are_cancelled_one_after_the_other",
        given: green_and_blue,
        when: |it| deletes_by(it, "ForceCancel"),
    },
    Scenario {
        row: "6 Deleting",
        name: "two_versions_without_care",
        given: green_and_blue,
        when: |it| deletes_by(it, "None"),
    },
    Scenario {
        row: "B-53",
        name: "one_of_two_versions_whose_savepoints_fail_blocks_it_until_the_mode_changes",
        given: green_and_blue,
        when: |it| {
            no_savepoint_succeeds(it);
            it.deletes();
            it.fires(Rule::DeletionBlocked);
            it.edits(delete_mode("ForceCancel"));
        },
    },
    Scenario {
        row: "B-53",
        name: "while_a_second_version_is_starting_both_are_stopped",
        given: green,
        when: |it| {
            it.edits(arguments("--topic returns"));
            it.fires(Rule::JobAccepted);
            it.deletes();
        },
    },
    Scenario {
        row: "6 Deleting",
        name: "while_a_version_is_torn_down",
        given: green_and_blue,
        when: |it| {
            let version = it.deployed().revision.id;
            it.edits(json!({ "spec": { "tearDownVersionHash": version } }));
            it.fires(Rule::CancelRequested);
            it.deletes();
        },
    },
    // What stands in the way
    Scenario {
        row: "section 5",
        name: "a_spec_that_is_refused_does_not_keep_it",
        given: running,
        when: |it| {
            it.edits(refused());
            it.deletes();
        },
    },
    Scenario {
        row: "6",
        name: "a_status_that_cannot_be_read_keeps_it_until_nobody_cares",
        given: running,
        when: |it| {
            it.suffers("the status says Dancing", |life| life.write_status(json!({ "phase": "Dancing" })).unwrap());
            it.deletes();
            it.waits(MINUTE);
            it.edits(delete_mode("None"));
        },
    },
    Scenario {
        row: "6 Deleting",
        name: "a_finalizer_of_others_is_awaited",
        given: running,
        when: |it| {
            it.edits(json!({ "metadata": { "finalizers": ["job.finalizers.flink.k8s.io", "example.com/audit"] } }));
            it.deletes();
        },
    },
];
