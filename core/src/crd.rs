//! The resource as it is written and read: `flink.k8s.io/v1beta1` `FlinkApplication`.
//!
//! These are wire types: they keep what the user wrote and have no defaults, so an object is never
//! rewritten by being read. What a spec means, and whether it means anything, is decided in
//! [`crate::application`].

mod check;
mod definition;
pub mod rules;
mod schema;
mod spec;
mod status;

pub use check::read;
pub use definition::{definition, schema_of_the_resource, unknown_fields};
pub use spec::*;
pub use status::*;

/// The API group of the resource.
pub const GROUP: &str = "flink.k8s.io";
/// The one served version of the resource.
pub const VERSION: &str = "v1beta1";
/// The kind of the resource.
pub const KIND: &str = "FlinkApplication";
/// The finalizer that keeps an application until its job has ended.
pub const FINALIZER: &str = "job.finalizers.flink.k8s.io";
