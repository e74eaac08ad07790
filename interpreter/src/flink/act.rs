//! What a JobManager is told to do. All of it may be told again: ids are ours, and done is done.

use flink_operator_core::effect::Submission;
use flink_operator_core::id::{JobId, TriggerId};
use flink_operator_core::snapshot::TroubleClass;

use super::http::{Answer, Call, Request};
use super::version::StopCall;
use super::{JobManager, arguments, cause, wire};
use crate::error::Error;

/// Causes that have nothing to do with what was asked: the JobManager is starting, electing a leader,
/// or busy.
const PASSING: [&str; 7] = [
    "TimeoutException",
    "AskTimeoutException",
    "FencingTokenException",
    "LeadershipLostException",
    "RecipientUnreachableException",
    "RpcConnectionException",
    "EndpointNotStartedException",
];

impl JobManager<'_> {
    /// Starts a job under our id. Flink refuses an id that it has seen, so done before is done.
    pub async fn submit(&self, submission: &Submission) -> Result<(), Error> {
        let plan = &submission.plan;
        let body = wire::RunJar {
            job_id: submission.job.as_str(),
            entry_class: &plan.entry_class,
            program_args_list: arguments::split(&plan.program_args),
            parallelism: plan.parallelism.get(),
            savepoint_path: submission.restore_from.as_deref().filter(|path| !path.is_empty()),
            allow_non_restored_state: plan.allow_non_restored_state,
        };
        let path = ["jars", plan.jar_name.as_str(), "run"];
        let answer = self.send(Request::post(Call::Submit, &path), Some(&body)).await?;
        if (200..=299).contains(&answer.status) {
            return started(&answer, submission);
        }
        let errors = answer.errors().unwrap_or_default();
        if cause::mentions(&errors, "DuplicateJobSubmissionException") {
            return Ok(());
        }
        Err(submission_refused(&answer, &errors, submission))
    }

    /// Stops a job with a savepoint; the savepoint is then asked for under `trigger`.
    pub async fn stop(&self, job: &JobId, trigger: &TriggerId) -> Result<(), Error> {
        match StopCall::of(self.cluster().await?.flink_version.as_deref()) {
            StopCall::StopByOurId => {
                let body = wire::Stop { drain: false, trigger_id: Some(trigger.as_str()) };
                stop_accepted(
                    &self.send(Request::post(Call::Stop, &["jobs", job.as_str(), "stop"]), Some(&body)).await?,
                )
            }
            StopCall::Stop => {
                let body = wire::Stop { drain: false, trigger_id: None };
                self.stop_by_their_id(job, trigger, "stop", &body).await
            }
            StopCall::CancelWithSavepoint => {
                let body = wire::TakeSavepoint { cancel_job: true, trigger_id: None };
                self.stop_by_their_id(job, trigger, "savepoints", &body).await
            }
        }
    }

    /// Takes a savepoint of a job that runs on; it is then asked for under `trigger`.
    pub async fn take_savepoint(&self, job: &JobId, trigger: &TriggerId) -> Result<(), Error> {
        match StopCall::of(self.cluster().await?.flink_version.as_deref()) {
            StopCall::StopByOurId => {
                let body = wire::TakeSavepoint { cancel_job: false, trigger_id: Some(trigger.as_str()) };
                let path = ["jobs", job.as_str(), "savepoints"];
                stop_accepted(&self.send(Request::post(Call::TakeSavepoint, &path), Some(&body)).await?)
            }
            StopCall::Stop | StopCall::CancelWithSavepoint => {
                let body = wire::TakeSavepoint { cancel_job: false, trigger_id: None };
                self.stop_by_their_id(job, trigger, "savepoints", &body).await
            }
        }
    }

    /// Where Flink chooses the id a repetition would be a second savepoint, so it is asked first
    /// whether one is under way. The id that Flink gives is kept as long as this process lives; after
    /// that the core finds the savepoint in the history of checkpoints.
    async fn stop_by_their_id(
        &self,
        job: &JobId,
        trigger: &TriggerId,
        endpoint: &str,
        body: &impl serde::Serialize,
    ) -> Result<(), Error> {
        let history = self.checkpoint_statistics(job).await?.map(|it| it.history).unwrap_or_default();
        let under_way = history.iter().any(|entry| entry.is_savepoint && entry.status == "IN_PROGRESS");
        if under_way || self.client.given().contains_key(trigger) {
            return Ok(());
        }
        let path = ["jobs", job.as_str(), endpoint];
        let answer = self.send(Request::post(Call::Stop, &path), Some(body)).await?;
        stop_accepted(&answer)?;
        if let Ok(triggered) = answer.read::<wire::Triggered>() {
            self.client.given().insert(trigger.clone(), triggered.request_id);
        }
        Ok(())
    }

    /// Cancels a job. One that has ended, or that Flink does not know, is as good as cancelled.
    pub async fn cancel(&self, job: &JobId) -> Result<(), Error> {
        let path = ["jobs", job.as_str()];
        let request = Request::patch(Call::Cancel, &path).query(&[("mode", "cancel")]);
        let answer = self.send(request, None::<&()>).await?;
        let errors = answer.errors();
        match answer.status {
            200..=299 => Ok(()),
            404 if answer.flink_does_not_know_it() => Ok(()),
            409 if errors.is_some_and(|errors| errors.contains("terminal state")) => Ok(()),
            400 => Err(answer.refused(TroubleClass::OurBug)),
            _ => Err(answer.refused(TroubleClass::TryAgain)),
        }
    }
}

/// Flink accepted the job. A body that cannot be read does not undo that; another id would be a job
/// that nobody looks after.
fn started(answer: &Answer, submission: &Submission) -> Result<(), Error> {
    match answer.read::<wire::JobStarted>() {
        Ok(started) if started.jobid != submission.job.as_str() => {
            Err(answer.garbled(&format!("job {} was started, {} was asked for", started.jobid, submission.job)))
        }
        Ok(_) | Err(_) => Ok(()),
    }
}

fn submission_refused(answer: &Answer, errors: &str, submission: &Submission) -> Error {
    let jar = &submission.plan.jar_name;
    let users_fault = |cause: String| Error::refused(&answer.asked, TroubleClass::UsersFault, cause);
    let is_passing = PASSING.iter().any(|class| cause::mentions(errors, class));
    if errors.contains("Jar file ") && errors.contains(" does not exist") {
        let advice = "build it into the image's <web.upload.dir>/flink-web-upload, or correct jarName";
        return users_fault(format!("the JobManager has no jar {jar}; {advice}"));
    }
    if answer.status == 404 && errors.starts_with("Not found") {
        return users_fault(
            "this JobManager runs no jars; remove web.submit.enable: false from flinkConfig".to_owned(),
        );
    }
    match answer.status {
        400 if errors.contains("did not match expected format") => answer.refused(TroubleClass::OurBug),
        _ if errors.is_empty() || is_passing => answer.refused(TroubleClass::TryAgain),
        401 | 403 | 404 | 408 | 409 | 429 => answer.refused(TroubleClass::TryAgain),
        400..=499 => answer.refused(TroubleClass::UsersFault),
        _ if is_the_program(errors) => answer.refused(TroubleClass::UsersFault),
        _ => answer.refused(TroubleClass::TryAgain),
    }
}

/// Failures of the program itself, whatever the status that they come with.
fn is_the_program(errors: &str) -> bool {
    ["ProgramInvocationException", "JobSubmissionException"].iter().any(|class| cause::mentions(errors, class))
}

/// A job that Flink does not know needs no stop; that it is gone shows when it is looked at.
fn stop_accepted(answer: &Answer) -> Result<(), Error> {
    let errors = answer.errors().unwrap_or_default();
    match answer.status {
        200..=299 => Ok(()),
        404 if answer.flink_does_not_know_it() => Ok(()),
        400 if errors.contains("did not match expected format") => Err(answer.refused(TroubleClass::OurBug)),
        400 if errors.contains("[targetDirectory] must be provided") => {
            let key = errors.split(['[', ']']).nth(1).unwrap_or("state.savepoints.dir");
            let advice = format!("Flink has no directory for savepoints; set {key} in flinkConfig");
            Err(Error::refused(&answer.asked, TroubleClass::UsersFault, advice))
        }
        400 => Err(answer.refused(TroubleClass::UsersFault)),
        _ => Err(answer.refused(TroubleClass::TryAgain)),
    }
}
