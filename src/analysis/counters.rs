//! From raw counters to counts: differences between samples, each counted once.
//!
//! * A sample counts against the one before it in the same series. Lower than before means that the process began anew: its
//!   value is what it counted since.
//! * A series that appears on a target whose other series were there a scrape earlier counts from 0: a canary's first error
//!   has a label set that nobody saw before. On a new target the first sample is only the baseline.
//! * NaN, infinite, negative and fractional values are nothing to count with. They make the slot unfit, they are not 0.
//! * What was counted is remembered by sample time, never by our clock.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::release::Track;
use crate::domain::sample::{Counts, LOOKS_BACK, Sample, Series};

use super::histogram::Buckets;
use super::slots::{Slot, Tally};

/// One look at one component's counters.
#[derive(Debug)]
pub struct Look<'a> {
    /// The series, with the side each counts for.
    pub series: Vec<(Track, &'a Series)>,
    /// The instant shown, ms since 1970.
    pub asked: i64,
    /// The scrape interval, ms.
    pub interval: i64,
    /// Nothing that began before is counted, by side (stable, candidate), ms since 1970.
    pub floors: [i64; 2],
}

/// Targets by the hash of their name: the side they count for, and up to which sample they are counted.
pub type Counted = BTreeMap<u64, (Track, i64)>;

/// FNV-1a: a short, bounded name for what is long and foreign.
pub fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3))
}

/// One difference: the count, and the samples it lies between.
struct Step {
    from: i64,
    to: i64,
    count: Option<u64>,
    reset: bool,
}

/// A value as a count.
fn whole(v: f64) -> Option<u64> {
    ((0.0..=9e15).contains(&v) && v.fract() == 0.0).then_some(v as u64)
}

impl Look<'_> {
    /// The samples in order, one a moment, none from a future that cannot be.
    fn samples(&self, series: &Series) -> Vec<Sample> {
        let latest = self.asked.saturating_add(self.interval);
        let mut samples: Vec<Sample> = series.samples.iter().filter(|s| s.at_ms <= latest).copied().collect();
        samples.sort_by_key(|s| s.at_ms);
        samples.dedup_by_key(|s| s.at_ms);
        samples
    }

    /// When each target was scraped, by any of its series.
    fn grids(&self) -> BTreeMap<u64, BTreeSet<i64>> {
        let mut grids: BTreeMap<u64, BTreeSet<i64>> = BTreeMap::new();
        for (_, series) in &self.series {
            grids.entry(hash(&series.target)).or_default().extend(self.samples(series).iter().map(|s| s.at_ms));
        }
        grids.retain(|_, times| !times.is_empty());
        grids
    }

    /// The time of a scrape that proves that a series was not there yet, if there is one.
    fn absent_at(&self, first: i64, grid: &BTreeSet<i64>) -> Option<i64> {
        let look_begins = self.asked.saturating_sub(self.interval.saturating_mul(LOOKS_BACK as i64));
        // Nearer to the edge than this, the sample before may lie outside of what was looked at.
        if first.saturating_sub(look_begins) < self.interval.saturating_mul(3) / 2 {
            return None;
        }
        grid.range(..first).next_back().copied().filter(|before| first.saturating_sub(*before) >= self.interval / 2)
    }

    /// The differences of one series that end after `counted`.
    fn steps(&self, series: &Series, grid: &BTreeSet<i64>, counted: Option<i64>) -> Vec<Step> {
        let samples = self.samples(series);
        let mut steps = Vec::new();
        let mut before: Option<Sample> = None;
        for sample in samples {
            let from = match before {
                Some(b) => Some((b.at_ms, whole(b.value))),
                None => self.absent_at(sample.at_ms, grid).map(|at| (at, Some(0))),
            };
            before = Some(sample);
            let Some((from, low)) = from.filter(|_| counted.is_none_or(|c| sample.at_ms > c)) else { continue };
            let high = whole(sample.value);
            let reset = matches!((low, high), (Some(low), Some(high)) if high < low);
            let count = match (low, high) {
                (Some(low), Some(high)) => Some(if reset { high } else { high.saturating_sub(low) }),
                _ => None,
            };
            steps.push(Step { from, to: sample.at_ms, count, reset });
        }
        steps
    }

    fn floor(&self, track: Track) -> i64 {
        match track {
            Track::Stable => self.floors[0],
            Track::Candidate => self.floors[1],
        }
    }

    /// Counts what is new since the last look and remembers that it is counted. `None` when nothing is. `last_end` is the end
    /// of the slot before.
    pub fn take(&self, counted: &mut Counted, last_end: Option<i64>) -> Option<Slot> {
        let grids = self.grids();
        let mut slot = Slot { start: i64::MAX, end: i64::MIN, ..Slot::default() };
        let mut restarted: BTreeSet<(Track, u64)> = BTreeSet::new();
        let mut histograms = Histograms::default();
        for (track, series) in &self.series {
            let target = hash(&series.target);
            let Some(grid) = grids.get(&target) else { continue };
            let until = counted.get(&target).map(|(_, at)| *at);
            for step in self.steps(series, grid, until) {
                if step.from < self.floor(*track) {
                    continue;
                }
                slot.start = slot.start.min(step.from);
                slot.end = slot.end.max(step.to);
                if step.reset {
                    restarted.insert((*track, target));
                }
                add(slot.arm_mut(*track).get_or_insert_default(), &mut histograms, (*track, target), series.counts, step.count);
            }
        }
        for (track, buckets) in histograms.merged() {
            slot.arm_mut(track).get_or_insert_default().buckets = Some(buckets);
        }
        for (track, _) in restarted {
            slot.arm_mut(track).get_or_insert_default().resets += 1;
        }
        self.remember(&grids, counted, &mut slot);
        if slot.end <= slot.start {
            return None;
        }
        let begins = last_end.map_or(slot.start, |end| end.max(slot.start));
        slot.covered = u64::try_from(slot.end.saturating_sub(begins)).unwrap_or(0);
        Some(slot)
    }

    /// Remembers what was counted; forgets targets that are gone and marks their last counts as lost.
    fn remember(&self, grids: &BTreeMap<u64, BTreeSet<i64>>, counted: &mut Counted, slot: &mut Slot) {
        counted.retain(|target, (track, _)| {
            let here = grids.contains_key(target);
            if !here && slot.end > slot.start {
                slot.arm_mut(*track).get_or_insert_default().vanished += 1;
            }
            here
        });
        for (track, series) in &self.series {
            let target = hash(&series.target);
            let Some(newest) = grids.get(&target).and_then(|g| g.last()) else { continue };
            let at = counted.entry(target).or_insert((*track, *newest));
            *at = (*track, at.1.max(*newest));
        }
    }
}

fn add(tally: &mut Tally, histograms: &mut Histograms, of: (Track, u64), counts: Counts, count: Option<u64>) {
    match (counts, count) {
        (Counts::Requests { failed }, Some(n)) => {
            tally.requests = Some(tally.requests.unwrap_or(0).saturating_add(n));
            tally.failed = tally.failed.saturating_add(if failed { n } else { 0 });
        }
        (Counts::Bucket { le_ms }, Some(n)) => histograms.0.entry(of).or_default().add(le_ms, n),
        (Counts::Requests { .. }, None) => tally.bad_requests = true,
        (Counts::Bucket { .. }, None) => tally.bad_buckets = true,
    }
}

/// Histograms by side and target: targets may have different edges.
#[derive(Default)]
struct Histograms(BTreeMap<(Track, u64), Buckets>);

impl Histograms {
    fn merged(self) -> BTreeMap<Track, Buckets> {
        let mut arms: BTreeMap<Track, Buckets> = BTreeMap::new();
        for ((track, _), buckets) in self.0 {
            match arms.get_mut(&track) {
                Some(arm) => arm.merge(&buckets),
                None => {
                    arms.insert(track, buckets);
                }
            }
        }
        arms
    }
}
