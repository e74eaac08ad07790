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

#[path = "originals/case.rs"]
mod case;
mod originals;

use case::{Case, JOB, every_case};
use flink_operator_core::application::Colour;
use flink_operator_core::crd::FlinkApplicationStatus;
use flink_operator_core::effect::Effect;
use flink_operator_core::id::JobId;
use flink_operator_core::phase::PhaseName;
use flink_operator_core::rule::Rule;
use flink_operator_core::snapshot::*;
use flink_operator_core::{status, step};
use serde_json::{Value, json};

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
        if case.phase != "DeployFailed" {
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
        if case.is_blue_green() {
            return;
        }
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
            let changed = case.clone().spec(|spec| {
                spec["image"] = "repo/img:2".into();
                spec["forceRollback"] = false.into();
            });
            let rules = changed.taken_over().rules;
            assert_eq!(rules, [Rule::OriginalTakenOver, Rule::SpecChanged, Rule::ClusterRequested], "{name}");
        }
    });
}

/// The deployed cluster is an older one, and the recorded one stands beside it with these jobs.
fn beside_an_older_one(case: &Case, jobs: &[(&'static str, JobState)]) -> Case {
    let newer = (case.revision(), case.written.clone(), jobs.to_vec());
    let mut older = case.clone().live(|deployment| {
        deployment["metadata"]["labels"]["flink-app-hash"] = OLDER.into();
        let name = deployment["metadata"]["name"].as_str().unwrap().replace(&case.hash, OLDER);
        deployment["metadata"]["name"] = name.into();
        deployment["spec"]["template"]["spec"]["containers"][0]["image"] = "repo/img:0".into();
    });
    older.other = Some(newer);
    older.status["deployHash"] = OLDER.into();
    if case.is_blue_green() {
        older.status["deployVersion"] = "blue".into();
        let mut newer = older.status["versionStatuses"][0].clone();
        newer["jobStatus"]["jobID"] = NEW_JOB.into();
        older.status["versionStatuses"][0]["versionHash"] = OLDER.into();
        older.status["versionStatuses"][0]["appVersion"] = "blue".into();
        older.status["versionStatuses"][1] = newer;
    }
    older
}

const OLDER: &str = "01de401d";
const NEW_JOB: &str = "11b1c3a0e5d6f4f0a9c660d4c4a5e7f1";

#[test]
fn a_golden_rollback_is_not_followed_by_another_try() {
    every_case(|name, case| {
        if case.is_blue_green() {
            return;
        }
        let mut case = beside_an_older_one(&case, &[(NEW_JOB, JobState::Failed)]);
        case.status["phase"] = "RollingBackJob".into();
        case.status["savepointPath"] = "s3://b/savepoint-1".into();
        *case.job_status() = json!({ "jarName": "a.jar", "entryClass": "com.x.Main", "parallelism": 5 });
        let outcome = case.taken_over();
        assert_eq!(outcome.rules.first(), Some(&Rule::OriginalFailureTakenOver), "{name}: {:?}", outcome.rules);
        assert_eq!(outcome.memory.phase.name(), PhaseName::DeployFailed, "{name}");
        assert_eq!(outcome.memory.ledger.deployed.unwrap().job, JobId::known(JOB), "{name}");
        let edited = case.clone().spec(|spec| spec["image"] = "repo/img:2".into()).taken_over();
        assert_eq!(edited.rules[..2], [Rule::OriginalTakenOver, Rule::SpecChanged], "{name}");

        case.jobs = vec![(JOB, JobState::Finished)];
        let outcome = case.taken_over();
        assert_eq!(outcome.rules.first(), Some(&Rule::OriginalRollbackGoesOn), "{name}: {:?}", outcome.rules);
        let deletes_the_new_one = |effect: &Effect| matches!(effect, Effect::DeleteDeployment(it) | Effect::DeleteService(it) if it.revision == case.revision());
        assert!(!outcome.effects.is_empty() && outcome.effects.iter().all(deletes_the_new_one), "{name}");
    });
}

#[test]
fn a_golden_rollback_that_failed_rests_until_the_next_edit() {
    every_case(|name, mut case| {
        if case.phase != "DeployFailed" || case.is_blue_green() {
            return;
        }
        let container = "/spec/template/spec/containers/0";
        case = case.live(|it| *it.pointer_mut(&format!("{container}/image")).unwrap() = "repo/img:0".into());
        case.status["failedDeployHash"] = case.hash.clone().into();
        case.status["savepointPath"] = "s3://b/savepoint-1".into();
        case.job_status()["jobID"] = "".into();
        case.jobs = vec![(JOB, JobState::Canceled)];
        let outcome = case.taken_over();
        assert_eq!(outcome.rules[..2], [Rule::OriginalStopped, Rule::RevisionAdopted], "{name}");
        assert_eq!((outcome.rules.last(), outcome.effects.as_slice()), (Some(&Rule::FailureRests), [].as_slice()));
        let stopped = outcome.memory.ledger.stopped.unwrap();
        assert_eq!(stopped.state.as_deref(), Some("s3://b/savepoint-1"), "{name}");
        let edited = case.spec(|spec| spec["restartNonce"] = "again".into()).taken_over();
        assert_eq!(edited.rules[..2], [Rule::OriginalStopped, Rule::SpecChanged], "{name}");
    });
}

#[test]
fn a_golden_cluster_that_was_being_scaled_in_place_gets_its_service() {
    every_case(|name, mut case| {
        if case.is_blue_green() {
            return;
        }
        case = case.live(|deployment| deployment["metadata"]["labels"]["flink-app-hash"] = "5ca1ab1e".into());
        case.status["phase"] = "Rescaling".into();
        case.without_service = true;
        let case = case.spec(|spec| spec["parallelism"] = 16.into());
        let outcome = case.taken_over();
        let rules = [Rule::OriginalTakenOver, Rule::RevisionAdopted, Rule::ClusterRepaired];
        assert_eq!(outcome.rules, rules, "{name}");
        let [Effect::CreateService(service)] = outcome.effects.as_slice() else { panic!("{:?}", outcome.effects) };
        assert_eq!(service.metadata.name.as_deref(), Some("app-5ca1ab1e"), "{name}");
        let selector = service.spec.as_ref().unwrap().selector.as_ref().unwrap();
        assert_eq!(selector["pod-deployment-selector"], "RANDOM", "{name}");
    });
}

#[test]
fn both_golden_versions_are_adopted() {
    every_case(|name, case| {
        if !case.is_blue_green() {
            return;
        }
        let mut case = beside_an_older_one(&case, &[(NEW_JOB, JobState::Running)]);
        // DualRunning says all; the others may have started the newer job or not.
        for phase in ["DualRunning", "SubmittingJob", "RollingBackJob", "DeployFailed", "Running"] {
            case.status["phase"] = phase.into();
            let outcome = case.taken_over();
            let rules = [Rule::OriginalPairTakenOver, Rule::RevisionAdopted];
            assert_eq!(outcome.rules[..2], rules, "{name}, {phase}: {:?}", outcome.rules);
            assert_eq!(outcome.rules.last(), Some(&Rule::BothVersionsRest), "{name}, {phase}");
            assert!(outcome.effects.is_empty(), "{name}, {phase}: {:?}", outcome.effects);
            let ledger = outcome.memory.ledger;
            let (first, second) = (ledger.deployed.unwrap(), ledger.second.unwrap());
            assert_eq!((first.revision.id.as_str(), first.revision.colour), (OLDER, Some(Colour::Blue)));
            assert_eq!((second.revision.id, second.revision.colour), (case.revision(), Some(Colour::Green)));
            assert_eq!((first.job, second.job), (JobId::known(JOB), JobId::known(NEW_JOB)), "{name}, {phase}");
            assert!(first.revision.digest.is_none() && second.revision.digest.is_some(), "{name}, {phase}");
        }
        let edited = case.clone().spec(|spec| spec["image"] = "repo/img:2".into()).taken_over();
        assert_eq!(edited.rules.last(), Some(&Rule::BothVersionsRest), "{name}: {:?}", edited.rules);
        let torn = case.clone().spec(|spec| spec["tearDownVersionHash"] = OLDER.into()).taken_over();
        assert!(torn.rules.contains(&Rule::TeardownBegun), "{name}: {:?}", torn.rules);
        assert!(matches!(&torn.effects[0], Effect::CancelJob { job, .. } if job.as_str() == JOB), "{:?}", torn.effects);
    });
}

#[test]
fn the_one_golden_version_that_runs_is_adopted() {
    every_case(|name, case| {
        if !case.is_blue_green() {
            return;
        }
        let mut case = beside_an_older_one(&case, &[]);
        case.status["phase"] = "SubmittingJob".into();
        let outcome = case.taken_over();
        assert_eq!(outcome.rules[..2], [Rule::OriginalTakenOver, Rule::SpecChanged], "{name}");
        let deployed = outcome.memory.ledger.deployed.unwrap();
        assert_eq!((deployed.revision.id.as_str(), deployed.job), (OLDER, JobId::known(JOB)), "{name}");
        // A deploy that was given up is not tried again: the hash has the colour that it was tried with.
        case.status["phase"] = "DeployFailed".into();
        case.status["failedDeployHash"] = case.hash.clone().into();
        let rules = case.taken_over().rules;
        assert_eq!(rules[..2], [Rule::OriginalFailureTakenOver, Rule::RevisionAdopted], "{name}: {rules:?}");
        assert_eq!(rules.get(2), Some(&Rule::OldClusterRemoved), "{name}: {rules:?}");
    });
}

#[test]
fn a_golden_version_that_does_not_say_its_colour_is_left_alone() {
    every_case(|name, case| {
        if !case.is_blue_green() {
            return;
        }
        let mut case = beside_an_older_one(&case, &[]);
        case.status["versionStatuses"][1]["appVersion"] = "".into();
        let status: FlinkApplicationStatus = serde_json::from_value(case.status.clone()).unwrap();
        let step = step(&case.snapshot(status::read(Some(&status))));
        assert_eq!((step.rule(), step.rests()), (Rule::StatusUnreadable, true), "{name}");
    });
}

#[test]
fn a_golden_version_that_was_torn_down_is_not_deployed_again() {
    every_case(|name, case| {
        if !case.is_blue_green() {
            return;
        }
        let mut kept = case.clone();
        let container = "/spec/template/spec/containers/0";
        kept = kept.live(|it| *it.pointer_mut(&format!("{container}/image")).unwrap() = "repo/img:0".into());
        kept.status["phase"] = "Running".into();
        // The recorded hash has its colour; the original's teardown hash has an empty one, and either counts.
        kept.status["teardownHash"] = case.hash.clone().into();
        let outcome = kept.taken_over();
        assert_eq!(outcome.rules.first(), Some(&Rule::OriginalTakenOver), "{name}: {:?}", outcome.rules);
        assert_eq!((outcome.rules.last(), outcome.effects.as_slice()), (Some(&Rule::JobRests), [].as_slice()));
        let edited = kept.spec(|spec| spec["restartNonce"] = "again".into()).taken_over();
        assert_eq!(edited.rules[..2], [Rule::OriginalTakenOver, Rule::SpecChanged], "{name}");

        let mut kept = case.clone();
        kept.status["phase"] = "Running".into();
        kept.status["teardownHash"] = case.hash.clone().into();
        assert!(kept.taken_over().adopted(), "{name}: what runs is what the spec asks for");
    });
}

#[test]
fn a_golden_job_that_the_status_mistakes_for_another_is_adopted_and_not_started_again() {
    every_case(|name, mut case| {
        // With high availability the job that is not known may come back for a while.
        if case.input["spec"]["flinkConfig"]["high-availability"].is_string() {
            return;
        }
        case.jobs = vec![(NEW_JOB, JobState::Running)];
        let outcome = case.taken_over();
        assert!(outcome.adopted(), "{name}: {:?}", outcome.rules);
        assert_eq!(outcome.memory.ledger.deployed.unwrap().job, JobId::known(NEW_JOB), "{name}");
        case.jobs = Vec::new();
        let lost = case.taken_over();
        assert_eq!(lost.rules.iter().filter(|rule| **rule == Rule::RevisionAdopted).count(), 1, "{:?}", lost.rules);
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
