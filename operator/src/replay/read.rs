//! Finds and reads records.

use std::path::Path;

use flink_operator_core::record::Record;
use flink_operator_core::snapshot::Snapshot;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::{Deserializer, Value};

use crate::cli::Failure;
use crate::files;

/// How files of records end.
pub const ENDINGS: [&str; 4] = ["yaml", "yml", "json", "jsonl"];

/// A record, or what is wrong with it, and where: `FILE:LINE`.
pub struct Found {
    /// The file and the line.
    pub place: String,
    /// The record; or its field and the problem.
    pub record: Result<Box<Record>, String>,
}

/// What is wrong, and in which line of the text that was read.
struct Problem {
    line: usize,
    what: String,
}

/// The records of a file, JSON or YAML, one or many. After a bad one it goes on with the next.
pub fn records(path: &Path) -> Result<Vec<Found>, Failure> {
    let (name, text) = files::text(path)?;
    Ok(in_text(&name, &text))
}

/// The records of a text.
pub fn in_text(name: &str, text: &str) -> Vec<Found> {
    let read = if text.trim_start().starts_with('{') { json(text) } else { yaml(text) };
    let found = |(line, record): (usize, Result<Record, Problem>)| match record {
        Ok(record) => Found { place: format!("{name}:{line}"), record: Ok(Box::new(record)) },
        Err(problem) => Found { place: format!("{name}:{}", line + problem.line - 1), record: Err(problem.what) },
    };
    read.into_iter().map(found).collect()
}

/// Values one after the other, whatever stands between them. Each with the line at which it begins.
fn json(text: &str) -> Vec<(usize, Result<Record, Problem>)> {
    let mut found = Vec::new();
    let (mut line, mut rest) = (1, text);
    loop {
        let value = rest.trim_start();
        line += lines(rest, rest.len() - value.len());
        if value.is_empty() {
            return found;
        }
        let mut values = Deserializer::from_str(value).into_iter::<IgnoredAny>();
        let whole = values.next().is_some_and(|value| value.is_ok());
        // A line that broke off spoils no other.
        let end = if whole { values.byte_offset() } else { value.find("\n{").unwrap_or(value.len()) };
        found.push((line, read(value.get(..end).unwrap_or(value))));
        line += lines(value, end);
        rest = value.get(end..).unwrap_or_default();
    }
}

fn lines(text: &str, end: usize) -> usize {
    text.get(..end).unwrap_or(text).matches('\n').count()
}

/// Documents, each with the line at which it begins.
fn yaml(text: &str) -> Vec<(usize, Result<Record, Problem>)> {
    let mut documents = vec![(1, String::new())];
    for (number, line) in text.lines().enumerate() {
        if line == "---" || line.starts_with("--- ") {
            documents.push((number + 2, String::new()));
        } else if let Some((_, document)) = documents.last_mut() {
            document.push_str(line);
            document.push('\n');
        }
    }
    let blank = |line: &str| line.trim().is_empty() || line.trim_start().starts_with('#');
    documents.retain(|(_, document)| !document.lines().all(blank));
    documents.into_iter().map(|(line, document)| (line, in_json(&document).and_then(|json| read(&json)))).collect()
}

/// A record; or a snapshot alone, as earlier versions recorded it.
fn read(json: &str) -> Result<Record, Problem> {
    typed::<Record>(json).or_else(|problem| {
        if !is_bare_snapshot(json) {
            return Err(problem);
        }
        let bare =
            |snapshot| Record { version: String::new(), spec_digest: None, cluster_digest: None, snapshot, step: None };
        typed::<Snapshot>(json).map(bare)
    })
}

fn is_bare_snapshot(json: &str) -> bool {
    /// The fields that tell one from a record.
    #[derive(Deserialize)]
    struct Probe {
        now: Option<IgnoredAny>,
        snapshot: Option<IgnoredAny>,
    }
    serde_json::from_str::<Probe>(json).is_ok_and(|probe| probe.now.is_some() && probe.snapshot.is_none())
}

fn typed<T: DeserializeOwned>(json: &str) -> Result<T, Problem> {
    let mut deserializer = Deserializer::from_str(json);
    serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let (field, cause) = (error.path().to_string(), error.into_inner());
        Problem { line: cause.line(), what: in_field(&field, &cause.to_string()) }
    })
}

/// On one line, so a wrong field is named without its line. (Types that are read from YAML itself would make up a
/// fifth of the binary.)
fn in_json(yaml: &str) -> Result<String, Problem> {
    let value: Value = serde_saphyr::from_str(yaml).map_err(|error| {
        let line = error.location().and_then(|at| usize::try_from(at.line()).ok()).unwrap_or(1);
        Problem { line: line.max(1), what: in_field("", &error.without_snippet().to_string()) }
    })?;
    Ok(value.to_string())
}

/// The message under its field. Its line is told elsewhere, and counted from the start of the file.
fn in_field(field: &str, message: &str) -> String {
    let message = message.rsplit_once(" at line ").map_or(message, |(message, _)| message);
    if field.is_empty() || field == "." { message.to_owned() } else { format!("{field}: {message}") }
}
