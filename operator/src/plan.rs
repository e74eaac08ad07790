//! `flinkk8soperator plan`: what an edit will do, before it is applied.

mod change;
mod extra;
mod forecast;
mod outlook;
mod past;
#[cfg(test)]
mod reality;
mod room;
mod show;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use flink_operator_core::crd::{self, FlinkApplication};
use flink_operator_core::effect::Effect;
use flink_operator_core::snapshot::{Remembered, Seen, Snapshot};
use flink_operator_fixtures::door::Life;
use serde_json::Value;

use crate::cli::{self, Failure, Home};
use crate::explain::{self, happened};
use crate::files;
use crate::form::Form;
use crate::look::{self, Look, LookArgs, Named};
use crate::validate::{self, Finding, Severity};
use outlook::Plan;

/// The exit code where something changes, as of `terraform plan -detailed-exitcode`.
const CHANGES: u8 = 2;
/// The exit code where it is refused, or cannot be planned.
const FAILED: u8 = 1;

/// Arguments of `plan`.
#[derive(Args)]
pub struct PlanArgs {
    /// The manifest that would be applied, or - for standard input.
    #[arg(short = 'f', long = "file", alias = "to", value_name = "FILE", required = true)]
    file: PathBuf,
    /// Plan from the last record in this file, or from the manifest in it, instead of the live application.
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    #[command(flatten)]
    look: LookArgs,
    /// The form of the plan.
    #[arg(long, value_enum, default_value = "text")]
    output: Form,
}

/// Prints the plan. Nothing in the cluster is changed. 0: nothing to do; 2: something changes; 1: it is refused, or
/// there is no plan.
pub fn plan(args: &PlanArgs, home: Home) -> ExitCode {
    match made(args, home).and_then(|plan| args.output.print(&plan, show::text).map(|()| plan)) {
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::from(FAILED)
        }
        Ok(plan) if plan.refused.is_some() => ExitCode::from(FAILED),
        Ok(plan) if plan.changes_anything() => ExitCode::from(CHANGES),
        Ok(_) => ExitCode::SUCCESS,
    }
}

fn made(args: &PlanArgs, home: Home) -> Result<Plan, Failure> {
    let (new, findings) = manifest(&args.file)?;
    let name = new.metadata.name.clone().unwrap_or_default();
    let named = Named { namespace: new.metadata.namespace.clone(), name };
    match &args.from {
        None => cli::wait_for(live(args, &named, home, &new, findings)),
        Some(path) => Plan::of(&before(path, &named)?, &new, findings),
    }
}

/// What only a live cluster knows is part of this plan: the room that it has, and how long the last update took.
async fn live(
    args: &PlanArgs,
    named: &Named,
    home: Home,
    new: &FlinkApplication,
    findings: Vec<Finding>,
) -> Result<Plan, Failure> {
    let Look { client, snapshot } = args.look.look(named, home).await?;
    for trouble in look::silent(&snapshot) {
        eprintln!("note: a JobManager did not answer, and the plan takes it that it goes on so: {}", trouble.message);
    }
    let app = &snapshot.application;
    let plan = Plan::of(&snapshot, new, findings)?;
    let events = async { happened::of(&client, app).await.map(|events| past::last_pause(&events)).ok().flatten() };
    let room = async {
        match plan.peak_extra.pods {
            0 => None,
            _ => Some(room::look(&client, &app.namespace, &plan.peak_extra).await),
        }
    };
    let (last_downtime, room) = futures::join!(events, room);
    Ok(Plan { last_downtime, room, ..plan })
}

/// The one application of a file, and what the checks say of it.
fn manifest(path: &Path) -> Result<(FlinkApplication, Vec<Finding>), Failure> {
    let (name, text) = files::text(path)?;
    read(&name, &text)
}

/// The one application of a text that is called so, and what the checks say of it.
pub fn read(name: &str, text: &str) -> Result<(FlinkApplication, Vec<Finding>), Failure> {
    let findings = validate::findings(name, text.as_bytes());
    let errors: Vec<String> =
        findings.iter().filter(|finding| finding.severity == Severity::Error).map(validate::line).collect();
    if !errors.is_empty() {
        return Err(Failure::BadInput(format!("it would be refused:\n{}", errors.join("\n"))));
    }
    let documents: Vec<Value> =
        serde_saphyr::from_multiple(text).map_err(|error| Failure::BadInput(format!("{name}: {error}")))?;
    let mut all = documents.iter().filter(|document| validate::is_application(document));
    match (all.next(), all.next()) {
        (Some(document), None) => {
            let resource = crd::read(document).map_err(|refusal| Failure::BadInput(format!("{name}: {refusal}")))?;
            Ok((resource, findings))
        }
        (None, _) => Err(Failure::BadInput(format!("there is no FlinkApplication in {name}"))),
        (Some(_), Some(_)) => Err(Failure::BadInput(format!(
            "there is more than one FlinkApplication in {name}: give a file for each, and plan one after the other"
        ))),
    }
}

/// The plan for programs, and with it the text for people.
pub fn told(snapshot: &Snapshot, new: &FlinkApplication, findings: Vec<Finding>) -> Result<Value, Failure> {
    let plan = Plan::of(snapshot, new, findings)?;
    let mut told = serde_json::to_value(&plan).map_err(Failure::failed)?;
    if let Some(told) = told.as_object_mut() {
        told.insert("changesAnything".to_owned(), plan.changes_anything().into());
        told.insert("text".to_owned(), show::text(&plan).into());
    }
    Ok(told)
}

/// An effect as a person would say it.
pub fn says(effect: &Effect) -> String {
    forecast::words(effect, |_| true)
}

/// The application before the edit: the last record in a file, or the manifest in it, deployed in the model.
fn before(path: &Path, named: &Named) -> Result<Snapshot, Failure> {
    let (_, text) = files::text(path)?;
    let documents: Vec<Value> = serde_saphyr::from_multiple(&text).unwrap_or_default();
    if !documents.iter().any(validate::is_application) {
        return Ok(explain::recorded(path, Some(named))?.snapshot);
    }
    let (old, _) = manifest(path)?;
    if old.metadata.name.as_deref() != Some(named.name.as_str()) {
        let old = old.metadata.name.unwrap_or_default();
        let name = path.display();
        return Err(Failure::BadInput(format!("{name} is of {old}, and the new manifest is of {}", named.name)));
    }
    deployed(&old)
}

/// What the model makes of a manifest that is deployed for the first time, once it rests.
fn deployed(old: &FlinkApplication) -> Result<Snapshot, Failure> {
    let mut body = serde_json::to_value(old).map_err(Failure::failed)?;
    if let Some(metadata) = body.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.entry("namespace").or_insert_with(|| "default".into());
    }
    let mut life = Life::first(body).map_err(Failure::failed)?;
    forecast::of(&mut life, forecast::Fault::None);
    let gone = || Failure::Failed("the application is being deleted".to_owned());
    let mut snapshot = life.snapshot().ok_or_else(gone)?;
    eprintln!("note: planned from a manifest: revisions, jobs and states will have other names");
    forget_checkpoints(&mut snapshot);
    Ok(snapshot)
}

/// The model's checkpoints are nobody's.
fn forget_checkpoints(snapshot: &mut Snapshot) {
    snapshot.observed.flink.values_mut().for_each(|seen| seen.checkpoints = Seen::NotAsked);
    if let Remembered::Known(memory) = &mut snapshot.memory {
        let ledger = &mut memory.ledger;
        for figures in ledger.job.iter_mut().chain(&mut ledger.second_job) {
            (figures.last_checkpoint, figures.last_checkpoint_time) = (None, None);
        }
    }
}
