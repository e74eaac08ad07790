//! One object of an application, reduced to what counts: a cache of ten thousand applications holds no
//! pod templates.

use std::collections::BTreeMap;
use std::num::NonZeroU16;

use flink_operator_core::id::RevisionId;
use flink_operator_core::manifest::names::{self, Role};
use flink_operator_core::manifest::ui_port;
use flink_operator_core::snapshot::{DeploymentSeen, IngressSeen, Objects, PodTrouble, ServiceSeen};
use k8s_openapi::api::networking::v1::Ingress;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::ResourceExt;

use super::pod;
use super::view::{DeploymentView, PodView, ServiceView};

/// The kinds of objects that are watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// JobManagers and TaskManagers.
    Deployment,
    /// The way to the JobManagers.
    Service,
    /// The way in from outside.
    Ingress,
    /// What the Deployments made.
    Pod,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Deployment, Self::Service, Self::Ingress, Self::Pod];
}

/// One object of an application, reduced to what counts.
#[derive(Clone, Debug, PartialEq)]
pub struct Child {
    pub(super) namespace: String,
    pub(super) name: String,
    /// The value of the label that names the application.
    pub(super) application: Option<String>,
    /// The uid in the controlling owner reference.
    owner: Option<String>,
    body: Body,
}

#[derive(Clone, Debug, PartialEq)]
enum Body {
    Deployment {
        revision: Option<RevisionId>,
        role: Option<Role>,
        pods: BTreeMap<String, String>,
        seen: DeploymentSeen,
        refused: Option<PodTrouble>,
    },
    Service {
        revision: Option<RevisionId>,
        ui_port: Option<NonZeroU16>,
        seen: ServiceSeen,
    },
    Ingress(IngressSeen),
    Pod {
        labels: BTreeMap<String, String>,
        addressed: bool,
        trouble: Option<PodTrouble>,
    },
}

/// A kind of object that is watched.
pub trait Watched: kube::Resource<DynamicType = ()> + Clone {
    /// Which one.
    const KIND: Kind;

    /// What counts of the object.
    fn child(&self) -> Child;
}

impl Child {
    fn of(metadata: &ObjectMeta, body: Body) -> Self {
        let owners = metadata.owner_references.as_deref().unwrap_or_default();
        let controller = owners.iter().find(|owner| owner.controller == Some(true));
        let labels = metadata.labels.as_ref();
        Self {
            namespace: metadata.namespace.clone().unwrap_or_default(),
            name: metadata.name.clone().unwrap_or_default(),
            application: labels.and_then(|labels| labels.get(names::APP)).cloned(),
            owner: controller.map(|owner| owner.uid.clone()),
            body,
        }
    }

    pub(super) fn kind(&self) -> Kind {
        match self.body {
            Body::Deployment { .. } => Kind::Deployment,
            Body::Service { .. } => Kind::Service,
            Body::Ingress(_) => Kind::Ingress,
            Body::Pod { .. } => Kind::Pod,
        }
    }

    /// The port of Flink's REST interface, if this is a Service that has one.
    pub(super) fn ui_port(&self) -> Option<NonZeroU16> {
        match &self.body {
            Body::Service { ui_port, .. } => *ui_port,
            Body::Deployment { .. } | Body::Ingress(_) | Body::Pod { .. } => None,
        }
    }
}

/// The objects of the application with this uid, sorted by revision.
///
/// Objects of another owner do not count, such as those of an earlier application of that name. A pod
/// is owned by a ReplicaSet, so it counts where a Deployment that counts selects it.
pub(super) fn sort<'a>(uid: &str, children: impl Iterator<Item = &'a Child> + Clone) -> Objects {
    let mut objects = Objects::default();
    let owned = children.clone().filter(|child| child.owner.as_deref() == Some(uid));
    for child in owned.clone() {
        match &child.body {
            Body::Deployment { revision: Some(revision), role: Some(role), seen, refused, .. } => {
                let cluster = objects.clusters.entry(revision.clone()).or_default();
                cluster.pod_troubles.extend(refused.clone());
                *cluster.deployment_mut(*role) = Some(seen.clone());
            }
            Body::Service { revision: Some(revision), seen, .. } => {
                objects.clusters.entry(revision.clone()).or_default().service = Some(seen.clone());
            }
            Body::Service { revision: None, seen, .. } => {
                objects.entrances.insert(seen.name.clone(), seen.clone());
            }
            Body::Ingress(seen) => {
                objects.ingresses.insert(seen.name.clone(), seen.clone());
            }
            Body::Deployment { .. } | Body::Pod { .. } => {}
        }
    }
    for child in children {
        let Body::Pod { labels, addressed, trouble } = &child.body else { continue };
        let made_by = owned.clone().find_map(|owner| match &owner.body {
            Body::Deployment { revision: Some(revision), role: Some(role), pods, .. } if selects(pods, labels) => {
                Some((revision, role))
            }
            Body::Deployment { .. } | Body::Service { .. } | Body::Ingress(_) | Body::Pod { .. } => None,
        });
        let Some((revision, role)) = made_by else { continue };
        let Some(cluster) = objects.clusters.get_mut(revision) else { continue };
        cluster.pod_troubles.extend(trouble.clone());
        if let Some(deployment) = cluster.deployment_mut(*role) {
            deployment.addressed += u32::from(*addressed);
        }
    }
    for cluster in objects.clusters.values_mut() {
        cluster.pod_troubles.sort_by(|one, other| one.pod.cmp(&other.pod));
    }
    objects
}

/// Whether a Deployment's `matchLabels` mean a pod with these labels; none mean nothing here.
fn selects(pods: &BTreeMap<String, String>, labels: &BTreeMap<String, String>) -> bool {
    !pods.is_empty() && pods.iter().all(|(key, value)| labels.get(key) == Some(value))
}

impl Watched for DeploymentView {
    const KIND: Kind = Kind::Deployment;

    fn child(&self) -> Child {
        let count = |count: Option<i32>| count.and_then(|count| u32::try_from(count).ok());
        let spec = self.spec.as_ref();
        let status = self.status.as_ref();
        let pods = spec.and_then(|spec| spec.selector.match_labels.clone()).unwrap_or_default();
        let seen = DeploymentSeen {
            name: self.name_any(),
            uid: self.uid().unwrap_or_default(),
            deleting: self.metadata.deletion_timestamp.is_some(),
            replicas: count(spec.and_then(|spec| spec.replicas)).unwrap_or(1),
            existing: count(status.and_then(|status| status.replicas)).unwrap_or(0),
            available: count(status.and_then(|status| status.available_replicas)).unwrap_or(0),
            // Its pods tell.
            addressed: 0,
            selects: pods.get(names::SELECTOR).cloned().unwrap_or_default(),
        };
        let body = Body::Deployment {
            revision: names::revision_of(self.metadata.labels.as_ref()),
            role: names::role_of(self.metadata.labels.as_ref()),
            pods,
            seen,
            refused: pod::refused(self),
        };
        Child::of(&self.metadata, body)
    }
}

impl Watched for ServiceView {
    const KIND: Kind = Kind::Service;

    fn child(&self) -> Child {
        let selector = self.spec.as_ref().and_then(|spec| spec.selector.as_ref());
        let ports = self.spec.as_ref().map(|spec| spec.ports.as_slice()).unwrap_or_default();
        let seen = ServiceSeen {
            name: self.name_any(),
            uid: self.uid().unwrap_or_default(),
            deleting: self.metadata.deletion_timestamp.is_some(),
            selects: selector.and_then(|selector| selector.get(names::SELECTOR)).cloned().unwrap_or_default(),
            ports: ports.iter().map(|port| u16::try_from(port.port).unwrap_or_default()).collect(),
        };
        let revision = names::revision_of(self.metadata.labels.as_ref());
        Child::of(&self.metadata, Body::Service { revision, ui_port: ui_port(ports), seen })
    }
}

impl Watched for Ingress {
    const KIND: Kind = Kind::Ingress;

    fn child(&self) -> Child {
        let rule = self.spec.as_ref().and_then(|spec| spec.rules.as_ref()).and_then(|rules| rules.first());
        let path = rule.and_then(|rule| rule.http.as_ref()).and_then(|http| http.paths.first());
        let port = path.and_then(|path| path.backend.service.as_ref()?.port.as_ref()?.number);
        let seen = IngressSeen {
            name: self.name_any(),
            uid: self.uid().unwrap_or_default(),
            host: rule.and_then(|rule| rule.host.clone()).unwrap_or_default(),
            port: port.and_then(|port| u16::try_from(port).ok()).unwrap_or_default(),
        };
        Child::of(&self.metadata, Body::Ingress(seen))
    }
}

impl Watched for PodView {
    const KIND: Kind = Kind::Pod;

    fn child(&self) -> Child {
        let labels = self.metadata.labels.clone().unwrap_or_default();
        let has_address = self.status.as_ref().is_some_and(|status| status.pod_ip.is_some());
        let addressed = has_address && self.metadata.deletion_timestamp.is_none();
        Child::of(&self.metadata, Body::Pod { labels, addressed, trouble: pod::trouble(self) })
    }
}
