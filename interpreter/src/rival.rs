//! A second operator that acts on the same application: two installations watch one namespace.
//!
//! Their writes are guarded by the resourceVersion, so neither harms; but each undoes the other's pace, and nobody
//! meant it. Every installation writes under a name of its own, and the API server keeps who wrote what
//! (<https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management>).

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

/// What the names of all installations begin with.
const PREFIX: &str = "flinkk8soperator/";
/// The API server takes no longer names.
const LONGEST: usize = 128;

/// The name under which an installation writes: that of its Lease, which its replicas share.
pub fn writer(lease_namespace: &str, lease_name: &str) -> String {
    let name = format!("{PREFIX}{lease_namespace}/{lease_name}");
    name.chars().filter(|c| !c.is_control()).take(LONGEST).collect()
}

/// The name of another installation that has written the status since this time.
pub(crate) fn seen<'a>(metadata: &'a ObjectMeta, ours: &str, since: Timestamp) -> Option<&'a str> {
    let writes = metadata.managed_fields.iter().flatten();
    let mut others = writes.filter_map(|write| {
        let status = write.subresource.as_deref() == Some("status");
        let name = write.manager.as_deref().filter(|name| status && name.starts_with(PREFIX) && *name != ours)?;
        // Whole seconds: what was written in the first one may be older.
        let lately = write.time.as_ref().is_some_and(|time| time.0.as_second() > since.as_second());
        lately.then_some(name)
    });
    others.next()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ManagedFieldsEntry, Time};

    use super::*;

    fn written(by: &str, second: i64) -> ObjectMeta {
        let write = ManagedFieldsEntry {
            manager: Some(by.to_owned()),
            subresource: Some("status".to_owned()),
            time: Some(Time(Timestamp::from_second(second).unwrap())),
            ..ManagedFieldsEntry::default()
        };
        ObjectMeta { managed_fields: Some(vec![write]), ..ObjectMeta::default() }
    }

    #[test]
    fn another_installation_that_writes_now_is_a_rival() {
        let (ours, since) = (writer("flink", "one"), Timestamp::from_second(100).unwrap());
        let seen = |by: &str, second| seen(&written(by, second), &ours, since).map(str::to_owned);
        assert_eq!(seen("flinkk8soperator/flink/two", 101).as_deref(), Some("flinkk8soperator/flink/two"));
        assert_eq!(seen("flinkk8soperator/flink/two", 100), None, "an installation that was replaced");
        assert_eq!(seen(&ours, 101), None);
        assert_eq!(seen("kubectl-edit", 101), None);
    }
}
