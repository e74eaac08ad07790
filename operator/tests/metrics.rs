//! The metrics of a whole life, read from a running operator.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use kube::api::DeleteParams;
use support::process::Cluster;
use support::real::until_running;
use support::until;

/// The original's counters that a deploy, an update and a rest bring about, by scope.
const COUNTERS: [(&str, &str); 19] = [
    ("reconciler", "cache_hit"),
    ("flink_controller", "delete_resource_success"),
    ("flink_controller", "app_changed_counter"),
    ("job_manager_controller", "deployment_create_success"),
    ("job_manager_controller", "service_create_success"),
    ("job_manager_controller", "ingress_create_success"),
    ("task_manager_controller", "deployment_create_success"),
    ("k8_cluster", "create_success"),
    ("k8_cluster", "update_success"),
    ("k8_cluster", "delete_success"),
    ("k8_cluster", "get_deployment_cache_hit"),
    ("k8_cluster", "get_deployment_cache_miss"),
    ("flink_jm_client", "submit_job_success"),
    ("flink_jm_client", "cancel_job_success"),
    ("flink_jm_client", "check_savepoint_status_success"),
    ("flink_jm_client", "get_jobs_success"),
    ("flink_jm_client", "get_cluster_success"),
    ("flink_jm_client", "get_checkpoints_success"),
    ("state_machine", "Running_handle_time_ms_count"),
];

/// The phases of a deploy and an update.
const PHASES: [&str; 6] = ["New", "Updating", "ClusterStarting", "Savepointing", "SubmittingJob", "Running"];

const OF: &str = "{app_name=\"numbers\",ns=\"default\"}";

#[tokio::test]
async fn a_life_leaves_the_originals_metrics_and_a_deletion_takes_them_away() {
    let cluster = Cluster::start().await;
    let words = ["--operator.metricsPrefix=flink", "--operator.ingressUrlFormat={{$jobCluster}}.example.com"];
    let operator = cluster.operator(&words).with(&["--operator.resyncPeriod=200ms"]).start();
    cluster.create("numbers").await;
    until_running(&cluster.applications(), "numbers", 1).await;
    cluster.edit("numbers", "--out elsewhere").await;
    until_running(&cluster.applications(), "numbers", 2).await;
    for (scope, name) in COUNTERS {
        let series = format!("flink:{scope}:{name}{OF}");
        until(&series, || async { operator.metric(&series).await.filter(|value| *value >= 1.0) }).await;
    }
    for phase in PHASES {
        for rest in ["handle_time_ms_sum", "handle_time_ms_count", "handle_time_success_ms_count"] {
            let series = format!("flink:state_machine:{phase}_{rest}{OF}");
            assert!(operator.metric(&series).await.is_some_and(|value| value > 0.0), "{series}");
        }
    }
    // Looks at the savepoint count as looks at the savepoint: one job was stopped, two were submitted, no more.
    for (name, times) in [("cancel_job_success", 1.0), ("submit_job_success", 2.0)] {
        assert_eq!(operator.metric(&format!("flink:flink_jm_client:{name}{OF}")).await, Some(times), "{name}");
    }
    for name in ["get_checkpoints_failed", "force_cancel_job_success", "savepoint_job_failed"] {
        assert_eq!(operator.metric(&format!("flink:flink_jm_client:{name}{OF}")).await, None, "{name}");
    }
    assert_eq!(operator.metric("flink_applications{phase=\"Running\"}").await, Some(1.0));
    assert_eq!(operator.metric("flink_phase_seconds_count{phase=\"SubmittingJob\"}").await, Some(2.0));
    assert_eq!(operator.metric("flink_effects_total{effect=\"SubmitJob\",outcome=\"done\"}").await, Some(2.0));
    let (_, text) = operator.page("/metrics").await.unwrap();
    for of in ["verb=\"update\"", "verb=\"watch\"", "resource=\"flinkapplications\""] {
        let timed = |line: &str| line.starts_with("flink_kubernetes_request_seconds_count{") && line.contains(of);
        assert!(text.lines().any(timed), "{of}");
    }
    assert!(text.contains("flink_flink_request_seconds_count{call=\"SubmitJob\",outcome=\"200\"} 2"));

    cluster.applications().delete("numbers", &DeleteParams::default()).await.unwrap();
    let gone = || async { (!operator.page("/metrics").await?.1.contains("numbers")).then_some(()) };
    until("its series are gone", gone).await;
    assert_eq!(operator.metric("flink_applications{phase=\"Running\"}").await, Some(0.0));
}

#[tokio::test]
async fn colours_and_phases_of_all_applications_are_gauges() {
    let cluster = Cluster::start().await;
    let operator = cluster.operator(&["--operator.resyncPeriod=200ms"]).start();
    for name in ["one", "two"] {
        cluster.create(name).await;
    }
    for name in ["one", "two"] {
        until_running(&cluster.applications(), name, 1).await;
    }
    operator.until_metric("flinkk8soperator_applications{phase=\"Running\"}", 2.0).await;
    operator.until_metric("flinkk8soperator_application_health{of=\"job\",health=\"Green\"}", 2.0).await;
    assert_eq!(operator.metric("flinkk8soperator_application_health{of=\"job\",health=\"Red\"}").await, Some(0.0));
}
