//! Looks at Flink: every question that the core asks, all at once.

use std::collections::BTreeMap;

use flink_operator_core::application::Application;
use flink_operator_core::id::RevisionId;
use flink_operator_core::snapshot::{FlinkNeeds, FlinkSeen, ListedJob, Needs, Objects, Seen};
use futures::future::{join_all, join5};

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

/// What every JobManager among these objects lists, if that is asked.
pub async fn jobs(
    client: &FlinkClient,
    application: &Application,
    needs: &Needs,
    objects: &Seen<Objects>,
) -> BTreeMap<RevisionId, Seen<Vec<ListedJob>>> {
    let clusters = objects.present().filter(|_| needs.jobs).map(|objects| &objects.clusters);
    let jobmanagers = clusters.into_iter().flatten().filter(|(_, cluster)| cluster.jobmanager.is_some());
    let looks = jobmanagers.map(async |(revision, _)| {
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
    let retention = async {
        let Some(job) = &needs.retention else { return Seen::NotAsked };
        seen(Call::CheckpointConfig, jobmanager.retention(job).await)
    };
    let (overview, job, savepoint, checkpoints, retention) =
        join5(overview, job, savepoint, checkpoints, retention).await;
    FlinkSeen { overview, job, savepoint, checkpoints, retention }
}

fn seen<T>(call: Call, answer: Result<Option<T>, Error>) -> Seen<T> {
    match answer {
        Ok(Some(thing)) => Seen::Present(thing),
        Ok(None) => Seen::Absent,
        Err(error) => Seen::Unreachable(error.trouble(call.method())),
    }
}
