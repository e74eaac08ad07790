//! The interpreter.

pub mod error;
pub mod flink;
pub mod observe;
pub mod perform;
