//! Takes the secrets out of a snapshot.
//!
//! What is hidden, and where:
//!
//! - the value of every variable, and of every key of `flinkConfig` and of the annotations, whose name sounds like a
//!   secret;
//! - in every text (arguments, messages, paths) what follows such a name: `--password x`, `token=x`, `"secret": "x"`,
//!   and the password in an address (`scheme://user:password@host`);
//! - what was found in one of these places, wherever it stands again in a text of several words;
//! - the annotation in which kubectl keeps the whole resource, which goes.
//!
//! A secret becomes `<redacted:1>`, the next one `<redacted:2>`: equal ones the same, different ones different, so
//! that what was equal before is equal now. Nothing is hashed, because a hash can be guessed at.

use serde_json::{Map, Value};

use crate::snapshot::Snapshot;

/// Where kubectl keeps what was applied last.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// Begins what stands for a secret.
const MARK: &str = "<redacted:";
/// A secret shorter than this is a word like any other: it is not looked for in texts.
const WORTH_LOOKING_FOR: usize = 4;

/// Parts of names, without case and punctuation. The first ten are those by which Flink hides values itself
/// (`GlobalConfiguration`), the others are what else stands in environments and arguments.
const SOUNDS_SECRET: [&str; 17] = [
    "password",
    "secret",
    "fsazureaccountkey",
    "apikey",
    "authparams",
    "servicekey",
    "token",
    "basicauth",
    "jaasconfig",
    "httpheaders",
    "passwd",
    "passphrase",
    "pwd",
    "credential",
    "authorization",
    "accesskey",
    "privatekey",
];

/// The snapshot without its secrets.
///
/// # Errors
/// When the snapshot has no JSON form, or none that reads back.
pub(super) fn snapshot(snapshot: &Snapshot) -> Result<Snapshot, serde_json::Error> {
    let mut written = serde_json::to_value(snapshot)?;
    let mut secrets = Secrets::default();
    secrets.take_out(&mut written);
    secrets.forget(&mut written);
    serde_json::from_value(written)
}

/// Whether a thing of this name is better not shown.
fn sounds_secret(name: &str) -> bool {
    let plain: String =
        name.chars().filter(char::is_ascii_alphanumeric).map(|char| char.to_ascii_lowercase()).collect();
    plain.ends_with("key") || plain.ends_with("keys") || SOUNDS_SECRET.iter().any(|part| plain.contains(part))
}

/// The secrets that were found so far, in the order of their numbers.
#[derive(Default)]
struct Secrets {
    found: Vec<String>,
}

impl Secrets {
    /// What stands for a secret from now on.
    fn hide(&mut self, secret: &str) -> String {
        if secret.is_empty() || secret.starts_with(MARK) {
            return secret.to_owned();
        }
        let number = self.found.iter().position(|known| known == secret).unwrap_or_else(|| {
            self.found.push(secret.to_owned());
            self.found.len() - 1
        });
        format!("{MARK}{}>", number + 1)
    }

    /// Hides what is secret by its place.
    fn take_out(&mut self, value: &mut Value) {
        match value {
            Value::Object(fields) => {
                self.variable(fields);
                for (name, inner) in fields {
                    match name.as_str() {
                        "flinkConfig" | "annotations" => self.settings(inner),
                        _ => self.take_out(inner),
                    }
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.take_out(item)),
            Value::String(text) => *text = self.text(text),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// An object of a name and a value, as variables are.
    fn variable(&mut self, fields: &mut Map<String, Value>) {
        let secret = fields.get("name").and_then(Value::as_str).is_some_and(sounds_secret);
        if let Some(value) = fields.get_mut("value").filter(|_| secret) {
            self.all_of(value);
        }
    }

    /// Values by their names.
    fn settings(&mut self, value: &mut Value) {
        let Value::Object(fields) = value else { return self.take_out(value) };
        fields.remove(LAST_APPLIED);
        for (name, inner) in fields {
            if sounds_secret(name) { self.all_of(inner) } else { self.settings(inner) }
        }
    }

    fn all_of(&mut self, value: &mut Value) {
        match value {
            Value::Object(fields) => fields.values_mut().for_each(|inner| self.all_of(inner)),
            Value::Array(items) => items.iter_mut().for_each(|item| self.all_of(item)),
            Value::String(text) => *text = self.hide(text),
            Value::Bool(_) | Value::Number(_) => *value = self.hide(&value.to_string()).into(),
            Value::Null => {}
        }
    }

    /// Hides what follows the name of a secret, and passwords in addresses.
    fn text(&mut self, text: &str) -> String {
        let mut shown = String::with_capacity(text.len());
        let mut rest = text;
        while !rest.is_empty() {
            let (before, secret) = next_secret(rest);
            shown.push_str(before);
            shown.push_str(&self.hide(secret));
            rest = rest.get(before.len() + secret.len()..).unwrap_or_default();
        }
        shown
    }

    /// Hides what was found, wherever it is told again.
    fn forget(&self, value: &mut Value) {
        match value {
            Value::Object(fields) => fields.values_mut().for_each(|inner| self.forget(inner)),
            Value::Array(items) => items.iter_mut().for_each(|item| self.forget(item)),
            // One word may be a name that happens to be the same; names must stay what they are.
            Value::String(text) if text.contains(char::is_whitespace) => *text = self.forgotten(text),
            Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn forgotten(&self, text: &str) -> String {
        let mut found: Vec<(usize, &String)> = self.found.iter().enumerate().collect();
        // One secret may be part of another.
        found.sort_by_key(|(_, secret)| std::cmp::Reverse(secret.len()));
        let told = |secret: &str| secret.len() >= WORTH_LOOKING_FOR && !MARK.contains(secret);
        found.into_iter().filter(|(_, secret)| told(secret)).fold(text.to_owned(), |text, (number, secret)| {
            text.replace(secret.as_str(), &format!("{MARK}{}>", number + 1))
        })
    }
}

/// The text up to the next secret, and the secret; all of it and nothing when there is none.
fn next_secret(text: &str) -> (&str, &str) {
    let named = names(text).find_map(|(start, name)| {
        let end = start + name.len();
        let value = sounds_secret(name).then(|| after_name(name, text.get(end..)?)).flatten()?;
        Some((end + value.0, value.1))
    });
    let in_address = password_in_address(text);
    let first = [named, in_address].into_iter().flatten().min_by_key(|(start, _)| *start);
    let (start, secret) = first.unwrap_or((text.len(), ""));
    (text.get(..start).unwrap_or(text), secret)
}

/// All that could be a name in a text, with its place.
fn names(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let part_of_name = |char: char| char.is_ascii_alphanumeric() || matches!(char, '_' | '-' | '.');
    let mut at = 0;
    text.split(move |char| !part_of_name(char)).scan((), move |(), name| {
        // split() cuts at one character, which may be longer than a byte.
        let start = at;
        at += name.len() + text.get(at + name.len()..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
        Some((start, name))
    })
}

/// The value behind a name, with its distance from the name.
fn after_name<'a>(name: &str, rest: &'a str) -> Option<(usize, &'a str)> {
    let unquoted = rest.strip_prefix(['"', '\'']).unwrap_or(rest);
    let sign = unquoted.trim_start_matches(' ');
    let value = if let Some(value) = sign.strip_prefix('=') {
        value
    } else if let Some(value) = sign.strip_prefix(':') {
        // `image:tag` and `file:/path` are no secrets.
        let apart = value.starts_with([' ', '"', '\'']) || unquoted.len() < rest.len();
        apart.then_some(value)?
    } else {
        // Of arguments the value may be the next word.
        let value = rest.trim_start();
        let next_word = name.starts_with('-') && value.len() < rest.len() && !value.starts_with('-');
        next_word.then_some(value)?
    };
    let value = value.trim_start();
    let quote = value.chars().next().filter(|char| matches!(char, '"' | '\''));
    let (value, length) = match quote {
        Some(quote) => {
            let inner = value.get(1..)?;
            (inner, inner.find(quote).unwrap_or(inner.len()))
        }
        None => (value, word(value)),
    };
    let secret = value.get(..length).filter(|secret| !secret.is_empty())?;
    Some((rest.len() - value.len(), secret))
}

/// The length of the word at the start; `Bearer x` and `Basic x` are one.
fn word(text: &str) -> usize {
    let end = |text: &str| text.find(char::is_whitespace).unwrap_or(text.len());
    let scheme = ["bearer ", "basic "]
        .into_iter()
        .find(|scheme| text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)));
    let scheme = scheme.map_or(0, str::len);
    scheme + text.get(scheme..).map_or(0, end)
}

/// `password` in `scheme://user:password@host`, with its place.
fn password_in_address(text: &str) -> Option<(usize, &str)> {
    text.match_indices("://").find_map(|(at, sign)| {
        let start = at + sign.len();
        let behind = text.get(start..)?;
        let authority =
            behind.split(|char: char| char.is_whitespace() || matches!(char, '/' | '?' | '#' | '"')).next()?;
        let (user, _) = authority.rsplit_once('@')?;
        let (name, password) = user.split_once(':').filter(|(_, password)| !password.is_empty())?;
        Some((start + name.len() + 1, password))
    })
}
