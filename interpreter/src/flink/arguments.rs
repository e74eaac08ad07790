//! The program's arguments as a list. Flink 2 takes nothing else, and every version since 1.7 takes it.
//!
//! Until 1.20 Flink split a single string itself. What it did is done here, so that a spec means the
//! same on every version: a token ends at white space, one that begins with a quote ends at the next
//! quote of that kind, and all quotes vanish, also those inside a token.

/// Splits `args` as Flink's own `programArgs` was split. Empty arguments cannot be written this way.
pub fn split(args: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = args.trim_start();
    while let Some(first) = rest.chars().next() {
        let end = match first {
            quote @ ('"' | '\'') => quoted(rest, quote),
            _ => Some(rest.find(is_space).unwrap_or(rest.len())),
        };
        match end.and_then(|end| rest.split_at_checked(end)) {
            Some((token, behind)) => {
                tokens.push(token.replace(['"', '\''], ""));
                rest = behind.trim_start_matches(is_space);
            }
            // A quote that opens nothing is dropped.
            None => rest = rest.get(first.len_utf8()..).unwrap_or_default().trim_start_matches(is_space),
        }
    }
    tokens.retain(|token| !token.is_empty());
    tokens
}

/// The length of a quoted token with both its quotes: on one line, with one character inside at least.
fn quoted(text: &str, quote: char) -> Option<usize> {
    let mut characters = text.char_indices().skip(1);
    let (_, inside) = characters.next()?;
    if ends_line(inside) {
        return None;
    }
    for (at, character) in characters {
        if character == quote {
            return Some(at + quote.len_utf8());
        }
        if ends_line(character) {
            return None;
        }
    }
    None
}

fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\n' | '\r' | '\u{b}' | '\u{c}')
}

fn ends_line(character: char) -> bool {
    matches!(character, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_split_at_white_space() {
        assert_eq!(split("--foo bar\n  --n 3 "), ["--foo", "bar", "--n", "3"]);
        assert!(split("").is_empty() && split("  \n").is_empty());
    }

    #[test]
    fn quotes_hold_an_argument_together() {
        assert_eq!(split(r#"--foo "bar baz""#), ["--foo", "bar baz"]);
        assert_eq!(split("--foo 'bar \"baz\" '"), ["--foo", "bar baz "]);
    }

    #[test]
    fn quotes_inside_a_token_vanish_and_do_not_hold() {
        assert_eq!(split(r#"--foo="bar baz""#), ["--foo=bar", "baz"]);
    }

    #[test]
    fn a_quote_that_is_never_closed_is_dropped() {
        assert_eq!(split("--note it's 'open"), ["--note", "its", "open"]);
        assert_eq!(split(r#"--empty """#), ["--empty"]);
    }

    #[test]
    fn neighbours_need_no_space_after_a_closing_quote() {
        assert_eq!(split(r#""a b"c"#), ["a b", "c"]);
    }
}
