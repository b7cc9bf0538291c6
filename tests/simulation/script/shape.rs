//! The releases that are walked.

use cutover::domain::gate::{Consequence, Gate, Limit, Metric};
use cutover::domain::release::{
    BlueGreen, CANARY_PREFIX, Canary, Component, Destination, Endpoint, INGRESS_NGINX, Prometheus, Release, Rolling, Router, Source, Stage,
    Strategy,
};
use cutover::domain::testers::Testers;
use cutover::domain::time::Millis;
use cutover::domain::weight::Weight;

use crate::world::INTERVAL;

/// A release by strategy and router.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shape {
    Canary,
    /// A canary that testers meet before anybody else does.
    Testers,
    Pair,
    Gateway,
    Ratio,
    BlueGreen,
    Rolling,
    /// By the annotations of a canary Ingress.
    Annotations,
    /// A canary whose pods stay for a while after a rollback.
    Kept,
    /// A canary whose gates are judged for a while after its end.
    Watched,
}

/// How long [`Shape::Kept`] keeps its pods.
const KEEP: Millis = Millis::secs(30);
/// How long [`Shape::Watched`] is watched.
const WATCH: Millis = Millis::secs(30);

impl Shape {
    pub const ALL: [Shape; 10] = [
        Shape::Canary,
        Shape::Pair,
        Shape::Gateway,
        Shape::Ratio,
        Shape::BlueGreen,
        Shape::Rolling,
        Shape::Testers,
        Shape::Annotations,
        Shape::Kept,
        Shape::Watched,
    ];
    /// Those of them that a script's first dice know.
    pub const FIRST: usize = 7;

    pub fn release(self) -> Release {
        let (strategy, components) = match self {
            Shape::Canary | Shape::Kept | Shape::Watched => (canary(), vec![istio("backend")]),
            Shape::Annotations => (
                canary(),
                vec![with(
                    "backend",
                    Router::Nginx {
                        ingress: "backend-canary".into(),
                        prefix: CANARY_PREFIX.into(),
                        controller: INGRESS_NGINX.into(),
                        stable: "backend".into(),
                        candidate: "backend-canary".into(),
                    },
                )],
            ),
            Shape::Testers => (canary(), vec![Component { testers: Some(testers()), ..istio("backend") }]),
            Shape::Pair => (canary(), vec![istio("backend"), istio("frontend")]),
            Shape::Gateway => (
                canary(),
                vec![with(
                    "backend",
                    Router::Gateway {
                        http_route: "backend".into(),
                        rule: None,
                        stable: "backend".into(),
                        candidate: "backend-canary".into(),
                    },
                )],
            ),
            Shape::Ratio => (canary(), vec![with("backend", Router::Replicas { service: Some("backend".into()) })]),
            Shape::BlueGreen => (
                Strategy::BlueGreen(BlueGreen { approve: true, hold: Millis::secs(30), retire: Some(Millis::secs(20)) }),
                vec![with(
                    "backend",
                    Router::Service { service: "backend".into(), key: "version".into(), stable: "blue".into(), candidate: "green".into() },
                )],
            ),
            Shape::Rolling => {
                let steps = vec![Stage::Weight { weight: Weight::capped(50), hold: Millis::secs(20) }];
                let component = Component { candidate: None, ..with("backend", Router::None) };
                (Strategy::Rolling(Rolling { steps }), vec![component])
            }
        };
        Release {
            name: "shop".into(),
            namespace: "shop".into(),
            components,
            strategy,
            prometheus: Some(Prometheus {
                endpoint: Endpoint::Url { url: "http://prometheus:9090".into(), token_from: None, headers: vec![] },
                interval: INTERVAL,
                preset: None,
                label: None,
            }),
            gates: vec![errors()],
            watch: (self == Shape::Watched).then_some(WATCH),
            keep: if self == Shape::Kept { KEEP } else { Millis::ZERO },
            contacts: vec![],
            production: false,
            source: Source::Discovered,
        }
    }

    /// The time that all holds of the plan take together.
    pub fn bake(self) -> Millis {
        match self {
            Shape::BlueGreen => Millis::secs(50),
            Shape::Rolling => Millis::secs(20),
            Shape::Watched => Millis::secs(70).plus(WATCH),
            _ => Millis::secs(70),
        }
    }
}

fn errors() -> Gate {
    Gate {
        name: "errors".into(),
        metric: Metric::Errors,
        limit: Limit::Above(0.05),
        lasting: Millis::secs(20),
        then: Consequence::Rollback,
        min_requests: 20,
    }
}

fn canary() -> Strategy {
    let weight = |w, secs| Stage::Weight { weight: Weight::capped(w), hold: Millis::secs(secs) };
    Strategy::Canary(Canary { steps: vec![weight(20, 30), weight(60, 20), weight(100, 20), Stage::Approve { label: "promote".into() }] })
}

fn testers() -> Testers {
    Testers::Header { name: "x-canary".into(), value: "always".into() }
}

fn istio(name: &str) -> Component {
    let to = |host: String| Destination { host, subset: None };
    let router =
        Router::Istio { virtual_service: name.into(), route: None, stable: to(name.into()), candidate: to(format!("{name}-canary")) };
    with(name, router)
}

fn with(name: &str, router: Router) -> Component {
    Component { name: name.into(), stable: name.into(), candidate: Some(format!("{name}-canary")), container: None, router, testers: None }
}
