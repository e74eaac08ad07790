//! The CustomResourceDefinition, generated from the types and completed with what they cannot say.

use std::sync::LazyLock;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceColumnDefinition, CustomResourceDefinition, CustomResourceValidation,
};
use kube::CustomResourceExt;
use serde_json::{Map, Value, json};

use super::rules;
use super::schema::for_each_subschema;
use super::spec::FlinkApplication;

/// Integer and time formats that the API server knows; others it warns about at every apply.
const KNOWN_FORMATS: [&str; 6] = ["int32", "int64", "float", "double", "date-time", "byte"];

/// What `kubectl get` prints: title, type, where it stands, and 1 for what only `-o wide` prints.
const COLUMNS: [(&str, &str, &str, i32); 7] = [
    ("Phase", "string", ".status.phase", 0),
    ("Cluster Health", "string", ".status.clusterStatus.health", 0),
    ("Job Health", "string", ".status.jobStatus.health", 0),
    ("Healthy TMs", "integer", ".status.clusterStatus.healthyTaskManagers", 1),
    ("Total TMs", "integer", ".status.clusterStatus.numberOfTaskManagers", 1),
    ("Job Restarts", "integer", ".status.jobStatus.jobRestartCount", 0),
    ("Age", "date", ".metadata.creationTimestamp", 0),
];

/// The complete definition of the resource.
pub fn definition() -> CustomResourceDefinition {
    let mut definition = FlinkApplication::crd();
    for version in &mut definition.spec.versions {
        let generated = serde_json::to_value(version.schema.take()).unwrap_or_default();
        version.additional_printer_columns = Some(COLUMNS.map(column).to_vec());
        version.schema = serde_json::from_value::<CustomResourceValidation>(completed(generated)).ok();
    }
    definition
}

fn column((name, type_, path, priority): (&str, &str, &str, i32)) -> CustomResourceColumnDefinition {
    CustomResourceColumnDefinition {
        name: name.to_owned(),
        type_: type_.to_owned(),
        json_path: path.to_owned(),
        priority: (priority != 0).then_some(priority),
        ..CustomResourceColumnDefinition::default()
    }
}

/// The structural schema of the resource as plain JSON.
pub fn schema_of_the_resource() -> &'static Value {
    static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
        let schema = definition().spec.versions.into_iter().next().and_then(|version| version.schema);
        serde_json::to_value(schema.and_then(|schema| schema.open_api_v3_schema)).unwrap_or_default()
    });
    &SCHEMA
}

/// The paths of all fields in a manifest that the resource does not have, such as `spec.paralelism`.
/// The API server would drop them in silence.
pub fn unknown_fields(manifest: &Value) -> Vec<String> {
    let mut unknown = Vec::new();
    if let (Some(schema), Some(manifest)) = (schema_of_the_resource().as_object(), manifest.as_object()) {
        for (name, value) in manifest.iter().filter(|(name, _)| *name != "metadata") {
            match property(schema, name) {
                Some(below) => collect_unknown(below, value, name, &mut unknown),
                None => unknown.push(name.clone()),
            }
        }
    }
    unknown
}

fn collect_unknown(schema: &Map<String, Value>, value: &Value, path: &str, unknown: &mut Vec<String>) {
    match value {
        Value::Object(fields) if !takes_anything(schema) => {
            for (name, value) in fields {
                let path = format!("{path}.{name}");
                match property(schema, name) {
                    Some(below) => collect_unknown(below, value, &path, unknown),
                    None => unknown.push(path),
                }
            }
        }
        Value::Array(items) => {
            if let Some(Value::Object(below)) = schema.get("items") {
                for (index, item) in items.iter().enumerate() {
                    collect_unknown(below, item, &format!("{path}[{index}]"), unknown);
                }
            }
        }
        Value::Object(_) | Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn property<'a>(schema: &'a Map<String, Value>, name: &str) -> Option<&'a Map<String, Value>> {
    let properties = schema.get("properties").and_then(Value::as_object);
    let named = properties.and_then(|properties| properties.get(name));
    named.or_else(|| schema.get("additionalProperties"))?.as_object()
}

fn takes_anything(schema: &Map<String, Value>) -> bool {
    schema.get("x-kubernetes-preserve-unknown-fields") == Some(&Value::Bool(true))
}

/// The generated schema, made structural to the letter, with the rules over the object and its spec.
fn completed(mut validation: Value) -> Value {
    if let Some(Value::Object(root)) = validation.pointer_mut("/openAPIV3Schema") {
        tidy(root);
        root.insert("x-kubernetes-validations".into(), rules::of_the_object().into());
    }
    if let Some(Value::Object(properties)) = validation.pointer_mut("/openAPIV3Schema/properties") {
        for (name, kind) in [("apiVersion", "string"), ("kind", "string"), ("metadata", "object")] {
            properties.insert(name.into(), json!({"type": kind}));
        }
    }
    if let Some(Value::Object(spec)) = validation.pointer_mut("/openAPIV3Schema/properties/spec") {
        spec.insert("x-kubernetes-validations".into(), rules::of_the_spec().into());
    }
    let conditions = "/openAPIV3Schema/properties/status/properties/conditions";
    if let Some(Value::Object(conditions)) = validation.pointer_mut(conditions) {
        conditions.insert("x-kubernetes-list-type".into(), "map".into());
        conditions.insert("x-kubernetes-list-map-keys".into(), json!(["type"]));
    }
    validation
}

/// The greatest number of an integer format that only Rust knows.
fn greatest(format: &str) -> Option<u32> {
    match format {
        "uint8" => Some(u8::MAX.into()),
        "uint16" => Some(u16::MAX.into()),
        "uint32" => Some(u32::MAX),
        _ => None,
    }
}

/// No defaults (they would rewrite objects), no formats that only Rust knows (but their bounds, or the API server
/// would store what cannot be read back), and no `nullable` on an enumeration, whose words do not include null.
fn tidy(schema: &mut Map<String, Value>) {
    schema.remove("default");
    if schema.contains_key("enum") {
        schema.remove("nullable");
    }
    let known = |format: &Value| format.as_str().is_some_and(|format| KNOWN_FORMATS.contains(&format));
    if !schema.get("format").is_none_or(known) {
        let format = schema.remove("format");
        let greatest = format.and_then(|format| greatest(format.as_str()?));
        if let Some(greatest) = greatest {
            schema.entry("maximum").or_insert_with(|| greatest.into());
        }
    }
    for_each_subschema(schema, &mut tidy);
}
