//! Flink's configuration: keys that a version of Flink reads no more, or not yet, and keys that work against the
//! operator.
//!
//! What the tables say was read from the options of Flink 1.13.6, 1.20.5, 2.1.3 and 2.3.0 and from the release notes of
//! 1.17, 1.20 and 2.0. Where these do not say from which version on a key is known, nothing is said about the versions
//! between.

use flink_operator_core::application::{FlinkVersion, MemoryOption};
use flink_operator_core::manifest::{AVAILABILITY_KEYS, operator_keys};
use serde_json::{Map, Value};

use super::finding::{Check, Severity, Told};

/// A key that got another name. The old one is still read.
struct Renamed {
    old: &'static str,
    new: &'static str,
    /// The newest version that is known not to read the new name.
    not_yet: Option<FlinkVersion>,
    /// The oldest version that is known to read it.
    since: FlinkVersion,
}

/// A key that is read no more.
struct Gone {
    key: &'static str,
    since: FlinkVersion,
    advice: &'static str,
}

const fn version(major: u32, minor: u32) -> FlinkVersion {
    FlinkVersion { major, minor }
}

/// The checkpointing and recovery keys were sorted anew in 1.20.
const fn in_1_20(old: &'static str, new: &'static str) -> Renamed {
    Renamed { old, new, not_yet: Some(version(1, 19)), since: version(1, 20) }
}

/// Renamed after 1.13, and not after 1.20.
const fn by_1_20(old: &'static str, new: &'static str) -> Renamed {
    Renamed { old, new, not_yet: Some(version(1, 13)), since: version(1, 20) }
}

/// Renamed before 1.13.
const fn long_ago(old: &'static str, new: &'static str) -> Renamed {
    Renamed { old, new, not_yet: None, since: version(1, 13) }
}

const fn gone_in_2(key: &'static str, advice: &'static str) -> Gone {
    Gone { key, since: version(2, 0), advice }
}

const RENAMED: [Renamed; 30] = [
    in_1_20("state.checkpoints.dir", "execution.checkpointing.dir"),
    in_1_20("state.savepoints.dir", "execution.checkpointing.savepoint-dir"),
    in_1_20("state.checkpoints.num-retained", "execution.checkpointing.num-retained"),
    in_1_20("state.checkpoints.create-subdir", "execution.checkpointing.create-subdir"),
    in_1_20("state.checkpoint-storage", "execution.checkpointing.storage"),
    in_1_20("state.storage.fs.memory-threshold", "execution.checkpointing.data-inline-threshold"),
    in_1_20("state.backend.incremental", "execution.checkpointing.incremental"),
    in_1_20("state.backend.local-recovery", "execution.state-recovery.from-local"),
    in_1_20("taskmanager.state.local.root-dirs", "execution.checkpointing.local-backup.dirs"),
    in_1_20("state.backend.changelog.enabled", "state.changelog.enabled"),
    in_1_20("state.backend.changelog.storage", "state.changelog.storage"),
    in_1_20("execution.savepoint.path", "execution.state-recovery.path"),
    in_1_20("execution.savepoint.ignore-unclaimed-state", "execution.state-recovery.ignore-unclaimed-state"),
    in_1_20("execution.savepoint-restore-mode", "execution.state-recovery.claim-mode"),
    by_1_20("execution.checkpointing.unaligned", "execution.checkpointing.unaligned.enabled"),
    by_1_20("execution.checkpointing.alignment-timeout", "execution.checkpointing.aligned-checkpoint-timeout"),
    by_1_20("execution.buffer-timeout", "execution.buffer-timeout.interval"),
    by_1_20("pipeline.operator-chaining", "pipeline.operator-chaining.enabled"),
    by_1_20("high-availability", "high-availability.type"),
    by_1_20("state.backend", "state.backend.type"),
    by_1_20("restart-strategy", "restart-strategy.type"),
    by_1_20("env.java.opts", "env.java.opts.all"),
    by_1_20("akka.ask.timeout", "pekko.ask.timeout"),
    by_1_20("akka.framesize", "pekko.framesize"),
    by_1_20("akka.tcp.timeout", "pekko.tcp.timeout"),
    long_ago("taskmanager.network.memory.fraction", "taskmanager.memory.network.fraction"),
    long_ago("taskmanager.network.memory.min", "taskmanager.memory.network.min"),
    long_ago("taskmanager.network.memory.max", "taskmanager.memory.network.max"),
    long_ago("taskmanager.memory.size", "taskmanager.memory.managed.size"),
    long_ago("query.proxy.ports", "queryable-state.proxy.ports"),
];

const NOT_NEEDED: &str = "leave it out";
const SERIALIZERS: &str = "write pipeline.serialization-config";
const OF_THE_RESOURCES: &str = "leave it out: the memory follows from the resources in the spec";

const GONE: [Gone; 17] = [
    gone_in_2("cluster.evenly-spread-out-slots", "write taskmanager.load-balance.mode: SLOTS"),
    gone_in_2("execution.checkpointing.force", NOT_NEEDED),
    gone_in_2("state.backend.async", NOT_NEEDED),
    gone_in_2("pipeline.time-characteristic", NOT_NEEDED),
    gone_in_2("pipeline.auto-type-registration", NOT_NEEDED),
    gone_in_2("pipeline.registered-kryo-types", SERIALIZERS),
    gone_in_2("pipeline.registered-pojo-types", SERIALIZERS),
    gone_in_2("pipeline.default-kryo-serializers", SERIALIZERS),
    gone_in_2("taskmanager.network.numberOfBuffers", "write taskmanager.memory.network.min and .max"),
    gone_in_2("taskmanager.network.memory.buffers-per-channel", NOT_NEEDED),
    gone_in_2("taskmanager.network.memory.floating-buffers-per-gate", NOT_NEEDED),
    gone_in_2("security.ssl.enabled", "write security.ssl.internal.enabled and security.ssl.rest.enabled"),
    gone_in_2("akka.watch.heartbeat.interval", NOT_NEEDED),
    gone_in_2("akka.watch.heartbeat.pause", NOT_NEEDED),
    gone_in_2("akka.watch.threshold", NOT_NEEDED),
    gone_in_2("jobmanager.heap.size", OF_THE_RESOURCES),
    gone_in_2("taskmanager.heap.size", OF_THE_RESOURCES),
];

/// Reporters are made by factories alone since this version.
const REPORTERS_BY_FACTORY: FlinkVersion = version(1, 17);

/// Keys that decide on which port the JobManager is asked. Each of them wins over the one that the operator sets.
const UI_PORTS: [&str; 3] = ["rest.bind-port", "rest.port", "web.port"];
const DEFAULT_UI_PORT: u64 = 8081;

/// What is to be said about the configuration of a spec.
pub fn told(spec: &Map<String, Value>) -> Vec<Told> {
    let nothing = Map::new();
    let config = spec.get("flinkConfig").and_then(Value::as_object).unwrap_or(&nothing);
    let written = spec.get("flinkVersion");
    let flink = written.and_then(Value::as_str).and_then(FlinkVersion::parse);
    let mut told: Vec<Told> = without_version(written, flink).into_iter().collect();
    for key in config.keys() {
        told.extend(
            flink
                .and_then(|flink| outdated(config, key, flink))
                .map(|(problem, advice)| warning(Check::FlinkKey, field(key), problem, advice)),
        );
    }
    told.extend(ports(spec, config));
    told.extend(overridden(config, flink));
    told.extend(storage(config));
    told
}

fn field(key: &str) -> String {
    format!("spec.flinkConfig[{key:?}]")
}

fn warning(check: Check, field: String, problem: String, advice: String) -> Told {
    Told { check, severity: Severity::Warning, field, problem, advice }
}

fn without_version(written: Option<&Value>, flink: Option<FlinkVersion>) -> Option<Told> {
    let problem = match (written, flink) {
        // What is no text is told of as of the wrong type.
        (Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)), _)
        | (_, Some(_)) => return None,
        (None, None) => "it is missing".to_owned(),
        (Some(Value::String(written)), None) => format!("{written:?} cannot be read"),
    };
    let problem = format!("{problem}, so Flink is taken for older than 1.11 and its memory given as a heap size");
    let advice = "write the version, like \"2.1\"".to_owned();
    Some(warning(Check::FlinkVersion, "spec.flinkVersion".to_owned(), problem, advice))
}

/// Why a version of Flink does not read a key, or soon will not, and what to write.
fn outdated(config: &Map<String, Value>, key: &str, flink: FlinkVersion) -> Option<(String, String)> {
    if let Some(gone) = GONE.iter().find(|gone| gone.key == key && flink >= gone.since) {
        return Some((format!("Flink {flink} does not read this key (since {})", gone.since), gone.advice.to_owned()));
    }
    if is_reporter_class(key) && flink >= REPORTERS_BY_FACTORY {
        let problem = format!("Flink {flink} does not read this key (since {REPORTERS_BY_FACTORY})");
        return Some((problem, "write the factory of the reporter under factory.class".to_owned()));
    }
    if let Some(Renamed { new, .. }) = RENAMED.iter().find(|renamed| renamed.old == key && flink >= renamed.since) {
        let advice =
            if config.contains_key(*new) { format!("leave it out: {new} is there") } else { format!("write {new}") };
        return Some((format!("the key is deprecated in Flink {flink}"), advice));
    }
    let early =
        RENAMED.iter().find(|renamed| renamed.new == key && renamed.not_yet.is_some_and(|last| flink <= last))?;
    Some((format!("Flink {flink} does not know this key yet"), format!("write {}", early.old)))
}

fn is_reporter_class(key: &str) -> bool {
    key.starts_with("metrics.reporter.") && key.ends_with(".class") && !key.ends_with(".factory.class")
}

/// The Service and the operator look for the JobManager at `uiPort`.
fn ports(spec: &Map<String, Value>, config: &Map<String, Value>) -> Vec<Told> {
    let ui_port = spec.get("uiPort").and_then(Value::as_u64).unwrap_or(DEFAULT_UI_PORT);
    let elsewhere = |key: &&str| config.get(*key).is_some_and(|port| printed(port) != ui_port.to_string());
    let told = UI_PORTS.into_iter().filter(elsewhere).map(|key| {
        let problem = format!("the Service leads to port {ui_port}, and this key moves the JobManager elsewhere");
        let advice = "leave it out, and set spec.uiPort if you want another port".to_owned();
        warning(Check::OperatorKey, field(key), problem, advice)
    });
    told.collect()
}

/// Keys whose values the operator decides: those of the user are lost.
fn overridden(config: &Map<String, Value>, flink: Option<FlinkVersion>) -> Vec<Told> {
    let mut keys = operator_keys(MemoryOption::of(flink)).to_vec();
    keys.push("taskmanager.host".to_owned());
    if high_availability(config) {
        keys.extend(AVAILABILITY_KEYS.map(str::to_owned));
    }
    let told = keys.iter().filter(|key| config.contains_key(*key)).map(|key| {
        let advice = decided_by(key).map_or("leave it out".to_owned(), |part| format!("leave it out, and set {part}"));
        warning(Check::OperatorKey, field(key), "the operator sets this key itself".to_owned(), advice)
    });
    told.collect()
}

/// The field of the spec that decides the value of a key.
fn decided_by(key: &str) -> Option<&'static str> {
    Some(match key {
        "taskmanager.numberOfTaskSlots" => "spec.taskManagerConfig.taskSlots",
        "jobmanager.rpc.port" => "spec.rpcPort",
        "jobmanager.web.port" => "spec.uiPort",
        "query.server.port" => "spec.queryPort",
        "blob.server.port" => "spec.blobPort",
        "metrics.internal.query-service.port" => "spec.metricsQueryPort",
        "jobmanager.heap.size" | "jobmanager.memory.process.size" => "spec.jobManagerConfig.resources",
        "taskmanager.heap.size" | "taskmanager.memory.process.size" => "spec.taskManagerConfig.resources",
        _ => return None,
    })
}

fn high_availability(config: &Map<String, Value>) -> bool {
    let written = config.get("high-availability.type").or_else(|| config.get("high-availability"));
    written.is_some_and(|written| !printed(written).trim().eq_ignore_ascii_case("none"))
}

fn storage(config: &Map<String, Value>) -> Option<Told> {
    if !high_availability(config) || config.contains_key("high-availability.storageDir") {
        return None;
    }
    let key = ["high-availability.type", "high-availability"].into_iter().find(|key| config.contains_key(*key))?;
    let problem =
        "high availability keeps its data under high-availability.storageDir, which is not set here".to_owned();
    let advice = "set it, unless the image does".to_owned();
    Some(warning(Check::FlinkKey, field(key), problem, advice))
}

fn printed(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
