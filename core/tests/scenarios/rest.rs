//! How a scenario ends: that it rests, what it rests in, and what must hold there.

use flink_operator_core::application::Application;
use flink_operator_core::crd::FlinkApplication;
use flink_operator_core::memory::Memory;
use flink_operator_core::phase::{Phase, PhaseName};
use flink_operator_core::rule::Rule;
use flink_operator_core::snapshot::Snapshot;
use flink_operator_core::{status, step};
use flink_operator_fixtures::model::flink::Job;
use serde_json::Value;

use super::tale::Tale;
use super::words::wrapped;
use crate::stories::*;

/// Nothing is done any more until somebody does something.
pub fn is_there(tale: &Tale) -> bool {
    let rests = [
        Rule::JobRests,
        Rule::FailureRests,
        Rule::BothVersionsRest,
        Rule::DeletionBlocked,
        Rule::DeletionRests,
        Rule::StatusUnreadable,
    ];
    let waits = tale.phase() == Some(PhaseName::Deleting) && tale.fired() == Some(Rule::FlinkAwaited);
    tale.phase().is_none() && is_gone(&tale.life)
        || tale.life.rests() && (waits || tale.fired().is_some_and(|rule| rests.contains(&rule)))
}

/// What must hold at rest, beside what the witness sees on the way.
pub fn check(tale: &mut Tale) {
    if !is_there(tale) {
        tale.broken.push(format!("it does not stay at rest: {:?}", tale.fired()));
    }
    tale.look();
    let deployments: Vec<String> = tale.sight.deployments().map(str::to_owned).collect();
    let Some(memory) = tale.life.memory() else {
        if is_gone(&tale.life) && !deployments.is_empty() {
            tale.broken.push(format!("the application is gone, and these are not: {deployments:?}"));
        }
        return;
    };
    if !matches!(memory.phase, Phase::Running(_) | Phase::DualRunning(_) | Phase::DeployFailed(_)) {
        return;
    }
    let kept: Vec<&str> = versions(&memory).map(|(revision, _)| revision).collect();
    let others: Vec<&String> = deployments.iter().filter(|name| !kept.iter().any(|kept| name.contains(kept))).collect();
    if !others.is_empty() {
        tale.broken.push(format!("what no job needs is still there: {others:?}"));
    }
    if tale.life.flinks.active_jobs().next().is_some() && !tale.sight.finalized() {
        tale.broken.push("a job runs, and no finalizer keeps it from being forgotten".to_owned());
    }
    ready_is_true(tale, &memory);
    entrances_lead_to_jobs(tale, &memory);
}

/// The condition `Ready` says whether the deployed job lives, or has finished.
fn ready_is_true(tale: &mut Tale, memory: &Memory) {
    let status = tale.life.application().unwrap()["status"].clone();
    let conditions = status["conditions"].as_array().cloned().unwrap_or_default();
    let ready = conditions.iter().any(|it| it["type"] == "Ready" && it["status"] == "True");
    let state = tale.life.state_of_deployed_job().filter(|_| memory.ledger.stopped.is_none());
    let lives = state.is_some_and(|state| !["FAILED", "CANCELED", "SUSPENDED"].contains(&state.as_str()));
    if ready != lives {
        tale.broken.push(format!("Ready is {ready}, and the deployed job is {state:?}"));
    }
}

/// Law of the Services: what has the application's name, or the colour's, leads to the JobManager of the job.
fn entrances_lead_to_jobs(tale: &mut Tale, memory: &Memory) {
    for (revision, colour) in versions(memory).filter(|_| memory.ledger.stopped.is_none()) {
        let service = colour.map_or("orders".to_owned(), |colour| format!("orders-{colour}"));
        let pods = tale.life.world.endpoints("default", &service);
        let names: Vec<&str> = pods.iter().map(|pod| pod["metadata"]["name"].as_str().unwrap()).collect();
        let there = tale.sight.deployments().any(|name| name.contains(revision) && name.ends_with("-jm"));
        if there && !names.iter().any(|name| name.contains(revision)) {
            tale.broken.push(format!("Service {service} leads to {names:?} and not to {revision}"));
        }
    }
}

fn versions(memory: &Memory) -> impl Iterator<Item = (&str, Option<&'static str>)> {
    let versions = memory.ledger.deployed.iter().chain(&memory.ledger.second);
    versions.map(|deployed| (deployed.revision.id.as_str(), deployed.revision.colour.map(Into::into)))
}

/// The lines that say what it rests in.
pub fn lines(tale: &Tale) -> Vec<String> {
    let Some(memory) = tale.life.memory() else {
        let what = if is_gone(&tale.life) { format!("gone; left behind: {}", left(tale)) } else { waits(tale) };
        return vec![wrapped("      rest: ", &what)];
    };
    let jobs: Vec<String> = tale.life.flinks.active_jobs().map(|job| of_job(tale, job)).collect();
    let jobs = match (jobs.is_empty(), &memory.ledger.stopped) {
        (false, _) => jobs.join(", "),
        (true, Some(stopped)) => {
            let kept = stopped.state.as_ref().map_or("nothing".to_owned(), |path| tale.names.of_path(path));
            format!("no job runs, kept: {kept}")
        }
        (true, None) => match tale.life.state_of_deployed_job() {
            Some(state) => {
                format!("no job runs, {} is {}", tale.names.of(tale.deployed().job.as_str()), state.as_str())
            }
            None => "no job runs".to_owned(),
        },
    };
    let phase = match (&memory.phase, &memory.ledger.failed) {
        (Phase::DeployFailed(_), Some(failed)) => format!("DeployFailed ({})", failed.reason),
        (phase, _) => phase.name().to_string(),
    };
    let down = match tale.down {
        (None, ms) if ms > 0 => format!("; without a job for {} s", (ms + SECOND - 1) / SECOND),
        (None, _) | (Some(_), _) => String::new(),
    };
    let mut lines = vec![wrapped("      rest: ", &format!("{phase}; {jobs}{down}"))];
    let says = match (&memory.phase, &memory.ledger.failed) {
        (Phase::DeployFailed(_), Some(failed)) => failed.message.clone(),
        (_, _) => waits(tale),
    };
    let says = Some(says).filter(|says| !says.is_empty());
    lines.extend(says.map(|says| wrapped("      says: ", &tale.names.scrub(&says))));
    lines
}

fn of_job(tale: &Tale, job: &Job) -> String {
    let name = tale.names.of(&job.id.to_string());
    let doing = if job.is_processing() { "runs".to_owned() } else { format!("is {}", job.state().as_str()) };
    let from = match job.checkpoints.restored() {
        None => "afresh".to_owned(),
        Some(from) => format!("from {}", tale.names.of_path(&from.path)),
    };
    format!("{name} {doing} {from}")
}

/// Savepoints outlive the application.
fn left(tale: &Tale) -> String {
    let paths = tale.life.flinks.storage.iter().filter(|(path, _)| path.contains("/savepoint-"));
    let named: Vec<String> = paths
        .map(|(path, saved)| format!("{} of {}", tale.names.of_path(path), tale.names.of(&saved.job.to_string())))
        .collect();
    if named.is_empty() { "no savepoint".to_owned() } else { named.join(", ") }
}

/// Why the last step waits: what it said when it waited first, with the spec and the memory of today.
fn waits(tale: &Tale) -> String {
    let recorded = tale.fired().and_then(|rule| tale.life.recorded().get(&rule));
    let resource = tale.life.application().and_then(|found| serde_json::from_value(Value::clone(&found)).ok());
    let today = recorded.zip(resource).map(|(snapshot, resource): (_, FlinkApplication)| Snapshot {
        application: Application::parse(&resource),
        memory: status::read(resource.status.as_ref()),
        ..snapshot.clone()
    });
    let step = today.as_ref().map(step).filter(|step| Some(step.rule()) == tale.fired());
    let why = step.as_ref().and_then(|step| step.why()).unwrap_or_default();
    tale.names.scrub(why)
}
