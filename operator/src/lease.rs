//! Leader election on a Lease, by the rules and with the times of client-go.
//!
//! Nobody's clock is believed: a Lease has run out when it was not renewed for its duration *as this process
//! saw it*. The holder stops acting well before that, at the renew deadline. No crate that does this fits our
//! version of kube.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::PostParams;
use kube::{Api, Client};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::config::Election;

/// How long giving the Lease back may take.
const RELEASE: Duration = Duration::from_secs(2);

/// One candidate for the Lease.
pub struct Elector {
    api: Api<Lease>,
    name: String,
    identity: String,
    /// How long others wait.
    duration: Duration,
    /// How long the holder goes on without a renewal.
    deadline: Duration,
    /// How often it tries.
    retry: Duration,
    /// The Lease as it was last seen to change, and when that was.
    seen: Option<(LeaseSpec, Instant)>,
    /// The begin of the last request that made the Lease ours or renewed it.
    renewed: Instant,
}

/// How a try to hold the Lease ended.
#[derive(Debug, PartialEq, Eq)]
enum Hold {
    Ours,
    Others(String),
    /// Somebody wrote in between.
    Raced,
}

/// What a look at the Lease showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Looked<'a> {
    /// Nothing: it could not be looked at.
    NotSeen,
    /// Nobody else holds it.
    Free,
    /// Somebody else does.
    Held(&'a str),
}

impl Elector {
    /// A candidate under a name that no other process has at the same time.
    ///
    /// In a pod the name comes back when the container is started again, so it goes on at once.
    pub fn new(client: Client, election: &Election) -> Self {
        let namespace = election.lease_namespace.clone().unwrap_or_else(|| client.default_namespace().to_owned());
        let host = std::env::var("HOSTNAME").ok().or_else(|| std::fs::read_to_string("/etc/hostname").ok());
        let host = host.unwrap_or_default();
        Self {
            api: Api::namespaced(client, &namespace),
            name: election.lease_name.clone(),
            identity: format!("{}_{}", host.trim(), std::process::id()),
            duration: election.lease_duration,
            deadline: election.lease_renew_deadline,
            retry: election.lease_retry_period,
            seen: None,
            renewed: Instant::now(),
        }
    }

    /// Waits until the Lease is ours. `told` hears each time what a look at it showed.
    pub async fn acquire(&mut self, told: impl Fn(Looked<'_>)) {
        let mut holder = None;
        loop {
            let begun = Instant::now();
            match timeout(self.deadline, self.hold()).await {
                Ok(Ok(Hold::Ours)) => {
                    self.renewed = begun;
                    tracing::info!(
                        lease = self.name,
                        identity = self.identity,
                        "this process holds the lease and acts"
                    );
                    return told(Looked::Free);
                }
                Ok(Ok(Hold::Others(other))) => {
                    told(Looked::Held(&other));
                    if holder.as_ref() != Some(&other) {
                        tracing::info!(
                            lease = self.name,
                            holder = other,
                            "another process holds the lease; standing by"
                        );
                        holder = Some(other);
                    }
                }
                Ok(Ok(Hold::Raced)) => told(Looked::Free),
                Ok(Err(error)) => {
                    told(Looked::NotSeen);
                    tracing::error!(lease = self.name, "the lease cannot be had: {error}");
                }
                Err(_) => {
                    told(Looked::NotSeen);
                    tracing::error!(lease = self.name, "the lease cannot be had: no answer of the API server");
                }
            }
            sleep(self.retry).await;
        }
    }

    /// Renews the Lease; returns when it is lost, or was not renewed before the deadline.
    pub async fn keep(&mut self) {
        loop {
            let deadline = self.renewed + self.deadline;
            if timeout_at(deadline, sleep(self.retry)).await.is_err() {
                return tracing::error!(lease = self.name, "the lease was not renewed in time; acting no more");
            }
            let begun = Instant::now();
            match timeout_at(deadline, self.hold()).await {
                Ok(Ok(Hold::Ours)) => self.renewed = begun,
                Ok(Ok(Hold::Others(holder))) => {
                    return tracing::error!(
                        lease = self.name,
                        holder,
                        "another process took the lease; acting no more"
                    );
                }
                Ok(Ok(Hold::Raced)) => {}
                Ok(Err(error)) => tracing::warn!(lease = self.name, "the lease was not renewed: {error}"),
                Err(_) => tracing::warn!(lease = self.name, "the lease was not renewed: no answer of the API server"),
            }
        }
    }

    /// Gives the Lease back, so that the next process takes it at once.
    pub async fn release(&mut self) {
        let given = timeout(RELEASE, async {
            let Some(mut lease) = self.api.get_opt(&self.name).await? else { return Ok(()) };
            let spec = lease.spec.get_or_insert_default();
            if spec.holder_identity.as_ref() != Some(&self.identity) {
                return Ok(());
            }
            spec.holder_identity = Some(String::new());
            spec.lease_duration_seconds = Some(1);
            spec.renew_time = Some(MicroTime(Timestamp::now()));
            self.api.replace(&self.name, &PostParams::default(), &lease).await.map(drop)
        });
        match given.await {
            Ok(Ok(())) => tracing::info!(lease = self.name, "the lease is given back"),
            Ok(Err(error)) => tracing::warn!(lease = self.name, "the lease could not be given back: {error}"),
            Err(_) => tracing::warn!(lease = self.name, "the lease could not be given back in time"),
        }
    }

    /// Takes or renews the Lease if it is free, run out or ours.
    async fn hold(&mut self) -> kube::Result<Hold> {
        let Some(mut lease) = self.api.get_opt(&self.name).await? else {
            let mut lease = Lease::default();
            lease.metadata.name = Some(self.name.clone());
            lease.spec = Some(self.claim(&LeaseSpec::default()));
            return raced(self.api.create(&PostParams::default(), &lease).await);
        };
        let found = lease.spec.take().unwrap_or_default();
        let seen = match &self.seen {
            Some((spec, at)) if *spec == found => *at,
            Some(_) | None => Instant::now(),
        };
        self.seen = Some((found.clone(), seen));
        match found.holder_identity.as_deref() {
            None | Some("") => {}
            Some(holder) if holder == self.identity || has_run_out(&found, seen, self.duration) => {}
            Some(holder) => return Ok(Hold::Others(holder.to_owned())),
        }
        lease.spec = Some(self.claim(&found));
        // It carries the resourceVersion of the look: of two who try only one succeeds.
        raced(self.api.replace(&self.name, &PostParams::default(), &lease).await)
    }

    /// The Lease as it is when this process holds it.
    fn claim(&self, found: &LeaseSpec) -> LeaseSpec {
        let now = || Some(MicroTime(Timestamp::now()));
        let ours = found.holder_identity.as_ref() == Some(&self.identity);
        let holders = found.lease_transitions.unwrap_or(0);
        LeaseSpec {
            holder_identity: Some(self.identity.clone()),
            lease_duration_seconds: Some(whole_seconds(self.duration)),
            acquire_time: if ours { found.acquire_time.clone() } else { now() },
            renew_time: now(),
            lease_transitions: Some(if ours { holders } else { holders.saturating_add(1) }),
            ..found.clone()
        }
    }
}

/// Others must not wait less than the duration.
fn whole_seconds(duration: Duration) -> i32 {
    i32::try_from(duration.as_millis().div_ceil(1000)).unwrap_or(i32::MAX)
}

/// Whether the holder's promise is over: the Lease did not change for as long as the holder said.
fn has_run_out(found: &LeaseSpec, seen: Instant, ours: Duration) -> bool {
    let promised = found.lease_duration_seconds.and_then(|seconds| u64::try_from(seconds).ok());
    seen.elapsed() >= promised.map_or(ours, Duration::from_secs)
}

fn raced(answer: kube::Result<Lease>) -> kube::Result<Hold> {
    match answer {
        Ok(_) => Ok(Hold::Ours),
        Err(kube::Error::Api(status)) if status.code == 409 => Ok(Hold::Raced),
        Err(error) => Err(error),
    }
}
