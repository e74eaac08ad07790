//! The operator's configuration: the original's YAML file, and flags over it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::Args;
use flink_operator_core::manifest::names;
use flink_operator_core::policy::Policy;
use serde::Deserialize;

use crate::cli::Failure;
use crate::log::Format;

/// Arguments of `run`.
#[derive(Args, Clone, Debug)]
pub struct RunArgs {
    /// The configuration file in the original's form (sections `operator` and `logger`).
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The kubeconfig; without it $KUBECONFIG, ~/.kube/config or the pod's service account.
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// Watch only these namespaces (comma-separated); without it all.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    namespaces: Vec<String>,
    /// Ask JobManagers through `kubectl proxy`, or any API server without TLS, on this local port.
    #[arg(long, value_name = "PORT")]
    kubectl_proxy: Option<u16>,
    /// Where /metrics, /healthcheck and /version are served.
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<SocketAddr>,
    /// Record every decision in this directory, without secrets; `replay` reads it.
    #[arg(long, value_name = "DIR")]
    pub record: Option<PathBuf>,
    /// How much the recordings may hold together; the oldest go first.
    #[arg(long, value_name = "BYTES", default_value_t = 64 << 20, value_parser = clap::value_parser!(u64).range(1 << 20..))]
    pub record_max_bytes: u64,
    /// The form of log lines.
    #[arg(long, value_enum, default_value = "json")]
    pub log_format: Format,
    /// The level of log lines: error, warn, info, debug or trace.
    #[arg(long, default_value = "info")]
    pub log_level: String,
    /// End when standard input ends, so that no operator outlives the program that started it.
    #[arg(long, hide = true)]
    pub with_parent: bool,
}

/// What the operator process needs to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// What decisions depend on.
    pub policy: Policy,
    /// The namespaces to watch; none means all.
    pub namespaces: Vec<String>,
    /// The port of the operator's own HTTP.
    pub port: u16,
}

/// The file as the original's users wrote it. Keys that later versions serve are accepted and ignored.
#[derive(Deserialize, Default)]
#[serde(default)]
struct File {
    operator: Operator,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Operator {
    resync_period: String,
    limit_namespace: String,
    profiler_port: u16,
    ingress_url_format: String,
    use_kubectl_proxy: bool,
    proxy_port: u16,
    container_name_format: String,
    scheduler_name: String,
    base_backoff_duration: String,
    max_backoff_duration: String,
    max_err_duration: String,
    flink_job_vertex_timeout: String,
    savepoint_timeout: String,
    status_refresh_period: String,
}

impl Default for Operator {
    fn default() -> Self {
        Self {
            resync_period: "30s".into(),
            limit_namespace: String::new(),
            profiler_port: 10254,
            ingress_url_format: String::new(),
            use_kubectl_proxy: false,
            proxy_port: 8001,
            container_name_format: String::new(),
            scheduler_name: String::new(),
            base_backoff_duration: "100ms".into(),
            max_backoff_duration: "30s".into(),
            max_err_duration: "5m".into(),
            flink_job_vertex_timeout: "3m".into(),
            savepoint_timeout: "30m".into(),
            status_refresh_period: "60s".into(),
        }
    }
}

/// Reads the file, if there is one, and lays the flags over it.
pub fn load(args: &RunArgs) -> Result<Config, Failure> {
    let mut config = checked(args.config.as_deref(), args.kubectl_proxy)?;
    if !args.namespaces.is_empty() {
        config.namespaces = trimmed(args.namespaces.iter().map(String::as_str));
    }
    Ok(config)
}

/// What decisions depend on, by the file, if there is one, and this flag.
pub fn policy(file: Option<&Path>, kubectl_proxy: Option<u16>) -> Result<Policy, Failure> {
    checked(file, kubectl_proxy).map(|config| config.policy)
}

fn checked(file: Option<&Path>, kubectl_proxy: Option<u16>) -> Result<Config, Failure> {
    let file = file.map(read).transpose()?.unwrap_or_default();
    let mut config = from_file(&file.operator)?;
    if let Some(problem) = names::container_format_problem(&config.policy.container_name_format) {
        return Err(Failure::BadInput(format!("operator.containerNameFormat: {problem}")));
    }
    config.policy.kubectl_proxy = kubectl_proxy.or(config.policy.kubectl_proxy);
    Ok(config)
}

fn read(path: &Path) -> Result<File, Failure> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::BadInput(format!("cannot read {}: {error}", path.display())))?;
    serde_saphyr::from_str(&text).map_err(|error| Failure::BadInput(format!("{}: {error}", path.display())))
}

fn from_file(file: &Operator) -> Result<Config, Failure> {
    let policy = Policy {
        ingress_url_format: file.ingress_url_format.clone(),
        container_name_format: file.container_name_format.clone(),
        kubectl_proxy: file.use_kubectl_proxy.then_some(file.proxy_port),
        scheduler_name: file.scheduler_name.clone(),
        base_backoff_ms: milliseconds("baseBackoffDuration", &file.base_backoff_duration)?,
        max_backoff_ms: milliseconds("maxBackoffDuration", &file.max_backoff_duration)?,
        cluster_start_timeout_ms: milliseconds("maxErrDuration", &file.max_err_duration)?,
        job_start_timeout_ms: milliseconds("flinkJobVertexTimeout", &file.flink_job_vertex_timeout)?,
        savepoint_timeout_ms: milliseconds("savepointTimeout", &file.savepoint_timeout)?,
        poll_interval_ms: milliseconds("resyncPeriod", &file.resync_period)?,
        status_refresh_ms: milliseconds("statusRefreshPeriod", &file.status_refresh_period)?,
    };
    Ok(Config { policy, namespaces: trimmed(file.limit_namespace.split(',')), port: file.profiler_port })
}

fn trimmed<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    names.map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// A duration as Go writes it (`1m30s`, `100ms`), in milliseconds.
fn milliseconds(key: &str, text: &str) -> Result<u32, Failure> {
    let wrong = || {
        Failure::BadInput(format!(
            "operator.{key}: {text:?} is not a duration of up to 49 days; write it like 30s, 5m or 100ms"
        ))
    };
    let duration: jiff::SignedDuration = text.parse().map_err(|_| wrong())?;
    u32::try_from(duration.as_millis()).map_err(|_| wrong())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_originals_file_is_understood() {
        let text = "operator:\n  resyncPeriod: 45s\n  limitNamespace: ' a , b,'\n  workers: 8\n  maxErrDuration: 1m30s\n\
                    \x20 useKubectlProxy: true\n  metricsPrefix: flink\nlogger:\n  level: 4\n";
        let file: File = serde_saphyr::from_str(text).unwrap();
        let config = from_file(&file.operator).unwrap();
        assert_eq!(config.policy.poll_interval_ms, 45_000);
        assert_eq!(config.policy.cluster_start_timeout_ms, 90_000);
        assert_eq!(config.namespaces, ["a", "b"]);
        assert_eq!(config.policy.kubectl_proxy, Some(8001));
    }

    #[test]
    fn the_files_defaults_are_the_policys() {
        assert_eq!(from_file(&Operator::default()).unwrap().policy, Policy::default());
    }

    #[test]
    fn a_bad_duration_names_its_key() {
        let error = milliseconds("resyncPeriod", "soon").unwrap_err().to_string();
        assert!(error.contains("operator.resyncPeriod"), "{error}");
    }
}
