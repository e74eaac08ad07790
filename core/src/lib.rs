//! The core.
pub mod application;
pub mod crd;
pub mod id;
pub mod manifest;
pub mod policy;
