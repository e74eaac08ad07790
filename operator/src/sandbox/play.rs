//! From the first line to the last.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use flink_operator_core::crd::FlinkApplication;
use futures::StreamExt as _;

use super::SandboxArgs;
use super::child::{Operator, Starts};
use super::cluster::namespace_of;
use super::goal::{Until, Verdict};
use super::screen::{Ink, Screen, seconds};
use super::signals::Signals;
use super::stage::Stage;
use super::stopwatch::Switch;
use super::story::{Key, Line, Story};
use super::watch::{self, Heard};
use crate::cli::Failure;

/// A phase that took less is not worth a word.
const WORTH_TELLING: Duration = Duration::from_millis(50);

/// Plays the applications in `directory`.
pub async fn play(args: &SandboxArgs, applications: &[FlinkApplication], directory: &Path) -> Result<(), Failure> {
    let mut signals = Signals::new()?;
    let mut screen = Screen::new();
    let stage = tokio::select! {
        stage = Stage::set(args, directory, &mut screen) => stage?,
        () = signals.heard() => return Err(Failure::Failed("interrupted before anything was started".to_owned())),
    };
    let mut play = Play { args, stage, screen, story: Story::default(), given: keys(applications), told: false };
    let outcome = tokio::select! {
        outcome = play.perform(applications) => outcome,
        () = signals.heard() => play.interrupted(),
    };
    signals.exit_at_the_next_one();
    play.end().await;
    outcome
}

fn keys(applications: &[FlinkApplication]) -> BTreeSet<Key> {
    let name = |application: &FlinkApplication| application.metadata.name.clone().unwrap_or_default();
    applications.iter().map(|application| (namespace_of(application).to_owned(), name(application))).collect()
}

struct Play<'a> {
    args: &'a SandboxArgs,
    stage: Stage,
    screen: Screen,
    story: Story,
    given: BTreeSet<Key>,
    /// Whether it was told how to go on by hand.
    told: bool,
}

impl Play<'_> {
    async fn perform(&mut self, applications: &[FlinkApplication]) -> Result<(), Failure> {
        if self.args.no_operator {
            self.screen
                .tell(format_args!("no operator is started; this command starts one:\n{}", self.stage.start.shown()));
        } else {
            self.stage.operator = Some(self.stage.start.start().map_err(Failure::failed)?);
            self.screen.tell(format_args!("the operator runs, and logs to {}", self.stage.start.log.display()));
        }
        let mut watches = watch::watch(&self.stage.api.client);
        for application in applications {
            self.tell_of_another_version(application);
            self.stage.api.create(application).await?;
        }
        if applications.is_empty() {
            self.tell_usage();
        }
        let deadline = Instant::now() + self.args.timeout;
        let mut tick = tokio::time::interval(Duration::from_millis(200));
        let mut starts = Starts::default();
        loop {
            tokio::select! {
                heard = watches.next() => match heard {
                    Some(heard) => self.hear(heard),
                    None => return Err(Failure::Failed("the API server's watches ended".to_owned())),
                },
                status = ended(&mut self.stage.operator) => {
                    self.stage.operator = None;
                    self.screen.tell(format_args!("{} {status}", self.screen.ink(Ink::Bad, "the operator ended:")));
                    starts.again(&self.stage.start).await?;
                    self.stage.operator = Some(self.stage.start.start().map_err(Failure::failed)?);
                    self.screen.tell("the operator was started again");
                }
                Some(switch) = self.stage.switches.recv() => self.tell_switch(&switch),
                _ = tick.tick() => {
                    self.screen.under_way(&self.story.under_way(Instant::now()));
                    continue;
                }
                () = tokio::time::sleep_until(deadline.into()), if self.args.until.is_some() => return Err(self.too_late()),
            }
            match self.judge() {
                Verdict::Open => {}
                Verdict::Reached => return Ok(()),
                Verdict::Failed(why) => return Err(Failure::Failed(why)),
            }
        }
    }

    /// What the operator is told of Flink's version it believes.
    fn tell_of_another_version(&self, application: &FlinkApplication) {
        let (runs, said) = (&self.stage.flink_version, application.spec.flink_version.as_deref().unwrap_or_default());
        if !said.is_empty() && !format!("{runs}.").starts_with(&format!("{said}.")) {
            let name = application.metadata.name.as_deref().unwrap_or_default();
            let note = self.screen.ink(Ink::Warning, "another version");
            self.screen.tell(format_args!("{name}: {note}: spec.flinkVersion is {said}, and Flink {runs} runs here"));
        }
    }

    fn judge(&mut self) -> Verdict {
        if let Some(until) = self.args.until {
            return until.judge(&self.given, &self.story);
        }
        if !self.told && Until::Running.judge(&self.given, &self.story) == Verdict::Reached {
            self.tell_usage();
        }
        Verdict::Open
    }

    fn tell_usage(&mut self) {
        self.told = true;
        self.screen.under_way("");
        for line in self.stage.usage.lines(&self.given, &self.screen) {
            self.screen.print(&line);
        }
    }

    fn hear(&mut self, heard: Heard) {
        let now = Instant::now();
        let line = match heard {
            Heard::Application(resource) => self.story.see(*resource, now),
            Heard::ApplicationGone(resource) => self.story.miss(&resource, now),
            Heard::Event(event) => self.story.hear(&event),
            Heard::Pod(pod) => {
                self.story.see_pod(&pod, false);
                None
            }
            Heard::PodGone(pod) => {
                self.story.see_pod(&pod, true);
                None
            }
        };
        if let Some(line) = line {
            self.tell(line);
        }
    }

    fn tell(&self, line: Line) {
        let screen = &self.screen;
        match line {
            Line::Phase { name, phase, before, why, bad } => {
                let phase = screen.ink(if bad { Ink::Bad } else { Ink::Bold }, phase);
                let before = before.filter(|(_, took)| *took >= WORTH_TELLING);
                let took =
                    before.map(|(before, took)| format!(" ({before} took {})", seconds(took))).unwrap_or_default();
                screen.tell(format_args!("{name}: {phase}{}", screen.ink(Ink::Dim, took)));
                self.tell_below(&why);
            }
            Line::Rule { name, why } if self.story.all.len() > 1 => self.tell_below(&format!("{name}: {why}")),
            Line::Rule { name: _, why } => self.tell_below(&why),
            Line::Event { name, reason, message, warning } => {
                let reason = screen.ink(if warning { Ink::Warning } else { Ink::Good }, reason);
                screen.tell(format_args!("{name}: {reason}: {message}"));
            }
            Line::Gone { name, before: (before, took) } => {
                let took = format!(" ({before} took {})", seconds(took));
                screen.tell(format_args!("{name}: {}{}", screen.ink(Ink::Bold, "gone"), screen.ink(Ink::Dim, took)));
            }
        }
    }

    fn tell_switch(&self, switch: &Switch) {
        let (stop, start) = (switch.stop.as_millis(), switch.start.as_millis());
        self.screen.tell(format_args!(
            "{}: switched in {} ms: {stop} ms from the stop request to the submission, {start} ms until all new tasks ran",
            switch.application.1,
            stop + start,
        ));
    }

    fn tell_below(&self, text: &str) {
        if !text.is_empty() {
            self.screen.tell(format_args!("    {}", self.screen.ink(Ink::Dim, text)));
        }
    }

    fn too_late(&self) -> Failure {
        let stands = self.given.iter().map(|key| match self.story.all.get(key) {
            Some(told) => format!("{} is {}", key.1, told.stands()),
            None => format!("{} was not seen", key.1),
        });
        let stands = stands.collect::<Vec<_>>().join("\n");
        Failure::Failed(format!("not there after {}.\n{stands}", seconds(self.args.timeout)))
    }

    fn interrupted(&self) -> Result<(), Failure> {
        match self.args.until {
            None => Ok(()),
            Some(_) => Err(Failure::Failed("interrupted".to_owned())),
        }
    }

    async fn end(self) {
        self.screen.under_way("");
        if self.args.until.is_some() {
            for (key, told) in &self.story.all {
                let phases = told
                    .durations(Instant::now())
                    .into_iter()
                    .map(|(phase, took)| format!("{phase} {}", seconds(took)));
                self.screen.tell(format_args!("{}: {}", key.1, phases.collect::<Vec<_>>().join(", ")));
            }
        }
        self.screen.tell("ending every process");
        let files = self.stage.usage.directory().display().to_string();
        self.stage.end().await;
        self.screen.tell(format_args!("every process has ended; files stay in {files}"));
    }
}

async fn ended(operator: &mut Option<Operator>) -> String {
    match operator {
        None => std::future::pending().await,
        Some(operator) => operator.ended().await.map_or_else(|error| error.to_string(), |status| status.to_string()),
    }
}
