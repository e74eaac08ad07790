//! All that can be said of one FlinkApplication without a cluster.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use flink_operator_core::application::{Application, Problem};
use flink_operator_core::crd::{self, FlinkApplication, GROUP, KIND};
use flink_operator_fixtures::model::Schema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::finding::{Check, Severity, Told};
use super::{flink, place};

/// The API server's own checks, with the CEL rules.
static SCHEMA: LazyLock<Option<Schema>> = LazyLock::new(|| {
    let definition = serde_json::to_value(crd::definition()).ok()?;
    Schema::of_crd(&definition).ok()
});

/// The fields that Kubernetes has in every object's metadata.
const METADATA: [&str; 15] = [
    "annotations",
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "finalizers",
    "generateName",
    "generation",
    "labels",
    "managedFields",
    "name",
    "namespace",
    "ownerReferences",
    "resourceVersion",
    "selfLink",
    "uid",
];

/// How unlike a name may be that is still proposed: 1 is the same.
const LIKE: f64 = 0.8;

/// Whether a document is meant to be a FlinkApplication.
pub fn is_application(document: &Value) -> bool {
    let text = |field: &str| document.get(field).and_then(Value::as_str).unwrap_or_default();
    let group = text("apiVersion").split('/').next();
    text("kind") == KIND || group == Some(GROUP) && text("kind") != format!("{KIND}List")
}

/// All that is wrong with an application. A field is named once for errors, by the check that says most.
pub fn told(document: &Value) -> Vec<Told> {
    let mut told = Telling::default();
    told.schema(document);
    if told.all.iter().any(|told| told.check == Check::Kind) {
        return told.all;
    }
    told.metadata(document);
    let name = document.pointer("/metadata/name").is_some();
    if let Ok(resource) = FlinkApplication::deserialize(document) {
        told.parsed(&resource, name);
    }
    told.rules(document, name);
    if let Some(spec) = document.get("spec").and_then(Value::as_object) {
        told.deprecated(spec);
        told.all.extend(flink::told(spec));
    }
    told.all
}

#[derive(Default)]
struct Telling {
    all: Vec<Told>,
    /// The fields with an error.
    wrong: BTreeSet<String>,
}

impl Telling {
    fn error(&mut self, check: Check, problem: Problem) {
        let Problem { field, problem, advice } = problem;
        if self.wrong.insert(place::plain(&field)) {
            self.all.push(Told { check, severity: Severity::Error, field, problem, advice });
        }
    }

    fn warning(&mut self, check: Check, problem: Problem) {
        let Problem { field, problem, advice } = problem;
        self.all.push(Told { check, severity: Severity::Warning, field, problem, advice });
    }

    /// Fields, types and ranges, in our own words.
    fn schema(&mut self, document: &Value) {
        let Err(refusal) = crd::read(document) else { return };
        let unknown: BTreeSet<String> = crd::unknown_fields(document).into_iter().collect();
        for problem in refusal.problems().cloned() {
            match problem.field.as_str() {
                "apiVersion" | "kind" => self.error(Check::Kind, problem),
                field if unknown.contains(field) => {
                    let advice = nearest(field).map(|name| format!("write {name}, or leave it out"));
                    let advice = advice.unwrap_or(problem.advice);
                    self.error(Check::UnknownField, Problem { advice, ..problem });
                }
                // serde's own words come below, where there are no better ones.
                "the manifest" => {}
                _ => self.error(Check::Schema, problem),
            }
        }
    }

    /// What the definition leaves to Kubernetes.
    fn metadata(&mut self, document: &Value) {
        let Some(metadata) = document.get("metadata").and_then(Value::as_object) else {
            return self.error(Check::Metadata, Problem::new("metadata", "it is missing", "write it, with a name"));
        };
        if !metadata.contains_key("name") && !metadata.contains_key("generateName") {
            self.error(Check::Metadata, Problem::new("metadata.name", "it is missing", "write it"));
        }
        for field in metadata.keys().filter(|field| !METADATA.contains(&field.as_str())) {
            let advice = alike(field, METADATA.into_iter())
                .map_or("leave it out".to_owned(), |name| format!("write {name}, or leave it out"));
            self.error(
                Check::UnknownField,
                Problem::new(format!("metadata.{field}"), "Kubernetes has no such field", advice),
            );
        }
        for field in ["name", "namespace"] {
            if metadata.get(field).is_some_and(|value| !value.is_string()) {
                self.error(
                    Check::Metadata,
                    Problem::new(format!("metadata.{field}"), "it is no text", "write it in quotes"),
                );
            }
        }
        for field in ["labels", "annotations"] {
            let values = metadata.get(field).and_then(Value::as_object).into_iter().flatten();
            for (name, _) in values.filter(|(_, value)| !value.is_string()) {
                let field = format!("metadata.{field}[{name:?}]");
                self.error(Check::Metadata, Problem::new(field, "the value is no text", "write it in quotes"));
            }
        }
    }

    /// What the operator refuses, and what it warns of.
    fn parsed(&mut self, resource: &FlinkApplication, named: bool) {
        match &Application::parse(resource).spec {
            Ok(spec) => {
                // Keys of the operator are told of below, whether the spec is refused or not.
                let others = spec.warnings.iter().filter(|warning| !warning.field.starts_with("spec.flinkConfig"));
                others.for_each(|warning| self.warning(Check::SpecWarning, warning.clone()));
            }
            Err(refusal) => {
                for problem in refusal.problems().filter(|problem| named || problem.field != "metadata.name") {
                    self.error(Check::Spec, problem.clone());
                }
            }
        }
    }

    /// The API server's checks, as far as nobody said the same before.
    fn rules(&mut self, document: &Value, named: bool) {
        let Some(schema) = &*SCHEMA else { return };
        let mut document = document.clone();
        if !named && let Some(object) = document.as_object_mut() {
            // The rules speak of a name; that there is none was said above.
            object.insert("metadata".to_owned(), json!({"name": "unnamed"}));
        }
        for cause in schema.validate(&document, None) {
            let rule = cause.message.strip_prefix("Invalid value: \"object\": ");
            self.error(
                if rule.is_some() { Check::Rule } else { Check::Schema },
                in_our_words(&cause.field, rule, &cause.message),
            );
        }
    }

    /// Fields whose description says that they are deprecated.
    fn deprecated(&mut self, spec: &Map<String, Value>) {
        for field in spec.keys() {
            let pointer = format!("/properties/spec/properties/{field}/description");
            let description = crd::schema_of_the_resource().pointer(&pointer).and_then(Value::as_str);
            if description.is_some_and(|description| description.starts_with("Deprecated")) {
                let advice = match field.as_str() {
                    "savepointInfo" => "write spec.savepointPath",
                    _ => "see its description in the definition of the resource",
                };
                self.warning(
                    Check::DeprecatedField,
                    Problem::new(format!("spec.{field}"), "the field is deprecated", advice),
                );
            }
        }
    }
}

/// Our rules say `field: what is wrong; what to do`.
fn in_our_words(field: &str, rule: Option<&str>, message: &str) -> Problem {
    let known = "compare it with the page of the resource";
    let Some(rule) = rule else { return Problem::new(field, message, known) };
    let (named, said) = rule.split_once(": ").filter(|(named, _)| !named.contains(' ')).unwrap_or((field, rule));
    let (problem, advice) = said.rsplit_once("; ").unwrap_or((said, known));
    Problem::new(named, problem, advice)
}

/// The known name that an unknown field is most like.
fn nearest(field: &str) -> Option<String> {
    let mut schema = crd::schema_of_the_resource();
    let (path, name) = field.rsplit_once('.').unwrap_or(("", field));
    for part in path.split('.').filter(|part| !part.is_empty()) {
        let (part, index) = part.split_once('[').map_or((part, false), |(part, _)| (part, true));
        schema = schema.get("properties").and_then(|fields| fields.get(part))?;
        schema = if index { schema.get("items")? } else { schema };
    }
    alike(name, schema.get("properties")?.as_object()?.keys().map(String::as_str))
}

fn alike<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    let lower = name.to_lowercase();
    let likeness = known.map(|known| (strsim::jaro_winkler(&lower, &known.to_lowercase()), known));
    let best = likeness.max_by(|(one, _), (other, _)| one.total_cmp(other));
    best.filter(|(likeness, _)| *likeness >= LIKE).map(|(_, known)| known.to_owned())
}
