//! The Services that lead to a JobManager.

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroU16;

use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};

use super::names::{self, Role};
use super::owned;
use crate::application::{Application, Ports, Spec};
use crate::id::RevisionId;

/// Where the JobManager of a revision answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// The namespace of the Service.
    pub namespace: String,
    /// The name of the Service.
    pub service: String,
    /// The port of the REST interface.
    pub port: NonZeroU16,
}

impl Address {
    /// The host name, within the Kubernetes cluster.
    pub fn host(&self) -> String {
        format!("{}.{}", self.service, self.namespace)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host(), self.port)
    }
}

/// Where the JobManager of a revision answers, given the port that the revision was deployed with.
pub fn address(app: &Application, revision: &RevisionId, port: NonZeroU16) -> Address {
    let service = names::versioned_service(&app.name, revision);
    Address { namespace: app.namespace.clone(), service, port }
}

/// The REST port that an observed Service leads to: the spec may have another one by now.
pub fn ui_port(service: &Service) -> Option<NonZeroU16> {
    let ports = service.spec.as_ref()?.ports.as_ref()?;
    let ui = ports.iter().find(|port| port.name.as_deref() == Some("ui"))?;
    NonZeroU16::new(u16::try_from(ui.port).ok()?)
}

/// What the generic Service selects when a revision's JobManager is the one in charge.
pub fn jobmanager_selector(app: &Application, revision: &RevisionId) -> BTreeMap<String, String> {
    BTreeMap::from([
        (names::APP.to_owned(), app.name.clone()),
        (names::ROLE.to_owned(), Role::JobManager.to_string()),
        (names::SELECTOR.to_owned(), names::selector(revision, Role::JobManager)),
    ])
}

pub(super) fn generic(app: &Application, spec: &Spec, revision: &RevisionId) -> Service {
    let labels = BTreeMap::from([(names::APP.to_owned(), app.name.clone())]);
    service(app, spec, revision, names::generic_service(&app.name), labels)
}

pub(super) fn versioned(app: &Application, spec: &Spec, revision: &RevisionId) -> Service {
    let labels =
        BTreeMap::from([(names::APP.to_owned(), app.name.clone()), (names::REVISION.to_owned(), revision.to_string())]);
    service(app, spec, revision, names::versioned_service(&app.name, revision), labels)
}

fn service(
    app: &Application,
    spec: &Spec,
    revision: &RevisionId,
    name: String,
    labels: BTreeMap<String, String>,
) -> Service {
    Service {
        metadata: owned(app, name, labels),
        spec: Some(ServiceSpec {
            type_: Some("ClusterIP".to_owned()),
            // Headless: the name leads straight to the pod, whose ports are the Service's.
            cluster_ip: Some("None".to_owned()),
            ports: Some(ports(&spec.ports)),
            selector: Some(jobmanager_selector(app, revision)),
            ..ServiceSpec::default()
        }),
        ..Service::default()
    }
}

fn ports(ports: &Ports) -> Vec<ServicePort> {
    let port = |(name, port): (&str, NonZeroU16)| ServicePort {
        name: Some(name.to_owned()),
        port: port.get().into(),
        ..ServicePort::default()
    };
    ports.named().into_iter().map(port).collect()
}
