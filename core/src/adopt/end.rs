//! How what the original left may go on.

use std::collections::BTreeMap;

use super::content::{self, Asked};
use super::jobs::{Found, Pair};
use super::left::{self, Left, LeftIn};
use super::{hash, relabelled, revision};
use crate::application::{Application, Spec};
use crate::backoff;
use crate::health::JobFigures;
use crate::id::{Digest, JobId, RevisionId};
use crate::memory::{Deployed, Failure, JobHolder, Ledger, Memory, Revision, Stopped};
use crate::phase::{Deleting, DeployFailed, DualRunning, Phase, RollingBackJob, Running};
use crate::rule::Rule;
use crate::snapshot::{Snapshot, Written};
use crate::step::{EventReason, Step};

/// A job that nobody knows: Flink's answer to a question about it is that there is none.
const NO_JOB: &str = "00000000000000000000000000000000";

/// What was seen, and what it was seen for.
pub(super) struct End<'a> {
    pub snapshot: &'a Snapshot,
    pub left: &'a Left,
    /// The deployed revision, by the name under which its Deployments are known now.
    deployed: Option<Revision>,
}

impl Found {
    fn deployed(self, restored_from: Option<String>) -> Deployed {
        let Found { revision, job } = self;
        Deployed { revision, job, next_stop: 1, restored_from, attempt: 0, given_up: false, stop_asked: false }
    }
}

impl<'a> End<'a> {
    pub fn new(snapshot: &'a Snapshot, left: &'a Left) -> Self {
        let label = |id: &RevisionId| relabelled(&snapshot.application, id, snapshot.observed.written.present()?);
        let known = |revision: &Revision| Revision {
            id: label(&revision.id).unwrap_or_else(|| revision.id.clone()),
            ..revision.clone()
        };
        Self { snapshot, left, deployed: left.deployed.as_ref().map(known) }
    }

    /// A job runs: it is the deployed one.
    pub fn runs(&self, found: Found, restored_from: Option<String>) -> Step {
        self.runs_with(found, restored_from, None)
    }

    /// One version runs; the other one was torn down. It is not deployed again, unless by an edit.
    pub fn runs_after_teardown(
        &self,
        found: Found,
        torn_down: &RevisionId,
        written: &BTreeMap<RevisionId, Written>,
    ) -> Step {
        let is_it = |spec: &&Spec| {
            let asked = self.asked(spec);
            let runs = written.get(&found.revision.id).map(|it| content::difference(&asked, &found.revision, it));
            runs != Some(None) && hash::is_of(&asked, true, torn_down)
        };
        let spec = self.app().spec.as_deref().ok().filter(is_it);
        self.runs_with(found, None, spec.map(|spec| spec.digest().clone()))
    }

    fn runs_with(&self, found: Found, restored_from: Option<String>, torn_down: Option<Digest>) -> Step {
        let text = format!("Job {} of revision {} is taken over.", found.job, found.revision.id);
        let job = self.figures(&found.revision.id);
        let failed = self.given_up(Some(&found.revision));
        let deployed = found.deployed(restored_from);
        let holders = self.with_second(vec![deployed.holder()]);
        let ledger = Ledger { deployed: Some(deployed), job, failed, torn_down, ..Ledger::default() };
        if self.is_deleting() {
            return self.deletes(ledger, holders);
        }
        let since = self.snapshot.now;
        let (rule, phase) = match &ledger.failed {
            None => (Rule::OriginalTakenOver, Phase::Running(Running { since })),
            Some(_) => (Rule::OriginalFailureTakenOver, Phase::DeployFailed(DeployFailed { since })),
        };
        rule.to(Memory { phase, ledger }).because(text)
    }

    /// Both versions run, until the user names the one that is to be torn down.
    pub fn both_run(&self, (first, second): Pair) -> Step {
        let text = format!(
            "Jobs {} of {} and {} of {} are taken over.",
            first.job, first.revision.id, second.job, second.revision.id
        );
        let (job, second_job) = (self.figures(&first.revision.id), self.figures(&second.revision.id));
        let (first, second) = (first.deployed(None), second.deployed(self.left.savepoint.clone()));
        let holders = vec![first.holder(), second.holder()];
        let ledger = Ledger { deployed: Some(first), second: Some(second), job, second_job, ..Ledger::default() };
        if self.is_deleting() {
            return self.deletes(ledger, holders);
        }
        let phase = Phase::DualRunning(DualRunning { since: self.snapshot.now, tearing: None });
        Rule::OriginalPairTakenOver.to(Memory { phase, ledger }).because(text)
    }

    /// No job runs: the next one starts from `state`.
    pub fn has_no_job(&self, last: Option<JobId>, state: Option<String>) -> Step {
        let job = last.unwrap_or_else(|| JobId::known(NO_JOB));
        let text = match &state {
            Some(path) => format!("No job runs; the next one starts from {path}."),
            None => "No job runs, and the status names no savepoint.".to_owned(),
        };
        let figures = self.left.figures.clone().filter(|_| state.is_none());
        // Without a savepoint the job counts as lost, and its newest checkpoint is looked for.
        let stopped = state.map(|path| Stopped { job: job.clone(), state: Some(path) });
        let deployed = self.deployed.clone().map(|revision| Found { revision, job }.deployed(None));
        let failed = self.given_up(None);
        let ledger = Ledger { deployed, stopped, job: figures, failed, ..Ledger::default() };
        if self.is_deleting() {
            return self.deletes(ledger, self.with_second(Vec::new()));
        }
        let since = self.snapshot.now;
        if self.can_roll_back(&ledger) {
            let at = RollingBackJob { since, clear: None, launch: None, tries: Default::default() };
            return Rule::OriginalRollbackGoesOn.to(Memory { phase: Phase::RollingBackJob(at), ledger }).because(text);
        }
        let phase = Phase::DeployFailed(DeployFailed { since });
        Rule::OriginalStopped.to(Memory { phase, ledger }).because(text)
    }

    /// The status says what the job before was made of, and from which state it is to start again.
    fn can_roll_back(&self, ledger: &Ledger) -> bool {
        let plan = ledger.deployed.as_ref().map(|deployed| &deployed.revision.job);
        let is_told = plan.is_some_and(|plan| !plan.jar_name.is_empty());
        self.left.phase == LeftIn::RollingBackJob && ledger.failed.is_some() && ledger.stopped.is_some() && is_told
    }

    pub fn begins_anew(&self, holder: Option<Found>) -> Step {
        if self.is_deleting() {
            let holders = holder.map(|found| found.deployed(None).holder()).into_iter().collect();
            return self.deletes(Ledger::default(), self.with_second(holders));
        }
        Rule::OriginalBegunAnew.to(Memory::default())
    }

    fn deletes(&self, mut ledger: Ledger, holders: Vec<JobHolder>) -> Step {
        (ledger.job, ledger.second_job, ledger.failed) = (None, None, None);
        let at = Deleting { since: self.snapshot.now, holders, target: None, tries: Default::default(), blocked: None };
        Rule::OriginalDeletionHeard.to(Memory { phase: Phase::Deleting(at), ledger })
    }

    /// A deletion ends the other version's job too.
    fn with_second(&self, mut holders: Vec<JobHolder>) -> Vec<JobHolder> {
        let second = self.left.second_job().map(|found| found.deployed(None).holder());
        holders.extend(second.filter(|second| holders.iter().all(|holder| holder.revision != second.revision)));
        holders
    }

    pub fn awaits(&self, why: &str) -> Step {
        let poll = backoff::after(self.snapshot.now, 1_000);
        let text = format!(
            "{why}; until that is known, what the original operator left in {} is not touched",
            self.left.phase
        );
        Rule::OriginalAwaited.stay().because(text.clone()).note(EventReason::TakeoverAwaited, text).wake_at(poll)
    }

    /// The savepoint has had all the time that a savepoint of ours would have.
    pub fn is_late(&self) -> bool {
        let watched = self.snapshot.watching_since.map_or(self.left.since, |since| since.max(self.left.since));
        self.snapshot.now >= backoff::after(watched, self.snapshot.policy.savepoint_timeout_ms)
    }

    /// The deploy that the original had given up when it left the job before it, running or not.
    fn given_up(&self, running: Option<&Revision>) -> Option<Failure> {
        let is_the_former = running.is_none_or(|it| self.deployed.as_ref().is_some_and(|former| former.id == it.id));
        match self.left.phase {
            LeftIn::DeployFailed => self.left.failed.clone(),
            LeftIn::RollingBackJob => self.rolled_back(),
            LeftIn::Updating
            | LeftIn::ClusterStarting
            | LeftIn::Rescaling
            | LeftIn::Savepointing
            | LeftIn::Cancelling
            | LeftIn::Recovering
            | LeftIn::SubmittingJob
            | LeftIn::Running
            | LeftIn::DualRunning
            | LeftIn::Deleting => None,
        }
        .filter(|_| is_the_former)
    }

    /// A rollback gives up the spec that another cluster was made of; not one that was edited since.
    fn rolled_back(&self) -> Option<Failure> {
        let (spec, former) = (self.app().spec.as_ref().ok()?, self.deployed.as_ref()?);
        let (asked, written) = (self.asked(spec), self.snapshot.observed.written.present()?);
        let is_it = |(id, written): &(&RevisionId, &Written)| {
            let other = revision((*id).clone(), spec.job.clone(), former.colour);
            **id != former.id && content::difference(&asked, &other, written).is_none()
        };
        let (id, _) = written.iter().find(is_it)?;
        Some(Failure {
            digest: Some(spec.digest().clone()),
            revision: Some(id.clone()),
            generation: self.app().generation,
            reason: LeftIn::RollingBackJob.to_string(),
            message: format!(
                "The original operator gave up the deploy of {id}; its events may say why. Mend the cause and edit the \
                 spec (restartNonce will do) to try again."
            ),
            time: self.snapshot.now,
        })
    }

    fn figures(&self, of: &RevisionId) -> Option<JobFigures> {
        match self.left.second.as_ref().filter(|second| second.revision.id == *of) {
            Some(second) => second.figures.clone(),
            None => self.left.figures.clone(),
        }
    }

    fn is_deleting(&self) -> bool {
        left::is_deleting(self.app(), self.left)
    }

    fn app(&self) -> &'a Application {
        &self.snapshot.application
    }

    fn asked<'s>(&self, spec: &'s Spec) -> Asked<'s>
    where
        'a: 's,
    {
        Asked { app: self.app(), spec, policy: &self.snapshot.policy }
    }
}
