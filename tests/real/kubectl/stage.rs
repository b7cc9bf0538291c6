//! Both worlds with one kubectl before them, and what it says of each.

use std::fmt::Write;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use cutover::sim::http::Server;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::Command;

use super::normal;
use super::script::{Line, Script, split};
use crate::harness::control_plane::ControlPlane;
use crate::harness::supervised::temporary_folder;

/// How long one command may take.
const SOON: Duration = Duration::from_secs(90);
/// How long both worlds may take to say the same.
const SETTLED: Duration = Duration::from_secs(30);
/// How long between two looks.
const LOOK: Duration = Duration::from_millis(200);

/// A stock kubectl.
pub struct Kubectl {
    version: &'static str,
    program: PathBuf,
}

/// The versions of kubectl that are tried.
pub fn versions(plane: &ControlPlane) -> Vec<Kubectl> {
    [("1.36", "kubectl"), ("1.32", "v1.32/kubectl")].map(|(version, file)| Kubectl { version, program: plane.assets().path(file) }).into()
}

/// A namespace of the same name in both worlds, and a kubectl for it.
pub struct Stage {
    kubectl: Kubectl,
    /// kubeconfigs of the real and the embedded world.
    worlds: [PathBuf; 2],
    folder: PathBuf,
}

/// What kubectl said.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Told {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Stage {
    /// Makes the namespaces and the files.
    ///
    /// # Panics
    /// When one cannot be made.
    pub async fn set(script: &Script, plane: &ControlPlane, server: &Server, kubectl: Kubectl) -> Self {
        let namespace = format!("kubectl-{}-{}", script.name, kubectl.version.replace('.', ""));
        let folder = temporary_folder("cutover-kubectl-").expect("a folder");
        for (name, text) in &script.files {
            std::fs::write(folder.join(name), text).expect("a file of the script");
        }
        let embedded = folder.join("embedded.kubeconfig");
        server.write_kubeconfig(&embedded, &namespace).expect("the kubeconfig");
        let real = folder.join("real.kubeconfig");
        std::fs::copy(plane.kubeconfig("harness", &namespace, plane.port()), &real).expect("the kubeconfig");
        let stage = Self { kubectl, worlds: [real, embedded], folder };
        for world in 0..2 {
            let told = stage.run(world, &split(&format!("create namespace {namespace}")), None).await;
            assert_eq!(told.code, Some(0), "{told:?}");
        }
        stage
    }

    /// Plays a script; answers how many lines there were and what differed.
    pub async fn play(&self, script: &Script) -> (usize, Vec<String>) {
        let (mut count, mut differing) = (0, Vec::new());
        for line in script.lines.iter().filter(|line| line.only.as_ref().is_none_or(|only| *only == self.kubectl.version)) {
            count += 1;
            differing.extend(self.line(line).await);
        }
        (count, differing)
    }

    /// Runs a line on both worlds; what differs, for people to read.
    async fn line(&self, line: &Line) -> Option<String> {
        let started = Instant::now();
        loop {
            let (real, embedded) = tokio::join!(self.told(0, line), self.told(1, line));
            let mut text = String::new();
            if line.read.is_none() && real.code != Some(line.code) {
                let _ = writeln!(text, "  the script itself is wrong: on the real world it ends with {:?}: {}", real.code, real.err);
            }
            let (real, embedded) = (seen(line, real), seen(line, embedded));
            for (name, real, embedded) in [("out", &real.out, &embedded.out), ("err", &real.err, &embedded.err)] {
                text.push_str(&differences(name, real, embedded));
            }
            if real.code != embedded.code {
                let _ = writeln!(text, "  ends with {:?} on the real one, with {:?} on the embedded one", real.code, embedded.code);
            }
            if text.is_empty() {
                return None;
            }
            if !line.eventually || started.elapsed() > SETTLED {
                return Some(format!("kubectl {} {}\n{text}", self.kubectl.version, line.text));
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn told(&self, world: usize, line: &Line) -> Told {
        match line.read {
            Some(lines) => self.watch(world, line, lines).await,
            None => self.run(world, &line.words, line.input.as_deref()).await,
        }
    }

    /// What a world answers to GET, as JSON.
    ///
    /// # Panics
    /// When it is none.
    pub async fn raw(&self, world: usize, path: &str) -> serde_json::Value {
        let told = self.run(world, &split(&format!("get --raw {path}")), None).await;
        serde_json::from_str(&told.out).unwrap_or_else(|error| panic!("{path}: {error}: {told:?}"))
    }

    fn command(&self, world: usize, words: &[String]) -> Command {
        let mut command = Command::new(&self.kubectl.program);
        command.arg("--kubeconfig").arg(&self.worlds[world]).args(words).current_dir(&self.folder);
        // Its cache lies below the home: each world has one of its own. No preferences of whoever runs the tests.
        command.env("HOME", self.folder.join(format!("home-{world}"))).env("KUBERC", "off").env_remove("KUBECONFIG");
        // It ends before collecting garbage would pay: a fifth of its time.
        command.env("GOGC", "off");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        command
    }

    async fn run(&self, world: usize, words: &[String], input: Option<&str>) -> Told {
        let mut command = self.command(world, words);
        if let Some(input) = input {
            command.stdin(std::fs::File::open(self.folder.join(input)).expect("the input is one of the script's files"));
        }
        let Ok(ended) = tokio::time::timeout(SOON, command.output()).await else {
            return Told { code: None, out: String::new(), err: format!("no end within {SOON:?}") };
        };
        let ended = ended.expect("kubectl ends");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Told { code: ended.status.code(), out: text(&ended.stdout), err: text(&ended.stderr) }
    }

    /// Reads so many lines of a command that does not end; runs others once it has said its first.
    async fn watch(&self, world: usize, line: &Line, lines: usize) -> Told {
        let mut child = self.command(world, &line.words).spawn().expect("kubectl starts");
        let mut out = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let mut told = String::new();
        let reading = async {
            for number in 0..lines {
                let Some(text) = out.next_line().await.expect("kubectl writes") else { break };
                told += &text;
                told.push('\n');
                if number == 0 {
                    for other in &line.meanwhile {
                        self.run(world, other, None).await;
                    }
                }
            }
        };
        let in_time = tokio::time::timeout(SOON, reading).await.is_ok();
        child.kill().await.expect("it ends");
        let mut err = String::new();
        child.stderr.take().expect("a pipe").read_to_string(&mut err).await.expect("what it complained about");
        let code = in_time.then_some(0);
        Told { code, out: told, err }
    }
}

/// What is compared of what was said.
fn seen(line: &Line, told: Told) -> Told {
    if line.quiet {
        return Told { code: told.code, out: String::new(), err: String::new() };
    }
    let cut = |text: &str| {
        let kept = text.lines().filter(|text| !line.without.iter().any(|begin| text.trim_start().starts_with(begin.as_str())));
        let mut kept = kept.fold(String::new(), |all, text| all + text + "\n");
        if !text.is_empty() && !text.ends_with('\n') {
            kept.push_str("<no end of line>");
        }
        let text = kept;
        normal::equal(&if line.words.first().is_some_and(|word| word == "top") { normal::amounts(&text) } else { text })
    };
    let (mut out, err) = (cut(&told.out), cut(&told.err));
    if line.sorted {
        let mut lines: Vec<&str> = out.lines().collect();
        lines.sort_unstable();
        out = lines.join("\n");
    }
    Told { code: told.code, out, err }
}

/// Lines that are only in one of two texts.
fn differences(name: &str, real: &str, embedded: &str) -> String {
    const SHOWN: usize = 60;
    let (real, embedded): (Vec<&str>, Vec<&str>) = (real.lines().collect(), embedded.lines().collect());
    // The common head and tail are of no interest; what is between them is shown whole.
    let head = real.iter().zip(&embedded).take_while(|(a, b)| a == b).count();
    let rest = real.len().min(embedded.len()) - head;
    let tail = real.iter().rev().zip(embedded.iter().rev()).take(rest).take_while(|(a, b)| a == b).count();
    let mut text = String::new();
    for (side, lines) in [("real    ", &real[head..real.len() - tail]), ("embedded", &embedded[head..embedded.len() - tail])] {
        for line in lines.iter().take(SHOWN) {
            let _ = writeln!(text, "  {side} {name}| {line}");
        }
    }
    text
}
