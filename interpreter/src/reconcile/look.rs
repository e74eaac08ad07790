//! What the core asks to see, seen.

use std::collections::BTreeMap;

use flink_operator_core::application::Application;
use flink_operator_core::id::RevisionId;
use flink_operator_core::needs;
use flink_operator_core::snapshot::{FlinkSeen, Objects, Observed, Remembered, Seen};
use futures::FutureExt as _;
use tokio::time::Instant;

use super::Reconciler;
use crate::observe;
use crate::observe::kubernetes::Ingresses;

/// What every JobManager told that was asked.
pub(super) type FlinkTold = BTreeMap<RevisionId, FlinkSeen>;

/// Where the children are looked at.
pub(super) enum Sight {
    /// In the watch caches.
    Caches,
    /// At the API server.
    Server,
    /// Nowhere: they were seen right before our own commit, or before our calls to Flink.
    Seen(Seen<Objects>),
}

impl Reconciler {
    /// What the core asks to see: the children where `sight` says, and Flink's answers: those that it `told` a moment ago,
    /// or new ones.
    pub(super) async fn observe(
        &mut self,
        application: &Application,
        memory: &Remembered,
        sight: Sight,
        told: Option<FlinkTold>,
    ) -> Observed {
        let needs = needs(application, memory);
        if told.is_none() {
            self.asked = Some(Instant::now());
        }
        let objects = async {
            match sight {
                _ if !needs.objects => Seen::NotAsked,
                Sight::Seen(objects @ Seen::Present(_)) => objects,
                Sight::Seen(Seen::NotAsked | Seen::Absent | Seen::Unreachable(_)) | Sight::Server => {
                    self.has_heard();
                    let _turn = self.context.workers.turn().await;
                    let (ingresses, pods) = (self.ingresses(application), self.context.children.pods(application));
                    observe::kubernetes::fresh_objects(&self.context.client, application, ingresses, pods).await
                }
                Sight::Caches => {
                    self.has_heard();
                    self.context.children.look(application)
                }
            }
        };
        // Asked only while an application is taken over from the original operator.
        let written = async {
            if !needs.written {
                return Seen::NotAsked;
            }
            let _turn = self.context.workers.turn().await;
            Box::pin(observe::kubernetes::fresh_written(&self.context.client, application)).await
        };
        let client = &self.context.flink;
        let flink = async {
            match told {
                Some(told) => told,
                None => observe::flink::look(client, application, &needs.flink).await,
            }
        };
        let (objects, written, flink) = futures::join!(objects, written, flink);
        let jobs = observe::flink::jobs(client, application, &needs, &objects).await;
        Observed { objects, written, jobs, flink }
    }

    /// Ingresses are asked for where this operator makes any, or one is known.
    fn ingresses(&self, application: &Application) -> Ingresses {
        let makes_none = self.context.policy().ingress_url_format.is_empty();
        if makes_none && !self.context.children.has_ingress(application) {
            Ingresses::LeftOut
        } else {
            Ingresses::Listed
        }
    }

    /// What was told of children up to now is seen by the look that follows: it is no reason for another one.
    fn has_heard(&self) {
        if self.context.children.is_complete() {
            let _ = self.wake.notified().now_or_never();
        }
    }
}
