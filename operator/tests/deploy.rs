//! What `deploy/` holds: manifests, chart, image, dashboards and alerts.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod deploy {
    mod chart;
    mod image;
    mod manifests;
    mod pages;
    mod rendered;
    mod watching;
}
