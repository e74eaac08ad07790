//! What the client tells Flink to do, and what it makes of the answers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use flink_operator_core::application::JobPlan;
use flink_operator_core::effect::Submission;
use flink_operator_core::snapshot::{SavepointSeen, TroubleClass};
use flink_operator_interpreter::error::Error;
use flink_operator_interpreter::flink::{Addresses, FlinkClient, Timeouts, Uncounted};
use serde_json::{Value, json};
use support::{JOB, Server, TRIGGER, application, errors, job, revision, server_side, trigger};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

const RUN: &str = "POST /jars/orders.jar/run";

fn client(url: &str, timeouts: Timeouts) -> FlinkClient {
    let addresses = Addresses::Fixed(BTreeMap::from([(revision(), url.to_owned())]));
    FlinkClient::new(addresses, timeouts, Arc::new(Uncounted)).unwrap()
}

fn submission() -> Submission {
    let plan = JobPlan {
        jar_name: "orders.jar".into(),
        entry_class: "shop.Orders".into(),
        program_args: "--topic orders --note 'two words'".into(),
        parallelism: NonZeroU32::new(2).unwrap(),
        allow_non_restored_state: false,
    };
    Submission { revision: revision(), job: job(), plan, restore_from: Some("s3://b/savepoint-1".into()) }
}

async fn submit(server: &Server, submission: &Submission) -> Result<(), Error> {
    client(&server.url, Timeouts::default()).of(&application(), &revision()).submit(submission).await
}

async fn answered(status: u16, body: Value) -> Result<(), Error> {
    let server = Server::start().await;
    server.on(RUN, status, body);
    submit(&server, &submission()).await
}

async fn stop(server: &Server, client: &FlinkClient) -> Result<(), Error> {
    let _ = server;
    client.of(&application(), &revision()).stop(&job(), &trigger()).await
}

async fn a_flink_of(version: &str) -> Server {
    let server = Server::start().await;
    server.on("GET /overview", 200, json!({ "slots-total": 1, "slots-available": 0, "flink-version": version }));
    server
}

fn refused(answer: Result<(), Error>) -> (TroubleClass, String) {
    let error = answer.unwrap_err();
    (error.class(), error.to_string())
}

#[tokio::test]
async fn a_submission_carries_our_id_and_the_arguments_as_a_list() {
    let server = Server::start().await;
    server.on(RUN, 200, json!({ "jobid": JOB }));
    submit(&server, &submission()).await.unwrap();
    let sent = json!({
        "jobId": JOB, "entryClass": "shop.Orders", "parallelism": 2, "savepointPath": "s3://b/savepoint-1",
        "programArgsList": ["--topic", "orders", "--note", "two words"],
    });
    assert_eq!(server.body_of(RUN), sent);
}

#[tokio::test]
async fn what_is_empty_is_not_sent_and_names_are_encoded() {
    let server = Server::start().await;
    server.on("POST /jars/a%2Fb%20c%3F.jar/run", 200, json!({ "jobid": JOB }));
    let mut plain = submission();
    plain.plan.jar_name = "a/b c?.jar".into();
    plain.plan.entry_class.clear();
    plain.plan.program_args.clear();
    plain.plan.allow_non_restored_state = true;
    plain.restore_from = None;
    submit(&server, &plain).await.unwrap();
    let sent = json!({ "jobId": JOB, "parallelism": 2, "allowNonRestoredState": true });
    assert_eq!(server.asked()[0].body, sent);
}

#[tokio::test]
async fn a_job_that_was_submitted_before_is_submitted() {
    let trace = "org.apache.flink.runtime.rest.handler.RestHandlerException: Could not execute application.\n\tat a.B\n\
        Caused by: java.util.concurrent.CompletionException: org.apache.flink.util.FlinkRuntimeException: Could not execute application.\n\
        Caused by: org.apache.flink.client.program.ProgramInvocationException: The main method caused an error: Failed to execute job\n\
        Caused by: org.apache.flink.runtime.client.DuplicateJobSubmissionException: Job has already been submitted.\n";
    for status in [400, 409, 500] {
        answered(status, errors(trace)).await.unwrap();
    }
}

#[tokio::test]
async fn another_job_than_ours_is_a_bug_and_an_answer_that_cannot_be_read_is_not() {
    let (class, text) = refused(answered(200, json!({ "jobid": TRIGGER })).await);
    assert_eq!(class, TroubleClass::OurBug);
    assert!(text.contains(TRIGGER) && text.contains(JOB), "{text}");
    answered(200, json!("well done")).await.unwrap();
}

#[tokio::test]
async fn a_program_that_fails_is_the_users_fault_with_its_root_cause() {
    let trace = "java.util.concurrent.CompletionException: org.apache.flink.client.program.ProgramInvocationException: The program's entry point class 'shop.Orders' was not found in the jar file.\n\
        \tat org.apache.flink.runtime.webmonitor.handlers.utils.JarHandlerUtils$JarHandlerContext.toPackagedProgram(JarHandlerUtils.java:191)\n\
        Caused by: java.lang.ClassNotFoundException: shop.Orders\n\tat x\n\t... 5 more";
    let (class, text) = refused(answered(500, server_side(trace)).await);
    assert_eq!(class, TroubleClass::UsersFault);
    assert!(text.contains("java.lang.ClassNotFoundException: shop.Orders"), "{text}");
    assert!(!text.contains("JarHandlerUtils"), "no stack: {text}");

    let trace = "org.apache.flink.runtime.rest.handler.RestHandlerException: Could not execute application.\n\tat x\n\
        Caused by: java.io.FileNotFoundException: Cannot find checkpoint or savepoint file/directory 's3://b/savepoint-1'.\n";
    let (class, text) = refused(answered(400, errors(trace)).await);
    assert_eq!(class, TroubleClass::UsersFault);
    assert!(text.contains("Cannot find checkpoint or savepoint"), "{text}");
}

#[tokio::test]
async fn a_missing_jar_is_the_users_fault_and_named() {
    let trace = "java.util.concurrent.CompletionException: org.apache.flink.runtime.rest.handler.RestHandlerException: Jar file /opt/flink/upload/flink-web-upload/orders.jar does not exist\n\tat x";
    let (class, text) = refused(answered(500, server_side(trace)).await);
    assert_eq!(class, TroubleClass::UsersFault);
    assert!(text.contains("no jar orders.jar") && text.contains("correct jarName"), "{text}");
}

#[tokio::test]
async fn a_jobmanager_that_runs_no_jars_is_the_users_fault() {
    for text in ["Not found: /jars/orders.jar/run", "Not found."] {
        let (class, text) = refused(answered(404, errors(text)).await);
        assert_eq!(class, TroubleClass::UsersFault);
        assert!(text.contains("web.submit.enable"), "{text}");
    }
}

#[tokio::test]
async fn what_may_pass_is_tried_again() {
    let leader = errors("Service temporarily unavailable due to an ongoing leader election. Please refresh.");
    let timeout = "org.apache.flink.runtime.rest.handler.RestHandlerException: Could not execute application.\n\tat x\n\
        Caused by: org.apache.flink.runtime.client.JobSubmissionException: Failed to submit job\n\
        Caused by: java.util.concurrent.TimeoutException: Invocation of [LocalRpcInvocation] timed out.\n";
    let answers = [
        (503, leader),
        (500, server_side("java.lang.OutOfMemoryError: Metaspace\n\tat x")),
        (400, errors(timeout)),
        (500, server_side(timeout)),
        (404, json!({ "kind": "Status", "code": 404, "message": "services \"orders\" not found" })),
        (502, json!("bad gateway")),
        (429, errors("slow down")),
        (307, json!("")),
    ];
    for (status, body) in answers {
        let (class, text) = refused(answered(status, body).await);
        assert_eq!(class, TroubleClass::TryAgain, "{status}: {text}");
    }
}

#[tokio::test]
async fn no_answer_in_time_is_tried_again() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let timeouts = Timeouts { act: Duration::from_millis(50), ..Timeouts::default() };
    let client = client(&url, timeouts);
    let (class, text) = refused(client.of(&application(), &revision()).submit(&submission()).await);
    assert_eq!(class, TroubleClass::TryAgain);
    assert!(text.contains("no answer within"), "{text}");
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_tried_again() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 4096];
        let _ = stream.read(&mut request).await.unwrap();
        stream.write_all(b"HTTP/1.1 500 Oops\r\ncontent-length: 1000\r\n\r\n{\"errors\": [").await.unwrap();
    });
    let client = client(&url, Timeouts::default());
    let (class, text) = refused(client.of(&application(), &revision()).submit(&submission()).await);
    assert_eq!(class, TroubleClass::TryAgain, "{text}");
}

#[tokio::test]
async fn a_savepoint_of_a_job_that_runs_on_names_no_directory() {
    let server = a_flink_of("2.1.0").await;
    let line = format!("POST /jobs/{JOB}/savepoints");
    server.on(&line, 202, json!({ "request-id": TRIGGER }));
    let client = client(&server.url, Timeouts::default());
    client.of(&application(), &revision()).take_savepoint(&job(), &trigger()).await.unwrap();
    assert_eq!(server.body_of(&line), json!({ "cancel-job": false, "triggerId": TRIGGER }));
}

#[tokio::test]
async fn a_job_is_stopped_under_our_trigger_id() {
    let server = a_flink_of("2.1.0").await;
    let line = format!("POST /jobs/{JOB}/stop");
    server.on(&line, 202, json!({ "request-id": TRIGGER }));
    stop(&server, &client(&server.url, Timeouts::default())).await.unwrap();
    assert_eq!(server.body_of(&line), json!({ "drain": false, "triggerId": TRIGGER }));
}

#[tokio::test]
async fn an_older_flink_chooses_the_id_and_is_asked_under_it() {
    let theirs = "99990000999900009999000099990000";
    let server = a_flink_of("1.13.6").await;
    let line = format!("POST /jobs/{JOB}/stop");
    let none = json!({ "counts": { "completed": 1, "failed": 0 }, "latest": {}, "history": [] });
    server.on(&format!("GET /jobs/{JOB}/checkpoints"), 200, none).on(&line, 202, json!({ "request-id": theirs }));
    let done = json!({ "status": { "id": "COMPLETED" }, "operation": { "location": "s3://b/savepoint-9" } });
    server.on(&format!("GET /jobs/{JOB}/savepoints/{theirs}"), 200, done);
    let client = client(&server.url, Timeouts::default());
    stop(&server, &client).await.unwrap();
    stop(&server, &client).await.unwrap();
    assert_eq!(server.body_of(&line), json!({ "drain": false }), "asked once, and without our id");
    let seen = client.of(&application(), &revision()).savepoint(&job(), &trigger()).await.unwrap();
    assert_eq!(seen, Some(SavepointSeen::Completed { path: "s3://b/savepoint-9".into() }));
}

#[tokio::test]
async fn an_older_flink_is_not_asked_for_a_second_savepoint_while_one_is_under_way() {
    let server = a_flink_of("1.14.0").await;
    let entry = json!({ "id": 5, "status": "IN_PROGRESS", "is_savepoint": true, "trigger_timestamp": 1 });
    let history = json!({ "counts": { "completed": 1, "failed": 0 }, "latest": {}, "history": [entry] });
    server.on(&format!("GET /jobs/{JOB}/checkpoints"), 200, history);
    stop(&server, &client(&server.url, Timeouts::default())).await.unwrap();
    assert!(!server.lines().iter().any(|line| line.starts_with("POST")));
}

#[tokio::test]
async fn a_missing_savepoint_directory_is_the_users_fault_and_named_as_flink_names_it() {
    let server = a_flink_of("2.1.0").await;
    let text = "org.apache.flink.runtime.rest.handler.RestHandlerException: Config key [execution.checkpointing.savepoint-dir] is not set. Property [targetDirectory] must be provided.\n\tat x";
    server.on(&format!("POST /jobs/{JOB}/stop"), 400, errors(text));
    let (class, text) = refused(stop(&server, &client(&server.url, Timeouts::default())).await);
    assert_eq!(class, TroubleClass::UsersFault);
    assert!(text.contains("set execution.checkpointing.savepoint-dir in flinkConfig"), "{text}");
}

#[tokio::test]
async fn a_job_that_is_gone_or_has_ended_is_as_good_as_cancelled() {
    let line = format!("PATCH /jobs/{JOB}?mode=cancel");
    let gone = errors("org.apache.flink.runtime.rest.handler.RestHandlerException: Job could not be found.\n\tat x");
    let ended = errors(
        "org.apache.flink.runtime.rest.handler.RestHandlerException: Job cancellation failed because the job has already reached another terminal state (FINISHED).\n\tat x",
    );
    for (status, body) in [(202, json!({})), (404, gone), (409, ended)] {
        let server = Server::start().await;
        server.on(&line, status, body);
        client(&server.url, Timeouts::default()).of(&application(), &revision()).cancel(&job()).await.unwrap();
    }
}

#[tokio::test]
async fn a_cancellation_that_was_not_heard_is_tried_again() {
    let line = format!("PATCH /jobs/{JOB}?mode=cancel");
    let proxy = json!({ "kind": "Status", "code": 404, "message": "services \"orders\" not found" });
    let timeout = errors("org.apache.flink.runtime.rest.handler.RestHandlerException: Job cancellation timed out.");
    for (status, body) in [(404, proxy), (408, timeout), (500, json!({ "errors": ["Internal server error."] }))] {
        let server = Server::start().await;
        server.on(&line, status, body);
        let cancelled = client(&server.url, Timeouts::default()).of(&application(), &revision()).cancel(&job()).await;
        assert_eq!(refused(cancelled).0, TroubleClass::TryAgain, "{status}");
    }
}
