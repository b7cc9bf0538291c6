//! A machine inside the machine: namespaces for processes, mounts and network, made anew for each test binary.
//!
//! The test binary starts itself a second time, as what runs inside. Bridges, rules, mounts, containers and their shims end with the first process
//! in there, and the kernel ends that one when whoever started it is gone: no test can leave anything running.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use crate::harness::assets::Assets;
use crate::harness::deadline::eventually_sync;
use crate::harness::supervised::{Supervised, at_the_end, temporary_folder};

/// Set inside, to the folder of this run.
const INSIDE: &str = "CUTOVER_NODE_CGROUP";
const INIT: &str = include_str!("init.sh");
/// For all tests on the node together.
const LIMIT: Duration = Duration::from_secs(1500);

/// Removes the pods' cgroups, children first. They cannot be removed before the last process in them is gone.
const SWEEP: &str = r#"
read -r _
for try in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
  find /sys/fs/cgroup -depth -type d -path "*/$1*" -exec rmdir {} + 2>/dev/null
  [ -z "$(find /sys/fs/cgroup -maxdepth 2 -type d -name "$1")" ] && exit 0
  sleep 0.25
done
"#;

/// The cgroup above this run's pods; `None` outside.
pub fn cgroup() -> Option<String> {
    std::env::var(INSIDE).ok()
}

/// Where the CNI plugins are.
pub fn plugins() -> Option<PathBuf> {
    ["/usr/lib/cni", "/opt/cni/bin"].map(PathBuf::from).into_iter().find(|dir| dir.join("bridge").exists())
}

/// What came of `test` inside. Whoever asks first has all tests on the node run; the others wait for the same run.
///
/// # Panics
/// When it failed there, with what it said; and when there can be no node here although `CUTOVER_REQUIRE_REAL=1`.
pub fn verdict(test: &str) {
    static RUN: OnceLock<Run> = OnceLock::new();
    if Assets::find(test).is_none() {
        return;
    }
    if let Some(why) = missing() {
        let required = std::env::var("CUTOVER_REQUIRE_REAL").is_ok_and(|value| value == "1");
        assert!(!required, "CUTOVER_REQUIRE_REAL=1, but there can be no real node here: {why}");
        let _ = writeln!(std::io::stderr(), "LEFT OUT: {test} needs a real node: {why}");
        return;
    }
    let run = RUN.get_or_init(Run::carry_out);
    if run.out.lines().any(|line| line == format!("test {test} ... ok")) {
        return;
    }
    let about = run.out.find(&format!("---- {test} stdout ----")).and_then(|at| run.out.get(at..));
    let about = about.map(|text| text.split("\n----").next().unwrap_or_default());
    panic!("on the real node ({}):\n{}", run.end, about.map_or_else(|| format!("{}{}", run.out, run.err), str::to_owned));
}

/// Why no node can be had here.
fn missing() -> Option<String> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let root = status.lines().find(|line| line.starts_with("Uid:")).is_some_and(|line| line.split_whitespace().nth(1) == Some("0"));
    if !root {
        return Some("namespaces, mounts and containers want root".to_owned());
    }
    let programs = [
        ("containerd", "containerd"),
        ("ctr", "containerd"),
        ("runc", "runc"),
        ("nft", "nftables"),
        ("ip", "iproute2"),
        ("tar", "tar"),
        ("unshare", "util-linux"),
    ];
    let path = std::env::var_os("PATH").unwrap_or_default();
    let there = |name: &str| std::env::split_paths(&path).any(|dir| dir.join(name).exists());
    if let Some((program, package)) = programs.into_iter().find(|(program, _)| !there(program)) {
        return Some(format!("{program} is not installed (Debian: apt-get install {package})"));
    }
    if plugins().is_none() {
        return Some("CNI plugins are not installed (Debian: apt-get install containernetworking-plugins)".to_owned());
    }
    let tried = Command::new("unshare").args(["--pid", "--fork", "--mount", "--mount-proc", "--net", "true"]).output();
    match tried {
        Ok(output) if output.status.success() => None,
        Ok(output) => Some(format!("no namespaces can be made: {}", String::from_utf8_lossy(&output.stderr).trim())),
        Err(error) => Some(format!("unshare: {error}")),
    }
}

/// All tests on the node, carried out inside.
struct Run {
    out: String,
    err: String,
    /// How it ended.
    end: String,
}

impl Run {
    fn carry_out() -> Self {
        let dir = temporary_folder("cutover-node-").expect("a temporary folder");
        let cgroup = dir.file_name().expect("a name").to_string_lossy().into_owned();
        at_the_end(SWEEP, Path::new(&cgroup)).expect("a shell to clean up");
        let init = dir.join("init.sh");
        std::fs::write(&init, INIT).expect("writing into our own folder");
        let mut args: Vec<String> =
            ["--pid", "--fork", "--kill-child=KILL", "--mount", "--mount-proc", "--net", "sh"].map(str::to_owned).to_vec();
        args.extend([init.display().to_string(), cgroup.clone()]);
        args.push(std::env::current_exe().expect("our own binary").display().to_string());
        args.extend(filters());
        // They wait for holds and back-offs most of the time, and whoever waits outside leaves the cores alone.
        args.push("--test-threads=3".to_owned());
        // Folders that are made inside go with ours: whoever would remove them there does not outlive the namespaces.
        let envs = [(INSIDE, cgroup), ("TMPDIR", dir.display().to_string())];
        let mut inside = Supervised::program(Path::new("unshare"), &args, &envs, &dir.join("tests")).expect("starting unshare");
        let began = Instant::now();
        let ended = eventually_sync("an end", LIMIT, || inside.ended().ok_or_else(|| "still at it".to_owned()));
        let end = ended.map_or_else(|why| why, |code| format!("ended with {code} after {:.0} s", began.elapsed().as_secs_f64()));
        inside.kill();
        Self { out: inside.read_out(), err: inside.read_err(), end }
    }
}

/// The tests on the node that were asked for; without a word about them, all.
fn filters() -> Vec<String> {
    let asked: Vec<String> = std::env::args().skip(1).filter(|arg| arg.starts_with("node::")).collect();
    if asked.is_empty() { vec!["node::".to_owned()] } else { asked }
}
