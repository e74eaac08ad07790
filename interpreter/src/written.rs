//! What this process itself wrote last: the watch tells of it a moment later, and it is no news.

use std::collections::VecDeque;
use std::sync::Arc;

use flink_operator_core::crd::FlinkApplication;

/// So many superseded versions are remembered; the watch is never so late.
const REMEMBERED: usize = 64;

/// A chain of versions of one resource, each written by us upon the one before it.
///
/// The API server takes a status write only for the version that it was made of. So every version of the chain is
/// known to be older than the last, although versions themselves cannot be compared.
#[derive(Default)]
pub(crate) struct OwnWrites {
    superseded: VecDeque<String>,
    newest: Option<String>,
    /// The newest, until the watch has shown it.
    unseen: Option<Arc<FlinkApplication>>,
}

impl OwnWrites {
    /// The API server answered `after` to a write upon `before`.
    pub fn wrote(&mut self, before: &FlinkApplication, after: &Arc<FlinkApplication>) {
        let Some(version) = before.metadata.resource_version.clone() else { return };
        if !self.is_newest(before) {
            self.superseded.clear();
        }
        self.superseded.push_back(version);
        if self.superseded.len() > REMEMBERED {
            self.superseded.pop_front();
        }
        self.newest.clone_from(&after.metadata.resource_version);
        self.unseen = Some(after.clone());
    }

    /// What is known of the resource when the watch shows it as `cached`.
    pub fn newest<'a>(&'a self, cached: &'a Arc<FlinkApplication>) -> &'a Arc<FlinkApplication> {
        self.unseen.as_ref().filter(|_| self.are_ours(cached)).unwrap_or(cached)
    }

    /// The watch shows this version: whether it tells nothing that was not known when it was written.
    pub fn are_shown(&mut self, cached: &FlinkApplication) -> bool {
        if self.is_newest(cached) {
            self.unseen = None;
        }
        self.are_ours(cached)
    }

    fn are_ours(&self, cached: &FlinkApplication) -> bool {
        let version = cached.metadata.resource_version.as_ref();
        self.is_newest(cached) || version.is_some_and(|version| self.superseded.contains(version))
    }

    fn is_newest(&self, resource: &FlinkApplication) -> bool {
        self.newest.is_some() && self.newest == resource.metadata.resource_version
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

    fn shown<'a>(own: &'a OwnWrites, cached: &'a Arc<FlinkApplication>) -> &'a str {
        own.newest(cached).metadata.resource_version.as_deref().unwrap()
    }

    #[test]
    fn versions_that_were_superseded_by_our_own_are_no_news() {
        let mut own = OwnWrites::default();
        own.wrote(&version("1"), &version("2"));
        own.wrote(&version("2"), &version("3"));
        for old in ["1", "2", "3"] {
            assert_eq!(shown(&own, &version(old)), "3");
            assert!(own.are_shown(&version(old)));
        }
    }

    #[test]
    fn what_somebody_else_wrote_is_news() {
        let mut own = OwnWrites::default();
        own.wrote(&version("1"), &version("2"));
        assert!(!own.are_shown(&version("7")));
        assert_eq!(shown(&own, &version("7")), "7");
    }

    #[test]
    fn a_write_upon_a_foreign_version_begins_a_new_chain() {
        let mut own = OwnWrites::default();
        own.wrote(&version("1"), &version("2"));
        own.wrote(&version("7"), &version("8"));
        assert!(own.are_shown(&version("7")) && own.are_shown(&version("8")));
        assert!(!own.are_shown(&version("2")), "it may be older or newer than what was read since");
    }
}
