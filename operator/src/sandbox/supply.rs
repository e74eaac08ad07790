//! Where Flink comes from, or why it is simulated.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use flink_operator_fixtures::process::distribution::{Distribution, DistributionError, Wanted, cache};
use flink_operator_fixtures::process::java::Java;
use flink_operator_fixtures::process::jobs;

use super::screen::Screen;
use crate::cli::Failure;

/// What runs the jobs.
pub enum Supply {
    /// Flink itself.
    Real {
        /// The distribution.
        flink: Distribution,
        /// What it runs on.
        java: Java,
        /// Jars and directories of jars.
        jars: Vec<PathBuf>,
    },
    /// The model's Flink.
    Simulated {
        /// Why it is not a real one.
        why: String,
        /// The file names of its jars.
        jars: BTreeSet<String>,
    },
}

/// Finds Flink, or fetches it, or says why there is none.
pub async fn obtain(
    wanted: &Wanted,
    simulated: bool,
    more: Option<&Path>,
    screen: &mut Screen,
) -> Result<Supply, Failure> {
    let names = jar_names(more)?;
    let pretend = |why: String| {
        let mut jars = names.clone();
        jars.insert(jobs::JAR.to_owned());
        Ok(Supply::Simulated { why, jars })
    };
    if simulated {
        return pretend("--simulated asks for it".to_owned());
    }
    let java = match Java::find() {
        Ok(java) => java,
        Err(missing) => return pretend(missing.to_string()),
    };
    let flink = match Distribution::obtain(wanted, &mut |progress| screen.fetching(progress)).await {
        Ok(flink) => flink,
        Err(missing @ (DistributionError::NoPip | DistributionError::NoTar | DistributionError::Download { .. })) => {
            return pretend(missing.to_string());
        }
        Err(error @ DistributionError::NotFlink { .. }) => return Err(Failure::bad_input(error)),
        Err(error) => return Err(Failure::failed(error)),
    };
    let mut jars: Vec<PathBuf> = more.map(Path::to_owned).into_iter().collect();
    if !names.contains(jobs::JAR) {
        screen.under_way("building the example job");
        match jobs::build(&flink, &java, &cache().map_err(Failure::failed)?) {
            Ok(jar) => jars.push(jar),
            Err(error) => return pretend(error.to_string()),
        }
    }
    Ok(Supply::Real { flink, java, jars })
}

fn jar_names(directory: Option<&Path>) -> Result<BTreeSet<String>, Failure> {
    let Some(directory) = directory else { return Ok(BTreeSet::new()) };
    let entries = std::fs::read_dir(directory).map_err(|error| {
        Failure::BadInput(format!("--jars {}: {error}; name a directory of jars", directory.display()))
    })?;
    let names = entries.filter_map(Result::ok).map(|entry| entry.file_name().to_string_lossy().into_owned());
    Ok(names.filter(|name| name.ends_with(".jar")).collect())
}
