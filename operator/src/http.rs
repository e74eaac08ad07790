//! The operator's own HTTP: metrics, health, version.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;

/// Serves until the process ends.
pub async fn serve(address: SocketAddr, registry: Arc<Registry>) -> std::io::Result<()> {
    let routes = Router::new()
        .route("/metrics", get(metrics))
        .route("/healthcheck", get(|| async { "ok" }))
        .route("/version", get(|| async { env!("CARGO_PKG_VERSION") }))
        .with_state(registry);
    let listener = tokio::net::TcpListener::bind(address).await?;
    axum::serve(listener, routes).await
}

async fn metrics(State(registry): State<Arc<Registry>>) -> ([(&'static str, &'static str); 1], String) {
    let mut text = String::new();
    // Writing into a String cannot fail.
    let _ = encode(&mut text, &registry);
    ([("content-type", "application/openmetrics-text; version=1.0.0; charset=utf-8")], text)
}
