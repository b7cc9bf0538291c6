//! Parts of dates: `hour()`, `day_of_week()` and their kin, in UTC.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// From seconds since the epoch to a part of the date.
pub type Part = fn(f64) -> f64;

/// The function of this name.
#[must_use]
pub fn function(name: &str) -> Option<Part> {
    Some(match name {
        "minute" => |seconds| part(seconds, |date| date.minute().into()),
        "hour" => |seconds| part(seconds, |date| date.hour().into()),
        "day_of_week" => |seconds| part(seconds, |date| date.weekday().to_sunday_zero_offset().into()),
        "day_of_month" => |seconds| part(seconds, |date| date.day().into()),
        "day_of_year" => |seconds| part(seconds, |date| date.day_of_year().into()),
        "days_in_month" => |seconds| part(seconds, |date| date.days_in_month().into()),
        "month" => |seconds| part(seconds, |date| date.month().into()),
        "year" => |seconds| part(seconds, |date| date.year().into()),
        _ => return None,
    })
}

fn part(seconds: f64, pick: impl Fn(DateTime) -> f64) -> f64 {
    let time = if seconds.is_finite() { Timestamp::from_second(seconds as i64).ok() } else { None };
    time.map_or(f64::NAN, |time| pick(time.to_zoned(TimeZone::UTC).datetime()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_those_of_utc() {
        // 2024-02-29T13:37:00Z, a Thursday.
        let at = 1_709_213_820.0;
        for (name, value) in [
            ("minute", 37.0),
            ("hour", 13.0),
            ("day_of_week", 4.0),
            ("day_of_month", 29.0),
            ("day_of_year", 60.0),
            ("days_in_month", 29.0),
            ("month", 2.0),
            ("year", 2024.0),
        ] {
            assert_eq!(function(name).unwrap()(at), value, "{name}");
        }
        assert!(function("hour").unwrap()(f64::NAN).is_nan());
    }
}
