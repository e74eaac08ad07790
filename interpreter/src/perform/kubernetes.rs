//! Effects on Kubernetes. Each looks before it complains: what it was to bring about may be there.

use std::collections::BTreeMap;
use std::fmt::Debug;

use flink_operator_core::application::Application;
use flink_operator_core::crd::{FINALIZER, FlinkApplication, KIND};
use flink_operator_core::effect::Target;
use flink_operator_core::snapshot::TroubleClass;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Service, ServicePort};
use k8s_openapi::api::networking::v1::Ingress;
use kube::api::{
    ApiResource, DeleteParams, DynamicObject, Patch, PatchParams, PostParams, Preconditions, PropagationPolicy,
};
use kube::core::{Request, request};
use kube::{Api, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::{FIELD_MANAGER, Performer};
use crate::error::Error;
use crate::observe::kubernetes::answer;

/// Requests for objects of a kind in the namespace of an application.
fn of<K: Resource<DynamicType = ()>>(application: &Application) -> Request {
    Request::new(K::url_path(&(), Some(&application.namespace)))
}

/// Whose an object is that has the name of one of ours.
enum Owner {
    /// This application's.
    Ours,
    /// An earlier application's of the same name; the garbage collector is about to take it.
    OurPredecessors,
    /// Anybody else's.
    Others,
}

impl Performer {
    /// Creates an object; one of that name which this application owns is as good.
    pub(super) async fn create<K>(&self, application: &Application, object: &K) -> Result<(), Error>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + Serialize + DeserializeOwned,
    {
        let (kind, name) = (K::kind(&()), object.name_any());
        let asked = format!("create {kind} {}/{name}", application.namespace);
        let created = async {
            let body = serde_json::to_vec(object).map_err(kube::Error::SerdeError)?;
            self.done(of::<K>(application).create(&written(), body)).await
        };
        match answer(&asked, created).await {
            Ok(()) => return Ok(()),
            Err(refused) if is_status(&refused, |status| status.is_already_exists()) => {}
            Err(error) => return Err(error),
        }
        let api = Api::<K>::namespaced(self.kubernetes.clone(), &application.namespace);
        let Some(found) = answer(&asked, api.get_opt(&name)).await? else {
            return Err(Error::refused(asked, TroubleClass::TryAgain, "it existed a moment ago and is gone now"));
        };
        match owner(application, &found) {
            Owner::Ours if found.meta().deletion_timestamp.is_none() => Ok(()),
            Owner::Ours => {
                Err(Error::refused(asked, TroubleClass::TryAgain, "one of that name is still being deleted"))
            }
            Owner::OurPredecessors => {
                let cause = "one of that name belongs to a deleted application and is not yet collected";
                Err(Error::refused(asked, TroubleClass::TryAgain, cause))
            }
            Owner::Others => Err(not_ours(asked, &kind, &name)),
        }
    }

    /// Makes ports and selector of a Service those of `wanted`; whatever else it has stays.
    pub(super) async fn point(&self, application: &Application, wanted: &Service) -> Result<(), Error> {
        let name = wanted.name_any();
        let asked = format!("point Service {}/{name}", application.namespace);
        let api = Api::<Service>::namespaced(self.kubernetes.clone(), &application.namespace);
        let Some(found) = answer(&asked, api.get_opt(&name)).await? else {
            return Err(Error::refused(asked, TroubleClass::TryAgain, "there is no such Service"));
        };
        match owner(application, &found) {
            Owner::Ours if found.metadata.deletion_timestamp.is_none() => {}
            Owner::Ours | Owner::OurPredecessors => {
                return Err(Error::refused(asked, TroubleClass::TryAgain, "the Service is being deleted"));
            }
            Owner::Others => return Err(not_ours(asked, "Service", &name)),
        }
        let Some(patch) = pointing(&found, wanted) else { return Ok(()) };
        answer(&asked, api.patch(&name, &PatchParams::apply(FIELD_MANAGER), &Patch::Merge(patch))).await.map(drop)
    }

    /// Makes the rules of an Ingress those of `wanted`; whatever else it has stays.
    pub(super) async fn point_ingress(&self, application: &Application, wanted: &Ingress) -> Result<(), Error> {
        let name = wanted.name_any();
        let asked = format!("point Ingress {}/{name}", application.namespace);
        let api = Api::<Ingress>::namespaced(self.kubernetes.clone(), &application.namespace);
        let Some(found) = answer(&asked, api.get_opt(&name)).await? else {
            return Err(Error::refused(asked, TroubleClass::TryAgain, "there is no such Ingress"));
        };
        if !matches!(owner(application, &found), Owner::Ours) {
            return Err(not_ours(asked, "Ingress", &name));
        }
        let metadata = json!({ "uid": found.metadata.uid, "resourceVersion": found.metadata.resource_version });
        let rules = wanted.spec.as_ref().and_then(|spec| spec.rules.clone());
        let patch = json!({ "metadata": metadata, "spec": { "rules": rules } });
        answer(&asked, api.patch(&name, &PatchParams::apply(FIELD_MANAGER), &Patch::Merge(patch))).await.map(drop)
    }

    /// Gives just this Deployment that many pods.
    pub(super) async fn scale(&self, application: &Application, target: &Target, replicas: u32) -> Result<(), Error> {
        let asked = format!("scale Deployment {}/{} to {replicas}", application.namespace, target.name);
        let api = Api::<Deployment>::namespaced(self.kubernetes.clone(), &application.namespace);
        let patch = json!({ "metadata": { "uid": target.uid }, "spec": { "replicas": replicas } });
        let patched = api.patch(&target.name, &PatchParams::apply(FIELD_MANAGER), &Patch::Merge(patch)).await;
        answer(&asked, std::future::ready(patched)).await.map(drop)
    }

    pub(super) async fn delete_ingress(&self, application: &Application, target: &Target) -> Result<(), Error> {
        self.delete::<Ingress>(application, target, PropagationPolicy::Background).await
    }

    pub(super) async fn delete_deployment(&self, application: &Application, target: &Target) -> Result<(), Error> {
        self.delete::<Deployment>(application, target, PropagationPolicy::Foreground).await
    }

    pub(super) async fn delete_service(&self, application: &Application, target: &Target) -> Result<(), Error> {
        self.delete::<Service>(application, target, PropagationPolicy::Background).await
    }

    /// Deletes just this object; one that is gone, or another one of that name, is as good.
    async fn delete<K>(&self, application: &Application, target: &Target, how: PropagationPolicy) -> Result<(), Error>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        let asked = format!("delete {} {}/{}", K::kind(&()), application.namespace, target.name);
        let only_this = Preconditions { uid: Some(target.uid.clone()), resource_version: None };
        let options =
            DeleteParams { propagation_policy: Some(how), preconditions: Some(only_this), ..DeleteParams::default() };
        match answer(&asked, self.done(of::<K>(application).delete(&target.name, &options))).await {
            Ok(()) => Ok(()),
            Err(error) if is_status(&error, |status| status.code == 404) => Ok(()),
            Err(error) if is_status(&error, |status| status.code == 409 && status.message.contains("UID")) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// That it was done is all that counts of the answer, which holds the whole object.
    async fn done(&self, request: Result<http::Request<Vec<u8>>, request::Error>) -> kube::Result<()> {
        self.kubernetes.request_text(request.map_err(kube::Error::BuildRequest)?).await.map(drop)
    }

    pub(super) async fn add_finalizer(&self, application: &Application) -> Result<(), Error> {
        let asked = format!("add the finalizer of FlinkApplication {}/{}", application.namespace, application.name);
        let Some(found) = self.same_application(application, &asked).await? else {
            return Err(Error::refused(asked, TroubleClass::TryAgain, "it is gone"));
        };
        let mut finalizers = found.finalizers().to_vec();
        if finalizers.iter().any(|finalizer| finalizer == FINALIZER) {
            return Ok(());
        }
        if found.metadata.deletion_timestamp.is_some() {
            return Err(Error::refused(asked, TroubleClass::TryAgain, "it is being deleted"));
        }
        finalizers.push(FINALIZER.to_owned());
        self.set_finalizers(&asked, &found, finalizers).await
    }

    pub(super) async fn remove_finalizer(&self, application: &Application) -> Result<(), Error> {
        let asked = format!("remove the finalizer of FlinkApplication {}/{}", application.namespace, application.name);
        let Some(found) = self.same_application(application, &asked).await? else { return Ok(()) };
        let mut finalizers = found.finalizers().to_vec();
        finalizers.retain(|finalizer| finalizer != FINALIZER);
        if finalizers.len() == found.finalizers().len() {
            return Ok(());
        }
        match self.set_finalizers(&asked, &found, finalizers).await {
            Err(error) if is_status(&error, |status| status.code == 404) => Ok(()),
            done => done,
        }
    }

    /// The application, read afresh; None where it is gone, also where another one has its name by
    /// now. Its spec is not parsed: a finalizer must come off whatever the spec says.
    async fn same_application(&self, application: &Application, asked: &str) -> Result<Option<DynamicObject>, Error> {
        let found = answer(asked, self.applications(&application.namespace).get_opt(&application.name)).await?;
        Ok(found.filter(|found| found.metadata.uid.as_ref() == Some(&application.uid)))
    }

    /// Writes the list as a whole, if nobody else wrote the application since it was read.
    async fn set_finalizers(&self, asked: &str, found: &DynamicObject, finalizers: Vec<String>) -> Result<(), Error> {
        let api = self.applications(&found.namespace().unwrap_or_default());
        let patch = json!({ "metadata": {
            "uid": found.metadata.uid,
            "resourceVersion": found.metadata.resource_version,
            "finalizers": finalizers,
        } });
        let name = found.name_any();
        match answer(asked, api.patch(&name, &PatchParams::apply(FIELD_MANAGER), &Patch::Merge(patch))).await {
            Ok(_) => Ok(()),
            Err(error) if is_status(&error, |status| status.code == 422 && status.message.contains("metadata.uid")) => {
                Err(Error::refused(asked, TroubleClass::TryAgain, "it was replaced by another of its name"))
            }
            Err(error) => Err(error),
        }
    }

    fn applications(&self, namespace: &str) -> Api<DynamicObject> {
        let resource = ApiResource::erase::<FlinkApplication>(&());
        Api::namespaced_with(self.kubernetes.clone(), namespace, &resource)
    }
}

fn written() -> PostParams {
    PostParams { dry_run: false, field_manager: Some(FIELD_MANAGER.to_owned()) }
}

fn is_status(error: &Error, test: impl FnOnce(&kube::core::Status) -> bool) -> bool {
    match error {
        Error::Kubernetes { source, .. } => matches!(source.as_ref(), kube::Error::Api(status) if test(status)),
        Error::Transport { .. } | Error::TimedOut { .. } | Error::Garbled { .. } | Error::Refused { .. } => false,
    }
}

fn owner(application: &Application, found: &impl Resource) -> Owner {
    let controller = found.owner_references().iter().find(|owner| owner.controller == Some(true));
    match controller {
        Some(owner) if owner.uid == application.uid => Owner::Ours,
        Some(owner) if owner.kind == KIND && owner.name == application.name => Owner::OurPredecessors,
        Some(_) | None => Owner::Others,
    }
}

fn not_ours(asked: String, kind: &str, name: &str) -> Error {
    let cause = format!(
        "there is a {kind} {name} that this application does not own; delete or rename it, or give the application \
         another name"
    );
    Error::refused(asked, TroubleClass::UsersFault, cause)
}

/// The merge patch that turns `found` into `wanted` as far as ports and selector go, refused when
/// somebody else writes in between; None where nothing is to be done.
fn pointing(found: &Service, wanted: &Service) -> Option<Value> {
    let selector = |service: &Service| service.spec.as_ref().and_then(|spec| spec.selector.clone()).unwrap_or_default();
    let ports = |service: &Service| service.spec.as_ref().and_then(|spec| spec.ports.clone()).unwrap_or_default();
    let same_ports = listed(&ports(found)) == listed(&ports(wanted));
    if same_ports && selector(found) == selector(wanted) {
        return None;
    }
    let mut spec = Map::from_iter([("selector".to_owned(), replaced(&selector(found), selector(wanted)))]);
    if !same_ports {
        spec.insert("ports".to_owned(), json!(ports(wanted)));
    }
    let metadata = json!({ "uid": found.metadata.uid, "resourceVersion": found.metadata.resource_version });
    Some(json!({ "metadata": metadata, "spec": spec }))
}

/// A map for a merge patch that leaves nothing of the old one: absent keys are null.
fn replaced(old: &BTreeMap<String, String>, new: BTreeMap<String, String>) -> Value {
    let gone = old.keys().filter(|key| !new.contains_key(*key)).map(|key| (key.clone(), Value::Null));
    let gone = gone.collect::<Vec<_>>();
    new.into_iter().map(|(key, value)| (key, Value::String(value))).chain(gone).collect::<Map<_, _>>().into()
}

/// Ports as they are compared: the API server fills in what we leave out.
fn listed(ports: &[ServicePort]) -> Vec<(Option<&str>, i32)> {
    ports.iter().map(|port| (port.name.as_deref(), port.port)).collect()
}
