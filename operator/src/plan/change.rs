//! What changes in the resource, field by field, and which of it shapes the cluster or the job.

use flink_operator_core::application::Application;
use flink_operator_core::crd::FlinkApplication;
use flink_operator_core::record::Record;
use flink_operator_core::snapshot::Snapshot;
use serde::Serialize;
use serde_json::{Map, Value, json};

/// Begins what stands for a secret.
const MARK: &str = "<redacted:";

/// A field that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Its path.
    pub field: String,
    /// As it is; None where it is not there.
    pub from: Option<Value>,
    /// As it will be; None where it goes.
    pub to: Option<Value>,
    /// What it is part of.
    pub shapes: Shapes,
}

/// What a change is part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Shapes {
    /// Neither the job nor its cluster.
    Nothing,
    /// The count of TaskManagers and of the job's tasks: it can be changed on the same cluster.
    Parallelism,
    /// The cluster or the job: a new cluster is made.
    Cluster,
}

/// The fields of two resources that differ, without secrets.
pub fn between(snapshot: &Snapshot, new: &FlinkApplication) -> Result<Vec<Change>, serde_json::Error> {
    let old = &snapshot.application.manifest();
    let shown = |resource: &FlinkApplication| {
        let application = Application::parse(resource);
        let seen = Snapshot { application, ..snapshot.clone() };
        let record = Record::of(&seen, &flink_operator_core::step(&seen))?;
        Ok::<Value, serde_json::Error>(written(&record.snapshot.application.manifest()))
    };
    let (raw, shown) = ([written(old), written(new)], [shown(old)?, shown(new)?]);
    let [before, after] = &raw;
    let mut fields = Vec::new();
    differences(before, after, &mut Vec::new(), &mut fields);
    let changes = fields.into_iter().filter_map(|path| {
        let [from, to] = shown.each_ref().map(|resource| at(resource, &path).cloned());
        // A record does not say what a secret was.
        if is_secret(at(before, &path)) {
            return None;
        }
        Some(Change { field: path.join("."), from, to, shapes: shapes(old, after, &path) })
    });
    Ok(changes.collect())
}

fn is_secret(value: Option<&Value>) -> bool {
    value.and_then(Value::as_str).is_some_and(|text| text.contains(MARK))
}

/// What a user writes of a resource.
fn written(resource: &FlinkApplication) -> Value {
    let metadata = &resource.metadata;
    let mut annotations = metadata.annotations.clone().unwrap_or_default();
    annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
    let mut spec = serde_json::to_value(&resource.spec).unwrap_or_default();
    drop_nulls(&mut spec);
    json!({
        "metadata": { "labels": metadata.labels.clone().unwrap_or_default(), "annotations": annotations },
        "spec": spec,
    })
}

fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, inner| !inner.is_null());
            fields.values_mut().for_each(drop_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The paths of what differs; a list is one thing. Labels and annotations that the file does not name are left alone.
fn differences(before: &Value, after: &Value, path: &mut Vec<String>, found: &mut Vec<Vec<String>>) {
    let (Value::Object(old), Value::Object(new)) = (before, after) else {
        if before != after {
            found.push(path.clone());
        }
        return;
    };
    let stays = path.first().is_some_and(|first| first == "metadata");
    let mut names: Vec<&String> = old.keys().filter(|_| !stays || path.len() < 2).chain(new.keys()).collect();
    names.sort();
    names.dedup();
    let empty = |other: Option<&Value>| match other {
        Some(Value::Object(_)) => Value::Object(Map::new()),
        Some(_) | None => Value::Null,
    };
    for name in names {
        let (one, other) = (old.get(name), new.get(name));
        let (one, other) = (one.cloned().unwrap_or(empty(other)), other.cloned().unwrap_or(empty(one)));
        path.push(name.clone());
        differences(&one, &other, path, found);
        path.pop();
    }
}

fn at<'a>(value: &'a Value, path: &[String]) -> Option<&'a Value> {
    path.iter().try_fold(value, |value, name| value.get(name))
}

/// The old resource with this one change, compared by the digests. A change that makes no sense alone counts as one
/// of the cluster.
fn shapes(old: &FlinkApplication, after: &Value, path: &[String]) -> Shapes {
    if path.first().is_none_or(|first| first != "spec") {
        return Shapes::Nothing;
    }
    let mut changed = serde_json::to_value(old).unwrap_or_default();
    put(&mut changed, path, at(after, path));
    let parse = |resource: &FlinkApplication| Application::parse(resource).spec.ok();
    let changed: Option<FlinkApplication> = serde_json::from_value(changed).ok();
    let new = changed.as_ref().and_then(parse);
    match (parse(old), new) {
        (Some(old), Some(new)) if old.digest() == new.digest() => Shapes::Nothing,
        (Some(old), Some(new)) if old.cluster_digest() == new.cluster_digest() => Shapes::Parallelism,
        (Some(_) | None, Some(_) | None) => Shapes::Cluster,
    }
}

fn put(value: &mut Value, path: &[String], new: Option<&Value>) {
    let Some((first, rest)) = path.split_first() else {
        *value = new.cloned().unwrap_or_default();
        return;
    };
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    if let Some(fields) = value.as_object_mut() {
        match (rest, new) {
            ([], None) => drop(fields.remove(first)),
            (rest, new) => put(fields.entry(first.clone()).or_insert_with(|| Value::Object(Map::new())), rest, new),
        }
    }
}
