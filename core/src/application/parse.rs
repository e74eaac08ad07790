//! From the spec as it was written to the spec that is meant, or to all that is wrong with it.

mod pod;

use std::collections::{BTreeMap, BTreeSet};
use std::num::{NonZeroU16, NonZeroU32};

use serde_json::Value;

use super::digest;
use super::refusal::{Problem, Refusal};
use super::spec::{
    DeleteMode, DeploymentMode, HighAvailability, JobManager, JobPlan, MemoryOption, Ports, Spec, TaskManager,
};
use super::version::FlinkVersion;
use crate::crd::rules::LONGEST_NAME;
use crate::crd::{FlinkApplication, FlinkApplicationSpec};
use crate::id::{Digest, RevisionId};
use crate::manifest::{AVAILABILITY_KEYS, operator_keys};

const DEFAULT_SLOTS: NonZeroU32 = NonZeroU32::new(16).unwrap();
const DEFAULT_RESTORE_AGE_SECONDS: NonZeroU32 = NonZeroU32::new(3600).unwrap();

/// Reads the spec of a resource to its end, so that all problems are told at once.
pub(super) fn spec(resource: &FlinkApplication) -> Result<Spec, Refusal> {
    let written = &resource.spec;
    let mut problems = Problems::default();
    problems.name(resource.metadata.name.as_deref().unwrap_or_default());
    problems.contradictions(written);
    let mut spec = read(written, &mut problems);
    match Refusal::of(problems.found) {
        Some(refusal) => Err(refusal),
        None => {
            (spec.digest, spec.cluster_digest) = digest::of(&spec);
            Ok(spec)
        }
    }
}

fn read(written: &FlinkApplicationSpec, problems: &mut Problems) -> Spec {
    let flink_version = written.flink_version.as_deref().and_then(FlinkVersion::parse);
    let memory_option = MemoryOption::of(flink_version);
    let mut config = problems.flink_config(written);
    let mut warnings = Vec::new();
    drop_operator_keys(&mut config, memory_option, &mut warnings);
    let high_availability = high_availability(&config);
    if high_availability.is_on() {
        // Told and not dropped: what was written is a part of the spec's identity.
        let written = AVAILABILITY_KEYS.into_iter().filter(|key| config.contains_key(*key));
        warnings.extend(written.map(|key| operators_own(key, "leave it out")));
    }
    let job = problems.job(written);
    let jobmanager_config = written.job_manager_config.clone().unwrap_or_default();
    let taskmanager_config = written.task_manager_config.clone().unwrap_or_default();
    let jobmanager = JobManager {
        replicas: problems.count("spec.jobManagerConfig.replicas", jobmanager_config.replicas, NonZeroU32::MIN),
        pod: problems.pod(jobmanager_config.into(), memory_option, flink_version),
    };
    let slots = problems.count("spec.taskManagerConfig.taskSlots", taskmanager_config.task_slots, DEFAULT_SLOTS);
    let taskmanager = TaskManager {
        slots,
        replicas: NonZeroU32::new(job.parallelism.get().div_ceil(slots.get())).unwrap_or(NonZeroU32::MIN),
        pod: problems.pod(taskmanager_config.into(), memory_option, flink_version),
    };
    if jobmanager.replicas > NonZeroU32::MIN && !high_availability.is_on() {
        warnings.push(Problem::new(
            "spec.jobManagerConfig.replicas",
            "several JobManagers without high availability do not know of each other",
            "set flinkConfig high-availability.type, or leave one replica",
        ));
    }
    Spec {
        image: problems.text("spec.image", &written.image),
        image_pull_policy: problems
            .word(
                "spec.imagePullPolicy",
                written.image_pull_policy.as_deref(),
                &[("IfNotPresent", "IfNotPresent"), ("Always", "Always"), ("Never", "Never")],
            )
            .to_owned(),
        image_pull_secrets: written.image_pull_secrets.clone().unwrap_or_default(),
        service_account_name: some_text(&written.service_account_name),
        security_context: written.security_context.clone().filter(|context| *context != Default::default()),
        flink_version,
        flink_config: config,
        high_availability,
        memory_option,
        ports: problems.ports(written),
        jobmanager,
        taskmanager,
        volumes: written.volumes.clone().unwrap_or_default(),
        volume_mounts: written.volume_mounts.clone().unwrap_or_default(),
        job,
        restart_nonce: some_text(&written.restart_nonce),
        initial_savepoint: some_text(&written.savepoint_path)
            .or_else(|| some_text(&written.savepoint_info.as_ref()?.savepoint_location)),
        delete_mode: problems.word(
            "spec.deleteMode",
            written.delete_mode.as_deref(),
            &[
                ("Savepoint", DeleteMode::Savepoint),
                ("ForceCancel", DeleteMode::ForceCancel),
                ("None", DeleteMode::None),
            ],
        ),
        max_checkpoint_restore_age_seconds: problems.count(
            "spec.maxCheckpointRestoreAgeSeconds",
            written.max_checkpoint_restore_age_seconds,
            DEFAULT_RESTORE_AGE_SECONDS,
        ),
        deployment_mode: problems.word(
            "spec.deploymentMode",
            written.deployment_mode.as_deref(),
            &[
                ("Dual", DeploymentMode::Dual),
                ("Single", DeploymentMode::Dual),
                ("BlueGreen", DeploymentMode::BlueGreen),
            ],
        ),
        scales_in_place: problems.word(
            "spec.scaleMode",
            written.scale_mode.as_deref(),
            &[("NewCluster", false), ("InPlace", true)],
        ),
        savepoint_disabled: written.savepoint_disabled.unwrap_or_default(),
        force_rollback: written.force_rollback.unwrap_or_default(),
        fallback_without_state: written.fallback_without_state.unwrap_or_default(),
        tear_down: some_text(&written.tear_down_version_hash).map(RevisionId::known),
        warnings,
        digest: Digest::of(b""),
        cluster_digest: Digest::of(b""),
    }
}

/// All that was found wrong so far. What a method cannot read it notes, and stands in a default.
#[derive(Default)]
struct Problems {
    found: Vec<Problem>,
}

impl Problems {
    fn note(&mut self, field: impl Into<String>, problem: impl Into<String>, advice: impl Into<String>) {
        self.found.push(Problem::new(field, problem, advice));
    }

    fn name(&mut self, name: &str) {
        if name.len() > LONGEST_NAME {
            self.note(
                "metadata.name",
                format!(
                    "{} characters, and the Service of a deploy is called <name>-<8 characters> with at most 63",
                    name.len()
                ),
                format!("choose a name of at most {LONGEST_NAME} characters"),
            );
        }
        let plain = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        if !plain || !name.starts_with(|c: char| c.is_ascii_lowercase()) || name.ends_with('-') {
            self.note(
                "metadata.name",
                format!("{name:?} cannot name a Service"),
                "choose a name of a-z, 0-9 and '-' that starts with a letter and does not end with '-'",
            );
        }
    }

    fn contradictions(&mut self, written: &FlinkApplicationSpec) {
        let blue_green = written.deployment_mode.as_deref() == Some("BlueGreen");
        if blue_green && written.scale_mode.as_deref() == Some("InPlace") {
            self.note(
                "spec.scaleMode",
                "InPlace scales the one running job, and BlueGreen runs two",
                "leave scaleMode out, or use deploymentMode Dual",
            );
        }
    }

    fn job(&mut self, written: &FlinkApplicationSpec) -> JobPlan {
        let jar_name = self.text("spec.jarName", &written.jar_name);
        if jar_name.contains('/') {
            self.note("spec.jarName", "Flink knows jars by their file name", "write the name without a path");
        }
        JobPlan {
            jar_name,
            entry_class: written.entry_class.clone(),
            program_args: written.program_args.clone().unwrap_or_default(),
            parallelism: self.count("spec.parallelism", Some(written.parallelism), NonZeroU32::MIN),
            allow_non_restored_state: written.allow_non_restored_state.unwrap_or_default(),
        }
    }

    /// The values of Flink's configuration, printed as Flink reads them.
    fn flink_config(&mut self, written: &FlinkApplicationSpec) -> BTreeMap<String, String> {
        let mut config = BTreeMap::new();
        for (key, value) in written.flink_config.iter().flatten() {
            let printed = match value {
                Value::String(text) => text.clone(),
                Value::Bool(_) | Value::Number(_) => value.to_string(),
                Value::Null | Value::Array(_) | Value::Object(_) => {
                    self.note(
                        format!("spec.flinkConfig[{key:?}]"),
                        "the value is neither a string, a number nor a boolean",
                        "write it as Flink's configuration file has it, in quotes",
                    );
                    continue;
                }
            };
            config.insert(key.clone(), printed);
        }
        config
    }

    fn ports(&mut self, written: &FlinkApplicationSpec) -> Ports {
        let mut taken = BTreeSet::new();
        let mut port = |field: &str, port: Option<i64>, default: u16| {
            let field = format!("spec.{field}");
            let port = port.unwrap_or(default.into());
            let read = u16::try_from(port).ok().and_then(NonZeroU16::new);
            if read.is_none() {
                self.note(&field, format!("{port} is no port"), "write a number from 1 to 65535");
            } else if !taken.insert(port) {
                self.note(&field, format!("{port} is the port of something else as well"), "choose another port");
            }
            read.unwrap_or(NonZeroU16::MIN)
        };
        Ports {
            rpc: port("rpcPort", written.rpc_port, 6123),
            blob: port("blobPort", written.blob_port, 6125),
            query: port("queryPort", written.query_port, 6124),
            ui: port("uiPort", written.ui_port, 8081),
            metrics: port("metricsQueryPort", written.metrics_query_port, 50101),
        }
    }

    /// A count from 1 to what Kubernetes and Flink can count.
    fn count(&mut self, field: &str, written: Option<i64>, default: NonZeroU32) -> NonZeroU32 {
        let Some(written) = written else { return default };
        let read = i32::try_from(written).ok().and_then(|count| u32::try_from(count).ok());
        read.and_then(NonZeroU32::new).unwrap_or_else(|| {
            self.note(field, format!("{written} is out of range"), format!("write a number from 1 to {}", i32::MAX));
            default
        })
    }

    fn text(&mut self, field: &str, written: &str) -> String {
        if written.is_empty() {
            self.note(field, "it is empty", "write it");
        }
        written.to_owned()
    }

    /// One of a list of words; the first stands for none.
    fn word<T: Copy + Default>(&mut self, field: &str, written: Option<&str>, words: &[(&str, T)]) -> T {
        let Some(written) = written.filter(|written| !written.is_empty()) else {
            return words.first().map(|(_, value)| *value).unwrap_or_default();
        };
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == written) {
            return *value;
        }
        let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        self.note(field, format!("{written:?} is not known"), format!("write one of {}", known.join(", ")));
        T::default()
    }
}

/// The keys that the operator sets are not the user's: their values would be lost in any case.
fn drop_operator_keys(config: &mut BTreeMap<String, String>, memory: MemoryOption, warnings: &mut Vec<Problem>) {
    for key in operator_keys(memory) {
        if config.remove(&key).is_some() {
            warnings.push(operators_own(&key, "leave it out and use the field of the spec that decides it"));
        }
    }
}

fn operators_own(key: &str, advice: &str) -> Problem {
    Problem::new(format!("spec.flinkConfig[{key:?}]"), "the operator sets this key itself", advice)
}

/// The new key decides when both are there, as it does in Flink.
fn high_availability(config: &BTreeMap<String, String>) -> HighAvailability {
    let written = config.get("high-availability.type").or_else(|| config.get("high-availability"));
    match written.map(|written| written.trim().to_lowercase()).as_deref() {
        None | Some("none") => HighAvailability::None,
        Some("kubernetes") => HighAvailability::Kubernetes,
        Some("zookeeper") => HighAvailability::ZooKeeper,
        Some(_) => HighAvailability::Other(written.map(|written| written.trim().to_owned()).unwrap_or_default()),
    }
}

fn some_text(written: &Option<String>) -> Option<String> {
    written.clone().filter(|text| !text.is_empty())
}
