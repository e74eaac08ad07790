//! What goes into the identity of a spec.

use k8s_openapi::api::core::v1::ResourceRequirements;
use serde::Serialize;
use serde_json::{Value, json};

use super::quantity::Quantity;
use super::spec::{PodPlan, Spec};
use crate::id::Digest;

/// Two digests of a spec: of all that shapes its pods and its job, and of the same without the parallelism and the count
/// of TaskManagers that follows from it.
///
/// A change of what is written here, or of its form, deploys every application again at the next
/// upgrade of the operator: a new field joins only where it differs from its default.
pub(super) fn of(spec: &Spec) -> (Digest, Digest) {
    let mut parts = written(spec);
    let all = of_parts(&parts);
    for (part, number) in [("job", "parallelism"), ("taskManager", "replicas")] {
        if let Some(part) = parts.get_mut(part).and_then(Value::as_object_mut) {
            part.remove(number);
        }
    }
    (all, of_parts(&parts))
}

fn of_parts(parts: &Value) -> Digest {
    let mut canonical = Vec::new();
    write_canonical(parts, &mut canonical);
    Digest::of(&canonical)
}

fn written(spec: &Spec) -> Value {
    let ports = spec.ports.named().map(|(_, port)| port.get());
    json!({
        "image": spec.image,
        "imagePullPolicy": spec.image_pull_policy,
        "imagePullSecrets": plain(&spec.image_pull_secrets),
        "serviceAccountName": spec.service_account_name,
        "securityContext": plain(&spec.security_context),
        "flinkConfig": spec.flink_config,
        "memory": spec.memory_option.key("process"),
        "ports": ports,
        "jobManager": { "replicas": spec.jobmanager.replicas, "pod": pod(&spec.jobmanager.pod) },
        "taskManager": {
            "slots": spec.taskmanager.slots,
            "replicas": spec.taskmanager.replicas,
            "pod": pod(&spec.taskmanager.pod),
        },
        "volumes": plain(&spec.volumes),
        "volumeMounts": plain(&spec.volume_mounts),
        "job": {
            "jarName": spec.job.jar_name,
            "entryClass": spec.job.entry_class,
            "programArgs": spec.job.program_args,
            "parallelism": spec.job.parallelism,
        },
        "restartNonce": spec.restart_nonce,
    })
}

fn pod(pod: &PodPlan) -> Value {
    json!({
        "resources": resources(&pod.resources),
        "memoryKiB": pod.flink_memory_kib,
        "env": plain(&pod.env),
        "envFrom": plain(&pod.env_from),
        "nodeSelector": pod.node_selector,
        "tolerations": plain(&pod.tolerations),
        "affinity": plain(&pod.affinity),
    })
}

/// A limit without a request is a request too, as it is in Kubernetes.
fn resources(resources: &ResourceRequirements) -> Value {
    let mut requests = resources.limits.clone().unwrap_or_default();
    requests.extend(resources.requests.clone().unwrap_or_default());
    json!({
        "limits": plain(&resources.limits.clone().unwrap_or_default()),
        "requests": plain(&requests),
        "claims": plain(&resources.claims),
    })
}

fn plain(part: &impl Serialize) -> Value {
    serde_json::to_value(part).unwrap_or_default()
}

/// Compact JSON with sorted keys, without nulls, and with equal quantities written alike.
fn write_canonical(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Object(fields) => {
            // Sorted here, whatever the map's own order: a feature of serde_json would change it.
            let mut fields: Vec<_> = fields.iter().filter(|(_, value)| !value.is_null()).collect();
            fields.sort_by_key(|(name, _)| *name);
            out.push(b'{');
            for (name, value) in fields {
                write_scalar(name, out);
                out.push(b':');
                match quantities(name, value) {
                    Some(equal) => write_canonical(&equal, out),
                    None => write_canonical(value, out),
                }
                out.push(b',');
            }
            out.push(b'}');
        }
        Value::Array(items) => {
            out.push(b'[');
            for item in items {
                write_canonical(item, out);
                out.push(b',');
            }
            out.push(b']');
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => write_scalar(value, out),
    }
}

fn write_scalar(scalar: &(impl Serialize + ?Sized), out: &mut Vec<u8>) {
    // Scalars can always be written.
    let _ = serde_json::to_writer(out, scalar);
}

/// The amounts of a field that holds quantities, so that `1` and `1000m` are the same.
fn quantities(name: &str, value: &Value) -> Option<Value> {
    let amount = |value: &Value| {
        let read = value.as_str().and_then(|text| Quantity::parse(text).ok());
        read.map_or_else(|| value.clone(), |quantity| quantity.nanos().to_string().into())
    };
    match (name, value) {
        ("limits" | "requests", Value::Object(list)) => {
            Some(list.iter().map(|(resource, value)| (resource.clone(), amount(value))).collect())
        }
        ("sizeLimit" | "divisor", _) => Some(amount(value)),
        _ => None,
    }
}
