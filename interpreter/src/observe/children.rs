//! The watch caches of all children of all applications, in one index by application.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU16;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use flink_operator_core::application::Application;
use flink_operator_core::snapshot::{Objects, Seen, Trouble, TroubleClass};
use kube::runtime::watcher::Event;

use super::child::{self, Child, Kind, Watched};
use crate::flink::UiPort;

/// Namespace and name of an application.
pub type ApplicationName = (String, String);

/// All watched children, by application. Looking one application up does not touch the others.
///
/// Clones share what they know.
#[derive(Clone)]
pub struct Children {
    /// The namespaces that are watched one by one; None is all of them at once.
    scopes: Arc<[Option<String>]>,
    state: Arc<RwLock<State>>,
}

impl Default for Children {
    fn default() -> Self {
        Self::of(&[])
    }
}

#[derive(Default)]
struct State {
    by_application: BTreeMap<ApplicationName, BTreeMap<(Kind, String), Child>>,
    /// Which application an object was filed under when it was seen last; its label may change.
    filed: BTreeMap<Key, ApplicationName>,
    /// Watches whose first list is complete.
    complete: BTreeSet<Watch>,
    /// What was listed so far, of watches that are being begun.
    listed: BTreeMap<Watch, BTreeSet<Key>>,
}

/// Kind, namespace, name.
type Key = (Kind, String, String);

/// The kind and the namespace that a watch stream is about.
type Watch = (Kind, Option<String>);

impl Children {
    /// The children in these namespaces, each with watches of its own; none means all, in one watch.
    pub fn of(namespaces: &[String]) -> Self {
        let scopes = match namespaces {
            [] => vec![None],
            some => some.iter().cloned().map(Some).collect(),
        };
        Self { scopes: scopes.into(), state: Arc::default() }
    }

    /// What the watch stream of a namespace (None: of all) told; returns the applications whose
    /// children changed by it.
    pub fn hear<K: Watched>(&self, namespace: Option<&str>, event: &Event<K>) -> BTreeSet<ApplicationName> {
        let watch = || (K::KIND, namespace.map(str::to_owned));
        let mut state = self.write();
        match event {
            Event::Apply(object) => state.file(object.child()),
            Event::Delete(object) => state.remove(&key(&object.child())).into_iter().collect(),
            Event::Init => {
                state.listed.insert(watch(), BTreeSet::new());
                BTreeSet::new()
            }
            Event::InitApply(object) => {
                let child = object.child();
                state.listed.entry(watch()).or_default().insert(key(&child));
                state.file(child)
            }
            Event::InitDone => state.listing_done(watch()),
        }
    }

    /// The objects of an application. No look before every watch has listed once.
    pub fn objects(&self, application: &Application) -> Seen<Objects> {
        let state = self.read();
        if let Some((kind, _)) = self.watches().find(|watch| !state.complete.contains(watch)) {
            let message = format!("the first list of {kind:?}s has not arrived");
            return Seen::Unreachable(Trouble { class: TroubleClass::TryAgain, method: String::new(), message });
        }
        let name = (application.namespace.clone(), application.name.clone());
        let children = state.by_application.get(&name).into_iter().flat_map(BTreeMap::values);
        Seen::Present(child::sort(&application.name, &application.uid, children))
    }

    /// The port named `ui` of a Service, if it is known.
    pub fn ui_port(&self, namespace: &str, service: &str) -> Option<NonZeroU16> {
        let state = self.read();
        let application = state.filed.get(&(Kind::Service, namespace.to_owned(), service.to_owned()))?;
        let children = state.by_application.get(application)?;
        children.get(&(Kind::Service, service.to_owned()))?.ui_port()
    }

    /// The same, for the Flink client.
    pub fn ui_ports(&self) -> UiPort {
        let children = self.clone();
        Arc::new(move |namespace, service| children.ui_port(namespace, service))
    }

    /// Every watch has listed once.
    pub fn is_complete(&self) -> bool {
        let state = self.read();
        self.watches().all(|watch| state.complete.contains(&watch))
    }

    fn watches(&self) -> impl Iterator<Item = Watch> {
        Kind::ALL.into_iter().flat_map(|kind| self.scopes.iter().map(move |scope| (kind, scope.clone())))
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
        let application = (child.namespace.clone(), name);
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

    /// What was known in the scope of this watch and was not listed again is gone.
    fn listing_done(&mut self, watch: Watch) -> BTreeSet<ApplicationName> {
        let listed = self.listed.remove(&watch).unwrap_or_default();
        let (kind, scope) = &watch;
        let in_scope = |key: &Key| key.0 == *kind && scope.as_ref().is_none_or(|namespace| key.1 == *namespace);
        let gone = self.filed.keys().filter(|key| in_scope(key) && !listed.contains(*key));
        let gone = gone.cloned().collect::<Vec<_>>();
        self.complete.insert(watch);
        gone.iter().filter_map(|key| self.remove(key)).collect()
    }
}

fn key(child: &Child) -> Key {
    (child.kind(), child.namespace.clone(), child.name.clone())
}
