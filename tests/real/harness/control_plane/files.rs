//! What the servers read at their start: tokens, audit policy, nodes.

use super::{COMPONENTS, NAMESPACES, User};

/// A user's bearer token.
pub fn token(user: &str) -> String {
    format!("token-of-{user}")
}

/// Everybody the API server knows.
pub fn tokens() -> String {
    let line = |user: &str, groups: &str| format!("{},{user},{user},\"{groups}\"\n", token(user));
    let components = COMPONENTS.iter().map(|user| line(user, "system:masters"));
    let users = (0..NAMESPACES).flat_map(|index| User::ALL.map(|user| (user, user.name(index))));
    let users = users.map(|(user, name)| line(&name, if user == User::Admin { "system:masters" } else { "" }));
    components.chain(users).collect()
}

/// Every request is logged with its URI; the writes of people also with their bodies, which tell which fields they touch.
pub const AUDIT_POLICY: &str = r#"
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
omitManagedFields: true
rules:
- level: Metadata
  users: [harness, kube-controller-manager, kube-scheduler, kubelet, kube-proxy, kwok, prometheus, "system:apiserver"]
- level: Request
  verbs: [create, update, patch, delete, deletecollection]
- level: Metadata
"#;

/// The machines that kwok plays.
pub fn nodes() -> String {
    let room = "{ cpu: '256', memory: 1Ti, pods: '9000' }";
    let node = |number: u8| {
        format!(
            "apiVersion: v1\nkind: Node\nmetadata:\n  name: node-{number}\n  labels: {{ kubernetes.io/hostname: node-{number}, kubernetes.io/os: linux }}\n\
             status:\n  allocatable: {room}\n  capacity: {room}\n---\n"
        )
    };
    (1..=2).map(node).collect()
}
