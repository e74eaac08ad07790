//! Schemas of the fields whose types are Kubernetes' own.

use k8s_openapi::api::core::v1::ResourceRequirements;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value};

/// What a quantity looks like, as Kubernetes writes it in its own definitions.
pub(super) const QUANTITY: &str = r"^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))))?$";

/// The complete schema of one of Kubernetes' own types, without its descriptions.
///
/// With them the definition would not fit into the annotation that `kubectl apply` keeps (256 KiB).
pub(super) fn embedded<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    let mut schema = generator.subschema_for::<T>();
    if let Some(object) = schema.as_object_mut() {
        drop_descriptions(object);
    }
    schema
}

/// Requests and limits take numbers and quantities; a text that is no quantity is refused at once.
pub(super) fn resources_schema(generator: &mut SchemaGenerator) -> Schema {
    let mut schema = embedded::<Option<ResourceRequirements>>(generator);
    for list in ["limits", "requests"] {
        let values = schema.pointer_mut(&format!("/properties/{list}/additionalProperties"));
        if let Some(Value::Object(values)) = values {
            values.insert("pattern".into(), QUANTITY.into());
        }
    }
    schema
}

/// A map of scalars.
///
/// A structural schema has no word for "string, number or boolean": a value of no type is kept as it
/// is, and a list or a map that holds anything is too long. Empty ones are refused by the parser.
pub(super) fn config_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": ["object", "null"],
        "additionalProperties": {
            "x-kubernetes-preserve-unknown-fields": true,
            "maxItems": 0,
            "maxProperties": 0,
        },
    })
}

/// Drops every description below a schema, but not a property that is called `description`.
fn drop_descriptions(schema: &mut Map<String, Value>) {
    schema.remove("description");
    for_each_subschema(schema, &mut drop_descriptions);
}

/// Calls `visit` with each schema directly below `schema`.
pub(super) fn for_each_subschema(schema: &mut Map<String, Value>, visit: &mut impl FnMut(&mut Map<String, Value>)) {
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        properties.values_mut().filter_map(Value::as_object_mut).for_each(&mut *visit);
    }
    for below in ["items", "additionalProperties"] {
        if let Some(Value::Object(below)) = schema.get_mut(below) {
            visit(below);
        }
    }
}
