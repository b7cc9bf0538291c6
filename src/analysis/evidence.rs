//! What is known of one component: counts since the evidence began, and which side they speak about.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use crate::domain::gate::Gate;
use crate::domain::observed::Observed;
use crate::domain::release::{Component, Track};
use crate::domain::sample::{Counts, Series};

use super::arms::Arm;
use super::breach::Breach;
use super::counters::{Counted, Look};
use super::limits;
use super::restarts::Restarts;
use super::slots::{Family, Need, Slot, Window};
use super::subject::{self, Version};

/// A gate looks back no further than this for enough requests, ms (two scrape intervals, if those are longer).
const LONGEST_WINDOW: u64 = 120_000;
/// More slots than this are never kept, however short the scrape interval.
const MOST_SLOTS: usize = 120;

/// What is known of one component.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// The judged side; `None` while no traffic is meant for the new version.
    pub judged: Option<Track>,
    /// The candidate's share of the route, whole percent.
    pub percent: Option<u8>,
    /// Gates look at nothing that began before: the last change of weight or version, ms since 1970.
    pub steady: i64,
    /// Nothing that began before is counted: stable, candidate.
    floors: [i64; 2],
    begun: bool,
    versions: BTreeMap<Track, Version>,
    /// A rolling update has one Deployment: pods of this template are stable, those of the newest one the candidate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    base_hash: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    new_hash: Option<String>,
    /// Whether pod names in the metrics tell the templates apart.
    by_pod: bool,
    counted: Counted,
    /// What was counted lately, oldest first.
    pub slots: VecDeque<Slot>,
    /// Limits that are broken, by gate.
    pub breaches: BTreeMap<String, Breach>,
    /// Figures by side.
    pub arms: BTreeMap<Track, Arm>,
    /// Restarts by side.
    pub restarts: BTreeMap<Track, Restarts>,
}

fn place(track: Track) -> usize {
    match track {
        Track::Stable => 0,
        Track::Candidate => 1,
    }
}

impl Evidence {
    fn begin(&mut self, now: i64) {
        if !self.begun {
            self.begun = true;
            self.steady = now;
            self.floors = [now; 2];
        }
        // A clock that was set back must not leave us deaf until it has caught up.
        self.steady = self.steady.min(now);
        self.floors = self.floors.map(|f| f.min(now));
    }

    /// Forgets one side's counts: what comes next is another version's.
    pub fn reset(&mut self, track: Track, now: i64) {
        if let Some(floor) = self.floors.get_mut(place(track)) {
            *floor = now;
        }
        self.arms.remove(&track);
        self.slots.iter_mut().for_each(|s| *s.arm_mut(track) = None);
        if let Some(r) = self.restarts.get_mut(&track) {
            r.clear();
        }
        if self.judged == Some(track) || track == Track::Candidate {
            self.steady = now;
            self.breaches.clear();
        }
    }

    /// Takes in what the cluster shows: versions, weight, restarts. `now` in ms since 1970.
    pub fn notice(&mut self, component: &Component, observed: &Observed, now: i64) {
        self.begin(now);
        let tracks: &[Track] = if component.candidate.is_some() { &[Track::Stable, Track::Candidate] } else { &[Track::Stable] };
        for track in tracks {
            let workload = observed.workload(&component.name, *track);
            self.restarts.entry(*track).or_default().notice(workload, now);
            let Some(next) = workload.map(Version::of) else { continue };
            self.follow_version(component, *track, next, now);
        }
        let percent = if component.candidate.is_some() { subject::candidate_percent(component, observed) } else { None };
        if let Some(percent) = percent.filter(|p| self.percent != Some(*p)) {
            self.percent = Some(percent);
            self.steady = now;
        }
        let judged = self.judged_side(component, observed);
        if judged != self.judged {
            self.judged = judged;
            self.steady = now;
            self.breaches.clear();
        }
    }

    fn follow_version(&mut self, component: &Component, track: Track, mut next: Version, now: i64) {
        let before = self.versions.get(&track).cloned();
        if next.template_hash.is_none() {
            next.template_hash = before.as_ref().filter(|b| b.uid == next.uid).and_then(|b| b.template_hash.clone());
        }
        let other_uid = before.as_ref().is_some_and(|b| b.uid != next.uid && !b.uid.is_empty());
        let other = before.as_ref().is_some_and(|b| b.differs(&next));
        if component.candidate.is_none() && !other_uid {
            self.follow_template(next.template_hash.as_ref(), now);
        } else if other {
            (self.base_hash, self.new_hash) = (None, None);
            self.reset(track, now);
        }
        self.versions.insert(track, next);
    }

    /// A rolling update: a template other than the first one is the candidate.
    fn follow_template(&mut self, hash: Option<&String>, now: i64) {
        let Some(hash) = hash else { return };
        let base = self.base_hash.get_or_insert_with(|| hash.clone());
        let new = (base != hash).then(|| hash.clone());
        if new != self.new_hash {
            self.new_hash = new;
            self.reset(Track::Candidate, now);
            if let Some(r) = self.restarts.get_mut(&Track::Stable) {
                r.clear();
            }
        }
    }

    fn judged_side(&self, component: &Component, observed: &Observed) -> Option<Track> {
        if component.candidate.is_none() {
            return Some(if self.new_hash.is_some() && self.by_pod { Track::Candidate } else { Track::Stable });
        }
        let weightless = observed.route(&component.name).is_some_and(|facts| facts.candidate == 0);
        match self.percent? {
            // Whoever still has a way of their own to the candidate meets the version that serves.
            p if (p == 0 || weightless) && subject::same_images(component, observed) => Some(Track::Stable),
            0 => None,
            _ => Some(Track::Candidate),
        }
    }

    /// The side that a series counts for; `None` for pods of another version than the judged one.
    fn side(&mut self, component: &Component, series: &Series) -> Option<Track> {
        let deployment = component.candidate.as_deref().filter(|_| series.track == Track::Candidate).unwrap_or(&component.stable);
        let hash = series.pod.as_deref().and_then(|pod| subject::template_hash(pod, deployment));
        if component.candidate.is_none() {
            self.by_pod |= hash.is_some();
            return Some(if hash.is_some() && hash == self.new_hash.as_deref() { Track::Candidate } else { Track::Stable });
        }
        let wanted = self.versions.get(&series.track).and_then(|v| v.template_hash.as_deref());
        let foreign = self.judged == Some(series.track) && hash.zip(wanted).is_some_and(|(a, b)| a != b);
        (!foreign).then_some(series.track)
    }

    /// Takes in one look at the counters. Times in ms.
    pub fn feed(&mut self, component: &Component, series: &[&Series], asked: i64, interval: i64) {
        self.begin(asked);
        let series: Vec<(Track, &Series)> = series.iter().filter_map(|s| Some((self.side(component, s)?, *s))).collect();
        for (track, s) in &series {
            let family = if matches!(s.counts, Counts::Bucket { .. }) { Family::Buckets } else { Family::Requests };
            let newest = s.samples.iter().map(|s| s.at_ms).filter(|at| *at <= asked.saturating_add(interval)).max();
            self.arms.entry(*track).or_default().sighted(family, newest);
        }
        self.counted.retain(|_, (_, at)| *at <= asked.saturating_add(interval));
        let look = Look { series, asked, interval, floors: self.floors };
        let slot = look.take(&mut self.counted, self.slots.back().map(|s| s.end));
        for track in [Track::Stable, Track::Candidate] {
            let tally = slot.as_ref().and_then(|s| s.arm(track));
            if let Some(arm) = self.arms.get_mut(&track) {
                arm.count(tally);
            }
        }
        if let Some(slot) = slot {
            self.slots.push_back(slot);
            self.drop_old_slots(interval);
        }
    }

    fn drop_old_slots(&mut self, interval: i64) {
        let keep = i64::try_from(longest_window(interval)).unwrap_or(i64::MAX).saturating_add(interval.saturating_mul(2));
        let newest = self.slots.back().map_or(0, |s| s.end);
        while self.slots.len() > MOST_SLOTS || self.slots.front().is_some_and(|s| newest.saturating_sub(s.end) > keep) {
            self.slots.pop_front();
        }
    }

    /// Follows how long each limit has been broken. Called once after a feed that brought a slot.
    pub fn follow_breaches(&mut self, gates: &[Gate], interval: i64) {
        self.breaches.retain(|name, _| gates.iter().any(|g| g.name == *name));
        let (Some(track), Some(slot)) = (self.judged, self.slots.back()) else { return };
        let Some(tally) = slot.arm(track).filter(|_| slot.start >= self.steady).cloned() else { return };
        let covered = slot.covered;
        for gate in gates {
            let Some(family) = limits::family(&gate.metric) else { continue };
            let Some(requests) = tally.count(family).filter(|_| !tally.is_bad(family)) else { continue };
            let reading = self.read(gate, &self.window(gate, track, family, interval), track);
            let before = self.breaches.remove(&gate.name);
            if let Some(breach) = Breach::follow(before, &reading, covered, requests, tally.failed) {
                self.breaches.insert(gate.name.clone(), breach);
            }
        }
    }

    /// A gate's window as of now.
    pub fn window(&self, gate: &Gate, track: Track, family: Family, interval: i64) -> Window {
        let need = Need { track, family, enough: gate.min_requests };
        Window::holding(&self.slots, self.steady, need, longest_window(interval))
    }

    /// A gate's figures over its window.
    pub fn read(&self, gate: &Gate, window: &Window, track: Track) -> limits::Reading {
        let nothing = super::slots::Tally::default();
        let before = self.arms.get(&Track::Stable).map_or(&nothing, |a| &a.total);
        limits::read(gate, window, track, before)
    }

    /// Prometheus did not answer: the charts get a hole.
    pub fn gap(&mut self) {
        self.arms.values_mut().for_each(|a| a.count(None));
    }
}

/// A gate looks back no further, ms.
fn longest_window(interval: i64) -> u64 {
    LONGEST_WINDOW.max(u64::try_from(interval.saturating_mul(2)).unwrap_or(0))
}
