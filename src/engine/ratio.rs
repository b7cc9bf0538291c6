//! Traffic by the ratio of replicas: how many pods each side gets.

use crate::domain::release::{Component, Router};
use crate::domain::rollout::Rollout;
use crate::domain::step::Step;
use crate::domain::weight::Weight;

/// Pods of stable and candidate that come nearest to a weight with `total` pods in all. Weights of 1–99 leave neither
/// side without a pod when there are two or more.
pub fn split(total: u32, weight: Weight) -> (u32, u32) {
    let candidate = weight.of_total(total);
    (total.saturating_sub(candidate), candidate)
}

/// The weight that a split really is, in percent: 1 of 4 is 25 % whatever was asked.
pub fn real(stable: u32, candidate: u32) -> Option<f64> {
    let total = stable.saturating_add(candidate);
    (total > 0).then(|| f64::from(candidate) * 100.0 / f64::from(total))
}

/// What the weights of a plan come to where pods are the weight: `web: of 4 pods 10 % is 1 (25 %), 50 % is 2 (50 %)`.
pub(super) fn rounding(r: &Rollout) -> Vec<String> {
    let one = |c: &Component| {
        let total = r.targets.get(&c.name).filter(|_| matches!(c.router, Router::Replicas { .. }))?.stable.replicas;
        let share = |weight: Weight| {
            let (stable, candidate) = split(total, weight);
            Some(format!("{weight} is {candidate} ({:.0} %)", real(stable, candidate)?))
        };
        let steps = r.plan.iter().filter_map(|s| if let Step::Shift(w) = s { share(*w) } else { None });
        let steps: Vec<String> = steps.collect();
        (!steps.is_empty()).then(|| format!("{}: of {total} pods {}", c.name, steps.join(", ")))
    };
    r.release.components.iter().filter_map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_is_told_of_pods_that_are_the_weight_and_of_nothing_else() {
        use crate::domain::command::{Command, Order};
        use crate::domain::image::Image;
        use crate::engine::preview::preview;
        use crate::engine::world::{NEW, World, by_replicas, canary};
        let told = |release: crate::domain::release::Release| {
            let world = World::new(release.clone());
            let images = release.components.iter().map(|c| (c.name.clone(), Image::parse(NEW).unwrap())).collect();
            let command = Command::Start { images, cause: None };
            let order = Order { id: "o".into(), command, actor: "me".into(), at: world.now.wall, mark: None };
            preview(&release, None, Some(&world.observe()), &order, world.now)
        };
        let by_pods = told(by_replicas());
        assert_eq!(
            by_pods.rounding,
            ["web: of 4 pods 10 % is 1 (25 %), 25 % is 1 (25 %), 50 % is 2 (50 %), 75 % is 3 (75 %), 100 % is 4 (100 %)"]
        );
        assert!(by_pods.remarks.contains(&by_pods.rounding[0]));
        assert!(told(canary(&["web"])).rounding.is_empty());
    }

    #[test]
    fn nearest_split() {
        let w = Weight::capped;
        assert_eq!(split(4, w(10)), (3, 1));
        assert_eq!(split(10, w(25)), (7, 3), "2.5 rounds up");
        assert_eq!(split(4, w(100)), (0, 4));
        assert_eq!(split(1, w(50)), (0, 1));
        assert_eq!(real(3, 1), Some(25.0));
        assert_eq!(real(0, 0), None);
    }
}
