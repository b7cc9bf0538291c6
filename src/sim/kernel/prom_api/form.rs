//! Parameters of a request: from the address and, for forms, from the body.

use super::super::wire::{Request, parse_query};
use super::encode::Refusal;

/// The parameters of a request, those of its body first.
#[derive(Debug, Clone)]
pub struct Form {
    pairs: Vec<(String, String)>,
}

/// The start of the longest possible time range, in ms.
pub const MIN_TIME: i64 = i64::MIN / 2;
/// The end of the longest possible time range, in ms.
pub const MAX_TIME: i64 = i64::MAX / 2;

impl Form {
    /// Reads both places.
    #[must_use]
    pub fn of(request: &Request) -> Self {
        let is_form = request.content_type.starts_with("application/x-www-form-urlencoded");
        let body = if is_form { parse_query(&String::from_utf8_lossy(&request.body)) } else { Vec::new() };
        Self { pairs: body.into_iter().chain(request.query.iter().cloned()).collect() }
    }

    /// The first value of a parameter; empty when there is none.
    #[must_use]
    pub fn text(&self, name: &str) -> &str {
        self.pairs.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    /// All values of a parameter.
    pub fn texts<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.pairs.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A time that must be given, in ms.
    ///
    /// # Errors
    /// `bad_data` that names the parameter.
    pub fn time(&self, name: &str) -> Result<i64, Refusal> {
        time(self.text(name)).map_err(|error| Refusal::parameter(name, &error))
    }

    /// A time that may be left out, in ms.
    ///
    /// # Errors
    /// `bad_data` that names the parameter.
    pub fn time_or(&self, name: &str, default: i64) -> Result<i64, Refusal> {
        match self.text(name) {
            "" => Ok(default),
            text => time(text).map_err(|error| Refusal::parameter(name, &format!("invalid time value for '{name}': {error}"))),
        }
    }

    /// `limit`: at most this many results; nothing means all.
    ///
    /// # Errors
    /// `bad_data`.
    pub fn limit(&self) -> Result<Option<usize>, Refusal> {
        let text = self.text("limit");
        if text.is_empty() {
            return Ok(None);
        }
        let limit: i64 =
            text.parse().map_err(|_| Refusal::parameter("limit", &format!("strconv.Atoi: parsing {text:?}: invalid syntax")))?;
        if limit < 0 {
            return Err(Refusal::parameter("limit", "limit must be non-negative"));
        }
        Ok(usize::try_from(limit).ok().filter(|limit| *limit > 0))
    }
}

/// A time as seconds since the epoch or in RFC 3339, in ms.
fn time(text: &str) -> Result<i64, String> {
    if let Some(seconds) = number(text).filter(|seconds| seconds.is_finite()) {
        return Ok((seconds * 1_000.0).round() as i64);
    }
    let parsed = text.parse::<jiff::Timestamp>();
    parsed.map(|time| time.as_millisecond()).map_err(|_| format!("cannot parse {text:?} to a valid timestamp"))
}

/// A length of time as seconds or such as `1m30s`, in ms.
///
/// # Errors
/// Prometheus' words.
pub fn duration(text: &str) -> Result<i64, String> {
    if let Some(seconds) = number(text) {
        let millis = seconds * 1_000.0;
        if millis.abs() > i64::MAX as f64 / 1e6 {
            return Err(format!("cannot parse {text:?} to a valid duration. It overflows int64"));
        }
        return Ok(millis as i64);
    }
    units(text).ok_or_else(|| format!("cannot parse {text:?} to a valid duration"))
}

/// A plain number; words such as `inf` are left to the caller's other forms.
fn number(text: &str) -> Option<f64> {
    let starts = text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '.' | '-' | '+'));
    if starts { text.parse().ok() } else { None }
}

/// `1h30m`: each unit at most once, largest first.
fn units(text: &str) -> Option<i64> {
    const UNITS: [(&str, i64); 7] =
        [("y", 365 * 86_400_000), ("w", 7 * 86_400_000), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];
    if text == "0" {
        return Some(0);
    }
    let (mut rest, mut total, mut allowed) = (text, 0_i64, 0);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (count, after) = rest.split_at_checked(digits)?;
        let end = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at_checked(end)?;
        let place = UNITS.iter().position(|(name, _)| *name == unit).filter(|place| *place >= allowed)?;
        allowed = place + 1;
        let (_, millis) = UNITS.get(place)?;
        total = total.checked_add(count.parse::<i64>().ok()?.checked_mul(*millis)?)?;
        rest = after;
    }
    if text.is_empty() { None } else { Some(total) }
}

#[cfg(test)]
mod tests {
    use super::super::super::wire::Method;
    use super::*;

    #[test]
    fn a_form_is_read_before_the_address() {
        let request = Request::new(Method::Post, "/api/v1/query?time=5&query=b")
            .with_body("application/x-www-form-urlencoded", "query=a%7B%7D&match%5B%5D=x&match%5B%5D=y");
        let form = Form::of(&request);
        assert_eq!(form.text("query"), "a{}");
        assert_eq!(form.text("time"), "5");
        assert_eq!(form.texts("match[]").collect::<Vec<_>>(), ["x", "y"]);
        assert_eq!(form.text("limit"), "");
    }

    #[test]
    fn times_are_seconds_or_dates() {
        assert_eq!(time("1700000000.1234"), Ok(1_700_000_000_123));
        assert_eq!(time("2023-11-14T22:13:20.5Z"), Ok(1_700_000_000_500));
        assert_eq!(time("2023-11-15T00:13:20+02:00"), Ok(1_700_000_000_000));
        assert_eq!(time("soon").unwrap_err(), "cannot parse \"soon\" to a valid timestamp");
    }

    #[test]
    fn durations_are_seconds_or_units() {
        for (text, millis) in [("15", 15_000), ("0.5", 500), ("1m30s", 90_000), ("1h", 3_600_000), ("250ms", 250), ("1d2h", 93_600_000)] {
            assert_eq!(duration(text), Ok(millis), "{text}");
        }
        for text in ["", "m", "5x", "1s1m", "1.5m", "1m1m"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
