//! The core.
pub mod id;
pub mod policy;
