//! A ZooKeeper from Flink's own jars, which keeps the state of JobManagers with high availability.

use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use flink_operator_fixtures::process::distribution::{Distribution, Wanted};
use flink_operator_fixtures::process::java::Java;
use serde_json::{Value, json};

use super::{until, word};

const MAIN: &str = "org.apache.flink.shaded.zookeeper3.org.apache.zookeeper.server.ZooKeeperServerMain";

/// A server, which ends with its owner.
pub struct ZooKeeper {
    child: Child,
    port: u16,
}

impl ZooKeeper {
    /// Keeps its files in this directory.
    pub async fn start(directory: &Path) -> Self {
        let flink = Distribution::find(&Wanted::default()).unwrap().unwrap();
        let java = Java::find().unwrap();
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        fs::create_dir_all(directory).unwrap();
        let config = directory.join("zoo.cfg");
        let data = word(directory);
        // A dead client is forgotten after two ticks at the soonest.
        let text = format!("tickTime=1000\ndataDir={data}\nclientPortAddress=127.0.0.1\nclientPort={port}\n");
        fs::write(&config, text).unwrap();
        let child = Command::new(java.tool("java").unwrap())
            .args(["-XX:+UseSerialGC", "-Xmx64m", "-Dzookeeper.admin.enableServer=false", "-cp"])
            .arg(format!("{}/*", flink.lib().display()))
            .args([MAIN, word(&config)])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let server = Self { child: child.unwrap(), port };
        until("ZooKeeper answers", || async { TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok().map(drop) }).await;
        server
    }

    /// Keys of `flinkConfig` with which JobManagers keep their state here, and their files in this directory.
    pub fn keys(&self, storage: &Path) -> Value {
        json!({
            "high-availability.type": "zookeeper",
            "high-availability.zookeeper.quorum": format!("127.0.0.1:{}", self.port),
            "high-availability.zookeeper.client.session-timeout": "3000",
            "high-availability.storageDir": format!("file://{}", storage.display()),
        })
    }
}

impl Drop for ZooKeeper {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
