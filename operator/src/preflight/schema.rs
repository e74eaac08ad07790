//! Two schemas of the resource compared: what does one of them drop?

use serde_json::{Map, Value};

/// The schema of the resource in an OpenAPI document of its group.
pub fn of_the_resource(document: &Value) -> Option<&Value> {
    let schemas = document.pointer("/components/schemas")?.as_object()?;
    let (_, schema) = schemas.iter().find(|(name, _)| name.ends_with(".FlinkApplication"))?;
    schema.get("properties").map(|_| schema)
}

/// The fields of `fields` that an API server with the schema `served` drops, such as `status.deployed.attempt`.
pub fn lacking(served: &Value, fields: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for part in ["spec", "status"] {
        let pointer = format!("/properties/{part}");
        if let (Some(served), Some(fields)) = (served.pointer(&pointer), fields.pointer(&pointer)) {
            compare(served, fields, part, &mut found);
        }
    }
    found
}

fn compare(served: &Value, fields: &Value, path: &str, found: &mut Vec<String>) {
    if keeps_everything(served) {
        return;
    }
    for inner in ["items", "additionalProperties"] {
        if let (Some(served), Some(fields)) = (served.get(inner), fields.get(inner)) {
            compare(served, fields, path, found);
        }
    }
    let nothing = Map::new();
    let properties = |schema: &Value| schema.get("properties").and_then(Value::as_object).cloned();
    let served = properties(served).unwrap_or_default();
    for (name, field) in properties(fields).as_ref().unwrap_or(&nothing) {
        let path = format!("{path}.{name}");
        match served.get(name) {
            Some(served) => compare(served, field, &path, found),
            None => found.push(path),
        }
    }
}

/// Nothing in such an object is dropped.
fn keeps_everything(schema: &Value) -> bool {
    schema.get("x-kubernetes-preserve-unknown-fields") == Some(&Value::Bool(true))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schema(status: &Value) -> Value {
        json!({ "properties": { "status": { "properties": status } } })
    }

    #[test]
    fn a_field_that_is_not_served_is_named_with_its_path() {
        let fields = schema(
            &json!({ "deployed": { "properties": { "attempt": {} } }, "jobs": { "items": { "properties": { "id": {} } } } }),
        );
        let served =
            schema(&json!({ "deployed": { "properties": {} }, "jobs": { "items": { "properties": { "id": {} } } } }));
        assert_eq!(lacking(&served, &fields), ["status.deployed.attempt"]);
        assert!(lacking(&fields, &served).is_empty());
    }

    #[test]
    fn nothing_is_lacking_where_unknown_fields_are_kept() {
        let fields = schema(&json!({ "deployed": { "properties": { "attempt": {} } } }));
        let served = schema(&json!({ "deployed": { "x-kubernetes-preserve-unknown-fields": true } }));
        assert!(lacking(&served, &fields).is_empty());
    }
}
