//! The way in from outside.

use k8s_openapi::api::networking::v1::{
    HTTPIngressPath, HTTPIngressRuleValue, Ingress, IngressBackend, IngressRule, IngressServiceBackend, IngressSpec,
    ServiceBackendPort,
};

use super::names;
use super::{owned, users};
use crate::application::{Application, Spec};
use crate::policy::Policy;

/// The host name under which an application's Flink is reached from outside; none without a format.
pub fn host(policy: &Policy, app: &str) -> Option<String> {
    let format = &policy.ingress_url_format;
    (!format.is_empty()).then(|| format.replace("{{$jobCluster}}", app))
}

pub(super) fn ingress(app: &Application, spec: &Spec, policy: &Policy) -> Option<Ingress> {
    let host = host(policy, &app.name)?;
    let mut labels = users(&app.labels);
    labels.insert(names::APP.to_owned(), app.name.clone());
    let service = IngressServiceBackend {
        name: names::generic_service(&app.name),
        port: Some(ServiceBackendPort { number: Some(spec.ports.ui.get().into()), ..ServiceBackendPort::default() }),
    };
    let path = HTTPIngressPath {
        backend: IngressBackend { service: Some(service), ..IngressBackend::default() },
        path: None,
        path_type: "ImplementationSpecific".to_owned(),
    };
    let rule = IngressRule { host: Some(host), http: Some(HTTPIngressRuleValue { paths: vec![path] }) };
    Some(Ingress {
        metadata: owned(app, names::ingress(&app.name), labels),
        spec: Some(IngressSpec { rules: Some(vec![rule]), ..IngressSpec::default() }),
        ..Ingress::default()
    })
}
