//! `flinkk8soperator validate` as people and their pipelines call it: what it says, where, and how it ends.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use support::{Directory, PROGRAM, word};

const GOOD: &str = "\
apiVersion: flink.k8s.io/v1beta1
kind: FlinkApplication
metadata:
  name: orders
spec:
  image: registry.example/orders:7
  flinkVersion: \"2.1\"
  jarName: orders.jar
  entryClass: shop.Orders
  parallelism: 8
";

/// A document that is none of ours.
const OTHER: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\n";

fn validate(arguments: &[&str]) -> Output {
    Command::new(PROGRAM).arg("validate").args(arguments).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// What is found in a text, a line each without the file, and the exit code.
fn found(text: &str) -> (Vec<String>, i32) {
    let directory = Directory::new();
    let file = directory.write("it.yaml", text);
    let output = validate(&[word(&file)]);
    let before = format!("{}:", file.display());
    let lines = stdout(&output).lines().filter_map(|line| line.strip_prefix(&before).map(str::to_owned)).collect();
    (lines, output.status.code().unwrap())
}

/// The one finding of a text.
fn only(text: &str) -> String {
    let (mut found, _) = found(text);
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

fn with(line: &str) -> String {
    format!("{GOOD}{line}\n")
}

#[test]
fn the_examples_are_sound() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/applications");
    let output = validate(&["--strict", word(&examples)]);
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
    assert!(stdout(&output).contains("4 applications"), "{}", stdout(&output));
    assert!(stdout(&output).ends_with("nothing is wrong\n"), "{}", stdout(&output));
}

#[test]
fn a_misspelled_field_is_found_where_it_stands_and_the_right_one_proposed() {
    let found = only(&with("  volumes:\n  - name: x\n    emptydir: {}"));
    assert!(found.starts_with("13:5: error: spec.volumes[0].emptydir: "), "{found}");
    assert!(found.contains("write emptyDir"), "{found}");
    let found = only(&GOOD.replace("  name: orders", "  name: orders\n  lables: {a: b}"));
    assert!(found.starts_with("5:3: error: metadata.lables: ") && found.contains("write labels"), "{found}");
}

#[test]
fn a_wrong_value_is_found_with_what_to_write() {
    for (from, to, expected) in [
        ("parallelism: 8", "parallelism: 0", "10:3: error: spec.parallelism: 0 is too small; write 1 or more"),
        ("\"2.1\"", "2.1", "7:3: error: spec.flinkVersion: it is a number; write a text in quotes"),
        ("  jarName: orders.jar\n", "", "5:1: error: spec.jarName: it is missing; write it"),
        (
            "name: orders\n",
            "name: orders\n  labels: {n: 1}\n",
            "5:12: error: metadata.labels[\"n\"]: the value is no text; write it in quotes",
        ),
    ] {
        assert_eq!(only(&GOOD.replacen(from, to, 1)), expected);
    }
    let found = only(&with("  deleteMode: savepoint"));
    assert!(found.starts_with("11:3: error: spec.deleteMode: ") && found.contains("write one of Savepoint"), "{found}");
}

#[test]
fn what_the_operator_or_the_definition_refuses_is_found_once() {
    for (text, expected) in [
        (GOOD.replace("orders.jar", "lib/orders.jar"), "8:3: error: spec.jarName: "),
        (with("  deploymentMode: BlueGreen\n  scaleMode: InPlace"), "12:3: error: spec.scaleMode: "),
        (GOOD.replace("name: orders", &format!("name: {}", "o".repeat(55))), "4:3: error: metadata.name: "),
        (GOOD.replace("  name: orders\n", "  namespace: shop\n"), "3:1: error: metadata.name: it is missing"),
        (with("  flinkConfig:\n    a.b: [x]"), "12:5: error: spec.flinkConfig[\"a.b\"]: "),
        (
            with("  taskManagerConfig: {resources: {limits: {memory: lots}}}"),
            "11:44: error: spec.taskManagerConfig.resources.limits",
        ),
    ] {
        let found = only(&text);
        assert!(found.starts_with(expected), "{found}");
    }
}

#[test]
fn a_version_and_a_kind_of_ours_that_do_not_exist_are_refused_and_other_kinds_are_passed_over() {
    let found = only(&GOOD.replace("v1beta1", "v1"));
    assert!(found.starts_with("1:1: error: apiVersion: ") && found.contains("flink.k8s.io/v1beta1"), "{found}");
    let found = only(&GOOD.replace("kind: FlinkApplication", "kind: FlinkAplication"));
    assert!(found.starts_with("2:1: error: kind: "), "{found}");
    let directory = Directory::new();
    let file = directory.write("other.yaml", OTHER);
    let output = validate(&[word(&file)]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(stdout(&output), "1 file, 0 applications, 1 other document passed over: there is no FlinkApplication\n");
}

fn configured(flink: &str, config: &str) -> String {
    GOOD.replace("\"2.1\"", &format!("\"{flink}\"")) + "  flinkConfig:\n    " + config + "\n"
}

#[test]
fn keys_are_known_by_the_version_of_flink() {
    for (flink, config, expected) in [
        (
            "2.1",
            "state.savepoints.dir: s3://a",
            "12:5: warning: spec.flinkConfig[\"state.savepoints.dir\"]: the key is deprecated in Flink 2.1; write execution.checkpointing.savepoint-dir",
        ),
        (
            "1.19",
            "execution.checkpointing.savepoint-dir: s3://a",
            "12:5: warning: spec.flinkConfig[\"execution.checkpointing.savepoint-dir\"]: Flink 1.19 does not know this key yet; write state.savepoints.dir",
        ),
        (
            "2.1",
            "cluster.evenly-spread-out-slots: true",
            "12:5: warning: spec.flinkConfig[\"cluster.evenly-spread-out-slots\"]: Flink 2.1 does not read this key (since 2.0); write taskmanager.load-balance.mode: SLOTS",
        ),
        (
            "1.17",
            "metrics.reporter.x.class: a.B",
            "12:5: warning: spec.flinkConfig[\"metrics.reporter.x.class\"]: Flink 1.17 does not read this key (since 1.17); write the factory of the reporter under factory.class",
        ),
    ] {
        assert_eq!(only(&configured(flink, config)), expected);
    }
    for (flink, config) in [
        ("1.19", "state.savepoints.dir: s3://a"),
        ("1.20", "execution.checkpointing.savepoint-dir: s3://a"),
        ("1.20", "cluster.evenly-spread-out-slots: true"),
        ("1.16", "metrics.reporter.x.class: a.B"),
        ("2.1", "metrics.reporter.x.factory.class: a.B"),
        // Nobody knows here in which of 1.14 to 1.19 the new name came.
        ("1.16", "state.backend: rocksdb"),
        ("1.16", "state.backend.type: rocksdb"),
    ] {
        assert_eq!(found(&configured(flink, config)), (vec![], 0), "{flink} {config}");
    }
}

#[test]
fn keys_that_the_operator_decides_are_warned_of() {
    let found = only(&configured("2.1", "taskmanager.numberOfTaskSlots: 4"));
    assert!(
        found.contains("the operator sets this key itself; leave it out, and set spec.taskManagerConfig.taskSlots"),
        "{found}"
    );
    let found = only(&configured("2.1", "rest.port: 9000"));
    assert!(found.contains("the Service leads to port 8081"), "{found}");
    assert!(only(&configured("2.1", "high-availability.type: zookeeper")).contains("high-availability.storageDir"));
    assert_eq!(self::found(&configured("2.1", "rest.port: 8081")), (vec![], 0));
}

#[test]
fn a_flink_version_that_is_missing_or_not_one_is_warned_of() {
    assert!(
        only(&GOOD.replace("  flinkVersion: \"2.1\"\n", ""))
            .starts_with("5:1: warning: spec.flinkVersion: it is missing")
    );
    assert!(only(&GOOD.replace("2.1", "latest")).contains("warning: spec.flinkVersion: \"latest\" cannot be read"));
}

#[test]
fn warnings_pass_unless_they_are_taken_for_errors() {
    let directory = Directory::new();
    let file = directory.write("it.yaml", &with("  savepointInfo: {savepointLocation: s3://a}"));
    let output = validate(&[word(&file)]);
    assert_eq!(output.status.code(), Some(0));
    assert!(
        stdout(&output)
            .contains(":11:3: warning: spec.savepointInfo: the field is deprecated; write spec.savepointPath")
    );
    let strict = validate(&["--strict", word(&file)]);
    assert_eq!(strict.status.code(), Some(1));
    assert!(stdout(&strict).contains(":11:3: error: spec.savepointInfo"), "{}", stdout(&strict));
}

#[test]
fn every_document_counts_its_lines_from_the_start_of_the_file() {
    let wrong = GOOD.replace("parallelism: 8", "parallelism: 0").replace("orders\n", "returns\n");
    let text = format!("# first\n{OTHER}---\r\n{GOOD}--- # third\n{wrong}...\n");
    assert_eq!(only(&text), "26:3: error: spec.parallelism: 0 is too small; write 1 or more");
}

#[test]
fn two_applications_of_one_name_in_a_file_are_warned_of() {
    let found = only(&format!("{GOOD}---\n{GOOD}"));
    assert!(found.starts_with("15:3: warning: metadata.name: orders is written in line 4 too"), "{found}");
}

#[test]
fn a_list_is_looked_into() {
    let item: String =
        GOOD.replace("parallelism: 8", "parallelism: 0").lines().map(|line| format!("    {line}\n")).collect();
    let text = format!("apiVersion: v1\nkind: List\nitems:\n  - {}", item.trim_start());
    assert_eq!(only(&text), "13:7: error: items[0].spec.parallelism: 0 is too small; write 1 or more");
}

#[test]
fn what_is_not_yaml_is_an_error_at_its_place_and_spoils_no_other_document() {
    let (found, code) = found(&format!("a:\n\tb: 1\n---\n{GOOD}---\nkind: [\n"));
    assert_eq!(code, 1);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].starts_with("2:") && found[0].ends_with("replace the tab"), "{found:?}");
    assert!(found[1].starts_with("15:7: error: "), "{found:?}");
    let template = only("kind: FlinkApplication\nmetadata: {name: {{ .Values.name }}}\n");
    assert!(template.contains("template"), "{template}");
    assert!(only("a: 1\na: 2\n").starts_with("2:1: error: "));
}

#[test]
fn what_is_no_text_is_an_error_at_its_place() {
    let directory = Directory::new();
    let file = directory.0.join("it.yaml");
    std::fs::write(&file, b"a: 1\nb: \xff\n").unwrap();
    let output = validate(&[word(&file)]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stdout(&output).contains("it.yaml:2:4: error: this is no UTF-8"), "{}", stdout(&output));
}

#[test]
fn what_holds_no_document_makes_no_sense_as_a_request() {
    let directory = Directory::new();
    let empty = directory.write("empty.yaml", "");
    let blank = directory.write("blank.yaml", "---\n# nothing\n---\n");
    let bare = directory.0.join("bare");
    std::fs::create_dir(&bare).unwrap();
    let missing = directory.0.join("missing.yaml");
    for (path, expected) in [
        (&empty, "there is no document"),
        (&blank, "there is no document"),
        (&bare, "no file that ends with .yaml, .yml or .json"),
        (&missing, "cannot read"),
    ] {
        let output = validate(&[word(path)]);
        assert_eq!(output.status.code(), Some(2), "{}", path.display());
        assert!(stderr(&output).contains(expected) && stderr(&output).contains(word(path)), "{}", stderr(&output));
        assert_eq!(stdout(&output), "");
    }
}

#[test]
fn standard_input_and_json_are_read() {
    let value: Value = serde_saphyr::from_str(&GOOD.replace("parallelism: 8", "paralelism: 8")).unwrap();
    let text = serde_json::to_string_pretty(&value).unwrap().replace("  ", "\t");
    let mut command = Command::new(PROGRAM);
    command.args(["validate", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(stdout(&output).contains("standard input:12:3: error: spec.paralelism"), "{}", stdout(&output));
    assert!(stdout(&output).contains("spec.parallelism: it is missing"), "{}", stdout(&output));
}

#[test]
fn github_gets_annotations() {
    let directory = Directory::new();
    let file = directory.write("a,b.yaml", &with("  paralelism: 50%"));
    let output = validate(&["--output", "github", word(&file)]);
    let name = word(&file).replace(',', "%2C");
    let expected = format!("::error file={name},line=11,col=3,title=unknown-field::spec.paralelism: ");
    assert!(stdout(&output).starts_with(&expected), "{}", stdout(&output));
}

#[test]
fn sarif_names_its_rules_and_its_places() {
    let directory = Directory::new();
    let file = directory.write("a b.yaml", &with("  paralelism: 8"));
    let output = validate(&["--output", "sarif", word(&file)]);
    let log: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    let result = &run["results"][0];
    assert_eq!((&result["ruleId"], &result["level"]), (&"unknown-field".into(), &"error".into()));
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    assert!(rules.iter().any(|rule| rule["id"] == result["ruleId"]));
    let place = &result["locations"][0]["physicalLocation"];
    assert_eq!((&place["region"]["startLine"], &place["region"]["startColumn"]), (&11.into(), &3.into()));
    let uri = place["artifactLocation"]["uri"].as_str().unwrap();
    assert!(uri.starts_with("file:///") && uri.ends_with("/a%20b.yaml"), "{uri}");
}

#[test]
fn programs_get_one_object() {
    let directory = Directory::new();
    let file = directory.write("it.yaml", &format!("{OTHER}---\n{}", with("  paralelism: 8")));
    let output = validate(&["--output", "json", word(&file)]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&report["applications"], &report["otherDocuments"], &report["errors"]),
        (&1.into(), &1.into(), &1.into())
    );
    let finding = &report["findings"][0];
    assert_eq!((&finding["line"], &finding["field"]), (&15.into(), &"spec.paralelism".into()));
    assert_eq!((&finding["application"], &finding["check"]), (&"orders".into(), &"unknown-field".into()));
}
