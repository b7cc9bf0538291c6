//! The judge: takes in looks, answers with verdicts.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::gate::{Consequence, Gate, Metric};
use crate::domain::mutant::{Mutant, mutant};
use crate::domain::observed::Observed;
use crate::domain::release::{Component, Release, Track};
use crate::domain::sample::{Scrape, Series};
use crate::domain::text::sanitize;
use crate::domain::time::{Millis, Now};
use crate::domain::verdict::{Doubt, GateVerdict, Judgement, Verdict};

use super::arms;
use super::breach::Breach;
use super::evidence::Evidence;
use super::limits::{self, Outcome, Reading};
use super::pods::{self, Ruling};
use super::query::Answer;
use super::slots::Family;
use super::words;

/// Requests, answers and clocks may take this much longer than planned before data counts as stale, ms.
const GRACE: i64 = 10_000;
/// Characters kept of what Prometheus says when it fails.
const WHY: usize = 300;

/// Turns scrapes into verdicts: a state machine without clock or I/O, bounded in size, that can be stored and read back.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Judge {
    components: BTreeMap<String, Evidence>,
    queries: BTreeMap<String, Answer>,
    /// The last look: the instant it shows and the scrape interval, ms.
    fed: Option<(i64, i64)>,
    /// When it was asked for by the clock of this process that nobody sets; means nothing to the next one.
    #[serde(skip)]
    heard: Option<Millis>,
    /// By how much Prometheus' clock was ahead of ours then.
    #[serde(default, skip_serializing_if = "Millis::is_zero")]
    ahead: Millis,
    /// Since when (ms since 1970) Prometheus has not answered, and what it says.
    outage: Option<(String, i64)>,
}

/// What all verdicts of one moment have in common.
struct Bench<'a> {
    judge: &'a Judge,
    release: &'a Release,
    now: i64,
    /// The same moment by the clock that nobody sets.
    steady: Millis,
    observed_at: i64,
}

impl Judge {
    /// A judge without any evidence.
    pub fn new(release: &Release) -> Judge {
        let components = release.components.iter().map(|c| (c.name.clone(), Evidence::default())).collect();
        Judge { components, ..Judge::default() }
    }

    /// Takes in what the cluster shows: weights, versions, restarts. Evidence of another version is dropped, and windows begin
    /// again with every change of weight.
    pub fn notice(&mut self, release: &Release, observed: &Observed, now: Now) {
        for component in &release.components {
            let evidence = self.components.entry(component.name.clone()).or_default();
            evidence.notice(component, observed, now.wall.as_millisecond());
        }
    }

    /// Takes in one look at the counters.
    pub fn feed(&mut self, release: &Release, scrape: &Scrape) {
        let asked = scrape.asked.as_millisecond();
        let interval = i64::try_from(scrape.interval.0).unwrap_or(i64::MAX).clamp(1, 86_400_000);
        let mut by_component: BTreeMap<&str, Vec<&Series>> = BTreeMap::new();
        for series in &scrape.series {
            by_component.entry(series.component.as_str()).or_default().push(series);
        }
        self.components.retain(|name, _| release.component(name).is_some());
        for component in &release.components {
            let evidence = self.components.entry(component.name.clone()).or_default();
            let series = by_component.get(component.name.as_str()).map(Vec::as_slice).unwrap_or_default();
            let before = evidence.slots.back().map(|s| s.end);
            evidence.feed(component, series, asked, interval);
            if evidence.slots.back().map(|s| s.end) != before {
                evidence.follow_breaches(&release.gates, interval);
            }
        }
        self.take_answers(release, scrape, interval);
        self.fed = Some((asked, interval));
        self.heard = None;
        self.ahead = scrape.ahead;
        self.outage = None;
    }

    /// Says when the last look was asked for by the process' monotonic clock: where the wall clock is set back, an old look would
    /// pass for a new one.
    pub fn heard_at(&mut self, asked: Millis) {
        self.heard = Some(asked);
    }

    fn take_answers(&mut self, release: &Release, scrape: &Scrape, interval: i64) {
        let since = self.steady_for_queries();
        self.queries.retain(|name, _| release.gates.iter().any(|g| g.name == *name));
        for gate in release.gates.iter().filter(|g| matches!(g.metric, Metric::Query { .. })) {
            let Some(found) = scrape.queries.iter().find(|q| q.gate == gate.name) else { continue };
            let before = self.queries.remove(&gate.name);
            let answer = Answer::follow(before, gate, &found.value, found.at.as_millisecond(), interval, since);
            self.queries.insert(gate.name.clone(), answer);
        }
    }

    /// When the last weight or version changed, if any side is judged, ms since 1970.
    fn steady_for_queries(&self) -> Option<i64> {
        self.components.values().filter(|e| e.judged.is_some()).map(|e| e.steady).max()
    }

    /// Prometheus did not answer, or not with what was asked. What is known stays known until it is too old.
    pub fn outage(&mut self, why: &str, at: Timestamp) {
        let why: String = sanitize(why).chars().take(WHY).collect();
        let since = self.outage.take().map_or(at.as_millisecond(), |(_, since)| since);
        self.outage = Some((why, since));
        self.components.values_mut().for_each(Evidence::gap);
    }

    /// Forgets what is known of a component's candidate: what comes next is another version. [`Judge::notice`] does this by
    /// itself when the workload or its pod template is another one.
    pub fn reset_candidate(&mut self, component: &str, at: Timestamp) {
        if let Some(evidence) = self.components.get_mut(component) {
            evidence.reset(Track::Candidate, at.as_millisecond());
        }
    }

    /// What the evidence says now.
    ///
    /// Every gate on errors, latency or restarts is judged per component, on the side that carries the new version; a `query`
    /// once. While no traffic is meant for the new version, gates on traffic are not judged, which holds.
    pub fn judge(&self, release: &Release, observed: &Observed, now: Now) -> Judgement {
        let (steady, observed_at) = (now.mono, observed.at.as_millisecond());
        let bench = Bench { judge: self, release, now: now.wall.as_millisecond(), steady, observed_at };
        let mut judgement = Judgement::default();
        for component in &release.components {
            let per_component = release.gates.iter().filter(|g| !matches!(g.metric, Metric::Query { .. }));
            judgement.gates.extend(per_component.map(|gate| bench.gate(component, gate)));
            let Some(evidence) = self.components.get(&component.name) else { continue };
            let interval = self.fed.map_or(0, |(_, interval)| interval);
            judgement.arms.insert(component.name.clone(), arms::stats(evidence, bench.now, interval));
            if let Some(share) = arms::observed_share(evidence).filter(|_| bench.stale(self.fed).is_none()) {
                judgement.observed.insert(component.name.clone(), share);
            }
        }
        let queries = release.gates.iter().filter(|g| matches!(g.metric, Metric::Query { .. }));
        judgement.gates.extend(queries.map(|gate| bench.query(gate)));
        judgement.outage = self.outage.as_ref().and_then(|(why, since)| Some((why.clone(), Timestamp::from_millisecond(*since).ok()?)));
        judgement
    }
}

/// What follows from a breach.
fn follows(gate: &Gate, breach: &Breach) -> Verdict {
    let failed = breach.lasting() >= gate.lasting;
    match gate.then {
        Consequence::Warn => Verdict::Warn,
        _ if failed && breach.is_shared() => Verdict::SharedIncident,
        Consequence::Rollback if failed => Verdict::Rollback,
        _ => Verdict::Warn,
    }
}

/// How old data is, for people.
fn age(now: i64, at: i64) -> Millis {
    Millis(u64::try_from(now.saturating_sub(at)).unwrap_or(0))
}

impl Bench<'_> {
    fn verdict(&self, component: &str, gate: &Gate, verdict: Verdict, evidence: String) -> GateVerdict {
        GateVerdict {
            gate: gate.name.clone(),
            component: component.to_owned(),
            verdict,
            then: gate.then,
            candidate: None,
            stable: None,
            requests: 0,
            limit: gate.limit_text(),
            broken_for: Millis::ZERO,
            evidence,
        }
    }

    fn gate(&self, component: &Component, gate: &Gate) -> GateVerdict {
        let nothing = Evidence::default();
        let evidence = self.judge.components.get(&component.name).unwrap_or(&nothing);
        match limits::family(&gate.metric) {
            Some(family) => self.traffic(component, gate, evidence, family),
            None => self.restarts(component, gate, evidence),
        }
    }

    /// Why nothing that Prometheus says counts now, if so.
    fn blind(&self) -> Option<Doubt> {
        if self.release.prometheus.is_none() {
            return Some(Doubt::NoMetrics);
        }
        let stale = self.stale(self.judge.fed);
        // One lost look is none; what has not answered for longer than an interval has lost its second, and may hide anything.
        let interval = self.judge.fed.map_or(0, |(_, interval)| interval);
        let silent = |since: i64| self.now.saturating_sub(since) > interval;
        match &self.judge.outage {
            Some((why, since)) if stale.is_some() || silent(*since) => Some(Doubt::Unreachable { why: why.clone() }),
            _ => stale.or_else(|| self.late_clock(interval)),
        }
    }

    /// Whether what was asked for as the present was the past to Prometheus, by more than an interval: as fresh as it looks, it
    /// says nothing of what was done since.
    fn late_clock(&self, interval: i64) -> Option<Doubt> {
        let by = self.judge.ahead;
        let late = by.0 > interval.unsigned_abs() && !mutant(Mutant::LateClockBelieved);
        late.then(|| Doubt::LateClock { by: Millis::secs(by.as_secs()) })
    }

    /// Whether the last look is too long ago.
    fn stale(&self, fed: Option<(i64, i64)>) -> Option<Doubt> {
        let Some((asked, interval)) = fed else { return Some(Doubt::NotYet) };
        // A look that lies in the future was made by a clock that is not ours: how old it is cannot be told.
        let longest = interval.saturating_mul(2).saturating_add(GRACE).unsigned_abs();
        let heard = self.judge.heard.map_or(Millis::ZERO, |at| self.steady.minus(at));
        let old = self.now.abs_diff(asked).max(heard.0) > longest;
        old.then(|| Doubt::Stale { age: age(self.now, asked).max(heard) })
    }

    fn traffic(&self, component: &Component, gate: &Gate, evidence: &Evidence, family: Family) -> GateVerdict {
        let breach = evidence.breaches.get(&gate.name);
        let broken_for = breach.map_or(Millis::ZERO, Breach::lasting);
        let doubtful = |doubt: Doubt| {
            let text = words::doubt(gate, &doubt, evidence.percent);
            GateVerdict { broken_for, ..self.verdict(&component.name, gate, Verdict::Inconclusive(doubt), text) }
        };
        if self.release.prometheus.is_none() {
            return doubtful(Doubt::NoMetrics);
        }
        let Some(track) = evidence.judged else {
            return self.verdict(&component.name, gate, Verdict::Inconclusive(Doubt::NotYet), words::not_judged(gate));
        };
        if let Some(doubt) = self.blind().or_else(|| self.unfit(evidence, track, family)) {
            return doubtful(doubt);
        }
        let interval = self.judge.fed.map_or(0, |(_, interval)| interval);
        let window = evidence.window(gate, track, family, interval);
        let reading = evidence.read(gate, &window, track);
        let (verdict, text) = match (&reading.outcome, breach, reading.value, reading.bound) {
            (Outcome::Broken, Some(breach), Some(v), Some(bound)) => {
                let v = whole_breach(gate, breach).unwrap_or(v);
                (follows(gate, breach), words::broken(gate, &reading, breach, v, bound))
            }
            (Outcome::Kept, _, Some(v), Some(bound)) => (Verdict::Healthy, words::kept(gate, &reading, v, bound)),
            (Outcome::Unknown(doubt), ..) if window.covered > 0 => {
                (Verdict::Inconclusive(doubt.clone()), words::doubt(gate, doubt, evidence.percent))
            }
            _ => (Verdict::Inconclusive(Doubt::NotYet), words::doubt(gate, &Doubt::NotYet, evidence.percent)),
        };
        let text = words::with_losses(text, window.arm(track));
        // Where stable is judged (there is no candidate, or it was promoted) the value is stable's.
        let (candidate, stable) = match track {
            Track::Candidate => (reading.value, reading.stable),
            Track::Stable => (None, reading.value),
        };
        GateVerdict { candidate, stable, requests: reading.requests, broken_for, ..self.verdict(&component.name, gate, verdict, text) }
    }

    /// Why one side's counters of a family say nothing now, if so.
    fn unfit(&self, evidence: &Evidence, track: Track, family: Family) -> Option<Doubt> {
        let (asked, interval) = self.judge.fed?;
        let Some(newest) = evidence.arms.get(&track).and_then(|a| a.newest(family)) else { return Some(Doubt::NoData) };
        let longest = interval.saturating_mul(2);
        if newest.saturating_sub(asked) > longest {
            return Some(Doubt::NoData); // counted by another clock: this look has nothing of its own yet
        }
        if asked.saturating_sub(newest) > longest {
            return Some(Doubt::Stale { age: age(self.now, newest) });
        }
        let Some(slot) = evidence.slots.back() else { return Some(Doubt::NotYet) };
        if asked.saturating_sub(slot.end) > longest {
            return Some(Doubt::Stale { age: age(self.now, slot.end) });
        }
        slot.arm(track).is_some_and(|t| t.is_bad(family)).then_some(Doubt::NotANumber)
    }

    fn restarts(&self, component: &Component, gate: &Gate, evidence: &Evidence) -> GateVerdict {
        let Metric::Restarts { within } = gate.metric else {
            return self.verdict(&component.name, gate, Verdict::Inconclusive(Doubt::NotYet), words::not_judged(gate));
        };
        let Ruling { verdict, text, candidate, stable, broken_for } =
            pods::judge(gate, within, component, evidence, self.now, self.observed_at);
        GateVerdict { candidate, stable, broken_for, ..self.verdict(&component.name, gate, verdict, text) }
    }

    fn query(&self, gate: &Gate) -> GateVerdict {
        let name = &self.release.name;
        let doubtful = |doubt: Doubt| self.verdict(name, gate, Verdict::Inconclusive(doubt.clone()), words::doubt(gate, &doubt, None));
        if let (Some(_), None) = (&self.release.prometheus, self.judge.steady_for_queries()) {
            return self.verdict(name, gate, Verdict::Inconclusive(Doubt::NotYet), words::not_judged(gate));
        }
        if let Some(doubt) = self.blind() {
            return doubtful(doubt);
        }
        let Some(answer) = self.judge.queries.get(&gate.name) else { return doubtful(Doubt::NoData) };
        let reading: Reading = answer.read(gate, self.judge.steady_for_queries());
        let breach = answer.breach.as_ref();
        let (verdict, text) = match (&reading.outcome, breach, reading.value, reading.bound) {
            (Outcome::Broken, Some(breach), Some(v), Some(bound)) => (follows(gate, breach), words::query_broken(gate, breach, v, bound)),
            (Outcome::Kept, _, Some(v), Some(bound)) => (Verdict::Healthy, words::query_kept(gate, v, bound)),
            (Outcome::Unknown(doubt), ..) => return doubtful(doubt.clone()),
            _ => return doubtful(Doubt::NotYet),
        };
        GateVerdict {
            candidate: reading.value,
            broken_for: breach.map_or(Millis::ZERO, Breach::lasting),
            ..self.verdict(name, gate, verdict, text)
        }
    }
}

/// The error share over a whole breach, which rests on more requests than its last window.
fn whole_breach(gate: &Gate, breach: &Breach) -> Option<f64> {
    let share = (breach.requests > 0).then(|| breach.failed.min(breach.requests) as f64 / breach.requests as f64)?;
    let bound = limits::fixed(gate.limit)?;
    (matches!(gate.metric, Metric::Errors) && limits::breaks(gate.limit, share, bound)).then_some(share)
}
