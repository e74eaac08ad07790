//! The operator: this same program, as a process of its own.

use std::fs::File;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::process::{Child, Command};
use tokio::time::timeout;

/// How long the operator may take to end when it is asked to.
const PATIENCE: Duration = Duration::from_secs(2);
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
}

impl Start {
    /// The command for this API server.
    pub fn of(kubeconfig: &Path, port: u16, log: PathBuf) -> io::Result<Self> {
        let own = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let kubeconfig = kubeconfig.to_string_lossy().into_owned();
        let port = port.to_string();
        let own = own.to_string();
        let words =
            ["run", "--kubeconfig", &kubeconfig, "--kubectl-proxy", &port, "--listen", &own, "--log-format", "text"];
        let arguments = words.map(str::to_owned).to_vec();
        Ok(Self { program: std::env::current_exe()?, arguments, log })
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
