//! A layer in the Kubernetes client that times its requests.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use http::{Method, Request, Response, Uri};
use prometheus::HistogramVec;
use tower::{Layer, Service};

/// Puts [`Timed`] around a client's service.
#[derive(Clone)]
pub struct Timing(HistogramVec);

impl Timing {
    pub(super) fn new(took: HistogramVec) -> Self {
        Self(took)
    }
}

impl<S> Layer<S> for Timing {
    type Service = Timed<S>;

    fn layer(&self, inner: S) -> Timed<S> {
        Timed { inner, took: self.0.clone() }
    }
}

/// A service whose requests are timed until the answer begins.
#[derive(Clone)]
pub struct Timed<S> {
    inner: S,
    took: HistogramVec,
}

impl<S, Asked, Answered> Service<Request<Asked>> for Timed<S>
where
    S: Service<Request<Asked>, Response = Response<Answered>>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Asked>) -> Self::Future {
        let (verb, resource) = (verb(request.method(), request.uri()), resource(request.uri().path()).to_owned());
        let took = self.took.clone();
        let begun = Instant::now();
        let answer = self.inner.call(request);
        Box::pin(async move {
            let answer = answer.await;
            let outcome = match &answer {
                Ok(response) => response.status().as_u16().to_string(),
                Err(_) => "unreachable".to_owned(),
            };
            took.with_label_values(&[verb, &resource, &outcome]).observe(begun.elapsed().as_secs_f64());
            answer
        })
    }
}

/// Kubernetes' word for the request.
fn verb(method: &Method, uri: &Uri) -> &'static str {
    let watches = || uri.query().unwrap_or_default().split('&').any(|part| part == "watch=true");
    match method.as_str() {
        "GET" if watches() => "watch",
        "GET" => "get",
        "POST" => "create",
        "PUT" => "update",
        "PATCH" => "patch",
        "DELETE" => "delete",
        _ => "other",
    }
}

/// The plural in `/api/v1/namespaces/<ns>/<plural>/...` and its like; there are as many as we use kinds.
fn resource(path: &str) -> &str {
    let mut parts = path.trim_matches('/').split('/');
    let versions = match parts.next() {
        Some("api") => 1,
        Some("apis") => 2,
        Some(_) | None => return "none",
    };
    let mut parts = parts.skip(versions);
    match (parts.next(), parts.nth(1)) {
        (Some("namespaces"), Some(plural)) => plural,
        (Some(plural), _) => plural,
        (None, _) => "none",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_resource_of_a_path_is_its_plural() {
        assert_eq!(resource("/api/v1/namespaces/shop/services/orders"), "services");
        assert_eq!(
            resource("/apis/flink.k8s.io/v1beta1/namespaces/shop/flinkapplications/o/status"),
            "flinkapplications"
        );
        assert_eq!(resource("/apis/apps/v1/deployments"), "deployments");
        assert_eq!(resource("/api/v1/namespaces/shop"), "namespaces");
        assert_eq!(resource("/version"), "none");
    }

    #[test]
    fn a_watch_is_told_from_a_list() {
        assert_eq!(verb(&Method::GET, &Uri::from_static("/api/v1/pods?watch=true&timeoutSeconds=9")), "watch");
        assert_eq!(verb(&Method::GET, &Uri::from_static("/api/v1/pods?labelSelector=watch")), "get");
    }
}
