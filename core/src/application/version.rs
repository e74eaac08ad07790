//! Flink's version, as far as anything depends on it.

use std::fmt;

/// A version of Flink: what stands before and after the first dot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlinkVersion {
    /// The major version.
    pub major: u32,
    /// The minor version.
    pub minor: u32,
}

/// What a version of Flink can do that those before it cannot, as far as the operator acts on it. Nothing else in
/// the operator compares versions; docs/flink-versions.md has the differences that need no decision too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ability {
    /// `POST /jobs/:id/stop` stops a job with a savepoint.
    StopWithSavepoint,
    /// Memory is configured as the size of the whole process instead of the heap.
    ProcessMemory,
    /// `triggerId` in the body of a savepoint request names it; versions before refuse fields that they do not know.
    TriggerIdOfOurs,
}

impl Ability {
    /// The first version that has it.
    pub const fn since(self) -> FlinkVersion {
        let minor = match self {
            Self::StopWithSavepoint => 9,
            Self::ProcessMemory => 11,
            Self::TriggerIdOfOurs => 15,
        };
        FlinkVersion { major: 1, minor }
    }
}

impl FlinkVersion {
    /// Whether this version has the ability.
    pub fn can(self, ability: Ability) -> bool {
        self >= ability.since()
    }

    /// Reads `1.20`, `1.20.1`, `v2.1-java17` and the like; none for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let mut parts = text.strip_prefix('v').unwrap_or(text).split('.');
        Some(Self { major: leading_number(parts.next()?)?, minor: parts.next().map_or(Some(0), leading_number)? })
    }
}

impl fmt::Display for FlinkVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

fn leading_number(text: &str) -> Option<u32> {
    let digits = text.split(|character: char| !character.is_ascii_digit()).next()?;
    digits.parse().ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_its_first_two_numbers() {
        let read = |text| FlinkVersion::parse(text).map(|version| version.to_string());
        assert_eq!(read("1.20.1").as_deref(), Some("1.20"));
        assert_eq!(read("v2.1-java17").as_deref(), Some("2.1"));
        assert_eq!(read("2").as_deref(), Some("2.0"));
        assert_eq!((read(""), read("latest"), read("1.x")), (None, None, None));
    }

    #[test]
    fn versions_compare_as_numbers_and_not_as_text() {
        let can = |text| FlinkVersion::parse(text).unwrap().can(Ability::ProcessMemory);
        assert!(!can("1.9"));
        assert!(can("1.11") && can("2.0"));
    }
}
