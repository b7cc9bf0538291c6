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

#[cfg(test)]
mod tests {
    use super::*;

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
