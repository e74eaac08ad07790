//! Second thoughts: reverts, forceRollback and the other switches, and specs that cannot be served.

use flink_operator_core::phase::PhaseName;
use flink_operator_core::rule::Rule;
use flink_operator_fixtures::model::flink::SavepointFault;
use serde_json::{Value, json};

use super::edits::{cancels, updates_to};
use super::given::{in_place, new, running, stateless, two_taskmanagers};
use super::happenings::{fails_to_update, no_savepoint_succeeds, refused, the_savepoint};
use super::tale::Scenario;
use crate::stories::{MINUTE, arguments, entry_class};

fn force(on: bool) -> Value {
    json!({ "spec": { "forceRollback": on } })
}

fn mended() -> Value {
    json!({ "spec": { "jobManagerConfig": { "resources": { "requests": { "memory": "1Gi" } } } } })
}

pub const ALL: &[Scenario] = &[
    // Back to what is deployed
    Scenario {
        row: "B-14",
        name: "a_revert_before_the_savepoint_leaves_the_job_alone",
        given: running,
        when: |it| {
            updates_to(it, PhaseName::ClusterStarting);
            it.edits(arguments("--topic orders"));
        },
    },
    Scenario {
        row: "B-14",
        name: "a_revert_while_the_savepoint_is_taken_is_a_deploy_from_it",
        given: running,
        when: |it| {
            the_savepoint(it, "takes 20 s", SavepointFault::Takes(20_000));
            it.edits(arguments("--topic returns"));
            it.fires(Rule::SavepointRequested);
            it.edits(arguments("--topic orders"));
        },
    },
    Scenario {
        row: "B-14",
        name: "a_revert_after_the_savepoint_is_a_deploy_from_it",
        given: running,
        when: |it| {
            updates_to(it, PhaseName::SubmittingJob);
            it.edits(arguments("--topic orders"));
        },
    },
    Scenario {
        row: "B-14",
        name: "a_revert_of_a_failed_cluster_leads_back_to_running",
        given: running,
        when: |it| {
            fails_to_update(it);
            it.edits(arguments("--topic orders"));
        },
    },
    Scenario {
        row: "B-48",
        name: "a_revert_while_a_cluster_is_scaled",
        given: two_taskmanagers,
        when: |it| {
            it.edits(in_place(6));
            it.fires(Rule::TaskManagersScaled);
            it.edits(in_place(4));
        },
    },
    // spec.forceRollback
    Scenario {
        row: "6 give-up 1",
        name: "force_rollback_on_a_running_job_does_nothing",
        given: running,
        when: |it| it.edits(force(true)),
    },
    Scenario {
        row: "6 give-up 1",
        name: "force_rollback_in_cluster_starting",
        given: running,
        when: |it| {
            updates_to(it, PhaseName::ClusterStarting);
            it.edits(force(true));
        },
    },
    Scenario {
        row: "6 give-up 1",
        name: "force_rollback_before_the_savepoint_was_asked_for",
        given: running,
        when: |it| {
            updates_to(it, PhaseName::Savepointing);
            it.edits(force(true));
        },
    },
    Scenario {
        row: "6 give-up 1",
        name: "force_rollback_in_recovering_before_the_job_is_cancelled",
        given: running,
        when: |it| {
            no_savepoint_succeeds(it);
            updates_to(it, PhaseName::Recovering);
            it.edits(force(true));
        },
    },
    Scenario {
        row: "6 give-up 1",
        name: "force_rollback_in_a_rollback_changes_nothing",
        given: running,
        when: |it| {
            it.edits(entry_class("shop.Throws"));
            it.reaches(PhaseName::RollingBackJob);
            it.edits(force(true));
        },
    },
    Scenario {
        row: "6 give-up 1",
        name: "force_rollback_while_the_savepoint_is_taken",
        given: running,
        when: |it| {
            the_savepoint(it, "takes 20 s", SavepointFault::Takes(20_000));
            it.edits(arguments("--topic returns"));
            it.fires(Rule::SavepointRequested);
            it.edits(force(true));
        },
    },
    Scenario {
        row: "6 give-up 1",
        name: "force_rollback_while_the_job_is_cancelled",
        given: running,
        when: |it| {
            cancels(it);
            it.edits(force(true));
        },
    },
    Scenario {
        row: "6 give-up 1",
        name: "force_rollback_in_submitting_job",
        given: running,
        when: |it| {
            it.edits(arguments("--topic returns"));
            it.fires(Rule::JobAccepted);
            it.edits(force(true));
        },
    },
    Scenario {
        row: "6 give-up 1",
        name: "force_rollback_in_rescaling",
        given: running,
        when: |it| {
            it.edits(in_place(4));
            it.fires(Rule::TaskManagersScaled);
            it.edits(force(true));
        },
    },
    Scenario {
        row: "B-06",
        name: "force_rollback_of_a_first_deploy_stays_in_deploy_failed",
        given: new,
        when: |it| {
            it.edits(force(true));
            it.reaches(PhaseName::DeployFailed);
            it.waits(5 * MINUTE);
            it.edits(json!({ "spec": { "forceRollback": false, "restartNonce": "again" } }));
        },
    },
    Scenario {
        row: "6 give-up 1",
        name: "force_rollback_that_is_left_in_the_spec_gives_up_the_next_deploy_too",
        given: running,
        when: |it| {
            updates_to(it, PhaseName::ClusterStarting);
            it.edits(force(true));
            it.reaches(PhaseName::DeployFailed);
            it.waits(MINUTE);
            it.edits(arguments("--topic latest"));
        },
    },
    Scenario {
        row: "P4",
        name: "force_rollback_that_is_taken_out_does_not_try_the_deploy_again",
        given: running,
        when: |it| {
            updates_to(it, PhaseName::ClusterStarting);
            it.edits(force(true));
            it.reaches(PhaseName::DeployFailed);
            it.waits(MINUTE);
            it.edits(force(false));
            it.waits(MINUTE);
            it.edits(json!({ "spec": { "restartNonce": "again" } }));
        },
    },
    // Other switches
    Scenario {
        row: "A4",
        name: "savepoint_disabled_in_mid_flight_cancels_the_job",
        given: running,
        when: |it| {
            updates_to(it, PhaseName::ClusterStarting);
            it.edits(json!({ "spec": { "savepointDisabled": true } }));
        },
    },
    Scenario {
        row: "A4",
        name: "savepoint_disabled_and_enabled_again_before_the_update",
        given: running,
        when: |it| {
            it.edits(json!({ "spec": { "savepointDisabled": true } }));
            it.waits(MINUTE);
            it.edits(json!({ "spec": { "savepointDisabled": false } }));
            it.edits(arguments("--topic returns"));
        },
    },
    Scenario {
        row: "A4",
        name: "fallback_without_state_serves_the_next_deploy_after_a_recovery_that_failed",
        given: stateless,
        when: |it| {
            no_savepoint_succeeds(it);
            it.edits(arguments("--topic returns"));
            it.reaches(PhaseName::DeployFailed);
            no_savepoint_succeeds(it);
            it.edits(json!({ "spec": { "fallbackWithoutState": true, "restartNonce": "again" } }));
        },
    },
    Scenario {
        row: "B-58",
        name: "the_mode_of_a_live_application_cannot_be_changed",
        given: running,
        when: |it| {
            it.is_denied(json!({ "spec": { "deploymentMode": "BlueGreen" } }));
            it.edits(json!({ "spec": { "deploymentMode": "Dual" } }));
            it.edits(json!({ "spec": { "deploymentMode": null } }));
        },
    },
    Scenario {
        row: "A4",
        name: "a_version_to_tear_down_means_nothing_without_blue_green",
        given: running,
        when: |it| {
            let revision = it.deployed().revision.id;
            it.edits(json!({ "spec": { "tearDownVersionHash": revision } }));
        },
    },
    // Specs that cannot be served
    Scenario {
        row: "section 5",
        name: "a_spec_that_is_refused_leaves_the_job_alone_until_it_is_mended",
        given: running,
        when: |it| {
            it.edits(refused());
            it.reaches(PhaseName::DeployFailed);
            it.waits(MINUTE);
            it.edits(mended());
        },
    },
    Scenario {
        row: "section 5",
        name: "a_spec_that_is_refused_stays_refused",
        given: running,
        when: |it| it.edits(refused()),
    },
    Scenario {
        row: "section 5",
        name: "a_first_spec_that_is_refused_can_be_mended",
        given: new,
        when: |it| {
            it.edits(refused());
            it.reaches(PhaseName::DeployFailed);
            it.edits(mended());
        },
    },
    Scenario {
        row: "section 5",
        name: "a_spec_that_is_refused_in_cluster_starting_ends_the_deploy",
        given: running,
        when: |it| {
            updates_to(it, PhaseName::ClusterStarting);
            it.edits(refused());
        },
    },
    Scenario {
        row: "section 5",
        name: "a_spec_that_is_refused_after_the_savepoint_does_not_stop_the_deploy",
        given: running,
        when: |it| {
            updates_to(it, PhaseName::SubmittingJob);
            it.edits(refused());
        },
    },
    Scenario {
        row: "section 5",
        name: "a_refused_spec_that_is_taken_back_leads_back_to_running",
        given: running,
        when: |it| {
            it.edits(refused());
            it.reaches(PhaseName::DeployFailed);
            it.edits(json!({ "spec": { "jobManagerConfig": null } }));
        },
    },
];
