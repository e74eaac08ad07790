//! Flink's answers gone wrong: each becomes a value, or trouble that is told in one line.
//!
//! For a longer run: `PROPTEST_CASES=20000 cargo test -p flink-operator-interpreter --test flink_fuzz`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use flink_operator_core::id::RevisionId;
use flink_operator_core::snapshot::{FlinkSeen, Seen, Trouble, TroubleClass};
use flink_operator_fixtures::fuzz;
use flink_operator_interpreter::flink::cause::root_cause;
use flink_operator_interpreter::flink::{Addresses, FlinkClient, Timeouts, Uncounted};
use flink_operator_interpreter::observe::flink::look;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::Value;
use support::{JOB, Server, TRIGGER, application, everything, job, revision, trigger};

/// What Flink answers, by the name of the file.
static ANSWERS: LazyLock<BTreeMap<String, String>> =
    LazyLock::new(|| fuzz::corpus("corpus/flink").unwrap().into_iter().collect());

const STATUSES: [u16; 8] = [200, 200, 200, 202, 204, 404, 500, 503];

/// One answer, and how it goes wrong.
#[derive(Clone, Debug)]
struct Wrong {
    status: u16,
    /// As bytes, or else as a value.
    bytes: bool,
    moves: Vec<u64>,
    /// Sometimes it is the answer to another question.
    instead: Option<Index>,
}

fn wrong() -> impl Strategy<Value = Wrong> {
    let moves = prop::collection::vec(any::<u64>(), 0..4);
    let instead = prop::option::weighted(0.1, any::<Index>());
    let parts = (prop::sample::select(&STATUSES), any::<bool>(), moves, instead);
    parts.prop_map(|(status, bytes, moves, instead)| Wrong { status, bytes, moves, instead })
}

impl Wrong {
    fn body(&self, name: &str) -> String {
        let all: Vec<String> = ANSWERS.values().cloned().collect();
        let text: &String = self.instead.map_or(&ANSWERS[name], |instead| instead.get(&all));
        if self.bytes {
            return String::from_utf8_lossy(&fuzz::bytes(text, &self.moves)).into_owned();
        }
        fuzz::value(serde_json::from_str::<Value>(text).unwrap(), &self.moves).to_string()
    }
}

/// The answers to all questions, each wrong in its own way; the savepoint is in one of its three states.
async fn flink(wrong: &[Wrong], savepoint: &str) -> Server {
    let server = Server::start().await;
    let job = format!("GET /jobs/{JOB}");
    let questions = [
        ("GET /overview".to_owned(), "overview"),
        ("GET /taskmanagers".to_owned(), "taskmanagers"),
        (job.clone(), "job"),
        (format!("{job}/metrics?get=numRestarts"), "metrics"),
        (format!("{job}/exceptions"), "exceptions"),
        (format!("{job}/savepoints/{TRIGGER}"), savepoint),
        (format!("{job}/checkpoints"), "checkpoints"),
        (format!("{job}/checkpoints/config"), "checkpoints-config"),
    ];
    for ((line, name), wrong) in questions.iter().zip(wrong) {
        server.on_text(line, wrong.status, &wrong.body(name));
    }
    let requests = [(format!("POST /jobs/{JOB}/stop"), "accepted"), (format!("PATCH {}", &job[4..]), "refused")];
    for ((line, name), wrong) in requests.iter().zip(wrong) {
        server.on_text(line, wrong.status, &wrong.body(name));
    }
    server
}

fn client(server: &Server) -> FlinkClient {
    let addresses: BTreeMap<RevisionId, String> = BTreeMap::from([(revision(), server.url.clone())]);
    FlinkClient::new(Addresses::Fixed(addresses), Timeouts::default(), Arc::new(Uncounted)).unwrap()
}

fn troubles(seen: &FlinkSeen) -> Vec<&Trouble> {
    fn trouble<T>(seen: &Seen<T>) -> Option<&Trouble> {
        if let Seen::Unreachable(trouble) = seen { Some(trouble) } else { None }
    }
    let FlinkSeen { overview, job, savepoint, checkpoints, retention } = seen;
    let all = [trouble(overview), trouble(job), trouble(savepoint), trouble(checkpoints), trouble(retention)];
    all.into_iter().flatten().collect()
}

fn is_told(message: &str) -> bool {
    !message.is_empty() && message.len() < 2_000 && !message.contains(['\n', '\r'])
}

fn cases(cases: u32) -> ProptestConfig {
    let wanted = ProptestConfig::default();
    let is_set = std::env::var_os("PROPTEST_CASES").is_some();
    ProptestConfig { cases: if is_set { wanted.cases } else { cases }, ..wanted }
}

fn blocking<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

proptest! {
    #![proptest_config(cases(120))]

    #[test]
    fn whatever_flink_answers_is_a_value_or_trouble_in_one_line(
        wrong in prop::collection::vec(wrong(), 8),
        savepoint in prop::sample::select(&["savepoint-completed", "savepoint-failed", "savepoint-under-way"]),
    ) {
        let needs = everything();
        let seen = blocking(async {
            let server = flink(&wrong, savepoint).await;
            look(&client(&server), &application(), &needs).await.remove(&revision()).unwrap()
        });
        for trouble in troubles(&seen) {
            prop_assert!(is_told(&trouble.message), "{}", trouble.message);
            prop_assert_ne!(trouble.class, TroubleClass::UsersFault);
        }
        // Only Flink's own 404 says that there is no such job.
        if wrong[2].status != 404 {
            prop_assert!(!matches!(seen.job, Seen::Absent), "{:?}", seen.job);
        }
        if wrong[5].status != 404 {
            prop_assert!(!matches!(seen.savepoint, Seen::Absent), "{:?}", seen.savepoint);
        }
    }

    #[test]
    fn whatever_flink_answers_a_request_is_done_or_trouble_in_one_line(wrong in prop::collection::vec(wrong(), 8)) {
        let answers = blocking(async {
            let server = flink(&wrong, "savepoint-completed").await;
            let (client, application, revision) = (client(&server), application(), revision());
            let jobmanager = client.of(&application, &revision);
            [jobmanager.stop(&job(), &trigger()).await, jobmanager.cancel(&job()).await]
        });
        for trouble in answers.into_iter().filter_map(Result::err).map(|error| error.trouble("Any")) {
            prop_assert!(is_told(&trouble.message), "{}", trouble.message);
        }
    }
}

proptest! {
    #![proptest_config(cases(2_000))]

    #[test]
    fn the_cause_in_a_stack_trace_that_went_wrong_is_one_line(moves in prop::collection::vec(any::<u64>(), 0..12)) {
        let refused: Value = serde_json::from_str(&ANSWERS["refused"]).unwrap();
        let trace = fuzz::bytes(refused["errors"][1].as_str().unwrap(), &moves);
        let cause = root_cause(&String::from_utf8_lossy(&trace));
        prop_assert!(!cause.contains('\n') && cause.len() < 2_000, "{cause}");
    }
}

#[tokio::test]
async fn the_corpus_itself_is_understood() {
    let sound = Wrong { status: 200, bytes: false, moves: Vec::new(), instead: None };
    let server = flink(&vec![sound; 8], "savepoint-completed").await;
    let needs = everything();
    let seen = look(&client(&server), &application(), &needs).await.remove(&revision()).unwrap();
    assert!(troubles(&seen).is_empty(), "{seen:?}");
    let present = matches!(seen.job, Seen::Present(_)) && matches!(seen.savepoint, Seen::Present(_));
    assert!(present && matches!(seen.checkpoints, Seen::Present(_)), "{seen:?}");
}
