//! A way to the API server that can be cut.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use serde_json::Value;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::Directory;

/// Connections to a local port go on to the API server, while the way is open.
pub struct Way {
    open: watch::Sender<bool>,
    /// A kubeconfig that leads this way.
    pub kubeconfig: PathBuf,
}

impl Way {
    /// An open way to the API server of a kubeconfig.
    pub async fn to(kubeconfig: &Path, directory: &Directory) -> Self {
        let mut config: Value = serde_saphyr::from_str(&std::fs::read_to_string(kubeconfig).unwrap()).unwrap();
        let cluster = &mut config["clusters"][0]["cluster"];
        let server: http::Uri = cluster["server"].as_str().unwrap().parse().unwrap();
        let (host, port) = (server.host().unwrap().to_owned(), server.port_u16().unwrap_or(443));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        cluster["server"] = format!("https://{address}").into();
        // Its certificate is for the name that it has.
        cluster["tls-server-name"] = host.trim_matches(['[', ']']).into();
        let (open, is_open) = watch::channel(true);
        tokio::spawn(async move {
            loop {
                let (client, _): (TcpStream, SocketAddr) = listener.accept().await.unwrap();
                tokio::spawn(carry(client, (host.clone(), port), is_open.clone()));
            }
        });
        Self { open, kubeconfig: directory.write("kubeconfig-by-a-way", &config.to_string()) }
    }

    /// Breaks all connections, and every new one at once, until it is opened again.
    pub fn cut(&self) {
        self.open.send_replace(false);
    }

    /// Opens it again.
    pub fn open(&self) {
        self.open.send_replace(true);
    }
}

async fn carry(mut client: TcpStream, to: (String, u16), mut is_open: watch::Receiver<bool>) {
    if !*is_open.borrow() {
        return;
    }
    let Ok(mut server) = TcpStream::connect(to).await else { return };
    tokio::select! {
        _ = copy_bidirectional(&mut client, &mut server) => {}
        _ = is_open.wait_for(|open| !open) => {}
    }
}
