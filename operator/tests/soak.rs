//! A soak on a real Flink: random edits, kills and pauses, for SOAK_SECONDS, by SOAK_SEED.
//!
//! In the first half the operator and TaskManagers die, and no number may be lost or come again. In the second half
//! JobManagers die too. They have no high availability, so numbers that were committed after the last checkpoint
//! that the status told of come again; none is lost. Each half ends with one job that runs.
//!
//! Runs only when SANDBOX_REAL_FLINK is set; without Flink or a JDK it says so.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::time::{Duration, Instant, SystemTime};

use serde_json::{Value, json};
use support::kills::{Trial, Victim};
use support::real::real_flink;
use support::until;

/// How long a soak lasts where nobody says.
const SECONDS: u64 = 600;
/// Edits after which the application must run, once nothing else happens: a deploy in whose middle a JobManager
/// died again and again has failed for good, and an edit begins the next one.
const LAST_EDITS: u32 = 3;

#[tokio::test]
async fn after_random_edits_and_kills_it_comes_to_rest_and_nothing_is_lost() {
    if !real_flink() {
        return;
    }
    let seconds = variable("SOAK_SECONDS").unwrap_or(SECONDS);
    let by_clock = || SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let seed = variable("SOAK_SEED").unwrap_or_else(by_clock);
    eprintln!("soak of {seconds} s, SOAK_SEED={seed}");
    let mut trial = Trial::running(json!({})).await;
    until("a checkpoint is known", || async { trial.stage.status().await.job_status?.last_checkpoint_path }).await;
    let half = Duration::from_secs(seconds / 2);

    let gentle = soak(&mut trial, Chance(seed), &[Victim::Operator, Victim::TaskManager], half).await;
    let first = come_to_rest(&mut trial).await;
    eprintln!("after {gentle:?}: {first:?}");
    assert_eq!((first.lost, first.repeated), (0, 0));

    let rough = soak(&mut trial, Chance(seed.wrapping_add(1)), &Victim::ALL, half).await;
    let second = come_to_rest(&mut trial).await;
    eprintln!("after {rough:?}: {second:?}");
    assert_eq!(second.lost, 0);
    eprintln!(
        "soak: SOAK_SEED={seed}, {} edits, {} kills, {} numbers, lost 0, repeated {} (0 before a JobManager died)",
        gentle.edits + rough.edits,
        gentle.kills + rough.kills,
        second.last,
        second.repeated,
    );
    trial.stage.end().await;
}

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

/// The same seed, the same numbers (splitmix64).
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }
}

#[derive(Debug)]
enum Action {
    Edit(Value),
    /// Which of the processes there are is told by a number, for their count is not known beforehand.
    Kill(Victim, usize),
}

impl Action {
    fn draw(chance: &mut Chance, victims: &[Victim]) -> Self {
        let draw = chance.below(12);
        let victim = victims[usize::try_from(chance.below(victims.len() as u64)).unwrap()];
        let which = usize::try_from(chance.below(60)).unwrap();
        match draw {
            0 | 1 => Self::Edit(json!({"entryClass": "Numbers", "parallelism": 1 + which % 3})),
            2 => Self::Edit(json!({"entryClass": "Numbers", "restartNonce": which.to_string()})),
            3 => Self::Edit(json!({"entryClass": "NoSuchClass"})),
            _ => Self::Kill(victim, which),
        }
    }
}

#[derive(Debug, Default)]
struct Done {
    edits: u32,
    kills: u32,
}

/// Acts and pauses until the time is over.
async fn soak(trial: &mut Trial, mut chance: Chance, victims: &[Victim], time: Duration) -> Done {
    let (began, mut done) = (Instant::now(), Done::default());
    while began.elapsed() < time {
        let action = Action::draw(&mut chance, victims);
        let pause = Duration::from_millis(20 << chance.below(9));
        let phase = trial.stage.phase().await.unwrap_or_default();
        eprintln!("{:>4} s {phase:<16} {action:?}, then {pause:?}", began.elapsed().as_secs());
        match action {
            Action::Edit(spec) => {
                trial.edit(spec).await;
                done.edits += 1;
            }
            Action::Kill(victim, which) => done.kills += u32::from(trial.kill_one(victim, which)),
        }
        tokio::time::sleep(pause).await;
    }
    done
}

/// Nothing happens any more: the application runs, and its job goes on.
async fn come_to_rest(trial: &mut Trial) -> support::kills::Figures {
    for _ in 0..LAST_EDITS {
        trial.edit(json!({"entryClass": "Numbers", "parallelism": 1})).await;
        let generation = trial.stage.generation;
        let status = until("it rests", || async {
            let status = trial.stage.status().await;
            let runs = status.phase.as_deref() == Some("Running")
                && status.deployed.as_ref().is_some_and(|it| it.revision.generation == generation);
            let failed =
                status.phase.as_deref() == Some("DeployFailed") && status.observed_generation == Some(generation);
            (runs || failed).then_some(status)
        })
        .await;
        if status.phase.as_deref() == Some("Running") {
            trial.one_job_goes_on(&trial.label).await;
            return trial.figures().await;
        }
        eprintln!("a deploy failed: {}", status.failed.unwrap().message);
    }
    panic!("{LAST_EDITS} deploys failed, and nothing else happened");
}
