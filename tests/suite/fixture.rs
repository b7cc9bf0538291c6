//! A release as an on-call engineer meets it, for the tests of model and view.

#[path = "fixture/console.rs"]
mod console;
#[path = "fixture/live.rs"]
mod live;

use std::collections::BTreeMap;

use cutover::app::model::{ReleaseKey, Scene};
use cutover::domain::command::{Command, Order};
use cutover::domain::gate::{Consequence, Gate, Limit, Metric};
use cutover::domain::object::{Kind, ObjectRef};
use cutover::domain::observed::{ComponentObserved, ContainerImage, KeptRevision, Observed, Workload};
use cutover::domain::reference::{Checked, Presence, Reference, Referred};
use cutover::domain::release::{Canary, Component, Destination, Endpoint, Prometheus, Release, Router, Source, Stage, Strategy, Track};
use cutover::domain::rollout::Rollout;
use cutover::domain::route::{Acceptance, RouteEntry, RouteFacts};
use cutover::domain::time::{Millis, Now};
use cutover::domain::verdict::{ArmStats, GateVerdict, Judgement, Verdict};
use cutover::domain::view::{Driver, View};
use cutover::domain::weight::{Share, Weight};
use cutover::engine::preview::after;
use jiff::Timestamp;

pub use console::Console;
pub use live::{pod, snapshot};

/// 14:02:31Z, an hour on the monotonic clock.
pub fn now() -> Now {
    Now { mono: Millis::mins(60), wall: "2026-11-21T14:02:31Z".parse().unwrap() }
}

pub fn ago(secs: i64) -> Timestamp {
    now().wall - jiff::SignedDuration::from_secs(secs)
}

pub fn scene() -> Scene {
    Scene {
        context: "prod-eu".into(),
        namespace: Some("fusion-ecommerce".into()),
        production: false,
        read_only: None,
        actor: "ada@bastion1".into(),
    }
}

pub fn key() -> ReleaseKey {
    ReleaseKey { namespace: "fusion-ecommerce".into(), name: "storefront".into() }
}

fn component(name: &str) -> Component {
    let host = |track: &str| Destination { host: format!("{name}-{track}"), subset: None };
    Component {
        name: name.into(),
        stable: name.into(),
        candidate: Some(format!("{name}-canary")),
        container: None,
        router: Router::Istio { virtual_service: name.into(), route: None, stable: host("stable"), candidate: host("canary") },
        testers: None,
    }
}

pub fn release(components: &[&str]) -> Release {
    let gate = |name: &str, metric, limit, mins, then| Gate {
        name: name.into(),
        metric,
        limit,
        lasting: Millis::mins(mins),
        then,
        min_requests: 50,
    };
    let stage = |w| Stage::Weight { weight: Weight::capped(w), hold: Millis::mins(10) };
    let mut steps: Vec<Stage> = [10, 25, 50, 75, 100].map(stage).to_vec();
    steps.push(Stage::Approve { label: "approve".into() });
    Release {
        name: "storefront".into(),
        namespace: "fusion-ecommerce".into(),
        components: components.iter().map(|c| component(c)).collect(),
        strategy: Strategy::Canary(Canary { steps }),
        prometheus: Some(Prometheus {
            endpoint: Endpoint::Url { url: "http://prometheus:9090".into(), token_from: None, headers: vec![] },
            interval: Millis::secs(15),
            preset: None,
            label: None,
        }),
        gates: vec![
            gate("errors", Metric::Errors, Limit::Above(0.05), 5, Consequence::Rollback),
            gate("p95", Metric::Latency { quantile: 0.95 }, Limit::Above(500.0), 10, Consequence::Rollback),
            gate("restarts", Metric::Restarts { within: Millis::mins(15) }, Limit::AtLeast(3), 0, Consequence::Rollback),
        ],
        watch: None,
        keep: Millis::mins(30),
        contacts: vec!["payments on-call: +1 555 0100".into(), "https://status.example".into()],
        production: false,
        source: Source::Declared("cutover.yaml".into()),
    }
}

fn workload(name: &str, tag: &str, replicas: u32, digest: &str) -> Workload {
    let images = vec![ContainerImage { name: "app".into(), image: format!("registry.io/shop/{}:{tag}", name.trim_end_matches("-canary")) }];
    Workload {
        name: name.into(),
        uid: format!("uid-{name}"),
        resource_version: "100".into(),
        generation: 3,
        observed_generation: 3,
        replicas,
        current: replicas,
        updated: replicas,
        ready: replicas,
        available: replicas,
        ready_addresses: replicas,
        containers: images.clone(),
        references: vec![secret()],
        revision: Some(7),
        template_hash: Some("7f9c4bd5c8".into()),
        digest: Some(format!("sha256:{digest}0123456789abcdef")),
        change_cause: Some("release 2.3.1".into()),
        revisions: [7, 6]
            .map(|n| KeptRevision {
                revision: n,
                replica_set: format!("{name}-{n}"),
                template_hash: format!("hash{n}"),
                images: vec![ContainerImage { name: "app".into(), image: format!("registry.io/shop/{name}:v2.3.{}", n - 6) }],
                change_cause: None,
                references: vec![secret()],
            })
            .to_vec(),
        ..Workload::default()
    }
}

/// What every pod needs to start.
pub fn secret() -> Reference {
    Reference { kind: Referred::Secret, name: "shop-db".into() }
}

pub fn route(name: &str, percent: u32) -> RouteFacts {
    let host = |track: &str| Destination { host: format!("{name}-{track}"), subset: None };
    RouteFacts {
        object: ObjectRef::new(Kind::VirtualService, "fusion-ecommerce", name),
        uid: format!("uid-vs-{name}"),
        resource_version: "200".into(),
        entry: RouteEntry::VirtualService { route: None, http: 0, stable: (0, host("stable")), candidate: (1, host("canary")) },
        stable: 100 - percent,
        candidate: percent,
        accepted: Acceptance::Yes,
        notes: vec![],
        alone: true,
        written: (true, true),
        stamp: None,
        candidate_labels: Default::default(),
        testers: None,
        bypass: false,
    }
}

pub fn observed(components: &[&str], percent: u32) -> Observed {
    let one = |name: &&str| {
        let c = ComponentObserved {
            stable: Some(workload(name, "v2.3.1", 9, "a41f")),
            candidate: Some(workload(&format!("{name}-canary"), "v2.4.0", 3, "9c02")),
            route: Ok(route(name, percent)),
            route_by: None,
            owners: vec![],
            checked: vec![Checked { reference: secret(), presence: Presence::Present }],
            beside: Default::default(),
        };
        ((*name).to_owned(), c)
    };
    Observed { at: ago(2), components: components.iter().map(one).collect(), room: None, unlisted: vec![] }
}

fn arm(errors: f64, requests: u64, p95: f64) -> ArmStats {
    let wave = |base: f64| (0..40).map(|i| if i == 20 { None } else { Some(base * (1.0 + 0.3 * f64::from(i % 5))) }).collect();
    ArmStats {
        rps: Some(requests as f64 / 100.0),
        errors: Some(errors),
        requests,
        failed: (requests as f64 * errors) as u64,
        p50: Some(p95 / 4.0),
        p95: Some(p95),
        p99: Some(p95 * 1.8),
        at: Some(ago(6)),
        total_requests: requests * 20,
        total_failed: 0,
        error_history: wave(errors),
        p95_history: wave(p95),
    }
}

pub fn judgement(components: &[&str], verdict: Verdict) -> Judgement {
    let bad = verdict.force() > 0;
    let mut j = Judgement::default();
    for name in components {
        let candidate = arm(if bad { 0.098 } else { 0.0034 }, 13_600, 221.0);
        j.arms.insert((*name).into(), BTreeMap::from([(Track::Stable, arm(0.0031, 41_200, 212.0)), (Track::Candidate, candidate)]));
        j.observed.insert((*name).into(), Share(0.246));
        for gate in ["errors", "p95", "restarts"] {
            let failing = bad && gate == "errors";
            j.gates.push(GateVerdict {
                gate: gate.into(),
                component: (*name).into(),
                verdict: if failing { verdict.clone() } else { Verdict::Healthy },
                then: Consequence::Rollback,
                candidate: Some(match gate {
                    "errors" => 0.098,
                    "p95" => 221.0,
                    _ => 0.0,
                }),
                stable: Some(if gate == "p95" { 212.0 } else { 0.0 }),
                requests: 13_600,
                limit: "5 %".into(),
                broken_for: if failing { Millis::secs(72) } else { Millis::ZERO },
                evidence: if failing { "errors 9.8 % > 5 % for 1m12s, 13 600 requests".into() } else { String::new() },
            });
        }
    }
    j
}

/// A rollout that holds at 25 %.
pub fn holding(components: &[&str]) -> View {
    let (release, observed) = (release(components), observed(components, 25));
    let start = Order {
        id: "r-1".into(),
        command: Command::Start { images: BTreeMap::new(), cause: Some("release 2.4.0".into()) },
        actor: "ada@bastion1".into(),
        at: ago(1_400),
        mark: None,
    };
    let began = Now { mono: Millis::mins(30), wall: ago(1_400) };
    let mut rollout: Rollout = after(&release, None, Some(&observed), &start, began).unwrap();
    rollout.cursor = 4;
    rollout.asked = Weight::capped(25);
    rollout.entered = ago(260);
    rollout.covered = Millis::secs(250);
    View {
        now: now(),
        aside: vec![],
        release: release.into(),
        rollout: Some(rollout),
        loaded: true,
        observed: Some(observed.into()),
        observed_age: Some(Millis::secs(2)),
        judgement: judgement(components, Verdict::Healthy),
        driver: Driver::Us { holder: "ada@bastion1#4711".into(), epoch: 3 },
        answers: BTreeMap::new(),
        faults: BTreeMap::new(),
        checklist: None,
        saved: true,
        writes: 0,
        read_only: false,
    }
}
