//! flinkk8soperator: a Kubernetes operator for Apache Flink.

mod cli;
mod config;
mod console;
mod crd;
mod docs;
mod explain;
mod files;
mod flink;
mod form;
mod http;
mod lease;
mod log;
mod look;
mod manifest;
mod plan;
mod plugin;
mod preflight;
mod record;
mod replay;
mod rollback;
mod run;
mod sandbox;
mod savepoints;
mod validate;

use std::process::ExitCode;

/// Every look makes and drops thousands of small values; the system's allocator took a third of the time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cli::main()
}
