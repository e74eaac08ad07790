//! What the documentation shows of the program's output is what the program prints.
//!
//! A block is made by the comment above it: `<!-- prints: ARGUMENTS -->` holds the whole output, `<!-- prints 9 lines:
//! ARGUMENTS -->` its beginning, `<!-- shows: FILE -->` a file. `cargo test --test outputs -- --ignored` writes them all.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const PAGES: [&str; 4] = ["README.md", "docs/explain.md", "docs/plan.md", "docs/validate.md"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn printed(arguments: &str) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_flinkk8soperator"))
        .args(arguments.split_whitespace())
        .current_dir(root())
        .env("NO_COLOR", "1")
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(!text.is_empty(), "`{arguments}` prints nothing: {}", String::from_utf8_lossy(&output.stderr));
    text
}

fn beginning(text: &str, lines: usize) -> String {
    let first: Vec<&str> = text.lines().take(lines).collect();
    format!("{}\n…\n", first.join("\n").trim_end())
}

/// What belongs under a comment, if it is one of ours.
fn wanted(comment: &str) -> Option<String> {
    let words = comment.strip_prefix("<!-- ")?.strip_suffix(" -->")?;
    let (what, rest) = words.split_once(": ")?;
    match what.split_whitespace().collect::<Vec<_>>().as_slice() {
        ["prints"] => Some(printed(rest)),
        ["prints", lines, "lines"] => Some(beginning(&printed(rest), lines.parse().unwrap())),
        ["shows"] => Some(fs::read_to_string(root().join(rest)).unwrap()),
        _ => None,
    }
}

/// The page with all its blocks made anew, and how many there are.
fn made_anew(page: &str) -> (String, usize) {
    let (mut text, mut blocks) = (String::new(), 0);
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        text += &format!("{line}\n");
        let Some(block) = wanted(line) else { continue };
        blocks += 1;
        let fence = lines.find(|line| line.starts_with("```")).expect("a block under the comment");
        lines.find(|line| line.starts_with("```")).expect("an end of the block");
        text += &format!("\n{fence}\n{block}```\n");
    }
    (text, blocks)
}

#[test]
fn outputs_in_the_documentation_are_what_the_program_prints() {
    for page in PAGES {
        let old = fs::read_to_string(root().join(page)).unwrap();
        let (new, blocks) = made_anew(&old);
        assert!(blocks > 0, "{page} shows no output");
        assert!(old == new, "{page} is stale; run `cargo test --workspace --test outputs -- --ignored`");
    }
}

#[test]
#[ignore = "writes the pages"]
fn write() {
    for page in PAGES {
        let path = root().join(page);
        let (new, _) = made_anew(&fs::read_to_string(&path).unwrap());
        fs::write(path, new).unwrap();
    }
}
