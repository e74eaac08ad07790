//! A wire to the API server on which every request is noted.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::Sandbox;

/// A request as RBAC knows it: group, resource with its subresource, verb.
pub type Grant = (String, String, String);

pub struct Overheard {
    pub port: u16,
    asked: Arc<Mutex<BTreeSet<Grant>>>,
}

impl Overheard {
    pub async fn to(sandbox: &Sandbox) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (port, behind) = (listener.local_addr().unwrap().port(), sandbox.port());
        let asked = Arc::new(Mutex::new(BTreeSet::new()));
        let notes = asked.clone();
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                tokio::spawn(carry(near, behind, notes.clone()));
            }
        });
        Self { port, asked }
    }

    /// All that was asked so far.
    pub fn asked(&self) -> BTreeSet<Grant> {
        self.asked.lock().unwrap().clone()
    }
}

async fn carry(near: TcpStream, behind: u16, asked: Arc<Mutex<BTreeSet<Grant>>>) {
    let Ok(far) = TcpStream::connect(("127.0.0.1", behind)).await else { return };
    let ((mut from_near, mut to_near), (mut from_far, mut to_far)) = (near.into_split(), far.into_split());
    let there = async move {
        let (mut bytes, mut line) = ([0; 16 * 1024], Vec::new());
        while let Ok(count @ 1..) = from_near.read(&mut bytes).await {
            line.extend_from_slice(&bytes[..count]);
            while let Some(end) = line.windows(2).position(|two| two == b"\r\n") {
                let text = String::from_utf8_lossy(&line[..end]).into_owned();
                asked.lock().unwrap().extend(grant(&text));
                line.drain(..end + 2);
            }
            if to_far.write_all(&bytes[..count]).await.is_err() {
                break;
            }
        }
    };
    let back = async move { drop(tokio::io::copy(&mut from_far, &mut to_near).await) };
    tokio::select! { () = there => {}, () = back => {} }
}

/// Reads the first line of a request, perhaps behind the body of the one before.
fn grant(line: &str) -> Option<Grant> {
    let head = line.strip_suffix(" HTTP/1.1")?;
    let methods = ["GET", "POST", "PUT", "PATCH", "DELETE"];
    let (method, at) = methods.iter().find_map(|it| Some((*it, head.rfind(&format!("{it} /api"))?)))?;
    let (path, query) = head[at + method.len() + 1..].split_once('?').unwrap_or((&head[at + method.len() + 1..], ""));
    let mut words = path.split('/').skip(1);
    let group = if words.next()? == "api" { "" } else { words.next()? };
    let mut words: Vec<_> = words.skip(1).collect();
    if words.first() == Some(&"namespaces") {
        words.drain(..2);
    }
    let resource = match words.get(2) {
        Some(subresource) => format!("{}/{subresource}", words[0]),
        None => (*words.first()?).to_owned(),
    };
    let verb = match method {
        "GET" if query.contains("watch=true") => "watch",
        "GET" if words.len() > 1 => "get",
        "GET" => "list",
        "POST" => "create",
        "PUT" => "update",
        "PATCH" => "patch",
        _ => "delete",
    };
    Some((group.to_owned(), resource, verb.to_owned()))
}
