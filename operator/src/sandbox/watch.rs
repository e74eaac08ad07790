//! Hearing from the API server what happens.

use flink_operator_core::crd::FlinkApplication;
use futures::stream::{self, BoxStream, SelectAll, StreamExt as _};
use k8s_openapi::api::core::v1::{Event, Pod};
use kube::runtime::watcher;
use kube::runtime::{WatchStreamExt as _, watcher as watch_stream};
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;

/// Something that was heard.
pub enum Heard {
    /// An application as it is now.
    Application(Box<FlinkApplication>),
    /// An application was deleted.
    ApplicationGone(Box<FlinkApplication>),
    /// A pod as it is now.
    Pod(Box<Pod>),
    /// A pod is gone.
    PodGone(Box<Pod>),
    /// An event.
    Event(Box<Event>),
}

/// All that happens to applications in all namespaces.
pub fn watch(client: &Client) -> SelectAll<BoxStream<'static, Heard>> {
    stream::select_all([
        changes(client, |it| Heard::Application(Box::new(it)), |it| Some(Heard::ApplicationGone(Box::new(it)))),
        changes(client, |it| Heard::Pod(Box::new(it)), |it| Some(Heard::PodGone(Box::new(it)))),
        changes(client, |it| Heard::Event(Box::new(it)), |_| None),
    ])
}

fn changes<K>(client: &Client, there: fn(K) -> Heard, gone: fn(K) -> Option<Heard>) -> BoxStream<'static, Heard>
where
    K: Resource<DynamicType = ()> + Clone + std::fmt::Debug + Send + DeserializeOwned + 'static,
{
    watch_stream(Api::<K>::all(client.clone()), watcher::Config::default())
        .default_backoff()
        .filter_map(move |event| async move {
            match event {
                Ok(watcher::Event::Apply(object) | watcher::Event::InitApply(object)) => Some(there(object)),
                Ok(watcher::Event::Delete(object)) => gone(object),
                // A watch that breaks is begun again.
                Ok(watcher::Event::Init | watcher::Event::InitDone) | Err(_) => None,
            }
        })
        .boxed()
}
