//! What a script waits for, and whether it is there.

use std::collections::BTreeSet;

use clap::ValueEnum;

use super::story::{Key, Story};

/// What `--until` names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Until {
    /// Every application is Running and its job runs.
    Running,
    /// Every application was deleted.
    Gone,
}

/// How it stands with the goal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Not yet.
    Open,
    /// It is reached.
    Reached,
    /// It will not be reached, because of this.
    Failed(String),
}

impl Until {
    /// How it stands with the applications that were given.
    pub fn judge(self, given: &BTreeSet<Key>, story: &Story) -> Verdict {
        let mut open = false;
        for key in given {
            let Some(told) = story.all.get(key) else {
                open = true;
                continue;
            };
            if told.phase == "DeployFailed" && told.is_current() && !told.gone {
                return Verdict::Failed(format!("the deploy of {} failed: {}", key.1, told.degraded()));
            }
            let running = told.phase == "Running"
                && told.is_current()
                && matches!(told.job_state(), Some("RUNNING" | "FINISHED"));
            match self {
                Self::Running if told.gone => return Verdict::Failed(format!("{} was deleted", key.1)),
                Self::Running => open |= !running,
                Self::Gone => open |= !told.gone,
            }
        }
        if open { Verdict::Open } else { Verdict::Reached }
    }
}
