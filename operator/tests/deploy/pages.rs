//! The pages about installing and operating say what is there.

use std::collections::BTreeSet;

use super::rendered::{path, text};

const PAGES: [&str; 4] = ["install", "operate", "security", "images"];

/// The words between backticks.
fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

#[test]
fn every_reason_that_is_explained_exists() {
    let page = text("docs/operate.md");
    let table = page.split("## By reason").nth(1).unwrap().split("\n## ").next().unwrap();
    let rows: Vec<_> = table.lines().filter(|line| line.starts_with("| `")).collect();
    assert!(rows.len() > 15);
    let known: BTreeSet<_> = ["docs/state-machine.md", "docs/events.md"]
        .into_iter()
        .flat_map(|page| text(page).lines().map(str::to_owned).collect::<Vec<_>>())
        .filter_map(|line| Some(line.strip_prefix("| ")?.split(' ').next()?.to_owned()))
        .collect();
    let conditions = text("core/src/conditions.rs");
    for row in rows {
        for reason in quoted(row.split(" | ").next().unwrap()) {
            let exists = known.contains(reason) || conditions.contains(&format!("\"{reason}\""));
            assert!(exists, "docs/operate.md explains {reason}, which nothing says");
        }
    }
}

#[test]
fn every_file_that_is_named_exists() {
    for page in PAGES {
        let text = text(&format!("docs/{page}.md"));
        let links = text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next());
        for link in links.filter(|link| !link.is_empty() && !link.contains("://")) {
            assert!(path("docs").join(link).exists(), "docs/{page}.md leads to {link}");
        }
        let words = text.split_whitespace().map(|word| word.trim_matches(['`', ',', '.', ';', ')', '(', ':']));
        for word in words.filter(|word| word.starts_with("deploy/") || word.starts_with("fixtures/")) {
            assert!(path(word).exists(), "docs/{page}.md names {word}");
        }
    }
}
