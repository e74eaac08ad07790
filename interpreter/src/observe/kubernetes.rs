//! Fresh looks at the API server. The watch caches are [`super::Children`].

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use flink_operator_core::application::Application;
use flink_operator_core::crd::FlinkApplication;
use flink_operator_core::id::RevisionId;
use flink_operator_core::manifest::names;
use flink_operator_core::snapshot::{Objects, Seen, Trouble, Written};
use futures::FutureExt as _;
use futures::future::{BoxFuture, try_join4};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::networking::v1::Ingress;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt as _};
use serde::de::DeserializeOwned;
use tower::timeout::TimeoutLayer;

use super::child::{self, Child, Watched};
use super::view::{ApplicationView, DeploymentView, PodView, ServiceView};
use super::written;
use crate::error::Error;

/// How long the API server may take for an answer.
pub(crate) const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// A layer for a client of Kubernetes: an answer begins within 30 seconds, or never. A watch is answered at once,
/// however long it then lasts. Without this a list whose connection died in silence would hold the watch caches up for
/// the five minutes after which the client gives a silent connection up.
pub fn patience() -> TimeoutLayer {
    TimeoutLayer::new(ANSWER_TIMEOUT)
}

/// The application as the API server has it now; None when there is none.
pub async fn fresh_application(
    client: &Client,
    namespace: &str,
    name: &str,
) -> Result<Option<FlinkApplication>, Trouble> {
    let api = Api::<FlinkApplication>::namespaced(client.clone(), namespace);
    answer(asked_for(namespace, name), api.get_opt(name)).await.map_err(|error| error.trouble("GetApplication"))
}

/// The same where it was seen before: one that is still as it is `known` is not read once more.
pub async fn fresh_application_again(
    client: &Client,
    known: &Arc<FlinkApplication>,
) -> Result<Option<Arc<FlinkApplication>>, Trouble> {
    let (namespace, name) = (known.namespace().unwrap_or_default(), known.name_any());
    let api = Api::<ApplicationView>::namespaced(client.clone(), &namespace);
    let version = |metadata: &ObjectMeta| (metadata.uid.clone(), metadata.resource_version.clone());
    let read = async {
        Ok(match api.get_opt(&name).await? {
            Some(found) if version(&found.metadata) == version(&known.metadata) => Some(known.clone()),
            Some(found) => Some(Arc::new(found.read().map_err(kube::Error::SerdeError)?)),
            None => None,
        })
    };
    answer(asked_for(&namespace, &name), read).await.map_err(|error| error.trouble("GetApplication"))
}

fn asked_for(namespace: &str, name: &str) -> String {
    format!("get FlinkApplication {namespace}/{name}")
}

/// Whether Ingresses are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ingresses {
    /// They are.
    Listed,
    /// There are none: few operators make any.
    LeftOut,
}

/// The objects of an application as the API server has them now, with the pods as they were heard of last. There are more
/// pods than all else, and all that follows from one is when TaskManagers may start and what a wait is said to be for.
pub async fn fresh_objects(
    client: &Client,
    application: &Application,
    ingresses: Ingresses,
    pods: Vec<Child>,
) -> Seen<Objects> {
    objects(client, application, ingresses, async { Ok(pods) }.boxed()).await
}

/// The same for who has heard of nothing.
pub async fn all_objects(client: &Client, application: &Application) -> Seen<Objects> {
    objects(client, application, Ingresses::Listed, list::<PodView>(client, application).boxed()).await
}

async fn objects(
    client: &Client,
    application: &Application,
    ingresses: Ingresses,
    pods: BoxFuture<'_, Result<Vec<Child>, Error>>,
) -> Seen<Objects> {
    let ingresses = async {
        match ingresses {
            Ingresses::Listed => list::<Ingress>(client, application).await,
            Ingresses::LeftOut => Ok(Vec::new()),
        }
    };
    // In boxes: whoever joins them moves them about.
    let lists = try_join4(
        list::<DeploymentView>(client, application).boxed(),
        list::<ServiceView>(client, application).boxed(),
        ingresses.boxed(),
        pods,
    );
    match lists.await {
        Ok((deployments, services, ingresses, pods)) => {
            let children = [&deployments, &services, &ingresses, &pods].into_iter().flatten();
            Seen::Present(child::sort(&application.uid, children))
        }
        Err(error) => Seen::Unreachable(error.trouble("ListObjects")),
    }
}

/// The Deployments of an application as they are written. The watch caches do not hold them.
pub async fn fresh_written(client: &Client, application: &Application) -> Seen<BTreeMap<RevisionId, Written>> {
    match list_whole::<Deployment>(client, application).await {
        Ok(deployments) => Seen::Present(written::sort(&application.uid, deployments)),
        Err(error) => Seen::Unreachable(error.trouble("ListObjects")),
    }
}

async fn list<K>(client: &Client, application: &Application) -> Result<Vec<Child>, Error>
where
    K: Watched + kube::Resource<Scope = NamespaceResourceScope> + DeserializeOwned + std::fmt::Debug,
{
    Ok(list_whole::<K>(client, application).await?.iter().map(Watched::child).collect())
}

async fn list_whole<K>(client: &Client, application: &Application) -> Result<Vec<K>, Error>
where
    K: kube::Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + DeserializeOwned + std::fmt::Debug,
{
    let namespace = &application.namespace;
    let api = Api::<K>::namespaced(client.clone(), namespace);
    let labelled = ListParams::default().labels(&format!("{}={}", names::APP, application.name));
    let asked = format!("list {}s of {namespace}/{}", K::kind(&()), application.name);
    Ok(answer(asked, api.list(&labelled)).await?.items)
}

/// Waits for an answer of the API server, within bounds.
pub(crate) async fn answer<T>(
    asked: impl Into<String>,
    request: impl Future<Output = kube::Result<T>>,
) -> Result<T, Error> {
    match tokio::time::timeout(ANSWER_TIMEOUT, request).await {
        Ok(answer) => answer.map_err(|source| Error::kubernetes(asked, source)),
        Err(_) => Err(Error::TimedOut { asked: asked.into(), after: ANSWER_TIMEOUT }),
    }
}
