//! The watch caches of all children of all applications, in one index by application.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU16;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use flink_operator_core::application::Application;
use flink_operator_core::snapshot::{Objects, Seen, Trouble, TroubleClass};
use kube::runtime::watcher::Event;

use super::child::{self, Child, Kind, Watched};

/// Which application is meant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ApplicationName {
    /// metadata.namespace
    pub namespace: String,
    /// metadata.name
    pub name: String,
}

impl ApplicationName {
    /// The name of an application.
    pub fn of(application: &Application) -> Self {
        Self { namespace: application.namespace.clone(), name: application.name.clone() }
    }
}

/// All watched children, by application. Looking one application up does not touch the others.
///
/// One of these serves one watch a kind. Namespaces that are watched one by one need one each: a new list
/// of one namespace would say that everything of the others is gone.
#[derive(Default)]
pub struct Children {
    state: RwLock<State>,
}

#[derive(Default)]
struct State {
    by_application: BTreeMap<ApplicationName, BTreeMap<(Kind, String), Child>>,
    /// Which application an object was filed under when it was seen last; its label may change.
    filed: BTreeMap<Key, ApplicationName>,
    /// Kinds whose first list is complete.
    complete: BTreeSet<Kind>,
    /// What was listed so far, of kinds that are being listed.
    listed: BTreeMap<Kind, BTreeSet<Key>>,
}

/// Kind, namespace, name.
type Key = (Kind, String, String);

impl Children {
    /// What a watch stream told; returns the applications whose children changed by it.
    pub fn hear<K: Watched>(&self, event: &Event<K>) -> BTreeSet<ApplicationName> {
        let mut state = self.write();
        match event {
            Event::Apply(object) => state.file(object.child()),
            Event::Delete(object) => state.remove(&key(&object.child())).into_iter().collect(),
            Event::Init => {
                state.listed.insert(K::KIND, BTreeSet::new());
                BTreeSet::new()
            }
            Event::InitApply(object) => {
                let child = object.child();
                state.listed.entry(K::KIND).or_default().insert(key(&child));
                state.file(child)
            }
            Event::InitDone => state.listing_done(K::KIND),
        }
    }

    /// The objects of an application. No look before every kind was listed once.
    pub fn look(&self, application: &Application) -> Seen<Objects> {
        let state = self.read();
        if let Some(kind) = Kind::ALL.iter().find(|kind| !state.complete.contains(kind)) {
            let message = format!("the first list of {kind:?}s has not arrived");
            return Seen::Unreachable(Trouble { class: TroubleClass::TryAgain, method: String::new(), message });
        }
        let children = state.by_application.get(&ApplicationName::of(application));
        let children = children.into_iter().flat_map(BTreeMap::values);
        Seen::Present(child::sort(&application.uid, children))
    }

    /// The pods of an application, as far as they were heard of.
    pub fn pods(&self, application: &Application) -> Vec<Child> {
        let state = self.read();
        let children = state.by_application.get(&ApplicationName::of(application));
        let pods = children.into_iter().flatten().filter(|((kind, _), _)| *kind == Kind::Pod);
        pods.map(|(_, pod)| pod.clone()).collect()
    }

    /// Whether an Ingress of the application is known.
    pub fn has_ingress(&self, application: &Application) -> bool {
        let state = self.read();
        let children = state.by_application.get(&ApplicationName::of(application));
        children.is_some_and(|children| children.keys().any(|(kind, _)| *kind == Kind::Ingress))
    }

    /// The port named `ui` of a Service, if it is known.
    pub fn ui_port(&self, namespace: &str, service: &str) -> Option<NonZeroU16> {
        let state = self.read();
        let application = state.filed.get(&(Kind::Service, namespace.to_owned(), service.to_owned()))?;
        let children = state.by_application.get(application)?;
        children.get(&(Kind::Service, service.to_owned()))?.ui_port()
    }

    /// Every kind was listed once.
    pub fn is_complete(&self) -> bool {
        self.read().complete.len() == Kind::ALL.len()
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Files an object under its application; returns whom that touches.
    fn file(&mut self, child: Child) -> BTreeSet<ApplicationName> {
        let key = key(&child);
        let Some(name) = child.application.clone() else {
            return self.remove(&key).into_iter().collect();
        };
        let application = ApplicationName { namespace: child.namespace.clone(), name };
        let mut touched = BTreeSet::new();
        if self.filed.get(&key).is_some_and(|filed| *filed != application) {
            touched.extend(self.remove(&key));
        }
        let children = self.by_application.entry(application.clone()).or_default();
        let before = children.insert((key.0, key.2.clone()), child.clone());
        if before != Some(child) {
            self.filed.insert(key, application.clone());
            touched.insert(application);
        }
        touched
    }

    fn remove(&mut self, key: &Key) -> Option<ApplicationName> {
        let application = self.filed.remove(key)?;
        if let Some(children) = self.by_application.get_mut(&application) {
            children.remove(&(key.0, key.2.clone()));
            if children.is_empty() {
                self.by_application.remove(&application);
            }
        }
        Some(application)
    }

    /// What was known of this kind and was not listed again is gone.
    fn listing_done(&mut self, kind: Kind) -> BTreeSet<ApplicationName> {
        let listed = self.listed.remove(&kind).unwrap_or_default();
        let gone = self.filed.keys().filter(|key| key.0 == kind && !listed.contains(*key));
        let gone = gone.cloned().collect::<Vec<_>>();
        self.complete.insert(kind);
        gone.iter().filter_map(|key| self.remove(key)).collect()
    }
}

fn key(child: &Child) -> Key {
    (child.kind(), child.namespace.clone(), child.name.clone())
}
