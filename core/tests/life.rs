//! Stories from the life of an application, and laws that only a whole life shows.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod stories;

stories::tests_of_all_stories!();
