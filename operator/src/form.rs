//! The form of what is told: for people or for programs.

use std::io::Write as _;

use clap::ValueEnum;
use flink_operator_fixtures::yaml;
use serde::Serialize;

use crate::cli::Failure;

/// The form of what is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// For people.
    Text,
    /// For programs: one object.
    Json,
    /// The same object as YAML.
    Yaml,
}

impl Form {
    /// Prints it: the object, or the text of it.
    pub fn print<T: Serialize>(self, told: &T, text: impl FnOnce(&T) -> String) -> Result<(), Failure> {
        let printed = match self {
            Self::Text => text(told),
            Self::Json => serde_json::to_string(told).map_err(Failure::failed)? + "\n",
            Self::Yaml => yaml::write(told).map_err(Failure::failed)?,
        };
        std::io::stdout().write_all(printed.as_bytes()).map_err(Failure::failed)
    }
}
