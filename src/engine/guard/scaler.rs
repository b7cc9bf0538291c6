//! What an autoscaler's own measures say of a weight.

use crate::domain::observed::{Autoscaler, ComponentObserved, Pressure};
use crate::domain::weight::Weight;

/// An autoscaler leaves a measure alone that is above its target by less than a tenth.
const TOLERANCE: f64 = 1.1;

/// `HPA web 10/10 at its ceiling, cpu 92 % of 70 %`, where it may have no more pods.
pub(super) fn ceiling(hpa: &Autoscaler) -> Option<String> {
    let over = hpa.metrics.iter().find(|m| m.is_over()).map(|m| format!(", {m}")).unwrap_or_default();
    (hpa.current >= hpa.max).then(|| format!("HPA {} {}/{} at its ceiling{over}", hpa.name, hpa.current, hpa.max))
}

/// Why the candidate's autoscaler could not follow a rise to `weight`, and the highest weight that it could: its pods are
/// at work beyond its target already and it may have no more; or, at the share each side has now, it would need more than
/// it may have.
///
/// The side with more of the traffic tells how much work the traffic is: on a few percent of it, a pod's idle load would
/// count many times over. Memory does not grow with the traffic.
pub(super) fn against(seen: &ComponentObserved, weight: Weight) -> Option<(String, Weight)> {
    let hpa = seen.candidate.as_ref()?.hpa.as_ref().filter(|h| h.max > 0)?;
    let share = seen.route.as_ref().ok()?.percent();
    if weight.percent() <= share {
        return None;
    }
    if let Some(why) = ceiling(hpa).filter(|_| hpa.metrics.iter().any(Pressure::is_over)) {
        return Some((why, Weight::capped(share)));
    }
    let (teller, base) = match share {
        50.. => (hpa, share),
        _ => (seen.stable.as_ref()?.hpa.as_ref()?, 100 - share),
    };
    // Pods of the candidate's autoscaler per percent of the traffic.
    let each = |m: &Pressure| Some(target(hpa, m)?.pods(teller.current) / f64::from(base));
    let costly = teller.metrics.iter().filter(|m| m.name.as_str() != "memory").filter_map(|m| Some((m, each(m)?)));
    let (measure, each) = costly.max_by(|a, b| a.1.total_cmp(&b.1))?;
    let needed = each * f64::from(weight.percent());
    let most = f64::from(hpa.max) * TOLERANCE;
    if needed <= most {
        return None;
    }
    let why = format!(
        "{weight} needs about {:.0} pods ({measure} on {} pods at {base} %), and HPA {} may have {}",
        needed.ceil(),
        teller.current,
        hpa.name,
        hpa.max
    );
    Some((why, Weight::capped((most / each).floor().clamp(f64::from(share), 100.0) as u8)))
}

/// A measure beside the target that the candidate's autoscaler has for it.
fn target(hpa: &Autoscaler, measure: &Pressure) -> Option<Pressure> {
    let own = hpa.metrics.iter().find(|m| m.name == measure.name && m.percent == measure.percent);
    // One that was just made has no values yet; most have the same target.
    let target = if hpa.metrics.is_empty() { measure.target } else { own?.target };
    Some(Pressure { target, ..measure.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::release::Track;
    use crate::engine::world::{World, canary};

    fn cpu(now: u64) -> Vec<Pressure> {
        vec![Pressure { name: "cpu".into(), now, target: 70, percent: true }]
    }

    /// Against a weight, where both sides have so many pods (of 10) with so much CPU.
    fn said(share: u32, stable: (u32, u64), candidate: (u32, u64), weight: u8) -> Option<(String, u8)> {
        let mut world = World::new(canary(&["web"]));
        *world.parts("web") = (100 - share, share);
        for (track, (pods, now)) in [(Track::Stable, stable), (Track::Candidate, candidate)] {
            let metrics = if now == 0 { vec![] } else { cpu(now) };
            world.workload("web", track).hpa =
                Some(Autoscaler { name: "web".into(), min: 1, max: 10, current: pods, metrics, ..Autoscaler::default() });
        }
        against(&world.observe().components["web"], Weight::capped(weight)).map(|(why, safe)| (why, safe.percent()))
    }

    #[test]
    fn at_its_ceiling_and_above_its_target_it_takes_no_more() {
        let why = "HPA web 10/10 at its ceiling, cpu 92 % of 70 %".to_owned();
        assert_eq!(said(25, (10, 30), (10, 92), 50), Some((why, 25)));
        assert_eq!(said(25, (10, 30), (10, 75), 50), None, "an autoscaler overlooks a tenth");
        assert_eq!(said(25, (10, 30), (9, 92), 50), None, "it may have one more");
        assert_eq!(said(50, (10, 30), (10, 92), 25), None, "less is always borne");
    }

    #[test]
    fn what_a_share_needs_is_told_from_the_side_that_has_more() {
        let why = "75 % needs about 12 pods (cpu 80 % of 70 % on 8 pods at 60 %), and HPA web may have 10".to_owned();
        assert_eq!(said(60, (1, 99), (8, 80), 75), Some((why, 72)), "11 pods in all, a tenth overlooked");
        assert_eq!(said(60, (1, 99), (8, 80), 72), None, "the highest weight that was told is safe");
        let why = "100 % needs about 13 pods (cpu 80 % of 70 % on 10 pods at 90 %), and HPA web may have 10".to_owned();
        assert_eq!(said(10, (10, 80), (1, 60), 100), Some((why, 86)), "a candidate with little says little");
        assert_eq!(said(10, (10, 0), (1, 60), 100), None, "nothing is known");
        assert_eq!(said(0, (10, 60), (1, 0), 100), None, "one without values has the same target");
    }

    #[test]
    fn memory_does_not_grow_with_the_traffic() {
        let mut world = World::new(canary(&["web"]));
        *world.parts("web") = (50, 50);
        let metrics = vec![Pressure { name: "memory".into(), now: 75, target: 80, percent: true }];
        world.workload("web", Track::Candidate).hpa =
            Some(Autoscaler { name: "web".into(), min: 1, max: 10, current: 8, metrics, ..Autoscaler::default() });
        assert_eq!(against(&world.observe().components["web"], Weight::FULL), None);
    }
}
