//! Numbers as Prometheus calculates, reads and writes them.

/// A value in an answer: the shortest text that reads back equal, with an exponent only below 1e-6 and from 1e21 on.
pub fn value_text(value: f64) -> String {
    let size = value.abs();
    if value.is_finite() && size != 0.0 && !(1e-6..1e21).contains(&size) { exponent_text(value) } else { plain_text(value) }
}

/// The shortest text that reads back equal, never with an exponent (scalar answers, `count_values` labels).
pub fn plain_text(value: f64) -> String {
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "+Inf".to_owned() } else { "-Inf".to_owned() }
    } else {
        format!("{value}")
    }
}

/// `1.5e-07`: at least two digits in the exponent, always with its sign.
fn exponent_text(value: f64) -> String {
    let text = format!("{value:e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, digits) = exponent.strip_prefix('-').map_or(('+', exponent), |digits| ('-', digits));
    format!("{mantissa}e{sign}{digits:0>2}")
}

/// Go's `%g`, as it stands in warnings and errors: an exponent below 1e-4 and from 1e6 on.
pub fn short_text(value: f64) -> String {
    let size = value.abs();
    if value.is_finite() && size != 0.0 && !(1e-4..1e6).contains(&size) { exponent_text(value) } else { plain_text(value) }
}

/// A time in seconds with as many of three decimals as it needs to be exact: `1700000000`, `1700000000.250`.
pub fn time_text(at: i64) -> String {
    let sign = if at < 0 { "-" } else { "" };
    let (seconds, millis) = (at.unsigned_abs() / 1_000, at.unsigned_abs() % 1_000);
    if millis == 0 { format!("{sign}{seconds}") } else { format!("{sign}{seconds}.{millis:03}") }
}

/// The larger of two values: NaN if one is NaN, unless the other is +Inf.
pub fn larger(a: f64, b: f64) -> f64 {
    if a == f64::INFINITY || b == f64::INFINITY {
        f64::INFINITY
    } else if a.is_nan() || b.is_nan() {
        f64::NAN
    } else {
        a.max(b)
    }
}

/// The smaller of two values: NaN if one is NaN, unless the other is -Inf.
pub fn smaller(a: f64, b: f64) -> f64 {
    if a == f64::NEG_INFINITY || b == f64::NEG_INFINITY {
        f64::NEG_INFINITY
    } else if a.is_nan() || b.is_nan() {
        f64::NAN
    } else {
        a.min(b)
    }
}

/// A running sum that carries its rounding error along (Kahan, with Neumaier's improvement).
#[derive(Debug, Clone, Copy, Default)]
pub struct Sum {
    /// The sum so far, without the carried error.
    pub value: f64,
    /// What rounding has taken from it.
    pub carry: f64,
}

impl Sum {
    /// The sum after adding `x`.
    #[must_use]
    pub fn plus(self, x: f64) -> Self {
        let total = self.value + x;
        let carry = if total.is_infinite() {
            0.0
        } else if self.value.abs() >= x.abs() {
            self.carry + ((self.value - total) + x)
        } else {
            self.carry + ((x - total) + self.value)
        };
        Self { value: total, carry }
    }

    /// The best estimate of the sum.
    #[must_use]
    pub fn total(self) -> f64 {
        if self.value.is_infinite() { self.value } else { self.value + self.carry }
    }
}

/// The mean, by the sum as long as that does not overflow and incrementally from there on.
#[derive(Debug, Clone, Copy)]
pub struct Mean {
    sum: Sum,
    count: f64,
    incremental: bool,
}

impl Mean {
    /// The mean of one value.
    #[must_use]
    pub fn of(first: f64) -> Self {
        Self { sum: Sum { value: first, carry: 0.0 }, count: 1.0, incremental: false }
    }

    /// Takes one more value in.
    pub fn add(&mut self, x: f64) {
        self.count += 1.0;
        if !self.incremental {
            let next = self.sum.plus(x);
            if !next.value.is_infinite() {
                self.sum = next;
                return;
            }
            self.incremental = true;
            self.sum = Sum { value: self.sum.value / (self.count - 1.0), carry: self.sum.carry / (self.count - 1.0) };
        }
        let q = (self.count - 1.0) / self.count;
        self.sum = Sum { value: q * self.sum.value, carry: q * self.sum.carry }.plus(x / self.count);
    }

    /// The mean of all values so far.
    #[must_use]
    pub fn value(self) -> f64 {
        if self.incremental { self.sum.value + self.sum.carry } else { self.sum.value / self.count + self.sum.carry / self.count }
    }
}

/// The `q` quantile of values in any order, between neighbours by weight; NaN values count as smallest.
pub fn quantile(q: f64, values: &mut [f64]) -> f64 {
    if values.is_empty() || q.is_nan() {
        return f64::NAN;
    }
    if q < 0.0 {
        return f64::NEG_INFINITY;
    }
    if q > 1.0 {
        return f64::INFINITY;
    }
    values.sort_by(|a, b| b.is_nan().cmp(&a.is_nan()).then(a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal)));
    let rank = q * (values.len() as f64 - 1.0);
    let lower = rank.floor().max(0.0);
    let upper = (lower + 1.0).min(values.len() as f64 - 1.0);
    let weight = rank - rank.floor();
    let at = |index: f64| values.get(index as usize).copied().unwrap_or(f64::NAN);
    at(lower) * (1.0 - weight) + at(upper) * weight
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_as_go_writes_them() {
        for (value, text) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (0.1 + 0.2, "0.30000000000000004"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (1.5e300, "1.5e+300"),
            (1e-6, "0.000001"),
            (9.5e-7, "9.5e-07"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
        ] {
            assert_eq!(value_text(value), text);
        }
        assert_eq!(plain_text(1e-7), "0.0000001");
        assert_eq!(short_text(0.00001), "1e-05");
        assert_eq!(short_text(-1.0), "-1");
        assert_eq!(short_text(100_000.0), "100000");
        assert_eq!(short_text(1_234_567.0), "1.234567e+06");
    }

    #[test]
    fn times_keep_their_milliseconds() {
        assert_eq!(time_text(1_700_000_000_000), "1700000000");
        assert_eq!(time_text(1_700_000_000_005), "1700000000.005");
        assert_eq!(time_text(1_700_000_000_500), "1700000000.500");
        assert_eq!(time_text(-1_500), "-1.500");
    }

    #[test]
    fn sums_keep_small_parts_beside_large_ones() {
        let sum = [1e100, 1.0, -1e100].into_iter().fold(Sum::default(), Sum::plus);
        assert_eq!(sum.total(), 1.0);
        let mut mean = Mean::of(f64::MAX);
        mean.add(f64::MAX);
        assert_eq!(mean.value(), f64::MAX);
    }

    #[test]
    fn quantiles_lie_between_neighbours() {
        assert_eq!(quantile(0.5, &mut [3.0, 1.0, 2.0]), 2.0);
        assert_eq!(quantile(0.75, &mut [0.0, 1.0]), 0.75);
        assert_eq!(quantile(1.1, &mut [0.0]), f64::INFINITY);
        assert_eq!(quantile(-0.1, &mut [0.0]), f64::NEG_INFINITY);
        assert!(quantile(0.5, &mut []).is_nan());
    }
}
