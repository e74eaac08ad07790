//! Where scenarios begin. Each life is lived once and copied.

use std::sync::LazyLock;

use flink_operator_core::phase::PhaseName;
use flink_operator_fixtures::door::Life;
use serde_json::{Value, json};

use crate::stories::{self, MINUTE, SECOND, manifest, reach};

/// An application that was just created.
pub fn new() -> Life {
    static NEW: LazyLock<Life> = LazyLock::new(stories::new);
    NEW.clone()
}

/// Its job has been running for half a minute.
pub fn running() -> Life {
    static RUNNING: LazyLock<Life> = LazyLock::new(stories::running);
    RUNNING.clone()
}

/// The same, with parallelism 4 and two TaskManagers since.
pub fn two_taskmanagers() -> Life {
    static LIFE: LazyLock<Life> = LazyLock::new(|| {
        let mut life = running();
        life.edit(in_place(4)).unwrap();
        reach(&mut life, PhaseName::SubmittingJob);
        reach(&mut life, PhaseName::Running);
        life.run_for(MINUTE);
        life
    });
    LIFE.clone()
}

/// Its job keeps more than the newest checkpoint, as the user guide advises.
pub fn keeping() -> Life {
    static LIFE: LazyLock<Life> = LazyLock::new(|| {
        let mut life = new();
        life.flinks.settings.checkpointing.retained = 20;
        reach(&mut life, PhaseName::Running);
        life.run_for(MINUTE);
        life
    });
    LIFE.clone()
}

/// Its JobManager keeps its jobs elsewhere.
pub fn highly_available() -> Life {
    static LIFE: LazyLock<Life> = LazyLock::new(|| {
        let config = json!({ "high-availability.type": "kubernetes", "high-availability.storageDir": "file:/ha" });
        let mut life = begun(json!({ "flinkConfig": config }));
        life.flinks.settings.checkpointing.retained = 20;
        reach(&mut life, PhaseName::Running);
        life.run_for(MINUTE);
        life
    });
    LIFE.clone()
}

/// Its job takes no checkpoints.
pub fn stateless() -> Life {
    static LIFE: LazyLock<Life> = LazyLock::new(|| {
        let mut life = new();
        life.flinks.settings.checkpointing.interval = None;
        reach(&mut life, PhaseName::Running);
        life.run_for(MINUTE);
        life
    });
    LIFE.clone()
}

/// A running job of which `settings` is not as by default.
pub fn running_with(settings: impl FnOnce(&mut Life)) -> Life {
    let mut life = new();
    settings(&mut life);
    reach(&mut life, PhaseName::Running);
    life.run_for(30 * SECOND);
    life
}

/// Its savepoints may take two minutes and not thirty (`savepointTimeout`).
pub fn hasty() -> Life {
    let mut life = running();
    life.policy.savepoint_timeout_ms = 120_000;
    life
}

/// The same, and its job takes a day to be cancelled.
pub fn stubborn() -> Life {
    let mut life = hasty();
    let revision = life.deployed().unwrap().revision.id;
    life.flinks.of(&revision).unwrap().0.settings.delays.cancel = 24 * 3_600_000;
    life
}

/// Its pods take a quarter of a minute to go.
pub fn slow_pods() -> Life {
    let mut life = running();
    life.set_pod_times(2 * SECOND, 15 * SECOND);
    life
}

/// A new application in the mode BlueGreen.
pub fn new_green() -> Life {
    static LIFE: LazyLock<Life> = LazyLock::new(|| begun(json!({ "deploymentMode": "BlueGreen" })));
    LIFE.clone()
}

/// Its first version has been running for half a minute.
pub fn green() -> Life {
    static LIFE: LazyLock<Life> = LazyLock::new(|| {
        let mut life = new_green();
        reach(&mut life, PhaseName::Running);
        life.run_for(30 * SECOND);
        life
    });
    LIFE.clone()
}

/// Its second version, too.
pub fn green_and_blue() -> Life {
    static LIFE: LazyLock<Life> = LazyLock::new(|| {
        let mut life = green();
        life.edit(stories::arguments("--topic returns")).unwrap();
        reach(&mut life, PhaseName::DualRunning);
        life.run_for(30 * SECOND);
        life
    });
    LIFE.clone()
}

/// An edit of nothing but the parallelism, on the same cluster.
pub fn in_place(parallelism: u32) -> Value {
    json!({ "spec": { "parallelism": parallelism, "scaleMode": "InPlace" } })
}

fn begun(spec: Value) -> Life {
    let mut manifest = manifest();
    for (field, value) in spec.as_object().unwrap() {
        manifest["spec"][field] = value.clone();
    }
    Life::begin(manifest).unwrap()
}
