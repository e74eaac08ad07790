//! Kubernetes quantities: exact numbers with a suffix.

use std::fmt;

/// An amount of a resource, exact to a billionth. Equal amounts are equal however they were written.
#[derive(Clone, Copy, Debug)]
pub struct Quantity {
    nanos: i128,
    style: Style,
}

/// The text is no quantity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a quantity such as 500m, 2 or 1Gi")]
pub struct NotAQuantity;

/// How a quantity was written; it is written again in the same way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    Binary,
    Decimal,
    Exponent,
}

const NANOS: i128 = 1_000_000_000;
const LARGEST: i128 = (1 << 63) - 1;
const BINARY: [&str; 7] = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
/// Suffixes of the powers of a thousand, from a billionth up.
const DECIMAL: [&str; 10] = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"];
/// Where in [`DECIMAL`] the ones stand.
const ONES: i32 = 3;

impl Quantity {
    /// Reads a quantity. As in Kubernetes, what is finer than a billionth is rounded away from zero.
    ///
    /// # Errors
    /// When the text is no quantity, or is one beyond 2^63.
    pub fn parse(text: &str) -> Result<Self, NotAQuantity> {
        let (negative, unsigned) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let end = unsigned.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(unsigned.len());
        let (number, suffix) = unsigned.split_at_checked(end).ok_or(NotAQuantity)?;
        let (style, base, exponent) = scale(suffix).ok_or(NotAQuantity)?;
        let nanos = nanos(number, base, exponent).ok_or(NotAQuantity)?;
        if nanos > LARGEST * NANOS {
            return Err(NotAQuantity);
        }
        Ok(Self { nanos: if negative { -nanos } else { nanos }, style })
    }

    /// The amount in billionths.
    pub fn nanos(&self) -> i128 {
        self.nanos
    }

    /// The amount in whole units, rounded up: bytes for memory.
    pub fn units(&self) -> i128 {
        self.nanos.div_euclid(NANOS) + i128::from(self.nanos.rem_euclid(NANOS) != 0)
    }
}

impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.nanos == other.nanos
    }
}

impl Eq for Quantity {}

impl fmt::Display for Quantity {
    /// Kubernetes' canonical form: the largest suffix that leaves a whole number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.style {
            Style::Binary if self.nanos.abs() >= 1024 * NANOS && self.nanos % NANOS == 0 => {
                let (number, power) = reduced(self.units(), 1024, BINARY.len() - 1);
                write!(f, "{number}{}", BINARY.get(power).unwrap_or(&""))
            }
            Style::Exponent => match reduced(self.nanos, 1000, usize::MAX) {
                (number, power) if power as i32 == ONES => write!(f, "{number}"),
                (number, power) => write!(f, "{number}e{}", 3 * (power as i32 - ONES)),
            },
            Style::Binary | Style::Decimal => {
                let (number, power) = reduced(self.nanos, 1000, DECIMAL.len() - 1);
                write!(f, "{number}{}", DECIMAL.get(power).unwrap_or(&""))
            }
        }
    }
}

/// What a suffix multiplies by: a base and its exponent.
fn scale(suffix: &str) -> Option<(Style, i128, i32)> {
    if let Some(power) = DECIMAL.iter().position(|known| *known == suffix) {
        return Some((Style::Decimal, 10, 3 * (i32::try_from(power).ok()? - ONES)));
    }
    if let Some(power) = BINARY.iter().position(|known| *known == suffix) {
        return Some((Style::Binary, 1024, i32::try_from(power).ok()?));
    }
    let exponent = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
    (-40..=40).contains(&exponent).then_some((Style::Exponent, 10, exponent))
}

/// `number` times `base` to the `exponent`, in billionths, rounded up.
fn nanos(number: &str, base: i128, exponent: i32) -> Option<i128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() || fraction.contains('.') {
        return None;
    }
    // Digits beyond the 20th could not be told from rounding, and would not fit.
    let fraction = fraction.get(..20).unwrap_or(fraction);
    let digits: i128 = format!("{whole}{fraction}").parse().ok()?;
    let power = |base: i128, exponent: u32| base.checked_pow(exponent);
    let factor = if exponent > 0 { power(base, exponent.unsigned_abs())? } else { 1 };
    let small = if exponent < 0 { power(base, exponent.unsigned_abs())? } else { 1 };
    let divisor = power(10, u32::try_from(fraction.len()).ok()?)?.checked_mul(small)?;
    let (factor, divisor) = lowest_terms(factor.checked_mul(NANOS)?, divisor);
    let scaled = digits.checked_mul(factor)?;
    Some(scaled / divisor + i128::from(scaled % divisor != 0))
}

fn lowest_terms(mut factor: i128, mut divisor: i128) -> (i128, i128) {
    while factor % 10 == 0 && divisor % 10 == 0 && factor != 0 {
        (factor, divisor) = (factor / 10, divisor / 10);
    }
    (factor, divisor)
}

/// Divides by `base` as long as nothing is lost, `most` times at most.
fn reduced(mut number: i128, base: i128, most: usize) -> (i128, usize) {
    if number == 0 {
        return (0, usize::try_from(ONES).unwrap_or_default());
    }
    let mut power = 0;
    while power < most && number % base == 0 {
        (number, power) = (number / base, power + 1);
    }
    (number, power)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn canonical(text: &str) -> String {
        Quantity::parse(text).unwrap().to_string()
    }

    #[test]
    fn quantities_are_written_in_kubernetes_canonical_form() {
        let written = [
            ("3072Mi", "3Gi"),
            ("1024Mi", "1Gi"),
            ("1500Mi", "1500Mi"),
            ("1.5Gi", "1536Mi"),
            ("512Ki", "512Ki"),
            ("0.5", "500m"),
            ("1000m", "1"),
            ("1", "1"),
            ("1.5", "1500m"),
            ("1000", "1k"),
            ("1500", "1500"),
            ("2G", "2G"),
            ("1e3", "1e3"),
            ("1E3", "1e3"),
            ("12e0", "12"),
            ("0", "0"),
            ("0Ki", "0"),
            ("-1", "-1"),
            ("+.5", "500m"),
            ("5.", "5"),
            ("0.5Ki", "512"),
            ("1Ki", "1Ki"),
            ("0.1n", "1n"),
            ("7E", "7E"),
            ("0.1", "100m"),
        ];
        for (text, expected) in written {
            assert_eq!(canonical(text), expected, "{text}");
        }
    }

    #[test]
    fn equal_amounts_are_equal_however_they_are_written() {
        for (one, other) in [("1", "1000m"), ("3072Mi", "3Gi"), ("1k", "1e3"), ("1Ki", "1024"), ("0.10", "100m")] {
            assert_eq!(Quantity::parse(one), Quantity::parse(other));
        }
        assert_ne!(Quantity::parse("1Gi"), Quantity::parse("1G"));
    }

    #[test]
    fn what_is_no_quantity_is_refused() {
        for text in ["", ".", "abc", "1gb", "1 Gi", "Gi", "1.2.3", "--1", "1e", "1Kii", "10E", "8Ei", "1e99", "١"] {
            assert_eq!(Quantity::parse(text), Err(NotAQuantity), "{text}");
        }
    }

    #[test]
    fn whole_units_are_rounded_up() {
        assert_eq!(Quantity::parse("1.5").unwrap().units(), 2);
        assert_eq!(Quantity::parse("3Gi").unwrap().units(), 3 << 30);
    }
}
