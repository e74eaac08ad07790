//! Looks at Flink: every question that the core asks, all at once.

use std::collections::BTreeMap;

use flink_operator_core::application::Application;
use flink_operator_core::id::RevisionId;
use flink_operator_core::snapshot::{FlinkNeeds, FlinkSeen, ListedJob, Seen};
use futures::future::{join_all, join4};

use crate::error::Error;
use crate::flink::{Call, FlinkClient, JobManager};

/// Asks every JobManager what is to be asked of it.
pub async fn look(
    client: &FlinkClient,
    application: &Application,
    needs: &BTreeMap<RevisionId, FlinkNeeds>,
) -> BTreeMap<RevisionId, FlinkSeen> {
    let looks = needs.iter().map(async |(revision, needs)| {
        let jobmanager = client.of(application, revision);
        (revision.clone(), look_at(&jobmanager, needs).await)
    });
    join_all(looks).await.into_iter().collect()
}

/// What the JobManagers of these revisions list.
pub async fn jobs(
    client: &FlinkClient,
    application: &Application,
    revisions: impl Iterator<Item = &RevisionId>,
) -> BTreeMap<RevisionId, Seen<Vec<ListedJob>>> {
    let looks = revisions.map(async |revision| {
        let jobs = client.of(application, revision).jobs().await;
        (revision.clone(), seen(Call::Jobs, jobs.map(Some)))
    });
    join_all(looks).await.into_iter().collect()
}

async fn look_at(jobmanager: &JobManager<'_>, needs: &FlinkNeeds) -> FlinkSeen {
    let overview = async {
        if !needs.overview {
            return Seen::NotAsked;
        }
        seen(Call::Overview, jobmanager.overview().await.map(Some))
    };
    let job = async {
        let Some(job) = &needs.job else { return Seen::NotAsked };
        seen(Call::Job, jobmanager.job(job).await)
    };
    let savepoint = async {
        let Some((job, trigger)) = &needs.savepoint else { return Seen::NotAsked };
        seen(Call::Savepoint, jobmanager.savepoint(job, trigger).await)
    };
    let checkpoints = async {
        let Some(job) = &needs.checkpoints else { return Seen::NotAsked };
        seen(Call::Checkpoints, jobmanager.checkpoints(job).await)
    };
    let (overview, job, savepoint, checkpoints) = join4(overview, job, savepoint, checkpoints).await;
    FlinkSeen { overview, job, savepoint, checkpoints }
}

fn seen<T>(call: Call, answer: Result<Option<T>, Error>) -> Seen<T> {
    match answer {
        Ok(Some(thing)) => Seen::Present(thing),
        Ok(None) => Seen::Absent,
        Err(error) => Seen::Unreachable(error.trouble(call.method())),
    }
}
