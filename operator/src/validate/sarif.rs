//! What was found as SARIF 2.1.0, the form that code scanning reads.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use strum::IntoEnumIterator as _;

use super::Report;
use super::finding::{Check, Finding};

/// All that is written as it is in the path of an address.
const PATH: AsciiSet = NON_ALPHANUMERIC.remove(b'/').remove(b'.').remove(b'-').remove(b'_').remove(b'~');

/// The log of one run.
pub fn log(report: &Report) -> Value {
    let rules: Vec<Value> = Check::iter().map(rule).collect();
    let results: Vec<Value> = report.findings.iter().map(result).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": { "name": "flinkk8soperator", "version": env!("CARGO_PKG_VERSION"), "rules": rules } },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn rule(check: Check) -> Value {
    json!({ "id": check.id(), "shortDescription": { "text": check.description() } })
}

fn result(finding: &Finding) -> Value {
    json!({
        "ruleId": finding.check.id(),
        "level": finding.severity.word(),
        "message": { "text": finding.message() },
        "locations": [{
            "physicalLocation": {
                "artifactLocation": { "uri": uri(&finding.file) },
                "region": { "startLine": finding.line, "startColumn": finding.column },
            },
        }],
    })
}

/// Relative to where the program was called, as the file was given.
fn uri(file: &str) -> String {
    let path = utf8_percent_encode(file.strip_prefix("./").unwrap_or(file), &PATH).to_string();
    if path.starts_with('/') { format!("file://{path}") } else { path }
}
