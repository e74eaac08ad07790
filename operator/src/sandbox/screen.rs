//! What a person sees: lines as things happen, and on a terminal one line of what is under way.

use std::fmt;
use std::io::{self, IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use flink_operator_fixtures::process::distribution::Progress;
use indicatif::{ProgressBar, ProgressStyle};

/// How a word is set off. On a pipe, and where NO_COLOR is set, it is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ink {
    Plain,
    Bold,
    Dim,
    Good,
    Warning,
    Bad,
}

impl Ink {
    const fn code(self) -> &'static str {
        match self {
            Self::Plain => "0",
            Self::Bold => "1",
            Self::Dim => "2",
            Self::Good => "32",
            Self::Warning => "33",
            Self::Bad => "31",
        }
    }
}

/// Standard output.
pub struct Screen {
    began: Instant,
    inked: bool,
    bar: Option<ProgressBar>,
    /// The tenth of the archive that was told of last, where there is no bar.
    tenth: u64,
}

impl Screen {
    /// Time is counted from now on.
    pub fn new() -> Self {
        let terminal = io::stdout().is_terminal();
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let bar = (terminal && !dumb).then(|| {
            let bar = ProgressBar::new_spinner();
            bar.set_draw_target(indicatif::ProgressDrawTarget::stdout());
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        let screen = Self { began: Instant::now(), inked: terminal && !plain && !dumb, bar, tenth: 0 };
        screen.under_way("");
        screen
    }

    /// A word in ink.
    pub fn ink(&self, ink: Ink, word: impl fmt::Display) -> String {
        if self.inked && ink != Ink::Plain { format!("\x1b[{}m{word}\x1b[0m", ink.code()) } else { word.to_string() }
    }

    /// A line about what happens, with the time since the start. Lines of a longer text stand below each other.
    pub fn tell(&self, text: impl fmt::Display) {
        let time = self.ink(Ink::Dim, format_args!("{:>6.1}s", self.began.elapsed().as_secs_f64()));
        for (number, line) in text.to_string().lines().enumerate() {
            if number == 0 { self.print(&format!("{time}  {line}")) } else { self.print(&format!("         {line}")) }
        }
    }

    /// A line as it is.
    pub fn print(&self, line: &str) {
        let write = || {
            // Nobody reads any more: the work goes on.
            let _ = writeln!(io::stdout().lock(), "{line}");
        };
        match &self.bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }

    /// What is under way, on a terminal only; empty when nothing is.
    pub fn under_way(&self, text: &str) {
        if let Some(bar) = &self.bar {
            let style = if text.is_empty() { "" } else { "{spinner:.dim}        {msg}" };
            bar.set_style(ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_spinner()));
            bar.set_message(text.to_owned());
        }
    }

    /// How far the fetching of Flink is: a bar on a terminal, else a line for every tenth.
    pub fn fetching(&mut self, progress: Progress) {
        match progress {
            Progress::Stage(stage) => {
                self.tell(&stage);
                self.under_way(&stage);
                self.tenth = 0;
            }
            Progress::Bytes { done, total } => self.fetched(done, total),
        }
    }

    fn fetched(&mut self, done: u64, total: Option<u64>) {
        if let Some(bar) = &self.bar {
            let shown = if total.is_some() { "[{bar:40}] " } else { "" };
            let template = format!("         {shown}{{bytes}} of {{total_bytes}}, {{eta}} left");
            bar.set_style(ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar.set_length(total.unwrap_or(done));
            bar.set_position(done);
            return;
        }
        let tenth = total.map_or(0, |total| done.saturating_mul(10) / total.max(1));
        if tenth > self.tenth {
            self.tenth = tenth;
            self.tell(format_args!("{} % of {} MB", tenth * 10, total.unwrap_or_default() / 1_000_000));
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// A duration as a person says it.
pub fn seconds(duration: Duration) -> String {
    if duration < Duration::from_secs(100) {
        format!("{:.1} s", duration.as_secs_f64())
    } else {
        format!("{} min {} s", duration.as_secs() / 60, duration.as_secs() % 60)
    }
}
