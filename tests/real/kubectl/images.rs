//! What containers say and how they end, for scripts that read logs of a real kubelet: a real image and a played one of each.

use cutover::sim::kernel::profile::{Crash, Profile};
use serde::Deserialize;

use crate::harness::node::Node;
use crate::harness::node::image::Image;

/// ```yaml
/// images:
///   registry.test/ended:1: { says: [begin], lasts: 4, last: [end] }
/// ```
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Played {
    /// Lines that it says first.
    says: Vec<String>,
    /// Seconds until it ends; never unless said.
    lasts: Option<u64>,
    /// Lines that it says before it ends.
    last: Vec<String>,
    /// What it ends with.
    code: i32,
    /// Only its first run in a pod ends: it leaves a mark in the volume at `/once`.
    once: bool,
    /// It is an init container's.
    init: bool,
    /// There is no such image.
    missing: bool,
}

/// Where the mark is left.
const MARK: &str = "/once/mark";

impl Played {
    /// Puts it where the real kubelet finds it.
    pub fn load(&self, name: &str, node: &Node) {
        if self.missing {
            return;
        }
        let mut env = vec![format!("SHOP_SAYS={}", self.says.join("|")), format!("SHOP_LAST={}", self.last.join("|"))];
        env.extend(self.lasts.map(|seconds| format!("SHOP_LASTS={seconds}s")));
        env.push(format!("SHOP_CODE={}", self.code));
        env.extend(self.once.then(|| format!("SHOP_ONCE={MARK}")));
        node.load(&Image { name: name.to_owned(), args: vec![], env }).expect("an image");
    }

    /// How the embedded cluster plays it.
    pub fn profile(&self) -> Profile {
        let reason = if self.code == 0 { "Completed" } else { "Error" }.to_owned();
        let ends = self.lasts.filter(|_| !self.init).map(|seconds| seconds * 1000);
        Profile {
            pull_ms: 100,
            pull_error: self.missing.then(|| "not found".to_owned()),
            start_ms: self.lasts.filter(|_| self.init).map_or(100, |seconds| seconds * 1000),
            ready_ms: 100,
            start_lines: self.says.clone(),
            crash_lines: self.last.clone(),
            crash: ends.map(|after_ms| Crash { after_ms, exit_code: self.code, reason, times: self.once.then_some(1) }),
            ..Profile::default()
        }
    }
}
