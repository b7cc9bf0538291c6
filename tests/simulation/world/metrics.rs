//! Counters that grow with the traffic, and what Prometheus keeps of them.

use std::collections::VecDeque;

use cutover::domain::release::Track;
use cutover::domain::sample::{Counts, LOOKS_BACK, Sample, Scrape, Series};
use cutover::domain::time::Millis;
use jiff::Timestamp;

use super::{Deployment, OLD, World, epoch};

/// How often targets are scraped.
pub const INTERVAL: Millis = Millis::secs(10);
/// Scrapes that are kept: somebody may ask with a clock that is late.
const KEPT: usize = 8;
/// The jobs that may scrape a pod.
const JOBS: [&str; 2] = [" a", " b"];
/// Requests of one component in a second.
const RATE: f64 = 40.0;

/// What is wrong with series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Illness {
    /// Their values are NaN.
    NotANumber,
    /// Their targets are scraped no more.
    Stops,
    /// Two jobs scrape the same pods.
    Twice,
}

/// Requests of one side.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Counters {
    pub good: f64,
    pub failed: f64,
}

/// One scrape: both sides of every component.
#[derive(Clone, Debug)]
struct Shot {
    at: Millis,
    counters: Vec<[Counters; 2]>,
}

/// The newest scrapes.
#[derive(Clone, Debug, Default)]
pub struct Scrapes {
    shots: VecDeque<Shot>,
    /// Nothing is scraped, nothing is answered.
    pub down: bool,
    /// Every counter begins at nothing again at the next scrape.
    pub reset: bool,
    next: Millis,
}

impl World {
    /// Requests of some time, by what the objects say.
    pub(super) fn serve(&mut self, time: Millis) {
        let bad = self.nature.bad;
        for part in &mut self.parts {
            let (share, requests) = (part.share(), RATE * time.0 as f64 / 1000.0);
            for (place, share) in [(0, 1.0 - share), (1, share)] {
                if share <= 0.0 {
                    continue;
                }
                let side = if place == 0 { &part.stable } else { &part.candidate };
                let failing = side.as_ref().map_or(1.0, |d| failing(d, bad));
                let counters = &mut part.counters[place];
                counters.good += requests * share * (1.0 - failing);
                counters.failed += requests * share * failing;
            }
        }
    }

    pub(super) fn scrape_when_due(&mut self) {
        if self.now < self.scrapes.next {
            return;
        }
        self.scrapes.next = self.now.plus(INTERVAL);
        if std::mem::take(&mut self.scrapes.reset) {
            self.parts.iter_mut().for_each(|p| p.counters = Default::default());
        }
        if !self.scrapes.down {
            let shot = Shot { at: self.now, counters: self.parts.iter().map(|p| p.counters).collect() };
            self.scrapes.shots.push_back(shot);
            if self.scrapes.shots.len() > KEPT {
                self.scrapes.shots.pop_front();
            }
        }
    }

    /// What a look at Prometheus shows to somebody by whose clock it is `asked`; `None` while it is down.
    pub fn sample(&self, asked: Timestamp) -> Option<Scrape> {
        if self.scrapes.down {
            return None;
        }
        let to = asked.as_millisecond() - epoch().as_millisecond();
        let from = to - (INTERVAL.0 * LOOKS_BACK) as i64;
        let mut series = Vec::with_capacity(self.parts.len() * 4);
        for (i, part) in self.parts.iter().enumerate() {
            let name = &part.declared.name;
            for (place, track) in [(0, Track::Stable), (1, Track::Candidate)] {
                if self.one_arm && track == Track::Candidate {
                    continue;
                }
                let ill = self.ill.filter(|_| track == Track::Candidate);
                for failed in [false, true] {
                    let value = |shot: &Shot| {
                        let side = shot.counters.get(i).map_or_else(Counters::default, |c| c[place]);
                        let value = (if failed { side.failed } else { side.good }).floor();
                        if matches!(ill, Some((Illness::NotANumber, _))) { f64::NAN } else { value }
                    };
                    let scraped = |shot: &&Shot| !matches!(ill, Some((Illness::Stops, since)) if shot.at > since);
                    let of = |shot: &Shot| Sample { at_ms: (epoch() + shot.at.duration()).as_millisecond(), value: value(shot) };
                    let shots = self.scrapes.shots.iter().filter(scraped);
                    let samples: Vec<Sample> = shots.filter(|s| (from + 1..=to).contains(&(s.at.0 as i64))).map(of).collect();
                    let jobs = if matches!(ill, Some((Illness::Twice, _))) { 2 } else { 1 };
                    series.extend((0..jobs).map(|job| Series {
                        component: name.clone(),
                        track,
                        id: [name, [" stable", " candidate"][place], [" good", " failed"][usize::from(failed)], JOBS[job]].concat(),
                        target: [name, [" stable", " candidate"][place], JOBS[job]].concat(),
                        pod: None,
                        counts: Counts::Requests { failed },
                        samples: samples.clone(),
                    }));
                }
            }
        }
        let ahead = Millis(self.wall().as_millisecond().saturating_sub(asked.as_millisecond()).max(0) as u64);
        Some(Scrape { asked, ahead, interval: INTERVAL, series, queries: vec![], warnings: vec![] })
    }
}

/// The share of requests that fail on one side: all without a ready pod, a fifth of the bad version's.
fn failing(d: &Deployment, bad: bool) -> f64 {
    let ready = d.ready();
    if ready == 0 {
        return 1.0;
    }
    let new = d.pods.iter().filter(|p| p.ready && p.image != OLD).count() as f64;
    if bad { 0.2 * new / f64::from(ready) } else { 0.0 }
}
