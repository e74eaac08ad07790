//! The operator's own metrics, in one table: `<prefix>_<name>`.

use prometheus::{Error, HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec, Opts, Registry};

/// What a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display)]
#[strum(serialize_all = "lowercase")]
pub enum Kind {
    /// It only grows.
    Counter,
    /// It goes up and down.
    Gauge,
    /// A distribution of seconds.
    Histogram,
}

/// One metric of our own.
#[derive(Clone, Copy, Debug)]
pub struct Own {
    /// The name behind the prefix.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// Its labels.
    pub labels: &'static [&'static str],
    /// What it tells.
    pub means: &'static str,
    /// Upper bounds of a histogram's buckets, in seconds.
    bounds: &'static [f64],
}

const fn own(name: &'static str, kind: Kind, labels: &'static [&'static str], means: &'static str) -> Own {
    Own { name, kind, labels, means, bounds: &[] }
}

pub(super) const TRANSITIONS: Own =
    own("transitions_total", Kind::Counter, &["rule"], "Committed moves of the machine, by the rule that fired.");
pub(super) const EFFECTS: Own = own(
    "effects_total",
    Kind::Counter,
    &["effect", "outcome"],
    "Performed effects; the outcome is `done` or `failed`. What comes after a failed one is not tried.",
);
pub(super) const COMMITS: Own = own(
    "commits_total",
    Kind::Counter,
    &["outcome"],
    "Status writes; the outcome is `done`, `conflict` (it is read anew), `gone`, `invalid` or `failed`.",
);
pub(super) const FLINK: Own = Own {
    name: "flink_request_seconds",
    kind: Kind::Histogram,
    labels: &["call", "outcome"],
    means: "Requests to JobManagers. The call has the name that `lastSeenError.method` uses; the outcome is the HTTP \
            status, `timeout` or `unreachable`.",
    // From an answer out of a cache to a submission that runs a long main method.
    bounds: &[0.005, 0.02, 0.05, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0],
};
pub(super) const KUBERNETES: Own = Own {
    name: "kubernetes_request_seconds",
    kind: Kind::Histogram,
    labels: &["verb", "resource", "outcome"],
    means: "Requests to the API server, until its answer begins; the outcome is the HTTP status or `unreachable`.",
    bounds: &[0.002, 0.005, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0],
};
pub(super) const IN_PHASE: Own = Own {
    name: "phase_seconds",
    kind: Kind::Histogram,
    labels: &["phase"],
    means: "How long applications were in a phase that they have left. A phase counts where this process saw its \
            beginning.",
    bounds: &[0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 60.0, 180.0, 600.0, 1800.0, 3600.0, 86_400.0],
};
pub(super) const LEADER: Own =
    own("leader", Kind::Gauge, &[], "1 while this process acts: it holds the Lease, or needs none. Else 0.");
pub(super) const BUGS: Own =
    own("bugs_total", Kind::Counter, &[], "Bugs that an application's task met and survived; each is in the log.");
pub(super) const RELOADS: Own = own(
    "config_reloads_total",
    Kind::Counter,
    &["outcome"],
    "Changes of the configuration file; the outcome is `applied` or `refused`.",
);
pub(super) const DROPPED: Own = own(
    "dropped_records_total",
    Kind::Counter,
    &[],
    "Decisions that `--record` could not write, because the disk failed or did not keep up.",
);
pub(super) const BUILD_INFO: Own = own("build_info", Kind::Gauge, &["version"], "Always 1.");
pub(super) const APPLICATIONS: Own = own(
    "applications",
    Kind::Gauge,
    &["phase"],
    "Applications by phase; `Unreadable` are those whose status cannot be understood.",
);
pub(super) const HEALTH: Own = own(
    "application_health",
    Kind::Gauge,
    &["of", "health"],
    "Applications by the colour of their `cluster` or `job`: `Green`, `Yellow`, `Red`, or `Unknown` before a look.",
);
pub(super) const LONGEST: Own = own(
    "longest_in_phase_seconds",
    Kind::Gauge,
    &["phase"],
    "How long the application that has been longest in a phase has been there, as far as this process has seen.",
);

/// All of them, in the order of the documentation.
pub const ALL: [Own; 14] = [
    APPLICATIONS,
    HEALTH,
    LONGEST,
    IN_PHASE,
    TRANSITIONS,
    EFFECTS,
    COMMITS,
    FLINK,
    KUBERNETES,
    LEADER,
    BUGS,
    RELOADS,
    DROPPED,
    BUILD_INFO,
];

impl Own {
    pub(super) fn counters(&self, registry: &Registry) -> Result<IntCounterVec, Error> {
        let counters = IntCounterVec::new(Opts::new(self.name, self.means), self.labels)?;
        registry.register(Box::new(counters.clone()))?;
        Ok(counters)
    }

    pub(super) fn gauge(&self, registry: &Registry) -> Result<IntGaugeVec, Error> {
        let gauges = IntGaugeVec::new(Opts::new(self.name, self.means), self.labels)?;
        registry.register(Box::new(gauges.clone()))?;
        Ok(gauges)
    }

    pub(super) fn histogram(&self, registry: &Registry) -> Result<HistogramVec, Error> {
        let options = HistogramOpts::new(self.name, self.means).buckets(self.bounds.to_vec());
        let histograms = HistogramVec::new(options, self.labels)?;
        registry.register(Box::new(histograms.clone()))?;
        Ok(histograms)
    }
}
