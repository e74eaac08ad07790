//! What kubectl shows of an application, beside what it showed when `visible.txt` was written.

use std::path::Path;

use flink_operator_core::crd::FlinkApplication;
use jiff::Timestamp;

use crate::support::site::{Site, told};

/// What people look at is as it was. With E2E_WRITE set it is written instead, to be read in the diff.
pub fn is_as_it_was(site: &Site, first: &FlinkApplication, second: &FlinkApplication) {
    let columns = site.kubectl(&["get", "flinkapplication", "stateful"], "");
    let wide = site.kubectl(&["get", "flinkapplication", "stateful", "--output", "wide"], "");
    let described = site.kubectl(&["describe", "flinkapplication", "stateful"], "");
    let conditions = between(&described, "  Conditions:\n", "  Deploy Hash:");
    let events = between(&described, "Events:\n", "\u{0}");
    let text = [
        ("kubectl get", columns.as_str()),
        ("kubectl get --output wide", &wide),
        ("kubectl describe, the conditions", conditions),
        ("kubectl describe, the events", events),
    ];
    let names = [named(first, "FIRST"), named(second, "SECOND")].concat();
    let shown: String = text.map(|(what, text)| format!("{what}\n\n{}\n", the_same_in_each_run(text, &names))).concat();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cluster/visible.txt");
    if told("E2E_WRITE").is_some() {
        std::fs::write(&path, &shown).unwrap();
    }
    assert_eq!(shown, std::fs::read_to_string(&path).unwrap(), "E2E_WRITE=1 writes {} anew", path.display());
}

/// The ids of what is deployed, and words for them.
fn named(application: &FlinkApplication, word: &str) -> Vec<(String, String)> {
    let deployed = application.status.clone().unwrap().deployed.unwrap();
    vec![(deployed.job.to_string(), format!("{word}-JOB")), (deployed.revision.id.to_string(), word.to_owned())]
}

/// What lies between two texts.
fn between<'a>(text: &'a str, from: &str, to: &str) -> &'a str {
    let (_, text) = text.split_once(from).unwrap_or_else(|| panic!("no {from:?} in:\n{text}"));
    text.split_once(to).map_or(text, |(text, _)| text)
}

/// A column is as wide as what is in it, so the spaces between columns are always two.
fn the_same_in_each_run(text: &str, names: &[(String, String)]) -> String {
    let mut text = text.to_owned();
    for (id, name) in names {
        text = text.replace(id, name);
    }
    let line = |line: &str| {
        let columns = line.trim().split("  ").map(str::trim).filter(|column| !column.is_empty());
        let words = |column: &str| column.split(' ').map(word).collect::<Vec<_>>().join(" ");
        columns.map(words).collect::<Vec<_>>().join("  ") + "\n"
    };
    text.lines().map(line).collect()
}

fn word(word: &str) -> &str {
    let is_age = |word: &str| {
        word.starts_with(|first: char| first.is_ascii_digit())
            && word.ends_with(['s', 'm', 'h'])
            && word.trim_end_matches(['s', 'm', 'h']).chars().all(|it| it.is_ascii_digit() || it == 'm' || it == 'h')
    };
    match word {
        _ if is_age(word) => "AGE",
        _ if word.parse::<Timestamp>().is_ok() => "TIME",
        _ if word.contains("/savepoint-") => "SAVEPOINT",
        _ => word,
    }
}
