//! The core.
pub mod crd;
pub mod id;
pub mod policy;
