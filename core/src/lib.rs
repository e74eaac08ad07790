//! The operator's decisions, and nothing else.
//!
//! ```text
//!  observe ──► Snapshot ──► step() ──► Step ──► commit status ──► perform effects ──► observe …
//! (interpreter)           (this crate)                  (interpreter)
//! ```
//!
//! [`needs()`] says what to look at, [`step()`] looks and decides. Both are pure: no clock, no client, no
//! randomness, no logger. Time is a field of [`snapshot::Snapshot`], ids are derived, and what would be
//! a log line is a [`step::Note`].
//!
//! # Invariants
//!
//! - A step moves (new memory, no effect) or acts (effects, same memory), never both. A crash at any
//!   point finds the saved phase, and that asks for its effect again.
//! - Every effect is idempotent under its key, and no effect returns anything that must not be lost.
//! - A phase reads only what [`needs()`] asked for.
//! - The same snapshot gives the same step, and no snapshot panics.
//!
//! Each is a test in `tests/laws.rs`.

pub mod adopt;
pub mod application;
pub mod backoff;
pub mod conditions;
pub mod crd;
pub mod diagram;
pub mod effect;
pub mod health;
pub mod id;
pub mod manifest;
pub mod memory;
pub mod phase;
pub mod policy;
pub mod record;
pub mod rule;
pub mod snapshot;
pub mod status;
pub mod step;
mod view;

use application::Application;
use snapshot::{Needs, Remembered, Snapshot};
use step::Step;

/// What to observe for the next step.
pub fn needs(application: &Application, memory: &Remembered) -> Needs {
    match memory {
        Remembered::Known(memory) => {
            let mut needs = phase::needs(&application.uid, memory);
            adopt::ask(application, memory, &mut needs);
            needs
        }
        Remembered::Left(left) => adopt::needs_of_left(application, left),
        Remembered::Unreadable(_) => Needs::default(),
    }
}

/// The whole operator: one look at the world, one decision.
pub fn step(snapshot: &Snapshot) -> Step {
    phase::step(snapshot)
}
