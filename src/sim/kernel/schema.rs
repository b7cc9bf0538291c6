//! What the API's types say about their lists and maps: which are merged entry by entry, and by which key.

use super::{
    Resource,
    resource::{GATEWAY, SERVICE},
};

/// How a list is merged and owned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum List {
    /// As one value.
    Atomic,
    /// As a set of plain values.
    Set,
    /// By these keys; strategic merge patch uses the first one only.
    Keyed(&'static [&'static str]),
}

/// How the list at `path` (field names only) behaves.
pub fn list(resource: &Resource, path: &[&str]) -> List {
    let Some((last, parents)) = path.split_last() else { return List::Atomic };
    match (*last, parents) {
        ("ownerReferences", ["metadata"]) => return List::Keyed(&["uid"]),
        ("finalizers", ["metadata"]) => return List::Set,
        ("conditions", ["status"]) => return List::Keyed(&["type"]),
        ("listeners", ["spec"]) if *resource == GATEWAY => return List::Keyed(&["name"]),
        _ if resource.custom => return List::Atomic,
        _ => {}
    }
    let in_container = parents.last().is_some_and(|parent| parent.ends_with("ontainers"));
    match *last {
        "containers"
        | "initContainers"
        | "ephemeralContainers"
        | "volumes"
        | "env"
        | "imagePullSecrets"
        | "resourceClaims"
        | "schedulingGates" => List::Keyed(&["name"]),
        "ports" if in_container => List::Keyed(&["containerPort", "protocol"]),
        "ports" if *resource == SERVICE && parents == ["spec"] => List::Keyed(&["port", "protocol"]),
        "volumeMounts" => List::Keyed(&["mountPath"]),
        "volumeDevices" => List::Keyed(&["devicePath"]),
        "hostAliases" | "podIPs" => List::Keyed(&["ip"]),
        "topologySpreadConstraints" => List::Keyed(&["topologyKey", "whenUnsatisfiable"]),
        "addresses" if parents == ["status"] => List::Keyed(&["type"]),
        "secrets" if parents.is_empty() => List::Keyed(&["name"]),
        _ => List::Atomic,
    }
}

/// Whether the map at `path` is owned as one value.
pub fn is_atomic(resource: &Resource, path: &[&str]) -> bool {
    let Some((last, parents)) = path.split_last() else { return false };
    if resource.custom {
        return false;
    }
    match *last {
        "selector" => parents == ["spec"],
        "labelSelector" | "namespaceSelector" | "nodeSelector" | "involvedObject" | "fieldRef" | "resourceFieldRef" | "configMapKeyRef"
        | "secretKeyRef" | "targetRef" => true,
        _ => false,
    }
}

/// Fields that are there in an empty object of the type: their being there is nobody's doing.
pub fn is_structural(resource: &Resource, name: &str) -> bool {
    match name {
        "metadata" => true,
        "spec" | "status" | "template" | "strategy" | "updateStrategy" | "containers" | "scaleTargetRef" | "source" => !resource.custom,
        _ => false,
    }
}
