//! Observing: the questions of [`flink_operator_core::needs`], asked of Kubernetes and Flink.

mod child;
mod children;
pub mod flink;
pub mod kubernetes;
mod pod;
mod view;
mod written;

pub use child::{Child, Kind, Watched};
pub use children::{ApplicationName, Children};
pub use view::{ApplicationView, DeploymentView, PodView, ServiceView};
