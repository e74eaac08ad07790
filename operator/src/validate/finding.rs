//! What is found wrong, and how it is named.

use serde::Serialize;
use strum::{EnumIter, IntoStaticStr};

use super::place::Place;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// It is refused, or cannot be read.
    Error,
    /// It is accepted, and hardly meant.
    Warning,
}

impl Severity {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// What was checked. The names are those of the rules in SARIF.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, EnumIter, IntoStaticStr)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Check {
    /// The text is YAML.
    Yaml,
    /// apiVersion and kind are those of a FlinkApplication.
    Kind,
    /// Name, labels and annotations.
    Metadata,
    /// The resource has such a field.
    UnknownField,
    /// The value is of the field's type and in its range.
    Schema,
    /// The rules of the definition.
    Rule,
    /// What the operator refuses.
    Spec,
    /// What the operator warns of.
    SpecWarning,
    /// Fields that have a better one.
    DeprecatedField,
    /// spec.flinkVersion.
    FlinkVersion,
    /// Keys of Flink's configuration.
    FlinkKey,
    /// Keys of Flink's configuration that the operator decides.
    OperatorKey,
    /// Two applications of one name.
    SameName,
}

impl Check {
    /// Its name.
    pub fn id(self) -> &'static str {
        self.into()
    }

    /// What it asks for, in one sentence.
    pub fn description(self) -> &'static str {
        match self {
            Self::Yaml => "The text is YAML.",
            Self::Kind => "apiVersion and kind are those of a FlinkApplication.",
            Self::Metadata => "Name, labels and annotations are as Kubernetes wants them.",
            Self::UnknownField => "The resource has every field that is written.",
            Self::Schema => "Every value is of its field's type and in its range, and no required field is missing.",
            Self::Rule => "The rules of the resource's definition hold.",
            Self::Spec => "The operator does not refuse the spec.",
            Self::SpecWarning => "The operator does not warn of the spec.",
            Self::DeprecatedField => "No deprecated field is used.",
            Self::FlinkVersion => "spec.flinkVersion can be read.",
            Self::FlinkKey => "The keys of Flink's configuration are those of its version.",
            Self::OperatorKey => "Flink's configuration leaves alone what the operator decides.",
            Self::SameName => "No two applications in a file have one name.",
        }
    }
}

/// Something wrong with a field of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// What was checked.
    pub check: Check,
    /// How bad it is.
    pub severity: Severity,
    /// The path of the field.
    pub field: String,
    /// What is wrong.
    pub problem: String,
    /// What to write.
    pub advice: String,
}

/// Something wrong, and where it stands.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// The file as it was given.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// How bad it is.
    pub severity: Severity,
    /// What was checked.
    pub check: Check,
    /// The application; none where its name cannot be read.
    pub application: Option<String>,
    /// The path of the field; empty for the whole document.
    pub field: String,
    /// What is wrong.
    pub problem: String,
    /// What to write.
    pub advice: String,
}

impl Finding {
    /// It all in one line, without the place.
    pub fn message(&self) -> String {
        let field = if self.field.is_empty() { String::new() } else { format!("{}: ", self.field) };
        format!("{field}{}; {}", self.problem, self.advice)
    }

    /// Where it stands.
    pub fn place(&self) -> Place {
        Place { line: self.line, column: self.column }
    }
}
