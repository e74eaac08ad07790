//! A sandbox as a person starts one: the built program, its output, and its API.
#![allow(dead_code, reason = "each test file uses its own part of it")]

pub mod chromium;
pub mod cut;
pub mod hand;
pub mod kills;
pub mod overheard;
pub mod process;
pub mod real;
pub mod site;
pub mod stage;
pub mod zookeeper;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

/// How long anything may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(120);

/// The built program.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_flinkk8soperator");

/// The manifest of the example.
pub const NUMBERS: &str = include_str!("../../../fixtures/applications/numbers.yaml");

/// A directory that goes with its owner.
pub struct Directory(pub PathBuf);

impl Directory {
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("sandbox-test-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path.canonicalize().unwrap())
    }

    /// Writes a file and returns its path.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Where the sandbox keeps its files.
    pub fn run(&self) -> PathBuf {
        self.0.join("run")
    }

    /// The program with the arguments that every test has.
    pub fn sandbox(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.arg("sandbox").arg("--dir").arg(self.run()).args(arguments).stdin(Stdio::null());
        command
    }

    /// Starts a sandbox in the background; what it prints goes to a file.
    pub fn start(&self, arguments: &[&str]) -> Sandbox {
        let out = self.0.join("out");
        let file = File::create(&out).unwrap();
        let child = self.sandbox(arguments).stdout(file.try_clone().unwrap()).stderr(file).spawn().unwrap();
        Sandbox { child, out, run: self.run() }
    }

    /// The processes whose command line names this directory: id and line.
    pub fn processes(&self) -> Vec<(u32, String)> {
        let word = self.0.to_string_lossy().into_owned();
        let processes = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
        let lines = processes.filter_map(|process| {
            let id = process.file_name().to_str()?.parse().ok()?;
            Some((id, std::fs::read_to_string(process.path().join("cmdline")).ok()?.replace('\0', " ")))
        });
        lines.filter(|(_, line)| line.contains(&word)).collect()
    }

    /// Kills the process of this directory whose command line has these words.
    pub fn kill(&self, words: &str) {
        let (id, _) = self.processes().into_iter().find(|(_, line)| line.contains(words)).unwrap();
        assert!(Command::new("kill").arg("-9").arg(id.to_string()).status().unwrap().success());
    }

    /// Waits until no process names this directory.
    pub async fn until_no_process_is_left(&self) {
        until("no process is left", || async { self.processes().is_empty().then_some(()) }).await;
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // Who ends the pods of a sandbox that was killed reads their ids here.
        let began = Instant::now();
        while !self.processes().is_empty() && began.elapsed() < Duration::from_secs(5) {
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A running sandbox.
pub struct Sandbox {
    pub child: Child,
    out: PathBuf,
    run: PathBuf,
}

impl Sandbox {
    /// All that it has printed.
    pub fn output(&self) -> String {
        std::fs::read_to_string(&self.out).unwrap_or_default()
    }

    /// Waits until it has printed a text so many times.
    pub async fn until_it_prints(&mut self, text: &str, times: usize) {
        let began = Instant::now();
        while self.output().matches(text).count() < times {
            assert!(self.child.try_wait().unwrap().is_none(), "it ended before {text:?}:\n{}", self.output());
            assert!(began.elapsed() < PATIENCE, "it never prints {text:?}:\n{}", self.output());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// A client of its API server.
    pub async fn client(&self) -> Client {
        let path = self.kubeconfig();
        // A file that is there may not be written to its end.
        let config = until("the kubeconfig is there", || async {
            let file = Kubeconfig::read_from(&path).ok()?;
            Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await.ok()
        });
        let config = config.await;
        Client::try_from(config).unwrap()
    }

    /// The file for `kubectl`.
    pub fn kubeconfig(&self) -> PathBuf {
        self.run.join("kubeconfig")
    }

    /// The port of its API server.
    pub fn port(&self) -> u16 {
        let text = std::fs::read_to_string(self.kubeconfig()).unwrap();
        let (_, behind) = text.split_once("http://127.0.0.1:").unwrap();
        behind.lines().next().unwrap().parse().unwrap()
    }

    /// Sends a signal by its name: INT, KILL.
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status();
        assert!(status.unwrap().success());
    }

    /// Waits for its end.
    pub async fn ended(&mut self) -> ExitStatus {
        let out = self.out.clone();
        ended(&mut self.child, &out).await
    }
}

/// Waits for the end of a process that writes to this file.
pub async fn ended(child: &mut Child, out: &Path) -> ExitStatus {
    let began = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        assert!(began.elapsed() < PATIENCE, "it never ends:\n{}", std::fs::read_to_string(out).unwrap_or_default());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Looks again and again until there is something.
pub async fn until<T, F: Future<Output = Option<T>>>(what: &str, look: impl Fn() -> F) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "in vain: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A path as an argument.
pub fn word(path: &Path) -> &str {
    path.to_str().unwrap()
}
