//! Latencies: log-normal, counted into the buckets of a histogram.

use super::super::rng::Rng;
use super::chance::{deal, normal_below};

/// Fewer requests than this are sorted into buckets one by one.
const FEW: u64 = 12;

/// Upper edges of the buckets, ascending; one more without an upper edge follows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Edges {
    /// The edges, in the histogram's unit.
    pub upper: &'static [f64],
    /// How many milliseconds the unit is.
    pub unit_ms: f64,
}

/// The edges of most client libraries, in seconds.
pub const SECONDS: Edges = Edges { upper: &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0], unit_ms: 1_000.0 };

/// The edges of Istio's proxies, in milliseconds.
pub const ISTIO: Edges = Edges {
    upper: &[0.5, 1.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1_000.0, 2_500.0, 5_000.0, 10_000.0, 30_000.0, 60_000.0],
    unit_ms: 1.0,
};

/// A log-normal latency, cut along a histogram's edges.
#[derive(Debug, Clone, PartialEq)]
pub struct Latency {
    shares: Vec<f64>,
    means: Vec<f64>,
}

/// Latencies of some requests.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Observed {
    /// Requests per bucket, not cumulative; the last has no upper edge.
    pub counts: Vec<u64>,
    /// The sum of the latencies, in the histogram's unit.
    pub sum: f64,
}

impl Latency {
    /// The distribution with this median (ms, above 0) and this standard deviation of its logarithm.
    #[must_use]
    pub fn new(median_ms: f64, sigma: f64, edges: Edges) -> Self {
        let median = median_ms / edges.unit_ms;
        // A spread of 0 would be a jump; this one is as good as one.
        let sigma = sigma.max(1e-6);
        let normal = |edge: f64| (edge / median).ln() / sigma;
        let mut below = f64::NEG_INFINITY;
        let (mut shares, mut means) = (Vec::new(), Vec::new());
        let mut lower = 0.0;
        let whole = median * (sigma * sigma / 2.0).exp();
        for edge in edges.upper.iter().copied().chain([f64::INFINITY]) {
            let above = normal(edge);
            let share = (normal_below(above) - normal_below(below)).max(0.0);
            shares.push(share);
            // Far out the difference of two shares is rounding; the mean still lies within the bucket.
            let mean = whole * (normal_below(above - sigma) - normal_below(below - sigma)) / share.max(1e-12);
            means.push(mean.clamp(lower, if edge.is_finite() { edge } else { lower * 2.0 }));
            below = above;
            lower = edge;
        }
        Self { shares, means }
    }

    /// The latencies of `n` requests.
    pub fn observe(&self, rng: &mut Rng, n: u64) -> Observed {
        let counts = if n < FEW { self.one_by_one(rng, n) } else { deal(rng, n, &self.shares) };
        let sum = counts.iter().zip(&self.means).map(|(count, mean)| *count as f64 * mean).sum();
        Observed { counts, sum }
    }

    fn one_by_one(&self, rng: &mut Rng, n: u64) -> Vec<u64> {
        let mut counts = vec![0; self.shares.len()];
        for _ in 0..n {
            let mut left = rng.unit();
            let place = self.shares.iter().position(|share| {
                left -= share;
                left < 0.0
            });
            if let Some(count) = counts.get_mut(place.unwrap_or(self.shares.len() - 1)) {
                *count += 1;
            }
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_hold_what_the_distribution_says() {
        // Median 50 ms and 95 % quantile 100 ms lie on edges.
        let sigma = 2.0_f64.ln() / 1.644_853_627;
        let latency = Latency::new(50.0, sigma, SECONDS);
        let (mut rng, n) = (Rng::new(5), 100_000);
        for draws in [1, 11, 500] {
            let mut counts = vec![0; 12];
            let mut sum = 0.0;
            for _ in 0..n / draws {
                let observed = latency.observe(&mut rng, draws);
                assert_eq!(observed.counts.iter().sum::<u64>(), draws);
                observed.counts.iter().zip(&mut counts).for_each(|(count, total)| *total += count);
                sum += observed.sum;
            }
            let total = (n / draws * draws) as f64;
            let below = |edges: usize| counts.iter().take(edges).sum::<u64>() as f64 / total;
            assert!((below(4) - 0.5).abs() < 0.01 && (below(5) - 0.95).abs() < 0.005, "{counts:?}");
            let mean = 0.05 * (sigma * sigma / 2.0).exp();
            assert!((sum / total / mean - 1.0).abs() < 0.02, "{}", sum / total);
        }
    }

    #[test]
    fn a_latency_without_spread_falls_into_one_bucket() {
        let observed = Latency::new(40.0, 0.0, ISTIO).observe(&mut Rng::new(1), 50);
        assert_eq!(observed.counts[5], 50);
        assert!((observed.sum - 2_000.0).abs() < 1.0);
    }
}
