//! Values as people write them. An error says what is wrong and what to write.

use std::net::SocketAddr;

use flink_operator_core::manifest::names;

/// A duration as Go writes it (`1m30s`, `100ms`), in milliseconds.
pub fn milliseconds(text: &str, at_least: u32) -> Result<u32, String> {
    let wrong = || "it is no duration of up to 49 days; write it like 30s, 5m or 100ms".to_owned();
    let parsed: jiff::SignedDuration = text.parse().map_err(|_| wrong())?;
    let found = u32::try_from(parsed.as_millis()).map_err(|_| wrong())?;
    if found < at_least {
        return Err(format!("it is too short; write {at_least}ms or more"));
    }
    Ok(found)
}

/// A switch, in all spellings that Go reads.
pub fn switch(text: &str) -> Result<bool, String> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err("it is neither true nor false; write one of them".to_owned()),
    }
}

/// A port.
pub fn port(text: &str) -> Result<u16, String> {
    text.parse().map_err(|_| "it is no port; write a number from 0 to 65535".to_owned())
}

/// An address with its port; an empty text is none.
pub fn address(text: &str) -> Result<Option<SocketAddr>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| "it is no address with a port; write it like 127.0.0.1:8082".to_owned())
}

/// A count that is not zero.
pub fn count(text: &str) -> Result<usize, String> {
    let found = text.parse().ok().filter(|count| (1..=10_000).contains(count));
    found.ok_or_else(|| "it is no count; write a whole number from 1 to 10000".to_owned())
}

/// Names separated by commas; each is trimmed, and empty ones are nothing.
pub fn names(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// The first part of every metric's name.
pub fn prefix(text: &str) -> Result<String, String> {
    let good = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let first = text.chars().next().is_some_and(|c| !c.is_ascii_digit());
    if first && text.chars().all(good) {
        return Ok(text.to_owned());
    }
    Err("it cannot begin a metric's name; write letters, digits and _, such as flinkk8soperator".to_owned())
}

/// What containers are called.
pub fn container_format(text: &str) -> Result<String, String> {
    match names::container_format_problem(text) {
        Some(problem) => Err(problem),
        None => Ok(text.to_owned()),
    }
}

/// A log level: the original's number, or a word.
pub fn level(text: &str) -> Result<&'static str, String> {
    match text.to_ascii_lowercase().as_str() {
        "0" | "1" | "2" | "panic" | "fatal" | "error" => Ok("error"),
        "3" | "warn" | "warning" => Ok("warn"),
        "4" | "info" => Ok("info"),
        "5" | "debug" => Ok("debug"),
        "6" | "trace" => Ok("trace"),
        _ => Err("it is no level; write 2 (error), 3 (warn), 4 (info), 5 (debug) or 6 (trace)".to_owned()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_written_as_in_go() {
        for (text, wanted) in [("100ms", 100), ("1m30s", 90_000), ("1h", 3_600_000), ("1.5s", 1500)] {
            assert_eq!(milliseconds(text, 1), Ok(wanted), "{text}");
        }
        for text in ["soon", "", "30", "-5s", "50d"] {
            assert!(milliseconds(text, 1).unwrap_err().contains("write it like 30s"), "{text}");
        }
        assert!(milliseconds("0s", 1).unwrap_err().contains("write 1ms or more"));
    }

    #[test]
    fn namespaces_are_trimmed_one_by_one() {
        assert_eq!(names(" a , b,,\tc "), ["a", "b", "c"]);
        assert_eq!(names(" , "), Vec::<String>::new());
    }

    #[test]
    fn a_prefix_that_prometheus_cannot_read_is_refused() {
        for text in ["", "9lives", "flink-operator", "flink operator"] {
            assert!(prefix(text).is_err(), "{text:?}");
        }
        assert_eq!(prefix("flink_1"), Ok("flink_1".to_owned()));
    }

    #[test]
    fn levels_are_numbers_as_in_the_original_or_words() {
        assert_eq!(level("5"), Ok("debug"));
        assert_eq!(level("Info"), Ok("info"));
        assert!(level("7").is_err());
    }
}
