//! The releases that tests walk, one for each strategy and sort of router.

use crate::domain::gate::{Consequence, Gate, Limit, Metric};
use crate::domain::release::{
    BlueGreen, CANARY_PREFIX, Canary, Component, Destination, INGRESS_NGINX, Release, Rolling, Router, Source, Stage, Strategy,
};
use crate::domain::testers::Testers;
use crate::domain::time::Millis;
use crate::domain::weight::Weight;

/// A canary release of components, each routed by a VirtualService.
pub(crate) fn canary(components: &[&str]) -> Release {
    let weight = |w, secs| Stage::Weight { weight: Weight::capped(w), hold: Millis::secs(secs) };
    let steps =
        vec![weight(10, 60), weight(25, 60), weight(50, 60), weight(75, 60), weight(100, 0), Stage::Approve { label: "approve".into() }];
    release(Strategy::Canary(Canary { steps }), components.iter().map(|n| istio(n)).collect())
}

pub(crate) fn blue_green() -> Release {
    let router = Router::Service { service: "web".into(), key: "version".into(), stable: "blue".into(), candidate: "green".into() };
    let component = Component {
        name: "web".into(),
        stable: "web-blue".into(),
        candidate: Some("web-green".into()),
        container: None,
        router,
        testers: None,
    };
    release(Strategy::BlueGreen(BlueGreen { approve: true, hold: Millis::secs(60), retire: Some(Millis::secs(60)) }), vec![component])
}

pub(crate) fn rolling() -> Release {
    let steps = vec![Stage::Weight { weight: Weight::capped(50), hold: Millis::secs(60) }];
    let component =
        Component { name: "web".into(), stable: "web".into(), candidate: None, container: None, router: Router::None, testers: None };
    release(Strategy::Rolling(Rolling { steps }), vec![component])
}

pub(crate) fn argo_rollout() -> Release {
    Release { strategy: Strategy::ArgoRollout, ..rolling() }
}

pub(crate) fn by_replicas() -> Release {
    let mut release = canary(&["web"]);
    release.components[0].router = Router::Replicas { service: Some("web".into()) };
    release
}

pub(crate) fn by_annotations() -> Release {
    let mut release = canary(&["web"]);
    release.components[0].router = Router::Nginx {
        ingress: "web-canary".into(),
        prefix: CANARY_PREFIX.into(),
        controller: INGRESS_NGINX.into(),
        stable: "web".into(),
        candidate: "web-canary".into(),
    };
    release
}

/// A release whose every component lets testers in by a header.
pub(crate) fn with_testers(mut release: Release) -> Release {
    let testers = Testers::Header { name: "x-canary".into(), value: "always".into() };
    release.components.iter_mut().for_each(|c| c.testers = Some(testers.clone()));
    release
}

fn istio(name: &str) -> Component {
    let to = |host: String| Destination { host, subset: None };
    let router =
        Router::Istio { virtual_service: name.into(), route: None, stable: to(name.into()), candidate: to(format!("{name}-canary")) };
    Component { name: name.into(), stable: name.into(), candidate: Some(format!("{name}-canary")), container: None, router, testers: None }
}

fn release(strategy: Strategy, components: Vec<Component>) -> Release {
    let gate = Gate {
        name: "errors".into(),
        metric: Metric::Errors,
        limit: Limit::Above(0.05),
        lasting: Millis::secs(30),
        then: Consequence::Rollback,
        min_requests: 20,
    };
    Release {
        name: "shop".into(),
        namespace: "shop".into(),
        components,
        strategy,
        prometheus: None,
        gates: vec![gate],
        watch: None,
        keep: Millis::ZERO,
        contacts: vec![],
        production: false,
        source: Source::Discovered,
    }
}
