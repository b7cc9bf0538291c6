//! Traffic by the ratio of replicas: how many pods each side gets.

use crate::domain::weight::Weight;

/// Pods of stable and candidate that come nearest to a weight with `total` pods in all. Weights of 1–99 leave neither
/// side without a pod when there are two or more.
pub fn split(total: u32, weight: Weight) -> (u32, u32) {
    let candidate = weight.of_total(total);
    (total.saturating_sub(candidate), candidate)
}

/// The weight that a split really is, in percent: 1 of 4 is 25 % whatever was asked.
pub fn real(stable: u32, candidate: u32) -> Option<f64> {
    let total = stable.saturating_add(candidate);
    (total > 0).then(|| f64::from(candidate) * 100.0 / f64::from(total))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_split() {
        let w = Weight::capped;
        assert_eq!(split(4, w(10)), (3, 1));
        assert_eq!(split(10, w(25)), (7, 3), "2.5 rounds up");
        assert_eq!(split(4, w(100)), (0, 4));
        assert_eq!(split(1, w(50)), (0, 1));
        assert_eq!(real(3, 1), Some(25.0));
        assert_eq!(real(0, 0), None);
    }
}
