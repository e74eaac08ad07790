//! The rights that the operator needs. The roles in `deploy/` grant these and no others: a test compares them, and
//! another one compares the roles with the requests that are made.

use std::fmt;

/// One right.
#[derive(Debug, PartialEq, Eq)]
pub struct Right {
    /// The API group; empty for the core one.
    pub group: &'static str,
    /// The resource, in the plural.
    pub resource: &'static str,
    /// The subresource, if it is one.
    pub subresource: Option<&'static str>,
    /// The verb.
    pub verb: &'static str,
    /// What it is for.
    pub purpose: &'static str,
    /// Without it the operator does not act.
    pub needed: bool,
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.verb, self.resource)?;
        if let Some(subresource) = self.subresource {
            write!(f, "/{subresource}")?;
        }
        if self.group.is_empty() { Ok(()) } else { write!(f, " of {}", self.group) }
    }
}

const fn right(group: &'static str, resource: &'static str, verb: &'static str, purpose: &'static str) -> Right {
    Right { group, resource, subresource: None, verb, purpose, needed: true }
}

const fn of(subresource: &'static str, right: Right) -> Right {
    Right { subresource: Some(subresource), ..right }
}

const fn helpful(right: Right) -> Right {
    Right { needed: false, ..right }
}

const FLINK: &str = "flink.k8s.io";
const APPS: &str = "apps";
const INGRESSES: &str = "networking.k8s.io";
const EVENTS: &str = "events.k8s.io";
const LEASES: &str = "coordination.k8s.io";

/// In every watched namespace.
pub const RIGHTS: &[Right] = &[
    right(FLINK, "flinkapplications", "get", "a fresh look before every deed"),
    right(FLINK, "flinkapplications", "list", "to find the applications"),
    right(FLINK, "flinkapplications", "watch", "to hear of changes"),
    right(FLINK, "flinkapplications", "patch", "the finalizer"),
    of("status", right(FLINK, "flinkapplications", "update", "what the operator remembers and tells")),
    of(
        "finalizers",
        helpful(right(FLINK, "flinkapplications", "update", "owner references, where their admission is on")),
    ),
    right(APPS, "deployments", "get", "whose a Deployment is that is there already"),
    right(APPS, "deployments", "list", "a fresh look before every deed"),
    right(APPS, "deployments", "watch", "to hear of changes"),
    right(APPS, "deployments", "create", "new clusters"),
    right(APPS, "deployments", "patch", "scaling in place"),
    right(APPS, "deployments", "delete", "old clusters"),
    right("", "services", "get", "whose a Service is that is there already"),
    right("", "services", "list", "a fresh look before every deed"),
    right("", "services", "watch", "to hear of changes"),
    right("", "services", "create", "the way to a JobManager"),
    right("", "services", "patch", "to lead to the new JobManager"),
    right("", "services", "delete", "old clusters"),
    right(INGRESSES, "ingresses", "list", "a fresh look before every deed"),
    right(INGRESSES, "ingresses", "watch", "to hear of changes"),
    helpful(right(INGRESSES, "ingresses", "get", "ingressUrlFormat")),
    helpful(right(INGRESSES, "ingresses", "create", "ingressUrlFormat")),
    helpful(right(INGRESSES, "ingresses", "patch", "ingressUrlFormat")),
    helpful(right(INGRESSES, "ingresses", "delete", "ingressUrlFormat")),
    right("", "pods", "list", "why a cluster does not start"),
    right("", "pods", "watch", "why a cluster does not start"),
    helpful(right(EVENTS, "events", "create", "what is told of an application")),
    helpful(right(EVENTS, "events", "patch", "what is told of an application once more")),
];

/// In the namespace of the Lease.
pub const LEASE: &[Right] = &[
    right(LEASES, "leases", "get", "only one operator acts"),
    right(LEASES, "leases", "create", "only one operator acts"),
    right(LEASES, "leases", "update", "only one operator acts"),
];

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use std::collections::BTreeSet;

    use k8s_openapi::api::rbac::v1::PolicyRule;

    use super::*;

    type Grant = (String, String, String);

    fn granted(file: &str) -> BTreeSet<Grant> {
        let objects: Vec<serde_json::Value> = serde_saphyr::from_multiple(file).unwrap();
        let rules: Vec<PolicyRule> = serde_json::from_value(objects[0]["rules"].clone()).unwrap();
        let grants = rules.iter().flat_map(|rule| {
            let group = rule.api_groups.clone().unwrap().join("");
            let resources = rule.resources.iter().flatten();
            resources.flat_map(move |resource| {
                let group = group.clone();
                rule.verbs.iter().map(move |verb| (group.clone(), resource.clone(), verb.clone()))
            })
        });
        grants.collect()
    }

    fn asked(rights: &[Right]) -> BTreeSet<Grant> {
        let resource = |right: &Right| match right.subresource {
            None => right.resource.to_owned(),
            Some(subresource) => format!("{}/{subresource}", right.resource),
        };
        rights.iter().map(|right| (right.group.to_owned(), resource(right), right.verb.to_owned())).collect()
    }

    #[test]
    fn the_roles_grant_what_is_asked_for() {
        assert_eq!(granted(include_str!("../../../deploy/base/role.yaml")), asked(RIGHTS));
        assert_eq!(granted(include_str!("../../../deploy/base/lease-role.yaml")), asked(LEASE));
    }
}
