//! A real control plane, once per test binary and version: etcd, kube-apiserver, controller-manager, scheduler, and kwok in place of kubelets.

mod files;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::assets::{Assets, in_repository};
use super::deadline::eventually_sync;
use super::namespace::TestNamespace;
use super::ports;
use super::supervised::{Supervised, temporary_folder};

/// Generous: on two cores that also compile, the API server takes its time.
const START: Duration = Duration::from_secs(300);
/// Each test has users of its own, so that the audit log tells the tests apart.
const NAMESPACES: usize = 200;
/// The harness itself and the components, members of `system:masters` all.
const COMPONENTS: [&str; 7] = ["harness", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy", "kwok", "prometheus"];

/// The Kubernetes version of API server, controller-manager and scheduler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// The oldest that is held to work.
    V1_30,
    /// Between the two.
    V1_33,
    /// What everything else is tested on.
    V1_36,
}

impl Version {
    /// As it stands before the patch number.
    pub fn minor(self) -> &'static str {
        match self {
            Self::V1_30 => "v1.30",
            Self::V1_33 => "v1.33",
            Self::V1_36 => "v1.36",
        }
    }

    /// A server of this version, below the folder of real servers.
    fn server(self, name: &str) -> String {
        match name {
            "kube-apiserver" | "kube-controller-manager" | "kube-scheduler" if self != Self::V1_36 => format!("{}/{name}", self.minor()),
            _ => name.to_owned(),
        }
    }
}

/// Who runs the pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Nodes {
    /// kwok, which only says that they run.
    Played,
    /// A node that the caller brings.
    Brought,
}

/// Who sends a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum User {
    /// A cluster admin (`system:masters`).
    Admin,
    /// Has the rights of `assets/rbac/operator.yaml` in the test's namespace.
    Operator,
    /// Has the rights of `assets/rbac/watcher.yaml` in the test's namespace.
    Watcher,
}

impl User {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Admin, Self::Operator, Self::Watcher];

    /// The user's name in namespace number `index`, as it stands in the audit log.
    pub fn name(self, index: usize) -> String {
        match self {
            Self::Admin => format!("admin-{index}"),
            Self::Operator => format!("operator-{index}"),
            Self::Watcher => format!("watcher-{index}"),
        }
    }
}

/// The running control plane.
#[derive(Debug)]
pub struct ControlPlane {
    assets: Assets,
    version: Version,
    nodes: Nodes,
    dir: PathBuf,
    port: u16,
    etcd: u16,
    namespaces: AtomicUsize,
    servers: Vec<(&'static str, Supervised)>,
}

impl ControlPlane {
    /// The one control plane of this test binary, started by whoever asks first; `None` (and a loud line) without real servers.
    ///
    /// # Panics
    /// When it cannot be started; the text names the server and the end of its log.
    pub fn get(test: &str) -> Option<&'static Self> {
        Self::of(Version::V1_36, test)
    }

    /// The same of another version.
    ///
    /// # Panics
    /// When it cannot be started; the text names the server and the end of its log.
    pub fn of(version: Version, test: &str) -> Option<&'static Self> {
        static PLANES: [OnceLock<Result<ControlPlane, String>>; 3] = [const { OnceLock::new() }; 3];
        let assets = Assets::find(test)?;
        match PLANES[version as usize].get_or_init(|| Self::start(assets, version, Nodes::Played)) {
            Ok(plane) => Some(plane),
            Err(why) => panic!("the control plane did not start: {why}"),
        }
    }

    /// One without nodes: the caller brings a kubelet.
    ///
    /// # Errors
    /// Why it cannot be started; the text names the server and the end of its log.
    pub fn without_nodes(assets: Assets) -> Result<Self, String> {
        Self::start(assets, Version::V1_36, Nodes::Brought)
    }

    /// A control plane of the caller's own, for what would disturb others; it ends with the last reference to it.
    ///
    /// # Panics
    /// As [`ControlPlane::get`].
    #[cfg(feature = "sim")]
    pub fn another(test: &str) -> Option<std::sync::Arc<Self>> {
        let assets = Assets::find(test)?;
        Some(std::sync::Arc::new(
            Self::start(assets, Version::V1_36, Nodes::Played).unwrap_or_else(|why| panic!("the control plane did not start: {why}")),
        ))
    }

    /// A fresh namespace with users of its own.
    ///
    /// # Panics
    /// When the API server refuses, or after too many namespaces.
    pub async fn namespace(&'static self, prefix: &str) -> TestNamespace {
        let index = self.namespaces.fetch_add(1, Ordering::Relaxed);
        assert!(index < NAMESPACES, "more than {NAMESPACES} namespaces in one run: raise NAMESPACES");
        TestNamespace::create(self, prefix, index).await
    }

    /// The API server's port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where etcd listens for clients.
    pub fn etcd_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.etcd)
    }

    /// Programs beside the servers.
    pub fn assets(&self) -> &Assets {
        &self.assets
    }

    /// The API server's audit log.
    pub fn audit_log(&self) -> PathBuf {
        self.dir.join("audit.log")
    }

    /// A kubeconfig of `user` whose requests go to `port`, the API server's or that of something in between.
    ///
    /// # Panics
    /// When the file cannot be written.
    pub fn kubeconfig(&self, user: &str, namespace: &str, port: u16) -> PathBuf {
        let path = self.dir.join(format!("kubeconfig-{user}-{port}"));
        let config = serde_json::json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "real",
            "clusters": [{ "name": "real", "cluster": { "server": format!("https://127.0.0.1:{port}"), "certificate-authority": self.dir.join("pki/apiserver.crt") } }],
            "users": [{ "name": user, "user": { "token": files::token(user) } }],
            "contexts": [{ "name": "real", "context": { "cluster": "real", "user": user, "namespace": namespace } }],
        });
        // Several threads may ask for the same one, and a reader must never see half of it.
        let mut file = tempfile::NamedTempFile::new_in(&self.dir).expect("a file in our own folder");
        file.write_all(config.to_string().as_bytes()).expect("writing the kubeconfig");
        file.persist(&path).expect("renaming the kubeconfig");
        path
    }

    /// Stock kubectl, as the harness: its standard output, or what it complained about.
    ///
    /// # Errors
    /// Standard error, when it exits with anything but 0.
    pub fn kubectl(&self, args: &[&str]) -> Result<String, String> {
        self.kubectl_as(&self.kubeconfig("harness", "default", self.port), args)
    }

    /// Stock kubectl with this kubeconfig.
    ///
    /// # Errors
    /// Standard error, when it exits with anything but 0.
    pub fn kubectl_as(&self, kubeconfig: &Path, args: &[&str]) -> Result<String, String> {
        let output = Command::new(self.assets.path("kubectl"))
            .arg("--kubeconfig")
            .arg(kubeconfig)
            .arg("--cache-dir")
            .arg(self.dir.join("kubectl-cache"))
            .args(args)
            .stdin(Stdio::null())
            .output()
            .map_err(|error| format!("kubectl: {error}"))?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if output.status.success() { Ok(text(&output.stdout)) } else { Err(format!("kubectl {args:?}: {}", text(&output.stderr))) }
    }

    fn start(assets: Assets, version: Version, nodes: Nodes) -> Result<Self, String> {
        // Two TLS providers are in the tree's reach; whoever builds a client first must find this one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let began = Instant::now();
        let dir = temporary_folder("cutover-real-").map_err(|error| format!("temporary folder: {error}"))?;
        let (port, etcd) = (ports::free(), ports::free());
        let mut plane = Self { assets, version, nodes, dir, port, etcd, namespaces: AtomicUsize::new(0), servers: Vec::new() };
        plane.prepare_files()?;
        plane.start_stores()?;
        plane.await_ready(START)?;
        plane.start_controllers()?;
        plane.apply_basics()?;
        if nodes == Nodes::Played {
            plane.kubectl(&["wait", "--for=condition=Ready", "node", "--all", "--timeout=120s"])?;
        }
        // Past the capture of the test runner: it explains the first test's seconds.
        let took = began.elapsed().as_secs_f64();
        let _ = writeln!(std::io::stderr(), "control plane {version:?} ready after {took:.1} s in {}", plane.dir.display());
        Ok(plane)
    }

    fn prepare_files(&self) -> Result<(), String> {
        let write = |name: &str, text: String| std::fs::write(self.dir.join(name), text).map_err(|error| format!("{name}: {error}"));
        write("tokens.csv", files::tokens())?;
        write("audit-policy.yaml", files::AUDIT_POLICY.to_owned())?;
        write("nodes.yaml", files::nodes())?;
        let key = self.dir.join("service-account.key");
        let made = Command::new("openssl").args(["genrsa", "-out"]).arg(&key).arg("2048").stderr(Stdio::null()).status();
        match made {
            Ok(status) if status.success() => Ok(()),
            other => Err(format!("openssl genrsa, for the service accounts' key: {other:?} (is openssl installed?)")),
        }
    }

    fn start_stores(&mut self) -> Result<(), String> {
        let etcd = self.etcd_url();
        let peer = format!("http://127.0.0.1:{}", ports::free());
        self.server(
            "etcd",
            &[
                ("data-dir", self.path("etcd")),
                ("listen-client-urls", etcd.clone()),
                ("advertise-client-urls", etcd.clone()),
                ("listen-peer-urls", peer.clone()),
                ("initial-advertise-peer-urls", peer.clone()),
                ("initial-cluster", format!("default={peer}")),
                // Nothing here has to survive a power cut.
                ("unsafe-no-fsync", "true".to_owned()),
            ],
        )?;
        self.server(
            "kube-apiserver",
            &[
                ("etcd-servers", etcd),
                ("bind-address", "127.0.0.1".to_owned()),
                ("secure-port", self.port.to_string()),
                ("cert-dir", self.path("pki")),
                ("service-account-key-file", self.path("service-account.key")),
                ("service-account-signing-key-file", self.path("service-account.key")),
                ("service-account-issuer", "https://kubernetes.default.svc".to_owned()),
                ("service-cluster-ip-range", "10.0.0.0/24".to_owned()),
                ("token-auth-file", self.path("tokens.csv")),
                ("authorization-mode", "RBAC".to_owned()),
                ("allow-privileged", "true".to_owned()),
                ("disable-admission-plugins", "ServiceAccount".to_owned()),
                ("endpoint-reconciler-type", "none".to_owned()),
                // For logs of a real node's pods; its name is known to no resolver.
                ("kubelet-preferred-address-types", "InternalIP".to_owned()),
                ("audit-policy-file", self.path("audit-policy.yaml")),
                ("audit-log-path", self.path("audit.log")),
                // In blocking mode an entry is written before the answer leaves; without rotation none is lost.
                ("audit-log-mode", "blocking".to_owned()),
                ("audit-log-maxsize", "4000".to_owned()),
            ],
        )
    }

    fn start_controllers(&mut self) -> Result<(), String> {
        let kubeconfig = |plane: &Self, user: &str| plane.kubeconfig(user, "default", plane.port).display().to_string();
        let (manager, scheduler, kwok) =
            (kubeconfig(self, "kube-controller-manager"), kubeconfig(self, "kube-scheduler"), kubeconfig(self, "kwok"));
        // Without their own ports: nobody asks there, and the default ones would clash with a run beside this one.
        let quick = || [("kube-api-qps", "500".to_owned()), ("kube-api-burst", "1000".to_owned()), ("secure-port", "0".to_owned())];
        let mut flags = vec![
            ("kubeconfig", manager),
            ("service-account-private-key-file", self.path("service-account.key")),
            ("use-service-account-credentials", "false".to_owned()),
            ("leader-elect", "false".to_owned()),
            ("concurrent-deployment-syncs", "10".to_owned()),
            ("concurrent-replicaset-syncs", "20".to_owned()),
        ];
        flags.extend(quick());
        self.server("kube-controller-manager", &flags)?;
        let mut flags = vec![("kubeconfig", scheduler), ("leader-elect", "false".to_owned())];
        flags.extend(quick());
        self.server("kube-scheduler", &flags)?;
        if self.nodes == Nodes::Brought {
            return Ok(());
        }
        self.server(
            "kwok",
            &[
                ("kubeconfig", kwok),
                ("manage-all-nodes", "true".to_owned()),
                ("node-lease-duration-seconds", "40".to_owned()),
                ("cidr", "10.1.0.0/16".to_owned()),
                ("config", self.assets.path("kwok-stages.yaml").display().to_string()),
            ],
        )
    }

    fn apply_basics(&self) -> Result<(), String> {
        let rbac = in_repository("assets/rbac");
        let crds = self.assets.path("crds");
        let nodes = self.path("nodes.yaml");
        let rbac = rbac.display().to_string();
        let mut files = vec!["-f", &rbac];
        let crds = std::fs::read_dir(&crds).map_err(|error| format!("{}: {error}", crds.display()))?;
        let crds = crds.filter_map(|entry| Some(entry.ok()?.path().display().to_string()));
        // Its rules use a function that 1.30 does not have yet; nothing here uses that kind.
        let crds: Vec<String> = crds.filter(|file| self.version != Version::V1_30 || !file.ends_with("_tlsroutes.yaml")).collect();
        files.extend(crds.iter().flat_map(|file| ["-f", file]));
        if self.nodes == Nodes::Played {
            files.extend(["-f", &nodes]);
        }
        // Server-side: Istio's definitions overflow the annotation that the client-side way writes.
        self.kubectl(&[["apply", "--server-side"].as_slice(), files.as_slice()].concat())?;
        // Tried again: to `kubectl wait` a definition whose conditions are still null is an error, not one to wait for.
        let established = ["wait", "--for=condition=Established", "crd", "--all", "--timeout=120s"];
        eventually_sync("every definition established", Duration::from_secs(120), || self.kubectl(&established).map(drop))
    }

    fn server(&mut self, name: &'static str, flags: &[(&str, String)]) -> Result<(), String> {
        let args: Vec<String> = flags.iter().map(|(flag, value)| format!("--{flag}={value}")).collect();
        let log = self.dir.join(format!("{name}.log"));
        let server =
            Supervised::server(&self.assets.path(&self.version.server(name)), &args, &log).map_err(|error| format!("{name}: {error}"))?;
        self.servers.push((name, server));
        Ok(())
    }

    fn await_ready(&mut self, limit: Duration) -> Result<(), String> {
        let mut died = None;
        eventually_sync("/readyz", limit, || {
            died = self.servers.iter_mut().find_map(|(name, server)| {
                let code = server.ended()?;
                let log = server.read_out();
                let tail: Vec<&str> = log.lines().rev().take(8).collect();
                Some(format!("{name} ended with {code}: {}", tail.into_iter().rev().collect::<Vec<_>>().join("\n")))
            });
            if died.is_some() {
                return Ok(());
            }
            match self.kubectl(&["get", "--raw", "/readyz"]) {
                Ok(answer) if answer == "ok" => Ok(()),
                Ok(answer) | Err(answer) => Err(answer),
            }
        })?;
        died.map_or(Ok(()), Err)
    }

    fn path(&self, name: &str) -> String {
        self.dir.join(name).display().to_string()
    }
}
