use serde_json::{Value, json};

use crate::sim::kernel::{
    bench::{Bench, NS},
    object::Fields,
    profile::Profile,
    resource::{DEPLOYMENT, HPA, POD},
    usage::Load,
};

fn hpa(min: i64, max: i64) -> Value {
    json!({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "web"},
        "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}, "minReplicas": min, "maxReplicas": max,
            "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}}]}})
}

/// Spreads this many requests per second over the pods there are.
fn load(bench: &mut Bench, rate: f64) {
    let pods: Vec<String> = bench.list(&POD).iter().map(|pod| pod.name().to_owned()).collect();
    let share = rate / pods.len() as f64;
    for pod in pods {
        bench.kernel.world.measured.load.insert((NS.into(), pod), Load { per_second: share });
    }
}

fn size(bench: &Bench) -> i64 {
    bench.deployment("web").int("/spec/replicas").unwrap()
}

fn steady() -> Profile {
    Profile { cpu_idle_milli: 10, cpu_ms: 4.0, ..Profile::default() }
}

#[test]
fn load_makes_it_grow_and_calm_makes_it_shrink_after_five_minutes() {
    let mut bench = Bench::with_nodes();
    bench.behave("web:v1", steady()).deploy("web", 2, "web:v1").create(hpa(2, 6));
    for _ in 0..24 {
        load(&mut bench, 10.0);
        bench.pass(15);
    }
    assert_eq!(size(&bench), 2);
    let calm = bench.get(&HPA, "web");
    assert_eq!(bench.condition(&calm, "ScalingActive"), ("True".into(), "ValidMetricFound".into()));
    assert_eq!(bench.condition(&calm, "AbleToScale"), ("True".into(), "ReadyForNewScale".into()));
    // 60 requests per second cost 240m; at 50 % of 100m each that takes five pods.
    for _ in 0..24 {
        load(&mut bench, 60.0);
        bench.pass(15);
    }
    assert!((5..=6).contains(&size(&bench)), "{}", size(&bench));
    let why = "SuccessfulRescale: New size: ";
    assert!(bench.told("HorizontalPodAutoscaler", why));
    assert!(
        bench
            .events("HorizontalPodAutoscaler")
            .iter()
            .any(|(text, _)| { text.ends_with("reason: cpu resource utilization (percentage of request) above target") })
    );
    let busy = bench.get(&HPA, "web");
    assert_eq!(busy.int("/status/currentReplicas"), Some(size(&bench)));
    assert!(!busy.text("/status/lastScaleTime").is_empty());
    for _ in 0..12 {
        load(&mut bench, 4.0);
        bench.pass(15);
    }
    assert!(size(&bench) >= 5, "three minutes of calm are not enough");
    assert_eq!(bench.condition(&bench.get(&HPA, "web"), "AbleToScale").1, "ScaleDownStabilized");
    for _ in 0..44 {
        load(&mut bench, 4.0);
        bench.pass(15);
    }
    assert_eq!(size(&bench), 2);
    assert_eq!(bench.condition(&bench.get(&HPA, "web"), "ScalingLimited"), ("True".into(), "TooFewReplicas".into()));
}

#[test]
fn without_a_metrics_server_it_says_so_and_does_nothing() {
    let mut bench = Bench::with_nodes();
    bench.kernel.world.measured.metrics_server = false;
    bench.deploy("web", 3, "web:v1").create(hpa(2, 6)).pass(60);
    let hpa = bench.get(&HPA, "web");
    assert_eq!(bench.condition(&hpa, "ScalingActive"), ("False".into(), "FailedGetResourceMetric".into()));
    assert_eq!((size(&bench), hpa.int("/status/currentReplicas")), (3, Some(3)));
    assert!(bench.told("HorizontalPodAutoscaler", "FailedGetResourceMetric: failed to get cpu utilization: unable to get metrics"));
    assert!(bench.told("HorizontalPodAutoscaler", "FailedComputeMetricsReplicas: invalid metrics (1 invalid out of 1), first error is: failed to get cpu resource metric value: failed to get cpu utilization"));
}

#[test]
fn limits_hold_without_any_measurement_and_zero_switches_it_off() {
    let mut bench = Bench::with_nodes();
    bench.deploy("web", 1, "web:v1").create(hpa(2, 6)).pass(16);
    assert_eq!(size(&bench), 2);
    assert!(
        bench.told("HorizontalPodAutoscaler", "SuccessfulRescale: New size: 2; reason: Current number of replicas below Spec.MinReplicas")
    );
    bench.patch(&DEPLOYMENT, "web", json!({"spec": {"replicas": 9}})).pass(16);
    assert_eq!(size(&bench), 6);
    bench.patch(&DEPLOYMENT, "web", json!({"spec": {"replicas": 0}})).pass(16);
    assert_eq!(size(&bench), 0);
    assert_eq!(bench.condition(&bench.get(&HPA, "web"), "ScalingActive"), ("False".into(), "ScalingDisabled".into()));
}

#[test]
fn a_missing_target_is_named() {
    let mut bench = Bench::with_nodes();
    bench.create(hpa(2, 6)).pass(16);
    assert!(bench.told("HorizontalPodAutoscaler", "FailedGetScale: deployments.apps \"web\" not found"));
    assert_eq!(bench.condition(&bench.get(&HPA, "web"), "AbleToScale"), ("False".into(), "FailedGetScale".into()));
}
