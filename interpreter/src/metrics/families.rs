//! What the board knows of each application, as metric families. They are made when somebody asks, so the
//! series of a deleted application are gone with it.

use std::collections::BTreeMap;

use flink_operator_core::health::Health;
use flink_operator_core::phase::PhaseName;
use prometheus::proto::{Counter, Gauge, LabelPair, Metric, MetricFamily, MetricType, Summary};
use strum::IntoEnumIterator as _;

use super::original::{self, Count, PhaseTally, Stopwatch};
use super::own::{self, Own};
use crate::board::{Board, Standing};
use crate::observe::ApplicationName;

/// Families of gauges and of the original's metrics; those without a series are left out.
pub(super) fn all(prefix: &str, board: &Board) -> Vec<MetricFamily> {
    let standings = board.standings();
    let mut all = gauges(prefix, &standings);
    all.extend(counters(prefix, &standings));
    all.extend(stopwatches(prefix, &standings));
    all.retain(|family| !family.get_metric().is_empty());
    all
}

type Standings = BTreeMap<ApplicationName, Standing>;

fn gauges(prefix: &str, standings: &Standings) -> Vec<MetricFamily> {
    let mut phases: BTreeMap<String, (f64, f64)> = PhaseName::iter().map(|it| (it.to_string(), (0.0, 0.0))).collect();
    let colours = Health::iter().map(|health| health.to_string()).chain([UNKNOWN.to_owned()]);
    let both = colours.flat_map(|colour| ["cluster", "job"].map(|of| ((of, colour.clone()), 0.0)));
    let mut healths: BTreeMap<(&str, String), f64> = both.collect();
    let colour = |health: Option<Health>| health.map_or_else(|| UNKNOWN.to_owned(), |health| health.to_string());
    for standing in standings.values().filter(|standing| standing.seen) {
        let phase = standing.phase.map_or_else(|| "Unreadable".to_owned(), |phase| phase.to_string());
        let (number, longest) = phases.entry(phase).or_default();
        *number += 1.0;
        *longest = longest.max(standing.in_phase().as_secs_f64());
        for (of, health) in [("cluster", standing.cluster_health), ("job", standing.job_health)] {
            *healths.entry((of, colour(health))).or_default() += 1.0;
        }
    }
    let of_phases =
        |pick: fn((f64, f64)) -> f64| phases.iter().map(move |(phase, both)| (vec![phase.as_str()], pick(*both)));
    vec![
        own_gauge(prefix, &own::APPLICATIONS, of_phases(|(number, _)| number)),
        own_gauge(prefix, &own::LONGEST, of_phases(|(_, longest)| longest)),
        own_gauge(
            prefix,
            &own::HEALTH,
            healths.iter().map(|((of, colour), number)| (vec![*of, colour.as_str()], *number)),
        ),
    ]
}

const UNKNOWN: &str = "Unknown";

fn own_gauge<'a>(prefix: &str, own: &Own, values: impl Iterator<Item = (Vec<&'a str>, f64)>) -> MetricFamily {
    let metrics = values.map(|(labels, value)| {
        let mut gauge = Gauge::default();
        gauge.set_value(value);
        let mut metric =
            Metric::from_label(own.labels.iter().zip(labels).map(|(name, value)| pair(name, value)).collect());
        metric.set_gauge(gauge);
        metric
    });
    family(format!("{prefix}_{}", own.name), own.means, MetricType::GAUGE, metrics.collect())
}

fn counters(prefix: &str, standings: &Standings) -> Vec<MetricFamily> {
    let families = Count::all().map(|count| {
        let row = count.row();
        let counted = standings.iter().filter_map(|(name, it)| Some((name, *it.tally.counts.get(&count)?)));
        let metrics = counted.map(|(name, value)| counter(name, value)).collect();
        family(format!("{prefix}:{}:{}", row.scope, row.name), row.means, MetricType::COUNTER, metrics)
    });
    families.collect()
}

fn stopwatches(prefix: &str, standings: &Standings) -> Vec<MetricFamily> {
    let families = PhaseName::iter().flat_map(|phase| {
        let tallies = || standings.iter().filter_map(move |(name, it)| Some((name, *it.tally.phases.get(&phase)?)));
        let name = |rest: &str| format!("{prefix}:{}:{phase}_{rest}", original::MACHINE);
        let timed = |rest: &str, means: &str, pick: fn(&PhaseTally) -> Stopwatch| {
            let metrics = tallies().map(|(name, tally)| (name, pick(&tally))).filter(|(_, watch)| watch.count > 0);
            let metrics = metrics.map(|(name, watch)| summary(name, watch)).collect();
            family(name(rest), means, MetricType::SUMMARY, metrics)
        };
        let errors = tallies().filter(|(_, tally)| tally.errors > 0).map(|(name, tally)| counter(name, tally.errors));
        [
            timed("handle_time_ms", HANDLED, |tally| tally.all),
            timed("handle_time_success_ms", SUCCEEDED, |tally| tally.succeeded),
            family(name("error"), ERRORS, MetricType::COUNTER, errors.collect()),
        ]
    });
    families.collect()
}

const HANDLED: &str = "Passes over the application in this phase, in milliseconds.";
const SUCCEEDED: &str = "Those without an error, in milliseconds.";
const ERRORS: &str = "Passes in which a request failed.";

fn counter(name: &ApplicationName, value: u64) -> Metric {
    let mut counter = Counter::default();
    // Exact up to 2^53, which is all that the format can carry.
    counter.set_value(value as f64);
    let mut metric = Metric::from_label(of(name));
    metric.set_counter(counter);
    metric
}

fn summary(name: &ApplicationName, watch: Stopwatch) -> Metric {
    let mut summary = Summary::default();
    summary.set_sample_count(watch.count);
    summary.set_sample_sum(watch.sum_ms);
    let mut metric = Metric::from_label(of(name));
    metric.set_summary(summary);
    metric
}

fn of(name: &ApplicationName) -> Vec<LabelPair> {
    vec![pair("app_name", &name.name), pair("ns", &name.namespace)]
}

fn pair(name: &str, value: &str) -> LabelPair {
    let mut pair = LabelPair::default();
    pair.set_name(name.to_owned());
    pair.set_value(value.to_owned());
    pair
}

fn family(name: String, help: &str, kind: MetricType, metrics: Vec<Metric>) -> MetricFamily {
    let mut family = MetricFamily::default();
    family.set_name(name);
    family.set_help(help.to_owned());
    family.set_field_type(kind);
    family.set_metric(metrics);
    family
}
