//! `rollback`: gives up the deploy that is under way. The one command that writes, and it writes one field of the spec.

use std::io::Write as _;

use clap::Args;
use flink_operator_core::crd::FlinkApplication;
use flink_operator_core::phase::PhaseName;
use flink_operator_core::snapshot::Snapshot;
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::json;

use crate::cli::{self, Failure, Home};
use crate::explain;
use crate::look::{self, Look, LookArgs, Named};

/// Who writes the field.
const MANAGER: &str = "kubectl-flinkapp";

/// Arguments of `rollback`.
#[derive(Args)]
pub struct RollbackArgs {
    /// The application.
    #[arg(value_name = "NAMESPACE/NAME", value_parser = look::named)]
    application: Named,
    #[command(flatten)]
    look: LookArgs,
}

/// Sets `spec.forceRollback` where a deploy is under way.
pub fn rollback(args: &RollbackArgs, home: Home) -> Result<(), Failure> {
    let told = cli::wait_for(async {
        let look = args.look.look(&args.application, home).await?;
        let told = refused(&look.snapshot).map_or_else(|| Ok(asked(&look.snapshot)), Err)?;
        force(&look).await?;
        Ok(told)
    })?;
    std::io::stdout().write_all(told.as_bytes()).map_err(Failure::failed)
}

async fn force(look: &Look) -> Result<(), Failure> {
    let app = &look.snapshot.application;
    let api: Api<FlinkApplication> = Api::namespaced(look.client.clone(), &app.namespace);
    // The uid: not another application that has taken its name meanwhile.
    let patch = Patch::Merge(json!({"metadata": {"uid": app.uid}, "spec": {"forceRollback": true}}));
    let by_us = PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
    api.patch(&app.name, &by_us, &patch).await.map(drop).map_err(Failure::failed)
}

/// Why there is nothing to roll back.
fn refused(snapshot: &Snapshot) -> Option<Failure> {
    let app = &snapshot.application;
    let name = format!("{}/{}", app.namespace, app.name);
    let Some(memory) = explain::memory(snapshot) else {
        return Some(Failure::Failed(format!(
            "the status of {name} was not written by this operator, or cannot be read"
        )));
    };
    let phase = memory.phase.name();
    let why = match phase {
        PhaseName::Updating
        | PhaseName::ClusterStarting
        | PhaseName::Rescaling
        | PhaseName::Savepointing
        | PhaseName::Cancelling
        | PhaseName::Recovering
        | PhaseName::SubmittingJob => return None,
        PhaseName::RollingBackJob => "it is rolled back already",
        PhaseName::Deleting => "it is being deleted",
        PhaseName::New | PhaseName::Running | PhaseName::DualRunning | PhaseName::DeployFailed => {
            "nothing is being deployed; to go back to an earlier version apply its manifest, and `plan -f` tells what that does"
        }
    };
    Some(Failure::Failed(format!("{name} is in {phase}: {why}")))
}

fn asked(snapshot: &Snapshot) -> String {
    let app = &snapshot.application;
    let target = explain::memory(snapshot).and_then(|memory| memory.phase.target());
    let of = target.map(|target| format!(" of revision {}", target.id)).unwrap_or_default();
    format!(
        "{0}/{1}: spec.forceRollback is true now, and the deploy{of} is given up.\n\
         Follow it with `explain {0}/{1}`. Before the next deploy take the field out of the spec again.\n",
        app.namespace, app.name
    )
}
