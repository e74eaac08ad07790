//! Where the fields of a YAML document stand. A value read by serde does not know; the parser's events do.

use std::collections::BTreeMap;

use serde_saphyr::granit_parser::{Event, Marker, Parser};

/// A line and a column, both from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The column, in characters.
    pub column: usize,
}

impl Place {
    /// The first character of a text.
    pub const START: Self = Self { line: 1, column: 1 };

    fn of(marker: Marker) -> Self {
        Self { line: marker.line(), column: marker.col() + 1 }
    }

    /// The same place in a text of which `lines` lines come before.
    pub fn after(self, lines: usize) -> Self {
        Self { line: self.line + lines, ..self }
    }
}

/// The places of all fields of a document: of a field its name, of a list's item the item.
#[derive(Default)]
pub struct Places(BTreeMap<String, Place>);

/// A collection that the walk is in.
enum Level {
    /// A map, and the name whose value comes next.
    Map { path: String, name: Option<String> },
    /// A list, and the number of its next item.
    List { path: String, next: usize },
}

impl Places {
    /// The places of the first document of a text; of a text that breaks off, those before.
    pub fn of(text: &str) -> Self {
        let mut places = Self::default();
        let mut levels: Vec<Level> = Vec::new();
        for (event, span) in Parser::new_from_str(text).map_while(Result::ok) {
            let place = Place::of(span.start);
            if let Event::Scalar(scalar, ..) = &event {
                places.enter(&mut levels, Some(scalar), place);
            } else if let Event::Alias(_) = event {
                places.enter(&mut levels, None, place);
            } else if let Event::MappingStart(..) = event {
                let path = places.enter(&mut levels, None, place);
                levels.push(Level::Map { path, name: None });
            } else if let Event::SequenceStart(..) = event {
                let path = places.enter(&mut levels, None, place);
                levels.push(Level::List { path, next: 0 });
            } else if let Event::MappingEnd | Event::SequenceEnd = event {
                levels.pop();
            } else if let Event::DocumentEnd = event {
                break;
            }
        }
        places
    }

    /// A node begins: a name, a value or an item. Returns its path.
    fn enter(&mut self, levels: &mut [Level], scalar: Option<&str>, place: Place) -> String {
        match levels.last_mut() {
            None => {
                self.0.insert(String::new(), place);
                String::new()
            }
            Some(Level::Map { path, name: name @ None }) => {
                // A name that is no text is nobody's field.
                let written = scalar.unwrap_or("?");
                self.0.entry(below(path, written)).or_insert(place);
                *name = Some(written.to_owned());
                String::new()
            }
            Some(Level::Map { path, name: name @ Some(_) }) => below(path, &name.take().unwrap_or_default()),
            Some(Level::List { path, next }) => {
                let item = format!("{path}[{next}]");
                self.0.insert(item.clone(), place);
                *next += 1;
                item
            }
        }
    }

    /// The place of a field such as `spec.volumes[0].name` or `spec.flinkConfig["a.b"]`; where it is missing, of what
    /// it should be in.
    pub fn find(&self, field: &str) -> Place {
        let plain = plain(field);
        let mut path = plain.as_str();
        loop {
            if let Some(place) = self.0.get(path) {
                return *place;
            }
            let shorter = path.rfind(['.', '[']).and_then(|end| path.get(..end));
            match shorter {
                Some(shorter) => path = shorter,
                None => return self.0.get("").copied().unwrap_or(Place::START),
            }
        }
    }
}

/// A field with all its names behind dots: `spec.flinkConfig["a.b"]` is `spec.flinkConfig.a.b`.
pub fn plain(field: &str) -> String {
    field.replace("[\"", ".").replace("\"]", "")
}

fn below(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, field: &str) -> (usize, usize) {
        let place = Places::of(text).find(field);
        (place.line, place.column)
    }

    #[test]
    fn a_field_is_found_in_block_and_in_flow_style() {
        let text = "# a comment\nspec:\n  image: x\n  job: {memory: 1Gi, cpu: 1}\n  \"quoted\": 1\n";
        assert_eq!(found(text, "spec"), (2, 1));
        assert_eq!(found(text, "spec.image"), (3, 3));
        assert_eq!(found(text, "spec.job.cpu"), (4, 22));
        assert_eq!(found(text, "spec.quoted"), (5, 3));
    }

    #[test]
    fn items_and_names_with_dots_are_found() {
        let text = "a:\n- x: 1\n  y: 2\n-   z: 3\nflinkConfig:\n  state.savepoints.dir: s3://a\n";
        assert_eq!(found(text, "a[0].y"), (3, 3));
        assert_eq!(found(text, "a[1].z"), (4, 5));
        assert_eq!(found(text, "flinkConfig[\"state.savepoints.dir\"]"), (6, 3));
        assert_eq!(found(text, "flinkConfig.state.savepoints.dir"), (6, 3));
    }

    #[test]
    fn what_is_missing_stands_where_it_should_be_in() {
        let text = "metadata:\n  name: x\nspec:\n  a: &anchor {b: 1}\n  c: *anchor\n";
        assert_eq!(found(text, "spec.image"), (3, 1));
        assert_eq!(found(text, "status.phase"), (1, 1));
        assert_eq!(found(text, "spec.c.b"), (5, 3));
    }

    #[test]
    fn odd_names_and_broken_texts_are_no_trouble() {
        assert_eq!(found("? [a, b]\n: c\nd: 1\n", "d"), (3, 1));
        assert_eq!(found("a: 1\nb: [1,\n", "a"), (1, 1));
        assert_eq!(found("", "a"), (1, 1));
    }
}
