//! `flinkk8soperator validate`: all that can be known of a manifest without a cluster.

mod check;
mod finding;
mod flink;
#[cfg(test)]
mod fuzz;
mod place;
mod sarif;
mod show;
mod source;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde_json::Value;

use crate::cli::Failure;
use crate::files;
use finding::{Check, Told};
use place::{Place, Places};
use source::Document;

pub use check::is_application;
pub use finding::{Finding, Severity};
pub use show::line;

/// How files of manifests end.
const ENDINGS: [&str; 3] = ["yaml", "yml", "json"];

/// Arguments of `validate`.
#[derive(Args)]
pub struct ValidateArgs {
    /// Manifests (.yaml, .yml, .json; one document or many), directories of them, or - for standard input.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// The form of what is found.
    #[arg(long, value_enum, default_value = "text")]
    output: Output,
    /// Take warnings for errors.
    #[arg(long)]
    strict: bool,
}

/// The form of what is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    /// For people and editors: a line each.
    Text,
    /// Annotations of GitHub's actions.
    Github,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// For programs: one object.
    Json,
}

/// What was looked at, and what was found.
#[derive(Default)]
struct Report {
    files: usize,
    applications: usize,
    others: usize,
    findings: Vec<Finding>,
}

impl Report {
    fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }

    /// Checks all documents of a file.
    fn file(&mut self, name: &str, bytes: &[u8]) {
        self.files += 1;
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => {
                let (sound, _) = bytes.split_at(error.valid_up_to());
                return self.add(
                    name,
                    end_of(&String::from_utf8_lossy(sound)),
                    None,
                    not_yaml("this is no UTF-8", "save the file as UTF-8"),
                );
            }
        };
        let first = self.findings.len();
        let mut names = BTreeMap::new();
        for document in source::documents(text) {
            match document.read() {
                Ok(value) => self.document(name, &document, &value, &mut names),
                Err(broken) => self.add(name, broken.place, None, not_yaml(&broken.problem, broken.advice)),
            }
        }
        if let Some(new) = self.findings.get_mut(first..) {
            new.sort_by_key(Finding::place);
        }
    }

    /// A document is an application, a list that may hold some, or none of our business.
    fn document(&mut self, file: &str, document: &Document, value: &Value, names: &mut BTreeMap<String, usize>) {
        let items = value.get("items").and_then(Value::as_array);
        let is_list = value.get("kind").and_then(Value::as_str).is_some_and(|kind| kind.ends_with("List"));
        let all: Vec<(String, &Value)> = match items.filter(|_| is_list) {
            Some(items) => items.iter().enumerate().map(|(at, item)| (format!("items[{at}]"), item)).collect(),
            None => vec![(String::new(), value)],
        };
        let mut places = None;
        for (path, value) in all {
            if !check::is_application(value) {
                self.others += usize::from(!value.is_null());
                continue;
            }
            self.applications += 1;
            let places = places.get_or_insert_with(|| Places::of(&document.text));
            self.application(file, document, places, (&path, value), names);
        }
    }

    fn application(
        &mut self,
        file: &str,
        document: &Document,
        places: &Places,
        (path, value): (&str, &Value),
        names: &mut BTreeMap<String, usize>,
    ) {
        let name = full_name(value);
        let mut all = check::told(value);
        let below = |field: &str| match (path, field) {
            ("", field) => field.to_owned(),
            (path, "") => path.to_owned(),
            (path, field) => format!("{path}.{field}"),
        };
        let find = |field: &str| places.find(&below(field)).after(document.before);
        if let Some(name) = &name {
            let line = find("metadata.name").line;
            if let Some(earlier) = names.insert(name.clone(), line) {
                all.push(same_name(name, earlier));
            }
        }
        for told in all {
            let place = find(&told.field);
            self.add(file, place, name.clone(), Told { field: below(&told.field), ..told });
        }
    }

    fn add(&mut self, file: &str, place: Place, application: Option<String>, told: Told) {
        let Told { check, severity, field, problem, advice } = told;
        let Place { line, column } = place;
        let file = file.to_owned();
        self.findings.push(Finding { file, line, column, severity, check, application, field, problem, advice });
    }
}

fn not_yaml(problem: &str, advice: &str) -> Told {
    let (problem, advice) = (problem.to_owned(), advice.to_owned());
    Told { check: Check::Yaml, severity: Severity::Error, field: String::new(), problem, advice }
}

fn same_name(name: &str, line: usize) -> Told {
    Told {
        check: Check::SameName,
        severity: Severity::Warning,
        field: "metadata.name".to_owned(),
        problem: format!("{name} is written in line {line} too, and the later one wins"),
        advice: "choose another name".to_owned(),
    }
}

/// `namespace/name`, or the name alone.
fn full_name(application: &Value) -> Option<String> {
    let text = |field: &str| application.pointer(field).and_then(Value::as_str);
    let name = text("/metadata/name")?;
    Some(text("/metadata/namespace").map_or(name.to_owned(), |namespace| format!("{namespace}/{name}")))
}

/// The place behind a text.
fn end_of(text: &str) -> Place {
    let last = text.rsplit('\n').next().unwrap_or_default();
    Place { line: text.matches('\n').count() + 1, column: last.chars().count() + 1 }
}

/// What is found in a text.
pub fn findings(name: &str, bytes: &[u8]) -> Vec<Finding> {
    let mut report = Report::default();
    report.file(name, bytes);
    report.findings
}

/// Checks all files; fails where an error was found, or with `--strict` a warning.
pub fn validate(args: &ValidateArgs) -> Result<(), Failure> {
    let mut report = Report::default();
    for path in &args.paths {
        for file in files::below(path, &ENDINGS)? {
            let (name, bytes) = files::bytes(&file)?;
            report.file(&name, &bytes);
        }
    }
    if args.strict {
        report.findings.iter_mut().for_each(|finding| finding.severity = Severity::Error);
    }
    if report.applications + report.others + report.findings.len() == 0 {
        return Err(Failure::BadInput(nothing(&report, &args.paths)));
    }
    let text = match args.output {
        Output::Text => show::text(&report),
        Output::Github => show::github(&report),
        Output::Sarif => sarif::log(&report).to_string() + "\n",
        Output::Json => show::json(&report).to_string() + "\n",
    };
    std::io::stdout().write_all(text.as_bytes()).map_err(Failure::failed)?;
    match report.count(Severity::Error) {
        0 => Ok(()),
        errors => Err(Failure::Failed(format!("{} in what was given", show::number(errors, "error")))),
    }
}

fn nothing(report: &Report, paths: &[PathBuf]) -> String {
    let paths: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    let paths = paths.join(", ");
    match report.files {
        0 => format!("there is no file that ends with .yaml, .yml or .json in {paths}"),
        _ => format!("there is no document in {paths}"),
    }
}
