//! From files to documents: what was given, cut where one document ends and the next one begins.

use serde_json::Value;

use super::place::Place;

/// A document of a file.
pub struct Document {
    /// How many lines of the file come before it.
    pub before: usize,
    /// Its text.
    pub text: String,
}

/// A text that is not YAML: where, and why.
pub struct Broken {
    /// The line and the column in the file.
    pub place: Place,
    /// What the parser says.
    pub problem: String,
    /// What to do.
    pub advice: &'static str,
}

/// The documents of a file. Each is read by itself, so that a broken one spoils no other.
pub fn documents(text: &str) -> Vec<Document> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut documents = vec![Document { before: 0, text: String::new() }];
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let behind =
            line.strip_prefix("---").filter(|behind| behind.is_empty() || behind.starts_with([' ', '\t', '\r', '\n']));
        if behind.is_some() {
            documents.push(Document { before: number, text: String::new() });
        }
        if let Some(document) = documents.last_mut() {
            document.text.push_str(&behind.map_or_else(|| line.to_owned(), |behind| format!("   {behind}")));
        }
    }
    documents.retain(|document| !document.text.lines().all(is_blank));
    documents
}

/// Whether a line holds nothing: a comment, a directive, or the end of a document.
fn is_blank(line: &str) -> bool {
    let trimmed = line.trim();
    trimmed.is_empty() || trimmed.starts_with('#') || line.starts_with('%') || trimmed == "..."
}

impl Document {
    /// Its value.
    pub fn read(&self) -> Result<Value, Broken> {
        serde_saphyr::from_str(&self.text).map_err(|error| {
            let number = |number: u64| usize::try_from(number).unwrap_or(1).max(1);
            let place = error
                .location()
                .map_or(Place::START, |at| Place { line: number(at.line()), column: number(at.column()) });
            let message = error.without_snippet().to_string();
            let problem = message.rsplit_once(" at line ").map_or(message.as_str(), |(problem, _)| problem);
            Broken { place: place.after(self.before), problem: problem.to_owned(), advice: self.advice(place) }
        })
    }

    fn advice(&self, place: Place) -> &'static str {
        let upto = place.line.min(self.text.lines().count());
        let near = self.text.lines().take(upto).skip(upto.saturating_sub(2));
        let indented_with_tab =
            |line: &str| line.chars().take_while(|letter| letter.is_whitespace()).any(|it| it == '\t');
        if near.clone().any(indented_with_tab) {
            "YAML is indented with spaces: replace the tab"
        } else if near.clone().any(|line| line.contains("{{")) {
            "this looks like a template: render it first, and check what comes out"
        } else {
            "correct the YAML here or just before"
        }
    }
}
