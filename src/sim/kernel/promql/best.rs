//! The best few of many, with Prometheus' choice among equals.

use super::functions::nan_last;

/// Keeps the `size` largest (or smallest) values offered. NaN is worst.
///
/// A binary heap with the worst element on top, moved as Go's `container/heap` moves it: which of several equal elements stays
/// depends on that.
#[derive(Debug)]
pub struct Best {
    size: usize,
    largest: bool,
    heap: Vec<(usize, f64)>,
}

impl Best {
    /// Nothing offered yet.
    #[must_use]
    pub fn new(size: usize, largest: bool) -> Self {
        Self { size, largest, heap: Vec::new() }
    }

    /// Takes an element in if it is among the best so far.
    pub fn offer(&mut self, element: usize, value: f64) {
        if self.heap.len() < self.size {
            self.heap.push((element, value));
            self.rise(self.heap.len() - 1);
        } else if self.heap.first().is_some_and(|top| self.beats(value, top.1)) {
            if let Some(top) = self.heap.first_mut() {
                *top = (element, value);
            }
            self.sink(0);
        }
    }

    /// All that were kept, best first.
    #[must_use]
    pub fn sorted(self) -> Vec<(usize, f64)> {
        let mut all = self.heap;
        all.sort_by(|a, b| nan_last(a.1, b.1, self.largest));
        all
    }

    fn beats(&self, value: f64, top: f64) -> bool {
        let better = if self.largest { top < value } else { top > value };
        better || (top.is_nan() && !value.is_nan())
    }

    /// Whether the element at `i` must be above the one at `j`.
    fn worse(&self, i: usize, j: usize) -> bool {
        let (Some((_, a)), Some((_, b))) = (self.heap.get(i), self.heap.get(j)) else { return false };
        a.is_nan() || if self.largest { a < b } else { a > b }
    }

    fn rise(&mut self, mut at: usize) {
        while at > 0 {
            let parent = (at - 1) / 2;
            if !self.worse(at, parent) {
                break;
            }
            self.heap.swap(at, parent);
            at = parent;
        }
    }

    fn sink(&mut self, mut at: usize) {
        loop {
            let (left, right) = (2 * at + 1, 2 * at + 2);
            if left >= self.heap.len() {
                break;
            }
            let child = if right < self.heap.len() && self.worse(right, left) { right } else { left };
            if !self.worse(child, at) {
                break;
            }
            self.heap.swap(at, child);
            at = child;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn best(size: usize, largest: bool, values: &[f64]) -> Vec<(usize, f64)> {
        let mut best = Best::new(size, largest);
        values.iter().enumerate().for_each(|(i, value)| best.offer(i, *value));
        best.sorted()
    }

    #[test]
    fn the_best_come_first() {
        assert_eq!(best(2, true, &[3.0, f64::NAN, 9.0, 4.0]), [(2, 9.0), (3, 4.0)]);
        assert_eq!(best(2, false, &[3.0, f64::NAN, 9.0, 4.0]), [(0, 3.0), (3, 4.0)]);
        assert_eq!(best(0, true, &[1.0]), []);
        assert_eq!(best(9, true, &[1.0, 2.0]), [(1, 2.0), (0, 1.0)]);
    }

    #[test]
    fn a_better_one_pushes_out_the_first_of_equals() {
        assert_eq!(best(2, true, &[0.0, 0.0, 5.0]), [(2, 5.0), (1, 0.0)]);
    }
}
