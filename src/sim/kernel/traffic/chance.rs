//! Samples of the distributions that requests follow. Exact, not approximated, and the same for one seed on every machine.

use super::super::rng::Rng;

/// Expected events per round of counting: keeps `exp(-x)` and powers far from underflow.
const ROUND: f64 = 24.0;

/// How many events happen when `mean` are expected (Poisson).
pub fn poisson(rng: &mut Rng, mean: f64) -> u64 {
    let mut left = if mean.is_finite() { mean.max(0.0) } else { 0.0 };
    let mut count = 0;
    while left > 0.0 {
        // A sum of Poisson counts is one: large means are counted in rounds.
        let round = left.min(ROUND);
        let floor = (-round).exp();
        let mut product = rng.unit();
        while product > floor {
            count += 1;
            product *= rng.unit();
        }
        left -= round;
    }
    count
}

/// How many of `n` tries succeed when each does with probability `p` (binomial).
pub fn binomial(rng: &mut Rng, n: u64, p: f64) -> u64 {
    if p.is_nan() || p <= 0.0 {
        return 0;
    }
    if p >= 1.0 {
        return n;
    }
    if p > 0.5 {
        return n - binomial(rng, n, 1.0 - p);
    }
    let round = ((ROUND / p) as u64).max(1);
    let (mut left, mut count) = (n, 0);
    while left > 0 {
        let tries = left.min(round);
        count += inverted(rng, tries, p);
        left -= tries;
    }
    count
}

/// A binomial count by walking up its distribution function; `p` at most 1/2 and `n * p` about [`ROUND`] at most.
fn inverted(rng: &mut Rng, n: u64, p: f64) -> u64 {
    let odds = p / (1.0 - p);
    let mut share = (1.0 - p).powf(n as f64);
    let mut rest = rng.unit();
    let mut count = 0;
    while rest > share && count < n {
        rest -= share;
        share *= odds * (n - count) as f64 / (count + 1) as f64;
        count += 1;
    }
    count
}

/// Deals `n` out over places in proportion to their weights (multinomial). The sum of what is dealt is `n`, or 0 when no
/// weight is above 0.
pub fn deal(rng: &mut Rng, n: u64, weights: &[f64]) -> Vec<u64> {
    let mut total: f64 = weights.iter().filter(|weight| **weight > 0.0).sum();
    let mut left = n;
    let last = weights.iter().rposition(|weight| *weight > 0.0);
    let mut place = |(i, weight): (usize, &f64)| {
        if *weight <= 0.0 {
            return 0;
        }
        let dealt = if Some(i) == last { left } else { binomial(rng, left, weight / total) };
        total -= weight;
        left -= dealt;
        dealt
    };
    weights.iter().enumerate().map(&mut place).collect()
}

/// The share of a standard normal distribution below `x`, to about 1e-7 (Abramowitz and Stegun, 7.1.26).
pub fn normal_below(x: f64) -> f64 {
    let z = x.abs() / std::f64::consts::SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * z);
    let series = t * (0.254_829_592 + t * (-0.284_496_736 + t * (1.421_413_741 + t * (-1.453_152_027 + t * 1.061_405_429))));
    let tail = series * (-z * z).exp() / 2.0;
    if x < 0.0 { tail } else { 1.0 - tail }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Mean and variance of many draws.
    fn moments(draws: usize, mut draw: impl FnMut() -> u64) -> (f64, f64) {
        let values: Vec<f64> = (0..draws).map(|_| draw() as f64).collect();
        let mean = values.iter().sum::<f64>() / draws as f64;
        (mean, values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / draws as f64)
    }

    /// Whether a mean of `draws` draws and their variance are within 5 standard errors of what they should be.
    fn close(found: (f64, f64), mean: f64, variance: f64, draws: usize) {
        let draws = draws as f64;
        assert!((found.0 - mean).abs() < 5.0 * (variance / draws).sqrt(), "mean {} is not {mean}", found.0);
        assert!((found.1 - variance).abs() < 5.0 * variance * (3.0 / draws).sqrt(), "variance {} is not {variance}", found.1);
    }

    #[test]
    fn poisson_counts_have_their_mean_for_variance() {
        let mut rng = Rng::new(1);
        for mean in [0.02, 1.0, 7.5, 60.0, 900.0] {
            close(moments(20_000, || poisson(&mut rng, mean)), mean, mean, 20_000);
        }
        assert_eq!([0.0, -1.0, f64::NAN].map(|mean| poisson(&mut rng, mean)), [0, 0, 0]);
    }

    #[test]
    fn binomial_counts_have_their_mean_and_variance() {
        let mut rng = Rng::new(2);
        for (n, p) in [(1, 0.25), (10, 0.001), (40, 0.5), (60, 0.9), (1_000, 0.1), (5_000, 0.37), (100_000, 0.0003)] {
            let mean = n as f64 * p;
            close(moments(20_000, || binomial(&mut rng, n, p)), mean, mean * (1.0 - p), 20_000);
        }
        assert_eq!((binomial(&mut rng, 9, 0.0), binomial(&mut rng, 9, 1.0), binomial(&mut rng, 9, f64::NAN)), (0, 9, 0));
        assert!((0..1_000).all(|_| binomial(&mut rng, 3, 0.5) <= 3));
    }

    #[test]
    fn what_is_dealt_sums_up() {
        let mut rng = Rng::new(3);
        let mut sums = [0; 4];
        for _ in 0..2_000 {
            let dealt = deal(&mut rng, 100, &[10.0, 0.0, 30.0, 60.0]);
            assert_eq!(dealt.iter().sum::<u64>(), 100);
            dealt.iter().zip(&mut sums).for_each(|(dealt, sum)| *sum += dealt);
        }
        assert_eq!(sums[1], 0);
        for (sum, share) in [(sums[0], 0.1), (sums[2], 0.3), (sums[3], 0.6)] {
            let n = 200_000.0;
            assert!((sum as f64 - n * share).abs() < 5.0 * (n * share * (1.0 - share)).sqrt(), "{sums:?}");
        }
        assert_eq!(deal(&mut rng, 5, &[0.0, 0.0]), [0, 0]);
        assert_eq!(deal(&mut rng, 5, &[0.0, 2.0, 0.0]), [0, 5, 0]);
    }

    #[test]
    fn the_normal_distribution_has_its_known_quantiles() {
        for (x, share) in [(0.0, 0.5), (1.644_853_627, 0.95), (-1.959_963_985, 0.025), (3.090_232_306, 0.999)] {
            assert!((normal_below(x) - share).abs() < 1e-6, "{x}");
        }
        assert_eq!((normal_below(f64::INFINITY), normal_below(f64::NEG_INFINITY)), (1.0, 0.0));
    }
}
