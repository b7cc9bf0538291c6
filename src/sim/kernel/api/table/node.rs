//! The table of nodes.

use jiff::Timestamp;
use serde_json::Value;

use super::{AGE, Columns, NAME, age, column, or_none, wide};
use crate::sim::kernel::object::Fields;

pub const NODE: Columns = Columns {
    columns: &[
        NAME,
        column("Status", "string"),
        column("Roles", "string"),
        AGE,
        column("Version", "string"),
        wide("Internal-IP", "string"),
        wide("External-IP", "string"),
        wide("OS-Image", "string"),
        wide("Kernel-Version", "string"),
        wide("Container-Runtime", "string"),
    ],
    cells: |node, now| cells(node, now),
};

fn cells(node: &Value, now: Timestamp) -> Vec<Value> {
    let ready = node.items("/status/conditions").iter().find(|c| c.text("/type") == "Ready");
    let mut status = match ready.map(|c| c.text("/status")) {
        Some("True") => "Ready".to_owned(),
        Some(_) => "NotReady".to_owned(),
        None => "Unknown".to_owned(),
    };
    if node.is_true("/spec/unschedulable") {
        status.push_str(",SchedulingDisabled");
    }
    let roles: Vec<&str> = node.labels().keys().filter_map(|key| key.strip_prefix("node-role.kubernetes.io/")).collect();
    let address = |kind: &str| node.items("/status/addresses").iter().find(|a| a.text("/type") == kind).map_or("", |a| a.text("/address"));
    let info = |field: &str| match node.text(&format!("/status/nodeInfo/{field}")) {
        "" => "<unknown>".into(),
        text => text.into(),
    };
    vec![
        node.name().into(),
        status.into(),
        or_none(roles.join(",")),
        age(node, now),
        node.text("/status/nodeInfo/kubeletVersion").into(),
        or_none(address("InternalIP")),
        or_none(address("ExternalIP")),
        info("osImage"),
        info("kernelVersion"),
        info("containerRuntimeVersion"),
    ]
}
