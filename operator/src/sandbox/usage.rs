//! How to go on by hand.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use super::cluster::ApiServer;
use super::screen::{Ink, Screen};
use super::story::Key;

/// What a person may want to know.
pub struct Usage {
    kubeconfig: PathBuf,
    port: u16,
    console: SocketAddr,
    directory: PathBuf,
    simulated: bool,
}

impl Usage {
    /// For this API server, the operator's console and the sandbox's directory.
    pub fn new(api: &ApiServer, console: SocketAddr, directory: &Path, simulated: bool) -> Self {
        let (kubeconfig, directory) = (api.kubeconfig.clone(), directory.to_owned());
        Self { kubeconfig, port: api.port(), console, directory, simulated }
    }

    /// The sandbox's directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The lines, for the first of the applications.
    pub fn lines(&self, given: &BTreeSet<Key>, screen: &Screen) -> Vec<String> {
        let heading = |text: &str| screen.ink(Ink::Bold, text);
        let mut lines = vec![
            String::new(),
            heading("In another terminal:"),
            format!("  export KUBECONFIG={}", self.kubeconfig.display()),
            "  kubectl get flinkapp".to_owned(),
        ];
        match given.first() {
            Some(key) => lines.extend(self.of_application(key)),
            None => lines.push("  kubectl apply -f MANIFEST".to_owned()),
        }
        lines.push(format!("{} http://{}/", heading("In a browser:"), self.console));
        lines.push(format!("{} {}", heading("Files:"), self.directory.display()));
        if !self.simulated {
            lines.push("  logs/ of the pods, data/ that all pods share, savepoints/, operator.log".to_owned());
        }
        lines.push(heading("^C ends everything."));
        lines.push(String::new());
        lines
    }

    fn of_application(&self, (namespace, name): &Key) -> Vec<String> {
        let n = if namespace == "default" { String::new() } else { format!(" -n {namespace}") };
        let mut lines = vec![
            format!("  kubectl edit flinkapp {name}{n}"),
            format!("  kubectl patch flinkapp {name}{n} --type merge -p '{{\"spec\":{{\"parallelism\":2}}}}'"),
            format!("  kubectl delete flinkapp {name}{n}"),
        ];
        if !self.simulated {
            let url = format!("http://127.0.0.1:{}/api/v1/namespaces/{namespace}/services/{name}:ui/proxy/", self.port);
            lines.push(format!("  Flink's web page: {url}"));
        }
        lines
    }
}
