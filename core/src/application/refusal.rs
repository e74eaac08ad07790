//! Why a spec is not served, in words for the person who wrote it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One thing that is wrong, where it is, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The path of the field, such as `spec.parallelism`.
    pub field: String,
    /// What is wrong with it.
    pub problem: String,
    /// What to write instead.
    pub advice: String,
}

impl Problem {
    /// A problem with a field.
    pub fn new(field: impl Into<String>, problem: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { field: field.into(), problem: problem.into(), advice: advice.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.field, self.problem, self.advice)
    }
}

/// All that is wrong with a spec: one problem at least.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub struct Refusal {
    first: Problem,
    others: Vec<Problem>,
}

impl Refusal {
    /// A refusal for one reason.
    pub fn because(problem: Problem) -> Self {
        Self { first: problem, others: Vec::new() }
    }

    /// The refusal that a list of problems amounts to; none when the list is empty.
    pub fn of(problems: Vec<Problem>) -> Option<Self> {
        let mut problems = problems.into_iter();
        problems.next().map(|first| Self { first, others: problems.collect() })
    }

    /// Whether a field is the first that is wrong.
    pub fn names(&self, field: &str) -> bool {
        self.first.field == field
    }

    /// Every problem, in the order of the fields.
    pub fn problems(&self) -> impl Iterator<Item = &Problem> {
        std::iter::once(&self.first).chain(&self.others)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.first)?;
        self.others.iter().try_for_each(|problem| write!(f, ". {problem}"))
    }
}
