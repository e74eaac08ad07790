//! What must hold before the operator acts: the resource is installed as this version needs it, and all rights are
//! there. Where something is missing it says what, and looks again until it holds.

mod rights;
mod schema;

use futures::future::join_all;
use http::Request;
use k8s_openapi::api::authorization::v1::{ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec};
use kube::api::PostParams;
use kube::{Api, Client};
use serde_json::Value;

pub use rights::{LEASE, RIGHTS, Right};

use flink_operator_core::crd::{GROUP, VERSION, schema_of_the_resource};

/// Where the operator is to act, and what it asks there.
pub struct Scope<'a> {
    /// The namespaces that it watches; empty for all.
    pub namespaces: &'a [String],
    /// The namespace and the name of the Lease, if it takes one.
    pub lease: Option<(&'a str, &'a str)>,
}

/// What was found.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// The operator must not act, or cannot.
    pub hindrances: Vec<String>,
    /// It can act, but somebody should know.
    pub warnings: Vec<String>,
}

/// Looks at the API server.
///
/// # Errors
/// The sentence why it does not answer.
pub async fn look(client: &Client, scope: &Scope<'_>) -> Result<Findings, String> {
    let mut findings = Findings::default();
    installed(client, &mut findings).await?;
    granted(client, scope, &mut findings).await?;
    Ok(findings)
}

/// The definition of the resource is there, and drops nothing of what this version writes.
async fn installed(client: &Client, findings: &mut Findings) -> Result<(), String> {
    if get(client, &format!("/apis/{GROUP}/{VERSION}")).await?.is_none() {
        findings.hindrances.push(format!(
            "the resource flinkapplications.{GROUP} is not installed: `flinkk8soperator crd | kubectl apply --server-side -f -`"
        ));
        return Ok(());
    }
    // Not every API server publishes it, and it is late by some seconds.
    let published = get(client, &format!("/openapi/v3/apis/{GROUP}/{VERSION}")).await?;
    let Some(served) = published.as_ref().and_then(schema::of_the_resource) else { return Ok(()) };
    let ours = schema_of_the_resource();
    let dropped = schema::lacking(served, ours);
    let mend = "`flinkk8soperator crd | kubectl apply --server-side -f -` installs that of this version";
    if let Some(first) = dropped.iter().find(|path| path.starts_with("status.")) {
        findings.hindrances.push(format!(
            "the installed definition of the resource is older than this version: it drops {first}, which the operator \
             must be able to remember; {mend}"
        ));
    } else if let Some(first) = dropped.first() {
        findings.warnings.push(format!(
            "the installed definition of the resource is older than this version: it drops {first} from manifests; {mend}"
        ));
    }
    if let Some(first) = schema::lacking(ours, served).first() {
        findings.warnings.push(format!(
            "the installed definition of the resource is newer than this version, which does not know {first}"
        ));
    }
    Ok(())
}

/// The operator may do all that it does.
async fn granted(client: &Client, scope: &Scope<'_>, findings: &mut Findings) -> Result<(), String> {
    let all = [String::new()];
    let namespaces = if scope.namespaces.is_empty() { &all } else { scope.namespaces };
    let watched =
        namespaces.iter().flat_map(|namespace| RIGHTS.iter().map(move |right| (namespace.as_str(), "", right)));
    let lease = scope.lease.into_iter().flat_map(|(namespace, name)| LEASE.iter().map(move |it| (namespace, name, it)));
    let asked: Vec<_> = watched.chain(lease).collect();
    let answers = join_all(asked.iter().map(|(namespace, name, right)| may(client, namespace, name, right))).await;
    for ((namespace, name, right), answer) in asked.iter().zip(answers) {
        if answer? {
            continue;
        }
        let place = if namespace.is_empty() { "all namespaces".to_owned() } else { format!("namespace {namespace}") };
        let role = if name.is_empty() { "flinkoperator" } else { "flinkoperator-lease" };
        let purpose = right.purpose;
        let text =
            format!("the right to {right} in {place} is missing ({purpose}); the role {role} of deploy/ grants it");
        if right.needed { findings.hindrances.push(text) } else { findings.warnings.push(text) }
    }
    Ok(())
}

/// Whether this right is granted. An API server that does not tell is believed to grant it: the request itself will show.
async fn may(client: &Client, namespace: &str, name: &str, right: &Right) -> Result<bool, String> {
    let review = SelfSubjectAccessReview {
        spec: SelfSubjectAccessReviewSpec {
            resource_attributes: Some(ResourceAttributes {
                namespace: Some(namespace).filter(|it| !it.is_empty()).map(str::to_owned),
                name: Some(name).filter(|it| !it.is_empty()).map(str::to_owned),
                group: Some(right.group.to_owned()),
                resource: Some(right.resource.to_owned()),
                subresource: right.subresource.map(str::to_owned),
                verb: Some(right.verb.to_owned()),
                ..ResourceAttributes::default()
            }),
            ..SelfSubjectAccessReviewSpec::default()
        },
        ..SelfSubjectAccessReview::default()
    };
    let reviews: Api<SelfSubjectAccessReview> = Api::all(client.clone());
    match reviews.create(&PostParams::default(), &review).await {
        Ok(answer) => Ok(answer.status.is_none_or(|status| status.allowed)),
        Err(kube::Error::Api(_)) => Ok(true),
        Err(error) => Err(unanswered(&error)),
    }
}

/// A document of the API server; None where it has none, or does not show it.
async fn get(client: &Client, path: &str) -> Result<Option<Value>, String> {
    let request = Request::get(path).body(Vec::new()).map_err(|error| error.to_string())?;
    match client.request::<Value>(request).await {
        Ok(found) => Ok(Some(found)),
        Err(kube::Error::Api(status)) if status.code == 401 => Err(unanswered(&kube::Error::Api(status))),
        Err(kube::Error::Api(_)) => Ok(None),
        Err(error) => Err(unanswered(&error)),
    }
}

fn unanswered(error: &kube::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    format!("the API server cannot be asked: {cause}")
}
