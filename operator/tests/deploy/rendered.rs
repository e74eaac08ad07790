//! What an installation consists of: `deploy/` as kubectl and Helm render it.
#![allow(dead_code, reason = "each test file uses its own part of it")]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

/// A file or directory of the repository.
pub fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name)
}

pub fn text(name: &str) -> String {
    std::fs::read_to_string(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The objects of an overlay, where kubectl is installed.
pub fn kustomize(overlay: &str) -> Option<Vec<Value>> {
    let mut command = tool("kubectl")?;
    Some(objects(command.arg("kustomize").arg(path("deploy/overlays").join(overlay))))
}

/// The objects of the overlay `cluster` with a component, as an overlay of a user's own takes it.
pub fn with_component(component: &str) -> Option<Vec<Value>> {
    let mut command = tool("kubectl")?;
    let own = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("with-{component}"));
    std::fs::create_dir_all(&own).unwrap();
    let own = own.canonicalize().unwrap();
    // kustomize takes no absolute path.
    let up = "../".repeat(own.components().count() - 1);
    let deploy = format!("{up}{}", path("deploy").canonicalize().unwrap().strip_prefix("/").unwrap().display());
    let text = format!("resources: [{deploy}/overlays/cluster]\ncomponents: [{deploy}/components/{component}]\n");
    std::fs::write(own.join("kustomization.yaml"), text).unwrap();
    Some(objects(command.arg("kustomize").arg(own)))
}

/// The objects of the chart with these values, where Helm is installed.
pub fn chart(values: &[&str]) -> Option<Vec<Value>> {
    let mut command = helm(values)?;
    Some(objects(command.arg("--include-crds")))
}

/// `helm template` with these values.
pub fn helm(values: &[&str]) -> Option<Command> {
    let mut command = tool("helm")?;
    // A Helm that was built by hand believes in a Kubernetes of long ago.
    command
        .args(["template", "flink", "--namespace", "flink-operator", "--kube-version", "1.34.0"])
        .arg(path("deploy/chart"));
    for value in values {
        command.args(["--set", value]);
    }
    Some(command)
}

/// A program that need not be there; its absence is said and is no failure.
pub fn tool(name: &str) -> Option<Command> {
    let mut found = Command::new(name);
    found.arg("version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    if found.status().is_err() {
        eprintln!("not tested: {name} is not installed");
        return None;
    }
    Some(Command::new(name))
}

/// What a command prints, as objects.
fn objects(command: &mut Command) -> Vec<Value> {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {told}");
    let all: Vec<Value> = serde_saphyr::from_multiple(&String::from_utf8(output.stdout).unwrap()).unwrap();
    all.into_iter().filter(|object| !object.is_null()).collect()
}

/// The objects of a kind.
pub fn of_kind<'a>(objects: &'a [Value], kind: &str) -> Vec<&'a Value> {
    objects.iter().filter(|object| object["kind"] == kind).collect()
}

/// The only object of a kind and name.
pub fn the<'a>(objects: &'a [Value], kind: &str, name: &str) -> &'a Value {
    let found: Vec<_> =
        of_kind(objects, kind).into_iter().filter(|object| object["metadata"]["name"] == name).collect();
    let [only] = found.as_slice() else { panic!("{} objects are a {kind} {name}", found.len()) };
    only
}
