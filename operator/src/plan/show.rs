//! A plan for a person.

use std::fmt::Write as _;

use serde_json::Value;

use super::change::{Change, Shapes};
use super::extra::Extra;
use super::forecast::{Forecast, Turn};
use super::outlook::{Downtime, Fall, FallibleStep, Plan, Start, WhichJob};
use super::room::Room;
use crate::explain::words::moment;
use crate::validate;

/// All of it, part by part.
pub fn text(plan: &Plan) -> String {
    let mut text = format!("Plan for {}, in {} (seen at {})\n", plan.application, plan.phase, moment(plan.now));
    part(&mut text, "What changes", changes(plan));
    part(&mut text, "Refused", plan.refused.iter().cloned().collect());
    if plan.refused.is_none() {
        part(&mut text, "The job", job(plan));
        part(&mut text, "What the operator does", turns(&plan.forecast.turns));
        part(&mut text, "How it ends", ends(&plan.forecast));
        part(&mut text, "Resources", resources(plan));
        plan.if_it_fails.iter().for_each(|it| part(&mut text, title(it.step), fall(plan, it)));
    }
    part(&mut text, "What the checks say", plan.findings.iter().map(validate::line).collect());
    text
}

/// A title and its lines; nothing where there are none.
fn part(text: &mut String, title: &str, lines: Vec<String>) {
    if !lines.is_empty() {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "\n{title}");
        lines.iter().flat_map(|line| line.lines()).for_each(|line| {
            let _ = writeln!(text, "  {line}");
        });
    }
}

fn changes(plan: &Plan) -> Vec<String> {
    if plan.changes.is_empty() {
        return vec!["Nothing in the resource.".to_owned()];
    }
    plan.changes.iter().map(change).collect()
}

fn change(change: &Change) -> String {
    let Change { field, from, to, shapes } = change;
    let why = match shapes {
        Shapes::Nothing => "shapes neither the job nor its cluster",
        Shapes::Parallelism => "shapes the size of the job",
        Shapes::Cluster => "shapes the job or its cluster",
    };
    match (from, to) {
        (Some(from), Some(to)) if from == to => format!("~ {field}: a secret in it, which is not shown ({why})"),
        (Some(from), Some(to)) => format!("~ {field}: {} -> {} ({why})", value(from), value(to)),
        (None, Some(to)) => format!("+ {field}: {} ({why})", value(to)),
        (Some(from), None) => format!("- {field}: {} ({why})", value(from)),
        (None, None) => format!("~ {field} ({why})"),
    }
}

fn value(value: &Value) -> String {
    value.to_string()
}

fn job(plan: &Plan) -> Vec<String> {
    let mut lines = vec![match (plan.job_restarts, plan.starts_from.is_some()) {
        (true, _) => "The running job is stopped, and a new one is started.".to_owned(),
        (false, true) => "A job is started; no running job is stopped.".to_owned(),
        (false, false) => "No job is stopped or started.".to_owned(),
    }];
    lines.extend(plan.starts_from.as_ref().map(|from| format!("It starts from {}.", start(plan, from))));
    lines.push(match (plan.downtime, plan.last_downtime) {
        (Downtime::None, _) => "Downtime: none, a job runs all the time.".to_owned(),
        (Downtime::NotKnown, last) => {
            let known = last.map_or("not known".to_owned(), |last| {
                format!("about {:.1} s, if it is as long as in the update of {}", last.seconds, moment(last.at))
            });
            format!("Downtime: {known}. It lasts from the stop of the old job until the tasks of the new one run.")
        }
    });
    lines
}

fn start(plan: &Plan, from: &Start) -> String {
    match from {
        Start::Empty => "nothing: it begins without state".to_owned(),
        Start::NewSavepoint { otherwise: None } => "a savepoint that is taken on the way".to_owned(),
        Start::NewSavepoint { otherwise: Some(state) } => {
            format!("a savepoint that is taken on the way; the newest state until then is {}", state.line(plan.now))
        }
        Start::Known { state } => state.line(plan.now),
    }
}

/// Phase by phase.
fn turns(turns: &[Turn]) -> Vec<String> {
    if turns.is_empty() {
        return vec!["Nothing.".to_owned()];
    }
    let mut lines = Vec::new();
    let mut phase = "";
    for turn in turns {
        if turn.phase != phase {
            phase = &turn.phase;
            lines.push(if phase == "New" { "New".to_owned() } else { phase.to_owned() });
        }
        let to = turn.moves_to.as_ref().map_or(String::new(), |to| format!(" -> {to}"));
        lines.push(format!("  {}{to}: {}", turn.rule, turn.when));
        lines.extend(turn.does.iter().map(|effect| format!("    {effect}")));
    }
    lines
}

fn ends(forecast: &Forecast) -> Vec<String> {
    let job = if forecast.job_runs { "a job runs" } else { "no job runs" };
    let rests = forecast.rests_in.as_deref().unwrap_or("nothing: the application is gone");
    match &forecast.waits_for {
        None => vec![format!("It rests in {rests}; {job}.")],
        Some(rule) => vec![format!("It stays in {rests}; {job}. It waits: {rule}")],
    }
}

fn resources(plan: &Plan) -> Vec<String> {
    let Extra { pods, cores, memory_mi_b, .. } = plan.peak_extra;
    if pods == 0 {
        return vec!["No pods beside those that run.".to_owned()];
    }
    let number = format!("{pods} pod{}", if pods == 1 { "" } else { "s" });
    let mut lines =
        vec![format!("At most, beside those that run: {number}, for {cores} cores and {memory_mi_b} MiB of memory.")];
    lines.extend(plan.room.iter().flat_map(room));
    lines
}

fn room(room: &Room) -> Vec<String> {
    let Room { lacks, not_looked_at } = room;
    let mut lines: Vec<String> = lacks.iter().map(|lack| format!("No room: {lack}.")).collect();
    if lacks.is_empty() && not_looked_at.is_empty() {
        lines.push("Quotas and nodes have room for them.".to_owned());
    }
    lines.extend(not_looked_at.iter().map(|what| format!("Not looked at: {what}.")));
    lines
}

fn title(step: FallibleStep) -> &'static str {
    match step {
        FallibleStep::Cluster => "If the new cluster does not start",
        FallibleStep::Savepoint => "If no savepoint can be taken",
        FallibleStep::Job => "If the new version does not start",
    }
}

fn fall(plan: &Plan, fall: &Fall) -> Vec<String> {
    let mut lines = turns(&fall.turns);
    let job = match fall.starts {
        Some(WhichJob::Old) => "The old job is started again",
        Some(WhichJob::New) | None => "The new job is started",
    };
    let from = fall.starts_from.as_ref().map(|from| match from {
        Start::Empty => format!("{job} without state."),
        Start::NewSavepoint { .. } => format!("{job} from the savepoint that was taken."),
        Start::Known { state } => format!("{job} from {}.", state.line(plan.now)),
    });
    lines.extend(from);
    let job = if fall.job_runs { "a job runs" } else { "no job runs" };
    lines.extend(fall.rests_in.as_ref().map(|phase| format!("It rests in {phase}; {job}.")));
    lines
}
