//! Pods come, get ready and go, one a tick.

use cutover::domain::time::Millis;

use super::{Deployment, Hand};

/// How often the kubelet and the controllers get to it.
pub const TICK: Millis = Millis(1_000);
/// Ticks until a new pod is ready.
const START: u32 = 2;

/// A pod.
#[derive(Clone, Debug, PartialEq)]
pub struct Pod {
    pub image: String,
    pub age: u32,
    pub ready: bool,
}

impl Deployment {
    /// One tick nearer to what is wanted. `limp` pods cannot be ready; a quota has `left` so many more.
    pub fn tick(&mut self, limp: u32, left: &mut u32, ready: impl Fn(&str) -> bool) {
        // An autoscaler holds its bounds, measured or not; none it leaves alone.
        let bounded = self.scaler.map_or(self.replicas, |(min, max)| self.replicas.clamp(min, max));
        if self.replicas > 0 && bounded != self.replicas {
            self.set_replicas(bounded, Hand::Foreign);
            (self.status, self.generation) = (self.status + 1, self.generation + 1);
        }
        if self.seen != self.generation {
            (self.status, self.seen) = (self.status + 1, self.generation);
        }
        let turned = |pod: &Pod| self.paused || pod.image == self.image;
        let settled = limp == 0 && self.pods.len() == self.replicas as usize && self.pods.iter().all(|p| p.ready && turned(p));
        if settled {
            return;
        }
        self.status += 1;
        for pod in &mut self.pods {
            pod.age += 1;
            pod.ready = pod.age > START && ready(&pod.image);
        }
        for pod in self.pods.iter_mut().take(limp as usize) {
            pod.ready = false;
        }
        self.resize(left);
        if !self.paused {
            self.roll(left);
        }
    }

    /// As many pods as are wanted, and one more while a newer template takes over.
    fn resize(&mut self, left: &mut u32) {
        let wanted = self.replicas as usize;
        let rolling = !self.paused && self.pods.iter().any(|p| p.image != self.image);
        while self.pods.len() > wanted + usize::from(rolling && wanted > 0) {
            // Those that are not ready go first, then the oldest version.
            let (image, pods) = (&self.image, &self.pods);
            let victim = (0..pods.len()).min_by_key(|i| (pods[*i].ready, pods[*i].image == *image, *i)).unwrap_or(0);
            self.pods.remove(victim);
        }
        while self.pods.len() < wanted && take(left) {
            // A paused Deployment scales what it runs.
            let image = if self.paused { self.pods.first().map_or(self.image.clone(), |p| p.image.clone()) } else { self.image.clone() };
            self.pods.push(Pod { image, age: 0, ready: false });
        }
    }

    /// One pod of the old template is replaced once the new one is ready: no more than one is added, none is missed.
    fn roll(&mut self, left: &mut u32) {
        let Some(old) = self.pods.iter().position(|p| p.image != self.image) else { return };
        if self.pods.len() > self.replicas as usize {
            let unready_old = self.pods.iter().position(|p| p.image != self.image && !p.ready);
            // An old one that is not ready is missed by nobody, unless a new one is to take its place first.
            let awaited = self.pods.iter().any(|p| p.image == self.image && !p.ready);
            if self.ready() > self.replicas || unready_old.is_some_and(|_| !awaited || self.ready() >= self.replicas) {
                self.pods.remove(unready_old.unwrap_or(old));
            }
        } else {
            let unready_old = self.pods.iter().position(|p| p.image != self.image && !p.ready);
            if let Some(at) = unready_old {
                self.pods.remove(at);
            }
            if take(left) {
                self.pods.push(Pod { image: self.image.clone(), age: 0, ready: false });
            }
        }
    }
}

/// Whether one more pod may be made.
fn take(left: &mut u32) -> bool {
    let one = *left > 0;
    *left = left.saturating_sub(1);
    one
}
