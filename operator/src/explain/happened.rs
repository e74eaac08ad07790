//! The events that were told of an application.

use flink_operator_core::application::Application;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Event;
use kube::api::ListParams;
use kube::{Api, Client};
use serde::Serialize;

/// An event, or several that were the same.
#[derive(Clone, Debug, Serialize)]
pub struct Happened {
    /// When it was told last.
    pub time: Timestamp,
    /// How often.
    pub count: i32,
    /// Normal or Warning.
    #[serde(rename = "type")]
    pub kind: String,
    /// The reason.
    pub reason: String,
    /// The text.
    pub message: String,
}

/// The events of this application and no earlier one of its name, the newest last.
pub async fn of(client: &Client, app: &Application) -> Result<Vec<Happened>, String> {
    // Both groups of events have one store; only this one is selected by the same words everywhere.
    let events: Api<Event> = Api::namespaced(client.clone(), &app.namespace);
    let selector = format!("involvedObject.name={}", app.name);
    let found = events.list(&ListParams::default().fields(&selector)).await.map_err(|error| error.to_string())?;
    let ours = found.into_iter().filter(|event| event.involved_object.uid.as_deref() == Some(app.uid.as_str()));
    let mut happened: Vec<Happened> = ours.filter_map(read).collect();
    happened.sort_by_key(|event| event.time);
    Ok(happened)
}

fn read(event: Event) -> Option<Happened> {
    let Event { series, last_timestamp, event_time, metadata, .. } = event;
    let repeated = series.as_ref().and_then(|series| series.last_observed_time.as_ref()).map(|time| time.0);
    let told = last_timestamp.map(|time| time.0).or(event_time.map(|time| time.0));
    let time = repeated.or(told).or(metadata.creation_timestamp.map(|time| time.0))?;
    Some(Happened {
        time,
        count: series.and_then(|series| series.count).or(event.count).unwrap_or(1).max(1),
        kind: event.type_.unwrap_or_default(),
        reason: event.reason.unwrap_or_default(),
        message: event.message.unwrap_or_default(),
    })
}
