//! The units people write in a scenario: `90s`, `0.3%`, `96Mi`.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Visitor};

use crate::sim::kernel::quantity;

/// A length of time in milliseconds, written `250ms`, `90s`, `2m`, `1h30m`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub u64);

/// A share of a whole, 0 to 1, written as a percentage: `0.3%`.
#[derive(Debug, Clone, Copy, Default, PartialEq, PartialOrd)]
pub struct Share(pub f64);

/// An amount of memory in bytes, written `96Mi`, `1Gi`, `500M`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(pub u64);

/// CPU in thousandths of a core, written `250m`, `2`, `0.5`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Millicores(pub u64);

impl Span {
    /// Whole seconds.
    pub const fn seconds(seconds: u64) -> Self {
        Self(seconds * 1000)
    }

    /// Reads `1h30m`; `None` when it is no such thing.
    pub fn parse(text: &str) -> Option<Self> {
        let (mut rest, mut total) = (text.trim(), 0u64);
        if rest.is_empty() {
            return None;
        }
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').filter(|&n| n > 0)?;
            let (number, tail) = rest.split_at_checked(digits)?;
            let unit_end = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
            let (unit, tail) = tail.split_at_checked(unit_end)?;
            let factor = match unit.trim() {
                "ms" => 1.0,
                "s" => 1000.0,
                "m" => 60_000.0,
                "h" => 3_600_000.0,
                _ => return None,
            };
            total = total.checked_add((number.parse::<f64>().ok()? * factor).round() as u64)?;
            rest = tail;
        }
        Some(Self(total))
    }
}

impl Share {
    /// Reads `0.3%`; `None` when it is no percentage between 0 and 100.
    pub fn parse(text: &str) -> Option<Self> {
        let share = text.trim().strip_suffix('%')?.trim().parse::<f64>().ok()? / 100.0;
        (0.0..=1.0).contains(&share).then_some(Self(share))
    }
}

impl Bytes {
    /// Reads `96Mi`.
    pub fn parse(text: &str) -> Option<Self> {
        quantity::milli(text).map(|milli| Self(milli / 1000))
    }
}

impl Millicores {
    /// Reads `250m`.
    pub fn parse(text: &str) -> Option<Self> {
        quantity::milli(text).map(Self)
    }
}

/// Accepts text and plain numbers, and parses their text.
struct Written<T> {
    parse: fn(&str) -> Option<T>,
    expected: &'static str,
}

impl<T> Visitor<'_> for Written<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expected)
    }
    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        (self.parse)(text).ok_or_else(|| E::custom(format!("`{text}` is not {}", self.expected)))
    }
    fn visit_u64<E: Error>(self, number: u64) -> Result<T, E> {
        self.visit_str(&number.to_string())
    }
    fn visit_i64<E: Error>(self, number: i64) -> Result<T, E> {
        self.visit_str(&number.to_string())
    }
    fn visit_f64<E: Error>(self, number: f64) -> Result<T, E> {
        self.visit_str(&number.to_string())
    }
}

macro_rules! written {
    ($($name:ident: $expected:literal),+ $(,)?) => {$(
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(Written { parse: $name::parse, expected: $expected })
            }
        }
    )+};
}

written! {
    Span: "a duration such as 250ms, 90s, 2m or 1h30m",
    Share: "a percentage between 0% and 100%, such as 0.3%",
    Bytes: "an amount of memory such as 96Mi",
    Millicores: "an amount of CPU such as 250m or 2",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_shares_and_quantities() {
        for (text, ms) in [("250ms", 250), ("90s", 90_000), ("1h30m", 5_400_000), ("1.5s", 1500), ("2m 5s", 125_000)] {
            assert_eq!(Span::parse(text), Some(Span(ms)), "{text}");
        }
        for bad in ["", "5", "s", "5x", "-5s", "5s x", "..s"] {
            assert_eq!(Span::parse(bad), None, "{bad}");
        }
        assert_eq!(Share::parse("12.5 %"), Some(Share(0.125)));
        assert_eq!(Share::parse("0.5"), None);
        assert_eq!(Share::parse("101%"), None);
        assert_eq!(Bytes::parse("96Mi"), Some(Bytes(96 << 20)));
        assert_eq!(Millicores::parse("250m"), Some(Millicores(250)));
        assert_eq!(Millicores::parse("1.5"), Some(Millicores(1500)));
        assert_eq!(Millicores::parse("1Q"), None);
    }

    #[test]
    fn a_wrong_unit_says_what_is_wanted_and_where() {
        #[derive(Debug, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Doc {
            hold: Span,
        }
        assert_eq!(serde_saphyr::from_str::<Doc>("hold: 2m").unwrap().hold, Span::seconds(120));
        let error = serde_saphyr::from_str::<Doc>("# x\nhold: soon\n").unwrap_err();
        assert!(error.to_string().contains("`soon` is not a duration"), "{error}");
        assert_eq!(error.location().map(|at| (at.line(), at.column())), Some((2, 7)));
    }
}
