//! Taking over what the original operator deployed, told by a record of what it really makes of resources.
//!
//! Where there is no record, the tests say that they did not run.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod record;

use std::collections::BTreeMap;

use flink_operator_core::application::Application;
use flink_operator_core::crd::{FlinkApplication, FlinkApplicationStatus};
use flink_operator_core::effect::Effect;
use flink_operator_core::id::{JobId, RevisionId};
use flink_operator_core::memory::Memory;
use flink_operator_core::phase::PhaseName;
use flink_operator_core::policy::Policy;
use flink_operator_core::rule::Rule;
use flink_operator_core::snapshot::*;
use flink_operator_core::{needs, status, step};
use jiff::Timestamp;
use k8s_openapi::api::apps::v1::Deployment;
use serde_json::{Value, json};

const JOB: &str = "9b1c3a0e5d6f4f0a9c660d4c4a5e7f10";

/// A recorded case with its application running.
#[derive(Clone)]
struct Case {
    input: Value,
    policy: Policy,
    phase: &'static str,
    hash: String,
    written: Written,
    status: Value,
}

impl Case {
    fn of(case: &Value, phase: &'static str) -> Self {
        let (input, policy) = (record::served(case), record::policy(case));
        let deployment = |role: &str| serde_json::from_value::<Deployment>(case[role].clone()).unwrap().into();
        let written =
            Written { jobmanager: Some(deployment("jobmanager")), taskmanager: Some(deployment("taskmanager")) };
        let hash = case["hash"].as_str().unwrap().to_owned();
        let status = status_of(&input, phase, &hash);
        Self { input, policy, phase, hash, written, status }
    }

    /// What the API server makes of the Deployments when it stores them.
    fn stored(mut self) -> Self {
        for deployment in [&mut self.written.jobmanager, &mut self.written.taskmanager].into_iter().flatten() {
            let mut stored = serde_json::to_value(&*deployment).unwrap();
            fill_in(&mut stored);
            **deployment = serde_json::from_value(stored).unwrap();
        }
        self
    }

    fn spec(mut self, change: impl FnOnce(&mut Value)) -> Self {
        change(&mut self.input["spec"]);
        self
    }

    fn live(mut self, change: impl Fn(&mut Value)) -> Self {
        for deployment in [&mut self.written.jobmanager, &mut self.written.taskmanager].into_iter().flatten() {
            let mut live = serde_json::to_value(&*deployment).unwrap();
            change(&mut live);
            **deployment = serde_json::from_value(live).unwrap();
        }
        self
    }

    fn revision(&self) -> RevisionId {
        RevisionId::known(&self.hash)
    }

    fn snapshot(&self, memory: Remembered) -> Snapshot {
        let resource: FlinkApplication = serde_json::from_value(self.input.clone()).unwrap();
        let application = Application::parse(&resource);
        let needs = needs(&application, &memory);
        let flink = needs.flink.keys().map(|revision| (revision.clone(), running())).collect();
        let label =
            self.written.jobmanager.as_ref().unwrap().metadata.labels.as_ref().unwrap()["flink-app-hash"].clone();
        let label = RevisionId::known(label);
        let written = match needs.written {
            true => Seen::Present(BTreeMap::from([(label.clone(), self.written.clone())])),
            false => Seen::NotAsked,
        };
        let objects = Seen::Present(objects(&application.name, &label, &self.written));
        let observed = Observed { objects, written, flink, ..Observed::default() };
        let (now, policy) = (now(), self.policy.clone());
        Snapshot { now, watching_since: None, policy, application, memory, observed, report: Report::default() }
    }

    /// Steps until nothing is to be done any more, or an effect is asked for.
    fn taken_over(&self) -> Outcome {
        let status: FlinkApplicationStatus = serde_json::from_value(self.status.clone()).unwrap();
        let mut memory = status::read(Some(&status));
        let (mut rules, mut effects) = (Vec::new(), Vec::new());
        for _ in 0..20 {
            let step = step(&self.snapshot(memory.clone()));
            rules.push(step.rule());
            effects.extend(step.effects().iter().cloned());
            match step.next() {
                Some(next) => memory = Remembered::Known(Box::new(next.clone())),
                None => break,
            }
        }
        let Remembered::Known(memory) = memory else { panic!("{memory:?}") };
        Outcome { rules, effects, memory: *memory }
    }
}

struct Outcome {
    rules: Vec<Rule>,
    effects: Vec<Effect>,
    memory: Memory,
}

impl Outcome {
    fn adopted(&self) -> bool {
        let at_rest = matches!(self.rules.last(), Some(Rule::JobRests | Rule::FailureRests));
        self.rules.contains(&Rule::RevisionAdopted) && at_rest && self.effects.is_empty()
    }

    fn upgraded(&self) -> bool {
        self.rules.first() == Some(&Rule::SpecChanged) && self.memory.phase.name() == PhaseName::Updating
    }
}

fn now() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

/// The status that the original writes.
fn status_of(input: &Value, phase: &str, hash: &str) -> Value {
    let spec = &input["spec"];
    let mut status = json!({
        "phase": phase, "deployHash": hash, "deploymentMode": "Dual", "lastUpdatedAt": "2026-03-01T11:00:00Z",
        "retryCount": 0,
        "clusterStatus": {
            "health": "Green", "numberOfTaskManagers": 1, "healthyTaskManagers": 1, "numberOfTaskSlots": 16,
            "availableTaskSlots": 11,
        },
        "jobStatus": {
            "jobID": JOB, "state": "RUNNING", "health": "Green", "jarName": spec["jarName"],
            "parallelism": spec["parallelism"], "entryClass": spec["entryClass"], "lastFailingTime": null,
        },
    });
    if phase == "DeployFailed" {
        status["failedDeployHash"] = "0badc0de".into();
        status["rollbackHash"] = hash.into();
    }
    status
}

fn fill_in(deployment: &mut Value) {
    deployment["metadata"]["creationTimestamp"] = "2026-01-01T00:00:00Z".into();
    deployment["metadata"]["uid"] = "d-1".into();
    deployment["spec"]["revisionHistoryLimit"] = 10.into();
    deployment["spec"]["progressDeadlineSeconds"] = 600.into();
    let pod = &mut deployment["spec"]["template"]["spec"];
    pod["dnsPolicy"] = "ClusterFirst".into();
    pod["restartPolicy"] = "Always".into();
    pod["schedulerName"] = "default-scheduler".into();
    pod["terminationGracePeriodSeconds"] = 30.into();
    if pod["securityContext"].is_null() {
        pod["securityContext"] = json!({});
    }
    if let Some(account) = pod.get("serviceAccountName").cloned() {
        pod["serviceAccount"] = account;
    }
    for volume in pod["volumes"].as_array_mut().into_iter().flatten() {
        for source in ["configMap", "secret"] {
            if volume[source].is_object() && volume[source]["defaultMode"].is_null() {
                volume[source]["defaultMode"] = 420.into();
            }
        }
    }
    let container = &mut pod["containers"][0];
    container["terminationMessagePath"] = "/dev/termination-log".into();
    container["terminationMessagePolicy"] = "File".into();
    for port in container["ports"].as_array_mut().into_iter().flatten() {
        port["protocol"] = "TCP".into();
    }
    for variable in container["env"].as_array_mut().into_iter().flatten() {
        if variable["valueFrom"]["fieldRef"].is_object() {
            variable["valueFrom"]["fieldRef"]["apiVersion"] = "v1".into();
        }
    }
    if container["readinessProbe"].is_object() {
        container["readinessProbe"]["httpGet"]["scheme"] = "HTTP".into();
    }
}

fn objects(app: &str, revision: &RevisionId, written: &Written) -> Objects {
    let deployment = |it: &Option<Box<Deployment>>| {
        it.as_ref().map(|it| {
            let name = it.metadata.name.clone().unwrap();
            let replicas = u32::try_from(it.spec.as_ref().unwrap().replicas.unwrap()).unwrap();
            DeploymentSeen {
                uid: name.clone(),
                name,
                deleting: false,
                replicas,
                existing: replicas,
                available: replicas,
            }
        })
    };
    let service = |name: String| ServiceSeen { uid: name.clone(), name, deleting: false, selects: "RANDOM".into() };
    let cluster = ClusterObjects {
        jobmanager: deployment(&written.jobmanager),
        taskmanager: deployment(&written.taskmanager),
        service: Some(service(format!("{app}-{revision}"))),
        pod_troubles: Vec::new(),
    };
    Objects {
        clusters: BTreeMap::from([(revision.clone(), cluster)]),
        generic_service: Some(service(app.to_owned())),
        ingress: Some(IngressSeen { name: app.to_owned(), uid: "ing".to_owned() }),
    }
}

fn running() -> FlinkSeen {
    let job = Job {
        state: JobState::Running,
        start_time: Some(now()),
        tasks: Tasks { total: 5, running: 5, ..Tasks::default() },
        restarts: Some(0),
        failure: None,
    };
    FlinkSeen {
        overview: Seen::Present(Overview { slots_total: 16, slots_available: 11, heartbeats: vec![now()] }),
        job: Seen::Present(job),
        savepoint: Seen::Absent,
        checkpoints: Seen::Present(Checkpoints::default()),
    }
}

fn every_case(check: impl Fn(&str, Case)) {
    for case in record::golden().into_iter().flatten() {
        let name = case["name"].as_str().unwrap();
        for phase in ["Running", "DeployFailed"] {
            check(&format!("{name}, {phase}"), Case::of(&case, phase));
        }
    }
}

#[test]
fn every_golden_application_is_adopted_without_an_effect() {
    every_case(|name, case| {
        for (form, case) in [("as it was sent", case.clone()), ("as it is stored", case.clone().stored())] {
            let outcome = case.taken_over();
            assert!(outcome.adopted(), "{name}, {form}: {:?} {:?}", outcome.rules, outcome.effects);
            let deployed = outcome.memory.ledger.deployed.clone().unwrap();
            assert_eq!((deployed.revision.id, deployed.job), (case.revision(), JobId::known(JOB)), "{name}");
            assert!(deployed.revision.digest.is_some());
        }
    });
}

/// A change of a spec, with its name.
type Change = (&'static str, fn(&mut Value));

/// One change of each field that counts.
fn changes() -> Vec<Change> {
    fn first(spec: &mut Value, field: &str, item: Value) {
        let list = spec[field].as_array().cloned().unwrap_or_default();
        spec[field] = std::iter::once(item).chain(list).collect();
    }
    vec![
        ("image", |spec| spec["image"] = "repo/img:2".into()),
        ("imagePullPolicy", |spec| spec["imagePullPolicy"] = "Always".into()),
        ("imagePullSecrets", |spec| spec["imagePullSecrets"] = json!([{ "name": "pull" }])),
        ("serviceAccountName", |spec| spec["serviceAccountName"] = "flink".into()),
        ("securityContext", |spec| spec["securityContext"] = json!({ "runAsUser": 1000 })),
        ("flinkConfig", |spec| spec["flinkConfig"]["state.backend"] = "rocksdb".into()),
        ("flinkVersion", |spec| spec["flinkVersion"] = "1.10".into()),
        ("jarName", |spec| spec["jarName"] = "b.jar".into()),
        ("entryClass", |spec| spec["entryClass"] = "com.x.Other".into()),
        ("programArgs", |spec| spec["programArgs"] = "--in x".into()),
        ("parallelism", |spec| spec["parallelism"] = 6.into()),
        ("a much higher parallelism", |spec| spec["parallelism"] = 60.into()),
        ("restartNonce", |spec| spec["restartNonce"] = "again".into()),
        ("rpcPort", |spec| spec["rpcPort"] = 7000.into()),
        ("uiPort", |spec| spec["uiPort"] = 7001.into()),
        ("volumes", |spec| first(spec, "volumes", json!({ "name": "new", "emptyDir": {} }))),
        ("volumeMounts", |spec| first(spec, "volumeMounts", json!({ "name": "v", "mountPath": "/new" }))),
        ("env", |spec| spec["taskManagerConfig"]["envConfig"]["env"] = json!([{ "name": "A", "value": "new" }])),
        ("envFrom", |spec| {
            spec["jobManagerConfig"]["envConfig"]["envFrom"] = json!([{ "secretRef": { "name": "s" } }]);
        }),
        ("taskSlots", |spec| spec["taskManagerConfig"]["taskSlots"] = 3.into()),
        ("replicas", |spec| spec["jobManagerConfig"]["replicas"] = 3.into()),
        ("resources", |spec| {
            spec["taskManagerConfig"]["resources"] = json!({ "requests": { "cpu": "3", "memory": "1Gi" } });
        }),
        ("memory", |spec| spec["jobManagerConfig"]["systemMemoryFraction"] = 0.3.into()),
        ("nodeSelector", |spec| spec["taskManagerConfig"]["nodeSelector"] = json!({ "disk": "ssd" })),
        ("tolerations", |spec| spec["jobManagerConfig"]["tolerations"] = json!([{ "key": "a", "operator": "Exists" }])),
        ("affinity", |spec| spec["taskManagerConfig"]["affinity"] = json!({ "podAntiAffinity": {} })),
    ]
}

#[test]
fn a_golden_application_with_another_spec_is_upgraded() {
    every_case(|name, case| {
        for (what, change) in changes() {
            let mut changed = case.clone().stored().spec(change);
            if what == "flinkVersion" || what == "memory" {
                // Another version knows other fractions.
                let system = ["jobManagerConfig", "taskManagerConfig"];
                for role in system.iter().filter(|_| what == "flinkVersion") {
                    changed.input["spec"][role].as_object_mut().map(|it| it.remove("systemMemoryFraction"));
                }
            }
            let outcome = changed.taken_over();
            assert!(outcome.upgraded(), "{name}, {what}: {:?}", outcome.rules);
            assert_eq!(outcome.memory.ledger.deployed.unwrap().revision.id, changed.revision());
        }
    });
}

#[test]
fn a_golden_application_whose_cluster_was_bent_is_upgraded() {
    every_case(|name, case| {
        let container = "/spec/template/spec/containers/0";
        let bends: Vec<(&str, String, Value)> = vec![
            ("image", format!("{container}/image"), "repo/img:0".into()),
            ("replicas", "/spec/replicas".into(), 9.into()),
            ("arguments", format!("{container}/args"), json!(["other"])),
            ("environment", format!("{container}/env"), json!([{ "name": "FLINK_DEPLOYMENT_TYPE", "value": "x" }])),
        ];
        for (what, place, value) in bends {
            let bent = case.clone().live(|deployment| *deployment.pointer_mut(&place).unwrap() = value.clone());
            assert!(bent.taken_over().upgraded(), "{name}, {what}");
        }
    });
}

#[test]
fn what_shapes_no_pod_does_not_keep_a_golden_application_from_being_adopted() {
    every_case(|name, case| {
        let mut edited = case.spec(|spec| {
            spec["allowNonRestoredState"] = true.into();
            spec["deleteMode"] = "ForceCancel".into();
        });
        edited.input["metadata"]["labels"] = json!({ "team": "b" });
        edited.input["metadata"]["annotations"] = json!({ "kubectl.kubernetes.io/last-applied-configuration": "{}" });
        edited.policy.container_name_format = "%s-flink".into();
        edited.policy.scheduler_name = "late".into();
        let outcome = edited.taken_over();
        assert!(outcome.adopted(), "{name}: {:?}", outcome.rules);
    });
}

#[test]
fn what_the_original_printed_otherwise_is_the_same_golden_configuration() {
    every_case(|name, case| {
        let printed = |deployment: &mut Value, from: &str, to: &str| {
            for variable in deployment["spec"]["template"]["spec"]["containers"][0]["env"].as_array_mut().unwrap() {
                if let Some(text) = variable["value"].as_str() {
                    variable["value"] = text.replace(from, to).into();
                }
            }
        };
        let large = case.clone().spec(|spec| spec["flinkConfig"]["a.count"] = json!(10_000_000));
        let large = large.live(|deployment| printed(deployment, "blob.server", "a.count: 1e+07\nblob.server"));
        // The new key sorts where the record's first keys may not: only where the result is in order.
        let first = large.input["spec"]["flinkConfig"].as_object().unwrap().keys().all(|key| key.as_str() <= "a.count");
        assert!(!first || large.taken_over().adopted(), "{name}: {:?}", large.taken_over().rules);
        let address = case
            .clone()
            .live(|deployment| printed(deployment, "jobmanager.rpc.address: ", "jobmanager.rpc.address: x"));
        assert!(address.taken_over().adopted(), "{name}");
    });
}

#[test]
fn what_the_original_gave_up_is_not_tried_again_before_the_next_golden_edit() {
    every_case(|name, case| {
        // The colour is part of the hash, and this application has none.
        if case.phase != "DeployFailed" || name.starts_with("bluegreen") {
            return;
        }
        let container = "/spec/template/spec/containers/0";
        let mut failed = case.live(|it| *it.pointer_mut(&format!("{container}/image")).unwrap() = "repo/img:0".into());
        failed.status["failedDeployHash"] = failed.hash.clone().into();
        let outcome = failed.taken_over();
        assert_eq!(outcome.rules.first(), Some(&Rule::RevisionAdopted), "{name}");
        assert_eq!((outcome.rules.last(), outcome.effects.as_slice()), (Some(&Rule::FailureRests), [].as_slice()));
        assert!(failed.spec(|spec| spec["restartNonce"] = "again".into()).taken_over().upgraded(), "{name}");
    });
}

#[test]
fn a_golden_cluster_that_was_relabelled_in_place_is_not_deleted() {
    every_case(|name, case| {
        let mut relabelled =
            case.live(|deployment| deployment["metadata"]["labels"]["flink-app-hash"] = "5ca1ab1e".into());
        for (deploy_hash, what) in [(relabelled.hash.clone(), "half-way"), ("5ca1ab1e".to_owned(), "done")] {
            relabelled.status["deployHash"] = deploy_hash.into();
            let outcome = relabelled.taken_over();
            assert!(outcome.adopted(), "{name}, {what}: {:?}", outcome.rules);
            assert_eq!(outcome.memory.ledger.deployed.unwrap().revision.id.as_str(), "5ca1ab1e", "{name}, {what}");
        }
    });
}

#[test]
fn a_golden_application_left_in_the_middle_of_an_update_that_was_written_back_is_adopted() {
    every_case(|name, mut case| {
        for phase in ["Updating", "ClusterStarting", "Rescaling", "Savepointing", "Cancelling", "Recovering"] {
            case.status["phase"] = phase.into();
            let outcome = case.taken_over();
            assert_eq!(outcome.rules.first(), Some(&Rule::OriginalTakenOver), "{name}, {phase}");
            assert!(outcome.adopted(), "{name}, {phase}: {:?}", outcome.rules);
            let changed = case.clone().spec(|spec| spec["image"] = "repo/img:2".into()).taken_over();
            assert_eq!(changed.rules, [Rule::OriginalTakenOver, Rule::SpecChanged, Rule::ClusterRequested], "{name}");
        }
    });
}

#[test]
fn the_job_of_a_golden_blue_green_version_is_the_one_beside_it() {
    every_case(|name, mut case| {
        let ours = case.status["jobStatus"].take();
        case.status["deploymentMode"] = "BlueGreen".into();
        case.status["versionStatuses"] = json!([
            { "appVersion": "green", "versionHash": case.hash, "jobStatus": ours },
            { "appVersion": "blue", "versionHash": "0badc0de", "jobStatus": { "jobID": "another" } },
        ]);
        case.status["jobStatus"] = json!({ "jobID": "another", "lastFailingTime": null });
        let outcome = case.taken_over();
        assert!(outcome.adopted(), "{name}: {:?}", outcome.rules);
        assert_eq!(outcome.memory.ledger.deployed.unwrap().job, JobId::known(JOB), "{name}");
    });
}

#[test]
fn a_golden_application_whose_deployments_cannot_be_seen_is_awaited() {
    every_case(|name, case| {
        let status: FlinkApplicationStatus = serde_json::from_value(case.status.clone()).unwrap();
        let mut snapshot = case.snapshot(status::read(Some(&status)));
        let trouble = Trouble { class: TroubleClass::TryAgain, method: String::new(), message: "timed out".into() };
        snapshot.observed.written = Seen::Unreachable(trouble);
        let step = step(&snapshot);
        assert_eq!((step.rule(), step.rests()), (Rule::KubernetesAwaited, true), "{name}");
        assert_eq!(case.phase, status.phase.unwrap(), "{name}");
    });
}
