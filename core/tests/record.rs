//! Records keep what was decided, and no secrets.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod arbitrary;

use std::collections::BTreeSet;

use arbitrary::{application, manifest, memory, snapshot};
use flink_operator_core::effect::EffectKey;
use flink_operator_core::memory::Memory;
use flink_operator_core::phase::Phase;
use flink_operator_core::record::{Decision, Record};
use flink_operator_core::rule::Rule;
use flink_operator_core::snapshot::{Observed, Remembered, Report, Snapshot, Trouble, TroubleClass};
use flink_operator_core::step;
use flink_operator_fixtures::yaml;
use proptest::prelude::*;
use serde_json::{Value, json};

/// Every secret that [`with_secrets`] hides somewhere has this in it.
const SECRET: &str = "hunter";

/// A manifest with a secret in every place in which users put them.
fn with_secrets(mut manifest: Value) -> Value {
    let spec = &mut manifest["spec"];
    spec["programArgs"] = "--topic orders --db.password hunter-1 --url jdbc:x://h/db?password=hunter-2 \
                           -Dapi-key=hunter-3 --json {\"token\":\"hunter 4\"} --s3 s3://me:hunter-5@bucket/x"
        .into();
    spec["flinkConfig"] = json!({
        "s3.secret-key": "hunter-6",
        "security.jaas.config": "first line\nhunter-7",
        "metrics.url": "https://me:hunter-8@host/path",
        "state.backend.type": "rocksdb",
    });
    let variables = json!([
        {"name": "DB_PASSWORD", "value": "hunter-10"},
        {"name": "JAVA_OPTS", "value": "-Xmx1g -Djavax.net.ssl.keyStorePassword=hunter-11 -Dname=numbers"},
        {"name": "AWS_ACCESS_KEY_ID", "value": "hunter-12"},
        {"name": "FROM_A_SECRET", "valueFrom": {"secretKeyRef": {"name": "credentials", "key": "database"}}},
        {"name": "ZONE", "value": "north"},
    ]);
    spec["jobManagerConfig"] = json!({"envConfig": {"env": variables}});
    spec["taskManagerConfig"] = json!({"envConfig": {"env": variables}});
    manifest["metadata"]["annotations"] = json!({
        "kubectl.kubernetes.io/last-applied-configuration": "{\"spec\": \"hunter-13\"}",
        "example.com/api-token": "hunter-14",
        "example.com/team": "sales",
    });
    manifest
}

fn look(manifest: Value, memory: Memory) -> Snapshot {
    Snapshot {
        now: arbitrary::now(),
        watching_since: None,
        policy: Default::default(),
        application: application(manifest),
        memory: Remembered::Known(Box::new(memory)),
        observed: Observed::default(),
        report: Report::default(),
    }
}

fn recorded(snapshot: &Snapshot) -> Record {
    Record::of(snapshot, &step(snapshot)).unwrap()
}

fn written(record: &Record) -> String {
    serde_json::to_string(record).unwrap()
}

/// What the machine decides after the decision on `snapshot` was committed.
fn one_step_later(snapshot: &Snapshot) -> Snapshot {
    let mut snapshot = snapshot.clone();
    snapshot.memory = Remembered::Known(Box::new(step(&snapshot).next().unwrap().clone()));
    snapshot.observed.objects = flink_operator_core::snapshot::Seen::Present(Default::default());
    snapshot
}

#[test]
fn no_secret_reaches_a_record() {
    let begun = look(with_secrets(manifest(0)), Memory::default());
    assert!(serde_json::to_string(&begun).unwrap().contains(SECRET));
    let creating = one_step_later(&begun);
    let records = [(Rule::DeployBegun, &begun), (Rule::ClusterRequested, &creating)];
    for (rule, snapshot) in records {
        let step = step(snapshot);
        assert_eq!(step.rule(), rule);
        assert!(serde_json::to_string(&Decision::of(&step).unwrap()).unwrap().contains(SECRET), "{rule}");
        let record = recorded(snapshot);
        assert!(record.step.is_some(), "{rule}");
        let text = written(&record);
        assert!(!text.contains(SECRET), "{rule}: {text}");
    }
}

#[test]
fn a_secret_in_a_spec_that_is_refused_is_hidden_too() {
    let mut refused = with_secrets(manifest(0));
    refused["spec"]["flinkConfig"]["deep"] = json!({"password": ["hunter-9"]});
    let record = recorded(&look(refused, Memory::default()));
    assert_eq!(record.step.as_ref().unwrap().rule, "SpecRefused");
    assert!(!written(&record).contains(SECRET));
}

#[test]
fn what_is_no_secret_stays() {
    let creating = one_step_later(&look(with_secrets(manifest(0)), Memory::default()));
    let text = written(&recorded(&creating));
    for kept in ["--topic orders", "rocksdb", "-Xmx1g", "-Dname=numbers", "north", "sales", "credentials", "database"] {
        assert!(text.contains(kept), "{kept} in {text}");
    }
}

#[test]
fn equal_secrets_stay_equal_and_different_ones_different() {
    let record = recorded(&look(with_secrets(manifest(0)), Memory::default()));
    let spec = record.snapshot.application.manifest().spec;
    let variables = |env: &flink_operator_core::crd::EnvironmentConfig| env.env.clone().unwrap();
    let jobmanager = variables(spec.job_manager_config.as_ref().unwrap().env_config.as_ref().unwrap());
    let taskmanager = variables(spec.task_manager_config.as_ref().unwrap().env_config.as_ref().unwrap());
    assert_eq!(jobmanager, taskmanager);
    let hidden: BTreeSet<_> = jobmanager.iter().filter_map(|variable| variable.value.as_deref()).collect();
    assert_eq!(hidden.len(), 4, "{hidden:?}");
}

#[test]
fn a_secret_is_hidden_in_the_errors_that_tell_it_again() {
    let mut snapshot = one_step_later(&look(with_secrets(manifest(0)), Memory::default()));
    let message = "cannot log in to db as orders with hunter-10".to_owned();
    let trouble = Trouble { class: TroubleClass::TryAgain, method: "CreateCluster".to_owned(), message };
    snapshot.report.failed.insert(EffectKey("create/deployment/x".to_owned()), trouble);
    let record = recorded(&snapshot);
    let text = written(&record);
    assert!(!text.contains(SECRET), "{text}");
    assert!(text.contains("cannot log in to db as orders with <redacted:"), "{text}");
}

#[test]
fn a_secret_that_is_also_a_name_does_not_change_the_name() {
    let mut manifest = manifest(0);
    manifest["spec"]["jobManagerConfig"] = json!({"envConfig": {"env": [{"name": "TOKEN_TOPIC", "value": "orders"}]}});
    let record = recorded(&look(manifest, Memory::default()));
    assert_eq!(record.snapshot.application.name, "orders");
    assert_eq!(record.step.unwrap().rule, "DeployBegun");
}

#[test]
fn a_record_with_secrets_replays_to_the_revision_that_was_deployed() {
    let begun = look(with_secrets(manifest(0)), Memory::default());
    let really = step(&begun).next().unwrap().phase.target().unwrap().clone();
    let read: Record = serde_json::from_str(&written(&recorded(&begun))).unwrap();
    let replayed = read.decide().next().unwrap().phase.target().unwrap().clone();
    assert_eq!((replayed.id, replayed.digest, replayed.cluster), (really.id, really.digest, really.cluster));
}

#[test]
fn an_edit_of_nothing_but_a_secret_is_still_an_edit() {
    let mut rotated = with_secrets(manifest(0));
    let begun = one_step_later(&look(rotated.clone(), Memory::default()));
    rotated["spec"]["flinkConfig"]["s3.secret-key"] = "hunter-rotated".into();
    let edited = Snapshot { application: application(rotated), ..begun };
    let read: Record = serde_json::from_str(&written(&recorded(&edited))).unwrap();
    assert_eq!(step(&edited).rule(), Rule::TargetReplaced);
    assert_eq!(read.decide().rule(), Rule::TargetReplaced);
}

#[test]
fn a_spec_without_secrets_is_recorded_as_it_is() {
    let snapshot = look(manifest(0), Memory::default());
    let record = recorded(&snapshot);
    assert_eq!((record.spec_digest, record.cluster_digest), (None, None));
    assert_eq!(record.snapshot, snapshot);
}

#[test]
fn another_decision_is_told_field_by_field() {
    let creating = one_step_later(&look(manifest(0), Memory::default()));
    let today = Decision::of(&step(&creating)).unwrap();
    assert_eq!(today.differences(&today).unwrap(), []);
    let mut before = today.clone();
    before.rule = "ClusterWanted".to_owned();
    before.effects[0].body.as_mut().unwrap()["createDeployment"]["spec"]["replicas"] = 2.into();
    before.effects.pop();
    let fields: Vec<String> =
        before.differences(&today).unwrap().into_iter().map(|difference| difference.field).collect();
    let last = format!("effects[{}]", before.effects.len());
    assert_eq!(fields, ["rule", "effects[0].body.createDeployment.spec.replicas", last.as_str()]);
}

#[test]
fn an_effect_of_which_only_the_key_was_kept_is_compared_by_its_key() {
    let creating = one_step_later(&look(manifest(0), Memory::default()));
    let brief = recorded(&creating).brief().step.unwrap();
    assert!(brief.effects.iter().all(|deed| deed.body.is_none()));
    let mut today = Decision::of(&step(&creating)).unwrap();
    assert_eq!(brief.differences(&today).unwrap(), []);
    today.effects[0].key = EffectKey("create/deployment/other".to_owned());
    assert!(!brief.differences(&today).unwrap().is_empty());
}

#[test]
fn texts_that_look_like_numbers_survive_yaml() {
    let look_alikes =
        ["1e5", "00000000", "12345678", "0x1f", "1_000", "12:30:45", ".5", "+1", "~", "null", "yes", "1e999"];
    let mut snapshot = look(manifest(0), Memory::default());
    let Remembered::Known(memory) = &mut snapshot.memory else { panic!("it is known") };
    memory.phase = Phase::New;
    for text in look_alikes {
        let Remembered::Known(memory) = &mut snapshot.memory else { panic!("it is known") };
        memory.ledger.last_error = Some(flink_operator_core::memory::LastError {
            method: text.to_owned(),
            message: text.to_owned(),
            time: arbitrary::now(),
        });
        let record = recorded(&snapshot);
        let read: Record = yaml::read(&yaml::write(&record).unwrap()).unwrap();
        assert_eq!(read, record, "{text}");
    }
}

proptest! {
    /// Whatever was seen, the record holds the decision that was taken, and replays to it.
    #[test]
    fn every_record_replays_to_the_decision_in_it(snapshot in snapshot(), secrets in any::<bool>()) {
        let mut snapshot = snapshot;
        if secrets {
            let manifest = serde_json::to_value(snapshot.application.manifest()).unwrap();
            snapshot.application = application(with_secrets(manifest));
        }
        let decided = step(&snapshot);
        let record = Record::of(&snapshot, &decided).unwrap();
        let read: Record = serde_json::from_str(&written(&record)).unwrap();
        let kept = read.step.clone().expect("redaction changed the decision");
        prop_assert_eq!(&kept.rule, &decided.rule().to_string());
        let today = Decision::of(&read.decide()).unwrap();
        prop_assert_eq!(kept.differences(&today).unwrap(), vec![]);
        prop_assert!(!written(&record).contains(SECRET));
    }

    /// The phases and ledgers of arbitrary applications are JSON that reads back, also through YAML.
    #[test]
    fn every_memory_survives_yaml(memory in memory()) {
        let record = recorded(&look(manifest(0), memory));
        let read: Record = yaml::read(&yaml::write(&record).unwrap()).unwrap();
        prop_assert_eq!(read, record);
    }
}
