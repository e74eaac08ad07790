//! Another spec, in every phase in which it can come.

use flink_operator_core::phase::PhaseName;
use flink_operator_core::rule::Rule;
use flink_operator_fixtures::model::flink::SavepointFault;
use serde_json::json;

use super::given::{in_place, new, running, slow_pods};
use super::happenings::{fails_to_update, no_savepoint_succeeds, the_savepoint, without_savepoint};
use super::tale::{Scenario, Tale};
use crate::stories::{MINUTE, arguments, entry_class};

/// An update that has just reached `phase`.
pub(super) fn updates_to(it: &mut Tale, phase: PhaseName) {
    it.edits(arguments("--topic returns"));
    it.reaches(phase);
}

/// A job that takes its time to end when it is cancelled, and an update that cancels it.
pub(super) fn cancels(it: &mut Tale) {
    it.suffers("jobs take 10 s to be cancelled", |life| {
        let revision = life.deployed().unwrap().revision.id;
        life.flinks.of(&revision).unwrap().0.settings.delays.cancel = 10_000;
    });
    it.edits(without_savepoint());
    it.fires(Rule::CancelRequested);
}

pub const ALL: &[Scenario] = &[
    Scenario {
        row: "B-12",
        name: "an_edit_of_the_first_deploy",
        given: new,
        when: |it| {
            it.reaches(PhaseName::ClusterStarting);
            it.edits(arguments("--topic latest"));
        },
    },
    Scenario {
        row: "B-12",
        name: "an_edit_of_a_first_deploy_whose_job_was_accepted",
        given: new,
        when: |it| {
            it.fires(Rule::JobAccepted);
            it.edits(arguments("--topic latest"));
        },
    },
    Scenario {
        row: "law 10",
        name: "an_edit_in_cluster_starting",
        given: running,
        when: |it| {
            updates_to(it, PhaseName::ClusterStarting);
            it.edits(arguments("--topic latest"));
        },
    },
    Scenario {
        row: "law 10",
        name: "an_edit_before_the_savepoint_was_asked_for",
        given: running,
        when: |it| {
            updates_to(it, PhaseName::Savepointing);
            it.edits(arguments("--topic latest"));
        },
    },
    Scenario {
        row: "law 10",
        name: "an_edit_while_the_savepoint_is_taken_waits_for_it",
        given: running,
        when: |it| {
            the_savepoint(it, "takes 20 s", SavepointFault::Takes(20_000));
            it.edits(arguments("--topic returns"));
            it.fires(Rule::SavepointRequested);
            it.edits(arguments("--topic latest"));
        },
    },
    Scenario {
        row: "law 10",
        name: "an_edit_while_the_job_is_cancelled",
        given: running,
        when: |it| {
            cancels(it);
            it.edits(arguments("--topic latest"));
        },
    },
    Scenario {
        row: "law 10",
        name: "an_edit_while_a_job_is_cancelled_for_its_checkpoint",
        given: running,
        when: |it| {
            no_savepoint_succeeds(it);
            it.edits(arguments("--topic returns"));
            it.fires(Rule::CancelRequested);
            it.edits(arguments("--topic latest"));
        },
    },
    Scenario {
        row: "law 10",
        name: "an_edit_before_the_job_is_submitted",
        given: running,
        when: |it| {
            updates_to(it, PhaseName::SubmittingJob);
            it.edits(arguments("--topic latest"));
        },
    },
    Scenario {
        row: "law 10",
        name: "an_edit_after_the_job_was_accepted",
        given: running,
        when: |it| {
            it.edits(arguments("--topic returns"));
            it.fires(Rule::JobAccepted);
            it.edits(arguments("--topic latest"));
        },
    },
    Scenario {
        row: "law 10",
        name: "an_edit_before_the_rollback_has_begun",
        given: slow_pods,
        when: |it| {
            it.edits(entry_class("shop.Throws"));
            it.reaches(PhaseName::RollingBackJob);
            it.edits(entry_class("shop.Mended"));
        },
    },
    Scenario {
        row: "law 10",
        name: "an_edit_after_the_old_job_was_submitted_again_waits_for_it",
        given: running,
        when: |it| {
            it.edits(entry_class("shop.Throws"));
            it.reaches(PhaseName::RollingBackJob);
            it.fires(Rule::JobAccepted);
            it.edits(entry_class("shop.Mended"));
        },
    },
    Scenario {
        row: "law 10",
        name: "an_edit_of_more_than_the_parallelism_while_a_cluster_is_scaled",
        given: running,
        when: |it| {
            it.edits(in_place(4));
            it.fires(Rule::TaskManagersScaled);
            it.edits(arguments("--topic latest"));
        },
    },
    Scenario {
        row: "law 10",
        name: "an_edit_after_the_scaled_job_was_accepted_waits_for_it",
        given: running,
        when: |it| {
            it.edits(in_place(4));
            it.fires(Rule::JobAccepted);
            it.edits(in_place(6));
        },
    },
    Scenario {
        row: "B-13",
        name: "what_failed_once_is_deployed_when_it_is_asked_for_again_later",
        given: running,
        when: |it| {
            fails_to_update(it);
            it.edits(arguments("--topic latest"));
            it.reaches(PhaseName::Running);
            it.waits(MINUTE);
            it.edits(arguments("--topic returns"));
        },
    },
    Scenario {
        row: "H7",
        name: "another_savepoint_path_tries_a_failed_first_deploy_again",
        given: new,
        when: |it| {
            it.edits(json!({ "spec": { "savepointPath": "file:/savepoints/savepoint-abcdef-0000000000ff" } }));
            it.reaches(PhaseName::DeployFailed);
            it.edits(json!({ "spec": { "savepointPath": null } }));
        },
    },
];
