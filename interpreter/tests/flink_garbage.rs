//! Whatever a JobManager answers, it is classified and counted, and never taken for "there is no such job".
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use flink_operator_core::id::RevisionId;
use flink_operator_core::snapshot::{FlinkSeen, Seen, Trouble, TroubleClass};
use flink_operator_interpreter::flink::{Addresses, Call, Calls, FlinkClient, Outcome, Timeouts};
use flink_operator_interpreter::observe::flink::look;
use support::{application, everything, revision};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// Counts what it is told of.
#[derive(Default)]
struct Counted(Mutex<Vec<(Call, Outcome)>>);

impl Calls for Counted {
    fn finished(&self, call: Call, outcome: Outcome, _: Duration) {
        self.0.lock().unwrap().push((call, outcome));
    }
}

/// A server that gives every request these bytes and hangs up.
async fn giving(bytes: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let bytes = bytes.clone();
            tokio::spawn(async move {
                let _ = stream.read(&mut [0; 4096]).await;
                let _ = stream.write_all(&bytes).await;
            });
        }
    });
    url
}

fn answer(status: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

/// All that can be asked of a JobManager, and how each request ended.
async fn ask_everything(url: String) -> (FlinkSeen, Vec<(Call, Outcome)>) {
    let counted = Arc::new(Counted::default());
    let timeouts = Timeouts { look: Duration::from_millis(500), ..Timeouts::default() };
    let addresses: BTreeMap<RevisionId, String> = BTreeMap::from([(revision(), url)]);
    let client = FlinkClient::new(Addresses::Fixed(addresses), timeouts, counted.clone()).unwrap();
    let seen = look(&client, &application(), &everything()).await.remove(&revision()).unwrap();
    let calls = counted.0.lock().unwrap().clone();
    (seen, calls)
}

fn troubles(seen: &FlinkSeen) -> [Option<&Trouble>; 5] {
    fn trouble<T>(seen: &Seen<T>) -> Option<&Trouble> {
        if let Seen::Unreachable(trouble) = seen { Some(trouble) } else { None }
    }
    let FlinkSeen { overview, job, savepoint, checkpoints, retention } = seen;
    [trouble(overview), trouble(job), trouble(savepoint), trouble(checkpoints), trouble(retention)]
}

#[tokio::test]
async fn garbage_is_never_an_answer_and_never_the_absence_of_a_job() {
    let html = b"<!DOCTYPE html><html><body>Welcome to the proxy</body></html>";
    let half = br#"{"jid":"11112222333344445555666677778888","state":"RUNN"#;
    let long = vec![b'x'; 10 << 20];
    let too_long = [b"{\"state\":\"".to_vec(), vec![b'R'; 33 << 20], b"\"}".to_vec()].concat();
    let deep = [b'['; 100_000];
    let cases: [(&str, Vec<u8>); 14] = [
        ("HTML", answer("200 OK", html)),
        ("HTML of a proxy that does not know it", answer("404 Not Found", html)),
        ("a body of Kubernetes", answer("404 Not Found", br#"{"kind":"Status","code":404,"reason":"NotFound"}"#)),
        ("half a body", answer("200 OK", half)),
        ("half a body of the promised length", answer("200 OK", &[half.as_slice(), &[b' '; 50]].concat()[..])),
        ("a body that breaks off", b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"state\":".to_vec()),
        ("10 MB", answer("200 OK", &long)),
        ("10 MB with an error", answer("500 Oops", &long)),
        ("33 MB", answer("200 OK", &too_long)),
        ("brackets", answer("200 OK", &deep)),
        ("bytes", answer("200 OK", &[0xff, 0x00, 0xfe, 0x80])),
        ("nothing", answer("200 OK", b"")),
        ("no content", b"HTTP/1.1 204 No Content\r\n\r\n".to_vec()),
        ("no HTTP", b"SSH-2.0-OpenSSH_9.2\r\n".to_vec()),
    ];
    for (what, bytes) in cases {
        let (seen, calls) = ask_everything(giving(bytes).await).await;
        for trouble in troubles(&seen) {
            let trouble = trouble.unwrap_or_else(|| panic!("{what}: {seen:?}"));
            assert!(trouble.message.len() < 1_000 && !trouble.message.contains('\n'), "{what}: {}", trouble.message);
            assert_ne!(trouble.class, TroubleClass::UsersFault, "{what}: {}", trouble.message);
        }
        // Who gives no answer is not asked further.
        let silent = calls.iter().any(|(_, it)| matches!(it, Outcome::Unreachable | Outcome::TimedOut));
        assert!(if silent { calls.len() == 1 } else { calls.len() >= 5 }, "{what}: {calls:?}");
    }
}

#[tokio::test]
async fn a_jobmanager_that_hangs_up_without_a_word_is_counted_as_unreachable_and_asked_once() {
    let (seen, calls) = ask_everything(giving(Vec::new()).await).await;
    for trouble in troubles(&seen) {
        assert_eq!(trouble.map(|trouble| trouble.class), Some(TroubleClass::TryAgain), "{seen:?}");
    }
    assert!(calls.len() == 1 && calls.iter().all(|(_, outcome)| *outcome == Outcome::Unreachable), "{calls:?}");
}
