//! Values as people write them: `1m30s`, `5%`, `500ms`, `stable + 20%`.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error, Visitor};
use serde::ser::{Serialize, Serializer};

use crate::domain::time::Millis;
use crate::domain::weight::Weight;

/// A length of time: numbers with units, largest first, `ms s m h d`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span(pub Millis);

/// A weight in percent: `25` or `25%`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Percent(pub Weight);

/// What a gate's metric is held against.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bound {
    /// A plain number.
    Number(f64),
    /// `5%`: a share, 0–1.
    Share(f64),
    /// `500ms`: a latency in milliseconds.
    Latency(f64),
    /// `stable + 20%`: stable's value and a share of it.
    OverStable(f64),
}

const UNITS: [(&str, f64); 5] = [("ms", 1.0), ("s", 1e3), ("m", 60e3), ("h", 3600e3), ("d", 86_400e3)];
/// No setting is longer than this: a year.
const LONGEST: f64 = 365.0 * 86_400e3;

/// Reads a length of time in milliseconds.
///
/// # Errors
/// A sentence for people when it is not one.
pub fn length(text: &str) -> Result<f64, String> {
    let fail = || format!("`{text}` is not a length of time; write it with a unit, such as 45s, 10m, 1m30s or 1h");
    let mut rest = text.trim();
    if rest == "0" {
        return Ok(0.0);
    }
    let mut total = 0.0;
    let mut last = f64::INFINITY;
    if rest.is_empty() {
        return Err(fail());
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(fail)?;
        let (number, tail) = rest.split_at_checked(digits).ok_or_else(fail)?;
        let letters = tail.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at_checked(letters).ok_or_else(fail)?;
        let number: f64 = number.parse().map_err(|_| fail())?;
        let (_, scale) = UNITS.into_iter().find(|(name, _)| *name == unit).ok_or_else(fail)?;
        if scale >= last {
            return Err(fail());
        }
        last = scale;
        total += number * scale;
        rest = tail.trim_start();
    }
    if total > LONGEST { Err(format!("`{text}` is longer than a year")) } else { Ok(total) }
}

/// Reads a share: `5%`, `0.5 %`.
fn share(text: &str) -> Option<f64> {
    let number: f64 = text.trim().strip_suffix('%')?.trim_end().parse().ok()?;
    // Twelve decimals: 561.1 % is 5.611, not 5.611000000000001.
    number.is_finite().then_some((number * 1e10).round() / 1e12)
}

/// Reads a bound of a gate.
///
/// # Errors
/// A sentence for people when it is not one.
pub fn bound(text: &str) -> Result<Bound, String> {
    let plain = text.trim();
    if let Some(rest) = plain.strip_prefix("stable") {
        let by = rest.trim_start().strip_prefix('+').and_then(share).filter(|s| *s >= 0.0);
        return by
            .map(Bound::OverStable)
            .ok_or_else(|| format!("`{text}` compares with stable in a way that is not known; write `stable + 20%`"));
    }
    if let Some(share) = share(plain) {
        return Ok(Bound::Share(share));
    }
    if let Some(number) = plain.parse().ok().filter(|n: &f64| n.is_finite()) {
        return Ok(Bound::Number(number));
    }
    length(plain)
        .map(Bound::Latency)
        .map_err(|_| format!("`{text}` is not a limit; write a share (5%), a latency (500ms), a number, or `stable + 20%`"))
}

/// Writes a length with all its units, so that nothing is lost.
pub fn exact(length: Millis) -> String {
    let mut rest = length.0;
    let mut text = String::new();
    for (unit, scale) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)] {
        let n = rest / scale;
        rest %= scale;
        if n > 0 {
            text.push_str(&format!("{n}{unit}"));
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

/// Writes a share as percent where that reads back as the same number.
fn percent(share: f64) -> Option<String> {
    let text = format!("{}%", (share * 1e8).round() / 1e6);
    (self::share(&text) == Some(share)).then_some(text)
}

/// Reads text or numbers, whichever a file holds, into one kind of value.
struct Scalar<T> {
    what: &'static str,
    text: fn(&str) -> Result<T, String>,
    number: fn(f64) -> Result<T, String>,
}

impl<T> Visitor<'_> for Scalar<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.what)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        (self.text)(text).map_err(E::custom)
    }

    fn visit_u64<E: Error>(self, n: u64) -> Result<T, E> {
        (self.number)(n as f64).map_err(E::custom)
    }

    fn visit_i64<E: Error>(self, n: i64) -> Result<T, E> {
        (self.number)(n as f64).map_err(E::custom)
    }

    fn visit_f64<E: Error>(self, n: f64) -> Result<T, E> {
        (self.number)(n).map_err(E::custom)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Span, D::Error> {
        d.deserialize_any(Scalar {
            what: "a length of time such as 10m",
            text: |t| length(t).map(|ms| Span(Millis(ms.round() as u64))),
            number: |n| if n == 0.0 { Ok(Span(Millis::ZERO)) } else { Err(format!("{n} has no unit; write {n}s, {n}m or {n}h")) },
        })
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&exact(self.0))
    }
}

fn weight(percent: f64) -> Result<Percent, String> {
    let fits = percent.fract() == 0.0 && (0.0..=100.0).contains(&percent);
    fits.then(|| Percent(Weight::capped(percent as u8))).ok_or_else(|| format!("a weight is a whole percent from 0 to 100, not {percent}"))
}

impl<'de> Deserialize<'de> for Percent {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Percent, D::Error> {
        d.deserialize_any(Scalar {
            what: "a weight from 0 to 100",
            text: |t| {
                let number = t.trim().trim_end_matches('%').trim_end().parse();
                number.map_err(|_| format!("`{t}` is not a weight; write a whole percent from 0 to 100")).and_then(weight)
            },
            number: weight,
        })
    }
}

impl Serialize for Percent {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_u8(self.0.percent())
    }
}

impl<'de> Deserialize<'de> for Bound {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Bound, D::Error> {
        d.deserialize_any(Scalar {
            what: "a limit such as 5%, 500ms or `stable + 20%`",
            text: bound,
            number: |n| if n.is_finite() { Ok(Bound::Number(n)) } else { Err(format!("{n} is not a limit")) },
        })
    }
}

impl Serialize for Bound {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self {
            Bound::Number(n) => s.serialize_f64(*n),
            Bound::Share(v) => match percent(*v) {
                Some(text) => s.serialize_str(&text),
                None => s.serialize_f64(*v),
            },
            Bound::Latency(ms) => s.serialize_str(&format!("{ms}ms")),
            Bound::OverStable(v) => s.serialize_str(&format!("stable + {}", percent(*v).unwrap_or_else(|| format!("{}%", v * 100.0)))),
        }
    }
}

macro_rules! schema {
    ($kind:ty, $name:literal, $schema:tt) => {
        impl JsonSchema for $kind {
            fn schema_name() -> Cow<'static, str> {
                $name.into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    };
}

schema!(Span, "Span", {
    "description": "A length of time: 45s, 10m, 1m30s, 1h, 2d",
    "type": ["string", "integer"],
    "pattern": r"^(0|([0-9.]+(ms|s|m|h|d) ?)+)$",
    "maximum": 0,
    "minimum": 0
});
schema!(Percent, "Percent", {
    "description": "A whole percent from 0 to 100",
    "type": ["integer", "string"],
    "pattern": "^[0-9]{1,3} ?%?$",
    "minimum": 0,
    "maximum": 100
});
schema!(Bound, "Bound", {
    "description": "A limit: a share (5%), a latency (500ms, 1s), a number, or a comparison (stable + 20%)",
    "type": ["number", "string"]
});

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lengths_are_read_as_people_write_them() {
        let read = |t| length(t).map(|ms| ms as u64);
        assert_eq!(read("10m"), Ok(600_000));
        assert_eq!(read("1m30s"), Ok(90_000));
        assert_eq!(read("1h 30m"), Ok(5_400_000));
        assert_eq!(read("500ms"), Ok(500));
        assert_eq!(read("0.5s"), Ok(500));
        assert_eq!(read("0"), Ok(0));
        for wrong in ["", "10", "10 minutes", "m", "1s1m", "1m1m", "-5s", "1..5s", "9999d", "5%", "1m30"] {
            assert!(length(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn bounds_are_told_apart() {
        assert_eq!(bound("5%"), Ok(Bound::Share(0.05)));
        assert_eq!(bound("0.05"), Ok(Bound::Number(0.05)));
        assert_eq!(bound("1s"), Ok(Bound::Latency(1000.0)));
        assert_eq!(bound("stable + 20%"), Ok(Bound::OverStable(0.2)));
        assert_eq!(bound("stable+20 %"), Ok(Bound::OverStable(0.2)));
        for wrong in ["stable", "stable * 2", "stable + 20", "five", "NaN", "inf", "stable + -5%"] {
            assert!(bound(wrong).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn lengths_survive_writing(ms in 0u64..30_000_000_000) {
            prop_assert_eq!(length(&exact(Millis(ms))).map(|x| x as u64), Ok(ms));
        }

        #[test]
        fn nothing_panics(text in any::<String>()) {
            let _ = (length(&text), bound(&text));
        }
    }
}
