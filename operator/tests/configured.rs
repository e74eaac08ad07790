//! The operator's configuration: where values come from, which are refused, and what may change while it runs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Namespace;
use kube::Api;
use kube::api::{ListParams, PostParams};
use serde_json::json;
use support::process::{Cluster, Operator};
use support::real::until_running;
use support::{Directory, PROGRAM, until, word};

/// A ConfigMap as the kubelet mounts it: the file is a link to a link that is swapped.
struct Mounted(PathBuf);

impl Mounted {
    fn new(directory: &Directory, text: &str) -> Self {
        let mounted = Self(directory.0.join("config"));
        fs::create_dir(&mounted.0).unwrap();
        mounted.put(text);
        std::os::unix::fs::symlink("..data/config.yaml", mounted.0.join("config.yaml")).unwrap();
        mounted
    }

    fn put(&self, text: &str) {
        let version = format!("..{}", fs::read_dir(&self.0).unwrap().count());
        fs::create_dir(self.0.join(&version)).unwrap();
        fs::write(self.0.join(&version).join("config.yaml"), text).unwrap();
        std::os::unix::fs::symlink(&version, self.0.join("..new")).unwrap();
        fs::rename(self.0.join("..new"), self.0.join("..data")).unwrap();
    }

    /// As the original's manifest names it.
    fn pattern(&self) -> String {
        word(&self.0.join("config*")).replace("/config/", "/config*/")
    }
}

async fn until_configured(operator: &Operator, pointer: &str, value: &str) {
    let look = || async { (operator.json("/config").await?.pointer(pointer)? == value).then_some(()) };
    until(&format!("{pointer} is {value}"), look).await;
}

fn run(words: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(PROGRAM);
    command.arg("run").args(words).envs(variables.iter().copied()).stdin(Stdio::null());
    command.output().unwrap()
}

/// Arguments, variables, and what is said to them.
type Case<'a> = (&'a [&'a str], &'a [(&'a str, &'a str)], &'a str);

#[test]
fn a_bad_value_ends_the_start_with_its_key_and_what_to_write() {
    let directory = Directory::new();
    let file = directory.write("config.yaml", "operator:\n  resyncPeriod: soon\n  workers: 0\n");
    let from_file = ["--config", word(&file)];
    let cases: [Case; 7] = [
        (&from_file, &[], "operator.resyncPeriod: \"soon\": it is no duration of up to 49 days; write it like 30s"),
        (&from_file, &[], "operator.workers: \"0\": it is no count; write a whole number"),
        (&["--operator.metricsPrefix="], &[], "operator.metricsPrefix (--operator.metricsPrefix): \"\""),
        (&[], &[("OPERATOR_METRICS_PREFIX", "")], "operator.metricsPrefix (OPERATOR_METRICS_PREFIX): \"\""),
        (&["--config", "/nowhere/config*"], &[], "--config /nowhere/config*: there is no such file"),
        (&["--lease-renew-deadline", "20s"], &[], "--lease-renew-deadline: 20s leaves no time to stop"),
        (&["--operator.containerNameFormat", "A_%s"], &[], "operator.containerNameFormat"),
    ];
    for (words, variables, said) in cases {
        let output = run(words, variables);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{said}: {error}");
        assert!(error.contains(said), "{said}: {error}");
    }
}

#[tokio::test]
async fn a_flag_wins_over_the_environment_that_over_the_file_and_that_over_the_default() {
    let cluster = Cluster::start().await;
    let text = "operator: {resyncPeriod: 11s, maxErrDuration: 11m, schedulerName: one, surprise: 1}";
    let file = cluster.directory.write("config.yaml", text);
    let operator = cluster
        .operator(&["--config", word(&file), "--operator.resyncPeriod=33s"])
        .variable("OPERATOR_RESYNC_PERIOD", "22s")
        .variable("OPERATOR_MAX_ERR_DURATION", "22m")
        .start();
    until_configured(&operator, "/operator/resyncPeriod", "33s").await;
    let config = operator.json("/config").await.unwrap();
    assert_eq!(config["operator"]["maxErrDuration"], "22m");
    assert_eq!(config["operator"]["schedulerName"], "one");
    assert_eq!(config["operator"]["flinkJobVertexTimeout"], "3m");
    let from = &config["from"];
    assert_eq!(from["operator.resyncPeriod"], "flag");
    assert_eq!(from["operator.maxErrDuration"], "environment");
    assert_eq!(from["operator.schedulerName"], "file");
    operator.until_it_logs("operator.surprise is unknown").await;
}

#[tokio::test]
async fn only_the_listed_namespaces_are_watched_and_their_names_are_trimmed() {
    let cluster = Cluster::start().await;
    for namespace in ["other", "third"] {
        let object = serde_json::from_value(json!({"metadata": {"name": namespace}})).unwrap();
        let namespaces: Api<Namespace> = Api::all(cluster.client.clone());
        namespaces.create(&PostParams::default(), &object).await.unwrap();
    }
    for namespace in ["default", "other", "third"] {
        cluster.create_in(namespace, "numbers").await;
    }
    let _operator = cluster.operator(&[]).variable("OPERATOR_LIMIT_NAMESPACE", " default , other,").start();
    until_running(&cluster.applications(), "numbers", 1).await;
    until_running(&cluster.applications_of("other"), "numbers", 1).await;
    assert_eq!(cluster.applications_of("third").get("numbers").await.unwrap().status, None);
}

#[tokio::test]
async fn a_change_of_the_file_is_heard_and_deploys_nothing_again() {
    let cluster = Cluster::start().await;
    let mounted = Mounted::new(&cluster.directory, "operator: {resyncPeriod: 200ms, workers: 2}\n");
    let operator =
        cluster.operator(&["--logtostderr", "--config", &mounted.pattern()]).called_as_the_original().start();
    cluster.create("numbers").await;
    let before = until_running(&cluster.applications(), "numbers", 1).await.status.unwrap();
    let of_pods = "schedulerName: volcano, containerNameFormat: '%s-main', ingressUrlFormat: 'x-{{$jobCluster}}'";
    mounted.put(&format!("operator: {{resyncPeriod: 200ms, workers: 9, {of_pods}}}\n"));
    until_configured(&operator, "/operator/schedulerName", "volcano").await;
    until_configured(&operator, "/operator/workers", "2").await;
    operator.until_it_logs("next start").await;
    operator.until_metric("flinkk8soperator_config_reloads_total{outcome=\"applied\"}", 1.0).await;

    let looks = "flinkk8soperator:reconciler:cache_hit{app_name=\"numbers\",ns=\"default\"}";
    let now = operator.metric(looks).await.unwrap();
    until("it was looked at again", || async { (operator.metric(looks).await? >= now + 5.0).then_some(()) }).await;
    let after = cluster.applications().get("numbers").await.unwrap().status.unwrap();
    assert_eq!((after.deployed, after.phase), (before.deployed, before.phase));
    let deploys = "flinkk8soperator:flink_controller:app_changed_counter{app_name=\"numbers\",ns=\"default\"}";
    assert_eq!(operator.metric(deploys).await, Some(1.0));

    cluster.edit("numbers", "--out elsewhere").await;
    until_running(&cluster.applications(), "numbers", 2).await;
    let deployments: Api<Deployment> = Api::default_namespaced(cluster.client.clone());
    let new = || async {
        let all = deployments.list(&ListParams::default()).await.unwrap().items;
        let pods = all.into_iter().map(|it| it.spec.unwrap().template.spec.unwrap()).collect::<Vec<_>>();
        pods.iter().all(|pod| pod.scheduler_name.as_deref() == Some("volcano")).then_some(pods)
    };
    let pods = until("only the new pods are left", new).await;
    let mut names: Vec<&str> = pods.iter().map(|pod| pod.containers[0].name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["jobmanager-main", "taskmanager-main"]);
}

#[tokio::test]
async fn a_bad_file_is_refused_loudly_and_the_old_configuration_stays() {
    let cluster = Cluster::start().await;
    let mounted = Mounted::new(&cluster.directory, "operator: {maxErrDuration: 7m}\n");
    let operator = cluster.operator(&["--config", &mounted.pattern()]).start();
    until_configured(&operator, "/operator/maxErrDuration", "7m").await;
    let refused = "flinkk8soperator_config_reloads_total{outcome=\"refused\"}";
    mounted.put("operator: {maxErrDuration: soon, maxBackoffDuration: 9s}\n");
    operator.until_metric(refused, 1.0).await;
    operator.until_it_logs("the new configuration is refused and the old one stays: operator.maxErrDuration").await;
    mounted.put("operator: [\n");
    operator.until_metric(refused, 2.0).await;
    let config = operator.json("/config").await.unwrap();
    assert_eq!(config["operator"]["maxErrDuration"], "7m");
    assert_eq!(config["operator"]["maxBackoffDuration"], "30s");
    mounted.put("operator: {maxErrDuration: 8m}\n");
    until_configured(&operator, "/operator/maxErrDuration", "8m").await;
}

#[tokio::test]
async fn a_new_address_of_the_proxy_is_heard() {
    let cluster = Cluster::start().await;
    let proxy = |port: u16| format!("operator: {{useKubectlProxy: true, proxyPort: {port}, resyncPeriod: 200ms}}\n");
    let mounted = Mounted::new(&cluster.directory, &proxy(1));
    let operator = cluster.operator(&["--config", &mounted.pattern()]).without_a_proxy().start();
    cluster.create("numbers").await;
    let unanswered = "flinkk8soperator:flink_jm_client:get_cluster_failure{app_name=\"numbers\",ns=\"default\"}";
    until("nobody answers", || async { operator.metric(unanswered).await }).await;
    mounted.put(&proxy(cluster.sandbox.port()));
    until_running(&cluster.applications(), "numbers", 1).await;
}
