//! Does a live Deployment say what the spec says? Compared is what the user controls, field by field; not the
//! labels, the drawn selector, the settings of the operator, or what the API server fills in.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{EnvVar, PodSpec};
use serde_json::{Value, json};

use super::canonical::{plain, resources};
use super::is_named_by;
use crate::application::{Application, PodPlan, Spec};
use crate::manifest::names::{self, Role};
use crate::manifest::{self, FLINK_PROPERTIES, OPERATOR_FLINK_CONFIG};
use crate::memory::Revision;
use crate::policy::Policy;
use crate::snapshot::Written;

/// The last variable that the operator itself writes; the user's follow.
const LAST_OF_OURS: &str = "FLINK_DEPLOYMENT_TYPE";

/// What is asked for.
pub(super) struct Asked<'a> {
    pub app: &'a Application,
    pub spec: &'a Spec,
    pub policy: &'a Policy,
}

/// The first thing in which the Deployments of a revision differ from what is asked for; None where they say the
/// same.
pub(super) fn difference(asked: &Asked<'_>, revision: &Revision, written: &Written) -> Option<String> {
    let ours = rendered(asked, revision);
    let roles = [
        (Role::JobManager, &ours.jobmanager, &written.jobmanager),
        (Role::TaskManager, &ours.taskmanager, &written.taskmanager),
    ];
    // A cluster that was scaled in place keeps its name, and the parallelism that it began with in its annotation.
    let name = written.jobmanager.as_ref().and_then(|it| it.metadata.name.as_deref()).unwrap_or_default();
    let scaled = !is_named_by(asked.app, &revision.id, name);
    if scaled && revision.job.parallelism != asked.spec.job.parallelism {
        return Some("the parallelism differs".to_owned());
    }
    roles.into_iter().find_map(|(role, ours, theirs)| {
        let Some(theirs) = theirs else { return Some(format!("the {role} has no Deployment")) };
        let found = deployment(asked.spec, role, ours, theirs, scaled)?;
        Some(format!("the {found} of the {role} differs"))
    })
}

/// What we would write, as this revision.
pub(super) fn rendered(asked: &Asked<'_>, revision: &Revision) -> manifest::Manifests {
    manifest::render(asked.app, asked.spec, asked.policy, revision)
}

/// The name of the first difference.
fn deployment(spec: &Spec, role: Role, ours: &Deployment, theirs: &Deployment, scaled: bool) -> Option<&'static str> {
    let pods = |it: &Deployment| it.spec.as_ref().and_then(|spec| spec.template.spec.clone()).unwrap_or_default();
    let (our_pod, their_pod) = (pods(ours), pods(theirs));
    let pod = match role {
        Role::JobManager => &spec.jobmanager.pod,
        Role::TaskManager => &spec.taskmanager.pod,
    };
    let (ours, theirs) = (said(ours, &our_pod, scaled), said(theirs, &their_pod, scaled));
    let found = ours.iter().zip(&theirs).find(|((_, ours), (_, theirs))| ours != theirs);
    if let Some(((field, _), _)) = found {
        return Some(field);
    }
    if !same_environment(pod, &environment(&our_pod), &environment(&their_pod)) {
        return Some("environment");
    }
    let (ours, theirs) = (configuration(&our_pod), configuration(&their_pod));
    // Without it the original could not print it, and its pods do not know each other.
    let same = ours.zip(theirs).is_some_and(|(ours, theirs)| same_configuration(spec, ours, theirs));
    (!same).then_some("Flink configuration")
}

/// What is compared as it is written, each with its name.
fn said(deployment: &Deployment, pod: &PodSpec, scaled: bool) -> [(&'static str, Value); 17] {
    let container = pod.containers.first().cloned().unwrap_or_default();
    let annotation = |name: &str| deployment.metadata.annotations.as_ref()?.get(name).cloned();
    let job = annotation(names::JOB_PROPERTIES).unwrap_or_default();
    let job: Vec<&str> = job.lines().filter(|line| !(scaled && line.starts_with("parallelism: "))).collect();
    [
        ("job", json!(job)),
        ("image", json!(container.image)),
        ("image pull policy", json!(container.image_pull_policy.as_deref().unwrap_or("IfNotPresent"))),
        ("image pull secrets", plain(&pod.image_pull_secrets.clone().unwrap_or_default())),
        ("restart nonce", json!(annotation(names::RESTART_NONCE))),
        ("count of pods", json!(deployment.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1))),
        ("arguments", json!([container.command.unwrap_or_default(), container.args.unwrap_or_default()])),
        ("resources", resources(container.resources.as_ref())),
        ("ports", named("ports", &container.ports)),
        ("sources of the environment", plain(&container.env_from.unwrap_or_default())),
        ("volume mounts", plain(&container.volume_mounts.unwrap_or_default())),
        ("volumes", plain(&pod.volumes.clone().unwrap_or_default())),
        ("service account", json!(pod.service_account_name)),
        ("security context", plain(&pod.security_context.clone().unwrap_or_default())),
        ("node selector", plain(&pod.node_selector.clone().unwrap_or_default())),
        ("tolerations", named("tolerations", &pod.tolerations)),
        ("affinity", plain(&pod.affinity.clone().unwrap_or_default())),
    ]
}

/// A list below its own name, by which its defaults are known.
fn named<T: serde::Serialize + Clone>(name: &str, list: &Option<Vec<T>>) -> Value {
    plain(&json!({ name: list.clone().unwrap_or_default() }))
}

/// The variables in the order in which they are written: the operator's, and the user's.
fn environment(pod: &PodSpec) -> Vec<EnvVar> {
    pod.containers.first().and_then(|container| container.env.clone()).unwrap_or_default()
}

fn users(environment: &[EnvVar]) -> &[EnvVar] {
    let last = environment.iter().position(|variable| variable.name == LAST_OF_OURS);
    last.and_then(|last| environment.get(last.saturating_add(1)..)).unwrap_or_default()
}

fn same_environment(plan: &PodPlan, ours: &[EnvVar], theirs: &[EnvVar]) -> bool {
    // The original put a copy of its own before every FLINK_PROPERTIES, the user's too, and went on writing in it.
    let copies = plan.env.iter().any(|variable| variable.name == FLINK_PROPERTIES);
    let theirs: Vec<&EnvVar> =
        users(theirs).iter().filter(|it| !(copies && it.name == OPERATOR_FLINK_CONFIG)).collect();
    let ours = users(ours);
    let same = |ours: &EnvVar, theirs: &EnvVar| {
        let begins =
            theirs.value.as_deref().zip(ours.value.as_deref()).and_then(|(long, short)| long.strip_prefix(short));
        let extended = ours.name == FLINK_PROPERTIES && begins.is_some_and(|rest| rest.starts_with('\n'));
        plain(ours) == plain(theirs) || (extended && ours.name == theirs.name)
    };
    ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(ours, theirs)| same(ours, theirs))
}

/// Flink's configuration without what follows from the revision: that comes last, after an empty line.
fn configuration(pod: &PodSpec) -> Option<String> {
    let environment = environment(pod);
    let until = environment.iter().position(|variable| variable.name == LAST_OF_OURS)?;
    let written = environment.iter().take(until).find(|variable| variable.name == FLINK_PROPERTIES)?;
    written.value.as_deref()?.rsplit_once("\n\n").map(|(lines, _)| lines.to_owned())
}

fn same_configuration(spec: &Spec, ours: String, theirs: String) -> bool {
    let (ours, theirs): (Vec<&str>, Vec<&str>) = (ours.lines().collect(), theirs.lines().collect());
    ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(ours, theirs)| same_line(spec, ours, theirs))
}

fn same_line(spec: &Spec, ours: &str, theirs: &str) -> bool {
    if ours == theirs {
        return true;
    }
    let (Some((our_key, ours)), Some((their_key, theirs))) = (ours.split_once(": "), theirs.split_once(": ")) else {
        return false;
    };
    our_key == their_key && (same_number(ours, theirs) || not_told(spec, our_key, theirs))
}

/// Go prints large and small numbers as `1e+07`.
fn same_number(ours: &str, theirs: &str) -> bool {
    let number = |text: &str| text.parse::<f64>().ok().filter(|number| number.is_finite());
    let is_gos = theirs.contains("e+") || theirs.contains("e-");
    is_gos && number(theirs).is_some_and(|theirs| number(ours) == Some(theirs))
}

/// The original knew no limits: where no memory was requested it told Flink of none.
fn not_told(spec: &Spec, key: &str, theirs: &str) -> bool {
    let silent = |role: Role, plan: &PodPlan| {
        let requested = plan.resources.requests.as_ref().is_some_and(|amounts| amounts.contains_key("memory"));
        key == spec.memory_option.key(role.as_str()) && !requested
    };
    theirs == "0k"
        && (silent(Role::JobManager, &spec.jobmanager.pod) || silent(Role::TaskManager, &spec.taskmanager.pod))
}
