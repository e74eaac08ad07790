//! Effects on Flink.

use flink_operator_core::application::Application;
use flink_operator_core::effect::Submission;
use flink_operator_core::id::{JobId, RevisionId, TriggerId};

use super::Performer;
use crate::error::Error;

impl Performer {
    pub(super) async fn submit(&self, application: &Application, submission: &Submission) -> Result<(), Error> {
        self.flink.of(application, &submission.revision).submit(submission).await
    }

    pub(super) async fn stop(
        &self,
        application: &Application,
        revision: &RevisionId,
        job: &JobId,
        trigger: &TriggerId,
    ) -> Result<(), Error> {
        self.flink.of(application, revision).stop(job, trigger).await
    }

    pub(super) async fn take_savepoint(
        &self,
        application: &Application,
        revision: &RevisionId,
        job: &JobId,
        trigger: &TriggerId,
    ) -> Result<(), Error> {
        self.flink.of(application, revision).take_savepoint(job, trigger).await
    }

    pub(super) async fn cancel(
        &self,
        application: &Application,
        revision: &RevisionId,
        job: &JobId,
    ) -> Result<(), Error> {
        self.flink.of(application, revision).cancel(job).await
    }
}
