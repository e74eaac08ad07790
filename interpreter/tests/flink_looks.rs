//! What the client makes of Flink's answers to questions.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use flink_operator_core::id::{JobId, RevisionId};
use flink_operator_core::snapshot::{
    Checkpoint, ClusterObjects, DeploymentSeen, FlinkNeeds, FlinkSeen, JobState, ListedJob, Needs, Objects,
    SavepointSeen, Seen, Tasks, TroubleClass,
};
use flink_operator_interpreter::flink::{Addresses, Call, Calls, FlinkClient, Outcome, Timeouts, Uncounted};
use flink_operator_interpreter::observe::flink::{jobs, look};
use jiff::Timestamp;
use serde_json::{Value, json};
use support::{JOB, Server, TRIGGER, application, errors, job, revision, the_savepoint};

fn client(url: &str) -> FlinkClient {
    let addresses = Addresses::Fixed(BTreeMap::from([(revision(), url.to_owned())]));
    FlinkClient::new(addresses, Timeouts::default(), Arc::new(Uncounted)).unwrap()
}

async fn ask(server: &Server, needs: FlinkNeeds) -> FlinkSeen {
    let needs = BTreeMap::from([(revision(), needs)]);
    look(&client(&server.url), &application(), &needs).await.remove(&revision()).unwrap()
}

async fn ask_for_job(server: &Server) -> FlinkSeen {
    ask(server, FlinkNeeds { job: Some(job()), restarts: true, ..FlinkNeeds::default() }).await
}

async fn ask_for_savepoint(server: &Server, status: u16, answer: Value) -> Seen<SavepointSeen> {
    server.on(&format!("GET /jobs/{JOB}/savepoints/{TRIGGER}"), status, answer);
    ask(server, FlinkNeeds { savepoint: Some(the_savepoint(false)), ..FlinkNeeds::default() }).await.savepoint
}

fn at(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(milliseconds).unwrap()
}

fn vertex(tasks: Value) -> Value {
    json!({
        "id": "cbc357ccb763df2852fee8c4fc7d55f2", "name": "Source: orders", "maxParallelism": 128, "parallelism": 2,
        "status": "RUNNING", "start-time": 1_750_000_001_000_i64, "end-time": -1, "duration": 5, "tasks": tasks,
        "metrics": { "read-bytes": 0, "read-bytes-complete": true },
    })
}

fn details(state: &str, vertices: Value) -> Value {
    json!({
        "jid": JOB, "name": "orders", "isStoppable": false, "state": state, "job-type": "STREAMING",
        "start-time": 1_750_000_000_123_i64, "end-time": -1, "duration": 3000, "maxParallelism": -1,
        "now": 1_750_000_003_123_i64, "timestamps": { "RUNNING": 1_750_000_000_500_i64 }, "vertices": vertices,
        "status-counts": { "RUNNING": 2 }, "plan": { "jid": JOB, "name": "orders", "nodes": [] },
    })
}

fn with_metrics(server: &Server) -> &Server {
    let metrics = json!([{ "id": "numRestarts", "value": "4" }]);
    server.on(&format!("GET /jobs/{JOB}/metrics?get=numRestarts"), 200, metrics)
}

#[tokio::test]
async fn only_what_is_needed_is_asked() {
    let server = Server::start().await;
    let seen = ask(&server, FlinkNeeds::default()).await;
    assert_eq!(seen, FlinkSeen::default());
    assert!(server.asked().is_empty());
}

#[tokio::test]
async fn a_savepoint_that_is_under_way_is_all_that_is_asked() {
    let server = Server::start().await;
    let savepoint = format!("GET /jobs/{JOB}/savepoints/{TRIGGER}");
    server.on(&savepoint, 200, json!({ "status": { "id": "IN_PROGRESS" }, "operation": null }));
    let needs = FlinkNeeds {
        job: Some(job()),
        savepoint: Some(the_savepoint(true)),
        checkpoints: Some(job()),
        ..FlinkNeeds::default()
    };
    let seen = ask(&server, needs.clone()).await;
    assert_eq!(seen, FlinkSeen { savepoint: Seen::Present(SavepointSeen::InProgress), ..FlinkSeen::default() });
    assert_eq!(server.asked().len(), 1);

    let server = Server::start().await;
    let lost = json!({ "status": { "id": "COMPLETED" }, "operation": { "failure-cause": { "class": "x", "stack-trace": "x" } } });
    server.on(&savepoint, 200, lost);
    let seen = ask(&server, needs).await;
    assert_ne!(seen.job, Seen::NotAsked, "one that failed does not tell of the job");
    assert_ne!(seen.checkpoints, Seen::NotAsked, "nor of its checkpoints");
}

#[tokio::test]
async fn the_overview_has_slots_and_heartbeats() {
    let server = Server::start().await;
    let worker = |number: u8, free: u8| {
        json!({
            "id": format!("10.0.0.{number}:41133-2ab1cd"),
            "path": format!("pekko.tcp://flink@10.0.0.{number}:41133/user/rpc/taskmanager_0"),
            "dataPort": 34567, "jmxPort": -1, "timeSinceLastHeartbeat": 1_750_000_000_000_i64, "slotsNumber": 4,
            "freeSlots": free, "hardware": { "cpuCores": 2 },
        })
    };
    server.on("GET /taskmanagers", 200, json!({ "taskmanagers": [worker(7, 1), worker(8, 0)] }));
    let seen = ask(&server, FlinkNeeds { overview: true, ..FlinkNeeds::default() }).await;
    let overview = seen.overview.present().unwrap();
    assert_eq!((overview.slots_total, overview.slots_available), (8, 1));
    assert_eq!(overview.heartbeats, [at(1_750_000_000_000); 2]);
}

#[tokio::test]
async fn the_tasks_of_a_job_are_the_subtasks_of_all_its_vertices() {
    let server = Server::start().await;
    let vertices = json!([
        vertex(json!({ "CREATED": 0, "RUNNING": 2, "FINISHED": 0, "FAILED": 0, "INITIALIZING": 0 })),
        vertex(json!({ "CREATED": 1, "RUNNING": 1, "FINISHED": 1, "FAILED": 1, "DEPLOYING": 3 })),
    ]);
    server.on(&format!("GET /jobs/{JOB}"), 200, details("RUNNING", vertices));
    let seen = ask_for_job(with_metrics(&server)).await;
    let job = seen.job.present().unwrap();
    assert_eq!(job.state, JobState::Running);
    assert_eq!(job.start_time, Some(at(1_750_000_000_123)));
    assert_eq!(job.restarts, Some(4));
    assert_eq!(job.tasks, Tasks { total: 9, running: 3, finished: 1, failed: 1, created: 1 });
    assert_eq!(job.failure, None);
    assert_eq!(server.lines().len(), 2, "a healthy job is not asked for its exceptions");
}

#[tokio::test]
async fn a_job_without_metrics_is_still_seen() {
    let server = Server::start().await;
    server.on(&format!("GET /jobs/{JOB}"), 200, details("INITIALIZING", json!([])));
    let seen = ask_for_job(&server).await;
    let job = seen.job.present().unwrap();
    assert_eq!((job.state, job.restarts, job.tasks.total), (JobState::Initializing, None, 0));
}

#[tokio::test]
async fn a_failed_job_tells_its_root_cause_as_every_version_writes_it() {
    let trace = "org.apache.flink.runtime.JobException: Recovery is suppressed by NoRestartBackoffTimeStrategy\n\
        \tat org.apache.flink.runtime.executiongraph.failover.ExecutionFailureHandler.handleFailure(ExecutionFailureHandler.java:180)\n\
        Caused by: java.lang.NumberFormatException: For input string: \"x\"\n\
        \tat java.base/java.lang.Integer.parseInt(Integer.java:668)\n";
    let entry = json!({ "exceptionName": "o.a.f.JobException", "stacktrace": trace, "timestamp": 1, "taskName": null });
    let since_2 = json!({ "exceptionHistory": { "entries": [entry], "truncated": false } });
    let before = json!({ "root-exception": trace, "timestamp": 1, "all-exceptions": [], "truncated": false });
    for exceptions in [since_2, before] {
        let server = Server::start().await;
        server.on(&format!("GET /jobs/{JOB}"), 200, details("FAILED", json!([])));
        server.on(&format!("GET /jobs/{JOB}/exceptions"), 200, exceptions);
        let seen = ask_for_job(with_metrics(&server)).await;
        let failure = seen.job.present().unwrap().failure.clone();
        assert_eq!(failure.as_deref(), Some("java.lang.NumberFormatException: For input string: \"x\""));
    }
}

#[tokio::test]
async fn a_job_that_flink_does_not_know_is_absent() {
    let server = Server::start().await;
    let no = errors(&format!(
        "org.apache.flink.runtime.rest.NotFoundException: Job {JOB} not found\n\tat a.B.c(B.java:1)\n"
    ));
    server.on(&format!("GET /jobs/{JOB}"), 404, no.clone());
    server.on(&format!("GET /jobs/{JOB}/checkpoints"), 404, no);
    let needs = FlinkNeeds { job: Some(job()), checkpoints: Some(job()), ..FlinkNeeds::default() };
    let seen = ask(&server, needs).await;
    assert_eq!((seen.job, seen.checkpoints), (Seen::Absent, Seen::Absent));
}

#[tokio::test]
async fn a_404_that_is_not_about_the_job_does_not_make_it_absent() {
    let of_the_proxy = json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 404, "reason": "NotFound",
        "message": "services \"orders-0a1b2c3d\" not found",
    });
    for answer in [of_the_proxy, errors("Unable to load requested file /jobs/x."), errors("Not found.")] {
        let server = Server::start().await;
        server.on(&format!("GET /jobs/{JOB}"), 404, answer);
        let seen = ask_for_job(&server).await;
        let Seen::Unreachable(trouble) = seen.job else { panic!("{:?}", seen.job) };
        assert_eq!(trouble.class, TroubleClass::TryAgain);
    }
}

#[tokio::test]
async fn a_body_of_nonsense_is_an_error_and_not_a_set_of_zeros() {
    for nonsense in
        ["", "<html>welcome</html>", "{}", "{\"state\":\"PONDERING\",\"vertices\":[]}", "{\"state\":\"RUNNING\"}"]
    {
        let server = Server::start().await;
        server.on_text(&format!("GET /jobs/{JOB}"), 200, nonsense);
        let seen = ask_for_job(&server).await;
        let Seen::Unreachable(trouble) = seen.job else { panic!("{nonsense}: {:?}", seen.job) };
        assert_eq!((trouble.class, trouble.method.as_str()), (TroubleClass::OurBug, "GetJobOverview"), "{nonsense}");
    }
}

#[tokio::test]
async fn nonsense_about_checkpoints_or_taskmanagers_is_an_error_too() {
    for nonsense in ["", "{}", "[]", "{\"taskmanagers\":[{}]}", "{\"counts\":{},\"latest\":{}}"] {
        let server = Server::start().await;
        server.on_text("GET /taskmanagers", 200, nonsense);
        server.on_text(&format!("GET /jobs/{JOB}/checkpoints"), 200, nonsense);
        let seen = ask(&server, FlinkNeeds { overview: true, checkpoints: Some(job()), ..FlinkNeeds::default() }).await;
        assert!(matches!(seen.overview, Seen::Unreachable(_)), "{nonsense}: {:?}", seen.overview);
        assert!(matches!(seen.checkpoints, Seen::Unreachable(_)), "{nonsense}: {:?}", seen.checkpoints);
    }
}

#[test]
fn calls_are_named_as_the_original_named_them() {
    let named = [
        (Call::Stop, "CancelJobWithSavepoint"),
        (Call::Cancel, "ForceCancelJob"),
        (Call::Submit, "SubmitJob"),
        (Call::Savepoint, "CheckSavepointStatus"),
        (Call::TakeSavepoint, "SavepointJob"),
        (Call::Overview, "GetClusterOverview"),
        (Call::TaskManagers, "GetTaskManagers"),
        (Call::Job, "GetJobOverview"),
        (Call::Checkpoints, "GetLatestCheckpoint"),
    ];
    for (call, name) in named {
        assert_eq!(call.method(), name);
    }
}

#[test]
fn a_question_waits_five_seconds_and_a_request_half_a_minute() {
    let Timeouts { connect, look, act } = Timeouts::default();
    assert_eq!([connect, look, act].map(|limit| limit.as_secs()), [2, 5, 30]);
}

#[tokio::test]
async fn a_jobmanager_that_is_not_there_is_unreachable() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let needs = BTreeMap::from([(revision(), FlinkNeeds { job: Some(job()), ..FlinkNeeds::default() })]);
    let seen = look(&client(&url), &application(), &needs).await.remove(&revision()).unwrap();
    let Seen::Unreachable(trouble) = seen.job else { panic!("{:?}", seen.job) };
    assert_eq!(trouble.class, TroubleClass::TryAgain);
    assert!(trouble.message.starts_with(&format!("GET /jobs/{JOB} at {url}: ")), "{}", trouble.message);
    assert!(trouble.message.contains("onnection refused"), "{}", trouble.message);
}

#[tokio::test]
async fn a_revision_without_an_address_is_unreachable() {
    let client = FlinkClient::new(Addresses::Fixed(BTreeMap::new()), Timeouts::default(), Arc::new(Uncounted)).unwrap();
    let needs = BTreeMap::from([(revision(), FlinkNeeds { job: Some(job()), ..FlinkNeeds::default() })]);
    let seen = look(&client, &application(), &needs).await.remove(&revision()).unwrap();
    assert!(matches!(seen.job, Seen::Unreachable(_)));
}

#[tokio::test]
async fn a_savepoint_is_judged_by_its_outcome_and_not_by_its_status() {
    let server = Server::start().await;
    let pending = json!({ "status": { "id": "IN_PROGRESS" }, "operation": null });
    assert_eq!(ask_for_savepoint(&server, 200, pending).await, Seen::Present(SavepointSeen::InProgress));

    let server = Server::start().await;
    let done = json!({ "status": { "id": "COMPLETED" }, "operation": { "location": "s3://b/savepoint-1" } });
    let path = "s3://b/savepoint-1".to_owned();
    assert_eq!(ask_for_savepoint(&server, 200, done).await, Seen::Present(SavepointSeen::Completed { path }));

    let server = Server::start().await;
    let trace = "java.util.concurrent.CompletionException: org.apache.flink.runtime.checkpoint.CheckpointException: Checkpoint expired before completing.\n\
        \tat java.base/java.util.concurrent.CompletableFuture.encodeThrowable(CompletableFuture.java:315)\n";
    let cause = json!({ "class": "java.util.concurrent.CompletionException", "stack-trace": trace, "serialized-throwable": "rO0" });
    let failed = json!({ "status": { "id": "COMPLETED" }, "operation": { "failure-cause": cause } });
    let cause =
        "org.apache.flink.runtime.checkpoint.CheckpointException: Checkpoint expired before completing.".to_owned();
    assert_eq!(ask_for_savepoint(&server, 200, failed).await, Seen::Present(SavepointSeen::Failed { cause }));
}

#[tokio::test]
async fn a_savepoint_that_completed_with_nothing_is_nonsense() {
    let server = Server::start().await;
    let empty = json!({ "status": { "id": "COMPLETED" }, "operation": {} });
    assert!(matches!(ask_for_savepoint(&server, 200, empty).await, Seen::Unreachable(_)));
}

#[tokio::test]
async fn a_trigger_that_flink_does_not_know_is_absent() {
    for text in [
        format!("org.apache.flink.runtime.rest.handler.RestHandlerException: There is no savepoint operation with triggerId={TRIGGER} for job {JOB}.\n\tat x"),
        "org.apache.flink.runtime.rest.NotFoundException: Operation not found under key: AsynchronousJobOperationKey@782\n\tat x".to_owned(),
    ] {
        let server = Server::start().await;
        assert_eq!(ask_for_savepoint(&server, 404, errors(&text)).await, Seen::Absent);
    }
}

#[tokio::test]
async fn checkpoints_tell_where_the_newest_state_is() {
    let server = Server::start().await;
    let checkpoint = |path: &str, time: i64, kind: &str| {
        json!({
            "className": "completed", "id": 12, "status": "COMPLETED", "is_savepoint": false, "savepointFormat": null,
            "trigger_timestamp": time, "latest_ack_timestamp": time + 9, "state_size": 4096, "end_to_end_duration": 9,
            "num_subtasks": 4, "checkpoint_type": kind, "tasks": {}, "external_path": path, "discarded": false,
        })
    };
    let latest = json!({
        "completed": checkpoint("<checkpoint-not-externally-addressable>", 1000, "CHECKPOINT"),
        "savepoint": checkpoint("s3://b/savepoint-2", 2000, "SYNC_SAVEPOINT"),
        "failed": null,
        "restored": { "id": 3, "restore_timestamp": 500, "is_savepoint": true, "external_path": "s3://b/savepoint-1" },
    });
    let counts = json!({ "restored": 1, "total": 20, "in_progress": 0, "completed": 18, "failed": 2 });
    let body = json!({ "counts": counts, "summary": {}, "latest": latest, "history": [] });
    server.on(&format!("GET /jobs/{JOB}/checkpoints"), 200, body);
    let seen = ask(&server, FlinkNeeds { checkpoints: Some(job()), ..FlinkNeeds::default() }).await;
    let found = seen.checkpoints.present().unwrap();
    assert_eq!((found.completed, found.failed), (18, 2));
    assert_eq!(found.latest, Some(Checkpoint { path: None, time: at(1000) }));
    assert_eq!(found.savepoint, Some(Checkpoint { path: Some("s3://b/savepoint-2".into()), time: at(2000) }));
    assert_eq!(found.restored, Some(Checkpoint { path: Some("s3://b/savepoint-1".into()), time: at(500) }));
}

#[tokio::test]
async fn a_savepoint_after_which_the_job_ran_on_is_not_its_last_state() {
    let server = Server::start().await;
    let manual =
        json!({ "trigger_timestamp": 1000, "external_path": "s3://b/savepoint-1", "checkpoint_type": "SAVEPOINT" });
    let latest = json!({ "completed": null, "savepoint": manual, "failed": null, "restored": null });
    let body = json!({ "counts": { "completed": 7, "failed": 0 }, "latest": latest });
    server.on(&format!("GET /jobs/{JOB}/checkpoints"), 200, body);
    let seen = ask(&server, FlinkNeeds { checkpoints: Some(job()), ..FlinkNeeds::default() }).await;
    let found = seen.checkpoints.present().unwrap();
    assert_eq!(found.savepoint, None);
    assert_eq!(found.any_savepoint.as_ref().unwrap().path.as_deref(), Some("s3://b/savepoint-1"));
}

#[tokio::test]
async fn all_jobs_that_a_jobmanager_knows_are_listed() {
    let server = Server::start().await;
    let jobmanager = Some(DeploymentSeen::default());
    let cluster = ClusterObjects { jobmanager, ..ClusterObjects::default() };
    // Without a Deployment there is nobody to ask.
    let clusters = BTreeMap::from([(revision(), cluster), (RevisionId::known("gone"), ClusterObjects::default())]);
    let objects = Seen::Present(Objects { clusters, ..Objects::default() });
    let needs = Needs { jobs: true, ..Needs::default() };
    assert_eq!(jobs(&client(&server.url), &application(), &Needs::default(), &objects).await, BTreeMap::new());
    let silent = jobs(&client(&server.url), &application(), &needs, &objects).await;
    assert_eq!(silent.len(), 1);
    assert!(matches!(silent[&revision()], Seen::Unreachable(_)), "{silent:?}");
    let listed = json!({ "jobs": [{ "id": JOB, "status": "RUNNING" }, { "id": "other", "status": "CANCELED" }] });
    server.on("GET /jobs", 200, listed);
    let found = jobs(&client(&server.url), &application(), &needs, &objects).await;
    let expected = vec![
        ListedJob { id: job(), state: JobState::Running },
        ListedJob { id: JobId::known("other"), state: JobState::Canceled },
    ];
    assert_eq!(found[&revision()], Seen::Present(expected));
}

#[tokio::test]
async fn a_discarded_checkpoint_has_no_address() {
    let server = Server::start().await;
    let completed = json!({ "trigger_timestamp": 1000, "external_path": "s3://b/chk-7", "discarded": true });
    let latest = json!({ "completed": completed, "savepoint": null, "failed": null, "restored": null });
    let body = json!({ "counts": { "completed": 7, "failed": 0 }, "latest": latest });
    server.on(&format!("GET /jobs/{JOB}/checkpoints"), 200, body);
    let seen = ask(&server, FlinkNeeds { checkpoints: Some(job()), ..FlinkNeeds::default() }).await;
    assert_eq!(seen.checkpoints.present().unwrap().latest, Some(Checkpoint { path: None, time: at(1000) }));
}

#[tokio::test]
async fn every_request_is_counted_with_its_outcome() {
    #[derive(Default)]
    struct Counted(Mutex<Vec<(Call, Outcome)>>);
    impl Calls for Counted {
        fn finished(&self, call: Call, outcome: Outcome, _: Duration) {
            self.0.lock().unwrap().push((call, outcome));
        }
    }
    let server = Server::start().await;
    server.on("GET /taskmanagers", 503, errors("Service temporarily unavailable due to an ongoing leader election."));
    let counted = Arc::new(Counted::default());
    let addresses = Addresses::Fixed(BTreeMap::from([(revision(), server.url.clone())]));
    let client = FlinkClient::new(addresses, Timeouts::default(), counted.clone()).unwrap();
    let needs = BTreeMap::from([(revision(), FlinkNeeds { overview: true, ..FlinkNeeds::default() })]);
    let seen = look(&client, &application(), &needs).await;
    assert!(matches!(seen[&revision()].overview, Seen::Unreachable(_)));
    assert!(counted.0.lock().unwrap().contains(&(Call::TaskManagers, Outcome::Answered(503))));
}
