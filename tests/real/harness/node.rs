//! A real node: containerd, runc, kubelet and kube-proxy beside a control plane of its own, in namespaces of its own.

mod files;
pub mod image;
mod namespaces;

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use super::assets::Assets;
use super::control_plane::ControlPlane;
use super::deadline::eventually_sync;
use super::supervised::{Supervised, temporary_folder};
use image::Image;

const NAME: &str = "node-1";
/// The bridge's address is the node's: loopback is refused.
const ADDRESS: &str = "10.88.0.1";
const START: Duration = Duration::from_secs(120);

/// The running node.
#[derive(Debug)]
pub struct Node {
    /// Its control plane.
    pub plane: &'static ControlPlane,
    dir: PathBuf,
    servers: Vec<(&'static str, Supervised)>,
    images: Mutex<BTreeSet<String>>,
}

/// Carries out `body` on the node. Outside of the node's namespaces this asks what came of `test`, its full name, inside.
///
/// # Panics
/// When it fails, or when no node can be had although one must be.
pub fn on_a_node(test: &str, body: impl AsyncFnOnce(&'static Node)) {
    let Some(cgroup) = namespaces::cgroup() else { return namespaces::verdict(test) };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    runtime.block_on(async { body(Node::get(test, &cgroup)).await });
}

impl Node {
    fn get(test: &str, cgroup: &str) -> &'static Self {
        static NODE: OnceLock<Result<Node, String>> = OnceLock::new();
        match NODE.get_or_init(|| Self::start(Assets::find(test).expect("who made the namespaces had found them"), cgroup)) {
            Ok(node) => node,
            Err(why) => panic!("the node did not start: {why}"),
        }
    }

    fn start(assets: Assets, cgroup: &str) -> Result<Self, String> {
        let plane: &'static ControlPlane = Box::leak(Box::new(ControlPlane::without_nodes(assets)?));
        let began = Instant::now();
        let dir = temporary_folder("node-").map_err(|error| format!("temporary folder: {error}"))?;
        let mut node = Self { plane, dir, servers: Vec::new(), images: Mutex::default() };
        node.start_containerd()?;
        node.load(&Image { name: files::PAUSE.to_owned(), args: vec!["pause".to_owned()], env: vec![] })?;
        let kubeconfig = |user: &str| plane.kubeconfig(user, "default", plane.port());
        let config = node.write("kubelet.yaml", &files::kubelet(&node.dir, cgroup).to_string())?;
        let flags = [
            ("config", config),
            ("kubeconfig", kubeconfig("kubelet").display().to_string()),
            ("root-dir", node.path("kubelet")),
            ("hostname-override", NAME.to_owned()),
            ("node-ip", ADDRESS.to_owned()),
        ];
        node.server("kubelet", &plane.assets().path("kubelet"), &flags)?;
        let config = node.write("kube-proxy.yaml", &files::proxy(&kubeconfig("kube-proxy")).to_string())?;
        node.server("kube-proxy", &plane.assets().path("kube-proxy"), &[("config", config)])?;
        node.until("a ready node", || {
            let ready = "jsonpath={.items[*].status.conditions[?(@.type=='Ready')].status}";
            match plane.kubectl(&["get", "nodes", "-o", ready]) {
                Ok(answer) if answer == "True" => Ok(()),
                Ok(answer) | Err(answer) => Err(answer),
            }
        })?;
        let _ = writeln!(std::io::stderr(), "node ready after {:.1} s in {}", began.elapsed().as_secs_f64(), node.dir.display());
        Ok(node)
    }

    fn start_containerd(&mut self) -> Result<(), String> {
        let plugins = namespaces::plugins().ok_or("no CNI plugins")?;
        let network = self.dir.join("cni");
        std::fs::create_dir(&network).map_err(|error| format!("{}: {error}", network.display()))?;
        self.write("cni/node.conflist", &files::network(&self.dir).to_string())?;
        let config = self.write("containerd.toml", &files::containerd(&self.dir, &plugins))?;
        self.server("containerd", Path::new("containerd"), &[("config", config)])?;
        let dir = self.dir.clone();
        self.until("containerd", || ctr(&dir, &["version"]).map(drop))
    }

    /// Makes an image and puts it where kubelet finds it. One name stands for one image: it is made once.
    ///
    /// # Errors
    /// What went wrong.
    pub fn load(&self, image: &Image) -> Result<(), String> {
        let mut made = self.images.lock().map_err(|_| "an image before this one failed".to_owned())?;
        if made.contains(&image.name) {
            return Ok(());
        }
        let file = image.pack(&self.plane.assets().path(""), &self.dir.join("images"))?;
        ctr(&self.dir, &["--namespace", "k8s.io", "images", "import", &file.display().to_string()])?;
        made.insert(image.name.clone());
        Ok(())
    }

    fn server(&mut self, name: &'static str, program: &Path, flags: &[(&str, String)]) -> Result<(), String> {
        let args: Vec<String> = flags.iter().map(|(flag, value)| format!("--{flag}={value}")).collect();
        let log = self.dir.join(format!("{name}.log"));
        let server = Supervised::server(program, &args, &log).map_err(|error| format!("{name}: {error}"))?;
        self.servers.push((name, server));
        Ok(())
    }

    /// Waits; a server that ended is an error at once.
    fn until(&mut self, what: &str, mut look: impl FnMut() -> Result<(), String>) -> Result<(), String> {
        let servers = &mut self.servers;
        eventually_sync(what, START, || {
            let died = servers.iter_mut().find_map(|(name, server)| Some((*name, server.ended()?, server.read_out())));
            died.map_or_else(&mut look, |(name, code, log)| {
                let tail: Vec<&str> = log.lines().rev().take(8).collect();
                Err(format!("{name} ended with {code}: {}", tail.into_iter().rev().collect::<Vec<_>>().join("\n")))
            })
        })
    }

    fn write(&self, name: &str, text: &str) -> Result<String, String> {
        let path = self.dir.join(name);
        std::fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(path.display().to_string())
    }

    fn path(&self, name: &str) -> String {
        self.dir.join(name).display().to_string()
    }
}

/// containerd's own client.
fn ctr(dir: &Path, args: &[&str]) -> Result<String, String> {
    let mut command = Command::new("ctr");
    command.arg("--address").arg(dir.join("containerd.sock")).args(args).stdin(Stdio::null());
    let output = command.output().map_err(|error| format!("ctr: {error}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(format!("ctr {args:?}: {}", text(&output.stderr))) }
}
