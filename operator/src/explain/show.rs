//! An account for a person.

use std::fmt::Write as _;

use jiff::Timestamp;

use super::account::{Account, Decision, Running, Target, Then};
use super::happened::Happened;
use super::words::{moment, span};

/// How many events are shown; programs get all.
const EVENTS: usize = 20;

/// Of a step that waits for nothing.
const NOW: &str = "The operator does this at once. If it stays so, look whether one runs and watches this namespace.";

/// All of it, part by part.
pub fn text(account: &Account) -> String {
    let now = account.now;
    let since =
        account.since.map_or(String::new(), |since| format!(" for {} (since {})", span(since, now), moment(since)));
    let mut text = format!("{} is in {}{since}\n", account.application, account.phase);
    part(&mut text, "Why", why(&account.decision));
    part(&mut text, "What happens next", next(account));
    part(&mut text, "What runs", account.deployed.iter().flat_map(|version| running(version, now)).collect());
    part(&mut text, "What is being deployed", account.target.iter().flat_map(target).collect());
    part(&mut text, "What failed last", failed(account));
    part(&mut text, "What stands in the way", hindrances(account));
    part(&mut text, "What happened", account.events.iter().flat_map(|events| timeline(events, now)).collect());
    text
}

/// A title and its lines; nothing where there are none.
fn part(text: &mut String, title: &str, lines: Vec<String>) {
    if !lines.is_empty() {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "\n{title}");
        lines.iter().for_each(|line| {
            let _ = writeln!(text, "  {line}");
        });
    }
}

fn why(decision: &Decision) -> Vec<String> {
    let rule = format!("{}: {}", decision.rule, decision.when);
    std::iter::once(rule).chain(decision.why.clone()).collect()
}

fn next(account: &Account) -> Vec<String> {
    let decision = &account.decision;
    if decision.moves_to.is_some() || !decision.does.is_empty() {
        let mut lines = vec![NOW.to_owned()];
        lines.extend(consequences(decision));
        return lines;
    }
    let looks = match account.looks_again {
        Some(at) => format!("It looks again in {}, or when something changes.", span(account.now, at)),
        None => "It looks again when something changes.".to_owned(),
    };
    let mut lines = vec![looks];
    match &account.then {
        None | Some(Then::Rest) => lines.push("If nothing changes, it stays as it is.".to_owned()),
        Some(Then::Unknown) => lines.push("It acts by itself in the far future, if at all.".to_owned()),
        Some(Then::Turn { at, decision }) => {
            let (time, left) = (moment(*at), span(account.now, *at));
            lines.push(format!("If nothing changes, in {left} ({time}):"));
            lines.push(format!("  {}: {}", decision.rule, decision.when));
            lines.extend(consequences(decision).map(|line| format!("  {line}")));
        }
    }
    lines
}

fn consequences(decision: &Decision) -> impl Iterator<Item = String> {
    let moves = decision.moves_to.iter().map(|phase| format!("moves to {phase}"));
    let does = decision.does.iter().map(|effect| format!("does {effect}"));
    let tells = decision.tells.iter().map(|message| format!("tells {message}"));
    moves.chain(does).chain(tells)
}

fn revision(target: &Target) -> String {
    let colour = target.colour.as_ref().map_or(String::new(), |colour| format!(", {colour}"));
    let Target { revision, deploy, generation, jar, parallelism, .. } = target;
    format!("revision {revision} (deploy {deploy}, generation {generation}{colour}): {jar}, parallelism {parallelism}")
}

fn running(version: &Running, now: Timestamp) -> Vec<String> {
    let mut parts = vec![match (&version.state, version.stopped) {
        (_, true) => "stopped by the operator".to_owned(),
        (Some(state), false) => state.clone(),
        (None, false) => "not known to its JobManager".to_owned(),
    }];
    if !version.stopped {
        parts.extend(version.health.clone());
        parts.extend(version.tasks.map(|(running, all)| format!("{running} of {all} tasks run")));
        parts.extend(version.restarts.map(|restarts| format!("{restarts} restarts")));
        parts.extend(version.started.map(|started| format!("started {} ago", span(started, now))));
    }
    let mut lines = vec![revision(&version.revision), format!("job {}: {}", version.job, parts.join(", "))];
    let from = version.revision.starts_from.as_deref();
    lines.push(from.map_or("it began without state".to_owned(), |from| format!("it began from {from}")));
    lines.extend(version.newest_state.as_ref().map(|state| format!("newest state: {}", state.line(now))));
    lines
}

fn target(target: &Target) -> Vec<String> {
    let mut lines = vec![revision(target)];
    if let Some(attempt) = target.attempt {
        let from = target.starts_from.as_deref().map_or("without state".to_owned(), |from| format!("from {from}"));
        lines.push(format!("submission {attempt}, {from}"));
    }
    lines
}

fn failed(account: &Account) -> Vec<String> {
    let Some(failed) = &account.failed else { return Vec::new() };
    let revision = failed.revision.as_ref().map_or("the spec".to_owned(), |revision| format!("revision {revision}"));
    let ago = span(failed.time, account.now);
    let what = format!("{revision} of generation {}, {ago} ago: {}", failed.generation, failed.reason);
    // Where nothing happened since, it is what stands in the way.
    let told_below = account.hindrances.iter().any(|it| it.what == failed.message);
    std::iter::once(what).chain((!told_below).then(|| failed.message.clone())).collect()
}

fn hindrances(account: &Account) -> Vec<String> {
    if account.hindrances.is_empty() {
        return vec!["Nothing that can be seen.".to_owned()];
    }
    let lines = account.hindrances.iter().flat_map(|it| {
        let advice = it.advice.iter().map(|advice| format!("  -> {advice}"));
        std::iter::once(it.what.clone()).chain(advice).collect::<Vec<_>>()
    });
    lines.collect()
}

fn timeline(events: &[Happened], now: Timestamp) -> Vec<String> {
    let mut lines = Vec::new();
    let skipped = events.len().saturating_sub(EVENTS);
    if skipped > 0 {
        lines.push(format!("… {skipped} earlier"));
    }
    for event in events.iter().skip(skipped) {
        let times = if event.count > 1 { format!(" (x{})", event.count) } else { String::new() };
        let warning = if event.kind == "Warning" { "! " } else { "" };
        let ago = format!("{} ago", span(event.time, now));
        lines.push(format!("{ago:<16}{warning}{}{times}: {}", event.reason, event.message));
    }
    if lines.is_empty() {
        lines.push("No events are kept.".to_owned());
    }
    lines
}
