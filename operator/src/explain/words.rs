//! Spans of time and moments, in words.

use jiff::Timestamp;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// How long it is from one time to the other, by its two greatest parts: `4 min 18 s`. Nothing where the clock went back.
pub fn span(from: Timestamp, to: Timestamp) -> String {
    let ms = u64::try_from(to.duration_since(from).as_millis()).unwrap_or(0);
    let seconds = ms / 1_000;
    let two = |great: u64, unit: &str, small: u64, part: &str| match small {
        0 => format!("{great} {unit}"),
        small => format!("{great} {unit} {small} {part}"),
    };
    match seconds {
        0 if ms > 0 => format!("{ms} ms"),
        0..MINUTE => format!("{seconds} s"),
        MINUTE..HOUR => two(seconds / MINUTE, "min", seconds % MINUTE, "s"),
        HOUR..DAY => two(seconds / HOUR, "h", seconds % HOUR / MINUTE, "min"),
        _ => two(seconds / DAY, "d", seconds % DAY / HOUR, "h"),
    }
}

/// A time in whole seconds.
pub fn moment(at: Timestamp) -> String {
    Timestamp::from_second(at.as_second()).unwrap_or(at).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_has_its_two_greatest_parts() {
        let of = |ms: i64| span(Timestamp::UNIX_EPOCH, Timestamp::from_millisecond(ms).unwrap_or_default());
        for (ms, expected) in [
            (0, "0 s"),
            (250, "250 ms"),
            (42_900, "42 s"),
            (258_000, "4 min 18 s"),
            (7_200_000, "2 h"),
            (95_000_000, "1 d 2 h"),
            (-5, "0 s"),
        ] {
            assert_eq!(of(ms), expected);
        }
    }
}
