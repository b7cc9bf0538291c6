//! The queue of timers, in the order (virtual time, sequence).

use std::collections::BTreeMap;

/// Which part a timer belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PartId {
    /// Owner references and namespaces.
    Garbage,
    /// Deployment, ReplicaSet, EndpointSlice, HPA.
    Controllers,
    /// Scheduler and kubelet.
    Kubelet,
    /// Requests and counters.
    Traffic,
    /// Scrapes.
    Prometheus,
    /// The n-th part that was attached from outside.
    Attached(usize),
}

/// All timers that are set.
#[derive(Debug, Default)]
pub struct Timers {
    queue: BTreeMap<(u64, u64), (PartId, String)>,
    sequence: u64,
}

impl Timers {
    /// Sets a timer for `ms` (virtual milliseconds since the start; a time that has passed fires at once). Timers with
    /// equal keys do not replace each other.
    pub fn at(&mut self, ms: u64, part: PartId, key: impl Into<String>) {
        self.sequence += 1;
        self.queue.insert((ms, self.sequence), (part, key.into()));
    }

    /// When the next timer is due.
    pub fn next(&self) -> Option<u64> {
        self.queue.keys().next().map(|(ms, _)| *ms)
    }

    /// Takes the next timer due at or before `to`.
    pub fn pop(&mut self, to: u64) -> Option<(u64, PartId, String)> {
        let entry = self.queue.first_entry()?;
        let at = entry.key().0;
        if at > to {
            return None;
        }
        let (part, key) = entry.remove();
        Some((at, part, key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timers_fire_by_time_then_in_the_order_they_were_set() {
        let mut timers = Timers::default();
        timers.at(20, PartId::Kubelet, "b");
        timers.at(10, PartId::Traffic, "a");
        timers.at(20, PartId::Controllers, "c");
        assert_eq!(timers.next(), Some(10));
        assert_eq!(timers.pop(5), None);
        let order: Vec<_> = std::iter::from_fn(|| timers.pop(20)).map(|(at, _, key)| (at, key)).collect();
        assert_eq!(order, [(10, "a".to_owned()), (20, "b".to_owned()), (20, "c".to_owned())]);
    }
}
