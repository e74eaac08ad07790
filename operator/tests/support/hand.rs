//! What the operator does in an update, done by hand: the same calls, one after the other, on a second cluster like the
//! first. It shows how much time Flink itself takes.

use std::time::Duration;

use flink_operator_fixtures::process::tasks;
use jiff::Timestamp;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Service;
use kube::api::PostParams;
use kube::{Api, Client, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::real::Flink;
use super::site::until;

/// The revision of the second cluster, which no operator knows.
const SECOND: &str = "00000000";

/// A job that is to be stopped and started again.
pub struct Job<'a> {
    pub client: &'a Client,
    pub namespace: &'a str,
    /// The application, its deployed revision and its job.
    pub application: &'a str,
    pub revision: String,
    pub id: String,
    /// What is run.
    pub jar: &'a str,
    pub entry_class: &'a str,
    pub arguments: String,
    pub parallelism: u32,
}

/// How long it took by hand, in milliseconds.
pub struct Moved {
    /// From the first request for an object of the new cluster until it had its slots.
    pub cluster: i64,
    /// From the stop of the old job until all new tasks ran.
    pub pause: i64,
}

impl Job<'_> {
    /// Starts a second cluster and moves the job there.
    pub async fn moves_by_hand(&self) -> Moved {
        let Self { client, namespace, application, revision, id, .. } = self;
        let flink = |revision: &str| Flink::in_namespace(client, namespace, &format!("{application}-{revision}"));
        let (old, new) = (flink(revision), flink(SECOND));
        let asked = Timestamp::now().as_millisecond();
        for role in ["jm", "tm"] {
            self.copy::<Deployment>(&format!("{application}-{revision}-{role}")).await;
        }
        self.copy::<Service>(&format!("{application}-{revision}")).await;
        until("the second cluster has its slots", || async {
            let overview = new.get("/overview".to_owned()).await?;
            (overview["slots-available"].as_u64()? >= self.parallelism.into()).then_some(())
        })
        .await;

        let began = Timestamp::now().as_millisecond();
        let trigger = format!("{:032x}", 7);
        old.post(&format!("/jobs/{id}/stop"), &json!({"drain": false, "triggerId": trigger})).await;
        let savepoint = until_soon(|| async {
            let answer = old.get(format!("/jobs/{id}/savepoints/{trigger}")).await?;
            answer["operation"]["location"].as_str().map(str::to_owned)
        })
        .await;
        let stopped = Timestamp::now().as_millisecond();
        let moved = format!("{:032x}", 8);
        let run = json!({
            "jobId": moved, "entryClass": self.entry_class, "parallelism": self.parallelism, "savepointPath": savepoint,
            "programArgsList": self.arguments.split(' ').collect::<Vec<_>>(),
        });
        new.post(&format!("/jars/{}/run", self.jar), &run).await;
        let running = until("the tasks run", || tasks::running_since(&moved, |path| new.get(path))).await;
        eprintln!(
            "by hand: the cluster had its slots after {} ms; no job ran for {} ms: {} ms from the stop request to the \
             submission, {} ms until all new tasks ran",
            began - asked,
            running - began,
            stopped - began,
            running - stopped
        );
        Moved { cluster: began - asked, pause: running - began }
    }

    /// Makes an object like that of the deployed revision for the second cluster.
    async fn copy<K>(&self, name: &str)
    where
        K: Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope>
            + Clone
            + std::fmt::Debug
            + Serialize
            + DeserializeOwned,
    {
        let api: Api<K> = Api::namespaced(self.client.clone(), self.namespace);
        let text = serde_json::to_string(&api.get(name).await.unwrap()).unwrap();
        let mut object: Value = serde_json::from_str(&text.replace(&self.revision, SECOND)).unwrap();
        let metadata = object["metadata"].as_object_mut().unwrap();
        metadata.retain(|key, _| key == "name" || key == "labels");
        object.as_object_mut().unwrap().remove("status");
        api.create(&PostParams::default(), &serde_json::from_value(object).unwrap()).await.unwrap();
    }
}

/// Looks every 20 ms.
async fn until_soon<T, F: Future<Output = Option<T>>>(look: impl Fn() -> F) -> T {
    loop {
        if let Some(found) = look().await {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
