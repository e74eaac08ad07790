//! flinkk8soperator: a Kubernetes operator for Apache Flink.

mod cli;
mod config;
mod crd;
mod docs;
mod http;
mod lease;
mod log;
mod manifest;
mod record;
mod replay;
mod run;
mod sandbox;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
