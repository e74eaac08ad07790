//! Edits, switches and second thoughts, in every phase in which they can come.

use flink_operator_core::phase::PhaseName;
use flink_operator_core::rule::Rule;
use flink_operator_fixtures::door::Life;
use flink_operator_fixtures::model::flink::SavepointFault;
use serde_json::{Value, json};

use super::given::{in_place, new, running, stateless, two_taskmanagers};
use super::savepoints::{no_savepoint_succeeds, the_savepoint};
use super::tale::{Scenario, Tale};
use crate::stories::{MINUTE, SECOND, arguments, entry_class};

fn force(on: bool) -> Value {
    json!({ "spec": { "forceRollback": on } })
}

/// What the API server lets through and the operator does not.
fn refused() -> Value {
    let resources = json!({ "requests": { "memory": "2Gi" }, "limits": { "memory": "1Gi" } });
    json!({ "spec": { "jobManagerConfig": { "resources": resources } } })
}

fn mended() -> Value {
    json!({ "spec": { "jobManagerConfig": { "resources": { "requests": { "memory": "1Gi" } } } } })
}

/// An update that has just reached `phase`.
fn updates_to(it: &mut Tale, phase: PhaseName) {
    it.edits(arguments("--topic returns"));
    it.reaches(phase);
}

/// A job that takes its time to end when it is cancelled, and an update that cancels it.
fn cancels(it: &mut Tale) {
    it.suffers("jobs take 10 s to be cancelled", |life| {
        let revision = life.deployed().unwrap().revision.id;
        life.flinks.of(&revision).unwrap().0.settings.delays.cancel = 10_000;
    });
    it.edits(json!({ "spec": { "programArgs": "--topic returns", "savepointDisabled": true } }));
    it.fires(Rule::CancelRequested);
}

/// A cluster whose pods take a quarter of a minute to go.
fn slow_pods() -> Life {
    let mut life = running();
    life.set_pod_times(2 * SECOND, 15 * SECOND);
    life
}

pub const ALL: &[Scenario] = &[
    // Another spec
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
            updates_to(it, PhaseName::ClusterStarting);
            it.suffers("there is no such image", Life::lose_image);
            it.reaches(PhaseName::DeployFailed);
            it.suffers("images can be pulled again", Life::heal);
            it.edits(arguments("--topic latest"));
            it.reaches(PhaseName::Running);
            it.waits(MINUTE);
            it.edits(arguments("--topic returns"));
        },
    },
    Scenario {
        row: "H7",
        name: "another_savepoint_path_alone_does_not_try_a_failed_first_deploy_again",
        given: new,
        when: |it| {
            it.edits(json!({ "spec": { "savepointPath": "file:/savepoints/savepoint-abcdef-0000000000ff" } }));
            it.reaches(PhaseName::DeployFailed);
            it.edits(json!({ "spec": { "savepointPath": null } }));
        },
    },
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
            updates_to(it, PhaseName::ClusterStarting);
            it.suffers("there is no such image", Life::lose_image);
            it.reaches(PhaseName::DeployFailed);
            it.suffers("images can be pulled again", Life::heal);
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
    // Switches
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
