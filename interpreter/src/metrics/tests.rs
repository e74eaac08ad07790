use std::collections::{BTreeMap, BTreeSet};

use flink_operator_core::effect::{Effect, EffectKey, Target};
use flink_operator_core::id::{JobId, RevisionId, TriggerId};
use flink_operator_core::snapshot::{FlinkSeen, Observed, SavepointSeen, Seen, Trouble, TroubleClass};
use k8s_openapi::api::apps::v1::Deployment;

use super::original::{Deed, Occasion, Tally};
use super::*;
use crate::metrics::original::Count;
use crate::observe::ApplicationName;

/// The original's counters (contract section 9.3).
const COUNTERS: &str = "
    reconciler: cache_hit cache_miss reconcile_error
    flink_controller: delete_resource_success delete_resource_failure app_changed_counter
    job_manager_controller: deployment_create_success deployment_create_failure service_create_success
        service_create_failure ingress_create_success ingress_create_failure
    task_manager_controller: deployment_create_success deployment_create_failure
    k8_cluster: create_success create_failure update_success update_failure update_conflict update_invalide_version
        delete_success delete_failure get_deployment_cache_hit get_deployment_cache_miss get_deployment_failure
    flink_jm_client: submit_job_success submit_job_failure cancel_job_success cancel_job_failure
        force_cancel_job_success force_cancel_job_failure check_savepoint_status_success
        check_savepoint_status_failure get_jobs_success get_jobs_failure get_job_config_success
        get_job_config_failure get_cluster_success get_cluster_failure get_checkpoints_success get_checkpoints_failed
        savepoint_job_success savepoint_job_failed
";

/// The words of the original's phases: each has three metrics.
const PHASES: [&str; 13] = [
    "New",
    "Updating",
    "Rescaling",
    "ClusterStarting",
    "SubmittingJob",
    "Running",
    "Savepointing",
    "Cancelling",
    "Deleting",
    "Recovering",
    "DeployFailed",
    "RollingBackJob",
    "DualRunning",
];

fn names() -> BTreeSet<String> {
    let mut scope = "";
    let mut names = BTreeSet::new();
    for word in COUNTERS.split_whitespace() {
        match word.strip_suffix(':') {
            Some(new) => scope = new,
            None => drop(names.insert(format!("flinkk8soperator:{scope}:{word}"))),
        }
    }
    names
}

fn orders() -> ApplicationName {
    ApplicationName { namespace: "shop".to_owned(), name: "orders".to_owned() }
}

/// The text after everything was counted once and every phase was worked in, once with an error.
fn text_of_a_full_life() -> (Board, Metrics, String) {
    let (board, metrics) = (Board::default(), Metrics::new("flinkk8soperator", "1.2.3").unwrap());
    board.meet(&orders());
    board.fill(&orders(), |tally| Count::all().for_each(|count| tally.count(count)));
    for phase in PhaseName::iter() {
        board.handled(&orders(), Some(phase), Duration::from_millis(1500), true);
        board.handled(&orders(), Some(phase), Duration::from_millis(500), false);
    }
    let text = metrics.text(&board).unwrap();
    (board, metrics, text)
}

#[test]
fn every_counter_of_the_original_has_its_exact_name_and_labels() {
    let (_, _, text) = text_of_a_full_life();
    for name in names() {
        assert!(text.contains(&format!("# TYPE {name} counter\n")), "{name}");
        assert!(text.contains(&format!("\n{name}{{app_name=\"orders\",ns=\"shop\"}} 1\n")), "{name}");
    }
    assert_eq!(Count::all().count(), names().len());
    let counted =
        text.lines().filter(|line| line.contains(":") && line.contains("app_name") && line.contains("_total"));
    assert_eq!(counted.collect::<Vec<_>>(), Vec::<&str>::new());
}

#[test]
fn a_phase_has_summaries_in_milliseconds_and_an_error_counter() {
    let (_, _, text) = text_of_a_full_life();
    assert_eq!(PhaseName::iter().count(), PHASES.len());
    for phase in PHASES {
        let of =
            |rest: &str| format!("\nflinkk8soperator:state_machine:{phase}_{rest}{{app_name=\"orders\",ns=\"shop\"}} ");
        assert!(text.contains(&format!("# TYPE flinkk8soperator:state_machine:{phase}_handle_time_ms summary\n")));
        for (rest, value) in [
            ("handle_time_ms_sum", "2000"),
            ("handle_time_ms_count", "2"),
            ("handle_time_success_ms_sum", "1500"),
            ("handle_time_success_ms_count", "1"),
            ("error", "1"),
        ] {
            assert!(text.contains(&format!("{}{value}\n", of(rest))), "{phase}_{rest}");
        }
    }
}

#[test]
fn the_series_of_an_application_that_is_gone_are_gone_too() {
    let (board, metrics, text) = text_of_a_full_life();
    assert!(text.contains("orders"));
    board.forget(&orders());
    board.handled(&orders(), Some(PhaseName::Running), Duration::from_secs(1), true);
    assert!(!metrics.text(&board).unwrap().contains("orders"));
}

#[test]
fn what_can_be_counted_begins_at_zero() {
    let text = Metrics::new("flinkk8soperator", "1.2.3").unwrap().text(&Board::default()).unwrap();
    for line in [
        "flinkk8soperator_transitions_total{rule=\"JobStarted\"} 0",
        "flinkk8soperator_effects_total{effect=\"SubmitJob\",outcome=\"failed\"} 0",
        "flinkk8soperator_commits_total{outcome=\"conflict\"} 0",
        "flinkk8soperator_applications{phase=\"Running\"} 0",
        "flinkk8soperator_application_health{of=\"job\",health=\"Red\"} 0",
        "flinkk8soperator_build_info{version=\"1.2.3\"} 1",
        "flinkk8soperator_leader 0",
    ] {
        assert!(text.lines().any(|it| it == line), "{line} in {text}");
    }
}

#[test]
fn every_metric_of_our_own_is_in_the_table() {
    let (_, metrics, _) = text_of_a_full_life();
    metrics.finished(Call::Job, Outcome::TimedOut, Duration::from_secs(1));
    metrics.left(PhaseName::Updating, Duration::from_secs(1));
    metrics.kubernetes.with_label_values(&["get", "pods", "200"]).observe(0.1);
    let text = metrics.text(&Board::default()).unwrap();
    for own in own::ALL {
        assert!(text.contains(&format!("# TYPE flinkk8soperator_{} {}\n", own.name, own.kind)), "{}", own.name);
    }
    assert_eq!(text.matches("# TYPE flinkk8soperator_").count(), own::ALL.len());
}

fn trouble() -> Trouble {
    Trouble { class: TroubleClass::TryAgain, method: "any".to_owned(), message: "no".to_owned() }
}

fn counted(tally: &Tally) -> BTreeMap<Count, u64> {
    tally.counts.clone()
}

fn looked(seen: FlinkSeen) -> BTreeMap<Count, u64> {
    let mut tally = Tally::default();
    let flink = BTreeMap::from([(RevisionId::known("0a1b2c3d"), seen)]);
    tally.observed(&Observed { flink, ..Observed::default() }, false);
    counted(&tally)
}

fn nothing() -> FlinkSeen {
    FlinkSeen::default()
}

#[test]
fn every_question_to_flink_counts_under_its_own_name() {
    let savepoint = Seen::Present(SavepointSeen::InProgress);
    let only = |count| BTreeMap::from([(count, 1)]);
    assert_eq!(looked(FlinkSeen { savepoint, ..nothing() }), only(Count::Done(Deed::CheckSavepoint)));
    let savepoint = Seen::Unreachable(trouble());
    assert_eq!(looked(FlinkSeen { savepoint, ..nothing() }), only(Count::Failed(Deed::CheckSavepoint)));
    let job = Seen::Unreachable(trouble());
    assert_eq!(looked(FlinkSeen { job, ..nothing() }), only(Count::Failed(Deed::GetJobs)));
    let checkpoints = Seen::Unreachable(trouble());
    assert_eq!(looked(FlinkSeen { checkpoints, ..nothing() }), only(Count::Failed(Deed::GetCheckpoints)));
    let overview = Seen::Unreachable(trouble());
    assert_eq!(looked(FlinkSeen { overview, ..nothing() }), only(Count::Failed(Deed::GetCluster)));
    let retention = Seen::Unreachable(trouble());
    assert_eq!(looked(FlinkSeen { retention, ..nothing() }), BTreeMap::new());
    assert_eq!(looked(nothing()), BTreeMap::new());
}

fn performed(effects: &[Effect], failed: Option<&Effect>) -> BTreeMap<Count, u64> {
    let mut tally = Tally::default();
    let failed: BTreeMap<EffectKey, Trouble> = failed.iter().map(|effect| (effect.key(), trouble())).collect();
    tally.performed(effects, &Report { failed });
    counted(&tally)
}

#[test]
fn every_request_to_flink_counts_under_its_own_name() {
    let (revision, job) = (RevisionId::known("0a1b2c3d"), JobId::derive("uid", &RevisionId::known("0a1b2c3d"), 1));
    let trigger = TriggerId::derive("uid", &job, 1);
    let take = Effect::TakeSavepoint { revision: revision.clone(), job: job.clone(), trigger: trigger.clone() };
    let stop = Effect::StopWithSavepoint { revision: revision.clone(), job: job.clone(), trigger };
    let cancel = Effect::CancelJob { revision, job };
    let only = |count| BTreeMap::from([(count, 1)]);
    assert_eq!(performed(std::slice::from_ref(&take), None), only(Count::Done(Deed::SavepointJob)));
    assert_eq!(performed(std::slice::from_ref(&take), Some(&take)), only(Count::Failed(Deed::SavepointJob)));
    assert_eq!(performed(std::slice::from_ref(&stop), None), only(Count::Done(Deed::CancelJob)));
    assert_eq!(performed(std::slice::from_ref(&stop), Some(&stop)), only(Count::Failed(Deed::CancelJob)));
    assert_eq!(performed(std::slice::from_ref(&cancel), None), only(Count::Done(Deed::ForceCancelJob)));
    assert_eq!(performed(std::slice::from_ref(&cancel), Some(&cancel)), only(Count::Failed(Deed::ForceCancelJob)));
}

#[test]
fn what_comes_after_a_failed_effect_is_not_counted() {
    let target =
        |name: &str| Target { name: name.to_owned(), uid: name.to_owned(), revision: RevisionId::known("0a1b2c3d") };
    let effects = ["one", "two", "three"].map(|name| Effect::DeleteService(target(name)));
    let found = performed(&effects, Some(&effects[1]));
    assert_eq!(found[&Count::Done(Deed::Delete)], 1);
    assert_eq!(found[&Count::Failed(Deed::Delete)], 1);
    assert_eq!(found[&Count::Failed(Deed::DeleteResource)], 1);
}

#[test]
fn a_change_of_an_object_counts_as_an_update_and_an_ingress_is_deleted_as_the_rest_is() {
    let target = Target { name: "one".to_owned(), uid: "one".to_owned(), revision: RevisionId::known("0a1b2c3d") };
    let point = Effect::PointIngress(Box::default());
    let scale = Effect::ScaleDeployment { target: target.clone(), replicas: 3 };
    for effect in [point, scale] {
        assert_eq!(performed(&[effect], None), BTreeMap::from([(Count::Done(Deed::Update), 1)]));
    }
    let deleted = BTreeMap::from([(Count::Done(Deed::Delete), 1), (Count::Done(Deed::DeleteResource), 1)]);
    assert_eq!(performed(&[Effect::DeleteIngress(target)], None), deleted);
}

#[test]
fn a_deployment_counts_for_the_controller_of_its_role() {
    let of = |role: &str| {
        let mut deployment = Deployment::default();
        let label = BTreeMap::from([("flink-deployment-type".to_owned(), role.to_owned())]);
        deployment.metadata.labels = Some(label);
        performed(&[Effect::CreateDeployment(Box::new(deployment))], None)
    };
    assert_eq!(of("jobmanager").get(&Count::Done(Deed::CreateJobManager)), Some(&1));
    assert_eq!(of("taskmanager").get(&Count::Done(Deed::CreateTaskManager)), Some(&1));
    assert_eq!(of("taskmanager").get(&Count::Done(Deed::Create)), Some(&1));
}

#[test]
fn a_conflict_is_no_failure() {
    let board = Board::default();
    board.meet(&orders());
    board.written(&orders(), Written::Conflict);
    board.written(&orders(), Written::Done);
    let counts = &board.standings()[&orders()].tally.counts;
    assert_eq!(counts.get(&Count::Once(Occasion::UpdateConflict)), Some(&1));
    assert_eq!(counts.get(&Count::Done(Deed::Update)), Some(&1));
    assert_eq!(counts.get(&Count::Failed(Deed::Update)), None);
}
