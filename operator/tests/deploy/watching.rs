//! Dashboards and alerts ask for metrics that exist.

use std::collections::BTreeSet;

use serde_json::Value;

use super::rendered::{path, text};

const PREFIX: &str = "flinkk8soperator_";

/// The operator's own metrics, and the series of those that are histograms.
fn documented() -> BTreeSet<String> {
    let page = text("docs/metrics.md");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `").filter(|row| row.starts_with(PREFIX)));
    rows.flat_map(|row| {
        let (name, rest) = row.split_once('`').unwrap();
        let ends: &[&str] = if rest.contains("| histogram |") { &["_bucket", "_sum", "_count"] } else { &[""] };
        ends.iter().map(move |end| format!("{name}{end}"))
    })
    .collect()
}

/// The metrics that a query asks for.
fn asked(query: &str) -> BTreeSet<String> {
    let words = query.split(|sign: char| !sign.is_ascii_alphanumeric() && sign != '_' && sign != ':');
    words.filter(|word| word.starts_with(PREFIX)).map(str::to_owned).collect()
}

/// All queries of a dashboard.
fn queries(value: &Value, found: &mut Vec<String>) {
    for (key, field) in value.as_object().into_iter().flatten() {
        match field.as_str() {
            Some(text) if key == "expr" || key == "query" => found.push(text.to_owned()),
            Some(_) | None => queries(field, found),
        }
    }
    value.as_array().into_iter().flatten().for_each(|item| queries(item, found));
}

fn rules() -> Vec<Value> {
    let file: Value = serde_saphyr::from_str(&text("deploy/alerts/flinkk8soperator.yaml")).unwrap();
    let groups = file["groups"].as_array().unwrap().iter();
    groups.flat_map(|group| group["rules"].as_array().unwrap().clone()).collect()
}

fn brackets_match(query: &str) -> bool {
    let mut open = Vec::new();
    for sign in query.chars() {
        match sign {
            '(' => open.push(')'),
            '{' => open.push('}'),
            '[' => open.push(']'),
            ')' | '}' | ']' if open.pop() != Some(sign) => return false,
            _ => {}
        }
    }
    open.is_empty()
}

#[test]
fn every_metric_of_a_dashboard_is_documented() {
    let known = documented();
    for file in std::fs::read_dir(path("deploy/dashboards")).unwrap() {
        let file = file.unwrap().path();
        let dashboard: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
        let (mut all, mut ids) = (Vec::new(), BTreeSet::new());
        queries(&dashboard, &mut all);
        assert!(all.len() > 10);
        for query in all {
            assert!(asked(&query).is_subset(&known), "{file:?}: {query}");
            assert!(brackets_match(&query), "{file:?}: {query}");
        }
        for panel in dashboard["panels"].as_array().unwrap() {
            assert!(ids.insert(panel["id"].as_u64()), "two panels have the id {}", panel["id"]);
        }
    }
}

#[test]
fn every_metric_of_an_alert_is_documented() {
    let known = documented();
    for rule in rules() {
        let query = rule["expr"].as_str().unwrap();
        assert!(!asked(query).is_empty(), "{query}");
        assert!(asked(query).is_subset(&known), "{query}");
        assert!(brackets_match(query), "{query}");
    }
}

#[test]
fn every_phase_and_health_of_an_alert_exists() {
    let machine = text("docs/state-machine.md");
    for rule in rules() {
        let query = rule["expr"].as_str().unwrap();
        let phases = query.split("phase=").nth(1).map(|rest| rest.split('"').nth(1).unwrap());
        for phase in phases.into_iter().flat_map(|all| all.split('|')) {
            assert!(phase == "Unreadable" || machine.contains(&format!("\n## {phase}\n")), "{query}");
        }
        let health = query.split("health=").nth(1).map(|rest| rest.split('"').nth(1).unwrap());
        assert!(health.is_none_or(|health| ["Green", "Yellow", "Red", "Unknown"].contains(&health)), "{query}");
    }
}

#[test]
fn every_alert_says_what_to_do() {
    let mut names = BTreeSet::new();
    for rule in rules() {
        let name = rule["alert"].as_str().unwrap();
        assert!(names.insert(name.to_owned()), "{name} is there twice");
        for annotation in ["summary", "runbook"] {
            let text = rule["annotations"][annotation].as_str().unwrap_or_default();
            assert!(text.ends_with('.') && text.len() > 20, "{name}: {annotation}");
        }
        assert!(["warning", "critical"].contains(&rule["labels"]["severity"].as_str().unwrap()), "{name}");
    }
    let page = text("docs/operate.md");
    for name in names {
        assert!(page.contains(&format!("`{name}`")), "docs/operate.md does not name {name}");
    }
}
