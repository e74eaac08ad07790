//! What the events of an application tell of its last update.

use jiff::Timestamp;
use serde::Serialize;

use crate::explain::happened::Happened;

/// How long no job ran.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Pause {
    /// When the old job was stopped.
    pub at: Timestamp,
    /// Until the new one ran, in seconds.
    pub seconds: f64,
}

/// The last update that came to its end: from the stop of the old job until its cluster, which the new job needed no
/// more, was taken down. Events are sorted by time. Kubernetes forgets them after an hour, as it is usually set up.
pub fn last_pause(events: &[Happened]) -> Option<Pause> {
    let at = |reason: &str| events.iter().rposition(|event| event.reason == reason);
    let stop = at("CancellingJob")?;
    let after = events.get(stop..)?;
    let end = after.iter().find(|event| event.reason == "ToreDownCluster")?;
    let ill = ["SavepointFailed", "DeployFailed", "JobSubmissionFailed", "JobMonitoringFailed", "CancelFailed"];
    let went_well = !after.iter().any(|event| event.time < end.time && ill.contains(&event.reason.as_str()));
    let begin = after.first()?.time;
    went_well.then(|| Pause { at: begin, seconds: (end.time - begin).total(jiff::Unit::Second).unwrap_or_default() })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn events(told: &[(&str, i64)]) -> Vec<Happened> {
        let event = |(reason, ms): &(&str, i64)| Happened {
            time: Timestamp::from_millisecond(*ms).unwrap(),
            count: 1,
            kind: "Normal".to_owned(),
            reason: (*reason).to_owned(),
            message: String::new(),
        };
        told.iter().map(event).collect()
    }

    #[test]
    fn the_last_update_tells_how_long_no_job_ran() {
        let told = [
            ("CancellingJob", 1_000),
            ("ToreDownCluster", 9_000),
            ("CancellingJob", 20_000),
            ("CanceledJob", 21_000),
            ("JobSubmitted", 21_500),
            ("ToreDownCluster", 23_500),
        ];
        let pause = last_pause(&events(&told)).unwrap();
        assert_eq!((pause.at.as_millisecond(), pause.seconds), (20_000, 3.5));
    }

    #[test]
    fn an_update_that_failed_or_goes_on_tells_nothing() {
        assert_eq!(last_pause(&events(&[("CancellingJob", 1_000), ("JobSubmitted", 2_000)])), None);
        let failed = [("CancellingJob", 1_000), ("JobMonitoringFailed", 2_000), ("ToreDownCluster", 3_000)];
        assert_eq!(last_pause(&events(&failed)), None);
        assert_eq!(last_pause(&[]), None);
    }
}
