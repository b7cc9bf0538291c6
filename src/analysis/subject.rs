//! Which side is judged, and which pods belong to it.

use serde::{Deserialize, Serialize};

use crate::domain::observed::{Observed, Workload};
use crate::domain::release::{Component, Track};

/// One version of one workload: evidence never crosses it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// The Deployment's uid.
    pub uid: String,
    /// Its newest `pod-template-hash`, where known.
    pub template_hash: Option<String>,
}

impl Version {
    /// A workload's.
    pub fn of(workload: &Workload) -> Version {
        Version { uid: workload.uid.clone(), template_hash: workload.template_hash.clone() }
    }

    /// Whether `next` is another version. What is not known is not another.
    pub fn differs(&self, next: &Version) -> bool {
        let hashes = self.template_hash.as_ref().zip(next.template_hash.as_ref());
        (!self.uid.is_empty() && !next.uid.is_empty() && self.uid != next.uid) || hashes.is_some_and(|(a, b)| a != b)
    }
}

/// The template hash in a pod's name, if it is the name of a Deployment's pod: `web-5d4f8c7b6-x2x7k` of `web`.
pub fn template_hash<'a>(pod: &'a str, deployment: &str) -> Option<&'a str> {
    let (hash, suffix) = pod.strip_prefix(deployment)?.strip_prefix('-')?.rsplit_once('-')?;
    let plain = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    (suffix.len() == 5 && plain(suffix) && plain(hash)).then_some(hash)
}

/// The candidate's share of the route in whole percent, as far as it is known.
pub fn candidate_percent(component: &Component, observed: &Observed) -> Option<u8> {
    let past = observed.components.get(&component.name)?.past();
    observed.route(&component.name).map(|facts| match facts.percent() {
        0 if facts.candidate > 0 || past.is_some() => 1,
        percent => percent,
    })
}

/// Whether both sides run the same images: then nothing new waits in the candidate, the new version (if there is one) serves
/// as stable.
pub fn same_images(component: &Component, observed: &Observed) -> bool {
    let container = component.container.as_deref();
    let image = |track| observed.workload(&component.name, track).and_then(|w| w.image(container)).map(|i| i.image.as_str());
    match (image(Track::Stable), image(Track::Candidate)) {
        (Some(stable), Some(candidate)) => stable == candidate,
        (Some(_), None) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::world::World;
    use super::*;
    use crate::domain::beside::Beside;

    #[test]
    fn testers_with_a_route_of_their_own_are_traffic_of_the_candidate() {
        let mut w = World::new(vec![]);
        w.weight = 0;
        let web = w.release.components[0].clone();
        let mut seen = w.observed();
        assert_eq!(candidate_percent(&web, &seen), Some(0));
        seen.components.get_mut("web").unwrap().beside = Beside::Sends(vec!["HTTPRoute testers".into()]);
        assert_eq!(candidate_percent(&web, &seen), Some(1));
    }

    #[test]
    fn a_pod_belongs_to_one_deployment() {
        assert_eq!(template_hash("web-5d4f8c7b6-x2x7k", "web"), Some("5d4f8c7b6"));
        assert_eq!(template_hash("web-canary-5d4f8c7b6-x2x7k", "web"), None, "not stable's");
        assert_eq!(template_hash("web-canary-5d4f8c7b6-x2x7k", "web-canary"), Some("5d4f8c7b6"));
        assert_eq!(template_hash("web-5d4f8c7b6-x2", "web"), None);
        assert_eq!(template_hash("web", "web"), None);
    }
}
