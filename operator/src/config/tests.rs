use clap::Parser;

use super::*;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    args: RunArgs,
}

fn args(words: &[&str]) -> RunArgs {
    Line::try_parse_from(["run"].iter().chain(words)).expect("the words make sense").args
}

fn settings(file: &str, variables: &[(&str, &str)], words: &[&str]) -> Settings {
    let said = files::read(&[("config.yaml".into(), file.to_owned())]).unwrap();
    Settings::gather(&said, &args(words), |name| {
        variables.iter().find(|(variable, _)| *variable == name).map(|(_, value)| (*value).to_owned())
    })
}

fn config(file: &str, variables: &[(&str, &str)], words: &[&str]) -> Config {
    settings(file, variables, words).config().unwrap()
}

#[test]
fn the_defaults_are_the_policys() {
    assert_eq!(config("", &[], &[]).policy, Policy::default());
}

#[test]
fn a_flag_wins_over_the_environment_and_that_over_the_file() {
    let file = "operator: {resyncPeriod: 1s, workers: 1, proxyPort: 1}";
    let variables = [("OPERATOR_RESYNC_PERIOD", "2s"), ("OPERATOR_WORKERS", "2")];
    let found = config(file, &variables, &["--operator.resyncPeriod", "3s"]);
    assert_eq!((found.policy.poll_interval_ms, found.workers, found.proxy_port), (3000, 2, 1));
    let shown = settings(file, &variables, &["--operator.resyncPeriod=3s"]).shown();
    let from =
        json!({"operator.resyncPeriod": "flag", "operator.workers": "environment", "operator.proxyPort": "file"});
    assert_eq!(shown.get("from"), Some(&from));
    assert_eq!(shown.pointer("/operator/resyncPeriod"), Some(&json!("3s")));
    assert_eq!(shown.pointer("/operator/maxErrDuration"), Some(&json!("5m")));
}

#[test]
fn a_bad_value_is_told_with_its_key_and_what_to_write_and_so_is_the_next_one() {
    let found =
        settings("operator: {resyncPeriod: soon}", &[("OPERATOR_WORKERS", "many")], &["--operator.metricsPrefix="]);
    let problems = found.config().unwrap_err();
    assert_eq!(
        problems,
        [
            "operator.resyncPeriod: \"soon\": it is no duration of up to 49 days; write it like 30s, 5m or 100ms",
            "operator.metricsPrefix (--operator.metricsPrefix): \"\": it cannot begin a metric's name; write letters, \
             digits and _, such as flinkk8soperator",
            "operator.workers (OPERATOR_WORKERS): \"many\": it is no count; write a whole number from 1 to 10000",
        ]
    );
}

#[test]
fn every_key_can_be_set_and_arrives() {
    let given = [
        "--operator.resyncPeriod=1s",
        "--operator.limitNamespace= a , b",
        "--operator.metricsPrefix=flink",
        "--operator.profilerPort=1",
        "--operator.console=127.0.0.1:8082",
        "--operator.ingressUrlFormat={{$jobCluster}}.example.com",
        "--operator.useKubectlProxy",
        "--operator.proxyPort=2",
        "--operator.containerNameFormat=%s-x",
        "--operator.workers=3",
        "--operator.baseBackoffDuration=4ms",
        "--operator.maxBackoffDuration=5ms",
        "--operator.maxErrDuration=6ms",
        "--operator.flinkJobVertexTimeout=7ms",
        "--operator.schedulerName=volcano",
        "--operator.savepointTimeout=8ms",
        "--operator.statusRefreshPeriod=9ms",
        "--logger.show-source",
        "--logger.mute=true",
        "--logger.level=5",
        "--logger.formatter.type=text",
    ];
    assert_eq!(given.len(), KEYS.len());
    let policy = Policy {
        ingress_url_format: "{{$jobCluster}}.example.com".to_owned(),
        container_name_format: "%s-x".to_owned(),
        kubectl_proxy: Some(2),
        scheduler_name: "volcano".to_owned(),
        base_backoff_ms: 4,
        max_backoff_ms: 5,
        cluster_start_timeout_ms: 6,
        job_start_timeout_ms: 7,
        savepoint_timeout_ms: 8,
        poll_interval_ms: 1000,
        status_refresh_ms: 9,
    };
    let wanted = Config {
        policy,
        namespaces: vec!["a".to_owned(), "b".to_owned()],
        port: 1,
        console: Some(([127, 0, 0, 1], 8082).into()),
        metrics_prefix: "flink".to_owned(),
        workers: 3,
        logger: Logger { level: "debug", format: crate::log::Format::Text, source: true, mute: true },
        use_proxy: true,
        proxy_port: 2,
    };
    assert_eq!(config("", &[], &given), wanted);
}

#[test]
fn short_flags_mean_what_the_long_ones_mean() {
    let short = ["--namespaces", "a, b", "--kubectl-proxy", "9", "--log-format", "text", "--log-level", "warn"];
    let short = [&short[..], &["--console", "[::1]:7"]].concat();
    let long = [
        "--operator.console=[::1]:7",
        "--operator.limitNamespace=a,b",
        "--operator.useKubectlProxy=true",
        "--operator.proxyPort=9",
        "--logger.formatter.type=text",
        "--logger.level=3",
    ];
    assert_eq!(config("", &[], &short), config("", &[], &long));
}

#[test]
fn the_originals_flags_are_heard_or_ignored() {
    let given = args(&["--logtostderr", "--v=5", "--config=/etc/flinkoperator/config*/config*", "--kubeconfig", "k"]);
    assert_eq!(given.config.as_deref(), Some("/etc/flinkoperator/config*/config*"));
    assert_eq!(given.keys.ignored, ["logtostderr", "v"]);
    assert!(Line::try_parse_from(["run", "--operator.resyncPeriode", "1s"]).is_err());
}
