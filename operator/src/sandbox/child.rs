//! The operator: this same program, as a process of its own.

use std::fs::File;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::cli::Failure;

/// How long the operator may take to end when it is asked to.
const PATIENCE: Duration = Duration::from_secs(2);
/// Ends of the operator in a row, each soon after its start, before the sandbox gives up.
const TRIES: u32 = 3;
/// Proxies are not for what is on this machine.
const PROXIES: [&str; 6] = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"];

/// The operator's process. It ends when its standard input ends, so it never outlives the sandbox.
pub struct Operator {
    child: Child,
}

/// How the operator is started.
#[derive(Clone, Debug)]
pub struct Start {
    /// This program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Where it logs.
    pub log: PathBuf,
    /// Where it serves the console.
    pub console: SocketAddr,
}

impl Start {
    /// The command for this API server; the console is on this port, or on any that is free.
    pub fn of(kubeconfig: &Path, port: u16, console: u16, log: PathBuf) -> io::Result<Self> {
        // Both are held until both are known, or they could be the same.
        let own = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let console = TcpListener::bind((Ipv4Addr::LOCALHOST, console))?;
        let (own, console) = (own.local_addr()?, console.local_addr()?);
        let kubeconfig = kubeconfig.to_string_lossy().into_owned();
        let port = port.to_string();
        let (own, served) = (own.to_string(), console.to_string());
        let words = [
            "run",
            "--kubeconfig",
            &kubeconfig,
            "--kubectl-proxy",
            &port,
            "--listen",
            &own,
            "--console",
            &served,
            "--log-format",
            "text",
            "--no-leader-election",
        ];
        let arguments = words.map(str::to_owned).to_vec();
        Ok(Self { program: std::env::current_exe()?, arguments, log, console })
    }

    /// The command for a person's shell.
    pub fn shown(&self) -> String {
        format!("{} {}", self.program.display(), self.arguments.join(" "))
    }

    /// Starts it.
    pub fn start(&self) -> io::Result<Operator> {
        let log = File::options().create(true).append(true).open(&self.log)?;
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .arg("--with-parent")
            .env("NO_COLOR", "1")
            .stdin(Stdio::piped())
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0)
            .kill_on_drop(true);
        for proxy in PROXIES {
            command.env_remove(proxy);
        }
        Ok(Operator { child: command.spawn()? })
    }
}

impl Operator {
    /// Waits for its end, which nobody asked for.
    pub async fn ended(&mut self) -> io::Result<ExitStatus> {
        // wait() would close its standard input, and so end it.
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Asks it to end, and waits.
    pub async fn stop(mut self) {
        drop(self.child.stdin.take());
        if timeout(PATIENCE, self.child.wait()).await.is_err() {
            let _ = self.child.kill().await;
        }
    }
}

/// Starts of the operator in a row.
#[derive(Default)]
pub struct Starts {
    last: Option<Instant>,
    soon: u32,
}

impl Starts {
    /// Waits before the next start, or gives up.
    pub async fn again(&mut self, start: &Start) -> Result<(), Failure> {
        let soon = self.last.replace(Instant::now()).is_some_and(|last| last.elapsed() < Duration::from_secs(10));
        self.soon = if soon { self.soon + 1 } else { 1 };
        if self.soon > TRIES {
            let log = std::fs::read_to_string(&start.log).unwrap_or_default();
            let last: Vec<&str> = log.lines().rev().take(5).collect();
            let last: Vec<&str> = last.into_iter().rev().collect();
            return Err(Failure::Failed(format!("the operator ends again and again:\n{}", last.join("\n"))));
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
        Ok(())
    }
}
