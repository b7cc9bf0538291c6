//! What the pods of one Deployment tell, trimmed page by page, and remembered for a while where they are many.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::tools::Answer;
use super::wire;
use crate::domain::observed::Restart;
use crate::domain::text::SafeText;
use crate::domain::time::Millis;

/// One pod, trimmed as it comes off the wire.
pub(super) struct Pod {
    owners: Vec<String>,
    /// Its name, unless it is on its way out.
    name: Option<Box<str>>,
    digest: Option<String>,
    restarts: Vec<Restarted>,
    problem: Option<SafeText>,
}

/// A container's restarts, with the time of the last instead of its age.
#[derive(Debug)]
struct Restarted {
    restart: Restart,
    ended: Option<Timestamp>,
}

/// What all pods of a Deployment tell.
#[derive(Debug, Default)]
pub(super) struct Pods {
    count: usize,
    names: Vec<Box<str>>,
    digest: Option<String>,
    restarts: Vec<Restarted>,
    problems: Vec<SafeText>,
}

impl Pods {
    /// Those that one of these ReplicaSets owns.
    pub fn owned(pods: Vec<Pod>, owners: &BTreeSet<&str>) -> Pods {
        let mut all = Pods::default();
        pods.into_iter().filter(|p| p.owners.iter().any(|o| owners.contains(o.as_str()))).for_each(|p| all.add(p));
        all
    }

    pub(super) fn add(&mut self, pod: Pod) {
        self.count += 1;
        self.names.extend(pod.name);
        self.digest = self.digest.take().or(pod.digest);
        self.restarts.extend(pod.restarts);
        self.problems.extend(pod.problem);
    }

    /// Names of the pods that are not on their way out.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(AsRef::as_ref)
    }

    /// Digest of the running image of the first container of a pod that reports one.
    pub fn digest(&self) -> Option<String> {
        self.digest.clone()
    }

    /// Restarts with their ages at a time.
    pub fn restarts(&self, at: Timestamp) -> Vec<Restart> {
        let ago = |ended: Timestamp| Millis(u64::try_from(at.as_millisecond() - ended.as_millisecond()).unwrap_or(0));
        self.restarts.iter().map(|r| Restart { ago: r.ended.map(ago), ..r.restart.clone() }).collect()
    }

    /// What keeps pods from running.
    pub fn problems(&self) -> Vec<SafeText> {
        self.problems.clone()
    }
}

/// Trims a pod.
pub(super) fn trim(pod: wire::Pod) -> Pod {
    let here = pod.metadata.deletion_timestamp.is_none();
    Pod {
        digest: digest(&pod),
        restarts: restarts(&pod),
        problem: problem(&pod).filter(|_| here),
        owners: pod.metadata.owner_references.into_iter().map(|o| o.uid).collect(),
        name: here.then(|| pod.metadata.name.into_boxed_str()),
    }
}

fn digest(pod: &wire::Pod) -> Option<String> {
    let id = &pod.status.container_statuses.first()?.image_id;
    id.rsplit_once('@').map(|(_, digest)| digest.to_owned())
}

/// Restarts of a pod's containers. A container that ended as it should and a pod that was evicted say nothing of the release.
fn restarts(pod: &wire::Pod) -> Vec<Restarted> {
    let evicted = pod.status.reason.as_deref() == Some("Evicted");
    let of = |c: &wire::ContainerStatus| {
        let last = c.last_state.terminated.as_ref().or(c.state.terminated.as_ref());
        let harmless = evicted || last.is_some_and(|t| t.reason == "Completed");
        (c.restart_count > 0 && !harmless).then(|| Restarted {
            restart: Restart {
                pod: pod.metadata.uid.clone(),
                container: c.name.clone(),
                count: c.restart_count,
                ago: None,
                reason: last.map(|t| SafeText::from(t.reason.as_str())),
            },
            ended: last.and_then(|t| t.finished_at),
        })
    };
    pod.status.container_statuses.iter().filter_map(of).collect()
}

/// What keeps a pod from running, if anything does.
fn problem(pod: &wire::Pod) -> Option<SafeText> {
    let name = &pod.metadata.name;
    let waiting = |c: &wire::ContainerStatus| {
        let w = c.state.waiting.as_ref().filter(|w| !matches!(w.reason.as_str(), "" | "ContainerCreating" | "PodInitializing"))?;
        Some(format!("{name}: {}: {}", w.reason, w.message))
    };
    let all = pod.status.init_container_statuses.iter().chain(&pod.status.container_statuses);
    let unscheduled = || {
        let c = pod.status.conditions.iter().find(|c| c.r#type == "PodScheduled" && c.status == "False")?;
        Some(format!("{name}: {}: {}", c.reason, c.message))
    };
    all.filter_map(waiting).next().or_else(unscheduled).map(SafeText::from)
}

/// Workloads of so many pods are cheap to read: theirs are read anew every time.
const FEW: usize = 50;
/// Lists of pods that idle releases may have under way at once.
const AT_ONCE: usize = 2;

/// What the pods of large Deployments told, for all that look at them. A real pod has 5 to 13 KB of JSON: nobody wants
/// thousands of them every few seconds.
///
/// While a run is under way it is kept for ten seconds at the most: a container that restarts quickly leaves its Deployment
/// as it was, and must be judged soon all the same. Otherwise nobody acts on it: while a Deployment does not change its list
/// is kept for five minutes, while it does for some seconds more the more pods it has. What decides besides restarts and
/// reasons (replicas, ready pods and addresses, routes) is read fresh in any case.
#[derive(Clone, Debug)]
pub struct Memory {
    told: Arc<Mutex<BTreeMap<String, Told>>>,
    /// Releases that idle wait for one another; others never do.
    gate: Arc<Semaphore>,
    /// What other tools said, by path.
    tools: Arc<Mutex<BTreeMap<String, Answer>>>,
    /// Which ConfigMaps and Secrets are there.
    pub(super) references: super::references::Known,
    /// The routes of the namespaces.
    pub(super) routes: super::beside::Lists,
    /// What is free on the nodes.
    pub(super) nodes: super::room::Lately,
}

impl Default for Memory {
    fn default() -> Self {
        Memory {
            told: Arc::default(),
            gate: Arc::new(Semaphore::new(AT_ONCE)),
            tools: Arc::default(),
            references: Default::default(),
            routes: Default::default(),
            nodes: Default::default(),
        }
    }
}

#[derive(Debug)]
struct Told {
    version: String,
    at: Timestamp,
    pods: Arc<Pods>,
}

impl Told {
    /// How long it is good, in milliseconds.
    fn lasts(&self, changed: bool, closely: bool) -> i64 {
        let pods = i64::try_from(self.pods.count).unwrap_or(i64::MAX);
        match (changed, closely) {
            (_, true) => pods.saturating_mul(10).min(10_000),
            (false, false) => 300_000,
            (true, false) => pods.saturating_mul(20).clamp(10_000, 60_000),
        }
    }
}

impl Memory {
    /// What stood at a path no longer than `lasts` milliseconds ago.
    pub(super) fn answer(&self, path: &str, at: Timestamp, lasts: i64) -> Option<Option<Arc<serde_json::Value>>> {
        let tools = self.tools.lock().unwrap_or_else(PoisonError::into_inner);
        let (when, answer) = tools.get(path)?;
        (0..lasts).contains(&(at.as_millisecond() - when.as_millisecond())).then(|| answer.clone())
    }

    /// Forgets what stood at a path: it was written to.
    pub fn forget_answer(&self, path: &str) {
        self.tools.lock().unwrap_or_else(PoisonError::into_inner).remove(path);
    }

    /// Keeps what stood at a path.
    pub(super) fn keep_answer(&self, path: &str, answer: Answer) {
        self.tools.lock().unwrap_or_else(PoisonError::into_inner).insert(path.to_owned(), answer);
    }

    /// What the pods of this Deployment told lately enough.
    pub(super) fn of(&self, deployment: &wire::Meta, at: Timestamp, closely: bool) -> Option<Arc<Pods>> {
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let told = told.get(&deployment.uid)?;
        let age = at.as_millisecond() - told.at.as_millisecond();
        let lasts = told.lasts(told.version != deployment.resource_version, closely);
        (0..lasts).contains(&age).then(|| Arc::clone(&told.pods))
    }

    /// Keeps what many pods told.
    pub(super) fn keep(&self, deployment: &wire::Meta, at: Timestamp, pods: &Arc<Pods>) {
        let mut all = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if pods.count > FEW {
            all.insert(deployment.uid.clone(), Told { version: deployment.resource_version.clone(), at, pods: Arc::clone(pods) });
        } else {
            all.remove(&deployment.uid);
        }
    }

    /// Waits until one more list may be read.
    pub(super) async fn turn(&self, closely: bool) -> Option<SemaphorePermit<'_>> {
        if closely { None } else { self.gate.acquire().await.ok() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meta(version: &str) -> wire::Meta {
        wire::Meta { uid: "u".into(), resource_version: version.into(), ..wire::Meta::default() }
    }

    fn second(n: i64) -> Timestamp {
        Timestamp::from_second(1_000 + n).unwrap()
    }

    fn kept(pods: usize) -> Memory {
        let memory = Memory::default();
        memory.keep(&meta("1"), second(0), &Arc::new(Pods { count: pods, ..Pods::default() }));
        memory
    }

    #[test]
    fn few_pods_are_read_every_time() {
        assert!(kept(FEW).of(&meta("1"), second(0), false).is_none());
    }

    #[test]
    fn many_are_remembered_longer_while_their_deployment_does_not_change() {
        let memory = kept(1_000);
        let known = |version: &str, s: i64, closely| memory.of(&meta(version), second(s), closely).is_some();
        assert_eq!([known("1", 0, true), known("1", 9, true), known("1", 10, true)], [true, true, false], "in a run never for long");
        assert_eq!([known("1", 299, false), known("1", 300, false)], [true, false]);
        assert_eq!([known("2", 9, true), known("2", 10, true)], [true, false]);
        let fewer = kept(200);
        assert_eq!([1, 2].map(|s| fewer.of(&meta("1"), second(s), true).is_some()), [true, false]);
        assert_eq!([known("2", 19, false), known("2", 20, false)], [true, false]);
        assert!(!known("1", -1, false), "a clock that was set back proves nothing");
        assert!(memory.of(&wire::Meta { uid: "other".into(), ..meta("1") }, second(1), false).is_none());
    }

    #[tokio::test]
    async fn idle_releases_wait_for_one_another_and_the_others_for_nobody() {
        use futures::FutureExt;
        let memory = Memory::default();
        let held = [memory.turn(false).await, memory.turn(false).await];
        assert!(memory.turn(false).now_or_never().is_none());
        assert!(memory.turn(true).now_or_never().is_some());
        drop(held);
        assert!(memory.turn(false).now_or_never().is_some());
    }

    #[test]
    fn a_remembered_restart_grows_older() {
        let restart = Restart { pod: "p".into(), container: "app".into(), count: 1, ago: None, reason: None };
        let pods = Pods { restarts: vec![Restarted { restart, ended: Some(second(0)) }], ..Pods::default() };
        assert_eq!([1, 61].map(|s| pods.restarts(second(s))[0].ago), [Some(Millis::secs(1)), Some(Millis::secs(61))]);
    }
}
