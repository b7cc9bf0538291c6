//! What is to come, in the order of the time.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use cutover::domain::time::Millis;

/// Events by when they come; of one moment what was asked for first.
#[derive(Debug)]
pub struct Queue<T> {
    events: BinaryHeap<Reverse<Timed<T>>>,
    numbered: u64,
}

#[derive(Debug)]
struct Timed<T> {
    at: Millis,
    number: u64,
    event: T,
}

impl<T> Queue<T> {
    pub fn new() -> Queue<T> {
        Queue { events: BinaryHeap::new(), numbered: 0 }
    }

    pub fn push(&mut self, at: Millis, event: T) {
        self.numbered += 1;
        self.events.push(Reverse(Timed { at, number: self.numbered, event }));
    }

    /// The next one, and when it comes; `None` where that is after `end`.
    pub fn pop_until(&mut self, end: Millis) -> Option<(Millis, T)> {
        self.events.peek().filter(|Reverse(next)| next.at <= end)?;
        self.events.pop().map(|Reverse(next)| (next.at, next.event))
    }

    /// All of them, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.events.iter().map(|Reverse(timed)| &timed.event)
    }
}

impl<T> Ord for Timed<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

impl<T> PartialOrd for Timed<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> PartialEq for Timed<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<T> Eq for Timed<T> {}
