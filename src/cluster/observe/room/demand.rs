//! What one pod of a template takes.

use std::collections::BTreeMap;

use super::super::wire::{Amounts, Container, PodSpec, Resources};

/// Thousandths of a unit by resource.
type Sums = BTreeMap<String, u64>;

/// What the scheduler and a quota count for a pod.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Demand {
    /// What is set aside for it.
    pub requests: Sums,
    /// What it may use at the most.
    pub limits: Sums,
}

impl Demand {
    /// Containers at work side by side, or the largest of those that run before them; what is declared for the pod as a
    /// whole goes before both.
    pub fn of(spec: &PodSpec) -> Demand {
        let mut demand = Demand { requests: together(spec, requests), limits: together(spec, |r| plain(&r.limits)) };
        add(&mut demand.requests, plain(&spec.overhead));
        if !demand.limits.is_empty() {
            // A limit is raised by the overhead where there is one.
            let limited: Vec<String> = demand.limits.keys().cloned().collect();
            let overhead = plain(&spec.overhead).into_iter().filter(|(name, _)| limited.contains(name)).collect();
            add(&mut demand.limits, overhead);
        }
        demand
    }

    /// Of a resource as a quota calls it; 0 for what is no pod's.
    pub fn takes(&self, resource: &str) -> u64 {
        let of = |sums: &Sums, name: &str| sums.get(name).copied().unwrap_or(0);
        match resource {
            "pods" | "count/pods" => 1000,
            "cpu" | "memory" | "ephemeral-storage" => of(&self.requests, resource),
            _ => match resource.split_once('.') {
                Some(("requests", name)) => of(&self.requests, name),
                Some(("limits", name)) => of(&self.limits, name),
                _ => 0,
            },
        }
    }

    /// Whether neither CPU nor memory is asked for or limited.
    pub fn is_best_effort(&self) -> bool {
        let any = |sums: &Sums| ["cpu", "memory"].iter().any(|name| sums.get(*name).is_some_and(|n| *n > 0));
        !any(&self.requests) && !any(&self.limits)
    }
}

/// A request that is missing is the limit.
fn requests(resources: &Resources) -> Sums {
    plain(&resources.limits).into_iter().chain(plain(&resources.requests)).collect()
}

fn plain(amounts: &Amounts) -> Sums {
    amounts.iter().map(|(name, amount)| (name.clone(), amount.0)).collect()
}

fn together(spec: &PodSpec, of: impl Fn(&Resources) -> Sums) -> Sums {
    let mut running = Sums::new();
    let mut most = Sums::new();
    for container in &spec.init_containers {
        let mut now = of(&container.resources);
        if is_sidecar(container) {
            add(&mut running, now);
            continue;
        }
        add(&mut now, running.clone());
        raise(&mut most, now);
    }
    spec.containers.iter().for_each(|c| add(&mut running, of(&c.resources)));
    raise(&mut most, running);
    let whole: Sums = of(&spec.resources);
    most.into_iter().chain(whole).collect()
}

/// An init container that goes on running beside the others.
fn is_sidecar(container: &Container) -> bool {
    container.restart_policy == "Always"
}

fn add(to: &mut Sums, more: Sums) {
    for (name, amount) in more {
        let sum = to.entry(name).or_default();
        *sum = sum.saturating_add(amount);
    }
}

fn raise(to: &mut Sums, least: Sums) {
    for (name, amount) in least {
        let most = to.entry(name).or_default();
        *most = amount.max(*most);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn demand(spec: Value) -> Demand {
        Demand::of(&serde_json::from_value(spec).unwrap())
    }

    fn container(requests: Value) -> Value {
        json!({"name": "c", "resources": {"requests": requests}})
    }

    #[test]
    fn containers_add_up_and_a_missing_request_is_the_limit() {
        let limited = json!({"name": "b", "resources": {"limits": {"cpu": "500m", "memory": "1Gi"}, "requests": {"memory": "256Mi"}}});
        let d = demand(json!({"containers": [container(json!({"cpu": "250m"})), limited]}));
        assert_eq!((d.takes("requests.cpu"), d.takes("cpu"), d.takes("limits.cpu")), (750, 750, 500));
        assert_eq!((d.takes("requests.memory"), d.takes("limits.memory")), (256_000 << 20, 1000 << 30));
        assert_eq!((d.takes("pods"), d.takes("services"), d.takes("count/deployments.apps")), (1000, 0, 0));
        assert!(!d.is_best_effort() && demand(json!({"containers": [container(json!({}))]})).is_best_effort());
    }

    #[test]
    fn what_runs_before_counts_where_it_is_more_and_sidecars_run_beside() {
        let sidecar = json!({"name": "s", "restartPolicy": "Always", "resources": {"requests": {"cpu": "100m"}}});
        let heavy = container(json!({"cpu": "2"}));
        let spec =
            |init: Value| json!({"initContainers": init, "containers": [container(json!({"cpu": "500m"}))], "overhead": {"cpu": "10m"}});
        assert_eq!(demand(spec(json!([sidecar, heavy]))).takes("cpu"), 2_110, "beside the sidecar that was there before it");
        assert_eq!(demand(spec(json!([heavy, sidecar]))).takes("cpu"), 2_010);
        assert_eq!(demand(spec(json!([sidecar]))).takes("cpu"), 610);
    }

    #[test]
    fn what_is_declared_for_the_whole_pod_goes_before_its_parts() {
        let d = demand(json!({"resources": {"requests": {"cpu": "1"}}, "containers": [container(json!({"cpu": "3", "memory": "1Mi"}))]}));
        assert_eq!((d.takes("cpu"), d.takes("memory")), (1000, 1000 << 20));
    }
}
