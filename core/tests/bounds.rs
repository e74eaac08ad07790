//! Every field of the spec at its bounds, beyond them, and of the wrong type: the schema refuses and names the field.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use flink_operator_core::application::Application;
use flink_operator_core::crd::{self, FlinkApplication};
use serde_json::{Value, json};

const FULL: &str = include_str!("resource/full.yaml");

/// A field of the manifest that names every field of the spec.
struct Field {
    pointer: String,
    schema: Value,
}

impl Field {
    /// As messages name it.
    fn name(&self) -> String {
        let word = self.pointer.rsplit('/').find(|word| word.parse::<usize>().is_err()).unwrap();
        word.replace("~1", "/").replace("~0", "~")
    }

    fn with(&self, value: Value) -> Value {
        let mut manifest = manifest();
        *manifest.pointer_mut(&self.pointer).unwrap() = value;
        manifest
    }

    /// Values of a type that this field has not.
    fn wrong(&self) -> Vec<Value> {
        let either = self.schema["x-kubernetes-int-or-string"] == true;
        match self.schema["type"].as_str() {
            Some("string") => vec![json!(["x"]), json!({ "x": 1 }), json!(true)],
            Some("integer") => vec![json!("7"), json!(1.5), json!([]), json!(true)],
            Some("number") => vec![json!("0.5"), json!([])],
            Some("boolean") => vec![json!("true"), json!(1), json!([])],
            Some("array") => vec![json!({}), json!("x"), json!(1)],
            Some("object") => vec![json!([]), json!("x"), json!(1)],
            None if either => vec![json!(true), json!([])],
            Some(_) | None => Vec::new(),
        }
    }
}

fn manifest() -> Value {
    serde_saphyr::from_str(FULL).unwrap()
}

fn fields() -> Vec<Field> {
    fn walk(schema: &Value, value: &Value, pointer: &str, found: &mut Vec<Field>) {
        found.push(Field { pointer: pointer.to_owned(), schema: schema.clone() });
        match value {
            Value::Object(inside) => {
                for (name, value) in inside {
                    let below = schema["properties"].get(name).or_else(|| schema.get("additionalProperties"));
                    if let Some(below) = below.filter(|below| below.is_object()) {
                        let name = name.replace('~', "~0").replace('/', "~1");
                        walk(below, value, &format!("{pointer}/{name}"), found);
                    }
                }
            }
            Value::Array(items) => {
                let inside = items.iter().enumerate();
                inside.for_each(|(at, value)| walk(&schema["items"], value, &format!("{pointer}/{at}"), found));
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    let mut found = Vec::new();
    walk(&crd::schema_of_the_resource()["properties"]["spec"], &manifest()["spec"], "/spec", &mut found);
    found
}

#[test]
fn a_value_of_the_wrong_type_is_refused_and_its_field_is_named() {
    let fields = fields();
    assert!(fields.len() > 150, "{}", fields.len());
    for field in &fields {
        for value in field.wrong() {
            let refusal = crd::read(&field.with(value.clone()));
            let refusal =
                refusal.err().unwrap_or_else(|| panic!("{} = {value} is admitted", field.pointer)).to_string();
            assert!(refusal.contains(&field.name()), "{} = {value}: {refusal}", field.pointer);
        }
    }
}

#[test]
fn the_bounds_of_a_number_are_admitted_and_what_lies_beyond_is_refused() {
    let mut bounded = 0;
    for field in fields() {
        let step = if field.schema["type"] == "integer" { 1.0 } else { 0.001 };
        let number = |value: f64| if step == 1.0 { json!(value as i64) } else { json!(value) };
        for (bound, beyond) in [("minimum", -step), ("maximum", step)] {
            let Some(limit) = field.schema[bound].as_f64() else { continue };
            bounded += 1;
            let at = crd::read(&field.with(number(limit)));
            assert!(at.is_ok(), "{} = {limit}: {}", field.pointer, at.unwrap_err());
            let refusal = crd::read(&field.with(number(limit + beyond))).unwrap_err().to_string();
            assert!(refusal.contains(&field.name()), "{} beyond {limit}: {refusal}", field.pointer);
        }
    }
    assert!(bounded > 15, "{bounded}");
}

#[test]
fn numbers_that_no_machine_holds_are_refused_and_no_panic() {
    for field in fields().iter().filter(|field| matches!(field.schema["type"].as_str(), Some("integer" | "number"))) {
        for value in [json!(i64::MAX), json!(i64::MIN), json!(u64::MAX), json!(1e300), json!(-1e300)] {
            let manifest = field.with(value.clone());
            if crd::read(&manifest).is_ok()
                && let Ok(read) = serde_json::from_value::<FlinkApplication>(manifest)
            {
                let application = Application::parse(&read);
                let refused = application.spec.err().map(|refusal| refusal.to_string());
                assert!(refused.is_none_or(|text| text.contains(&field.name())), "{} = {value}", field.pointer);
            }
        }
    }
}

#[test]
fn a_required_field_that_is_missing_or_null_is_named() {
    for name in ["image", "jarName", "parallelism", "entryClass"] {
        let mut missing = manifest();
        missing["spec"].as_object_mut().unwrap().remove(name);
        let mut null = manifest();
        null["spec"][name] = Value::Null;
        for manifest in [missing, null] {
            let refusal = crd::read(&manifest).unwrap_err().to_string();
            assert!(refusal.contains(&format!("spec.{name}")), "{refusal}");
        }
    }
}
