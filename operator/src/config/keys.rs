//! Every key of the configuration, in one table: the file, the flags, the environment, the reload and the
//! documentation are made of it.

use super::Config;
use super::value::{address, container_format, count, level, milliseconds, names, port, prefix, switch};
use crate::log::Format;

/// One key.
pub struct Key {
    /// Section and name, such as `operator.resyncPeriod`; with two dashes before it, the flag.
    pub path: &'static str,
    /// Its value where nobody gives one.
    pub default: &'static str,
    /// Whether a change of the file is heard while the operator runs.
    pub live: bool,
    /// Whether the flag alone, without a value, means true.
    pub switch: bool,
    /// What it does.
    pub means: &'static str,
    /// Puts a value where it belongs, or says what is wrong with it and what to write.
    pub set: fn(&mut Config, &str) -> Result<(), String>,
}

const fn live(path: &'static str, default: &'static str, means: &'static str, set: Set) -> Key {
    Key { path, default, live: true, switch: false, means, set }
}

const fn fixed(path: &'static str, default: &'static str, means: &'static str, set: Set) -> Key {
    Key { path, default, live: false, switch: false, means, set }
}

type Set = fn(&mut Config, &str) -> Result<(), String>;

/// Shortest time between two looks at a resting application, in milliseconds.
const SHORTEST_POLL: u32 = 100;

/// All of them, in the order of the documentation.
pub const KEYS: [Key; 21] = [
    live(
        "operator.resyncPeriod",
        "30s",
        "How often a resting application looks at its job. Changes of Kubernetes objects are heard at once, through \
         watches. Beyond 750 applications it is longer: all together look 25 times a second at most.",
        |config, text| put(&mut config.policy.poll_interval_ms, milliseconds(text, SHORTEST_POLL)),
    ),
    fixed(
        "operator.limitNamespace",
        "",
        "Namespaces to watch, separated by commas; empty means all.",
        |config, text| put(&mut config.namespaces, Ok(names(text))),
    ),
    fixed(
        "operator.metricsPrefix",
        "flinkk8soperator",
        "First part of every metric's name: letters, digits and `_`. It must not be empty.",
        |config, text| put(&mut config.metrics_prefix, prefix(text)),
    ),
    fixed("operator.profilerPort", "10254", "Port of the operator's own HTTP.", |config, text| {
        put(&mut config.port, port(text))
    }),
    fixed(
        "operator.console",
        "",
        "Where the console is served, such as `127.0.0.1:8082`; empty means nowhere. New.",
        |config, text| put(&mut config.console, address(text)),
    ),
    live(
        "operator.ingressUrlFormat",
        "",
        "Host of the Ingress, with `{{$jobCluster}}` for the application's name; empty makes no Ingress.",
        |config, text| put(&mut config.policy.ingress_url_format, Ok(text.to_owned())),
    ),
    Key {
        path: "operator.useKubectlProxy",
        default: "false",
        live: true,
        switch: true,
        means: "Reach JobManagers through `kubectl proxy` on this machine.",
        set: |config, text| put(&mut config.use_proxy, switch(text)),
    },
    live("operator.proxyPort", "8001", "The port of that proxy.", |config, text| {
        put(&mut config.proxy_port, port(text))
    }),
    live(
        "operator.containerNameFormat",
        "",
        "Name of the containers, with `%s` for `jobmanager` or `taskmanager`; empty means just that word.",
        |config, text| put(&mut config.policy.container_name_format, container_format(text)),
    ),
    fixed(
        "operator.workers",
        "4",
        "How many applications talk to the API server at a time. Waiting for Flink does not count, so a JobManager \
         that never answers delays nobody else.",
        |config, text| put(&mut config.workers, count(text)),
    ),
    live(
        "operator.baseBackoffDuration",
        "100ms",
        "First delay of a retry. Each next one is twice as long, with jitter.",
        |config, text| put(&mut config.policy.base_backoff_ms, milliseconds(text, 0)),
    ),
    live("operator.maxBackoffDuration", "30s", "Longest delay of a retry.", |config, text| {
        put(&mut config.policy.max_backoff_ms, milliseconds(text, 1))
    }),
    live(
        "operator.maxErrDuration",
        "5m",
        "How long the objects of a new cluster may take to exist, and then how long the cluster may take to be ready.",
        |config, text| put(&mut config.policy.cluster_start_timeout_ms, milliseconds(text, 1)),
    ),
    live(
        "operator.flinkJobVertexTimeout",
        "3m",
        "How long Flink may take to accept a job, and then how long all its tasks may take to run.",
        |config, text| put(&mut config.policy.job_start_timeout_ms, milliseconds(text, 1)),
    ),
    live(
        "operator.schedulerName",
        "",
        "`schedulerName` of the pods; empty means the cluster's default.",
        |config, text| put(&mut config.policy.scheduler_name, Ok(text.to_owned())),
    ),
    live("operator.savepointTimeout", "30m", "How long an update waits for the savepoint. New.", |config, text| {
        put(&mut config.policy.savepoint_timeout_ms, milliseconds(text, 1))
    }),
    live(
        "operator.statusRefreshPeriod",
        "60s",
        "How often figures that only tell (counts, times) reach the status. New.",
        |config, text| put(&mut config.policy.status_refresh_ms, milliseconds(text, 0)),
    ),
    Key {
        path: "logger.show-source",
        default: "false",
        live: false,
        switch: true,
        means: "Log lines name the file and line of the operator's source.",
        set: |config, text| put(&mut config.logger.source, switch(text)),
    },
    Key {
        path: "logger.mute",
        default: "false",
        live: false,
        switch: true,
        means: "No log at all.",
        set: |config, text| put(&mut config.logger.mute, switch(text)),
    },
    fixed(
        "logger.level",
        "4",
        "Least important lines that are logged: 2 or `error`, 3 or `warn`, 4 or `info`, 5 or `debug`, 6 or `trace`.",
        |config, text| put(&mut config.logger.level, level(text)),
    ),
    fixed("logger.formatter.type", "json", "The form of log lines: `json` or `text`.", |config, text| {
        put(&mut config.logger.format, Format::read(text))
    }),
];

fn put<T>(place: &mut T, value: Result<T, String>) -> Result<(), String> {
    *place = value?;
    Ok(())
}

impl Key {
    /// The key of this path. As in the original, capitals make no difference.
    pub fn find(path: &str) -> Option<&'static Self> {
        KEYS.iter().find(|key| key.path.eq_ignore_ascii_case(path))
    }

    /// The environment variable: `OPERATOR_RESYNC_PERIOD`.
    pub fn variable(&self) -> String {
        let mut name = String::new();
        for c in self.path.chars() {
            match c {
                '.' | '-' => name.push('_'),
                c if c.is_ascii_uppercase() => name.extend(['_', c]),
                c => name.push(c.to_ascii_uppercase()),
            }
        }
        name
    }

    /// Section and the rest of the path.
    pub fn section(&self) -> (&'static str, &'static str) {
        self.path.split_once('.').unwrap_or(("", self.path))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_paths_in_capitals() {
        let of = |path| Key::find(path).unwrap().variable();
        assert_eq!(of("operator.resyncPeriod"), "OPERATOR_RESYNC_PERIOD");
        assert_eq!(of("operator.useKubectlProxy"), "OPERATOR_USE_KUBECTL_PROXY");
        assert_eq!(of("logger.show-source"), "LOGGER_SHOW_SOURCE");
        assert_eq!(of("logger.formatter.type"), "LOGGER_FORMATTER_TYPE");
    }

    #[test]
    fn every_key_of_the_original_is_there_with_its_default() {
        let original = [
            ("operator.resyncPeriod", "30s"),
            ("operator.limitNamespace", ""),
            ("operator.metricsPrefix", "flinkk8soperator"),
            ("operator.profilerPort", "10254"),
            ("operator.ingressUrlFormat", ""),
            ("operator.useKubectlProxy", "false"),
            ("operator.proxyPort", "8001"),
            ("operator.containerNameFormat", ""),
            ("operator.workers", "4"),
            ("operator.baseBackoffDuration", "100ms"),
            ("operator.maxBackoffDuration", "30s"),
            ("operator.maxErrDuration", "5m"),
            ("operator.flinkJobVertexTimeout", "3m"),
            ("operator.schedulerName", ""),
            ("logger.show-source", "false"),
            ("logger.mute", "false"),
            ("logger.level", "4"),
            ("logger.formatter.type", "json"),
        ];
        for (path, default) in original {
            assert_eq!(Key::find(path).unwrap().default, default, "{path}");
        }
    }
}
