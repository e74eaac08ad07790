//! The arguments of `run`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};

use super::keys::KEYS;
use crate::flink::FlinkAccess;
use crate::log::Format;

/// Flags of the original's logging library. They mean nothing here, and manifests have them.
const OF_THE_ORIGINAL: [&str; 8] =
    ["logtostderr", "alsologtostderr", "stderrthreshold", "v", "vmodule", "log_backtrace_at", "log_dir", "log_file"];

/// Arguments of `run`.
#[derive(Args, Clone, Debug)]
pub struct RunArgs {
    /// The configuration file in the original's form (sections `operator` and `logger`), or a pattern of such files.
    #[arg(long, value_name = "FILE")]
    pub config: Option<String>,
    /// The kubeconfig; without it $KUBECONFIG, ~/.kube/config or the pod's service account.
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// Watch only these namespaces (comma-separated); without it all. As --operator.limitNamespace.
    #[arg(long, value_name = "NAMES")]
    pub namespaces: Option<String>,
    /// Ask JobManagers through `kubectl proxy`, or any API server without TLS, on this local port.
    #[arg(long, value_name = "PORT")]
    pub kubectl_proxy: Option<u16>,
    /// How JobManagers are reached: by their DNS names, or through the proxy of the API server with the rights of the
    /// kubeconfig. Without it: in a pod by dns, elsewhere through the api-server. --kubectl-proxy comes first.
    #[arg(long, value_enum, value_name = "WAY")]
    pub flink_access: Option<FlinkAccess>,
    /// Where the operator's own HTTP is served; without it all addresses and the port of the configuration.
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<SocketAddr>,
    /// Serve the console there, such as 127.0.0.1:8082; without it nowhere. As --operator.console.
    #[arg(long, value_name = "ADDRESS")]
    pub console: Option<SocketAddr>,
    /// Record every decision in this directory, without secrets; `replay` reads it.
    #[arg(long, value_name = "DIR")]
    pub record: Option<PathBuf>,
    /// How much the recordings may hold together; the oldest go first.
    #[arg(long, value_name = "BYTES", default_value_t = 64 << 20, value_parser = clap::value_parser!(u64).range(1 << 20..))]
    pub record_max_bytes: u64,
    /// The form of log lines. As --logger.formatter.type.
    #[arg(long, value_enum)]
    pub log_format: Option<Format>,
    /// The level of log lines: error, warn, info, debug or trace. As --logger.level.
    #[arg(long, value_name = "LEVEL")]
    pub log_level: Option<String>,
    #[command(flatten)]
    pub election: Election,
    #[command(flatten)]
    pub keys: KeyFlags,
    /// End when standard input ends, so that no operator outlives the program that started it.
    #[arg(long, hide = true)]
    pub with_parent: bool,
}

/// How replicas agree on who acts.
#[derive(Args, Clone, Debug)]
pub struct Election {
    /// Act without holding a Lease: for a single operator that nobody replaces while it runs.
    #[arg(long)]
    pub no_leader_election: bool,
    /// The name of the Lease.
    #[arg(long, value_name = "NAME", default_value = "flinkk8soperator")]
    pub lease_name: String,
    /// The namespace of the Lease; without it that of the pod, or of the kubeconfig's context.
    #[arg(long, value_name = "NAMESPACE")]
    pub lease_namespace: Option<String>,
    /// How long others wait after the last renewal before they take the Lease.
    #[arg(long, value_name = "DURATION", default_value = "15s", value_parser = duration)]
    pub lease_duration: Duration,
    /// How long after the last renewal the holder stops acting.
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = duration)]
    pub lease_renew_deadline: Duration,
    /// How often the holder renews the Lease and the others look at it.
    #[arg(long, value_name = "DURATION", default_value = "2s", value_parser = duration)]
    pub lease_retry_period: Duration,
}

impl Election {
    /// The times must leave room for one another, or two processes could act at once.
    pub fn check(&self) -> Result<(), String> {
        let Self { lease_duration, lease_renew_deadline, lease_retry_period, .. } = self;
        if lease_renew_deadline >= lease_duration {
            return Err(format!(
                "--lease-renew-deadline: {lease_renew_deadline:?} leaves no time to stop; write less than the                  --lease-duration of {lease_duration:?}"
            ));
        }
        if lease_retry_period >= lease_renew_deadline {
            return Err(format!(
                "--lease-retry-period: {lease_retry_period:?} leaves no time for a second try; write less than the                  --lease-renew-deadline of {lease_renew_deadline:?}"
            ));
        }
        Ok(())
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    super::value::milliseconds(text, 1).map(|found| Duration::from_millis(found.into()))
}

/// `--operator.<key>` and `--logger.<key>`: one flag a key of the table.
#[derive(Clone, Debug, Default)]
pub struct KeyFlags {
    /// What was given, by path of the key.
    pub values: Vec<(&'static str, String)>,
    /// Flags of the original that mean nothing here.
    pub ignored: Vec<&'static str>,
}

impl Args for KeyFlags {
    fn augment_args(command: Command) -> Command {
        let flags = KEYS.iter().map(|key| {
            let flag = Arg::new(key.path).long(key.path).value_name("VALUE").help(key.means).hide_short_help(true);
            if key.switch { flag.num_args(0..=1).require_equals(true).default_missing_value("true") } else { flag }
        });
        let ignored = OF_THE_ORIGINAL.iter().map(|name| {
            let flag = Arg::new(*name).long(*name).hide(true).num_args(0..=1).require_equals(true);
            flag.default_missing_value("").action(ArgAction::Append)
        });
        command.args(flags).args(ignored)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for KeyFlags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let given = |name: &str| matches.value_source(name) == Some(ValueSource::CommandLine);
        let value = |path: &'static str| Some((path, matches.get_one::<String>(path)?.clone()));
        let values = KEYS.iter().filter_map(|key| value(key.path)).collect();
        let ignored = OF_THE_ORIGINAL.into_iter().filter(|name| given(name)).collect();
        Ok(Self { values, ignored })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}
