//! A component's pods and a Prometheus that scrapes them, for tests.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::domain::beside::Beside;
use crate::domain::gate::{Consequence, Gate, Limit, Metric};
use crate::domain::object::{Kind, ObjectRef};
use crate::domain::observed::{ComponentObserved, ContainerImage, Observed, Restart, Workload};
use crate::domain::release::{Canary, Component, Destination, Endpoint, Prometheus, Release, Router, Source, Strategy, Track};
use crate::domain::route::{Acceptance, RouteEntry, RouteFacts};
use crate::domain::sample::{Counts, LOOKS_BACK, QueryValue, Sample, Scrape, Series};
use crate::domain::time::{Millis, Now};
use crate::domain::verdict::{GateVerdict, Judgement};

use super::Judge;

pub const INTERVAL: i64 = 15_000;
pub const T0: i64 = 1_800_000_000_000;

pub fn gate(metric: Metric, limit: Limit, lasting: u64, then: Consequence) -> Gate {
    Gate { name: metric.to_string(), metric, limit, lasting: Millis::secs(lasting), then, min_requests: 20 }
}

pub fn errors(then: Consequence) -> Gate {
    gate(Metric::Errors, Limit::Above(0.05), 45, then)
}

pub fn latency(limit: Limit) -> Gate {
    gate(Metric::Latency { quantile: 0.95 }, limit, 45, Consequence::Rollback)
}

pub fn release(gates: Vec<Gate>) -> Release {
    let to = |host: &str| Destination { host: host.into(), subset: None };
    let router = Router::Istio { virtual_service: "web".into(), route: None, stable: to("web"), candidate: to("web-canary") };
    let web = Component {
        name: "web".into(),
        stable: "web".into(),
        candidate: Some("web-canary".into()),
        container: None,
        router,
        testers: None,
    };
    Release {
        name: "shop".into(),
        namespace: "shop".into(),
        components: vec![web],
        strategy: Strategy::Canary(Canary { steps: vec![] }),
        prometheus: Some(Prometheus {
            endpoint: Endpoint::Url { url: "http://prometheus:9090".into(), token_from: None, headers: vec![] },
            interval: Millis(INTERVAL as u64),
            preset: None,
            label: None,
        }),
        gates,
        watch: None,
        keep: Millis::ZERO,
        contacts: vec![],
        production: false,
        source: Source::Discovered,
    }
}

/// Cumulative edges of the test histograms, ms.
pub const EDGES: [f64; 5] = [50.0, 100.0, 250.0, 500.0, f64::INFINITY];

/// What a pod has counted, by series.
#[derive(Clone, Debug, Default)]
pub struct Pod {
    pub track: Option<Track>,
    pub counters: BTreeMap<String, (Counts, f64, Vec<Sample>)>,
}

impl Pod {
    fn bump(&mut self, series: &str, counts: Counts, by: f64) {
        self.counters.entry(series.into()).or_insert((counts, 0.0, Vec::new())).1 += by;
    }

    /// Serves requests of one latency, some of which fail.
    pub fn serve(&mut self, good: u64, failed: u64, ms: f64) {
        if good > 0 {
            self.bump("code=200", Counts::Requests { failed: false }, good as f64);
        }
        if failed > 0 {
            self.bump("code=500", Counts::Requests { failed: true }, failed as f64);
        }
        for edge in EDGES {
            let inside = if ms <= edge { (good + failed) as f64 } else { 0.0 };
            self.bump(&format!("le={edge}"), Counts::Bucket { le_ms: edge }, inside);
        }
    }
}

pub struct World {
    pub release: Release,
    pub judge: Judge,
    pub now: i64,
    pub pods: BTreeMap<String, Pod>,
    pub weight: u32,
    pub hash: [&'static str; 2],
    pub images: [&'static str; 2],
    pub restarts: Vec<Restart>,
    pub answer: Option<f64>,
    pub ahead: Millis,
    /// What other routes do.
    pub beside: Beside,
}

impl World {
    /// Two stable pods and a candidate's, the candidate with 10 % of the traffic, and a judge that has seen the objects.
    pub fn new(gates: Vec<Gate>) -> World {
        let mut w = World {
            release: release(gates),
            judge: Judge::default(),
            now: T0,
            pods: BTreeMap::new(),
            weight: 10,
            hash: ["aaaa", "bbbb"],
            images: ["app:v1", "app:v2"],
            restarts: vec![],
            answer: None,
            ahead: Millis::ZERO,
            beside: Beside::default(),
        };
        w.judge = Judge::new(&w.release);
        for (name, track) in
            [("web-aaaa-11111", Track::Stable), ("web-aaaa-22222", Track::Stable), ("web-canary-bbbb-33333", Track::Candidate)]
        {
            w.pods.insert(name.into(), Pod { track: Some(track), ..Pod::default() });
            w.pod(name).serve(1000, 10, 80.0);
        }
        w.notice();
        w
    }

    pub fn pod(&mut self, name: &str) -> &mut Pod {
        self.pods.get_mut(name).unwrap()
    }

    pub fn candidate(&mut self) -> &mut Pod {
        self.pod("web-canary-bbbb-33333")
    }

    pub fn at(&self) -> Now {
        Now { mono: Millis((self.now - T0) as u64), wall: Timestamp::from_millisecond(self.now).unwrap() }
    }

    pub fn observed(&self) -> Observed {
        let workload = |place: usize, name: &str| Workload {
            name: name.into(),
            uid: format!("uid-{name}"),
            current: 1,
            template_hash: Some(self.hash[place].into()),
            containers: vec![ContainerImage { name: "app".into(), image: self.images[place].into() }],
            restarts: if place == 1 { self.restarts.clone() } else { vec![] },
            ..Workload::default()
        };
        let route = RouteFacts {
            object: ObjectRef::new(Kind::VirtualService, "shop", "web"),
            uid: "u".into(),
            resource_version: "1".into(),
            entry: RouteEntry::Replicas { stable: (String::new(), String::new()), candidate: (String::new(), String::new()) },
            stable: 100 - self.weight,
            candidate: self.weight,
            accepted: Acceptance::Yes,
            bypass: false,
            notes: vec![],
            alone: true,
            written: (true, true),
            stamp: None,
            candidate_labels: Default::default(),
            testers: None,
        };
        let web = ComponentObserved {
            stable: Some(workload(0, "web")),
            candidate: self.release.components[0].candidate.as_ref().map(|n| workload(1, n)),
            route: Ok(route),
            route_by: None,
            owners: vec![],
            checked: vec![],
            beside: self.beside.clone(),
        };
        Observed { at: self.at().wall, components: BTreeMap::from([("web".into(), web)]), room: None, unlisted: vec![] }
    }

    pub fn notice(&mut self) {
        let observed = self.observed();
        self.judge.notice(&self.release.clone(), &observed, self.at());
    }

    /// Prometheus scrapes every pod.
    pub fn scrape(&mut self) {
        let at_ms = self.now;
        for (_, value, samples) in self.pods.values_mut().flat_map(|p| p.counters.values_mut()) {
            samples.push(Sample { at_ms, value: *value });
        }
    }

    /// What a look shows now.
    pub fn look(&self) -> Scrape {
        let from = self.now - INTERVAL * LOOKS_BACK as i64;
        let mut series = Vec::new();
        for (name, pod) in &self.pods {
            for (id, (counts, _, samples)) in &pod.counters {
                let samples: Vec<Sample> = samples.iter().filter(|s| s.at_ms > from && s.at_ms <= self.now).copied().collect();
                series.push(Series {
                    component: "web".into(),
                    track: pod.track.unwrap_or(Track::Stable),
                    id: format!("{name} {id}"),
                    target: name.clone(),
                    pod: Some(name.clone()),
                    counts: *counts,
                    samples,
                });
            }
        }
        let queries = self.answer.iter().map(|v| QueryValue { gate: "orders".into(), value: Ok(*v), at: self.at().wall }).collect();
        Scrape { asked: self.at().wall, ahead: self.ahead, interval: Millis(INTERVAL as u64), series, queries, warnings: vec![] }
    }

    pub fn feed(&mut self) {
        let look = self.look();
        self.judge.feed(&self.release.clone(), &look);
    }

    /// An interval passes; then Prometheus scrapes and is looked at.
    pub fn tick(&mut self) {
        self.now += INTERVAL;
        self.scrape();
        self.notice();
        self.feed();
    }

    /// Intervals in which stable serves well and the candidate so many requests with so many failures.
    pub fn run(&mut self, intervals: usize, requests: u64, failed: u64) {
        for _ in 0..intervals {
            self.pod("web-aaaa-11111").serve(500, 1, 80.0);
            self.candidate().serve(requests - failed, failed, 80.0);
            self.tick();
        }
    }

    pub fn judgement(&self) -> Judgement {
        self.judge.judge(&self.release, &self.observed(), self.at())
    }

    pub fn verdict(&self) -> GateVerdict {
        self.judgement().gates.remove(0)
    }
}
