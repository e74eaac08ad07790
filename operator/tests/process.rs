//! The operator as a process: its start, its end, and who of two acts.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;
use serde_json::{Value, json};
use support::process::{Cluster, Hanging, Operator, Wire};
use support::real::until_running;
use support::until;

/// Times that no test outlives: only who gives the Lease back hands it over.
const FOR_EVER: [&str; 2] = ["--lease-duration=900s", "--lease-renew-deadline=800s"];
/// Times of a test in which the Lease runs out.
const SHORT: [&str; 2] = ["--lease-duration=3s", "--lease-renew-deadline=1500ms"];
const OFTEN: &str = "--lease-retry-period=100ms";

const LEADER: &str = "flinkk8soperator_leader";

async fn names(operator: &Operator) -> Vec<String> {
    let listed = operator.json("/debug/applications").await.unwrap_or_default();
    let names = listed.as_array().cloned().unwrap_or_default();
    names.iter().map(|it| it["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn sigterm_ends_the_operator_with_code_0_although_a_jobmanager_never_answers() {
    let test = Cluster::start().await;
    let hanging = Hanging::before(&test.sandbox).await;
    let mut operator = test.operator(&FOR_EVER).jobmanagers_at(hanging.port).start();
    test.create("numbers").await;
    test.create("hung").await;
    until_running(&test.applications(), "numbers", 1).await;
    until("the hanging JobManager is asked", || async { (hanging.asked() > 0).then_some(()) }).await;
    assert_ne!(test.holder().await, "");
    operator.signal("TERM");
    assert_eq!(operator.ended().await.code(), Some(0), "{}", operator.log());
    assert_eq!(test.holder().await, "", "the lease is given back");
}

#[tokio::test]
async fn sigterm_ends_an_operator_that_stands_by() {
    let test = Cluster::start().await;
    let first = test.operator(&FOR_EVER).start();
    first.until_metric(LEADER, 1.0).await;
    let mut second = test.operator(&FOR_EVER).start();
    second.until_it_logs("standing by").await;
    second.signal("TERM");
    assert_eq!(second.ended().await.code(), Some(0), "{}", second.log());
    assert_eq!(first.metric(LEADER).await, Some(1.0));
}

#[tokio::test]
async fn a_second_operator_stands_by_and_takes_over_when_the_first_is_terminated() {
    let test = Cluster::start().await;
    let mut first = test.operator(&FOR_EVER).with(&[OFTEN]).start();
    first.until_metric(LEADER, 1.0).await;
    let second = test.operator(&FOR_EVER).with(&[OFTEN]).start();
    second.until_it_logs("standing by").await;
    test.create("numbers").await;
    until_running(&test.applications(), "numbers", 1).await;
    assert_eq!(names(&first).await, ["numbers"]);
    assert_eq!((names(&second).await, second.metric(LEADER).await), (Vec::new(), Some(0.0)));
    assert_eq!(second.page("/readyz").await.unwrap().0, 200);
    first.signal("TERM");
    assert!(first.ended().await.success());
    second.until_metric(LEADER, 1.0).await;
    test.edit("numbers", "--out elsewhere").await;
    until_running(&test.applications(), "numbers", 2).await;
    assert_eq!(second.page("/readyz").await.unwrap(), (200, "ok: this process acts".to_owned()));
}

#[tokio::test]
async fn a_second_operator_takes_over_when_the_first_is_killed_and_its_lease_runs_out() {
    let test = Cluster::start().await;
    let mut first = test.operator(&SHORT).with(&[OFTEN]).start();
    first.until_metric(LEADER, 1.0).await;
    let second = test.operator(&SHORT).with(&[OFTEN]).start();
    second.until_it_logs("standing by").await;
    let holder = test.holder().await;
    first.signal("KILL");
    first.ended().await;
    second.until_metric(LEADER, 1.0).await;
    assert_ne!(test.holder().await, holder);
    test.create("numbers").await;
    until_running(&test.applications(), "numbers", 1).await;
}

#[tokio::test]
async fn a_holder_that_cannot_renew_its_lease_stops_acting_and_stands_by_again() {
    let test = Cluster::start().await;
    let wire = Wire::to(&test.sandbox).await;
    let first = test.operator(&SHORT).with(&[OFTEN]).api_server_at(wire.port).start();
    first.until_metric(LEADER, 1.0).await;
    test.create("numbers").await;
    until_running(&test.applications(), "numbers", 1).await;
    let second = test.operator(&SHORT).with(&[OFTEN]).start();
    second.until_it_logs("standing by").await;
    wire.cut();
    first.until_metric(LEADER, 0.0).await;
    assert_eq!(names(&first).await, Vec::<String>::new());
    let unready = || async { (first.page("/readyz").await?.0 == 503).then_some(()) };
    until("it cannot look at the lease", unready).await;
    second.until_metric(LEADER, 1.0).await;
    wire.mend();
    first.until_it_logs("another process holds the lease").await;
    assert_eq!((first.metric(LEADER).await, second.metric(LEADER).await), (Some(0.0), Some(1.0)));
    test.edit("numbers", "--out elsewhere").await;
    until_running(&test.applications(), "numbers", 2).await;
}

#[tokio::test]
async fn without_leader_election_no_lease_is_touched() {
    let test = Cluster::start().await;
    let operator = test.operator(&["--no-leader-election"]).start();
    operator.until_metric(LEADER, 1.0).await;
    test.create("numbers").await;
    until_running(&test.applications(), "numbers", 1).await;
    let leases: Api<Lease> = Api::default_namespaced(test.client.clone());
    assert_eq!(leases.list(&Default::default()).await.unwrap().items, Vec::new());
}

#[tokio::test]
async fn jobmanagers_that_never_answer_delay_no_other_application() {
    let test = Cluster::start().await;
    let hanging = Hanging::before(&test.sandbox).await;
    let _operator = test.operator(&["--operator.workers=1"]).jobmanagers_at(hanging.port).start();
    for name in ["hung-a", "hung-b", "hung-c", "hung-d", "hung-e"] {
        test.create(name).await;
    }
    until("they are asked", || async { (hanging.asked() >= 5).then_some(()) }).await;
    test.create("numbers").await;
    until_running(&test.applications(), "numbers", 1).await;
    test.edit("numbers", "--out elsewhere").await;
    until_running(&test.applications(), "numbers", 2).await;
    let hung = test.applications().get("hung-a").await.unwrap().status.unwrap();
    assert_eq!(hung.phase.as_deref(), Some("ClusterStarting"));
}

#[tokio::test]
async fn every_page_answers_and_tells_what_the_applications_are_doing() {
    let test = Cluster::start().await;
    let operator = test.operator(&[]).start();
    test.create("numbers").await;
    until_running(&test.applications(), "numbers", 1).await;
    let rests = || async {
        let listed = operator.json("/debug/applications").await?;
        let one = listed.as_array()?.first()?.clone();
        (one["phase"] == "Running" && one["nextWake"].is_string()).then_some(one)
    };
    let one = until("it rests in Running", rests).await;
    assert_eq!((&one["namespace"], &one["name"]), (&json!("default"), &json!("numbers")));
    assert!(one["rule"].as_str().is_some_and(|rule| !rule.is_empty()) && one["lastStep"].is_string(), "{one}");
    assert_eq!(one["worksForSeconds"], Value::Null);
    for path in ["/", "/metrics", "/healthcheck", "/readyz", "/livez", "/version", "/config", "/debug/applications"] {
        assert_eq!(operator.page(path).await.unwrap().0, 200, "{path}");
    }
    let (_, index) = operator.page("/").await.unwrap();
    assert!(index.contains("href=\"/debug/applications\""));
    assert_eq!(operator.page("/nowhere").await.unwrap().0, 404);
}

#[tokio::test]
async fn log_lines_say_which_application_in_which_phase() {
    let test = Cluster::start().await;
    let operator = test.operator(&[]).start();
    test.create("numbers").await;
    until_running(&test.applications(), "numbers", 1).await;
    let lines: Vec<Value> = operator.log().lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let found = lines
        .iter()
        .any(|line| line["app_name"] == "numbers" && line["ns"] == "default" && line["phase"] == "SubmittingJob");
    assert!(found, "{}", operator.log());
}
