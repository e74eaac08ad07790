//! The watch caches: what they tell of one application, and whom an event touches.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::collections::BTreeSet;

use flink_operator_core::snapshot::{DeploymentSeen, Objects, Seen};
use flink_operator_interpreter::flink::Addresses;
use flink_operator_interpreter::observe::kubernetes::{all_objects, fresh_written};
use flink_operator_interpreter::observe::{ApplicationName, Children, DeploymentView, PodView, ServiceView, Watched};
use k8s_openapi::api::networking::v1::Ingress;
use kube::runtime::watcher::Event;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use support::{Server, UID, application, revision};

fn object<K: DeserializeOwned>(value: Value) -> K {
    serde_json::from_value(value).unwrap()
}

fn metadata(name: &str, owner: &str, labels: Value) -> Value {
    let mut all = json!({ "flink-app": "orders" });
    all.as_object_mut().unwrap().extend(labels.as_object().unwrap().clone());
    let owner = json!({
        "apiVersion": "flink.k8s.io/v1beta1", "kind": "FlinkApplication", "name": "orders", "uid": owner,
        "controller": true,
    });
    json!({ "namespace": "shop", "name": name, "uid": format!("uid-of-{name}"), "labels": all, "ownerReferences": [owner] })
}

fn deployment(role: &str, owner: &str, available: i32) -> Value {
    let suffix = if role == "jobmanager" { "jm" } else { "tm" };
    let labels = json!({ "flink-app-hash": "0a1b2c3d", "flink-deployment-type": role });
    let pods = json!({ "flink-app": "orders", "pod-deployment-selector": suffix });
    json!({
        "metadata": metadata(&format!("orders-0a1b2c3d-{suffix}"), owner, labels),
        "spec": { "replicas": 3, "selector": { "matchLabels": pods }, "template": {} },
        "status": { "replicas": 2, "availableReplicas": available },
    })
}

fn service(name: &str, labels: Value) -> Value {
    let ports = json!([{ "name": "rpc", "port": 6123 }, { "name": "ui", "port": 9999 }]);
    let spec = json!({ "ports": ports, "selector": { "pod-deployment-selector": "jm" } });
    json!({ "metadata": metadata(name, UID, labels), "spec": spec })
}

fn pod(name: &str, selector: &str) -> Value {
    let labels =
        json!({ "flink-app": "orders", "pod-deployment-selector": selector, "flink-deployment-type": "taskmanager" });
    let owner = json!({ "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "rs", "uid": "rs", "controller": true });
    let waiting = json!({ "waiting": { "reason": "ImagePullBackOff", "message": "no such image" } });
    let container =
        json!({ "name": "c", "image": "i", "imageID": "", "ready": false, "restartCount": 0, "state": waiting });
    json!({
        "metadata": { "namespace": "shop", "name": name, "labels": labels, "ownerReferences": [owner] },
        "status": { "containerStatuses": [container] },
    })
}

fn list<K: Watched + DeserializeOwned>(children: &Children, objects: &[Value]) -> BTreeSet<ApplicationName> {
    let mut touched = children.hear::<K>(&Event::Init);
    for value in objects {
        touched.extend(children.hear::<K>(&Event::InitApply(object(value.clone()))));
    }
    touched.extend(children.hear::<K>(&Event::InitDone));
    touched
}

fn all() -> ([Value; 2], [Value; 2], [Value; 1], [Value; 3]) {
    (
        [deployment("jobmanager", UID, 1), deployment("taskmanager", UID, 0)],
        [service("orders", json!({})), service("orders-0a1b2c3d", json!({ "flink-app-hash": "0a1b2c3d" }))],
        [json!({ "metadata": metadata("orders", UID, json!({})) })],
        [pod("orders-tm-2", "tm"), pod("orders-tm-1", "tm"), pod("stranger", "other")],
    )
}

fn watched() -> Children {
    let children = Children::default();
    let (deployments, services, ingresses, pods) = all();
    list::<DeploymentView>(&children, &deployments);
    list::<ServiceView>(&children, &services);
    list::<Ingress>(&children, &ingresses);
    list::<PodView>(&children, &pods);
    children
}

fn look(children: &Children) -> Objects {
    match children.look(&application()) {
        Seen::Present(objects) => objects,
        none @ (Seen::NotAsked | Seen::Absent | Seen::Unreachable(_)) => panic!("{none:?}"),
    }
}

fn orders() -> BTreeSet<ApplicationName> {
    BTreeSet::from([ApplicationName::of(&application())])
}

#[test]
fn objects_are_sorted_by_revision_and_role() {
    let objects = look(&watched());
    let cluster = &objects.clusters[&revision()];
    let jobmanager = DeploymentSeen {
        name: "orders-0a1b2c3d-jm".into(),
        uid: "uid-of-orders-0a1b2c3d-jm".into(),
        deleting: false,
        replicas: 3,
        existing: 2,
        available: 1,
        addressed: 0,
        selects: "jm".into(),
    };
    assert_eq!(cluster.jobmanager.as_ref(), Some(&jobmanager));
    assert_eq!(cluster.taskmanager.as_ref().unwrap().available, 0);
    assert_eq!(cluster.service.as_ref().unwrap().name, "orders-0a1b2c3d");
    assert_eq!(objects.entrances["orders"].selects, "jm");
    assert_eq!(objects.ingresses["orders"].name, "orders");
    assert_eq!(objects.clusters.len(), 1);
}

#[test]
fn pods_that_cannot_run_belong_to_the_cluster_whose_deployment_selects_them() {
    let objects = look(&watched());
    let pods: Vec<_> = objects.clusters[&revision()].pod_troubles.iter().map(|it| it.pod.as_str()).collect();
    assert_eq!(pods, ["orders-tm-1", "orders-tm-2"], "sorted, and without the stranger");
}

#[test]
fn pods_that_have_an_address_are_counted_until_they_are_deleted() {
    let children = watched();
    let addressed = || look(&children).clusters[&revision()].jobmanager.as_ref().unwrap().addressed;
    let mut running = pod("orders-jm-1", "jm");
    children.hear::<PodView>(&Event::Apply(object(running.clone())));
    assert_eq!(addressed(), 0);
    running["status"]["podIP"] = "10.0.0.1".into();
    assert_eq!(children.hear::<PodView>(&Event::Apply(object(running.clone()))), orders(), "its application is woken");
    assert_eq!(addressed(), 1);
    running["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
    children.hear::<PodView>(&Event::Apply(object(running)));
    assert_eq!(addressed(), 0);
}

#[test]
fn objects_of_an_earlier_application_of_that_name_do_not_count() {
    let children = watched();
    let older = object(deployment("jobmanager", "an-older-uid", 1));
    children.hear::<DeploymentView>(&Event::Apply(older));
    let objects = look(&children);
    assert_eq!(objects.clusters[&revision()].jobmanager, None);
}

#[test]
fn nothing_is_seen_until_every_kind_was_listed() {
    let children = Children::default();
    let (deployments, services, ingresses, pods) = all();
    list::<DeploymentView>(&children, &deployments);
    list::<ServiceView>(&children, &services);
    list::<Ingress>(&children, &ingresses);
    assert!(matches!(children.look(&application()), Seen::Unreachable(_)));
    assert!(!children.is_complete());
    children.hear::<PodView>(&Event::Init);
    children.hear::<PodView>(&Event::InitApply(object(pods[0].clone())));
    assert!(matches!(children.look(&application()), Seen::Unreachable(_)), "a list that is not done is no list");
    children.hear::<PodView>(&Event::InitDone);
    assert!(matches!(children.look(&application()), Seen::Present(_)));
    assert!(children.is_complete());
}

#[test]
fn an_event_touches_its_application_once_something_that_counts_changed() {
    let children = watched();
    let before = deployment("jobmanager", UID, 1);
    assert!(children.hear::<DeploymentView>(&Event::Apply(object(before.clone()))).is_empty(), "nothing changed");
    let mut annotated = before;
    annotated["metadata"]["annotations"] = json!({ "seen-by": "somebody" });
    assert!(children.hear::<DeploymentView>(&Event::Apply(object(annotated))).is_empty(), "nothing that counts");
    let available = deployment("jobmanager", UID, 3);
    assert_eq!(children.hear::<DeploymentView>(&Event::Apply(object(available.clone()))), orders());
    assert_eq!(look(&children).clusters[&revision()].jobmanager.as_ref().unwrap().available, 3);
    assert_eq!(children.hear::<DeploymentView>(&Event::Delete(object(available.clone()))), orders());
    assert_eq!(look(&children).clusters[&revision()].jobmanager, None);
    assert!(children.hear::<DeploymentView>(&Event::Delete(object(available))).is_empty(), "it was gone");
}

#[test]
fn what_a_new_list_does_not_have_is_gone() {
    let children = watched();
    let jobmanager = deployment("jobmanager", UID, 1);
    assert_eq!(list::<DeploymentView>(&children, &[jobmanager]), orders());
    let objects = look(&children);
    assert!(objects.clusters[&revision()].jobmanager.is_some());
    assert_eq!(objects.clusters[&revision()].taskmanager, None);
    assert!(objects.entrances.contains_key("orders"), "other kinds are left alone");
}

#[test]
fn a_new_list_that_is_the_same_touches_nobody() {
    let children = watched();
    assert!(list::<DeploymentView>(&children, &all().0).is_empty());
}

#[test]
fn an_object_that_loses_its_label_leaves_its_application() {
    let children = watched();
    let mut moved = service("orders", json!({}));
    moved["metadata"]["labels"] = json!({ "flink-app": "elsewhere" });
    let elsewhere = ApplicationName { namespace: "shop".into(), name: "elsewhere".into() };
    let both = BTreeSet::from([elsewhere, ApplicationName::of(&application())]);
    assert_eq!(children.hear::<ServiceView>(&Event::Apply(object(moved.clone()))), both);
    assert!(look(&children).entrances.is_empty());
    moved["metadata"]["labels"] = json!({});
    assert_eq!(children.hear::<ServiceView>(&Event::Apply(object(moved))).len(), 1);
}

#[test]
fn the_rest_port_is_that_of_the_service_and_not_of_an_edited_spec() {
    let children = std::sync::Arc::new(watched());
    assert_eq!(children.ui_port("shop", "orders-0a1b2c3d").unwrap().get(), 9999);
    assert_eq!(children.ui_port("shop", "nobody"), None);
    let ui_port: flink_operator_interpreter::flink::UiPort =
        std::sync::Arc::new(move |namespace, service| children.ui_port(namespace, service));
    let edited = support::application_with(json!({ "uiPort": 7777 }));
    let inside = Addresses::Kubernetes { proxy: std::sync::Arc::new(|| None), ui_port: ui_port.clone() };
    assert_eq!(inside.base(&edited, &revision()), "http://orders-0a1b2c3d.shop:9999");
    let proxied = Addresses::Kubernetes { proxy: std::sync::Arc::new(|| Some(8001)), ui_port };
    let base = "http://localhost:8001/api/v1/namespaces/shop/services/orders-0a1b2c3d:9999/proxy";
    assert_eq!(proxied.base(&edited, &revision()), base);
    assert_eq!(Addresses::in_cluster().base(&edited, &revision()), "http://orders-0a1b2c3d.shop:7777");
    assert_eq!(Addresses::in_cluster().base(&application(), &revision()), "http://orders-0a1b2c3d.shop:8081");
}

#[tokio::test]
async fn a_fresh_look_sees_what_the_caches_see() {
    let server = Server::start().await;
    let listed = |kind: &str, version: &str, items: &[Value]| json!({ "kind": format!("{kind}List"), "apiVersion": version, "metadata": {}, "items": items });
    let (deployments, services, ingresses, pods) = all();
    let app = "?&labelSelector=flink-app%3Dorders";
    server
        .on(
            &format!("GET /apis/apps/v1/namespaces/shop/deployments{app}"),
            200,
            listed("Deployment", "apps/v1", &deployments),
        )
        .on(&format!("GET /api/v1/namespaces/shop/services{app}"), 200, listed("Service", "v1", &services))
        .on(
            &format!("GET /apis/networking.k8s.io/v1/namespaces/shop/ingresses{app}"),
            200,
            listed("Ingress", "networking.k8s.io/v1", &ingresses),
        )
        .on(&format!("GET /api/v1/namespaces/shop/pods{app}"), 200, listed("Pod", "v1", &pods));
    let fresh = all_objects(&server.kubernetes(), &application()).await;
    assert_eq!(fresh, Seen::Present(look(&watched())));
    let Seen::Present(written) = fresh_written(&server.kubernetes(), &application()).await else { panic!() };
    let with_deployments = look(&watched()).clusters.into_iter().filter(|(_, cluster)| cluster.jobmanager.is_some());
    assert!(written.keys().eq(with_deployments.map(|(id, _)| id).collect::<Vec<_>>().iter()), "{written:?}");
}

#[tokio::test]
async fn one_list_that_fails_is_no_look() {
    let server = Server::start().await;
    let Seen::Unreachable(trouble) = all_objects(&server.kubernetes(), &application()).await else { panic!() };
    assert!(trouble.message.contains("shop/orders"), "{}", trouble.message);
    assert!(matches!(fresh_written(&server.kubernetes(), &application()).await, Seen::Unreachable(_)));
}
