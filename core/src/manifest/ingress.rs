//! The way in from outside.

use k8s_openapi::api::networking::v1::{
    HTTPIngressPath, HTTPIngressRuleValue, Ingress, IngressBackend, IngressRule, IngressServiceBackend, IngressSpec,
    ServiceBackendPort,
};

use super::names;
use super::{owned, users};
use crate::application::{Application, Colour, Ports};
use crate::policy::Policy;

/// The host name under which an application's Flink (the version of a colour) is reached from outside; none without
/// a format.
pub fn host(policy: &Policy, app: &str, colour: Option<Colour>) -> Option<String> {
    let format = &policy.ingress_url_format;
    (!format.is_empty()).then(|| format.replace("{{$jobCluster}}", &names::entrance(app, colour)))
}

/// The way in from outside to an application, or to its version of a colour.
pub fn ingress(app: &Application, ports: Ports, policy: &Policy, colour: Option<Colour>) -> Option<Ingress> {
    let host = host(policy, &app.name, colour)?;
    let name = names::entrance(&app.name, colour).into_owned();
    let mut labels = users(&app.labels);
    labels.insert(names::APP.to_owned(), app.name.clone());
    let service = IngressServiceBackend {
        name: name.clone(),
        port: Some(ServiceBackendPort { number: Some(ports.ui.get().into()), ..ServiceBackendPort::default() }),
    };
    let path = HTTPIngressPath {
        backend: IngressBackend { service: Some(service), ..IngressBackend::default() },
        path: None,
        path_type: "ImplementationSpecific".to_owned(),
    };
    let rule = IngressRule { host: Some(host), http: Some(HTTPIngressRuleValue { paths: vec![path] }) };
    Some(Ingress {
        metadata: owned(app, name, labels),
        spec: Some(IngressSpec { rules: Some(vec![rule]), ..IngressSpec::default() }),
        ..Ingress::default()
    })
}
