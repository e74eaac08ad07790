//! The image that is made without an engine.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use super::rendered::{path, text, tool};

/// What looks like a program without shared libraries.
fn program(directory: &Path) -> PathBuf {
    let mut bytes = vec![0; 64];
    bytes[..4].copy_from_slice(b"\x7fELF");
    bytes[18] = 0x3e;
    let file = directory.join("flinkk8soperator");
    std::fs::write(&file, bytes).unwrap();
    file
}

fn directory(name: &str) -> PathBuf {
    let directory = std::env::temp_dir().join(format!("image-test-{}-{name}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    directory
}

fn pack(program: &Path, file: &Path) -> Option<Output> {
    tool("jq")?;
    Some(Command::new(path("deploy/image/pack")).arg(program).arg("flinkk8soperator:test").arg(file).output().unwrap())
}

#[test]
fn the_same_program_gives_the_same_image() {
    let (one, two) = (directory("one"), directory("two"));
    let packed = [&one, &two].map(|place| {
        let output = pack(&program(place), &place.join("image.tar"))?;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Some((String::from_utf8(output.stdout).unwrap(), std::fs::read(place.join("image.tar")).unwrap()))
    });
    if let [Some(first), Some(second)] = packed {
        assert!(first.0.starts_with("sha256:"));
        assert_eq!(first.0, second.0);
        assert!(first.1 == second.1);
        let listed = Command::new("tar").arg("tf").arg(one.join("image.tar")).output().unwrap();
        let names: BTreeSet<_> = String::from_utf8_lossy(&listed.stdout).lines().map(str::to_owned).collect();
        for name in ["index.json", "manifest.json", "oci-layout"] {
            assert!(names.contains(name), "{names:?}");
        }
    }
    for place in [one, two] {
        std::fs::remove_dir_all(place).unwrap();
    }
}

#[test]
fn a_program_that_needs_libraries_is_refused() {
    let place = directory("libraries");
    let mut bytes = std::fs::read(program(&place)).unwrap();
    bytes.extend(b"/lib64/ld-linux-x86-64.so.2\0");
    std::fs::write(place.join("flinkk8soperator"), bytes).unwrap();
    if let Some(output) = pack(&place.join("flinkk8soperator"), &place.join("image.tar")) {
        assert!(!output.status.success());
        assert!(String::from_utf8_lossy(&output.stderr).contains("shared libraries"));
    }
    std::fs::remove_dir_all(place).unwrap();
}

#[test]
fn the_list_of_parts_has_what_is_linked_and_nothing_of_the_tests() {
    if tool("jq").is_none() {
        return;
    }
    let output = Command::new(path("deploy/image/sbom")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let parts: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(parts["metadata"]["component"]["name"], "flinkk8soperator");
    let components = parts["components"].as_array().unwrap();
    let names: BTreeSet<_> = components.iter().filter_map(|part| part["name"].as_str()).collect();
    for name in ["flink-operator-core", "kube", "rustls", "tokio"] {
        assert!(names.contains(name), "{name}");
    }
    for name in ["proptest", "criterion", "insta"] {
        assert!(!names.contains(name), "{name}");
    }
    for part in components {
        let ours = part["name"].as_str().unwrap().starts_with("flink-operator");
        assert!(ours || part["hashes"][0]["alg"] == "SHA-256", "{}", part["name"]);
        assert!(part["licenses"][0]["expression"].is_string(), "{}", part["name"]);
    }
}

/// Both ways of making the image say the same of it.
#[test]
fn the_dockerfile_makes_the_same_image() {
    let (docker, script) = (text("deploy/image/Dockerfile"), text("deploy/image/pack"));
    for (line, field) in [
        ("USER 65532:65532", "User: \"65532:65532\""),
        ("ENTRYPOINT [\"/flinkk8soperator\"]", "Entrypoint: [\"/flinkk8soperator\"]"),
        ("CMD [\"run\"]", "Cmd: [\"run\"]"),
        ("EXPOSE 10254", "\"10254/tcp\""),
    ] {
        assert!(docker.contains(line), "{line}");
        assert!(script.contains(field), "{field}");
    }
}
