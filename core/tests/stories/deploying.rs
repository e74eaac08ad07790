//! The first deploy, and what can happen to it.

use flink_operator_core::phase::PhaseName;
use flink_operator_core::rule::Rule;
use flink_operator_fixtures::door::{Fault, Life, Moment};
use flink_operator_fixtures::model::flink::Ending;
use serde_json::json;

use super::*;

pub fn a_first_deploy_reaches_running() -> Life {
    let life = running();
    one_job_runs(&life);
    assert_eq!(life.submissions(), 1);
    assert_eq!(restored_progress(&life), None);
    assert_eq!(life.rules().last(), Some(&Rule::JobRests));
    life
}

pub fn a_cluster_that_does_not_start_fails_the_deploy() -> Life {
    let mut life = new();
    reach(&mut life, PhaseName::ClusterStarting);
    life.lose_image();
    reach(&mut life, PhaseName::DeployFailed);
    let failure = failure(&life);
    assert_eq!(failure.reason, "ClusterStartTimedOut");
    assert!(failure.message.contains("ImagePullBackOff"), "{}", failure.message);
    life
}

pub fn an_edit_during_the_first_deploy_is_heard() -> Life {
    let mut life = new();
    reach(&mut life, PhaseName::ClusterStarting);
    life.edit(arguments("--topic returns")).unwrap();
    reach(&mut life, PhaseName::Running);
    assert!(life.rules().contains(&Rule::TargetReplaced));
    assert_eq!(life.deployed().unwrap().revision.job.program_args, "--topic returns");
    assert_eq!(life.submissions(), 1);
    life
}

pub fn taskmanagers_wait_five_seconds_for_the_address_of_their_jobmanager() -> Life {
    let mut life = new();
    // What has no image has no address either.
    life.lose_image();
    fire(&mut life, Rule::AddressAwaited);
    let asked = life.now();
    fire(&mut life, Rule::TaskManagersRequested);
    assert_eq!(life.now() - asked, 5 * SECOND);
    life.set_pod_times(2 * SECOND, SECOND);
    reach(&mut life, PhaseName::Running);
    life
}

pub fn a_pod_of_an_abandoned_deploy_is_awaited_before_the_job_is_submitted() -> Life {
    let mut life = new();
    life.set_pod_times(SECOND, 20 * SECOND);
    fire(&mut life, Rule::JobAccepted);
    life.edit(arguments("--topic returns")).unwrap();
    fire(&mut life, Rule::LeftoversAwaited);
    reach(&mut life, PhaseName::Running);
    assert_eq!(life.submissions(), 2);
    one_job_runs(&life);
    life
}

pub fn a_foreign_service_of_that_name_fails_the_deploy() -> Life {
    let mut life = new();
    let spec = json!({ "ports": [{ "port": 80 }] });
    let metadata = json!({ "name": "orders", "namespace": "default" });
    life.create_object(json!({ "apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec })).unwrap();
    reach(&mut life, PhaseName::DeployFailed);
    assert_eq!(failure(&life).reason, "ClusterCreationFailed");
    life
}

pub fn an_object_that_disappears_while_the_cluster_starts_is_created_again() -> Life {
    let mut life = new();
    reach(&mut life, PhaseName::ClusterStarting);
    let revision = life.revision_in_charge().unwrap();
    life.delete_service(&format!("orders-{revision}"));
    fire(&mut life, Rule::ClusterObjectLost);
    reach(&mut life, PhaseName::Running);
    life
}

/// Each of the operator's first deeds is lost once, or its answer is.
pub fn lost_requests_are_made_again() -> Life {
    let mut life = new();
    let lost = |deed: usize| if deed % 4 == 1 { Moment::Before } else { Moment::After };
    life.faults = (0..40).filter(|deed| deed % 2 == 1).map(|deed| (deed, Fault::Lost(lost(deed)))).collect();
    reach(&mut life, PhaseName::Running);
    assert!(life.rules().contains(&Rule::ClusterCreationRetried));
    assert_eq!(life.submissions(), 1);
    one_job_runs(&life);
    life
}

pub fn a_submission_that_arrives_late_is_the_one_that_was_made_again() -> Life {
    let mut life = new();
    reach(&mut life, PhaseName::SubmittingJob);
    // The finalizer comes first.
    life.faults.insert(life.deeds() + 1, Fault::Late { after_ms: 5 * SECOND });
    fire(&mut life, Rule::SubmissionRetried);
    reach(&mut life, PhaseName::Running);
    life.run_for(MINUTE);
    assert_eq!(life.submissions(), 1);
    one_job_runs(&life);
    life
}

pub fn a_submission_that_never_arrives_is_given_up() -> Life {
    let mut life = new();
    reach(&mut life, PhaseName::SubmittingJob);
    life.policy.job_start_timeout_ms = 3_600_000;
    life.faults = (0..200).map(|deed| (life.deeds() + 1 + deed, Fault::Lost(Moment::Before))).collect();
    for deed in 0..200 {
        // Only submissions get lost; each is followed by a commit that does not.
        if deed % 2 == 1 {
            life.faults.remove(&(life.deeds() + 1 + deed));
        }
    }
    fire(&mut life, Rule::SubmissionRetried);
    reach(&mut life, PhaseName::DeployFailed);
    assert_eq!(failure(&life).reason, "SubmissionGivenUp");
    assert_eq!(life.submissions(), 0);
    life
}

pub fn a_job_that_flink_forgets_is_submitted_under_another_id() -> Life {
    let mut life = new();
    fire(&mut life, Rule::JobAccepted);
    life.restart_jobmanager(&life.revision_in_charge().unwrap());
    fire(&mut life, Rule::JobVanished);
    reach(&mut life, PhaseName::Running);
    assert_eq!(life.submissions(), 2);
    one_job_runs(&life);
    life
}

pub fn a_job_that_flink_forgets_every_time_is_given_up() -> Life {
    let mut life = new();
    for _ in 0..3 {
        fire(&mut life, Rule::JobAccepted);
        life.restart_jobmanager(&life.revision_in_charge().unwrap());
    }
    reach(&mut life, PhaseName::DeployFailed);
    assert_eq!(failure(&life).reason, "SubmissionGivenUp");
    life
}

pub fn a_jobmanager_that_does_not_answer_fails_the_deploy() -> Life {
    let mut life = new();
    reach(&mut life, PhaseName::SubmittingJob);
    life.cut_off.extend(life.revision_in_charge());
    reach(&mut life, PhaseName::DeployFailed);
    assert_eq!(failure(&life).reason, "SubmissionTimedOut");
    life
}

pub fn a_job_without_slots_fails_the_deploy() -> Life {
    let mut life = new();
    reach(&mut life, PhaseName::SubmittingJob);
    let revision = life.revision_in_charge().unwrap();
    life.delete_deployment(&format!("orders-{revision}-tm"));
    life.run_for(2 * SECOND);
    reach(&mut life, PhaseName::DeployFailed);
    assert_eq!(failure(&life).reason, "JobStartTimedOut");
    life
}

pub fn a_job_that_fails_while_it_starts_fails_the_deploy() -> Life {
    let mut life = new();
    life.flinks.settings.restart_attempts = Some(0);
    fire(&mut life, Rule::SubmissionRequested);
    life.fail_job();
    reach(&mut life, PhaseName::DeployFailed);
    let failure = failure(&life);
    assert_eq!(failure.reason, "JobFailedToStart");
    assert!(failure.message.contains("No space left on device"), "{}", failure.message);
    life
}

pub fn a_job_that_is_done_at_once_counts_as_deployed() -> Life {
    let mut life = new();
    fire(&mut life, Rule::SubmissionRequested);
    life.end_job(Ending::Finished);
    reach(&mut life, PhaseName::Running);
    assert!(life.rules().contains(&Rule::JobFinishedAtOnce));
    life.run_for(5 * MINUTE);
    assert_eq!(life.submissions(), 1);
    life
}
