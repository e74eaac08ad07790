//! What a record tells the page: the decision in words, and what the application has.

use flink_operator_core::application::Colour;
use flink_operator_core::memory::Memory;
use flink_operator_core::record::Record;
use flink_operator_core::snapshot::Snapshot;
use flink_operator_core::status;
use flink_operator_core::step::Step;
use jiff::Timestamp;
use serde::Serialize;

use crate::explain::account::{self, Failed, Running, Target, memory};
use crate::plan;
use crate::savepoints::known::{self, State};

/// A decision.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Told {
    /// Its number in this process.
    pub id: u64,
    /// When it was taken first.
    pub time: Timestamp,
    /// When it was taken last.
    pub last: Timestamp,
    /// How often, since the application came into its phase.
    pub times: u32,
    /// The phase in which it was taken.
    pub phase: String,
    /// The phase that it moved to, where that is another one.
    pub moves_to: Option<String>,
    /// The rule.
    pub rule: String,
    /// When that fires.
    pub when: &'static str,
    /// The particulars.
    pub why: Option<String>,
    /// What it did.
    pub does: Vec<String>,
    /// What it told.
    pub tells: Vec<String>,
    /// The revision in question.
    pub revision: Option<String>,
    /// The generation of the spec.
    pub generation: i64,
}

impl Told {
    /// What is told of a decision, with nothing in it that the record has not.
    pub fn of(record: &Record, taken: &Step) -> Self {
        // Where the redacted snapshot leads elsewhere, the decision's own texts may hold what was taken out.
        let step = record.step.as_ref().map(|_| record.decide());
        let phase = account::phase_of(&record.snapshot);
        let mut tells: Vec<String> = step.iter().flat_map(Step::notes).map(|note| note.message.clone()).collect();
        tells.dedup();
        Self {
            id: 0,
            time: record.snapshot.now,
            last: record.snapshot.now,
            times: 1,
            moves_to: taken.next().map(|memory| memory.phase.name().to_string()).filter(|to| *to != phase),
            rule: taken.rule().to_string(),
            when: taken.rule().edge().when,
            why: step.as_ref().and_then(|step| step.why().map(str::to_owned)),
            does: step.iter().flat_map(Step::effects).map(plan::says).collect(),
            tells,
            revision: revision(&record.snapshot),
            generation: record.snapshot.application.generation,
            phase,
        }
    }

    /// Whether this is the same once more.
    pub fn repeats(&self, other: &Self) -> bool {
        let stays = self.moves_to.is_none() && other.moves_to.is_none();
        stays
            && (&self.rule, &self.why, &self.does, &self.phase) == (&other.rule, &other.why, &other.does, &other.phase)
    }
}

/// That of the deploy under way, or of what is deployed.
fn revision(snapshot: &Snapshot) -> Option<String> {
    let Memory { phase, ledger } = memory(snapshot)?;
    let deployed = || ledger.deployed.as_ref().map(|it| (it.revision.id.to_string(), it.revision.number));
    let (id, deploy) = account::target(phase).map(|it| (it.revision, it.deploy)).or_else(deployed)?;
    Some(format!("{id}, deploy {deploy}"))
}

/// What an application has.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Facts {
    /// When it was looked at.
    time: Timestamp,
    /// The versions that are deployed.
    deployed: Vec<Running>,
    /// What is being deployed.
    target: Option<Target>,
    /// The deploy that failed last.
    failed: Option<Failed>,
    /// Savepoints and checkpoints.
    states: Vec<State>,
    /// Flink's web pages.
    links: Vec<Link>,
}

#[derive(Debug, Serialize)]
struct Link {
    words: String,
    url: String,
}

impl Facts {
    /// As this record knows it; None where it has no memory of ours.
    pub fn of(record: &Record) -> Option<Self> {
        let snapshot = &record.snapshot;
        let Memory { phase, ledger } = memory(snapshot)?;
        let colours = ledger.deployed.iter().chain(&ledger.second).map(|version| version.revision.colour);
        Some(Self {
            time: snapshot.now,
            deployed: account::deployed(snapshot, ledger),
            target: account::target(phase),
            failed: account::failed(ledger),
            states: known::all(snapshot),
            links: colours.filter_map(|colour| link(snapshot, colour)).collect(),
        })
    }
}

fn link(snapshot: &Snapshot, colour: Option<Colour>) -> Option<Link> {
    let url = status::external_url(&snapshot.application, &snapshot.policy, colour)?;
    let of_version = colour.map_or(String::new(), |colour| format!(" ({colour})"));
    // An Ingress is known by its host alone.
    let url = if url.contains("://") { url } else { format!("http://{url}") };
    Some(Link { words: format!("Flink's web page{of_version}"), url: format!("{url}/#/overview") })
}
