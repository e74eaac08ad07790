//! What others do to an application, and what goes wrong around it.

use flink_operator_core::id::RevisionId;
use flink_operator_core::phase::PhaseName;
use flink_operator_fixtures::door::Life;
use flink_operator_fixtures::model::flink::{Ending, SavepointFault, Throwable};
use serde_json::{Value, json};

use super::tale::Tale;
use crate::stories::{arguments, delete_mode, entry_class};

/// Three are tried in one deploy.
pub fn no_savepoint_succeeds(it: &mut Tale) {
    it.suffers("the next three savepoints fail", |life| {
        for _ in 0..3 {
            life.on_next_savepoint(a_full_disk());
        }
    });
}

pub fn a_full_disk() -> SavepointFault {
    SavepointFault::Fails(Throwable::new("java.io.IOException", "No space left on device"))
}

pub fn the_savepoint(it: &mut Tale, what: &str, fault: SavepointFault) {
    it.suffers(&format!("the next savepoint {what}"), |life| life.on_next_savepoint(fault));
}

/// The JobManager of the deployed job does not answer.
pub fn silence(it: &mut Tale) {
    let revision = it.deployed().revision.id;
    silence_of(it, revision);
}

pub fn silence_of(it: &mut Tale, revision: RevisionId) {
    it.suffers(&format!("the JobManager of {revision} does not answer any more"), |life| {
        life.cut_off.insert(revision);
    });
}

pub fn answers_again(it: &mut Tale) {
    it.suffers("it answers again", |life| life.cut_off.clear());
}

/// The JobManager of the deployed job.
pub fn forgets(it: &mut Tale) {
    let revision = it.deployed().revision.id;
    forgets_of(it, &revision);
}

pub fn forgets_of(it: &mut Tale, revision: &RevisionId) {
    it.suffers(&format!("the JobManager of {revision} restarts and knows nothing"), |life| {
        life.restart_jobmanager(revision);
    });
}

/// The job that runs or starts comes to an end that is not the operator's doing.
pub fn ends(it: &mut Tale, ending: Ending) {
    it.suffers(&format!("the job is {ending:?}"), |life| life.end_job(ending));
}

pub fn finds_no_image(it: &mut Tale) {
    it.suffers("there is no such image", Life::lose_image);
}

pub fn finds_the_image(it: &mut Tale) {
    it.suffers("images can be pulled again", Life::heal);
}

/// An update whose cluster does not start within a minute.
pub fn fails_to_update(it: &mut Tale) {
    it.edits(arguments("--topic returns"));
    it.reaches(PhaseName::ClusterStarting);
    finds_no_image(it);
    it.life.policy.cluster_start_timeout_ms = 60_000;
    it.reaches(PhaseName::DeployFailed);
    it.life.policy.cluster_start_timeout_ms = 300_000;
    finds_the_image(it);
}

/// A rollback that fails, after half a minute, because nobody answers: no job runs.
pub fn rolls_back_in_vain(it: &mut Tale) {
    it.edits(entry_class("shop.Throws"));
    it.reaches(PhaseName::RollingBackJob);
    silence(it);
    it.life.policy.job_start_timeout_ms = 30_000;
    it.reaches(PhaseName::DeployFailed);
    it.life.policy.job_start_timeout_ms = 180_000;
    answers_again(it);
}

/// Tasks of jobs on clusters that start from now on take an hour to start.
pub fn slow_tasks(it: &mut Tale) {
    it.suffers("tasks take an hour to start from now on", |life| life.flinks.settings.delays.deploy = 3_600_000);
}

pub fn the_operator_dies(it: &mut Tale) {
    it.suffers("the operator dies and comes back in 10 min", |life| life.crash(600_000));
}

pub fn deletes_by(it: &mut Tale, mode: &str) {
    it.edits(delete_mode(mode));
    it.deletes();
}

/// What the API server lets through and the operator does not.
pub fn refused() -> Value {
    let resources = json!({ "requests": { "memory": "2Gi" }, "limits": { "memory": "1Gi" } });
    json!({ "spec": { "jobManagerConfig": { "resources": resources } } })
}

pub fn without_savepoint() -> Value {
    json!({ "spec": { "programArgs": "--topic returns", "savepointDisabled": true } })
}
