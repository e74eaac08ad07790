//! The Deployments of the JobManager and of the TaskManagers.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec, DeploymentStrategy};
use k8s_openapi::api::core::v1::{
    Container, ContainerPort, EnvVar, EnvVarSource, HTTPGetAction, ObjectFieldSelector, PodSpec, PodTemplateSpec, Probe,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::config::properties;
use super::names::{self, Role};
use super::service::colour;
use super::{owned, users};
use crate::application::{Application, JobPlan, PodPlan, Spec};
use crate::memory::Revision;
use crate::policy::Policy;

/// The variable that the image's entry point reads the configuration from.
pub const FLINK_PROPERTIES: &str = "FLINK_PROPERTIES";
/// The variable that images for older operators read it from.
pub const OPERATOR_FLINK_CONFIG: &str = "OPERATOR_FLINK_CONFIG";
/// The variable that names the colour (BlueGreen).
pub const APPLICATION_VERSION: &str = "FLINK_APPLICATION_VERSION";

pub(super) fn deployment(
    app: &Application,
    spec: &Spec,
    policy: &Policy,
    revision: &Revision,
    role: Role,
) -> Deployment {
    let mut labels = users(&app.labels);
    labels.insert(names::APP.to_owned(), app.name.clone());
    labels.extend(colour(revision));
    labels.insert(names::ROLE.to_owned(), role.to_string());
    let mut selector = labels.clone();
    selector.insert(names::SELECTOR.to_owned(), names::selector(&revision.id, role));
    labels.insert(names::REVISION.to_owned(), revision.id.to_string());
    let replicas = match role {
        Role::JobManager => spec.jobmanager.replicas,
        Role::TaskManager => spec.taskmanager.replicas,
    };
    Deployment {
        metadata: ObjectMeta {
            annotations: Some(annotations(app, spec, revision)),
            ..owned(app, names::deployment(&app.name, revision, role), labels)
        },
        spec: Some(DeploymentSpec {
            replicas: i32::try_from(replicas.get()).ok(),
            selector: LabelSelector { match_labels: Some(selector.clone()), ..LabelSelector::default() },
            strategy: Some(DeploymentStrategy { type_: Some("Recreate".to_owned()), ..Default::default() }),
            template: PodTemplateSpec {
                metadata: Some(template_metadata(app, revision, role, selector)),
                spec: Some(pod(app, spec, policy, revision, role)),
            },
            ..DeploymentSpec::default()
        }),
        ..Deployment::default()
    }
}

fn annotations(app: &Application, spec: &Spec, revision: &Revision) -> BTreeMap<String, String> {
    let mut annotations = users(&app.annotations);
    annotations.extend(colour(revision));
    annotations.insert(names::JOB_PROPERTIES.to_owned(), job_properties(&spec.job));
    if let Some(nonce) = &spec.restart_nonce {
        annotations.insert(names::RESTART_NONCE.to_owned(), nonce.clone());
    }
    annotations
}

/// Four lines in the original's layout, byte for byte.
fn job_properties(job: &JobPlan) -> String {
    let JobPlan { jar_name, entry_class, program_args, parallelism, allow_non_restored_state: _ } = job;
    format!("jarName: {jar_name}\nparallelism: {parallelism}\nentryClass:{entry_class}\nprogramArgs:\"{program_args}\"")
}

fn template_metadata(
    app: &Application,
    revision: &Revision,
    role: Role,
    labels: BTreeMap<String, String>,
) -> ObjectMeta {
    let mut annotations = users(&app.annotations);
    annotations.insert(names::REVISION.to_owned(), revision.id.to_string());
    ObjectMeta {
        name: Some(names::pod_template(&app.name, revision, role)),
        namespace: Some(app.namespace.clone()),
        labels: Some(labels),
        annotations: Some(annotations),
        ..ObjectMeta::default()
    }
}

fn pod(app: &Application, spec: &Spec, policy: &Policy, revision: &Revision, role: Role) -> PodSpec {
    let plan = plan(spec, role);
    PodSpec {
        containers: vec![container(app, spec, policy, revision, role)],
        volumes: list(&spec.volumes),
        image_pull_secrets: list(&spec.image_pull_secrets),
        service_account_name: spec.service_account_name.clone(),
        security_context: spec.security_context.clone(),
        node_selector: (!plan.node_selector.is_empty()).then(|| plan.node_selector.clone()),
        tolerations: list(&plan.tolerations),
        affinity: plan.affinity.clone(),
        scheduler_name: (!policy.scheduler_name.is_empty()).then(|| policy.scheduler_name.clone()),
        ..PodSpec::default()
    }
}

fn container(app: &Application, spec: &Spec, policy: &Policy, revision: &Revision, role: Role) -> Container {
    let plan = plan(spec, role);
    Container {
        name: names::container(&policy.container_name_format, role),
        image: Some(spec.image.clone()),
        image_pull_policy: Some(spec.image_pull_policy.clone()),
        args: Some(vec![role.to_string()]),
        resources: Some(plan.resources.clone()),
        env: Some(environment(app, plan, &properties(app, spec, &revision.id, role), revision, role)),
        env_from: list(&plan.env_from),
        ports: Some(ports(spec, role)),
        volume_mounts: list(&spec.volume_mounts),
        readiness_probe: readiness_probe(spec, role),
        ..Container::default()
    }
}

/// The environment in the original's order: images may expand one variable in a later one.
fn environment(app: &Application, plan: &PodPlan, properties: &str, revision: &Revision, role: Role) -> Vec<EnvVar> {
    let mut variables = vec![
        variable("AWS_METADATA_SERVICE_TIMEOUT", "5"),
        variable("AWS_METADATA_SERVICE_NUM_ATTEMPTS", "20"),
        variable("APP_NAME", &app.name),
        variable(OPERATOR_FLINK_CONFIG, properties),
        variable(FLINK_PROPERTIES, properties),
        field_variable("HOST_NAME", "metadata.name"),
        // The pod's address, despite its name.
        field_variable("HOST_IP", "status.podIP"),
    ];
    variables.extend(revision.colour.map(|colour| variable(APPLICATION_VERSION, colour.into())));
    variables.push(variable("FLINK_DEPLOYMENT_TYPE", role.as_str()));
    variables.extend(plan.env.iter().cloned());
    variables
}

fn ports(spec: &Spec, role: Role) -> Vec<ContainerPort> {
    let serves = |name: &str| role == Role::JobManager || name != "ui";
    let named = spec.ports.named().into_iter().filter(|(name, _)| serves(name));
    named
        .map(|(name, port)| ContainerPort {
            name: Some(name.to_owned()),
            container_port: port.get().into(),
            ..ContainerPort::default()
        })
        .collect()
}

/// A JobManager is ready when its REST interface answers. A TaskManager has nothing to ask.
fn readiness_probe(spec: &Spec, role: Role) -> Option<Probe> {
    (role == Role::JobManager).then(|| Probe {
        http_get: Some(HTTPGetAction {
            path: Some("/overview".to_owned()),
            port: IntOrString::Int(spec.ports.ui.get().into()),
            ..HTTPGetAction::default()
        }),
        initial_delay_seconds: Some(10),
        timeout_seconds: Some(1),
        period_seconds: Some(5),
        success_threshold: Some(1),
        failure_threshold: Some(2),
        ..Probe::default()
    })
}

fn plan(spec: &Spec, role: Role) -> &PodPlan {
    match role {
        Role::JobManager => &spec.jobmanager.pod,
        Role::TaskManager => &spec.taskmanager.pod,
    }
}

/// Kubernetes leaves empty lists out, and so do we: what is written equals what is read back.
fn list<T: Clone>(items: &[T]) -> Option<Vec<T>> {
    (!items.is_empty()).then(|| items.to_vec())
}

fn variable(name: &str, value: &str) -> EnvVar {
    EnvVar { name: name.to_owned(), value: Some(value.to_owned()), ..EnvVar::default() }
}

fn field_variable(name: &str, path: &str) -> EnvVar {
    let field = ObjectFieldSelector { field_path: path.to_owned(), ..ObjectFieldSelector::default() };
    let value_from = EnvVarSource { field_ref: Some(field), ..EnvVarSource::default() };
    EnvVar { name: name.to_owned(), value_from: Some(value_from), ..EnvVar::default() }
}
