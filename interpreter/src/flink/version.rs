//! Which call a Flink version understands.
//!
//! The version is the one that the JobManager itself tells: while an upgrade of Flink is under way the
//! spec tells the version of the next cluster, not of the one whose job is to be stopped.

use flink_operator_core::application::{Ability, FlinkVersion};

/// How a job is stopped with a savepoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopCall {
    /// `POST /jobs/:id/stop` with a `triggerId` that we choose.
    StopByOurId,
    /// The same without the id: these versions refuse bodies with fields that they do not know.
    Stop,
    /// `POST /jobs/:id/savepoints` with `cancel-job`.
    CancelWithSavepoint,
}

impl StopCall {
    /// The call for a JobManager that says it is of this version; one that does not say is taken for new.
    pub fn of(version: Option<&str>) -> Self {
        match version.and_then(FlinkVersion::parse) {
            Some(version) if !version.can(Ability::StopWithSavepoint) => Self::CancelWithSavepoint,
            Some(version) if !version.can(Ability::TriggerIdOfOurs) => Self::Stop,
            Some(_) | None => Self::StopByOurId,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_version_is_stopped_by_a_call_that_it_understands() {
        for (version, call) in [
            ("2.1.0", StopCall::StopByOurId),
            ("1.20.5", StopCall::StopByOurId),
            ("1.15-SNAPSHOT", StopCall::StopByOurId),
            ("1.14.6", StopCall::Stop),
            ("1.9.0", StopCall::Stop),
            ("1.8.3", StopCall::CancelWithSavepoint),
            ("<unknown>", StopCall::StopByOurId),
        ] {
            assert_eq!(StopCall::of(Some(version)), call, "{version}");
        }
        assert_eq!(StopCall::of(None), StopCall::StopByOurId);
    }
}
