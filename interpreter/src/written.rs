//! What this process itself wrote last: the watch tells of it a moment later, and it is no news.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use flink_operator_core::crd::FlinkApplication;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

/// So many superseded versions are remembered; the watch is never so late.
const REMEMBERED: usize = 64;

/// What was written last of one resource. Clones are the same: who writes and who watches share it.
#[derive(Clone, Default)]
pub(crate) struct OwnWrites(Arc<Mutex<Chain>>);

/// A chain of versions of one resource, each written by us upon the one before it.
///
/// The API server takes a status write only for the version that it was made of. So every version of the chain is
/// known to be older than the last, although versions themselves cannot be compared.
#[derive(Default)]
struct Chain {
    superseded: VecDeque<String>,
    newest: Option<String>,
    /// The newest, until the watch has shown it.
    unseen: Option<Arc<FlinkApplication>>,
}

/// What a version that the watch shows is to us.
#[derive(Debug, PartialEq)]
pub(crate) enum Shown {
    /// Somebody else wrote it, or it was written before we did.
    News,
    /// It is what we wrote last; the resource, if the watch shows it for the first time.
    Newest(Option<Arc<FlinkApplication>>),
    /// It is older than what we wrote last.
    Superseded,
}

impl OwnWrites {
    /// The API server answered `after` to a write upon `before`.
    pub fn wrote(&self, before: &FlinkApplication, after: &Arc<FlinkApplication>) {
        self.chain().wrote(before, after);
    }

    /// What is known of the resource when the watch shows it as `cached`.
    pub fn newest(&self, cached: &Arc<FlinkApplication>) -> Arc<FlinkApplication> {
        let chain = self.chain();
        let is_ours = chain.has(&cached.metadata);
        chain.unseen.as_ref().filter(|_| is_ours).unwrap_or(cached).clone()
    }

    /// The watch shows a version with this metadata.
    pub fn shown(&self, metadata: &ObjectMeta) -> Shown {
        let mut chain = self.chain();
        if chain.is_newest(metadata) {
            Shown::Newest(chain.unseen.take())
        } else if chain.has(metadata) {
            Shown::Superseded
        } else {
            Shown::News
        }
    }

    fn chain(&self) -> MutexGuard<'_, Chain> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Chain {
    fn wrote(&mut self, before: &FlinkApplication, after: &Arc<FlinkApplication>) {
        let Some(version) = before.metadata.resource_version.clone() else { return };
        if !self.is_newest(&before.metadata) {
            self.superseded.clear();
        }
        self.superseded.push_back(version);
        if self.superseded.len() > REMEMBERED {
            self.superseded.pop_front();
        }
        self.newest.clone_from(&after.metadata.resource_version);
        self.unseen = Some(after.clone());
    }

    fn has(&self, metadata: &ObjectMeta) -> bool {
        let version = metadata.resource_version.as_ref();
        self.is_newest(metadata) || version.is_some_and(|version| self.superseded.contains(version))
    }

    fn is_newest(&self, metadata: &ObjectMeta) -> bool {
        self.newest.is_some() && self.newest == metadata.resource_version
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn version(number: &str) -> Arc<FlinkApplication> {
        let mut resource = FlinkApplication::new("orders", Default::default());
        resource.metadata.resource_version = Some(number.to_owned());
        Arc::new(resource)
    }

    fn shown(own: &OwnWrites, number: &str) -> Shown {
        own.shown(&version(number).metadata)
    }

    fn newest(own: &OwnWrites, cached: &str) -> String {
        own.newest(&version(cached)).metadata.resource_version.clone().unwrap()
    }

    #[test]
    fn versions_that_were_superseded_by_our_own_are_no_news() {
        let own = OwnWrites::default();
        own.wrote(&version("1"), &version("2"));
        own.wrote(&version("2"), &version("3"));
        for old in ["1", "2", "3"] {
            assert_eq!(newest(&own, old), "3");
        }
        assert_eq!(shown(&own, "1"), Shown::Superseded);
        assert_eq!(shown(&own, "2"), Shown::Superseded);
        assert_eq!(shown(&own, "3"), Shown::Newest(Some(version("3"))));
        assert_eq!(shown(&own, "3"), Shown::Newest(None), "it is kept by whoever was shown it");
    }

    #[test]
    fn what_somebody_else_wrote_is_news() {
        let own = OwnWrites::default();
        own.wrote(&version("1"), &version("2"));
        assert_eq!(shown(&own, "7"), Shown::News);
        assert_eq!(newest(&own, "7"), "7");
    }

    #[test]
    fn a_write_upon_a_foreign_version_begins_a_new_chain() {
        let own = OwnWrites::default();
        own.wrote(&version("1"), &version("2"));
        own.wrote(&version("7"), &version("8"));
        assert_eq!(shown(&own, "7"), Shown::Superseded);
        assert_eq!(shown(&own, "8"), Shown::Newest(Some(version("8"))));
        assert_eq!(shown(&own, "2"), Shown::News, "it may be older or newer than what was read since");
    }
}
