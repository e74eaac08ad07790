//! Short names for what has long ones: revisions, jobs, savepoints.

use std::collections::BTreeMap;

use flink_operator_core::id::JobId;
use flink_operator_core::memory::{Memory, Revision};
use serde_json::Value;

/// Submissions of one revision that are given a name.
const ATTEMPTS: u32 = 20;

/// The names that are known so far, by what they stand for.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// `r1` is the revision of the first deploy, `r1.2` its second job.
    known: BTreeMap<String, String>,
}

impl Names {
    /// Names all revisions that a memory knows, and their jobs.
    pub fn meet(&mut self, application_uid: &str, memory: &Memory) {
        let ledger = &memory.ledger;
        let deployed = ledger.deployed.iter().chain(&ledger.second).map(|deployed| &deployed.revision);
        memory.phase.target().into_iter().chain(deployed).for_each(|revision| self.add(application_uid, revision));
    }

    fn add(&mut self, application_uid: &str, revision: &Revision) {
        let (id, number) = (&revision.id, revision.number);
        if self.known.contains_key(id.as_str()) {
            return;
        }
        for attempt in 1..=ATTEMPTS {
            let job = JobId::derive(application_uid, id, attempt);
            self.known.insert(job.as_str().to_owned(), format!("r{number}.{attempt}"));
        }
        self.known.insert(id.as_str().to_owned(), format!("r{number}"));
    }

    /// The name of a revision or a job.
    pub fn of(&self, id: &str) -> String {
        self.known.get(id).cloned().unwrap_or_else(|| id.to_owned())
    }

    /// The name of what lies at a path.
    pub fn of_path(&self, path: &str) -> String {
        match (path.rsplit_once("/savepoint-"), path.rsplit_once("/chk-")) {
            (Some((_, savepoint)), _) => {
                let number = savepoint.rsplit_once('-').and_then(|(_, digits)| u64::from_str_radix(digits, 16).ok());
                number.map_or_else(|| path.to_owned(), |number| format!("savepoint {number}"))
            }
            (None, Some((directory, number))) => {
                let job = directory.rsplit('/').next().unwrap_or_default();
                format!("checkpoint {number} of {}", self.of(job))
            }
            (None, None) => path.to_owned(),
        }
    }

    /// A text with the names instead of what they stand for.
    pub fn scrub(&self, text: &str) -> String {
        let mut scrubbed = String::new();
        let mut rest = text;
        while let Some(at) = rest.find("file:/") {
            let (before, path) = rest.split_at(at);
            let is_inside = |char: char| char.is_ascii_alphanumeric() || "/-:_".contains(char);
            let path = &path[..path.find(|char| !is_inside(char)).unwrap_or(path.len())];
            let path = path.trim_end_matches(':');
            scrubbed += before;
            scrubbed += &self.of_path(path);
            rest = &rest[at + path.len()..];
        }
        scrubbed += rest;
        self.known.iter().fold(scrubbed, |text, (id, name)| text.replace(id.as_str(), name))
    }
}

/// An edit in a few words.
pub fn of_edit(patch: &Value) -> String {
    let part = |part: &str| {
        let fields = patch.get(part).and_then(Value::as_object).into_iter().flatten();
        let words = fields.map(|(field, value)| match (value.as_str(), value.is_null()) {
            (Some(text), _) => format!("{field} = {text}"),
            (None, true) => format!("no {field}"),
            (None, false) => format!("{field} = {value}"),
        });
        words.collect::<Vec<_>>()
    };
    [part("spec"), part("metadata")].concat().join(", ")
}

/// Lines of at most 120 characters.
pub fn wrapped(indent: &str, text: &str) -> String {
    let mut lines = vec![indent.to_owned()];
    for word in text.split_whitespace() {
        let line = lines.last().map_or(0, |line| line.chars().count());
        if line + word.chars().count() >= 120 {
            lines.push(" ".repeat(indent.chars().count()));
        }
        if let Some(line) = lines.last_mut() {
            let begins = line.trim().is_empty() || line == indent;
            *line += if begins && line.ends_with(' ') { "" } else { " " };
            *line += word;
        }
    }
    lines.join("\n")
}
