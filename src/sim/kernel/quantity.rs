//! Kubernetes quantities: `250m`, `2`, `96Mi`.

/// A Kubernetes quantity in thousandths of its unit (`250m` = 250, `1Ki` = 1,024,000).
/// `None` when it is no quantity.
pub fn milli(text: &str) -> Option<u64> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(end)?;
    let factor = match unit {
        "m" => 1.0,
        "" => 1e3,
        "k" => 1e6,
        "M" => 1e9,
        "G" => 1e12,
        "T" => 1e15,
        "Ki" => 1024.0 * 1e3,
        "Mi" => 1_048_576.0 * 1e3,
        "Gi" => 1_073_741_824.0 * 1e3,
        "Ti" => 1_099_511_627_776.0 * 1e3,
        _ => return None,
    };
    Some((number.parse::<f64>().ok()? * factor).round() as u64)
}

/// How a quantity is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Format {
    /// In powers of ten: `500m`, `2k`.
    #[default]
    DecimalSi,
    /// In powers of two: `128Mi`.
    BinarySi,
}

/// A quantity as the API's Go type holds it: `value` times ten to the `scale`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Parsed {
    /// The digits, times the power of two when it is written in one.
    pub value: i64,
    /// The power of ten.
    pub scale: i32,
    /// How it is written.
    pub format: Format,
    /// Whether Go keeps the text as it is, because it is surely the shortest.
    pub canonical: bool,
}

const DECIMAL: [(&str, i32); 10] =
    [("n", -9), ("u", -6), ("m", -3), ("", 0), ("k", 3), ("M", 6), ("G", 9), ("T", 12), ("P", 15), ("E", 18)];
const BINARY: [(&str, i32); 6] = [("Ki", 10), ("Mi", 20), ("Gi", 30), ("Ti", 40), ("Pi", 50), ("Ei", 60)];

impl Parsed {
    /// Reads a quantity without a sign or an exponent; `None` for anything else, and for more digits than 18.
    pub fn of(text: &str) -> Option<Self> {
        if text == "0" {
            return Some(Self { canonical: true, ..Self::default() });
        }
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let (number, unit) = text.split_at_checked(end)?;
        let (whole, part) = number.split_once('.').unwrap_or((number, ""));
        let whole = Some(whole.trim_start_matches('0')).filter(|whole| !whole.is_empty()).unwrap_or("0");
        let digits = format!("{whole}{part}");
        let value: i64 = digits.parse().ok().filter(|_| digits.len() <= 18)?;
        let places = i32::try_from(part.len()).ok()?;
        if let Some((_, exponent)) = DECIMAL.iter().find(|(name, _)| *name == unit) {
            let scale = exponent - places;
            let canonical = scale % 3 == 0 && !digits.ends_with("000") && !digits.starts_with('0');
            return Some(Self { value, scale, format: Format::DecimalSi, canonical });
        }
        let (_, exponent) = BINARY.iter().find(|(name, _)| *name == unit)?;
        let whole = value.checked_mul(1_i64.checked_shl(u32::try_from(*exponent).ok()?)?)?;
        let canonical = places == 0 && value % 8 != 0;
        Some(Self { value: whole / 10_i64.checked_pow(u32::try_from(places).ok()?)?, scale: 0, format: Format::BinarySi, canonical })
    }

    /// The shortest text, as the API server stores it.
    pub fn text(self) -> Option<String> {
        let Self { mut value, mut scale, format, .. } = self;
        if value == 0 {
            return Some("0".into());
        }
        if format == Format::BinarySi && value >= 1024 {
            let mut power = 0;
            while value % 1024 == 0 && power < 60 {
                (value, power) = (value / 1024, power + 10);
            }
            let unit = BINARY.iter().find(|(_, exponent)| *exponent == power).map_or("", |(name, _)| name);
            return Some(format!("{value}{unit}"));
        }
        while value % 10 == 0 {
            (value, scale) = (value / 10, scale + 1);
        }
        while scale.rem_euclid(3) != 0 || scale > 18 {
            (value, scale) = (value.checked_mul(10)?, scale - 1);
        }
        let (unit, _) = DECIMAL.iter().find(|(_, exponent)| *exponent == scale)?;
        Some(format!("{value}{unit}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shortest_text_is_stored() {
        let cases = [
            ("0.5", "500m"),
            ("1000m", "1"),
            ("1500m", "1500m"),
            ("100000", "100k"),
            ("128Mi", "128Mi"),
            ("1024Mi", "1Gi"),
            ("1.5Gi", "1536Mi"),
            ("0", "0"),
            ("0.0", "0"),
            ("2", "2"),
            ("512", "512"),
            ("0.10", "100m"),
        ];
        for (given, stored) in cases {
            assert_eq!(Parsed::of(given).and_then(Parsed::text).as_deref(), Some(stored), "{given}");
        }
        assert_eq!(Parsed::of("-1"), None);
        assert_eq!(Parsed::of("1e3"), None);
    }

    #[test]
    fn suffixes_of_ten_and_of_two() {
        assert_eq!(milli("250m"), Some(250));
        assert_eq!(milli("1.5"), Some(1500));
        assert_eq!(milli("1Ki"), Some(1_024_000));
        assert_eq!(milli("2k"), Some(2_000_000));
        assert_eq!(milli("x"), None);
        assert_eq!(milli("1Q"), None);
    }
}
