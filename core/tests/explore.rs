//! The laws in every order in which things can happen while one thing goes wrong: the nearest states of each scope of
//! the exploration. The proof visits all of them, with more faults.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use flink_operator_fixtures::explore::{Limits, explore, scopes};

/// Distinct states of one scope: a few seconds.
const STATES: usize = 8_000;

fn obeys_every_law(name: &str) {
    let scope = scopes(1).into_iter().find(|scope| scope.name == name).expect("a scope of this name");
    let found = explore(&scope, Limits { states: STATES, threads: 1 });
    let told: Vec<String> = found.broken.iter().map(ToString::to_string).collect();
    assert!(told.is_empty(), "{}", told.join("\n\n"));
    assert!(found.complete || found.states == STATES, "{} states were visited", found.states);
    assert!(found.states > 1_000 && found.with_zombie > 0 && found.at_rest > 0, "{found:?}");
}

macro_rules! tests_of_scopes {
    ($($test:ident: $scope:literal),* $(,)?) => {
        $(
            #[test]
            fn $test() {
                obeys_every_law($scope);
            }
        )*

        #[test]
        fn every_scope_has_its_test() {
            let scopes: Vec<_> = scopes(1).iter().map(|scope| scope.name).collect();
            assert_eq!(scopes, [$($scope),*]);
        }
    };
}

tests_of_scopes! {
    an_upgrade: "an upgrade",
    three_generations: "three generations",
    there_and_back: "there and back",
    a_first_deploy_that_is_edited: "a first deploy, edited",
    scaling_in_place: "scaling in place",
    scaling_up_and_down: "scaling up and down",
    two_versions: "two versions",
    a_rollback_by_force: "a rollback by force",
    a_deletion_with_a_savepoint: "deletion with a savepoint",
    a_deletion_with_a_cancellation: "deletion with a cancellation",
    a_deletion_without_care: "deletion without care",
}
