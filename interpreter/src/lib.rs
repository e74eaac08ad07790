//! Observes what the core asks to see, commits the status that it returns, performs its effects.
//! It takes no decision.
//!
//! [`reconcile`] is the loop; [`controller`] wakes it. Everything that Kubernetes or Flink can answer
//! becomes a value of the core in [`observe`], and every effect of the core a request in [`perform`].

pub mod board;
pub mod clock;
mod commit;
pub mod controller;
pub mod error;
pub mod flink;
pub mod metrics;
pub mod observe;
pub mod perform;
pub mod publish;
pub mod reconcile;
pub mod record;
mod repeat;
pub mod rival;
pub mod workers;
mod written;
