//! What a weight means for each pod, in requests: the numbers beside a step, before it is confirmed.

use crate::domain::observed::Observed;
use crate::domain::release::{Router, Track};
use crate::domain::rollout::Rollout;
use crate::domain::verdict::Judgement;
use crate::domain::weight::Weight;

use super::guard;

/// Requests per second and candidate pod at a weight, beside today's, a line a component. Where nobody counts requests that
/// is said; where pods are the weight there is nothing to tell.
pub fn told(run: &Rollout, observed: &Observed, judgement: &Judgement, weight: Weight) -> Vec<String> {
    let mut lines = Vec::new();
    for c in &run.release.components {
        if matches!(c.router, Router::Replicas { .. } | Router::None) {
            continue;
        }
        let Some(candidate) = observed.workload(&c.name, Track::Candidate) else { continue };
        let rate = |track| judgement.arms.get(&c.name)?.get(&track)?.rps.filter(|r| r.is_finite());
        let Some(stable) = rate(Track::Stable) else {
            if run.release.prometheus.is_some() {
                lines.push(format!("{}: requests per pod are not known: there are no counts", c.name));
            }
            continue;
        };
        let now = rate(Track::Candidate).unwrap_or(0.0);
        let ready = candidate.ready_addresses;
        let at_start = run.targets.get(&c.name).map_or(1, |t| t.stable.replicas);
        let whole = guard::stable_pods(at_start, observed.workload(&c.name, Track::Stable));
        // Pods that a weight needs are added before its traffic, but where an autoscaler owns them.
        let pods = if candidate.may_autoscale() { ready } else { ready.max(guard::pods_needed(whole, weight)) };
        if pods == 0 {
            continue;
        }
        let then = (stable + now) * f64::from(weight.percent()) / 100.0 / f64::from(pods);
        let today = if ready == 0 {
            let pods = observed.workload(&c.name, Track::Stable).map_or(0, |w| w.ready_addresses);
            if pods == 0 { String::new() } else { format!(", {} on each of stable's {pods} today", number(stable / f64::from(pods))) }
        } else {
            format!(", {} on {ready} today", number(now / f64::from(ready)))
        };
        let noun = if pods == 1 { "pod" } else { "pods" };
        lines.push(format!("{} at {weight}: about {} req/s per pod on {pods} {noun}{today}", c.name, number(then)));
    }
    lines
}

/// Whole requests from ten on.
fn number(rate: f64) -> String {
    if rate >= 10.0 || rate == 0.0 { format!("{rate:.0}") } else { format!("{rate:.1}") }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::domain::command::{Command, Order};
    use crate::domain::image::Image;
    use crate::domain::observed::Autoscaler;
    use crate::domain::verdict::ArmStats;
    use crate::engine::preview::after;
    use crate::engine::world::{NEW, World, by_replicas, canary};

    fn judged(stable: Option<f64>, candidate: Option<f64>) -> Judgement {
        let arm = |rps| ArmStats { rps, ..ArmStats::default() };
        let arms = BTreeMap::from([(Track::Stable, arm(stable)), (Track::Candidate, arm(candidate))]);
        Judgement { arms: BTreeMap::from([("web".into(), arms)]), ..Judgement::default() }
    }

    fn lines(world: &World, judgement: &Judgement, weight: u8) -> Vec<String> {
        let images = [("web".to_owned(), Image::parse(NEW).unwrap())].into();
        let command = Command::Start { images, cause: None };
        let order = Order { id: "o".into(), command, actor: "ada".into(), at: world.now.wall, mark: None };
        let run = after(&world.release, None, Some(&world.observe()), &order, world.now).unwrap();
        told(&run, &world.observe(), judgement, Weight::capped(weight))
    }

    #[test]
    fn a_weight_is_told_in_requests_per_pod() {
        let mut world = World::new(canary(&["web"]));
        assert_eq!(
            lines(&world, &judged(Some(40.0), None), 50),
            ["web at 50 %: about 10 req/s per pod on 2 pods, 10 on each of stable's 4 today"]
        );
        let w = world.workload("web", Track::Candidate);
        (w.replicas, w.ready, w.ready_addresses) = (1, 1, 1);
        assert_eq!(lines(&world, &judged(Some(36.0), Some(4.0)), 25), ["web at 25 %: about 10 req/s per pod on 1 pod, 4.0 on 1 today"]);
        world.workload("web", Track::Candidate).hpa = Some(Autoscaler { name: "web".into(), ..Autoscaler::default() });
        assert_eq!(
            lines(&world, &judged(Some(36.0), Some(4.0)), 100),
            ["web at 100 %: about 40 req/s per pod on 1 pod, 4.0 on 1 today"],
            "an autoscaler owns the pods: none is added by us"
        );
    }

    #[test]
    fn what_is_not_counted_is_not_told() {
        let world = World::new(canary(&["web"]));
        assert!(lines(&world, &judged(None, Some(4.0)), 50).is_empty(), "no Prometheus is declared");
        assert!(lines(&world, &judged(Some(f64::NAN), None), 50).is_empty());
        assert!(lines(&World::new(by_replicas()), &judged(Some(40.0), None), 50).is_empty(), "pods are the weight");
    }
}
