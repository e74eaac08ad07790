//! Looks at Flink: every question that the core asks; JobManagers side by side, the questions to one in a row.

use std::collections::BTreeMap;

use flink_operator_core::application::Application;
use flink_operator_core::id::RevisionId;
use flink_operator_core::snapshot::{FlinkNeeds, FlinkSeen, ListedJob, Needs, Objects, Seen, Trouble};
use futures::future::join_all;

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

/// One question after the other, over one connection.
async fn look_at(jobmanager: &JobManager<'_>, needs: &FlinkNeeds) -> FlinkSeen {
    let mut asking = Asking::default();
    let mut seen = FlinkSeen::default();
    if needs.overview {
        let overview = async { jobmanager.overview().await.map(Some) };
        seen.overview = asking.ask(Call::TaskManagers, overview).await;
    }
    if let Some(savepoint) = &needs.savepoint {
        let answer = jobmanager.savepoint(&savepoint.job, &savepoint.trigger);
        seen.savepoint = asking.ask(Call::Savepoint, answer).await;
        if savepoint.is_met_by(&seen.savepoint) {
            return seen;
        }
    }
    if let Some(job) = &needs.job {
        seen.job = asking.ask(Call::Job, jobmanager.job(job)).await;
        if let (true, Seen::Present(found)) = (needs.restarts, &mut seen.job) {
            found.restarts = jobmanager.restarts(job).await;
        }
    }
    if let Some(job) = &needs.checkpoints {
        seen.checkpoints = asking.ask(Call::Checkpoints, jobmanager.checkpoints(job)).await;
    }
    if let Some(job) = &needs.retention {
        seen.retention = asking.ask(Call::CheckpointConfig, jobmanager.retention(job)).await;
    }
    seen
}

/// A JobManager that gives no answer is not asked further in this look: each question would wait as long.
#[derive(Default)]
struct Asking {
    silence: Option<Trouble>,
}

impl Asking {
    async fn ask<T>(&mut self, call: Call, answer: impl Future<Output = Result<Option<T>, Error>>) -> Seen<T> {
        if let Some(silence) = &self.silence {
            return Seen::Unreachable(Trouble { method: call.method().to_owned(), ..silence.clone() });
        }
        let answer = answer.await;
        if let Err(error @ (Error::Transport { .. } | Error::TimedOut { .. })) = &answer {
            self.silence = Some(error.trouble(call.method()));
        }
        seen(call, answer)
    }
}

fn seen<T>(call: Call, answer: Result<Option<T>, Error>) -> Seen<T> {
    match answer {
        Ok(Some(thing)) => Seen::Present(thing),
        Ok(None) => Seen::Absent,
        Err(error) => Seen::Unreachable(error.trouble(call.method())),
    }
}
