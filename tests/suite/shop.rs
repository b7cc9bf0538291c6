//! A shop on the embedded cluster for the real binary: served through a front that keeps a log and can misbehave, with a
//! home folder that holds a kubeconfig and a release file.

use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use cutover::sim::http::{Clock, Options, Server};
use cutover::sim::kernel::resource::{CONFIG_MAP, DEPLOYMENT, LEASE, SERVICE, VIRTUAL_SERVICE};
use cutover::sim::kernel::world::Denial;
use cutover::sim::kernel::{Kernel, Resource};
use cutover::sim::scenario::Scenario;
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;

pub mod background;
pub mod front;

use front::Front;

/// The namespace of the scenarios.
pub const NAMESPACE: &str = "fusion-ecommerce";
/// The Deployments, the VirtualService and the Service of scenario `healthy`.
pub const STABLE: &str = "fusion-electronics-backend";
pub const CANARY: &str = "fusion-electronics-backend-canary";
/// What stable runs, and what is released.
pub const OLD: &str = "registry.io/fusion-electronics-backend:v1.4.2";
pub const NEW: &str = "registry.io/fusion-electronics-backend:v1.5.0";
/// Longest that anything in these tests may take, on a busy machine.
pub const SOON: Duration = Duration::from_secs(90);

/// The shop.
pub struct Shop {
    pub front: Front,
    pub home: TempDir,
    server: Option<Server>,
    runtime: Runtime,
}

impl Shop {
    /// A scenario's objects, their pods ready, on a clock that begins at the machine's and runs at `speed`.
    pub fn open(scenario: &str, speed: f64) -> Shop {
        Shop::of(&Scenario::built_in(scenario).unwrap(), speed)
    }

    pub fn of(scenario: &Scenario, speed: f64) -> Shop {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let past = Duration::from_secs(90);
        let mut kernel = Kernel::new(1, jiff::Timestamp::now() - past);
        scenario.install(&mut kernel).unwrap();
        let options = Options { clock: Clock::LockStep, ..Options::default() };
        let server = runtime.block_on(Server::start(kernel, options)).unwrap();
        server.handle().advance_to(u64::try_from(past.as_millis()).unwrap());
        server.handle().set_clock(Clock::Scaled { speed });
        let front = runtime.block_on(Front::open(server.handle()));
        let home = tempfile::tempdir().unwrap();
        let shop = Shop { front, home, server: Some(server), runtime };
        shop.file("kubeconfig", &kubeconfig(&shop.front.url, "{}"));
        shop
    }

    pub fn file(&self, name: &str, text: &str) {
        std::fs::write(self.home.path().join(name), text).unwrap();
    }

    /// A kubeconfig that leads to the embedded cluster itself, watches included.
    pub fn direct_kubeconfig(&self) -> std::path::PathBuf {
        let path = self.home.path().join("direct");
        self.server.as_ref().unwrap().write_kubeconfig(&path, NAMESPACE).unwrap();
        path
    }

    /// Runs something on the embedded cluster.
    pub fn with<T>(&self, run: impl FnOnce(&mut Kernel) -> T) -> T {
        self.server.as_ref().unwrap().handle().with(run)
    }

    pub fn block_on<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// Takes a verb on a resource away from everybody.
    pub fn deny(&self, verb: &str, group: &str, resource: &str) {
        let denial = Denial { verb: verb.into(), group: group.into(), resource: resource.into(), namespace: String::new() };
        self.with(|kernel| kernel.world.denied = vec![denial]);
    }

    /// An object as it is stored.
    pub fn object(&self, resource: &'static Resource, name: &str) -> Option<Value> {
        self.with(|kernel| kernel.world.store.get(resource, NAMESPACE, name).map(|o| Value::clone(o)))
    }

    pub fn image(&self, deployment: &str) -> String {
        let object = self.object(&DEPLOYMENT, deployment).unwrap();
        object["spec"]["template"]["spec"]["containers"][0]["image"].as_str().unwrap().to_owned()
    }

    pub fn replicas(&self, deployment: &str) -> u64 {
        self.object(&DEPLOYMENT, deployment).unwrap()["spec"]["replicas"].as_u64().unwrap()
    }

    /// The weights of the VirtualService: stable, candidate.
    pub fn weights(&self) -> (u64, u64) {
        let route = self.object(&VIRTUAL_SERVICE, STABLE).unwrap()["spec"]["http"][0]["route"].clone();
        (route[0]["weight"].as_u64().unwrap_or(0), route[1]["weight"].as_u64().unwrap_or(0))
    }

    /// The colour that the Service of scenario `blue-green` selects.
    pub fn colour(&self) -> String {
        self.object(&SERVICE, STABLE).unwrap()["spec"]["selector"]["version"].as_str().unwrap().to_owned()
    }

    /// The stored run, if there is one that can be read.
    pub fn stored(&self) -> Option<Value> {
        let map = self.object(&CONFIG_MAP, "cutover-storefront")?;
        serde_json::from_str(map["data"]["rollout"].as_str()?).ok()
    }

    /// Names of the orders that lie in the stored state.
    pub fn orders_left(&self) -> Vec<String> {
        let map = self.object(&CONFIG_MAP, "cutover-storefront").unwrap_or_default();
        map["data"].as_object().into_iter().flatten().map(|(key, _)| key.clone()).filter(|key| key.starts_with("order-")).collect()
    }

    /// Who holds the Lease.
    pub fn holder(&self) -> String {
        let lease = self.object(&LEASE, "cutover-storefront").unwrap_or_default();
        lease["spec"]["holderIdentity"].as_str().unwrap_or_default().to_owned()
    }

    /// The Lease of a driver that was killed runs out; without the wait.
    pub fn lease_runs_out(&self) {
        self.with(|kernel| kernel.world.delete(&LEASE, NAMESPACE, "cutover-storefront", "test"));
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cutover"));
        let home = self.home.path();
        command.args(args).env_clear().env("HOME", home).env("KUBECONFIG", home.join("kubeconfig")).env("PATH", "/usr/bin:/bin");
        command.env("USER", "ada").current_dir(home).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub fn spawn(&self, args: &[&str]) -> Running {
        Running::of(self.command(args))
    }

    /// Runs a command to its end.
    pub fn cutover(&self, args: &[&str]) -> Told {
        self.spawn(args).end()
    }

    /// Runs a command that must end with a code.
    pub fn ends(&self, code: i32, args: &[&str]) -> Told {
        let told = self.cutover(args);
        assert_eq!(told.code, Some(code), "cutover {}\n{told:?}", args.join(" "));
        told
    }

    /// The release's `status -o json`.
    pub fn status(&self) -> Value {
        let told = self.ends(0, &["status", "-o", "json"]);
        serde_json::from_str::<Value>(&told.out).unwrap()[0].clone()
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        if let Some(server) = self.server.take() {
            self.runtime.block_on(server.stop());
        }
    }
}

/// A kubeconfig for a server.
pub fn kubeconfig(server: &str, user: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\nclusters:\n- {{name: c, cluster: {{server: \"{server}\"}}}}\nusers:\n- {{name: u, user: {user}}}\n\
         contexts:\n- {{name: rehearsal, context: {{cluster: c, user: u, namespace: {NAMESPACE}}}}}\ncurrent-context: rehearsal\n"
    )
}

/// A release file for scenario `healthy`, without metrics: steps as in YAML's flow style.
pub fn canary(steps: &str) -> String {
    format!(
        "name: storefront\nnamespace: {NAMESPACE}\ncomponents:\n- name: backend\n  stable: {STABLE}\n  candidate: {CANARY}\n  \
         traffic: {{ istio: {{ virtualService: {STABLE} }} }}\nstrategy:\n  canary: {{ steps: [{steps}] }}\ngates: []\n"
    )
}

/// A command that was begun. Killed when it is dropped.
pub struct Running {
    child: Child,
    out: Option<std::thread::JoinHandle<String>>,
    err: Option<std::thread::JoinHandle<String>>,
}

/// What a command came to.
#[derive(Debug)]
pub struct Told {
    /// `None` where a signal ended it.
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Told {
    /// Its output as JSON lines.
    pub fn lines(&self) -> Vec<Value> {
        self.out.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))).collect()
    }
}

impl Running {
    pub fn of(mut command: Command) -> Running {
        let mut child = command.spawn().unwrap();
        let reading = |mut from: Box<dyn Read + Send>| {
            std::thread::spawn(move || {
                let mut bytes = Vec::new();
                let _ = from.read_to_end(&mut bytes);
                String::from_utf8_lossy(&bytes).into_owned()
            })
        };
        let out = reading(Box::new(child.stdout.take().unwrap()));
        let err = reading(Box::new(child.stderr.take().unwrap()));
        Running { child, out: Some(out), err: Some(err) }
    }

    /// Sends a signal by its name: `INT`, `TERM`, `KILL`.
    pub fn signal(&self, name: &str) {
        let status = Command::new("/bin/kill").args([&format!("-{name}"), &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    pub fn is_over(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for its end.
    pub fn end(mut self) -> Told {
        let begun = Instant::now();
        while !self.is_over() && begun.elapsed() < SOON {
            std::thread::sleep(Duration::from_millis(10));
        }
        let hung = !self.is_over();
        let _ = self.child.kill();
        let status = self.child.wait().unwrap();
        let told = Told {
            code: status.code(),
            out: self.out.take().map(|t| t.join().unwrap()).unwrap_or_default(),
            err: self.err.take().map(|t| t.join().unwrap()).unwrap_or_default(),
        };
        assert!(!hung, "it hangs: {told:?}");
        told
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until something is so.
pub fn until(what: &str, mut so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !so() {
        assert!(begun.elapsed() < SOON, "never came: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A rule of the front, shared.
pub fn rule(answer: impl Fn(&str, &str) -> Option<front::Fault> + Send + Sync + 'static) -> front::Rule {
    Arc::new(answer)
}
