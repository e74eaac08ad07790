//! What objects are called, and how one tells from an object what it is.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use crate::application::Colour;
use crate::id::RevisionId;
use crate::memory::Revision;

/// Label: the name of the application.
pub const APP: &str = "flink-app";
/// Label of Deployments and versioned Services: the id of the revision. Pods have it as annotation.
pub const REVISION: &str = "flink-app-hash";
/// Label: `jobmanager` or `taskmanager`.
pub const ROLE: &str = "flink-deployment-type";
/// Label of pods: whose pods they are, for the selectors of Deployments and Services.
pub const SELECTOR: &str = "pod-deployment-selector";
/// Label and annotation: the colour of a version (BlueGreen).
pub const COLOUR: &str = "flink-application-version";
/// Annotation of Deployments: the job, for a person who looks.
pub const JOB_PROPERTIES: &str = "flink-job-properties";
/// Annotation of Deployments: spec.restartNonce.
pub const RESTART_NONCE: &str = "restart-nonce";

/// All labels and annotations that mean something to the operator: a user's value for one of them
/// does not count, for Services would select nothing.
pub const OURS: [&str; 7] = [APP, REVISION, ROLE, SELECTOR, COLOUR, JOB_PROPERTIES, RESTART_NONCE];

/// What a pod does in a Flink cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// It decides what runs where.
    JobManager,
    /// It runs tasks.
    TaskManager,
}

impl Role {
    /// The word in labels, container names and arguments.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::JobManager => "jobmanager",
            Self::TaskManager => "taskmanager",
        }
    }

    const fn suffix(self) -> &'static str {
        match self {
            Self::JobManager => "jm",
            Self::TaskManager => "tm",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The Deployment of a role.
pub fn deployment(app: &str, revision: &Revision, role: Role) -> String {
    match revision.colour {
        None => format!("{app}-{}-{}", revision.id, role.suffix()),
        Some(colour) => format!("{app}-{}-{colour}-{}", revision.id, role.suffix()),
    }
}

/// The name in a Deployment's pod template.
pub fn pod_template(app: &str, revision: &Revision, role: Role) -> String {
    format!("{app}-{}-{}-pod", revision.id, role.suffix())
}

/// What leads to the job in charge, or to the version of a colour: the name of the Service and of the Ingress.
pub fn entrance(app: &str, colour: Option<Colour>) -> Cow<'_, str> {
    match colour {
        // Without a new String: a resting application asks all the time.
        None => Cow::Borrowed(app),
        Some(colour) => Cow::Owned(format!("{app}-{colour}")),
    }
}

/// The Service of one revision.
pub fn versioned_service(app: &str, revision: &RevisionId) -> String {
    format!("{app}-{revision}")
}

/// The value of [`SELECTOR`] on the pods of a role. The original drew it at random; derived, it lets
/// a JobManager that was made anew be found by the Services that are already there.
pub fn selector(revision: &RevisionId, role: Role) -> String {
    match role {
        Role::JobManager => revision.as_str().to_owned(),
        Role::TaskManager => format!("{revision}-{}", role.suffix()),
    }
}

/// Whether a Service whose selector has this value of [`SELECTOR`] leads to the JobManager of `revision`.
/// It compares without building anything, because a resting application asks all the time.
pub fn selects_jobmanager(selected: &str, revision: &RevisionId) -> bool {
    selected == revision.as_str()
}

/// The name of a role's container after the operator's format, in which `%s` stands for the role.
pub fn container(format: &str, role: Role) -> String {
    if format.is_empty() { role.as_str().to_owned() } else { format.replace("%s", role.as_str()) }
}

/// Why a format of container names cannot be used, if it cannot.
pub fn container_format_problem(format: &str) -> Option<String> {
    [Role::JobManager, Role::TaskManager].into_iter().find_map(|role| {
        let name = container(format, role);
        let plain = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        let valid = plain && !name.starts_with('-') && !name.ends_with('-') && name.len() <= 63;
        (!valid).then(|| {
            format!(
                "containerNameFormat {format:?} makes {name:?}, which cannot name a container; write a-z, 0-9, '-' \
                 and one %s for the role, such as %s-flink"
            )
        })
    })
}

/// The revision that an observed Deployment or versioned Service belongs to.
pub fn revision_of(labels: Option<&BTreeMap<String, String>>) -> Option<RevisionId> {
    let id = labels?.get(REVISION).filter(|id| !id.is_empty())?;
    Some(RevisionId::known(id))
}

/// The role that an observed Deployment or pod plays.
pub fn role_of(labels: Option<&BTreeMap<String, String>>) -> Option<Role> {
    let role = labels?.get(ROLE)?;
    [Role::JobManager, Role::TaskManager].into_iter().find(|known| known.as_str() == role)
}

/// Whether an observed object is labelled as one of an application's.
pub fn belongs_to(labels: Option<&BTreeMap<String, String>>, app: &str) -> bool {
    labels.and_then(|labels| labels.get(APP)).is_some_and(|name| name == app)
}
