//! One test's share of the control plane: a namespace and three users who exist only in it.

use std::path::PathBuf;

use kube::Client;
use kube::config::{Config, KubeConfigOptions, Kubeconfig};

use super::audit::{self, Entry};
use super::control_plane::{ControlPlane, User};

/// A namespace of its own.
#[derive(Debug)]
pub struct TestNamespace {
    plane: &'static ControlPlane,
    index: usize,
    /// Its name.
    pub name: String,
}

impl TestNamespace {
    pub(super) async fn create(plane: &'static ControlPlane, prefix: &str, index: usize) -> Self {
        let namespace = Self { plane, index, name: format!("{prefix}-{index}") };
        let name = &namespace.name;
        let binding = |user: User, role: &str| {
            serde_json::json!({
                "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": { "name": role, "namespace": name },
                "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role },
                "subjects": [{ "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user.name(index) }],
            })
        };
        namespace
            .apply(&[
                serde_json::json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } }),
                binding(User::Operator, "cutover-operator"),
                binding(User::Watcher, "cutover-watcher"),
            ])
            .await;
        namespace
    }

    /// This user's name.
    pub fn user(&self, user: User) -> String {
        user.name(self.index)
    }

    /// This user's kubeconfig; its context points at this namespace.
    pub fn kubeconfig(&self, user: User) -> PathBuf {
        self.kubeconfig_through(user, self.plane.port())
    }

    /// The same, through something that listens on `port` of 127.0.0.1 and passes the bytes on.
    pub fn kubeconfig_through(&self, user: User, port: u16) -> PathBuf {
        self.plane.kubeconfig(&user.name(self.index), &self.name, port)
    }

    /// A client of this user.
    pub async fn client(&self, user: User) -> Client {
        client(self.kubeconfig(user)).await
    }

    /// The same, through something that listens on `port` of 127.0.0.1 and passes the bytes on.
    pub async fn client_through(&self, user: User, port: u16) -> Client {
        client(self.kubeconfig_through(user, port)).await
    }

    /// A client of the harness, for what is neither the test's subject nor to be found in its part of the audit log.
    pub async fn harness(&self) -> Client {
        client(self.plane.kubeconfig("harness", "default", self.plane.port())).await
    }

    /// Applies objects as the harness, by server-side apply.
    ///
    /// # Panics
    /// When the API server refuses one.
    pub async fn apply(&self, objects: &[serde_json::Value]) {
        let client = self.harness().await;
        for object in objects {
            super::objects::apply(&client, object).await;
        }
    }

    /// What this user asked of the API server so far, in order.
    pub fn audit(&self, user: User) -> Vec<Entry> {
        audit::read(&self.plane.audit_log(), &user.name(self.index))
    }
}

async fn client(kubeconfig: PathBuf) -> Client {
    let kubeconfig = Kubeconfig::read_from(kubeconfig).expect("our own kubeconfig");
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.expect("our own kubeconfig");
    config.default_retry = false;
    Client::try_from(config).expect("a client of our own control plane")
}
