//! What was found, for people, for GitHub and for programs.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::Report;
use super::finding::{Finding, Severity};

/// A line each, in the form that editors know, and how it came out.
pub fn text(report: &Report) -> String {
    let mut text = String::new();
    for finding in &report.findings {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{}", line(finding));
    }
    text + &summary(report) + "\n"
}

/// The line of a finding.
pub fn line(finding: &Finding) -> String {
    let Finding { file, line, column, severity, .. } = finding;
    let message = finding.message().replace(['\r', '\n'], " ");
    format!("{file}:{line}:{column}: {}: {message}", severity.word())
}

/// Workflow commands that GitHub shows beside the line.
pub fn github(report: &Report) -> String {
    let mut text = String::new();
    for finding in &report.findings {
        let (file, title) = (property(&finding.file), property(finding.check.id()));
        let (line, column, message) = (finding.line, finding.column, data(&finding.message()));
        let word = finding.severity.word();
        let _ = writeln!(text, "::{word} file={file},line={line},col={column},title={title}::{message}");
    }
    text + &summary(report) + "\n"
}

/// One object.
pub fn json(report: &Report) -> Value {
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "files": report.files,
        "applications": report.applications,
        "otherDocuments": report.others,
        "errors": report.count(Severity::Error),
        "warnings": report.count(Severity::Warning),
        "findings": report.findings,
    })
}

/// How it came out, in one line.
fn summary(report: &Report) -> String {
    let looked = [number(report.files, "file"), number(report.applications, "application")].join(", ");
    let others = match report.others {
        0 => String::new(),
        others => format!(", {} passed over", number(others, "other document")),
    };
    let found = match (report.count(Severity::Error), report.count(Severity::Warning)) {
        (0, 0) if report.applications == 0 => "there is no FlinkApplication".to_owned(),
        (0, 0) => "nothing is wrong".to_owned(),
        (errors, warnings) => [number(errors, "error"), number(warnings, "warning")].join(", "),
    };
    format!("{looked}{others}: {found}")
}

/// `1 error`, `2 errors`.
pub fn number(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// The text of a workflow command.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// The value of a property of a workflow command.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
