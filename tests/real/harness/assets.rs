//! Where the real servers are, and what happens when they are not there.

use std::io::Write;
use std::path::{Path, PathBuf};

/// What must be there.
const WANTED: [&str; 21] = [
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kubelet",
    "kube-proxy",
    "kubectl",
    "v1.30/kube-apiserver",
    "v1.30/kube-controller-manager",
    "v1.30/kube-scheduler",
    "v1.32/kubectl",
    "v1.33/kube-apiserver",
    "v1.33/kube-controller-manager",
    "v1.33/kube-scheduler",
    "kwok",
    "prometheus",
    "rollouts-controller",
    "kubectl-argo-rollouts",
    "shop-server",
    "crds",
    "kwok-stages.yaml",
];

/// The folder that `tests/control-plane/build` filled.
#[derive(Debug, Clone)]
pub struct Assets {
    dir: PathBuf,
}

impl Assets {
    /// `None` when `KUBEBUILDER_ASSETS` is not set: the caller leaves its test out, and everybody who runs the tests reads so.
    ///
    /// # Panics
    /// When the folder lacks a file, and when the variable is missing although `CUTOVER_REQUIRE_REAL=1`.
    pub fn find(test: &str) -> Option<Self> {
        let Some(dir) = std::env::var_os("KUBEBUILDER_ASSETS").filter(|dir| !dir.is_empty()) else {
            let required = std::env::var("CUTOVER_REQUIRE_REAL").is_ok_and(|value| value == "1");
            assert!(!required, "CUTOVER_REQUIRE_REAL=1, but KUBEBUILDER_ASSETS is not set: export it as $(tests/control-plane/build)");
            // Past the capture of the test runner: a real half that was left out must never look like one that passed.
            let _ = writeln!(
                std::io::stderr(),
                "LEFT OUT: {test} needs real servers. Run: KUBEBUILDER_ASSETS=$(tests/control-plane/build) cargo test"
            );
            return None;
        };
        let assets = Self { dir: PathBuf::from(dir) };
        for name in WANTED {
            assert!(
                assets.path(name).exists(),
                "KUBEBUILDER_ASSETS={} has no {name}: run tests/control-plane/build and export the folder that it prints",
                assets.dir.display()
            );
        }
        Some(assets)
    }

    /// A program, or one of the files that lie beside them.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }
}

/// A file of this repository, by its path from the root.
pub fn in_repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}
