//! Where two JSON values differ.

use serde::Serialize;
use serde_json::Value;

/// A place where a decision differs from the recorded one.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    /// The field, such as `next.phase.running.since` or `effects[0].key`.
    pub field: String,
    /// What was recorded; null where there was nothing.
    pub recorded: Value,
    /// What is decided today; null where there is nothing.
    pub decided: Value,
}

/// All places where the two differ, the rule first. A field that is null is as good as none: a version may have a
/// field more.
pub(super) fn between(recorded: &Value, decided: &Value) -> Vec<Difference> {
    let mut found = Vec::new();
    compare(String::new(), recorded, decided, &mut found);
    found.sort_by_key(|difference| difference.field != "rule");
    found
}

fn compare(field: String, recorded: &Value, decided: &Value, found: &mut Vec<Difference>) {
    match (recorded, decided) {
        (Value::Object(one), Value::Object(other)) => {
            let added = other.keys().filter(|name| !one.contains_key(*name));
            for name in one.keys().chain(added) {
                let inner = if field.is_empty() { name.clone() } else { format!("{field}.{name}") };
                compare(inner, part(one.get(name)), part(other.get(name)), found);
            }
        }
        (Value::Array(one), Value::Array(other)) => {
            for index in 0..one.len().max(other.len()) {
                compare(format!("{field}[{index}]"), part(one.get(index)), part(other.get(index)), found);
            }
        }
        _ if recorded == decided => {}
        _ => found.push(Difference { field, recorded: recorded.clone(), decided: decided.clone() }),
    }
}

fn part(value: Option<&Value>) -> &Value {
    value.unwrap_or(&Value::Null)
}
