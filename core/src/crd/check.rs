//! A manifest from a file, held against the schema, for whoever has no API server at hand.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::definition::{schema_of_the_resource, unknown_fields};
use super::{FlinkApplication, GROUP, KIND, VERSION};
use crate::application::{Problem, Refusal};

/// Reads a manifest as strictly as an API server that is asked to be strict: no field that the
/// resource does not have, every value of its type and in its range. What the spec means is not
/// looked at; that is [`crate::application::Application::parse`]'s part.
///
/// # Errors
/// A refusal that names every field that does not fit.
pub fn read(manifest: &Value) -> Result<FlinkApplication, Refusal> {
    let mut problems = kind(manifest);
    if problems.is_empty() {
        let advice = "correct its spelling or leave it out";
        let unknown = unknown_fields(manifest).into_iter();
        problems.extend(unknown.map(|field| Problem::new(field, "the resource has no such field", advice)));
        if let Some(schema) = schema_of_the_resource().as_object() {
            check(schema, manifest, "", &mut problems);
        }
    }
    if let Some(refusal) = Refusal::of(problems) {
        return Err(refusal);
    }
    FlinkApplication::deserialize(manifest).map_err(|error| {
        Refusal::because(Problem::new("the manifest", error.to_string(), "compare it with the resource's page"))
    })
}

fn kind(manifest: &Value) -> Vec<Problem> {
    let expected = [("apiVersion", format!("{GROUP}/{VERSION}")), ("kind", KIND.to_owned())];
    let wrong = expected.into_iter().filter(|(field, word)| manifest.get(field) != Some(&word.as_str().into()));
    wrong
        .map(|(field, word)| {
            let found = manifest.get(field).map_or("missing".to_owned(), |found| format!("{found}"));
            Problem::new(field, format!("it is {found}"), format!("write {word}"))
        })
        .collect()
}

fn check(schema: &Map<String, Value>, value: &Value, path: &str, problems: &mut Vec<Problem>) {
    let allowed = |word: &str| schema.get(word) == Some(&Value::Bool(true));
    if value.is_null() && allowed("nullable") {
        return;
    }
    if let Some((problem, advice)) = misfit(schema, value) {
        problems.push(Problem::new(path, problem, advice));
        return;
    }
    match value {
        Value::Object(fields) => check_fields(schema, fields, path, problems),
        Value::Array(items) => {
            if let Some(below) = schema.get("items").and_then(Value::as_object) {
                for (index, item) in items.iter().enumerate() {
                    check(below, item, &format!("{path}[{index}]"), problems);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn check_fields(schema: &Map<String, Value>, fields: &Map<String, Value>, path: &str, problems: &mut Vec<Problem>) {
    let join = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    let required = schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    for name in required.filter(|name| !fields.contains_key(*name)) {
        problems.push(Problem::new(join(name), "it is missing", "write it"));
    }
    for (name, value) in fields {
        let named = schema.get("properties").and_then(|properties| properties.get(name));
        let below = named.or_else(|| schema.get("additionalProperties")).and_then(Value::as_object);
        if let Some(below) = below {
            check(below, value, &join(name), problems);
        }
    }
}

/// Why a value itself does not fit, and what to write.
fn misfit(schema: &Map<String, Value>, value: &Value) -> Option<(String, String)> {
    let found = type_of(value);
    let expected = schema.get("type").and_then(Value::as_str);
    let int_or_string = schema.contains_key("x-kubernetes-int-or-string");
    match expected {
        Some(expected) if !(expected == found || expected == "number" && found == "integer") => {
            let quotes = if expected == "string" && value.is_boolean() | value.is_number() { " in quotes" } else { "" };
            return Some((format!("it is {}", article(found)), format!("write {}{quotes}", article(expected))));
        }
        None if int_or_string && !(value.is_string() || value.is_number()) => {
            return Some((format!("it is {}", article(found)), "write a number or a text".to_owned()));
        }
        Some(_) | None => {}
    }
    if let Some(Value::Array(words)) = schema.get("enum")
        && !words.contains(value)
    {
        let words: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
        return Some((format!("{value} is not known"), format!("write one of {}", words.join(", "))));
    }
    let bound = |word: &str| schema.get(word).and_then(Value::as_f64);
    let number = value.as_f64()?;
    if bound("minimum").is_some_and(|least| number < least) {
        return Some((format!("{value} is too small"), format!("write {} or more", bound("minimum")?)));
    }
    if bound("maximum").is_some_and(|most| number > most) {
        return Some((format!("{value} is too large"), format!("write {} or less", bound("maximum")?)));
    }
    None
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// A type of the schema in words that a manifest's author uses.
fn article(kind: &str) -> &str {
    match kind {
        "null" => "nothing",
        "boolean" => "true or false",
        "number" => "a number",
        "integer" => "a whole number",
        "string" => "a text",
        "array" => "a list",
        "object" => "a map",
        unknown => unknown,
    }
}
