//! One scenario as it goes: who does what, which rules fire in which phase, and what they bring about.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use flink_operator_core::memory::{Deployed, Memory};
use flink_operator_core::phase::PhaseName;
use flink_operator_core::rule::{Rule, To};
use flink_operator_core::snapshot::Snapshot;
use flink_operator_fixtures::door::{Fault, Life, Moment, Turn};
use serde_json::Value;

use super::brief::briefly;
use super::rest;
use super::sight::Sight;
use super::words::{Names, of_edit, wrapped};
use crate::stories::*;

/// One row of a table.
pub struct Scenario {
    /// The line of the contract, the phase or the bug of the original that it is about.
    pub row: &'static str,
    pub name: &'static str,
    pub given: fn() -> Life,
    pub when: fn(&mut Tale),
}

/// A scenario that was told to its end.
pub struct Told {
    pub text: String,
    /// The first snapshot on which each rule fired.
    pub recorded: Vec<Snapshot>,
    broken: Vec<String>,
}

impl Told {
    /// The laws that were broken on the way.
    pub fn broken(&self) -> Vec<String> {
        self.broken.clone()
    }
}

impl Scenario {
    /// Tells it; `brief` leaves out what most updates have in common.
    pub fn tell(&self, brief: bool) -> Told {
        let mut tale = Tale::of((self.given)());
        (self.when)(&mut tale);
        tale.ends();
        let mut text = format!("{}  {}\n", self.row, self.name);
        let lines = if brief { briefly(&tale.lines) } else { tale.lines.clone() };
        lines.iter().for_each(|line| text += &format!("{line}\n"));
        let violations = tale.life.violations().into_iter().map(str::to_owned);
        let broken = tale.broken.iter().cloned().chain(violations).map(|law| format!("{}: {law}", self.name)).collect();
        Told { text, recorded: tale.life.recorded().values().cloned().collect(), broken }
    }
}

/// Rules that fire while nothing happens, or that only keep figures.
const UNTOLD: [Rule; 11] = [
    Rule::FiguresRefreshed,
    Rule::HealthChanged,
    Rule::JobRests,
    Rule::FailureRests,
    Rule::BothVersionsRest,
    Rule::ClusterAwaited,
    Rule::TaskManagersAwaited,
    Rule::SavepointAwaited,
    Rule::FinalSavepointAwaited,
    Rule::JobStartAwaited,
    Rule::BackoffAwaited,
];

/// A life that is being told.
pub struct Tale {
    pub life: Life,
    pub names: Names,
    /// Since a job of the application ran last, in milliseconds, where none does now; and how long that was in all.
    pub(super) down: (Option<i64>, i64),
    pub(super) broken: Vec<String>,
    pub(super) sight: Sight,
    /// What the status remembered at this revision of Kubernetes.
    remembered: (u64, Option<Rc<Memory>>),
    lines: Vec<String>,
    visit: Visit,
    /// The rule of the last turn.
    fired: Option<Rule>,
    /// Whose next deeds get lost, and how many of them.
    losing: BTreeMap<Rule, usize>,
    ran: bool,
}

/// The stay in one phase.
struct Visit {
    phase: Option<PhaseName>,
    since: i64,
    /// What happened, each with how often.
    acts: Vec<(String, u32)>,
    /// Rules whose effects have shown.
    done: BTreeSet<Rule>,
}

impl Visit {
    fn begins(phase: Option<PhaseName>, since: i64) -> Self {
        Self { phase, since, acts: Vec::new(), done: BTreeSet::new() }
    }
}

impl Tale {
    fn of(life: Life) -> Self {
        let visit = Visit::begins(phase_of(&life), life.now());
        let mut tale = Self {
            life,
            names: Names::default(),
            down: (None, 0),
            broken: Vec::new(),
            sight: Sight::default(),
            remembered: (0, None),
            lines: Vec::new(),
            visit,
            fired: None,
            losing: BTreeMap::new(),
            ran: false,
        };
        tale.meet();
        tale
    }

    // What is done to the application.

    /// The user edits it.
    pub fn edits(&mut self, patch: Value) {
        self.says(&format!("user: {}", of_edit(&patch)));
        self.life.edit(patch).unwrap();
    }

    /// The user tries an edit that the API server does not let through.
    pub fn is_denied(&mut self, patch: Value) {
        let refusal = self.life.edit(patch.clone()).unwrap_err();
        self.says(&format!("user: {}; denied: {}", of_edit(&patch), refusal.message));
    }

    /// The user deletes it.
    pub fn deletes(&mut self) {
        self.says("user: deletes the application");
        self.life.delete_application();
    }

    /// An accident, or something that others do.
    pub fn suffers(&mut self, what: &str, happens: impl FnOnce(&mut Life)) {
        self.says(what);
        happens(&mut self.life);
    }

    /// The next `times` effects of this rule are lost on their way.
    pub fn loses(&mut self, rule: Rule, times: usize) {
        self.says(&format!("the next {times} requests of {rule} get lost"));
        self.losing.insert(rule, times);
    }

    // How it goes on.

    pub fn waits(&mut self, ms: i64) {
        let end = self.life.now() + ms;
        self.goes_until(ms, |tale| tale.life.now() >= end);
    }

    pub fn reaches(&mut self, phase: PhaseName) {
        let arrived = self.goes_until(120 * MINUTE, |tale| tale.phase() == Some(phase));
        assert!(arrived, "{phase} is not reached:\n{}", self.told());
    }

    /// Until `rule` has fired.
    pub fn fires(&mut self, rule: Rule) {
        self.fired = None;
        let fired = self.goes_until(120 * MINUTE, |tale| tale.fired == Some(rule));
        assert!(fired, "{rule} does not fire:\n{}", self.told());
    }

    /// How many clusters there are.
    pub fn clusters(&mut self) -> usize {
        self.look();
        self.sight.deployments().filter(|name| name.ends_with("-jm")).count()
    }

    pub fn phase(&self) -> Option<PhaseName> {
        self.remembered.1.as_ref().map(|memory| memory.phase.name())
    }

    pub fn deployed(&self) -> Deployed {
        self.life.deployed().unwrap()
    }

    pub(super) fn told(&self) -> String {
        format!("{}\n{:?}", self.lines.join("\n"), self.visit.acts)
    }

    pub(super) fn fired(&self) -> Option<Rule> {
        self.fired
    }

    pub(super) fn goes_until(&mut self, limit_ms: i64, is_there: impl Fn(&Self) -> bool) -> bool {
        let end = self.life.now() + limit_ms;
        while !is_there(self) {
            if !self.life.rests() {
                self.turn();
                continue;
            }
            let left = end - self.life.now();
            if left <= 0 {
                return false;
            }
            let (down, ran) = (&mut self.down, &mut self.ran);
            self.life.run_until(left, |life| {
                sample(down, ran, life);
                !life.rests()
            });
        }
        true
    }

    fn turn(&mut self) {
        self.look();
        let before = self.remembered.1.clone();
        self.lose();
        let turn = self.life.turn();
        self.meet();
        let after = self.remembered.1.clone();
        sample(&mut self.down, &mut self.ran, &self.life);
        self.fired = match turn {
            Turn::Gone => None,
            Turn::Moved(rule) => {
                self.moved(rule, before.as_deref(), after.as_deref());
                Some(rule)
            }
            Turn::Acted(rule) => {
                let then = self.sight.clone();
                self.look();
                self.obeys(rule, before.as_deref(), None);
                self.brings_about(rule, self.sight.effects_since(&then, rule, &self.names));
                Some(rule)
            }
            Turn::Rested(rule) => {
                self.obeys(rule, before.as_deref(), None);
                // An effect that must wait before it is repeated is told already.
                if rule.edge().effects.is_empty() && !UNTOLD.contains(&rule) {
                    self.acts(&rule.to_string(), false);
                }
                Some(rule)
            }
            Turn::Refused(rule) | Turn::Crashed(rule) => Some(rule),
        };
    }

    /// Looks at all that can be seen from outside.
    pub(super) fn look(&mut self) {
        self.sight.look(&self.life);
        self.meet();
    }

    fn lose(&mut self) {
        if self.losing.is_empty() {
            return;
        }
        let mut ahead = self.life.clone();
        if let Turn::Acted(rule) = ahead.turn()
            && let Some(times) = self.losing.get_mut(&rule)
        {
            self.life.faults.insert(self.life.deeds(), Fault::Lost(Moment::Before));
            *times -= 1;
        }
        self.losing.retain(|_, times| *times > 0);
    }

    fn moved(&mut self, rule: Rule, before: Option<&Memory>, after: Option<&Memory>) {
        self.obeys(rule, before, after);
        match rule.edge().to {
            To::Phase(_) => {
                self.acts(&format!("{rule} ->"), true);
                self.turns_page();
                self.visit = Visit::begins(after.map(|memory| memory.phase.name()), self.life.now());
            }
            To::Same | To::Stay if rule == Rule::HealthChanged => self.tells_health(before, after),
            To::Same | To::Stay if !UNTOLD.contains(&rule) => self.acts(&rule.to_string(), true),
            To::Same | To::Stay => {}
        }
    }

    /// Only where the state of a job is another one, and one that matters.
    fn tells_health(&mut self, before: Option<&Memory>, after: Option<&Memory>) {
        let states = |memory: Option<&Memory>| {
            let ledger = &memory.unwrap().ledger;
            [&ledger.job, &ledger.second_job].map(|job| job.as_ref().map(|job| job.state))
        };
        for (then, now) in states(before).into_iter().zip(states(after)).filter(|(then, now)| then != now) {
            let word = match now {
                None => continue,
                Some(None) => "unknown to Flink".to_owned(),
                Some(Some(state)) => state.to_string(),
            };
            if then.is_some() || word != "RUNNING" {
                self.acts(&format!("HealthChanged (job {word})"), true);
            }
        }
    }

    /// Law 1: a step obeys the rule that it cites.
    fn obeys(&mut self, rule: Rule, before: Option<&Memory>, after: Option<&Memory>) {
        let edge = rule.edge();
        let (from, to) = (before.map(|it| it.phase.name()), after.map(|it| it.phase.name()));
        let comes = from.is_none_or(|from| edge.from.contains(&from)) || edge.from.is_empty();
        let goes = match (edge.to, to) {
            (To::Phase(wanted), Some(to)) => wanted == to,
            (To::Same, Some(to)) => from == Some(to),
            (To::Phase(_) | To::Same | To::Stay, _) => true,
        };
        if !comes || !goes {
            self.broken.push(format!("{rule} led from {from:?} to {to:?}"));
        }
    }

    fn meet(&mut self) {
        let revision = self.life.world.revision();
        if self.remembered.0 == revision {
            return;
        }
        self.remembered = (revision, self.life.memory().map(Rc::new));
        let uid = self.life.application().map(|found| found["metadata"]["uid"].as_str().unwrap_or_default().to_owned());
        if let (Some(uid), Some(memory)) = (uid, &self.remembered.1) {
            self.names.meet(&uid, memory);
        }
    }

    // What is told.

    /// A request that is repeated until it shows is told once.
    fn brings_about(&mut self, rule: Rule, effects: Option<String>) {
        match effects {
            Some(effects) => {
                self.visit.done.insert(rule);
                self.acts(&format!("{rule} ({effects})"), true);
            }
            None if self.visit.done.contains(&rule) => {}
            None => self.acts(&format!("{rule} (in vain)"), true),
        }
    }

    fn acts(&mut self, act: &str, counts: bool) {
        match self.visit.acts.iter_mut().find(|(told, _)| told == act) {
            Some((_, times)) => *times += u32::from(counts),
            None => self.visit.acts.push((act.to_owned(), 1)),
        }
    }

    fn turns_page(&mut self) {
        if self.visit.acts.is_empty() {
            return;
        }
        let mut acts = Vec::new();
        for (act, times) in std::mem::take(&mut self.visit.acts) {
            acts.push(if times > 1 { format!("{act} x{times}") } else { act });
        }
        let phase = self.visit.phase.map_or_else(|| "(unreadable)".to_owned(), |phase| phase.to_string());
        let rests = [PhaseName::Running, PhaseName::DualRunning, PhaseName::DeployFailed];
        let seconds = (self.life.now() - self.visit.since) / SECOND;
        let told = seconds >= 10 && !self.visit.phase.is_some_and(|phase| rests.contains(&phase));
        let time = if told { format!(" [{seconds} s]") } else { String::new() };
        self.lines.push(wrapped(&format!("      {phase:<15} "), &format!("{}{time}", acts.join(", "))));
    }

    pub(super) fn says(&mut self, line: &str) {
        self.turns_page();
        let line = self.names.scrub(line);
        self.lines.push(wrapped("    ", &line));
    }

    /// It comes to rest, and what it rests in is told.
    fn ends(&mut self) {
        let rests = self.goes_until(150 * MINUTE, rest::is_there);
        assert!(rests, "it does not come to rest:\n{}", self.told());
        if is_gone(&self.life) || self.phase() == Some(PhaseName::Deleting) {
            self.turns_page();
        }
        // What was told last may still be the view of a cache.
        self.waits(30 * SECOND);
        self.goes_until(MINUTE, rest::is_there);
        rest::check(self);
        self.turns_page();
        let lines = rest::lines(self);
        self.lines.extend(lines);
    }
}

/// Notes how long no job has run, once one has.
fn sample(down: &mut (Option<i64>, i64), ran: &mut bool, life: &Life) {
    let runs = life.flinks.active_jobs().any(|job| job.is_processing());
    *ran |= runs;
    match (runs, down.0) {
        (false, None) if *ran => down.0 = Some(life.now()),
        (true, Some(since)) => *down = (None, down.1 + life.now() - since),
        (true, None) | (false, Some(_)) | (false, None) => {}
    }
}
