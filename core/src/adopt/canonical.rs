//! Two texts of one and the same pod: what Kubernetes fills in or leaves out is taken away on both sides.

use k8s_openapi::api::core::v1::ResourceRequirements;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::application::Quantity;

/// Fields that the API server fills in where they are missing: the field above, the field, its default.
const FILLED_IN: [(&str, &str, &str); 20] = [
    ("ports", "protocol", "TCP"),
    ("fieldRef", "apiVersion", "v1"),
    ("configMap", "defaultMode", "420"),
    ("secret", "defaultMode", "420"),
    ("downwardAPI", "defaultMode", "420"),
    ("projected", "defaultMode", "420"),
    ("serviceAccountToken", "expirationSeconds", "3600"),
    ("spec", "volumeMode", "Filesystem"),
    ("iscsi", "iscsiInterface", "default"),
    ("rbd", "pool", "rbd"),
    ("rbd", "user", "admin"),
    ("rbd", "keyring", "/etc/ceph/keyring"),
    ("azureDisk", "cachingMode", "ReadWrite"),
    ("azureDisk", "fsType", "ext4"),
    ("azureDisk", "kind", "Shared"),
    ("scaleIO", "storageMode", "ThinProvisioned"),
    ("scaleIO", "fsType", "xfs"),
    ("resourceFieldRef", "divisor", "0"),
    ("tolerations", "operator", "Equal"),
    ("gcePersistentDisk", "partition", "0"),
];

/// A part of a pod in a form in which equal parts are equal.
pub(super) fn plain(part: &impl Serialize) -> Value {
    canonical("", serde_json::to_value(part).unwrap_or_default())
}

/// A limit without a request is a request too: Kubernetes writes it there.
pub(super) fn resources(resources: Option<&ResourceRequirements>) -> Value {
    let mut filled = resources.cloned().unwrap_or_default();
    let mut requests = filled.limits.clone().unwrap_or_default();
    requests.extend(filled.requests.take().unwrap_or_default());
    filled.requests = Some(requests);
    plain(&filled)
}

/// `above` is the name of the field that holds the value; a list hands its own name on.
fn canonical(above: &str, value: Value) -> Value {
    match value {
        Value::Object(fields) => Value::Object(fields.into_iter().filter_map(|it| field(above, it)).collect()),
        Value::Array(items) => items.into_iter().map(|item| canonical(above, item)).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value,
    }
}

fn field(above: &str, (name, value): (String, Value)) -> Option<(String, Value)> {
    let value = match quantities(&name, &value) {
        Some(amounts) => amounts,
        None => canonical(&name, value),
    };
    let says_nothing = match &value {
        Value::Null | Value::Bool(false) => true,
        // An empty class is a class of its own.
        Value::String(text) => (text.is_empty() && name != "storageClassName") || is_filled_in(above, &name, text),
        Value::Number(number) => is_filled_in(above, &name, &number.to_string()),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty() && is_map(&name),
        Value::Bool(true) => false,
    };
    (!says_nothing).then_some((name, value))
}

fn is_filled_in(above: &str, name: &str, value: &str) -> bool {
    FILLED_IN.contains(&(above, name, value))
}

/// An empty map says nothing; an empty structure (`emptyDir: {}`) does.
fn is_map(name: &str) -> bool {
    matches!(name, "matchLabels" | "nodeSelector" | "labels" | "annotations" | "limits" | "requests")
}

/// Amounts as numbers, so that `1` and `1000m` are the same.
fn quantities(name: &str, value: &Value) -> Option<Value> {
    let amount = |value: &Value| {
        let read = value.as_str().and_then(|text| Quantity::parse(text).ok());
        read.map_or_else(|| value.clone(), |quantity| quantity.nanos().to_string().into())
    };
    match (name, value) {
        ("limits" | "requests", Value::Object(list)) => Some(Value::Object(
            list.iter().map(|(resource, value)| (resource.clone(), amount(value))).collect::<Map<_, _>>(),
        )),
        ("sizeLimit" | "divisor", Value::String(_)) => Some(amount(value)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_the_api_server_fills_in_says_nothing() {
        let written = json!([{ "name": "v", "configMap": { "name": "cm" } }, { "name": "e", "emptyDir": {} }]);
        let stored = json!([
            { "name": "v", "configMap": { "name": "cm", "defaultMode": 420 } }, { "name": "e", "emptyDir": {} },
        ]);
        assert_eq!(plain(&written), plain(&stored));
        let env = json!([{ "name": "IP", "valueFrom": { "fieldRef": { "fieldPath": "status.podIP" } } }]);
        let stored =
            json!([{ "name": "IP", "valueFrom": { "fieldRef": { "fieldPath": "status.podIP", "apiVersion": "v1" } } }]);
        assert_eq!(plain(&env), plain(&stored));
    }

    #[test]
    fn what_the_user_may_have_meant_is_kept() {
        for (one, other) in [
            (json!({ "configMap": { "defaultMode": 420 } }), json!({ "configMap": { "defaultMode": 256 } })),
            (json!({ "runAsUser": 0 }), json!({})),
            (json!({ "readOnly": true }), json!({})),
            (json!({ "emptyDir": { "sizeLimit": "1Gi" } }), json!({ "emptyDir": {} })),
            (json!({ "labelSelector": {} }), json!({})),
            (json!([{ "name": "a" }, { "name": "b" }]), json!([{ "name": "b" }, { "name": "a" }])),
        ] {
            assert_ne!(plain(&one), plain(&other));
        }
    }

    #[test]
    fn amounts_are_equal_however_they_are_written() {
        let written = |resources: Value| super::resources(Some(&serde_json::from_value(resources).unwrap()));
        let limits = json!({ "limits": { "cpu": "1", "memory": "1024Mi" } });
        let both =
            json!({ "limits": { "cpu": "1000m", "memory": "1Gi" }, "requests": { "cpu": "1", "memory": "1Gi" } });
        assert_eq!(written(limits), written(both.clone()));
        assert_ne!(written(json!({ "limits": { "cpu": "1" } })), written(both));
    }
}
