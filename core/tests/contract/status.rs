//! The fields of the status (section 4).

use flink_operator_core::backoff;
use flink_operator_core::health::Health;
use flink_operator_core::phase::PhaseName;
use flink_operator_core::rule::Rule;
use flink_operator_core::snapshot::{Job, JobState, Remembered, Seen, Snapshot};
use flink_operator_core::step;
use flink_operator_fixtures::model::Selection;
use serde_json::{Value, json};

use crate::stories::blue_green::{both, tear_down};
use crate::stories::scaling::parallelism;
use crate::stories::*;
use crate::{recorded, status};

fn job_of(snapshot: &mut Snapshot) -> &mut Job {
    let seen = snapshot.observed.flink.values_mut().next().unwrap();
    let Seen::Present(job) = &mut seen.job else { panic!("the job was not seen") };
    job
}

fn is_hex(value: &Value, length: usize) -> bool {
    value.as_str().is_some_and(|text| text.len() == length && text.chars().all(|c| c.is_ascii_hexdigit()))
}

#[test]
fn the_status_of_an_application_that_runs_says_what_the_original_said() {
    let mut life = running();
    life.run_for(3 * MINUTE);
    let deployed = life.deployed().unwrap();
    let status = status(&life);
    assert_eq!((&status["phase"], &status["deploymentMode"]), (&json!("Running"), &json!("Dual")));
    assert_eq!(status["deployHash"], deployed.revision.id.as_str());
    assert!(status["lastUpdatedAt"].is_string());
    for unset in ["startedAt", "reason", "failedDeployHash", "rollbackHash", "savepointPath", "savepointTriggerId"] {
        assert_eq!(status.get(unset), None, "{unset}");
    }
    let job = &status["jobStatus"];
    let told =
        ["jobID", "jarName", "entryClass", "programArgs", "state", "health"].map(|field| job[field].as_str().unwrap());
    assert_eq!(told, [deployed.job.as_str(), "job.jar", "shop.Orders", "--topic orders", "RUNNING", "Green"]);
    assert_eq!((&job["parallelism"], &job["allowNonRestoredState"]), (&json!(2), &json!(false)));
    assert_eq!((&job["runningTasks"], &job["totalTasks"]), (&json!(4), &json!(4)));
    assert!(job["completedCheckpointCount"].as_u64() > Some(5) && job["failedCheckpointCount"] == 0, "{job}");
    assert!(job["lastCheckpoint"].as_str().unwrap().contains("/chk-"));
    assert!(job["startTime"].is_string() && job["lastCheckpointTime"].is_string());
    let cluster = json!({
        "health": "Green", "numberOfTaskManagers": 1, "healthyTaskManagers": 1, "numberOfTaskSlots": 2,
        "availableTaskSlots": 0,
    });
    assert_eq!(status["clusterStatus"], cluster);
}

#[test]
fn a_savepoint_is_in_the_status_until_the_job_runs_that_starts_from_it() {
    let mut life = upgrading(PhaseName::Savepointing);
    assert!(is_hex(&status(&life)["savepointTriggerId"], 32));
    reach(&mut life, PhaseName::SubmittingJob);
    let path = status(&life)["savepointPath"].as_str().unwrap().to_owned();
    assert!(life.flinks.storage.get(&path).is_some());
    assert_eq!(status(&life)["jobStatus"].get("jobID"), None, "the old job runs no more");
    reach(&mut life, PhaseName::Running);
    life.run_for(2 * MINUTE);
    let status = status(&life);
    assert_eq!((status.get("savepointPath"), status.get("savepointTriggerId")), (None, None));
    assert_eq!(status["jobStatus"]["restorePath"], path);
    assert!(status["jobStatus"]["restoreTime"].is_string());
}

#[test]
fn a_failed_deploy_is_named_until_another_one_succeeds() {
    let mut life = upgrading(PhaseName::ClusterStarting);
    let failed = life.revision_in_charge().unwrap();
    life.lose_image();
    reach(&mut life, PhaseName::DeployFailed);
    let told = status(&life);
    assert_eq!((&told["failedDeployHash"], &told["rollbackHash"]), (&json!(failed.as_str()), &told["deployHash"]));
    life.set_pod_times(2 * SECOND, SECOND);
    life.edit(arguments("--topic mended")).unwrap();
    reach(&mut life, PhaseName::Running);
    let told = status(&life);
    assert_eq!((told.get("failedDeployHash"), told.get("rollbackHash")), (None, None));
}

#[test]
fn a_scaling_in_place_changes_no_hash() {
    let mut life = running();
    let before = status(&life)["deployHash"].clone();
    life.edit(parallelism(4)).unwrap();
    reach(&mut life, PhaseName::SubmittingJob);
    reach(&mut life, PhaseName::Running);
    assert_eq!((&status(&life)["deployHash"], status(&life).get("inPlaceUpdatedFromHash")), (&before, None));
}

#[test]
fn two_versions_stand_in_the_status_in_the_originals_places() {
    let mut life = both();
    let ledger = life.memory().unwrap().ledger;
    let (first, second) = (ledger.deployed.unwrap().revision.id, ledger.second.unwrap().revision.id);
    let told = status(&life);
    assert_eq!((&told["deployVersion"], &told["updatingVersion"]), (&json!("green"), &json!("blue")));
    assert_eq!((&told["deployHash"], &told["updatingHash"]), (&json!(first.as_str()), &json!(second.as_str())));
    for (index, colour, id) in [(0, "green", &first), (1, "blue", &second)] {
        let version = &told["versionStatuses"][index];
        assert_eq!((&version["appVersion"], &version["versionHash"]), (&json!(colour), &json!(id.as_str())));
    }
    tear_down(&mut life, true);
    fire(&mut life, Rule::TeardownCompleted);
    let told = status(&life);
    assert_eq!((&told["deployVersion"], &told["deployHash"]), (&json!("blue"), &json!(second.as_str())));
    assert_eq!(told["teardownHash"], first.as_str());
    assert_eq!((told.get("updatingVersion"), told.get("updatingHash")), (None, None));
    assert_eq!(told["versionStatuses"][0]["versionHash"], second.as_str());
    assert_eq!(told["versionStatuses"][1], json!({}));
    life.edit(arguments("--topic third")).unwrap();
    reach(&mut life, PhaseName::ClusterStarting);
    assert_eq!(status(&life).get("teardownHash"), None);
}

#[test]
fn a_job_that_was_seen_failing_is_red_for_a_minute() {
    let mut life = running();
    life.run_for(2 * MINUTE);
    assert_eq!(status(&life)["jobStatus"].get("lastFailingTime"), None);
    let mut snapshot = recorded(&life, Rule::JobRests);
    job_of(&mut snapshot).state = JobState::Failing;
    let failing = step(&snapshot).next().unwrap().clone();
    let told = failing.ledger.job.as_ref().unwrap();
    assert_eq!((told.health, told.last_failing.unwrap().as_second()), (Health::Red, snapshot.now.as_second()));
    job_of(&mut snapshot).state = JobState::Running;
    snapshot.memory = Remembered::Known(Box::new(failing));
    for (later_ms, health) in [(59_000, Health::Red), (61_000, Health::Green)] {
        let mut later = snapshot.clone();
        later.now = backoff::after(later.now, later_ms);
        assert_eq!(step(&later).next().unwrap().ledger.job.as_ref().unwrap().health, health);
    }
}

#[test]
fn a_taskmanager_without_a_heartbeat_for_two_minutes_is_not_healthy() {
    let mut life = running();
    let now = u64::try_from(life.now()).unwrap();
    let revision = life.deployed().unwrap().revision.id;
    let pods = life.world.list(&life.world.kinds().get("", "v1", "pods").unwrap(), &Selection::namespace("default"));
    let names: Vec<&str> = pods.iter().map(|pod| pod["metadata"]["name"].as_str().unwrap()).collect();
    let name = names.into_iter().find(|name| name.contains("-tm-")).unwrap();
    let (cluster, _) = life.flinks.of(&revision).unwrap();
    cluster.silence_task_manager(now, name, true);
    life.run_for(90 * SECOND);
    assert_eq!(status(&life)["clusterStatus"]["health"], "Green");
    life.run_for(2 * MINUTE);
    let cluster = &status(&life)["clusterStatus"];
    assert_eq!((&cluster["health"], &cluster["healthyTaskManagers"]), (&json!("Yellow"), &json!(0)));
}
