//! Effects on Kubernetes, against scripted answers of the API server.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::collections::BTreeMap;
use std::sync::Arc;

use flink_operator_core::effect::{Effect, Target};
use flink_operator_core::snapshot::{Report, TroubleClass};
use flink_operator_interpreter::flink::{Addresses, FlinkClient, Timeouts, Uncounted};
use flink_operator_interpreter::perform::Performer;
use flink_operator_interpreter::workers::Workers;
use k8s_openapi::api::core::v1::Service;
use serde_json::{Value, json};
use support::{JOB, Server, TRIGGER, UID, application, job, revision, trigger};

const SERVICES: &str = "/api/v1/namespaces/shop/services";
const WRITTEN: &str = "fieldManager=flinkk8soperator";
const APPLICATION: &str = "/apis/flink.k8s.io/v1beta1/namespaces/shop/flinkapplications/orders";
const OURS: &str = "job.finalizers.flink.k8s.io";

fn performer(server: &Server) -> Performer {
    let addresses = Addresses::Fixed(BTreeMap::from([(revision(), server.url.clone())]));
    let flink = FlinkClient::new(addresses, Timeouts::default(), Arc::new(Uncounted)).unwrap();
    Performer::new(server.kubernetes(), Arc::new(flink), Arc::new(Workers::new(1)))
}

async fn perform(server: &Server, effect: Effect) -> Report {
    performer(server).perform_all(&application(), &[effect]).await
}

/// Nothing, or the class and the message of the trouble.
async fn trouble(server: &Server, effect: Effect) -> Option<(TroubleClass, String)> {
    let key = effect.key();
    let report = perform(server, effect).await;
    let trouble = report.failed.get(&key).map(|it| (it.class, it.message.clone()));
    assert_eq!(report.is_empty(), trouble.is_none());
    trouble
}

fn no(code: u16, reason: &str, message: &str) -> Value {
    let status = json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure" });
    let mut status = status.as_object().unwrap().clone();
    status.extend([("code".into(), json!(code)), ("reason".into(), json!(reason)), ("message".into(), json!(message))]);
    Value::Object(status)
}

fn service(owner: Option<(&str, &str)>) -> Value {
    let owners = owner.map(|(name, uid)| {
        json!([{ "apiVersion": "flink.k8s.io/v1beta1", "kind": "FlinkApplication", "name": name, "uid": uid, "controller": true }])
    });
    let spec = json!({
        "clusterIP": "None", "ports": [{ "name": "ui", "port": 8081, "protocol": "TCP", "targetPort": 8081 }],
        "selector": { "flink-app": "orders", "pod-deployment-selector": "old", "flink-app-hash": "gone" },
    });
    let metadata = json!({
        "namespace": "shop", "name": "orders", "uid": "service-uid", "resourceVersion": "41", "ownerReferences": owners,
    });
    json!({ "apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec })
}

fn wanted(port: i32) -> Box<Service> {
    let spec = json!({
        "ports": [{ "name": "ui", "port": port }],
        "selector": { "flink-app": "orders", "pod-deployment-selector": "new" },
    });
    let metadata = json!({ "namespace": "shop", "name": "orders" });
    Box::new(serde_json::from_value(json!({ "metadata": metadata, "spec": spec })).unwrap())
}

async fn create_where_there_is(found: Option<Value>) -> Option<(TroubleClass, String)> {
    let server = Server::start().await;
    let exists = no(409, "AlreadyExists", "services \"orders\" already exists");
    server.on(&format!("POST {SERVICES}?&{WRITTEN}"), 409, exists);
    match found {
        Some(found) => server.on(&format!("GET {SERVICES}/orders"), 200, found),
        None => server.on(&format!("GET {SERVICES}/orders"), 404, no(404, "NotFound", "services \"orders\" not found")),
    };
    trouble(&server, Effect::CreateService(wanted(8081))).await
}

#[tokio::test]
async fn an_object_is_created_under_our_name() {
    let server = Server::start().await;
    server.on(&format!("POST {SERVICES}?&{WRITTEN}"), 201, service(Some(("orders", UID))));
    assert_eq!(trouble(&server, Effect::CreateService(wanted(8081))).await, None);
    assert_eq!(server.lines(), [format!("POST {SERVICES}?&{WRITTEN}")]);
}

#[tokio::test]
async fn an_object_that_is_ours_already_was_created() {
    assert_eq!(create_where_there_is(Some(service(Some(("orders", UID))))).await, None);
}

#[tokio::test]
async fn an_object_on_its_way_out_is_waited_for() {
    let mut leaving = service(Some(("orders", UID)));
    leaving["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    for found in [Some(leaving), Some(service(Some(("orders", "an-older-uid")))), None] {
        assert_eq!(create_where_there_is(found).await.unwrap().0, TroubleClass::TryAgain);
    }
}

#[tokio::test]
async fn an_object_of_somebody_else_is_the_users_fault_and_named() {
    for found in [service(None), service(Some(("another-application", "uid-2")))] {
        let (class, message) = create_where_there_is(Some(found)).await.unwrap();
        assert_eq!(class, TroubleClass::UsersFault);
        assert!(message.contains("there is a Service orders that this application does not own"), "{message}");
    }
}

#[tokio::test]
async fn a_refused_object_is_the_users_fault_and_a_full_quota_is_not() {
    for (code, reason, class) in
        [(422, "Invalid", TroubleClass::UsersFault), (403, "Forbidden", TroubleClass::TryAgain)]
    {
        let server = Server::start().await;
        server.on(&format!("POST {SERVICES}?&{WRITTEN}"), code, no(code, reason, "the reason why"));
        let (found, message) = trouble(&server, Effect::CreateService(wanted(8081))).await.unwrap();
        assert_eq!((found, message), (class, format!("create Service shop/orders: the reason why (status {code})")));
    }
}

#[tokio::test]
async fn pointing_replaces_the_selector_as_a_whole_and_only_that() {
    let server = Server::start().await;
    let patch = format!("PATCH {SERVICES}/orders?&{WRITTEN}");
    let found = service(Some(("orders", UID)));
    server.on(&format!("GET {SERVICES}/orders"), 200, found.clone()).on(&patch, 200, found);
    assert_eq!(trouble(&server, Effect::PointService(wanted(8081))).await, None);
    let selector = json!({ "flink-app": "orders", "pod-deployment-selector": "new", "flink-app-hash": null });
    let metadata = json!({ "uid": "service-uid", "resourceVersion": "41" });
    assert_eq!(server.body_of(&patch), json!({ "metadata": metadata, "spec": { "selector": selector } }));
}

#[tokio::test]
async fn pointing_brings_the_ports_along_where_they_differ() {
    let server = Server::start().await;
    let patch = format!("PATCH {SERVICES}/orders?&{WRITTEN}");
    let found = service(Some(("orders", UID)));
    server.on(&format!("GET {SERVICES}/orders"), 200, found.clone()).on(&patch, 200, found);
    assert_eq!(trouble(&server, Effect::PointService(wanted(9090))).await, None);
    assert_eq!(server.body_of(&patch)["spec"]["ports"], json!([{ "name": "ui", "port": 9090 }]));
}

#[tokio::test]
async fn a_service_that_points_there_already_is_not_written() {
    let server = Server::start().await;
    let mut found = service(Some(("orders", UID)));
    found["spec"]["selector"] = json!({ "flink-app": "orders", "pod-deployment-selector": "new" });
    server.on(&format!("GET {SERVICES}/orders"), 200, found);
    assert_eq!(trouble(&server, Effect::PointService(wanted(8081))).await, None);
    assert_eq!(server.lines(), [format!("GET {SERVICES}/orders")]);
}

#[tokio::test]
async fn a_service_that_somebody_writes_meanwhile_is_pointed_later() {
    let server = Server::start().await;
    let conflict = no(409, "Conflict", "the object has been modified; please apply your changes to the latest version");
    server.on(&format!("GET {SERVICES}/orders"), 200, service(Some(("orders", UID))));
    server.on(&format!("PATCH {SERVICES}/orders?&{WRITTEN}"), 409, conflict);
    assert_eq!(trouble(&server, Effect::PointService(wanted(8081))).await.unwrap().0, TroubleClass::TryAgain);
}

#[tokio::test]
async fn a_service_of_somebody_else_is_not_pointed() {
    let server = Server::start().await;
    server.on(&format!("GET {SERVICES}/orders"), 200, service(None));
    assert_eq!(trouble(&server, Effect::PointService(wanted(8081))).await.unwrap().0, TroubleClass::UsersFault);
    assert_eq!(server.lines().len(), 1);
}

fn target() -> Target {
    Target { name: "orders-0a1b2c3d-jm".into(), uid: "deployment-uid".into(), revision: revision() }
}

#[tokio::test]
async fn a_deletion_means_this_object_only_and_takes_its_pods_along() {
    let server = Server::start().await;
    let deployment = "DELETE /apis/apps/v1/namespaces/shop/deployments/orders-0a1b2c3d-jm?";
    let service = format!("DELETE {SERVICES}/orders-0a1b2c3d-jm?");
    let success = json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success" });
    server.on(deployment, 200, success.clone()).on(&service, 200, success);
    assert_eq!(trouble(&server, Effect::DeleteDeployment(target())).await, None);
    assert_eq!(trouble(&server, Effect::DeleteService(target())).await, None);
    let only = json!({ "uid": "deployment-uid" });
    assert_eq!(server.body_of(deployment), json!({ "propagationPolicy": "Foreground", "preconditions": only }));
    assert_eq!(server.body_of(&service), json!({ "propagationPolicy": "Background", "preconditions": only }));
}

#[tokio::test]
async fn what_is_gone_or_replaced_is_deleted() {
    let replaced = "Operation cannot be fulfilled on services \"x\": Precondition failed: UID in precondition: a, UID in object meta: b";
    for (code, reason, message) in [(404, "NotFound", "not found"), (409, "Conflict", replaced)] {
        let server = Server::start().await;
        server.on(&format!("DELETE {SERVICES}/orders-0a1b2c3d-jm?"), code, no(code, reason, message));
        assert_eq!(trouble(&server, Effect::DeleteService(target())).await, None);
    }
}

#[tokio::test]
async fn a_deletion_that_was_not_heard_is_tried_again() {
    for (code, reason) in [(409, "Conflict"), (500, "InternalError"), (429, "TooManyRequests")] {
        let server = Server::start().await;
        server.on(&format!("DELETE {SERVICES}/orders-0a1b2c3d-jm?"), code, no(code, reason, "not now"));
        assert_eq!(trouble(&server, Effect::DeleteService(target())).await.unwrap().0, TroubleClass::TryAgain);
    }
}

fn stored(uid: &str, finalizers: &[&str]) -> Value {
    json!({
        "apiVersion": "flink.k8s.io/v1beta1", "kind": "FlinkApplication", "spec": { "unknown": true },
        "metadata": { "namespace": "shop", "name": "orders", "uid": uid, "resourceVersion": "99", "finalizers": finalizers },
    })
}

async fn finalizers_after(found: Value, effect: Effect) -> (Option<(TroubleClass, String)>, Option<Value>) {
    let server = Server::start().await;
    let patch = format!("PATCH {APPLICATION}?&{WRITTEN}");
    server.on(&format!("GET {APPLICATION}"), 200, found.clone()).on(&patch, 200, found);
    let trouble = trouble(&server, effect).await;
    let written = server.lines().contains(&patch).then(|| server.body_of(&patch));
    (trouble, written)
}

fn guarded(finalizers: &[&str]) -> Option<Value> {
    Some(json!({ "metadata": { "uid": UID, "resourceVersion": "99", "finalizers": finalizers } }))
}

#[tokio::test]
async fn our_finalizer_comes_and_goes_and_others_keep_their_order() {
    let (trouble, written) = finalizers_after(stored(UID, &["b/b", "a/a"]), Effect::AddFinalizer).await;
    assert_eq!((trouble, written), (None, guarded(&["b/b", "a/a", OURS])));
    let (trouble, written) = finalizers_after(stored(UID, &["b/b", OURS, "a/a"]), Effect::RemoveFinalizer).await;
    assert_eq!((trouble, written), (None, guarded(&["b/b", "a/a"])));
}

#[tokio::test]
async fn a_finalizer_that_is_there_or_gone_already_is_not_written() {
    assert_eq!(finalizers_after(stored(UID, &[OURS]), Effect::AddFinalizer).await, (None, None));
    assert_eq!(finalizers_after(stored(UID, &["a/a"]), Effect::RemoveFinalizer).await, (None, None));
}

#[tokio::test]
async fn another_application_of_that_name_keeps_its_finalizer() {
    let (trouble, written) = finalizers_after(stored("a-newer-uid", &[OURS]), Effect::RemoveFinalizer).await;
    assert_eq!((trouble, written), (None, None));
    let (trouble, written) = finalizers_after(stored("a-newer-uid", &[]), Effect::AddFinalizer).await;
    assert_eq!((trouble.unwrap().0, written), (TroubleClass::TryAgain, None));
}

#[tokio::test]
async fn an_application_that_is_gone_has_no_finalizer() {
    let server = Server::start().await;
    server.on(&format!("GET {APPLICATION}"), 404, no(404, "NotFound", "not found"));
    assert_eq!(trouble(&server, Effect::RemoveFinalizer).await, None);
    let server = Server::start().await;
    server.on(&format!("GET {APPLICATION}"), 200, stored(UID, &[OURS]));
    server.on(&format!("PATCH {APPLICATION}?&{WRITTEN}"), 404, no(404, "NotFound", "not found"));
    assert_eq!(trouble(&server, Effect::RemoveFinalizer).await, None);
}

#[tokio::test]
async fn effects_stop_at_the_first_that_fails() {
    let server = Server::start().await;
    let stop = Effect::StopWithSavepoint { revision: revision(), job: job(), trigger: trigger() };
    let cancel = Effect::CancelJob { revision: revision(), job: job() };
    server.on(&format!("GET {APPLICATION}"), 200, stored(UID, &[OURS]));
    server.on("GET /overview", 200, json!({ "slots-total": 1, "slots-available": 0, "flink-version": "2.1.0" }));
    server.on(&format!("POST /jobs/{JOB}/stop"), 503, json!({ "errors": ["not ready"] }));
    let report = performer(&server).perform_all(&application(), &[Effect::AddFinalizer, stop, cancel]).await;
    assert_eq!(report.failed.len(), 1);
    let (key, trouble) = report.failed.first_key_value().unwrap();
    assert_eq!(key.0, format!("stop/{JOB}/{TRIGGER}"));
    assert_eq!((trouble.class, trouble.method.as_str()), (TroubleClass::TryAgain, "CancelJobWithSavepoint"));
    assert!(!server.lines().iter().any(|line| line.contains("mode=cancel")), "nothing after it is done");
}
