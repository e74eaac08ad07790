//! Derived ids. Nothing here is random: the same deploy asks for the same cluster, job and savepoint
//! however often the operator dies, so a repeated request is recognized as a repetition.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// The identity of what a spec asks for: 64 hex digits over everything that shapes pods and job.
///
/// "Has the spec changed?" compares digests; see [`crate::application::Spec::digest`] for what goes in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Digest(String);

impl Digest {
    /// The digest of a canonical text.
    pub fn of(canonical: &[u8]) -> Self {
        Self(hex(&Sha256::digest(canonical), 64))
    }

    /// The 64 hex digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The id of one attempt to bring a spec to life: 8 hex digits, part of the names of all its objects.
///
/// Derived from the application's uid, the digest and the count of deploys, so no name is used twice
/// in the life of an application. (An id that the original operator gave is kept as it is.)
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct RevisionId(String);

impl RevisionId {
    /// The id of deploy number `deploy` (counted from 1) of an application.
    pub fn derive(application_uid: &str, digest: &Digest, deploy: u32) -> Self {
        Self(derived("revision", &[application_uid, digest.as_str(), &deploy.to_string()], 8))
    }

    /// The id that a label or a status already carries.
    pub fn known(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    /// The 8 hex digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A Flink job id that we choose: 32 hex digits, sent as `jobId` with the submission.
///
/// Flink refuses a second submission under the same id, also after that job ended.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct JobId(String);

impl JobId {
    /// The id of the `attempt`th submission (counted from 1) of a revision.
    pub fn derive(application_uid: &str, revision: &RevisionId, attempt: u32) -> Self {
        Self(derived("job", &[application_uid, revision.as_str(), &attempt.to_string()], 32))
    }

    /// The id that Flink or a status already carries.
    pub fn known(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    /// The 32 hex digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The id of a savepoint request that we choose: 32 hex digits, sent as `triggerId`.
///
/// Flink answers a repeated trigger with the state of the first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct TriggerId(String);

impl TriggerId {
    /// The id of the `attempt`th try (counted from 1) to stop a job with a savepoint.
    pub fn derive(application_uid: &str, job: &JobId, attempt: u32) -> Self {
        Self(derived("savepoint", &[application_uid, job.as_str(), &attempt.to_string()], 32))
    }

    /// The id of the `attempt`th try (counted from 1) to take a savepoint for `revision` of a job that runs on.
    pub fn derive_beside(application_uid: &str, job: &JobId, revision: &RevisionId, attempt: u32) -> Self {
        let attempt = attempt.to_string();
        Self(derived("savepoint", &[application_uid, job.as_str(), revision.as_str(), &attempt], 32))
    }

    /// The id that a status already carries.
    pub fn known(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    /// The 32 hex digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

macro_rules! displayed {
    ($($id:ty),*) => {$(
        impl fmt::Display for $id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}
displayed!(Digest, RevisionId, JobId, TriggerId);

/// A fraction in [0, 1) that is a function of its seeds: jitter that a replay repeats.
pub fn fraction(seeds: &[&str]) -> f64 {
    let word = derived("jitter", seeds, 8);
    f64::from(u32::from_str_radix(&word, 16).unwrap_or(0)) / (f64::from(u32::MAX) + 1.0)
}

/// The first `digits` hex digits of a hash over `parts`, each ended by a byte that no part contains.
fn derived(kind: &str, parts: &[&str], digits: usize) -> String {
    let mut hash = Sha256::new();
    hash.update(kind.as_bytes());
    for part in parts {
        hash.update([0xff]);
        hash.update(part.as_bytes());
    }
    hex(&hash.finalize(), digits)
}

fn hex(bytes: &[u8], digits: usize) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .take(digits)
        .filter_map(|nibble| char::from_digit(u32::from(nibble), 16))
        .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_the_length_that_names_and_flink_expect() {
        let digest = Digest::of(b"spec");
        let revision = RevisionId::derive("uid", &digest, 1);
        assert_eq!((digest.as_str().len(), revision.as_str().len()), (64, 8));
        assert_eq!(JobId::derive("uid", &revision, 1).as_str().len(), 32);
    }

    #[test]
    fn another_deploy_of_the_same_spec_is_another_revision() {
        let digest = Digest::of(b"spec");
        assert_ne!(RevisionId::derive("uid", &digest, 1), RevisionId::derive("uid", &digest, 2));
        assert_eq!(RevisionId::derive("uid", &digest, 1), RevisionId::derive("uid", &digest, 1));
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        assert_ne!(derived("k", &["ab", "c"], 32), derived("k", &["a", "bc"], 32));
    }

    #[test]
    fn jitter_stays_within_its_bounds() {
        for n in 0..1000 {
            let at = fraction(&[&n.to_string()]);
            assert!((0.0..1.0).contains(&at));
        }
    }
}
