//! The state machine as a picture and a table, made of [`Rule::edge`]: the documentation cannot lie.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use strum::IntoEnumIterator as _;

use crate::phase::PhaseName;
use crate::rule::{Rule, To};

/// The moves from one phase to another, each with the rules that make it.
pub fn arrows() -> BTreeMap<(PhaseName, PhaseName), Vec<Rule>> {
    let mut arrows: BTreeMap<(PhaseName, PhaseName), Vec<Rule>> = BTreeMap::new();
    for rule in Rule::iter() {
        if let To::Phase(to) = rule.edge().to {
            for from in rule.edge().from.iter().filter(|from| **from != to) {
                arrows.entry((*from, to)).or_default().push(rule);
            }
        }
    }
    arrows
}

/// The moves between phases as a Mermaid state diagram; one arrow for each pair of phases.
pub fn mermaid() -> String {
    let mut text = String::from("stateDiagram-v2\n    [*] --> New\n");
    for ((from, to), rules) in arrows().iter().filter(|((_, to), _)| *to != PhaseName::Deleting) {
        let rules = rules.iter().map(ToString::to_string).collect::<Vec<_>>().join("<br/>");
        let _ = writeln!(text, "    {from} --> {to}: {rules}");
    }
    text.push_str("    note left of Deleting: every phase hears the deletion (DeletionHeard)\n    Deleting --> [*]\n");
    text
}

/// Every rule with its edge, as a Markdown table a phase.
pub fn tables() -> String {
    let mut text = String::new();
    for phase in PhaseName::iter() {
        let _ = write!(text, "\n## {phase}\n\n| Rule | Leads to | Effects | When |\n|---|---|---|---|\n");
        for rule in Rule::iter().filter(|rule| rule.edge().from.contains(&phase)) {
            row(&mut text, rule);
        }
    }
    text.push_str("\n## When the status is not ours, or cannot be read\n\n| Rule | Leads to | Effects | When |\n|---|---|---|---|\n");
    for rule in Rule::iter().filter(|rule| rule.edge().from.is_empty()) {
        row(&mut text, rule);
    }
    text
}

fn row(text: &mut String, rule: Rule) {
    let edge = rule.edge();
    let to = match edge.to {
        To::Stay => "stays".to_owned(),
        To::Same => "same phase".to_owned(),
        To::Phase(to) => to.to_string(),
    };
    let effects = edge.effects.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let _ = writeln!(text, "| {rule} | {to} | {effects} | {} |", edge.when);
}
