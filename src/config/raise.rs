//! The vocabulary back to a file: what `cutover init` writes.

use crate::domain::declared::{INTERVAL, KEEP};
use crate::domain::gate::{Consequence, Gate, Limit, Metric};
use crate::domain::release::{CANARY_PREFIX, Component, Destination, Endpoint, Prometheus, Release, Router, Stage, Strategy};
use crate::domain::testers::Testers;
use crate::domain::time::Millis;

use super::file::{
    ArgoRolloutFile, BlueGreenFile, ComponentFile, DestinationFile, ErrorsFile, GateFile, GatewayFile, IstioFile, LabelFile, LatencyFile,
    MarkFile, NginxFile, PrometheusFile, QueryFile, ReleaseFile, ReplicasFile, RestartsFile, ServiceFile, StepsFile, StrategyFile,
    TestersFile, Then, TrafficFile,
};
use super::lower::automatic_name;
use super::scalars::{Bound, Percent, Span};
use super::stage::StageFile;

/// The file that declares a release. Read again, it gives the same release.
pub fn raise(release: &Release) -> ReleaseFile {
    ReleaseFile {
        name: release.name.clone(),
        namespace: Some(release.namespace.clone()),
        components: release.components.iter().map(component).collect(),
        strategy: strategy(&release.strategy),
        prometheus: release.prometheus.as_ref().map(prometheus),
        gates: Some(release.gates.iter().map(gate).collect()),
        watch: release.watch.map(Span),
        keep: (release.keep != KEEP).then_some(Span(release.keep)),
        contacts: release.contacts.clone(),
        production: release.production.then_some(true),
    }
}

fn component(c: &Component) -> ComponentFile {
    ComponentFile {
        name: c.name.clone(),
        stable: c.stable.clone(),
        candidate: c.candidate.clone(),
        container: c.container.clone(),
        traffic: traffic(c),
    }
}

fn traffic(component: &Component) -> Option<TrafficFile> {
    let destination = |d: &Destination| Some(DestinationFile { host: d.host.clone(), subset: d.subset.clone() });
    let mut file = TrafficFile { testers: component.testers.as_ref().map(testers), ..TrafficFile::default() };
    match &component.router {
        Router::None => return None,
        Router::Service { service, key, stable, candidate } => {
            file.service = Some(ServiceFile {
                service: service.clone(),
                key: Some(key.clone()),
                stable: Some(stable.clone()),
                candidate: Some(candidate.clone()),
            });
        }
        Router::Replicas { service } => file.replicas = Some(ReplicasFile { service: service.clone() }),
        Router::Istio { virtual_service, route, stable, candidate } => {
            file.istio = Some(IstioFile {
                virtual_service: virtual_service.clone(),
                route: route.clone(),
                stable: destination(stable),
                candidate: destination(candidate),
            });
        }
        Router::Nginx { ingress, prefix, controller, stable, candidate } => {
            file.nginx = Some(NginxFile {
                ingress: ingress.clone(),
                prefix: (prefix != CANARY_PREFIX).then(|| prefix.clone()),
                controller: Some(controller.clone()),
                stable: Some(stable.clone()),
                candidate: Some(candidate.clone()),
            });
        }
        Router::Gateway { http_route, rule, stable, candidate } => {
            file.gateway = Some(GatewayFile {
                http_route: http_route.clone(),
                rule: rule.clone(),
                stable: Some(stable.clone()),
                candidate: Some(candidate.clone()),
            });
        }
    }
    Some(file)
}

fn testers(testers: &Testers) -> TestersFile {
    let mark = |name: &str, value: &str| Some(MarkFile { name: name.to_owned(), value: value.to_owned() });
    match testers {
        Testers::Header { name, value } => TestersFile { header: mark(name, value), cookie: None },
        Testers::Cookie { name, value } => TestersFile { header: None, cookie: mark(name, value) },
    }
}

fn strategy(strategy: &Strategy) -> StrategyFile {
    let mut file = StrategyFile::default();
    let steps = |stages: &[Stage]| Some(StepsFile { steps: Some(stages.iter().map(stage).collect()) });
    match strategy {
        Strategy::Canary(canary) => file.canary = steps(&canary.steps),
        Strategy::Rolling(rolling) => file.rolling = steps(&rolling.steps),
        Strategy::ArgoRollout => file.argo_rollout = Some(ArgoRolloutFile {}),
        Strategy::BlueGreen(bg) => {
            file.blue_green = Some(BlueGreenFile { approve: Some(bg.approve), hold: Some(Span(bg.hold)), retire: bg.retire.map(Span) });
        }
    }
    file
}

fn stage(stage: &Stage) -> StageFile {
    match stage {
        Stage::Approve { label } => StageFile::Approve((label != "approve").then(|| label.clone())),
        Stage::Weight { weight, hold } => {
            StageFile::Weight { weight: Percent(*weight), hold: (*hold != Millis::ZERO).then_some(Span(*hold)) }
        }
    }
}

fn prometheus(p: &Prometheus) -> PrometheusFile {
    let mut file = PrometheusFile {
        interval: (p.interval != INTERVAL).then_some(Span(p.interval)),
        preset: p.preset.clone(),
        label: p.label.as_ref().map(|l| LabelFile { name: l.name.clone(), stable: l.stable.clone(), candidate: l.candidate.clone() }),
        ..PrometheusFile::default()
    };
    match &p.endpoint {
        Endpoint::Service { namespace, name, port } => file.service = Some(format!("{namespace}/{name}:{port}")),
        Endpoint::Url { url, token_from, headers } => {
            file.url = Some(url.clone());
            file.token_from = token_from.clone();
            file.headers = headers.iter().cloned().collect();
        }
    }
    file
}

fn gate(gate: &Gate) -> GateFile {
    let bound = |v: f64| match gate.metric {
        Metric::Errors => Bound::Share(v),
        Metric::Latency { .. } => Bound::Latency(v),
        _ => Bound::Number(v),
    };
    let (above, below) = match gate.limit {
        Limit::Above(v) => (Some(bound(v)), None),
        Limit::Below(v) => (None, Some(bound(v))),
        Limit::AboveStable { relative } => (Some(Bound::OverStable(relative)), None),
        Limit::AtLeast(_) => (None, None),
    };
    let then = Some(match gate.then {
        Consequence::Warn => Then::Warn,
        Consequence::Pause => Then::Pause,
        Consequence::Rollback => Then::Rollback,
    });
    let name = (gate.name != automatic_name(gate)).then(|| gate.name.clone());
    let lasting = (gate.lasting != Millis::ZERO).then_some(Span(gate.lasting));
    let min_requests = (gate.min_requests != crate::domain::declared::MIN_REQUESTS).then_some(gate.min_requests);
    let mut file = GateFile::default();
    match (&gate.metric, gate.limit) {
        (Metric::Errors, _) => file.errors = Some(ErrorsFile { name, above, below, lasting, then, min_requests }),
        (Metric::Latency { quantile }, _) => {
            file.latency = Some(LatencyFile { quantile: *quantile, name, above, below, lasting, then, min_requests });
        }
        (Metric::Restarts { within }, limit) => {
            let at_least = if let Limit::AtLeast(n) = limit { n } else { 1 };
            file.restarts = Some(RestartsFile { name, at_least, within: Some(Span(*within)), then });
        }
        (Metric::Query { promql, .. }, _) => {
            file.query = Some(QueryFile { name: gate.name.clone(), promql: promql.clone(), above, below, lasting, then });
        }
    }
    file
}
