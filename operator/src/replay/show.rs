//! Replayed records, for people and for programs.

use flink_operator_core::record::{Difference, Record};
use flink_operator_core::snapshot::Remembered;
use flink_operator_core::step::Wake;
use serde_json::{Value, json};

use super::{Count, Replayed};

/// Longer values are cut for people; programs get them whole.
const SHOWN: usize = 160;

/// For people.
pub fn text(replayed: &Replayed) -> String {
    let Replayed { place, record, step, .. } = replayed;
    let app = &record.snapshot.application;
    let mut lines = vec![
        place.clone(),
        format!("  {}/{} in {} at {}", app.namespace, app.name, phase(record), record.snapshot.now),
        format!("  rule    {}: {}", step.rule(), step.rule().edge().when),
    ];
    lines.extend(step.why().map(|why| format!("  because {why}")));
    lines.extend(step.next().map(|memory| format!("  moves   to {}", memory.phase.name())));
    lines.extend(step.effects().iter().map(|effect| format!("  does    {}", effect.key().0)));
    lines.extend(step.notes().iter().map(|note| format!("  tells   {}: {}", note.reason, note.message)));
    if step.rests() {
        lines.push(match step.wake() {
            Wake::At(at) => format!("  looks   again at {at}, or when something changes"),
            Wake::OnChange => "  looks   again when something changes".to_owned(),
        });
    }
    lines.extend(compared(replayed));
    lines.join("\n")
}

fn phase(record: &Record) -> String {
    match &record.snapshot.memory {
        Remembered::Known(memory) => memory.phase.name().to_string(),
        Remembered::Left(left) => format!("{} of the original operator", left.phase),
        Remembered::Unreadable(_) => "a phase that cannot be read".to_owned(),
    }
}

fn compared(replayed: &Replayed) -> Vec<String> {
    let version = &replayed.record.version;
    let who = if version.is_empty() { "an earlier version".to_owned() } else { format!("version {version}") };
    match &replayed.differences {
        None => vec!["  nothing was recorded to compare with".to_owned()],
        Some(none) if none.is_empty() => vec![format!("  as {who} decided")],
        Some(differences) => {
            let mut lines =
                vec![format!("  OTHERWISE than {who} decided (-); version {} (+):", env!("CARGO_PKG_VERSION"))];
            lines.extend(differences.iter().flat_map(difference));
            lines
        }
    }
}

fn difference(difference: &Difference) -> impl Iterator<Item = String> {
    let line = |sign: char, value: &Value| {
        (!value.is_null()).then(|| format!("    {sign} {}: {}", difference.field, short(value)))
    };
    [line('-', &difference.recorded), line('+', &difference.decided)].into_iter().flatten()
}

fn short(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match text.char_indices().nth(SHOWN) {
        Some((at, _)) => format!("{}… ({} bytes)", text.get(..at).unwrap_or_default(), text.len()),
        None => text,
    }
}

/// For programs: one line.
pub fn json(replayed: &Replayed) -> serde_json::Result<String> {
    let Replayed { place, record, today, differences, .. } = replayed;
    let app = &record.snapshot.application;
    serde_json::to_string(&json!({
        "place": place,
        "application": format!("{}/{}", app.namespace, app.name),
        "now": record.snapshot.now,
        "version": record.version,
        "recorded": record.step,
        "decided": today,
        "same": replayed.same(),
        "differences": differences,
    }))
}

/// How it came out, in one line.
pub fn summary(count: &Count) -> String {
    let parts = [
        (count.as_recorded, "decided as recorded"),
        (count.otherwise, "OTHERWISE"),
        (count.nothing_recorded, "with nothing recorded to compare with"),
        (count.unreadable, "not readable"),
    ];
    let parts = parts.into_iter().filter(|(number, _)| *number > 0);
    let parts: Vec<String> = parts.map(|(number, what)| format!("{number} {what}")).collect();
    format!("{}: {}", records(count.readable() + count.unreadable), parts.join(", "))
}

/// `1 record`, `2 records`.
pub fn records(number: usize) -> String {
    format!("{number} record{}", if number == 1 { "" } else { "s" })
}
