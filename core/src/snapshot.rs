//! All that a step may look at. Whatever is not in here does not exist for the core, so a recorded
//! snapshot replays to the same step on any machine.

mod flink;
mod objects;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use flink::{
    Checkpoint, Checkpoints, FlinkNeeds, FlinkSeen, Job, JobState, ListedJob, Overview, Retention, SavepointNeed,
    SavepointSeen, Tasks,
};
pub use objects::{ClusterObjects, DeploymentSeen, IngressSeen, Objects, PodTrouble, ServiceSeen, Written};

use crate::adopt::Left;
use crate::application::Application;
use crate::effect::EffectKey;
use crate::id::RevisionId;
use crate::memory::Memory;
use crate::policy::Policy;

/// One look at the world, complete for one call of [`crate::step()`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    /// The time of the look; the core knows no other clock.
    pub now: Timestamp,
    /// Since when this operator has been watching the application. No deadline passes while nobody watches: what
    /// happened meanwhile is seen only now. None where that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watching_since: Option<Timestamp>,
    /// The operator's own configuration.
    #[serde(default)]
    pub policy: Policy,
    /// The resource as the user left it, without its status.
    pub application: Application,
    /// What the status told.
    pub memory: Remembered,
    /// What [`crate::needs()`] asked to see.
    #[serde(default)]
    pub observed: Observed,
    /// What became of the effects of the step before, if this process performed them.
    #[serde(default, skip_serializing_if = "Report::is_empty")]
    pub report: Report,
}

/// The memory read back from the status.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Remembered {
    /// The status was understood.
    Known(Box<Memory>),
    /// The original operator wrote it, in the middle of something: it must be found out what became of that.
    Left(Box<Left>),
    /// The status says something that this version does not understand; it must not be overwritten.
    Unreadable(String),
}

/// The answer to one question of [`Needs`]. Absent and Unreachable are different things.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Seen<T> {
    /// The question was not asked.
    #[default]
    NotAsked,
    /// The other side answered: there is no such thing.
    Absent,
    /// No answer, or none that could be understood.
    Unreachable(Trouble),
    /// There it is.
    Present(T),
}

impl<T> Seen<T> {
    /// Nobody asked.
    pub fn is_not_asked(&self) -> bool {
        matches!(self, Seen::NotAsked)
    }

    /// Nobody answered.
    pub fn is_unreachable(&self) -> bool {
        matches!(self, Seen::Unreachable(_))
    }

    /// The thing, if it was seen.
    pub fn present(&self) -> Option<&T> {
        match self {
            Seen::Present(thing) => Some(thing),
            Seen::NotAsked | Seen::Absent | Seen::Unreachable(_) => None,
        }
    }
}

/// A failed look or effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Trouble {
    /// Who can do something about it.
    pub class: TroubleClass,
    /// The call that failed, as the original names it (`SubmitJob`, `GetClusterOverview`, ...).
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub method: String,
    /// The root cause in one line.
    pub message: String,
}

/// The three classes of errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum TroubleClass {
    /// Transport, 5xx, 409, 429: the same call may succeed later.
    TryAgain,
    /// A bad program or a bad spec: the same call fails until the user changes something.
    UsersFault,
    /// An answer that should not exist: a bug of the operator.
    OurBug,
}

/// What to observe for the next step.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Needs {
    /// The application's Deployments, Services, Ingress and pods.
    pub objects: bool,
    /// The Deployments as they are written, to compare them with a spec.
    #[serde(default)]
    pub written: bool,
    /// The jobs that every JobManager of the application knows.
    #[serde(default)]
    pub jobs: bool,
    /// Questions to Flink, by the revision whose JobManager is asked.
    pub flink: BTreeMap<RevisionId, FlinkNeeds>,
}

impl Needs {
    /// Whether the answers to `asked` hold all the answers to these.
    pub fn are_met_by(&self, asked: &Self) -> bool {
        let Self { objects, written, jobs, flink } = self;
        let of_flink = |(revision, needs): (&RevisionId, &FlinkNeeds)| {
            asked.flink.get(revision).is_some_and(|asked| needs.are_met_by(asked))
        };
        *objects <= asked.objects && *written <= asked.written && *jobs <= asked.jobs && flink.iter().all(of_flink)
    }
}

/// The answers to [`Needs`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Observed {
    /// The owned Kubernetes objects.
    pub objects: Seen<Objects>,
    /// The owned Deployments as they are written, by the revision that their labels name.
    #[serde(skip_serializing_if = "Seen::is_not_asked")]
    pub written: Seen<BTreeMap<RevisionId, Written>>,
    /// What each JobManager lists, by revision; only those are asked whose Deployment exists.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub jobs: BTreeMap<RevisionId, Seen<Vec<ListedJob>>>,
    /// Flink's answers, by revision.
    pub flink: BTreeMap<RevisionId, FlinkSeen>,
}

/// What became of the effects of the step before.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Report {
    /// Effects that failed. An effect that succeeded shows in what is observed.
    pub failed: BTreeMap<EffectKey, Trouble>,
}

impl Report {
    /// Nothing failed, or nothing was done.
    pub fn is_empty(&self) -> bool {
        self.failed.is_empty()
    }

    /// The worst trouble: the user's fault before a bug of ours before what may pass.
    pub fn worst(&self) -> Option<&Trouble> {
        let by = |class| self.failed.values().find(|trouble| trouble.class == class);
        by(TroubleClass::UsersFault).or_else(|| by(TroubleClass::OurBug)).or_else(|| by(TroubleClass::TryAgain))
    }
}
