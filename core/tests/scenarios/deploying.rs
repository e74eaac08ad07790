//! From spec to job: first deploys, updates, scaling in place.

use flink_operator_core::phase::PhaseName;
use flink_operator_core::rule::Rule;
use flink_operator_fixtures::door::{Fault, Life, Moment};
use flink_operator_fixtures::model::flink::{JobId, Saved, SavedKind};
use serde_json::json;

use super::given::{in_place, new, running, two_taskmanagers};
use super::happenings::{fails_to_update, finds_no_image, finds_the_image, without_savepoint};
use super::tale::Scenario;
use crate::stories::{MINUTE, SECOND, arguments, one_job_runs};

const SAVED: &str = "file:/savepoints/savepoint-abcdef-0000000000ff";

/// A new application, and state of an earlier one. (A savepoint of its own would have to be in its status.)
fn with_an_old_savepoint() -> Life {
    let mut life = new();
    let saved = Saved { kind: SavedKind::Checkpoint, job: JobId(7), checkpoint: 12, progress: 1_000_000, at: 1 };
    life.flinks.storage.put(SAVED, saved);
    life
}

fn with_an_ingress() -> Life {
    let mut life = new();
    life.policy.ingress_url_format = "{{$jobCluster}}.example.com".to_owned();
    life
}

fn with_a_foreign_service() -> Life {
    let mut life = new();
    let metadata = json!({ "name": "orders", "namespace": "default" });
    let spec = json!({ "ports": [{ "port": 80 }] });
    life.create_object(json!({ "apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec })).unwrap();
    life
}

pub const ALL: &[Scenario] = &[
    Scenario { row: "6 New", name: "a_first_deploy", given: new, when: |_| {} },
    Scenario {
        row: "A7",
        name: "the_finalizer_is_on_before_the_job_is",
        given: new,
        when: |it| {
            it.fires(Rule::FinalizerRequested);
            assert_eq!(it.life.flinks.jobs().count(), 0);
        },
    },
    Scenario {
        row: "6 SubmittingJob",
        name: "a_first_deploy_starts_from_the_savepoint_of_the_spec",
        given: with_an_old_savepoint,
        when: |it| it.edits(json!({ "spec": { "savepointPath": SAVED } })),
    },
    Scenario {
        row: "A4",
        name: "a_first_deploy_starts_from_the_savepoint_of_the_deprecated_field",
        given: with_an_old_savepoint,
        when: |it| it.edits(json!({ "spec": { "savepointInfo": { "savepointLocation": SAVED } } })),
    },
    Scenario {
        row: "6 SubmittingJob",
        name: "a_first_deploy_from_a_savepoint_that_is_not_there_fails",
        given: new,
        when: |it| it.edits(json!({ "spec": { "savepointPath": SAVED } })),
    },
    Scenario {
        row: "10.8",
        name: "the_savepoint_of_the_spec_counts_for_the_first_deploy_only",
        given: running,
        when: |it| it.edits(json!({ "spec": { "savepointPath": SAVED, "programArgs": "--topic returns" } })),
    },
    Scenario {
        row: "6 ClusterStarting",
        name: "a_first_deploy_with_savepoints_disabled",
        given: new,
        when: |it| it.edits(json!({ "spec": { "savepointDisabled": true } })),
    },
    Scenario { row: "K1", name: "a_deploy_with_an_ingress", given: with_an_ingress, when: |_| {} },
    Scenario {
        row: "P1",
        name: "the_old_job_runs_until_the_new_cluster_is_ready",
        given: running,
        when: |it| {
            it.edits(arguments("--topic returns"));
            it.reaches(PhaseName::Savepointing);
            one_job_runs(&it.life);
            assert_eq!(it.clusters(), 2);
        },
    },
    Scenario {
        row: "6 Cancelling",
        name: "an_update_with_savepoints_disabled_starts_afresh",
        given: running,
        when: |it| it.edits(without_savepoint()),
    },
    Scenario {
        row: "H7",
        name: "edits_of_modes_and_labels_deploy_nothing",
        given: running,
        when: |it| {
            it.edits(json!({ "spec": {
                "deleteMode": "None", "scaleMode": "InPlace", "savepointDisabled": true,
                "fallbackWithoutState": true, "maxCheckpointRestoreAgeSeconds": 60, "savepointPath": "s3://elsewhere",
            } }));
            it.edits(json!({ "metadata": { "labels": { "team": "payments" } } }));
        },
    },
    Scenario {
        row: "P4",
        name: "a_restart_nonce_deploys_the_same_spec_again",
        given: running,
        when: |it| it.edits(json!({ "spec": { "restartNonce": "again" } })),
    },
    Scenario {
        row: "P6",
        name: "a_job_whose_acceptance_nobody_heard_of_is_not_started_twice",
        given: new,
        when: |it| {
            it.fires(Rule::FinalizerRequested);
            it.suffers("the answer to the next request gets lost", |life| {
                life.faults.insert(life.deeds(), Fault::Lost(Moment::After));
            });
            it.reaches(PhaseName::Running);
            assert_eq!(it.life.submissions(), 1);
        },
    },
    Scenario {
        row: "P6",
        name: "a_job_that_was_submitted_before_the_operator_died_is_found",
        given: new,
        when: |it| {
            it.fires(Rule::FinalizerRequested);
            it.suffers("the operator dies after its next deed and comes back in 10 min", |life| {
                life.faults.insert(life.deeds(), Fault::Crash { moment: Moment::After, away_ms: 10 * MINUTE });
            });
            it.reaches(PhaseName::Running);
            assert_eq!(it.life.submissions(), 1);
        },
    },
    Scenario { row: "K3", name: "an_object_of_others_is_not_taken", given: with_a_foreign_service, when: |_| {} },
    Scenario {
        row: "R6",
        name: "objects_that_cannot_be_created_are_given_up_after_sixteen_tries",
        given: running,
        when: |it| {
            it.loses(Rule::ClusterRequested, 16);
            it.edits(arguments("--topic returns"));
        },
    },
    Scenario {
        row: "6 ClusterStarting",
        name: "an_object_that_vanishes_while_the_cluster_starts_is_made_again",
        given: new,
        when: |it| {
            it.reaches(PhaseName::ClusterStarting);
            let revision = it.life.revision_in_charge().unwrap();
            it.suffers("somebody deletes the JobManager's Deployment", |life| {
                life.delete_deployment(&format!("orders-{revision}-jm"));
            });
        },
    },
    Scenario {
        row: "P2",
        name: "a_cluster_that_does_not_start_leaves_the_old_job_alone_and_goes",
        given: running,
        when: |it| {
            it.edits(arguments("--topic returns"));
            it.reaches(PhaseName::ClusterStarting);
            finds_no_image(it);
        },
    },
    Scenario {
        row: "B-03",
        name: "a_first_cluster_that_does_not_start_fails_and_an_edit_mends_it",
        given: new,
        when: |it| {
            it.reaches(PhaseName::ClusterStarting);
            finds_no_image(it);
            it.reaches(PhaseName::DeployFailed);
            finds_the_image(it);
            it.edits(json!({ "spec": { "image": "registry.example/orders:2" } }));
        },
    },
    Scenario {
        row: "P3 P4",
        name: "a_failed_deploy_is_not_tried_again_until_an_edit",
        given: running,
        when: |it| {
            fails_to_update(it);
            it.waits(5 * MINUTE);
            it.edits(json!({ "metadata": { "labels": { "team": "payments" } } }));
            it.waits(MINUTE);
            it.edits(json!({ "spec": { "restartNonce": "again" } }));
        },
    },
    Scenario {
        row: "6 Rescaling",
        name: "more_parallelism_in_place",
        given: running,
        when: |it| it.edits(in_place(4)),
    },
    Scenario {
        row: "6 Rescaling",
        name: "less_parallelism_in_place",
        given: two_taskmanagers,
        when: |it| it.edits(in_place(1)),
    },
    Scenario {
        row: "P7",
        name: "back_to_the_former_parallelism_in_place_is_served",
        given: two_taskmanagers,
        when: |it| it.edits(in_place(2)),
    },
    Scenario {
        row: "B-47",
        name: "three_times_in_place_keep_the_address_of_the_cluster",
        given: two_taskmanagers,
        when: |it| {
            it.edits(in_place(6));
            it.reaches(PhaseName::SubmittingJob);
            it.reaches(PhaseName::Running);
            it.edits(in_place(8));
        },
    },
    Scenario {
        row: "6 Rescaling",
        name: "in_place_with_savepoints_disabled_cancels_the_job",
        given: running,
        when: |it| it.edits(json!({ "spec": { "parallelism": 4, "scaleMode": "InPlace", "savepointDisabled": true } })),
    },
    Scenario {
        row: "6 Running",
        name: "in_place_with_another_change_makes_a_new_cluster",
        given: running,
        when: |it| {
            it.edits(
                json!({ "spec": { "parallelism": 4, "scaleMode": "InPlace", "image": "registry.example/orders:2" } }),
            )
        },
    },
    Scenario {
        row: "6 Running",
        name: "more_parallelism_without_in_place_makes_a_new_cluster",
        given: running,
        when: |it| it.edits(json!({ "spec": { "parallelism": 4 } })),
    },
    Scenario {
        row: "B-48",
        name: "taskmanagers_that_do_not_come_leave_the_job_alone_and_a_revert_ends_it",
        given: running,
        when: |it| {
            it.suffers("new pods do not become ready", |life| life.set_pod_times(60 * MINUTE, SECOND));
            it.edits(in_place(4));
            it.reaches(PhaseName::DeployFailed);
            it.waits(5 * MINUTE);
            it.edits(in_place(2));
        },
    },
    Scenario {
        row: "6 DeployFailed",
        name: "scaling_in_place_follows_a_failed_scaling",
        given: running,
        when: |it| {
            it.suffers("new pods do not become ready", |life| life.set_pod_times(60 * MINUTE, SECOND));
            it.edits(in_place(4));
            it.reaches(PhaseName::DeployFailed);
            it.suffers("pods become ready again", Life::heal);
            it.waits(MINUTE);
            it.edits(in_place(3));
        },
    },
];
