//! The Services that lead to a JobManager.

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroU16;

use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};

use super::names::{self, Role};
use super::owned;
use crate::application::{Application, Ports};
use crate::id::RevisionId;
use crate::memory::Revision;

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
pub fn ui_port(ports: &[ServicePort]) -> Option<NonZeroU16> {
    let ui = ports.iter().find(|port| port.name.as_deref() == Some("ui"))?;
    NonZeroU16::new(u16::try_from(ui.port).ok()?)
}

/// The Service of the application, or of its version of a colour: it leads to the JobManager of `revision`, whose
/// pods have this value of [`names::SELECTOR`] where the original drew it.
pub fn generic(app: &Application, ports: Ports, revision: &Revision, drawn: Option<&str>) -> Service {
    let mut labels = BTreeMap::from([(names::APP.to_owned(), app.name.clone())]);
    labels.extend(colour(revision));
    service(app, ports, revision, drawn, names::entrance(&app.name, revision.colour).into_owned(), labels)
}

/// The Service of a revision, as [`generic`].
pub fn versioned(app: &Application, ports: Ports, revision: &Revision, drawn: Option<&str>) -> Service {
    let mut labels = BTreeMap::from([
        (names::APP.to_owned(), app.name.clone()),
        (names::REVISION.to_owned(), revision.id.to_string()),
    ]);
    labels.extend(colour(revision));
    let mut service = service(app, ports, revision, drawn, names::versioned_service(&app.name, &revision.id), labels);
    // TaskManagers register with a JobManager by this name. Its probe calls it ready seconds after it is, DNS remembers for
    // some more that the name led nowhere, and Flink then asks again after `cluster.registration.error-delay`, 10 seconds.
    if let Some(spec) = &mut service.spec {
        spec.publish_not_ready_addresses = Some(true);
    }
    service
}

/// The label of a version.
pub(super) fn colour(revision: &Revision) -> Option<(String, String)> {
    revision.colour.map(|colour| (names::COLOUR.to_owned(), colour.to_string()))
}

fn service(
    app: &Application,
    ports: Ports,
    revision: &Revision,
    drawn: Option<&str>,
    name: String,
    labels: BTreeMap<String, String>,
) -> Service {
    let selected = drawn.map_or_else(|| names::selector(&revision.id, Role::JobManager), str::to_owned);
    let mut selector = BTreeMap::from([
        (names::APP.to_owned(), app.name.clone()),
        (names::ROLE.to_owned(), Role::JobManager.to_string()),
        (names::SELECTOR.to_owned(), selected),
    ]);
    selector.extend(colour(revision));
    Service {
        metadata: owned(app, name, labels),
        spec: Some(ServiceSpec {
            type_: Some("ClusterIP".to_owned()),
            // Headless: the name leads straight to the pod, whose ports are the Service's.
            cluster_ip: Some("None".to_owned()),
            ports: Some(listed(&ports)),
            selector: Some(selector),
            ..ServiceSpec::default()
        }),
        ..Service::default()
    }
}

fn listed(ports: &Ports) -> Vec<ServicePort> {
    let port = |(name, port): (&str, NonZeroU16)| ServicePort {
        name: Some(name.to_owned()),
        port: port.get().into(),
        ..ServicePort::default()
    };
    ports.named().into_iter().map(port).collect()
}
