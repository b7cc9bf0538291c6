//! Components and their routes.

mod testers;

use crate::domain::declared::{DeclaredComponent, DeclaredRouter};
use crate::domain::release::{Destination, Stage, Strategy};

use crate::config::check::{Check, bad_name};
use crate::config::file::{ComponentFile, DestinationFile, NginxFile, TrafficFile};

pub(super) fn lower(check: &mut Check<'_>, files: &[ComponentFile]) -> Vec<DeclaredComponent> {
    if files.is_empty() {
        check.fault("components", "a release needs at least one component");
    }
    let components: Vec<DeclaredComponent> = files.iter().enumerate().map(|(n, file)| component(check, n, file)).collect();
    duplicates(check, &components);
    components
}

fn component(check: &mut Check<'_>, n: usize, file: &ComponentFile) -> DeclaredComponent {
    let path = |key: &str| format!("components[{n}].{key}");
    if file.name.is_empty() || file.name.len() > 63 || !file.name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)) {
        check.fault(path("name"), "a component's name has 1 to 63 letters, digits, -, _ and .");
    }
    check.object_name(&path("stable"), &file.stable);
    if let Some(candidate) = &file.candidate {
        check.object_name(&path("candidate"), candidate);
        if *candidate == file.stable {
            check.fault(path("candidate"), "stable and candidate are the same Deployment; leave `candidate` out for a rolling update");
        }
    }
    let traffic = file.traffic.as_ref().and_then(|t| router(check, &path("traffic"), t));
    let testers = file.traffic.as_ref().and_then(|t| t.testers.as_ref()).and_then(|t| testers::lower(check, &path("traffic.testers"), t));
    DeclaredComponent {
        name: file.name.clone(),
        stable: file.stable.clone(),
        candidate: file.candidate.clone(),
        container: file.container.clone(),
        traffic,
        testers,
    }
}

fn router(check: &mut Check<'_>, path: &str, file: &TrafficFile) -> Option<DeclaredRouter> {
    let keys = [
        ("service", file.service.is_some()),
        ("replicas", file.replicas.is_some()),
        ("istio", file.istio.is_some()),
        ("gateway", file.gateway.is_some()),
        ("nginx", file.nginx.is_some()),
    ];
    // The router may be left to be found, also where testers are named.
    if file.testers.is_some() && keys.iter().all(|(_, given)| !given) {
        return None;
    }
    check.one_of(path, &keys)?;
    if let Some(s) = &file.service {
        check.object_name(&format!("{path}.service.service"), &s.service);
        if s.stable.is_some() && s.stable == s.candidate {
            check.fault(format!("{path}.service.candidate"), "both sides have the same value: nothing would be switched");
        }
        let (key, stable, candidate) = (s.key.clone(), s.stable.clone(), s.candidate.clone());
        return Some(DeclaredRouter::Service { service: s.service.clone(), key, stable, candidate });
    }
    if let Some(r) = &file.replicas {
        if let Some(service) = &r.service {
            check.object_name(&format!("{path}.replicas.service"), service);
        }
        return Some(DeclaredRouter::Replicas { service: r.service.clone() });
    }
    if let Some(i) = &file.istio {
        check.object_name(&format!("{path}.istio.virtualService"), &i.virtual_service);
        if i.stable.is_some() && i.stable == i.candidate {
            check.fault(format!("{path}.istio.candidate"), "both sides are the same destination; name a host or subset of its own");
        }
        let destination = |d: &DestinationFile| Destination { host: d.host.clone(), subset: d.subset.clone() };
        return Some(DeclaredRouter::Istio {
            virtual_service: i.virtual_service.clone(),
            route: i.route.clone(),
            stable: i.stable.as_ref().map(destination),
            candidate: i.candidate.as_ref().map(destination),
        });
    }
    if let Some(n) = &file.nginx {
        return Some(nginx(check, &format!("{path}.nginx"), n));
    }
    let g = file.gateway.as_ref()?;
    check.object_name(&format!("{path}.gateway.httpRoute"), &g.http_route);
    if g.stable.is_some() && g.stable == g.candidate {
        check.fault(format!("{path}.gateway.candidate"), "both sides are the same Service: nothing would be split");
    }
    Some(DeclaredRouter::Gateway {
        http_route: g.http_route.clone(),
        rule: g.rule.clone(),
        stable: g.stable.clone(),
        candidate: g.candidate.clone(),
    })
}

fn nginx(check: &mut Check<'_>, path: &str, file: &NginxFile) -> DeclaredRouter {
    check.object_name(&format!("{path}.ingress"), &file.ingress);
    for (key, service) in [("stable", &file.stable), ("candidate", &file.candidate)] {
        if let Some(service) = service {
            check.object_name(&format!("{path}.{key}"), service);
        }
    }
    if let Some((prefix, why)) = file.prefix.as_deref().and_then(|prefix| Some((prefix, bad_name(prefix)?))) {
        let text = format!("`{prefix}` cannot stand before an annotation's slash: {why}; for example nginx.ingress.kubernetes.io");
        check.fault(format!("{path}.prefix"), text);
    }
    if file.stable.is_some() && file.stable == file.candidate {
        check.fault(format!("{path}.candidate"), "both sides are the same Service: nothing would be split");
    }
    DeclaredRouter::Nginx {
        ingress: file.ingress.clone(),
        prefix: file.prefix.clone(),
        controller: file.controller.clone(),
        stable: file.stable.clone(),
        candidate: file.candidate.clone(),
    }
}

/// Names, Deployments and routes belong to one component each.
fn duplicates(check: &mut Check<'_>, components: &[DeclaredComponent]) {
    for (n, c) in components.iter().enumerate() {
        let before = || components.iter().take(n);
        if before().any(|b| b.name == c.name) {
            check.fault(format!("components[{n}].name"), format!("two components are called `{}`", c.name));
        }
        let uses = |b: &DeclaredComponent, name: &str| b.stable == name || b.candidate.as_deref() == Some(name);
        for (key, name) in [("stable", Some(&c.stable)), ("candidate", c.candidate.as_ref())] {
            let Some((name, other)) = name.and_then(|name| before().find(|b| uses(b, name)).map(|b| (name, b))) else { continue };
            check.fault(format!("components[{n}].{key}"), format!("Deployment {name} already belongs to component `{}`", other.name));
        }
        let Some(route) = &c.traffic else { continue };
        if let Some(other) = before().find(|b| b.traffic.as_ref().is_some_and(|r| same_route(r, route))) {
            check.fault(
                format!("components[{n}].traffic"),
                format!("component `{}` already moves this route; two components on one route would undo each other", other.name),
            );
        }
    }
}

/// Whether two routers write the same numbers. A rule that is not named could be any.
fn same_route(a: &DeclaredRouter, b: &DeclaredRouter) -> bool {
    let may_meet = |a: &Option<String>, b: &Option<String>| a.is_none() || b.is_none() || a == b;
    let apart = |a: &Option<String>, b: &Option<String>| a.is_some() && b.is_some() && a != b;
    match (a, b) {
        (DeclaredRouter::Service { service: a, .. }, DeclaredRouter::Service { service: b, .. }) => a == b,
        (
            DeclaredRouter::Istio { virtual_service: va, route: ra, stable: sa, .. },
            DeclaredRouter::Istio { virtual_service: vb, route: rb, stable: sb, .. },
        ) => va == vb && may_meet(ra, rb) && (sa.is_none() || sb.is_none() || sa == sb),
        (
            DeclaredRouter::Gateway { http_route: ha, rule: ra, stable: sa, .. },
            DeclaredRouter::Gateway { http_route: hb, rule: rb, stable: sb, .. },
        ) => ha == hb && may_meet(ra, rb) && !apart(sa, sb),
        (DeclaredRouter::Nginx { ingress: a, .. }, DeclaredRouter::Nginx { ingress: b, .. }) => a == b,
        _ => false,
    }
}

/// What a strategy asks of its components.
pub(super) fn fit(check: &mut Check<'_>, components: &[DeclaredComponent], strategy: &Strategy) {
    for (n, c) in components.iter().enumerate() {
        let at = format!("components[{n}]");
        if strategy.is_in_place() {
            let (one, route) = match strategy {
                Strategy::ArgoRollout => ("Argo Rollouts has one Rollout, named in `stable`", "the route of an Argo Rollout stands in it"),
                _ => ("a rolling update has one Deployment", "a rolling update moves no route"),
            };
            if c.candidate.is_some() {
                check.fault(format!("{at}.candidate"), format!("{one}; use canary or blueGreen for two"));
            }
            if c.traffic.is_some() || c.testers.is_some() {
                check.fault(format!("{at}.traffic"), format!("{route}; leave `traffic` out"));
            }
            continue;
        }
        if c.candidate.is_none() {
            check.fault(&at, format!("a {} release needs `candidate`: the Deployment that is to take over", strategy.word()));
        }
        testers::fit(check, &format!("{at}.traffic.testers"), c);
        match (&c.traffic, strategy) {
            (Some(DeclaredRouter::Service { .. }), Strategy::Canary(canary)) if canary.steps.iter().any(is_partial) => check.fault(
                format!("{at}.traffic"),
                "a Service selector sends all or nothing: use blueGreen, or split by istio, gateway, nginx or replicas",
            ),
            (Some(DeclaredRouter::Service { .. }), Strategy::Canary(_)) => {
                check.fault(format!("{at}.traffic"), "a switch by Service selector is a blueGreen release");
            }
            (Some(DeclaredRouter::Replicas { .. }), Strategy::BlueGreen(_)) => check.fault(
                format!("{at}.traffic"),
                "a replica ratio cannot switch all traffic at once: use service, istio or gateway, or a canary",
            ),
            (Some(DeclaredRouter::Nginx { .. }), Strategy::BlueGreen(_)) => check.fault(
                format!("{at}.traffic"),
                "blue-green cannot switch by canary annotations: use service, istio or gateway, or a canary",
            ),
            _ => {}
        }
    }
}

fn is_partial(stage: &Stage) -> bool {
    matches!(stage, Stage::Weight { weight, .. } if (1..100).contains(&weight.percent()))
}
