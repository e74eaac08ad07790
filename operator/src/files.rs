//! Files that a command is given: one by one, by their directory, or on standard input.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::cli::Failure;

/// Standard input among paths.
const STDIN: &str = "-";

/// The file itself, or all files with these endings in a directory and below it, in the order of their names.
pub fn below(path: &Path, endings: &[&str]) -> Result<Vec<PathBuf>, Failure> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let unreadable = |error| unreadable(path, &error);
    let entries = fs::read_dir(path).map_err(unreadable)?.collect::<Result<Vec<_>, _>>().map_err(unreadable)?;
    let mut paths: Vec<PathBuf> = entries.iter().map(fs::DirEntry::path).collect();
    paths.sort();
    let wanted = |path: &PathBuf| path.extension().is_some_and(|ending| endings.iter().any(|it| ending == *it));
    let mut found = Vec::new();
    for path in paths.into_iter().filter(|path| path.is_dir() || wanted(path)) {
        found.extend(below(&path, endings)?);
    }
    Ok(found)
}

/// What a file is called in messages, and its text.
pub fn text(path: &Path) -> Result<(String, String), Failure> {
    let (name, bytes) = bytes(path)?;
    let text = String::from_utf8(bytes);
    text.map(|text| (name, text)).map_err(|error| unreadable(path, &std::io::Error::other(error.utf8_error())))
}

/// What a file is called in messages, and what is in it.
pub fn bytes(path: &Path) -> Result<(String, Vec<u8>), Failure> {
    let unreadable = |error| unreadable(path, &error);
    if path.as_os_str() != STDIN {
        return Ok((path.display().to_string(), fs::read(path).map_err(unreadable)?));
    }
    let mut bytes = Vec::new();
    std::io::stdin().read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(("standard input".to_owned(), bytes))
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::BadInput(format!("cannot read {}: {error}", path.display()))
}
