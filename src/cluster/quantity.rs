//! Kubernetes quantities: `250m`, `2`, `96Mi`, `1e3`.

/// A quantity as a plain number: `12m`, `250Mi`, `1500000n`, `2`, `1E`, `12e6`.
pub(super) fn number(text: &str) -> Option<f64> {
    if let Ok(plain) = text.parse::<f64>() {
        return Some(plain).filter(|n| n.is_finite()); // an exponent is read with the number
    }
    let split = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(split)?;
    let factor = match unit {
        "n" => 1e-9,
        "u" => 1e-6,
        "m" => 1e-3,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "P" => 1e15,
        "E" => 1e18,
        "Ki" => 1024.0,
        "Mi" => 1_048_576.0,
        "Gi" => 1_073_741_824.0,
        "Ti" => 1_099_511_627_776.0,
        "Pi" => 1_125_899_906_842_624.0,
        "Ei" => 1_152_921_504_606_846_976.0,
        _ => return None,
    };
    number.parse::<f64>().ok().map(|n| n * factor)
}

/// The same in thousandths; what is negative counts as nothing, what is too much as the most.
pub(super) fn milli(text: &str) -> Option<u64> {
    number(text).map(|n| (n * 1000.0).round().max(0.0) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities() {
        let read = |t| number(t).map(|n| (n * 1e6).round() / 1e6);
        assert_eq!(
            [read("12m"), read("250Ki"), read("1500000n"), read("2"), read("x"), read("3Zi"), read("12e3"), read("1E"), read("")],
            [Some(0.012), Some(256_000.0), Some(0.0015), Some(2.0), None, None, Some(12_000.0), Some(1e18), None]
        );
        assert_eq!(
            [milli("250m"), milli("1.5"), milli("-1"), milli("9Ei"), milli("inf")],
            [Some(250), Some(1_500), Some(0), Some(u64::MAX), None]
        );
    }
}
