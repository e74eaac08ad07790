#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use super::*;

fn snapshot(name: &str, file: &str) -> Snapshot {
    let text = match file {
        "rests" => include_str!("../../../../fixtures/snapshots/running/job-rests.yaml"),
        _ => include_str!("../../../../fixtures/snapshots/running/spec-changed.yaml"),
    };
    let mut snapshot = flink_operator_fixtures::yaml::read::<Written>(text).unwrap().snapshot;
    snapshot.application.name = name.to_owned();
    snapshot
}

fn called(name: &str) -> ApplicationName {
    ApplicationName { namespace: snapshot(name, "rests").application.namespace, name: name.to_owned() }
}

/// A history whose board knows these applications.
fn history(names: &[&str], limit: usize) -> History {
    let board = Arc::new(Board::default());
    names.iter().for_each(|name| board.meet(&called(name)));
    History::new(board, limit)
}

fn add(history: &History, name: &str, file: &str) {
    let snapshot = snapshot(name, file);
    history.add(&snapshot, &flink_operator_core::step(&snapshot)).unwrap();
}

fn steps(history: &History, name: &str) -> Vec<Value> {
    history.of(&called(name))["steps"].as_array().unwrap().clone()
}

#[test]
fn the_same_rest_once_more_is_counted_and_a_move_is_kept_every_time() {
    let history = history(&["orders"], BYTES);
    for file in ["rests", "rests", "edited", "edited", "rests", "rests", "rests"] {
        add(&history, "orders", file);
    }
    let bytes: usize = history.all().applications[&called("orders")].steps.iter().map(|it| it.weight).sum();
    assert_eq!(history.all().bytes, bytes);
    let told: Vec<_> = steps(&history, "orders").iter().map(|it| (it["rule"].clone(), it["times"].clone())).collect();
    let expected = [("JobRests", 2), ("SpecChanged", 1), ("SpecChanged", 1), ("JobRests", 3)];
    assert_eq!(told, expected.map(|(rule, times)| (json!(rule), json!(times))));
}

#[test]
fn of_one_application_the_last_fifty_are_kept_and_the_others_counted() {
    let history = history(&["orders"], BYTES);
    (0..OF_ONE + 7).for_each(|_| add(&history, "orders", "edited"));
    let told = history.of(&called("orders"));
    assert_eq!(told["steps"].as_array().unwrap().len(), OF_ONE);
    assert_eq!(told["dropped"], 7);
    let first = told["steps"][0]["id"].as_u64().unwrap();
    assert!(history.record(&called("orders"), first).is_some());
    assert!(history.record(&called("orders"), first - 1).is_none());
}

#[test]
fn of_all_together_the_oldest_go_first_and_what_they_have_stays_known() {
    let room = history(&["one"], BYTES);
    add(&room, "one", "edited");
    let bytes = room.all().bytes;
    let history = history(&["one", "two"], bytes * 3);
    for name in ["one", "one", "two", "two"] {
        add(&history, name, "edited");
    }
    assert_eq!((steps(&history, "one").len(), steps(&history, "two").len()), (1, 2));
    for _ in 0..9 {
        add(&history, "two", "edited");
        assert!(history.all().bytes <= bytes * 3);
    }
    let told = history.of(&called("one"));
    assert_eq!((told["steps"].as_array().unwrap().len(), &told["dropped"]), (0, &json!(2)));
    assert!(told["memory"]["deployed"][0]["job"].is_string());
    assert_eq!(history.all().order.len(), 3);
}

#[test]
fn an_application_that_is_gone_is_forgotten() {
    let history = history(&["one", "two"], BYTES);
    add(&history, "one", "rests");
    add(&history, "two", "rests");
    history.board.forget(&called("one"));
    assert!(steps(&history, "one").is_empty());
    add(&history, "two", "edited");
    add(&history, "one", "rests");
    let all = history.all();
    assert_eq!(all.applications.keys().collect::<Vec<_>>(), [&called("two")]);
    assert_eq!(all.bytes, all.applications[&called("two")].steps.iter().map(|it| it.weight).sum::<usize>());
}

#[test]
fn an_application_that_is_made_anew_begins_without_a_past() {
    let history = history(&["orders"], BYTES);
    add(&history, "orders", "rests");
    let mut anew = snapshot("orders", "edited");
    anew.application.uid = "another".to_owned();
    history.add(&anew, &flink_operator_core::step(&anew)).unwrap();
    assert_eq!(steps(&history, "orders").len(), 1);
}

#[test]
fn a_record_that_is_shown_replays() {
    let history = history(&["orders"], BYTES);
    add(&history, "orders", "edited");
    let id = steps(&history, "orders")[0]["id"].as_u64().unwrap();
    let record: Written = serde_json::from_str(&history.record(&called("orders"), id).unwrap()).unwrap();
    assert_eq!(record.decide().rule().to_string(), "SpecChanged");
    assert_eq!(steps(&history, "orders")[0]["movesTo"], "Updating");
}
