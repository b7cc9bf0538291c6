//! What containers have written: one bounded list of lines per container run.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;

/// Lines kept per container run; older ones are dropped, as log rotation does.
const KEEP: usize = 2_000;

/// One run's container: namespace, pod, container.
type Key = (String, String, String);

/// One line and when it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// When it was written.
    pub at: Timestamp,
    /// The text, without a line end.
    pub text: String,
}

/// The lines of one container run. `first` counts the lines that were dropped before the first kept one.
#[derive(Debug, Clone, Default)]
pub struct Run {
    id: u64,
    first: u64,
    lines: VecDeque<Line>,
}

impl Run {
    /// The kept lines from the absolute index `from` on.
    pub fn since(&self, from: u64) -> impl Iterator<Item = &Line> {
        self.lines.iter().skip(usize::try_from(from.saturating_sub(self.first)).unwrap_or(usize::MAX))
    }

    /// Tells runs apart.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// The absolute index after the last line.
    pub fn end(&self) -> u64 {
        self.first + self.lines.len() as u64
    }

    /// The absolute index of the first kept line.
    pub fn first(&self) -> u64 {
        self.first
    }
}

/// The logs of all pods.
#[derive(Debug, Default)]
pub struct Logs {
    current: BTreeMap<Key, Run>,
    previous: BTreeMap<Key, Run>,
    access: BTreeMap<Key, u64>,
    runs: u64,
    written: u64,
}

impl Logs {
    /// Adds a line to the running container's log.
    pub fn write(&mut self, namespace: &str, pod: &str, container: &str, at: Timestamp, text: impl Into<String>) {
        self.written += 1;
        let runs = &mut self.runs;
        let run = self.current.entry(key(namespace, pod, container)).or_insert_with(|| {
            *runs += 1;
            Run { id: *runs, ..Run::default() }
        });
        run.lines.push_back(Line { at, text: text.into() });
        if run.lines.len() > KEEP {
            run.lines.pop_front();
            run.first += 1;
        }
    }

    /// How many lines were ever written: tells followers that there is something new.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// The container restarts: its log becomes the previous one.
    pub fn restart(&mut self, namespace: &str, pod: &str, container: &str) {
        let key = key(namespace, pod, container);
        let run = self.current.remove(&key).unwrap_or_default();
        self.previous.insert(key, run);
    }

    /// The pod is gone, and its logs with it.
    pub fn forget(&mut self, namespace: &str, pod: &str) {
        forget_pod(&mut self.current, namespace, pod);
        forget_pod(&mut self.previous, namespace, pod);
        forget_pod(&mut self.access, namespace, pod);
    }

    /// Until when (virtual milliseconds) the container's access lines were written; from now on, until `now`.
    pub fn access_until(&mut self, namespace: &str, pod: &str, container: &str, now: u64) -> u64 {
        self.access.insert(key(namespace, pod, container), now).unwrap_or(0)
    }

    /// The log of the running container, or of the run before it.
    pub fn run(&self, namespace: &str, pod: &str, container: &str, previous: bool) -> Option<&Run> {
        let runs = if previous { &self.previous } else { &self.current };
        runs.get(&key(namespace, pod, container))
    }
}

fn forget_pod<T>(map: &mut BTreeMap<Key, T>, namespace: &str, pod: &str) {
    let of_pod = |key: &&Key| key.0 == namespace && key.1 == pod;
    let keys: Vec<Key> = map.range(key(namespace, pod, "")..).map(|(key, _)| key).take_while(of_pod).cloned().collect();
    for key in keys {
        map.remove(&key);
    }
}

fn key(namespace: &str, pod: &str, container: &str) -> Key {
    (namespace.to_owned(), pod.to_owned(), container.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restart_keeps_the_last_run_and_rotation_keeps_absolute_indexes() {
        let mut logs = Logs::default();
        let at = Timestamp::UNIX_EPOCH;
        for n in 0..(KEEP + 5) {
            logs.write("ns", "pod", "app", at, format!("line {n}"));
        }
        let run = logs.run("ns", "pod", "app", false).unwrap();
        assert_eq!((run.first(), run.end()), (5, KEEP as u64 + 5));
        assert_eq!(run.since(run.end() - 1).next().unwrap().text, format!("line {}", KEEP + 4));
        logs.restart("ns", "pod", "app");
        assert!(logs.run("ns", "pod", "app", false).is_none());
        assert!(logs.run("ns", "pod", "app", true).is_some());
        logs.forget("ns", "pod");
        assert!(logs.run("ns", "pod", "app", true).is_none());
    }
}
