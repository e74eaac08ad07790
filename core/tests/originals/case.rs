//! One recorded case, as an application that the original left: its status, its objects, its jobs.

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

use crate::originals;

pub const JOB: &str = "9b1c3a0e5d6f4f0a9c660d4c4a5e7f10";

/// What a JobManager lists.
pub type Jobs = Vec<(&'static str, JobState)>;

type Listed<'a> = (RevisionId, &'a Written, &'a Jobs);

/// A recorded case with its application running.
#[derive(Clone)]
pub struct Case {
    pub input: Value,
    pub policy: Policy,
    pub phase: &'static str,
    pub hash: String,
    pub written: Written,
    pub status: Value,
    /// The jobs that the JobManager lists.
    pub jobs: Jobs,
    /// Another cluster of the application, with what its JobManager lists.
    pub other: Option<(RevisionId, Written, Jobs)>,
    /// The Services of revisions are not there.
    pub without_service: bool,
    ports: Vec<u16>,
}

impl Case {
    pub fn of(case: &Value, phase: &'static str) -> Self {
        let (input, policy) = (originals::served(case), originals::policy(case));
        let deployment = |role: &str| serde_json::from_value::<Deployment>(case[role].clone()).unwrap().into();
        let written =
            Written { jobmanager: Some(deployment("jobmanager")), taskmanager: Some(deployment("taskmanager")) };
        let hash = case["hash"].as_str().unwrap().to_owned();
        let status = status_of(&input, phase, &hash);
        let application = Application::parse(&serde_json::from_value::<FlinkApplication>(input.clone()).unwrap());
        let ports = application.spec.unwrap().ports.named().map(|(_, port)| port.get()).to_vec();
        Self {
            input,
            policy,
            phase,
            hash,
            written,
            status,
            jobs: vec![(JOB, JobState::Running)],
            other: None,
            without_service: false,
            ports,
        }
    }

    /// What the API server makes of the Deployments when it stores them.
    pub fn stored(mut self) -> Self {
        for deployment in [&mut self.written.jobmanager, &mut self.written.taskmanager].into_iter().flatten() {
            let mut stored = serde_json::to_value(&*deployment).unwrap();
            fill_in(&mut stored);
            **deployment = serde_json::from_value(stored).unwrap();
        }
        self
    }

    pub fn spec(mut self, change: impl FnOnce(&mut Value)) -> Self {
        change(&mut self.input["spec"]);
        self
    }

    pub fn live(mut self, change: impl Fn(&mut Value)) -> Self {
        for deployment in [&mut self.written.jobmanager, &mut self.written.taskmanager].into_iter().flatten() {
            let mut live = serde_json::to_value(&*deployment).unwrap();
            change(&mut live);
            **deployment = serde_json::from_value(live).unwrap();
        }
        self
    }

    pub fn revision(&self) -> RevisionId {
        RevisionId::known(&self.hash)
    }

    pub fn snapshot(&self, memory: Remembered) -> Snapshot {
        let resource: FlinkApplication = serde_json::from_value(self.input.clone()).unwrap();
        let application = Application::parse(&resource);
        let needs = needs(&application, &memory);
        let flink = needs.flink.iter().map(|(revision, needs)| (revision.clone(), self.flink(needs))).collect();
        let label =
            self.written.jobmanager.as_ref().unwrap().metadata.labels.as_ref().unwrap()["flink-app-hash"].clone();
        let mut all = vec![(RevisionId::known(label), &self.written, &self.jobs)];
        all.extend(self.other.iter().map(|(revision, written, jobs)| (revision.clone(), written, jobs)));
        let written = match needs.written {
            true => Seen::Present(all.iter().map(|(id, written, _)| (id.clone(), (*written).clone())).collect()),
            false => Seen::NotAsked,
        };
        let listed =
            |jobs: &Jobs| jobs.iter().map(|(id, state)| ListedJob { id: JobId::known(*id), state: *state }).collect();
        let jobs = match needs.jobs {
            true => all.iter().map(|(id, _, jobs)| (id.clone(), Seen::Present(listed(jobs)))).collect(),
            false => BTreeMap::new(),
        };
        let objects = Seen::Present(self.objects(&application.name, &all));
        let observed = Observed { objects, written, jobs, flink };
        let (now, policy) = (now(), self.policy.clone());
        Snapshot { now, watching_since: None, policy, application, memory, observed, report: Report::default() }
    }

    fn objects(&self, app: &str, all: &[Listed<'_>]) -> Objects {
        let service = |name: String| {
            let (uid, ports) = (name.clone(), self.ports.clone());
            ServiceSeen { uid, name, deleting: false, selects: "RANDOM".into(), ports }
        };
        let cluster = |revision: &RevisionId, written: &Written| ClusterObjects {
            jobmanager: deployment(&written.jobmanager),
            taskmanager: deployment(&written.taskmanager),
            service: (!self.without_service).then(|| service(format!("{app}-{revision}"))),
            pod_troubles: Vec::new(),
        };
        let entrance = if self.is_blue_green() { format!("{app}-green") } else { app.to_owned() };
        let host = self.policy.ingress_url_format.replace("{{$jobCluster}}", &entrance);
        let port = self.ports[3];
        let ingress = IngressSeen { name: entrance.clone(), uid: "ing".to_owned(), host: host.clone(), port };
        let ingresses = Some((entrance.clone(), ingress)).filter(|_| !host.is_empty());
        Objects {
            clusters: all.iter().map(|(id, written, _)| (id.clone(), cluster(id, written))).collect(),
            entrances: BTreeMap::from([(entrance.clone(), service(entrance))]),
            ingresses: ingresses.into_iter().collect(),
        }
    }

    fn flink(&self, needs: &FlinkNeeds) -> FlinkSeen {
        let all = self.jobs.iter().chain(self.other.iter().flat_map(|(_, _, jobs)| jobs));
        let mut asked = all.filter(|(id, _)| needs.job.as_ref().is_some_and(|job| job.as_str() == *id));
        match asked.next() {
            Some((_, state)) => in_state(*state),
            None => FlinkSeen { job: Seen::Absent, checkpoints: Seen::Absent, ..in_state(JobState::Running) },
        }
    }

    pub fn is_blue_green(&self) -> bool {
        self.input["spec"]["deploymentMode"] == "BlueGreen"
    }

    /// Where the status tells of the deployed job.
    pub fn job_status(&mut self) -> &mut Value {
        if self.is_blue_green() {
            &mut self.status["versionStatuses"][0]["jobStatus"]
        } else {
            &mut self.status["jobStatus"]
        }
    }

    /// Steps until nothing is to be done any more, or an effect is asked for.
    pub fn taken_over(&self) -> Outcome {
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

pub struct Outcome {
    pub rules: Vec<Rule>,
    pub effects: Vec<Effect>,
    pub memory: Memory,
}

impl Outcome {
    pub fn adopted(&self) -> bool {
        let at_rest = matches!(self.rules.last(), Some(Rule::JobRests | Rule::FailureRests));
        self.rules.contains(&Rule::RevisionAdopted) && at_rest && self.effects.is_empty()
    }

    pub fn upgraded(&self) -> bool {
        let goes_on = self.memory.phase.name() == PhaseName::Updating;
        // One recorded application has forceRollback, which gives every deploy up.
        let forced_back = self.rules.get(1) == Some(&Rule::RollbackForced) && self.effects.is_empty();
        self.rules.first() == Some(&Rule::SpecChanged) && (goes_on || forced_back)
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
    if spec["deploymentMode"] == "BlueGreen" {
        status["deploymentMode"] = "BlueGreen".into();
        status["deployVersion"] = "green".into();
        let job = status["jobStatus"].clone();
        status["versionStatuses"] = json!([
            { "appVersion": "green", "versionHash": hash, "clusterStatus": {}, "jobStatus": job },
            { "clusterStatus": {}, "jobStatus": { "lastFailingTime": null } },
        ]);
    }
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

fn deployment(it: &Option<Box<Deployment>>) -> Option<DeploymentSeen> {
    it.as_ref().map(|it| {
        let name = it.metadata.name.clone().unwrap();
        let spec = it.spec.as_ref().unwrap();
        let replicas = u32::try_from(spec.replicas.unwrap()).unwrap();
        DeploymentSeen {
            uid: name.clone(),
            name,
            deleting: false,
            replicas,
            existing: replicas,
            available: replicas,
            addressed: replicas,
            selects: spec.selector.match_labels.as_ref().unwrap()["pod-deployment-selector"].clone(),
        }
    })
}

fn in_state(state: JobState) -> FlinkSeen {
    let job = Job {
        state,
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
        retention: Seen::Present(Retention::Retained),
    }
}

pub fn every_case(check: impl Fn(&str, Case)) {
    for case in originals::golden().into_iter().flatten() {
        let name = case["name"].as_str().unwrap();
        for phase in ["Running", "DeployFailed"] {
            check(&format!("{name}, {phase}"), Case::of(&case, phase));
        }
    }
}
