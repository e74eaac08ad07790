//! The configuration file: which ones a pattern means, and what they say.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use super::keys::Key;

/// What the files say, by path of the key; and paths that nobody knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// The values as text.
    pub values: BTreeMap<&'static str, String>,
    /// Paths that are no key.
    pub unknown: Vec<String>,
}

/// The texts of all files that a path or pattern means, in the order of their names.
pub fn texts(pattern: &str) -> Result<Vec<(PathBuf, String)>, String> {
    let wrong = |error: &dyn std::fmt::Display| format!("--config {pattern}: {error}");
    // What begins with a dot are the files behind a mounted ConfigMap, which show under plain names too.
    let options = glob::MatchOptions { require_literal_leading_dot: true, ..glob::MatchOptions::default() };
    let found = glob::glob_with(pattern, options).map_err(|error| wrong(&error))?;
    let paths: Vec<PathBuf> = found.filter_map(Result::ok).filter(|path| path.is_file()).collect();
    if paths.is_empty() {
        return Err(wrong(&"there is no such file"));
    }
    let read = |path: PathBuf| match fs::read_to_string(&path) {
        Ok(text) => Ok((path, text)),
        Err(error) => Err(format!("{}: {error}", path.display())),
    };
    paths.into_iter().map(read).collect()
}

/// What the texts say; of two that name a key the later wins.
pub fn read(texts: &[(PathBuf, String)]) -> Result<Said, String> {
    let mut said = Said::default();
    for (path, text) in texts {
        let wrong = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let value: Option<Value> = serde_saphyr::from_str(text).map_err(|error| wrong(&error))?;
        match value {
            None | Some(Value::Null) => {}
            Some(Value::Object(_)) => {
                value.iter().try_for_each(|value| walk("", value, &mut said)).map_err(|it| wrong(&it))?
            }
            Some(_) => return Err(wrong(&"it holds no sections; write `operator:` and below it the keys")),
        }
    }
    Ok(said)
}

/// Follows the nesting down to the keys. A key without a value is as good as absent.
fn walk(path: &str, value: &Value, said: &mut Said) -> Result<(), String> {
    let text = match (value, Key::find(path)) {
        (Value::Null, _) => return Ok(()),
        (Value::Object(inner), None) => {
            let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
            return inner.iter().try_for_each(|(name, value)| walk(&below(name), value, said));
        }
        (_, None) => {
            said.unknown.push(path.to_owned());
            return Ok(());
        }
        (Value::String(text), Some(key)) => (key, text.clone()),
        (Value::Bool(_) | Value::Number(_), Some(key)) => (key, value.to_string()),
        (Value::Array(_) | Value::Object(_), Some(key)) => {
            return Err(format!("{}: write one value, not several", key.path));
        }
    };
    said.values.insert(text.0.path, text.1);
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn said(texts: &[&str]) -> Result<Said, String> {
        let texts: Vec<_> = texts.iter().map(|text| (PathBuf::from("config.yaml"), (*text).to_owned())).collect();
        read(&texts)
    }

    #[test]
    fn the_originals_file_is_understood() {
        let text = "operator:\n  resyncPeriod: 45s\n  limitNamespace: ' a , b,'\n  WORKERS: 8\n  useKubectlProxy: true\n\
                    \x20 ingressUrlFormat:\nlogger:\n  level: 4\n  formatter:\n    type: text\n";
        let values = said(&[text]).unwrap().values;
        let of = |path| values.get(path).map(String::as_str);
        assert_eq!(of("operator.resyncPeriod"), Some("45s"));
        assert_eq!(of("operator.limitNamespace"), Some(" a , b,"));
        assert_eq!(of("operator.workers"), Some("8"));
        assert_eq!(of("operator.useKubectlProxy"), Some("true"));
        assert_eq!(of("operator.ingressUrlFormat"), None);
        assert_eq!(of("logger.formatter.type"), Some("text"));
    }

    #[test]
    fn what_is_no_key_is_named() {
        let text = "operator:\n  resyncPeriode: 1s\nadmin:\n  endpoint: x\n";
        assert_eq!(said(&[text]).unwrap().unknown, ["admin.endpoint", "operator.resyncPeriode"]);
    }

    #[test]
    fn of_two_files_the_later_wins() {
        let both = said(&["operator: {workers: 1, proxyPort: 1}", "", "operator: {workers: 2}"]).unwrap().values;
        assert_eq!(both.values().collect::<Vec<_>>(), ["1", "2"]);
    }

    #[test]
    fn a_file_that_is_no_configuration_is_refused_by_name() {
        for text in ["operator: [", "- a", "operator: {workers: [1]}"] {
            assert!(said(&[text]).unwrap_err().starts_with("config.yaml: "), "{text}");
        }
    }
}
