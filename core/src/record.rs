//! A record: one decision with all that led to it, fit to be replayed on any machine.
//!
//! A record holds no secrets: they are taken out of the snapshot before anything else is done with it, and the
//! decision in the record is the one on that redacted snapshot. So nothing else needs to be searched for secrets, and
//! the same core replays every record to the same decision. Two things make it the decision that was really taken:
//! the record keeps the digests of the spec and of its cluster as they were, because a redacted spec has others; and a redacted decision
//! that cites another rule, leads elsewhere or does other things is left out.

mod difference;
mod redact;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::application::Spec;
use crate::effect::{Effect, EffectKey};
use crate::id::Digest;
use crate::memory::Memory;
use crate::snapshot::Snapshot;
use crate::step::{Step, Wake};

pub use difference::Difference;

/// One decision: what was seen, what was decided, and by which version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// The version of the core that decided; empty where it is not known.
    #[serde(default)]
    pub version: String,
    /// The digest of the spec with its secrets; None where it had none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spec_digest: Option<Digest>,
    /// The digest of its cluster with its secrets; None where it had none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster_digest: Option<Digest>,
    /// What was seen, without secrets.
    pub snapshot: Snapshot,
    /// What was decided; None where nothing was recorded to compare with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<Decision>,
}

/// A step as it is recorded.
///
/// Names are plain texts and the memory is plain JSON, so that a record of another version can be compared even when
/// the rule, the phase or the effect that it names does not exist any more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Decision {
    /// The name of the rule.
    pub rule: String,
    /// The particulars of this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// The memory that it moves to; None when it stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Value>,
    /// What it asks for, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub effects: Vec<Deed>,
    /// What it tells.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Told>,
    /// When it looks again if nothing is heard before.
    pub wake: Wake,
}

/// An effect as it is recorded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Deed {
    /// Names what the effect brings about.
    pub key: EffectKey,
    /// The [`Effect`] in full; None where only its key was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
}

/// A note as it is recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Told {
    /// The event's reason.
    pub reason: String,
    /// One or two sentences.
    pub message: String,
}

impl Record {
    /// The record of a step and the snapshot that led to it.
    ///
    /// # Errors
    /// When the snapshot has no JSON form, or none that reads back.
    pub fn of(snapshot: &Snapshot, step: &Step) -> Result<Self, serde_json::Error> {
        let redacted = redact::snapshot(snapshot)?;
        let lost = |digest: fn(&Spec) -> &Digest| {
            let of = |snapshot: &Snapshot| snapshot.application.spec.as_ref().ok().map(|spec| digest(spec).clone());
            of(snapshot).filter(|written| of(&redacted).as_ref() != Some(written))
        };
        let (spec_digest, cluster_digest) = (lost(Spec::digest), lost(Spec::cluster_digest));
        let version = env!("CARGO_PKG_VERSION").to_owned();
        let mut record = Self { version, spec_digest, cluster_digest, snapshot: redacted, step: None };
        let again = record.decide();
        if amount_to_the_same(step, &again) {
            record.step = Some(Decision::of(&again)?);
        }
        Ok(record)
    }

    /// What this version of the core decides.
    pub fn decide(&self) -> Step {
        let digests = (self.spec_digest.as_ref(), self.cluster_digest.as_ref());
        if digests == (None, None) {
            return crate::step(&self.snapshot);
        }
        let mut snapshot = self.snapshot.clone();
        snapshot.application = snapshot.application.with_digests(digests.0, digests.1);
        crate::step(&snapshot)
    }

    /// Without the manifests that it asks for: they are long, and follow from the spec.
    pub fn brief(mut self) -> Self {
        for deed in self.step.iter_mut().flat_map(|step| &mut step.effects) {
            let of_manifest = ["create/", "point/"].iter().any(|verb| deed.key.0.starts_with(verb));
            deed.body = deed.body.take().filter(|_| !of_manifest);
        }
        self
    }
}

/// The same rule, phase and effects. Texts may differ in a secret.
fn amount_to_the_same(step: &Step, redacted: &Step) -> bool {
    let phase = |step: &Step| step.next().map(|memory: &Memory| memory.phase.name());
    let keys = |step: &Step| step.effects().iter().map(Effect::key).collect::<Vec<_>>();
    step.rule() == redacted.rule() && phase(step) == phase(redacted) && keys(step) == keys(redacted)
}

impl Decision {
    /// The form in which a step is recorded.
    ///
    /// # Errors
    /// When the memory or an effect has no JSON form.
    pub fn of(step: &Step) -> Result<Self, serde_json::Error> {
        let deed = |effect: &Effect| Ok(Deed { key: effect.key(), body: Some(serde_json::to_value(effect)?) });
        let notes = step.notes().iter();
        Ok(Self {
            rule: step.rule().to_string(),
            why: step.why().map(str::to_owned),
            next: step.next().map(serde_json::to_value).transpose()?,
            effects: step.effects().iter().map(deed).collect::<Result<_, serde_json::Error>>()?,
            notes: notes.map(|note| Told { reason: note.reason.to_string(), message: note.message.clone() }).collect(),
            wake: step.wake(),
        })
    }

    /// Where another decision on the same snapshot differs. An effect of which only the key was kept is compared by
    /// its key.
    ///
    /// # Errors
    /// When a decision has no JSON form.
    pub fn differences(&self, today: &Self) -> Result<Vec<Difference>, serde_json::Error> {
        let mut today = today.clone();
        for (recorded, deed) in self.effects.iter().zip(&mut today.effects) {
            if recorded.body.is_none() && recorded.key == deed.key {
                deed.body = None;
            }
        }
        Ok(difference::between(&serde_json::to_value(self)?, &serde_json::to_value(today)?))
    }
}
